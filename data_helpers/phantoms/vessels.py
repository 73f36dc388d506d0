"""Branching tubes: a tree of straight segments, and the distance of voxels to the nearest one."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from data_helpers.phantoms.noise import Floats, Ranges

__all__ = ["Point", "Tree", "Tube", "chain", "grown_tree", "tube_distance"]

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Tube:
    """A straight piece of vessel: its two ends and its radius, in a volume from -1 to 1."""

    start: Point
    end: Point
    radius: float


@dataclass(frozen=True, eq=False)
class Tree:
    """Tubes that belong together. Two trees are equal only if they are the same object."""

    tubes: tuple[Tube, ...]


def chain(points: Sequence[Point], radius: float) -> list[Tube]:
    """Return tubes that join the points in turn."""
    return [Tube(a, b, radius) for a, b in pairwise(points)]


def _added(a: Point, b: Point, factor: float = 1.0) -> Point:
    return (a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2])


def _unit(a: Point) -> Point:
    length = math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
    return (a[0] / length, a[1] / length, a[2] / length)


def grown_tree(
    chance: random.Random,
    start: Point,
    heading: Point,
    radius: float,
    *,
    centre: Point,
    radii: Point,
    smallest: float = 0.002,
) -> list[Tube]:
    """Grow a vessel over an ellipsoid; it branches, narrows, and sends twigs inwards.

    Parameters
    ----------
    chance : random.Random
        Where its turns come from.
    start, heading : (float, float, float)
        Where it begins and where it tends to.
    radius : float
        Its radius at the beginning.
    centre, radii : (float, float, float)
        The ellipsoid it lies on.
    smallest : float
        It ends when it is narrower than this.
    """
    tubes: list[Tube] = []
    # Each sprout: place, heading, radius, and whether it lies on the surface or dives.
    sprouts = [(start, heading, radius, False)]
    while sprouts:
        place, heading, radius, dives = sprouts.pop()
        if radius < smallest:
            continue
        length = 0.03 + 3 * radius if not dives else 0.012 + 4 * radius
        wobble = (chance.gauss(0, 0.35), chance.gauss(0, 0.35), chance.gauss(0, 0.35))
        heading = _unit(_added(heading, wobble))
        end = _added(place, heading, length)
        scale = _scale(end, centre, radii)
        if not dives:
            end = _added(centre, _added(end, centre, -1.0), 1 / scale)
        elif not 0.45 < scale < 1.1:
            continue
        tubes.append(Tube(place, end, radius))
        sprouts.append((end, heading, radius * 0.93, dives))
        if chance.random() < 0.5:
            turn = (chance.gauss(0, 1), chance.gauss(0, 1), chance.gauss(0, 1))
            inwards = chance.random() < 0.6 or dives
            goal = _added(centre, end, -1.0) if inwards and not dives else heading
            sprouts.append((end, _added(_unit(goal), turn, 0.7), radius * 0.62, inwards))
    return tubes


def _scale(point: Point, centre: Point, radii: Point) -> float:
    """Return by how much an ellipsoid must grow to reach a point."""
    arm = _added(point, centre, -1.0)
    return math.sqrt(sum((a / r) ** 2 for a, r in zip(arm, radii, strict=True)))


def tube_distance(
    tree: Tree,
    axes: Sequence[Floats],
    ranges: Ranges,
    shape: Sequence[int],
    reach: float,
) -> Floats | None:
    """Return how far each voxel of a block is outside the nearest tube, at most `reach`.

    Parameters
    ----------
    tree : Tree
        The tubes.
    axes : sequence of arrays
        The block's coordinates along each axis, from -1 to 1 over the whole.
    ranges : sequence of (int, int)
        The block, in voxels of the whole.
    shape : sequence of int
        The whole, in voxels.
    reach : float
        Where to stop: farther voxels get this value.

    Returns
    -------
    numpy.ndarray or None
        Negative inside; None where no tube comes near the block.
    """
    result: Floats | None = None
    for number, box in _boxes(tree, ranges, tuple(shape), reach):
        if result is None:
            result = np.full([stop - start for start, stop in ranges], reach, np.float32)
        part = result[box]
        near = _distance(tree.tubes[number], [axis[s] for axis, s in zip(axes, box, strict=True)])
        np.minimum(part, near, out=part)
    return result


def _boxes(
    tree: Tree, ranges: Ranges, shape: tuple[int, ...], reach: float
) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield the tubes that come near a block, each with the part of the block it can reach.

    The bounds are voxels of the whole, whatever the block, so two blocks agree on a voxel.
    """
    low, high = _reached(tree, shape, reach)
    start, stop = np.array(ranges).T
    low, high = np.maximum(low, start), np.minimum(high, stop)
    for number in np.flatnonzero((low < high).all(axis=1)).tolist():
        bounds = zip((low[number] - start).tolist(), (high[number] - start).tolist(), strict=True)
        yield number, tuple(slice(a, b) for a, b in bounds)


@lru_cache(maxsize=8)
def _reached(
    tree: Tree, shape: tuple[int, ...], reach: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first voxel, and the one after the last, that each tube can reach."""
    ends = np.array([(tube.start, tube.end) for tube in tree.tubes]).reshape(-1, 2, 3)
    margin = np.array([tube.radius for tube in tree.tubes])[:, None] + reach
    low = np.floor((ends.min(axis=1) - margin + 1) / 2 * shape)
    high = np.ceil((ends.max(axis=1) + margin + 1) / 2 * shape)
    return low.astype(np.int64), high.astype(np.int64)


def _distance(tube: Tube, axes: Sequence[Floats]) -> Floats:
    """Return the distance of grid points to a segment, less its radius."""
    span = [b - a for a, b in zip(tube.start, tube.end, strict=True)]
    square = sum(s * s for s in span)
    offsets = [
        (axis - a).reshape(tuple(-1 if i == number else 1 for i in range(3)))
        for number, (axis, a) in enumerate(zip(axes, tube.start, strict=True))
    ]
    along = offsets[0] * (span[0] / square) + offsets[1] * (span[1] / square)
    along = along + offsets[2] * (span[2] / square)
    np.clip(along, 0, 1, out=along)
    total: Floats | None = None
    for offset, s in zip(offsets, span, strict=True):
        rest = offset - along * s
        rest *= rest
        total = rest if total is None else np.add(total, rest, out=total)
    assert total is not None
    np.sqrt(total, out=total)
    total -= tube.radius
    return total
