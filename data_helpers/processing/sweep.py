"""Each chunk of an input decoded once, though up to 27 regions of the output need it.

Regions are worked on in order, along the first axis last, so that what they need moves through the
array as a slab. A chunk stays in memory from the first region that reads it until no region that is
under way, or still to come, does. Once only the rows of regions behind it need it, its last planes
are all that stays::

      first axis                 . let go of
        |    . . . . . . . .     _ kept: its last planes
        |    . . _ _ _ _ _ _     k kept: all of it
        |    _ _ k # # k k k     # kept, and its region is under way
        v    k k k k k k - -     - not read yet

Where a row of chunks would be too large, the other axes are cut into tiles, and the slab moves
through one tile after the other. Chunks along the borders of tiles are then decoded once per tile.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index
from data_helpers.jobs import ReadableArray

__all__ = ["HELD_BYTES", "SharedReads", "Sweep", "plan_sweep"]

HELD_BYTES = 96 * 2**20  # of decoded chunks that are kept, besides those of regions under way
_CELL = 2**21  # voxels: small chunks are read together, up to this
_LATE = 16  # regions that may end before one whose turn it was

Position = tuple[int, ...]
Key = tuple[Position, Position, Position]
_AFTER_ALL: Position = (sys.maxsize,)


@dataclass(frozen=True)
class Sweep:
    """In which order regions are worked on, and what is read at a time.

    Attributes
    ----------
    shape, depths
        Of the array, and of the halo.
    unit
        Size of a region of the output, along each axis.
    cell
        Size of what is read and kept together: a chunk of the input, or several small ones.
    tile
        Regions of a tile along each axis.
    """

    shape: tuple[int, ...]
    depths: tuple[int, ...]
    unit: tuple[int, ...]
    cell: tuple[int, ...]
    tile: tuple[int, ...]

    @property
    def slowest(self) -> int:
        """The axis along which the slab moves."""
        return next(axis for axis, depth in enumerate(self.depths) if depth)

    def tile_of(self, index: Index) -> Position:
        """Say in which tile a region lies."""
        return tuple(
            part.start // (size * count)
            for part, size, count in zip(index, self.unit, self.tile, strict=True)
        )

    def place_of(self, index: Index) -> Position:
        """Say when a region's turn is: regions are sorted by this."""
        place = tuple(part.start // size for part, size in zip(index, self.unit, strict=True))
        return (*self.tile_of(index), *place)

    def places(self) -> Iterator[Position]:
        """Go through the places of all regions, in order."""
        counts = [ceil(length / size) for length, size in zip(self.shape, self.unit, strict=True)]
        axes = list(zip(counts, self.tile, strict=True))
        for tile in product(*(range(ceil(count / size)) for count, size in axes)):
            inside = (
                range(at * size, min((at + 1) * size, count))
                for at, (count, size) in zip(tile, axes, strict=True)
            )
            yield from ((*tile, *place) for place in product(*inside))

    def extent(self, tile: Position) -> list[tuple[int, int]]:
        """Give all that the regions of a tile read, beyond the array's edges if they wrap."""
        return [
            (at * size * count - depth, min((at + 1) * size * count, length) + depth)
            for at, size, count, depth, length in zip(
                tile, self.unit, self.tile, self.depths, self.shape, strict=True
            )
        ]

    def last_reader(self, tile: Position, stops: Sequence[int]) -> Position:
        """Say when the turn is of the last region of a tile that reads what has these stops."""
        place = tuple(
            min((stop + depth - 1) // size, (at + 1) * count - 1)
            for stop, depth, size, at, count in zip(
                stops, self.depths, self.unit, tile, self.tile, strict=True
            )
        )
        return (*tile, *place)


def plan_sweep(
    array: ReadableArray,
    depths: tuple[int, ...],
    unit: Chunks | None,
    held_bytes: int | None = None,
) -> Sweep | None:
    """Plan how to read an array so that its chunks are decoded as seldom as memory allows.

    Parameters
    ----------
    array
        The input.
    depths
        The halo along each axis.
    unit
        Size of a region of the output.
    held_bytes
        Most bytes of chunks to keep from one region for the next; by default 96 MiB.

    Returns
    -------
    Sweep or None
        None where there is nothing to share: the input is in no chunks, or there is no halo.

    Examples
    --------
    >>> image = zarr.create_array({}, shape=(64, 90, 90), chunks=(8, 8, 8), dtype="u2")
    >>> plan_sweep(image, (2, 2, 2), (32, 32, 32)).tile
    (2, 3, 3)
    >>> plan_sweep(image, (2, 2, 2), (32, 32, 32), held_bytes=400_000).tile
    (2, 2, 2)
    """
    if not isinstance(array, zarr.Array) or not any(depths) or unit is None:
        return None
    if not all(isinstance(size, int) for size in unit):
        return None
    sizes = tuple(int(size) for size in unit)  # type: ignore[arg-type]
    cell = _cell(array.chunks, sizes)
    whole = [ceil(length / size) for length, size in zip(array.shape, sizes, strict=True)]
    cuts = [1] * len(whole)
    limit = HELD_BYTES if held_bytes is None else held_bytes

    def plan() -> Sweep:
        tile = [ceil(count / cut) for count, cut in zip(whole, cuts, strict=True)]
        return Sweep(tuple(array.shape), depths, sizes, cell, tuple(tile))

    while _held_voxels(plan()) * array.dtype.itemsize > limit:
        tile, others = plan().tile, range(plan().slowest + 1, len(whole))
        longest = max(others, key=lambda axis: tile[axis] * sizes[axis], default=None)
        if longest is None or tile[longest] == 1:
            break
        cuts[longest] += 1
    return plan()


def _cell(chunks: Sequence[int], unit: Sequence[int]) -> tuple[int, ...]:
    """Small chunks together, as many as fit into a region, the last axes first."""
    cell = list(chunks)
    for axis in reversed(range(len(cell))):
        many = min(unit[axis] // chunks[axis], _CELL // prod(cell))
        cell[axis] *= max(1, many)
    return tuple(cell)


def _held_voxels(sweep: Sweep) -> int:
    """Count what is kept from row to row, as wide as a tile: cells, and last planes twice."""
    extents = []
    for axis, (length, depth, cell) in enumerate(
        zip(sweep.shape, sweep.depths, sweep.cell, strict=True)
    ):
        if axis < sweep.slowest:
            extents.append(cell)
        elif axis == sweep.slowest:
            ahead = ceil(depth / cell) * cell
            extents.append(min(ahead + min(2 * depth, ahead), length))
        else:
            extents.append(min(sweep.tile[axis] * sweep.unit[axis] + 2 * depth, length))
    return prod(extents)


class SharedReads:
    """Read an array for many regions at once; a cell that several need is decoded once.

    Threads share what is kept. In another process every job has its own copy of this, keeps
    nothing, and reads for itself.

    Parameters
    ----------
    array
        The input.
    sweep
        The plan, or None to read each region for itself.
    """

    def __init__(self, array: ReadableArray, sweep: Sweep | None) -> None:
        self.array = array
        self.sweep = sweep
        self._lock = threading.Lock()
        self._kept: dict[Key, Future[NDArray[Any]]] = {}
        self._last: dict[Key, Position] = {}
        self._under_way: list[Position] = []
        # The first region that has not ended, and those after it that have.
        self._places = iter(()) if sweep is None else sweep.places()
        self._frontier: Position = next(self._places, _AFTER_ALL)
        self._ended: set[Position] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedReads, (self.array, None)

    @contextmanager
    def for_region(self, index: Index) -> Iterator[Callable[[Index, Position, Any], None]]:
        """Read for one region.

        Parameters
        ----------
        index
            The region.

        Yields
        ------
        callable
            Takes an index of the array, how far that is from where the region thinks it is (turns
            around the array, in voxels), and an array to read into.
        """
        if self.sweep is None:
            yield self._read_alone
            return
        sweep, tile, place = self.sweep, self.sweep.tile_of(index), self.sweep.place_of(index)
        with self._lock:
            self._under_way.append(place)
            self._let_go()

        def read(source: Index, offset: Position, target: Any) -> None:
            for cell, part, inside in _overlaps(source, sweep.cell, sweep.shape):
                starts, values = self._cell(sweep, tile, cell, offset, part[sweep.slowest].start)
                here = tuple(
                    slice(p.start - start, p.stop - start)
                    for p, start in zip(part, starts, strict=True)
                )
                target[inside] = values[here]

        try:
            yield read
        finally:
            with self._lock:
                self._under_way.remove(place)
                self._note_end(place)

    def _read_alone(self, source: Index, _offset: Position, target: Any) -> None:
        target[...] = np.asarray(self.array[source])

    def _note_end(self, place: Position) -> None:
        """Move the frontier past regions that have ended.

        A thread may be late to begin a region, so that others end before: it is waited for. But
        not for ever, since a run that goes on from a manifest leaves regions out.
        """
        if place >= self._frontier:
            self._ended.add(place)
        while self._frontier in self._ended or len(self._ended) > _LATE:
            self._ended.discard(self._frontier)
            self._frontier = next(self._places, _AFTER_ALL)

    def _let_go(self) -> None:
        """Drop cells whose last reader lies before all regions that may still come."""
        first = min(self._frontier, *self._under_way)
        for key in [key for key, last in self._last.items() if last < first]:
            del self._last[key], self._kept[key]

    def _cell(
        self, sweep: Sweep, tile: Position, cell: Index, offset: Position, first: int
    ) -> tuple[Position, NDArray[Any]]:
        """Give what the tile needs of a cell, from some plane on, and where that begins.

        Two parts of a cell are kept: all of it, and the last planes, which lie in the halo of the
        regions behind it. A region that needs no plane before those gets the last planes.
        """
        axis = sweep.slowest
        box = [
            slice(max(c.start, start - shift), min(c.stop, stop - shift))
            for c, (start, stop), shift in zip(cell, sweep.extent(tile), offset, strict=True)
        ]
        begin, end = box[axis].start, box[axis].stop
        deep = 2 * sweep.depths[axis] >= end - begin  # then two parts would be more than one
        tail = begin if deep else end - sweep.depths[axis]
        wanted = tail if first >= tail else begin

        def key(start: int) -> Key:
            return tile, tuple(start if a == axis else p.start for a, p in enumerate(box)), offset

        mine: dict[int, Future[NDArray[Any]]] = {}
        with self._lock:
            found = self._kept.get(key(wanted))
            if found is None:
                # Where each part begins, and where that ends which only this part has.
                for start, own_end in {begin: tail, tail: end}.items():
                    stops = [p.stop + shift for p, shift in zip(box, offset, strict=True)]
                    stops[axis] = own_end + offset[axis]
                    if key(start) not in self._kept:
                        self._kept[key(start)] = mine[start] = Future()
                        self._last[key(start)] = sweep.last_reader(tile, stops)
        if found is not None:
            return key(wanted)[1], found.result()
        try:
            values = np.asarray(self.array[tuple(box)])
            for start, future in mine.items():
                planes = (slice(None),) * axis + (slice(start - begin, None),)
                future.set_result(values if start == begin else values[planes].copy())
        except BaseException as error:
            for start, future in mine.items():
                if not future.done():
                    future.set_exception(error)
                with self._lock:
                    self._kept.pop(key(start), None)
                    self._last.pop(key(start), None)
            raise
        return key(wanted)[1], mine[wanted].result()


def _overlaps(
    source: Index, cell: Sequence[int], shape: Sequence[int]
) -> Iterator[tuple[Index, Index, Index]]:
    """Go through the cells a region touches: each, the part of it, and that part's place."""
    per_axis = [
        [
            (
                slice(at * size, min((at + 1) * size, length)),
                slice(max(part.start, at * size), min(part.stop, (at + 1) * size)),
            )
            for at in range(part.start // size, (part.stop - 1) // size + 1)
        ]
        for part, size, length in zip(source, cell, shape, strict=True)
    ]
    for pairs in product(*per_axis):
        parts = tuple(part for _, part in pairs)
        inside = tuple(
            slice(p.start - s.start, p.stop - s.start) for p, s in zip(parts, source, strict=True)
        )
        yield tuple(whole for whole, _ in pairs), parts, inside
