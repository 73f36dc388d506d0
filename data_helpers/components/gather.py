"""Merging while chunks come in, in any order: faces stay only until their neighbours are there."""

from collections.abc import Sequence

from data_helpers.components.merge import (
    Joined,
    Numbering,
    Offset,
    Place,
    join,
    merge,
    offsets_after,
)
from data_helpers.components.pieces import Pieces

__all__ = ["Gathering"]


class Gathering:
    """Take the pieces of chunks, one chunk after the other, and number all objects at the end.

    Chunks that come in C order leave the faces of about one layer of chunks in memory.

    Parameters
    ----------
    grid
        The number of chunks along each axis.
    connectivity
        As `label_block`.

    Examples
    --------
    >>> import numpy as np
    >>> from data_helpers.components.pieces import find_pieces
    >>> gathering = Gathering((2,), connectivity=1)
    >>> for place, block in enumerate(np.array([[0, 1], [1, 0]])):
    ...     pieces = find_pieces(block, origin=(2 * place,), shape=(4,), connectivity=1)
    ...     gathering.add((place,), pieces)
    >>> gathering.numbering().count
    1
    """

    def __init__(self, grid: Sequence[int], connectivity: int) -> None:
        self.grid = tuple(grid)
        self.connectivity = connectivity
        self._after = offsets_after(len(self.grid), connectivity)
        self._joined: dict[Place, Joined] = {}
        self._waiting: dict[Place, Pieces] = {}  # with faces, for neighbours yet to come

    def add(self, place: Place, pieces: Pieces) -> None:
        """Take the pieces of the chunk at one place of the grid."""
        self._waiting[place] = pieces
        self._joined[place] = Joined(pieces.first, pieces.weights, {})
        for offset in self._after:
            self._join(_moved(place, offset, -1), offset, place)
            self._join(place, offset, _moved(place, offset, 1))
        for other in (place, *self._around(place)):
            if all(near in self._joined for near in self._around(other)):
                self._waiting.pop(other, None)

    def numbering(self) -> Numbering:
        """Give numbers to the objects of all chunks that were taken."""
        return merge(self._joined, self.grid)

    def _join(self, place: Place, offset: Offset, other: Place) -> None:
        """Join two neighbours, if both are there."""
        if place in self._waiting and other in self._waiting:
            here, there = self._waiting[place], self._waiting[other]
            pairs = join(here, {offset: there}, self.connectivity).pairs
            known = self._joined[place]
            self._joined[place] = Joined(known.first, known.weights, {**known.pairs, **pairs})

    def _around(self, place: Place) -> list[Place]:
        """Neighbours of a chunk inside the grid, before and after it."""
        moved = [_moved(place, offset, way) for offset in self._after for way in (-1, 1)]
        return [
            near
            for near in moved
            if all(0 <= at < count for at, count in zip(near, self.grid, strict=True))
        ]


def _moved(place: Place, offset: Offset, way: int) -> Place:
    """Give the place of a neighbour."""
    return tuple(at + way * step for at, step in zip(place, offset, strict=True))
