"""The parts of the synthetic heart: where they are, in a volume from -1 to 1 along each axis."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data_helpers.phantoms.blocks import Ranges
from data_helpers.phantoms.noise import Floats, octave
from data_helpers.phantoms.shapes import ellipsoid, smooth_union
from data_helpers.phantoms.vessels import Point, Tree, Tube, chain, grown_tree, tube_distance

__all__ = ["Heart", "heart_in", "may_hold_heart", "swelling"]

# The heart lies askew in its container: its own axes are a (from apex to base), b (from the
# right to the left side) and c. The three rows are orthonormal.
_FRAME = (
    (-0.450586, -0.350456, 0.821068),
    (-0.040086, -0.910854, -0.410777),
    (0.891833, -0.218004, 0.396370),
)
# No part of the heart lies outside this box (a test looks).
_BOX = ((-0.8, 0.7), (-0.85, 0.75), (-0.95, 1.0))
# Centres and radii in the heart's own axes.
_LEFT_VENTRICLE = (-0.16, 0.10, 0.0), (0.56, 0.34, 0.34)
_RIGHT_VENTRICLE = (-0.08, -0.18, 0.10), (0.46, 0.33, 0.32)
_LEFT_ATRIUM = (0.42, 0.20, -0.12), (0.22, 0.25, 0.24)
_RIGHT_ATRIUM = (0.40, -0.26, -0.02), (0.25, 0.22, 0.26)
_LEFT_CHAMBER = (-0.10, 0.10, 0.0), (0.42, 0.17, 0.17)
_SURFACE = (-0.14, -0.02, 0.04), (0.575, 0.42, 0.36)
_ATRIAL_WALL, _RIGHT_WALL, _VESSEL_WALL = 0.035, 0.065, 0.022


@dataclass(frozen=True, kw_only=True)
class Heart:
    """How far each voxel of a block is outside each part of the heart.

    Attributes
    ----------
    place : list of arrays
        Coordinates along the heart's own axes a, b and c.
    fat, walls, muscle, chambers : arrays
        The fat around the ventricles; atria and great vessels; the ventricles; what is hollow.
    depth : array
        The same for the left ventricle alone: the muscle's layers follow it.
    coronaries : array or None
        The vessels that feed the muscle; None where there is none near.
    """

    place: list[Floats]
    fat: Floats
    walls: Floats
    muscle: Floats
    depth: Floats
    chambers: Floats
    coronaries: Floats | None


def may_hold_heart(axes: Sequence[Floats]) -> bool:
    """Tell whether a block touches the box that holds the heart."""
    return all(
        axis[-1] >= low and axis[0] <= high for axis, (low, high) in zip(axes, _BOX, strict=True)
    )


def heart_in(
    axes: Sequence[Floats],
    ranges: Ranges,
    shape: Sequence[int],
    seed: int,
    swell: Sequence[Floats],
    rough: Floats,
) -> Heart:
    """Return the heart's parts as distances.

    Parameters
    ----------
    axes : sequence of arrays
        The block's coordinates along x, y and z.
    ranges, shape : sequences
        The block and the whole, in voxels.
    seed : int
        Shapes the coronary tree.
    swell : sequence of three arrays
        Slow noise that bends the shapes, so that nothing is an exact ellipsoid.
    rough : array
        Quicker noise, which roughens the chambers.
    """
    place = _own_axes(axes, swell)
    left = ellipsoid(place, *_LEFT_VENTRICLE)
    right = ellipsoid(place, *_RIGHT_VENTRICLE)
    muscle = smooth_union(left, right, 0.08)
    atria = np.minimum(ellipsoid(place, *_LEFT_ATRIUM), ellipsoid(place, *_RIGHT_ATRIUM))
    voxel = 2 / max(shape)
    # Beyond its reach a vessel must not show, nor its wall, nor the fading of either.
    great = tube_distance(_great_vessels(), axes, ranges, shape, _VESSEL_WALL + voxel)
    # The right ventricle is wrapped around the left one, whose wall is the septum.
    chambers = np.maximum(right + _RIGHT_WALL, 0.012 - left)
    np.minimum(chambers, ellipsoid(place, *_LEFT_CHAMBER) + swell[2] * 0.03, out=chambers)
    chambers += np.abs(rough) * 0.02
    np.minimum(chambers, atria + _ATRIAL_WALL, out=chambers)
    if great is not None:
        np.minimum(chambers, great + _VESSEL_WALL, out=chambers)
    return Heart(
        place=place,
        fat=_fat(place[0], muscle, atria, swell),
        walls=atria if great is None else np.minimum(atria, great),
        muscle=muscle,
        depth=left,
        chambers=chambers,
        coronaries=tube_distance(_coronaries(seed, 0.4 * voxel), axes, ranges, shape, voxel),
    )


def _own_axes(axes: Sequence[Floats], swell: Sequence[Floats]) -> list[Floats]:
    """Turn x, y and z, bent a little, into the heart's own axes."""
    bent: list[Floats] = [
        axis.reshape(tuple(-1 if i == number else 1 for i in range(3))) + noise * amount
        for number, (axis, noise, amount) in enumerate(
            zip(axes, swell, (0.06, 0.05, 0.05), strict=True)
        )
    ]
    place: list[Floats] = []
    for row in _FRAME:
        total = bent[0] * row[0]
        total += bent[1] * row[1]
        total += bent[2] * row[2]
        place.append(total)
    return place


def _fat(height: Floats, muscle: Floats, atria: Floats, swell: Sequence[Floats]) -> Floats:
    """Return the fat: around the ventricles, thickest in the groove below the atria."""
    groove = height - 0.26
    groove *= 1 / 0.16
    groove *= groove
    np.subtract(1, groove, out=groove)
    np.maximum(groove, 0, out=groove)
    fat = smooth_union(muscle, atria + 0.05, 0.12)
    fat -= groove * 0.06
    fat -= (swell[0] + swell[2]) * 0.035
    fat -= 0.035
    return fat


def _along(a: float, b: float, c: float) -> Point:
    """Turn a point in the heart's own axes into x, y, z."""
    x, y, z = (a * p + b * q + c * r for p, q, r in zip(*_FRAME, strict=True))
    return (x, y, z)


@lru_cache(maxsize=1)
def _great_vessels() -> Tree:
    """Return aorta with its arch, pulmonary trunk, the two caval and two pulmonary veins."""
    turns = [step * math.pi / 9 for step in range(1, 9)]
    arch = [
        _along(0.34 + 0.40 * math.sin(t), 0.13 - 0.17 * math.cos(t), 0.08 - 0.12 * t) for t in turns
    ]
    right, left = (0.40, -0.30, -0.05), (0.44, 0.24, -0.14)
    lines: list[tuple[float, list[tuple[float, float, float]]]] = [
        (0.080, [(0.15, -0.16, 0.26), (0.36, -0.10, 0.30), (0.55, 0.06, 0.26), (0.66, 0.28, 0.14)]),
        (0.070, [right, (0.62, -0.33, -0.10), (0.95, -0.30, -0.14)]),
        (0.065, [right, (0.20, -0.44, -0.28), (0.05, -0.52, -0.42)]),
        (0.045, [left, (0.52, 0.46, -0.22), (0.56, 0.62, -0.26)]),
        (0.040, [left, (0.40, 0.40, -0.36), (0.40, 0.52, -0.50)]),
    ]
    tubes = chain([_along(0.12, -0.02, 0.02), *arch], 0.085)
    for radius, points in lines:
        tubes += chain([_along(*point) for point in points], radius)
    return Tree(tuple(tubes))


@lru_cache(maxsize=8)
def _coronaries(seed: int, narrowest: float) -> Tree:
    """Return the coronary vessels that are wide enough to show."""
    return Tree(tuple(tube for tube in _coronary_tree(seed) if tube.radius >= narrowest))


@lru_cache(maxsize=8)
def _coronary_tree(seed: int) -> tuple[Tube, ...]:
    chance = random.Random(seed)  # noqa: S311 (an organ, not a secret)
    tubes: list[Tube] = []
    centre, radii = _SURFACE
    for angle in (0.3, 1.9, 3.6, 5.0):
        root = (0.26, centre[1] + 0.27 * math.cos(angle), centre[2] + 0.25 * math.sin(angle))
        heading = (-0.8, -0.4 * math.sin(angle), 0.4 * math.cos(angle))
        tubes += grown_tree(chance, root, heading, 0.021, centre=centre, radii=radii)
    return tuple(Tube(_along(*tube.start), _along(*tube.end), tube.radius) for tube in tubes)


def swelling(seed: int, ranges: Ranges, shape: Sequence[int]) -> list[Floats]:
    """Return three slow noises, which bend the shapes."""
    return [
        octave(seed + 100 * number, ranges, shape, (cells,) * 3)
        for number, cells in enumerate((3, 4, 5))
    ]
