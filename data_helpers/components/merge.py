"""Pieces that touch across chunk borders are one object: pairs, and who belongs to whom.

::

    faces     |A B|      plane of A: 0 1 1 0 2      pairs of pieces, connectivity 1: (1, 1) (2, 3)
              |   |      plane of B: 0 1 0 2 3      with connectivity 2 also (1, 2), and (2, 2)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_helpers.components.pieces import Face, Pieces

__all__ = ["Joined", "Numbering", "Offset", "Place", "join", "merge", "offsets_after"]

Place: TypeAlias = tuple[int, ...]  # of a chunk in the grid of chunks
Offset: TypeAlias = tuple[int, ...]  # from a chunk to one of its neighbours: -1, 0 or 1 per axis


@dataclass(frozen=True)
class Joined:
    """What merging needs of one chunk, without its faces.

    Attributes
    ----------
    first, weights : ndarray of int64
        As in `Pieces`.
    pairs : mapping of offset to ndarray
        For each neighbour the pairs that touch: number of the piece here, number there.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.int64]
    pairs: Mapping[Offset, NDArray[np.int64]]


@dataclass(frozen=True)
class Numbering:
    """Which object every piece belongs to.

    Attributes
    ----------
    starts : ndarray of int64
        Where the pieces of each chunk begin in `numbers`; in the shape of the grid of chunks.
    numbers : ndarray of int64
        The number of the object of each piece, from 1, in the order of the objects' first voxels.
    weights : ndarray of int64
        For each object the sum over its pieces.
    """

    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]
    weights: NDArray[np.int64]

    @property
    def count(self) -> int:
        """The number of objects."""
        return len(self.weights)

    def of(self, place: Place, count: int) -> NDArray[np.int64]:
        """Give the objects of the pieces of one chunk; background, piece 0, stays 0."""
        start = self.starts[place]
        return np.concatenate([[0], self.numbers[start : start + count]])


def offsets_after(dimensions: int, connectivity: int) -> list[Offset]:
    """List the neighbours of a chunk that come after it in C order and may share an object with it.

    Parameters
    ----------
    dimensions
        Number of axes.
    connectivity
        As `label_block`: 1 for faces only; with 2, objects also cross the edges of chunks.

    Returns
    -------
    list of tuple of int
        One offset per neighbour. Each two neighbours meet once.

    Examples
    --------
    >>> offsets_after(2, 1)
    [(0, 1), (1, 0)]
    >>> offsets_after(2, 2)
    [(0, 1), (1, -1), (1, 0), (1, 1)]
    """
    none = (0,) * dimensions
    return [offset for offset in _steps(dimensions, connectivity) if offset > none]


def join(pieces: Pieces, neighbours: Mapping[Offset, Pieces], connectivity: int) -> Joined:
    """Find which pieces of a chunk touch pieces of its neighbours.

    Parameters
    ----------
    pieces
        Of the chunk.
    neighbours
        Of the neighbours that come after it, by offset.
    connectivity
        As `label_block`.

    Returns
    -------
    Joined
        The pairs, without the faces.

    Examples
    --------
    >>> from data_helpers.components.pieces import find_pieces
    >>> whole = {"shape": (4,), "connectivity": 1}
    >>> left = find_pieces(np.array([1, 1]), origin=(0,), **whole)
    >>> right = find_pieces(np.array([1, 0]), origin=(2,), **whole)
    >>> join(left, {(1,): right}, 1).pairs
    {(1,): array([[1, 1]])}
    """
    pairs = {
        offset: _touching(
            _side(pieces, offset),
            _side(other, tuple(-step for step in offset)),
            connectivity - sum(map(abs, offset)),
        )
        for offset, other in neighbours.items()
    }
    return Joined(pieces.first, pieces.weights, pairs)


def merge(joined: Mapping[Place, Joined], grid: Sequence[int]) -> Numbering:
    """Tell which pieces of all chunks are one object, and number the objects.

    Parameters
    ----------
    joined
        What `join` gave for every chunk, by place.
    grid
        The number of chunks along each axis.

    Returns
    -------
    Numbering
        In the order of the objects' first voxels, so that chunks do not matter.

    Examples
    --------
    Piece 1 of the first chunk touches piece 1 of the second, which has another one as well:

    >>> one, two = np.array([1]), np.array([2, 3])
    >>> first = Joined(one, one, {(1,): np.array([[1, 1]])})
    >>> merge({(0,): first, (1,): Joined(two, one.repeat(2), {})}, (2,))
    Numbering(starts=array([0, 1]), numbers=array([1, 1, 2]), weights=array([2, 1]))
    """
    starts = np.zeros(tuple(grid), np.int64)
    pieces = 0
    for place, part in joined.items():
        starts[place] = pieces
        pieces += len(part.first)
    here, there = _all_pairs(joined, starts)
    links = coo_array((np.ones(len(here), bool), (here, there)), shape=(pieces, pieces))
    count, group = connected_components(links, directed=False)
    first = _chained(part.first for part in joined.values())
    first_of_group = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first_of_group, group, first)
    number = np.empty(count, np.int64)
    number[np.argsort(first_of_group)] = np.arange(1, count + 1)
    numbers = number[group]
    weights = np.zeros(count + 1, np.int64)
    np.add.at(weights, numbers, _chained(part.weights for part in joined.values()))
    return Numbering(starts, numbers, weights[1:])


def _all_pairs(
    joined: Mapping[Place, Joined], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of pieces, counted through all chunks from 0."""
    pairs = [np.empty((0, 2), np.int64)]
    for place, part in joined.items():
        for offset, found in part.pairs.items():
            other = tuple(at + step for at, step in zip(place, offset, strict=True))
            pairs.append(found + np.array([starts[place] - 1, starts[other] - 1]))
    both = np.concatenate(pairs)
    return both[:, 0], both[:, 1]


def _chained(parts: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Put arrays one behind the other, also if there is none."""
    return np.concatenate([np.empty(0, np.int64), *parts])


def _steps(dimensions: int, most: int) -> Iterator[Offset]:
    """List the steps to all around a voxel or chunk, itself included, as connectivity says."""
    for step in product((-1, 0, 1), repeat=dimensions):
        if sum(map(abs, step)) <= most:
            yield step


def _side(pieces: Pieces, offset: Offset) -> Face:
    """Give what a chunk shows a neighbour: a plane; a line or voxel across an edge or corner."""
    axis = next(axis for axis, step in enumerate(offset) if step)
    plane = pieces.faces[axis][offset[axis] > 0]
    rest: Sequence[int] = offset[:axis] + offset[axis + 1 :]
    index: Any = tuple(slice(None) if step == 0 else min(-step, 0) for step in rest)
    return np.asarray(plane[index])


def _touching(here: Face, there: Face, reach: int) -> NDArray[np.int64]:
    """Pairs of pieces that touch, where voxels may differ in so many more coordinates."""
    found = [np.empty((0, 2), np.int64)]
    for step in _steps(here.ndim, reach):
        one, two = (part.ravel() for part in _shifted(here, there, step))
        both = (one > 0) & (two > 0)
        pairs = np.stack([one[both], two[both]], axis=1).astype(np.int64)
        found.append(pairs)
    return np.unique(np.concatenate(found), axis=0)


def _shifted(here: Face, there: Face, step: Offset) -> tuple[Any, Any]:
    """Lay two planes over one another, the second moved by a step, and cut off what stands out."""
    one = tuple(slice(max(-by, 0), None if by <= 0 else -by) for by in step)
    two = tuple(slice(max(by, 0), None if by >= 0 else by) for by in step)
    return here[one], there[two]
