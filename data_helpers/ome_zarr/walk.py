"""All levels in one pass: each block of the full resolution is read once.

A block is a unit of work of level 0. It is written, shrunk, and its share of every level is put
into that level's unit of work, where the shares of neighbouring blocks meet. Whoever brings the
last share writes the unit and lets go of it::

    level 0    [ 1 ][ 2 ]  the blocks come in such an order that few units are open at a time:
               [ 3 ][ 4 ]  1 2 3 4, then the four of the next unit of level 1
    level 1    [1 2]       written when the fourth share has come (the eighth in three dimensions)
               [3 4]
    level 2    [....       and so on: one open unit per level, more only where threads overlap

Sums of whole numbers are carried from level to level, not rounded means, so every level is exact.
A window that no block holds as a whole is added up from sums, too; with floats, whose sums depend
on the order, and with modes, such a level is left to the reference, `reduce_region`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Index, chunk_slices
from data_helpers.jobs import ReadableArray
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.kernels import mean_of_sums, sum_dtype, window_sums
from data_helpers.ome_zarr.methods import METHODS, Method, nearest_places

__all__ = ["LevelGrid", "Share", "Walk"]

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
# Called with a level, an index and values, when a unit of work is complete.
Deliver: TypeAlias = Callable[[int, Index, Array], None]


@dataclass(frozen=True)
class LevelGrid:
    """Geometry of one level.

    Attributes
    ----------
    shape : tuple of int
        Of the level.
    unit : tuple of int
        Of its units of work.
    factors : tuple of int
        Voxels of the full resolution per voxel, along each axis.
    """

    shape: Shape
    unit: Shape
    factors: Shape

    @classmethod
    def of(cls, array: ZarrArray, factors: Shape) -> "LevelGrid":
        """Geometry of an array that holds a level."""
        return cls(array.shape, array.shards or array.chunks, factors)


@dataclass(frozen=True)
class Share:
    """What a block has to give to one level.

    Attributes
    ----------
    start : tuple of int
        Where it begins, in voxels of the level.
    values : ndarray
        Final values, or sums that others have to be added to.
    """

    start: Shape
    values: Array


class _Unit:
    """A unit of work that waits for its shares."""

    def __init__(self, array: Array, shares: int, *, of_sums: bool) -> None:
        self.array, self.left, self.of_sums = array, shares, of_sums


class Walk:
    """One pass over the full resolution.

    Parameters
    ----------
    source
        The full resolution.
    grids
        Geometry of the levels, the full resolution first.
    method
        What a voxel says about its window.
    dtype
        Of all levels.

    Attributes
    ----------
    levels : list of int
        Levels that this walk fills; the others are left to `reduce_region`.
    """

    def __init__(
        self,
        source: ReadableArray,
        grids: Sequence[LevelGrid],
        method: Method,
        dtype: np.dtype[Any],
    ) -> None:
        self.source, self.grids, self.method, self.dtype = source, list(grids), method, dtype
        self._sums = method == "mean" and dtype.kind != "f"
        adds_up = self._sums or method == "nearest"
        self.levels = [k for k in range(len(grids)) if adds_up or self._holds_windows(k)]
        self._open: dict[tuple[int, Shape], _Unit] = {}
        self._lock = Lock()

    def blocks(self) -> list[Index]:
        """List the blocks in the order of the walk: those that meet in a unit come together."""
        full = self.grids[0]

        def place(block: Index) -> list[Shape]:
            start = tuple(part.start for part in block)
            return [self._unit_of(k, start) for k in reversed(self.levels)]

        return sorted(chunk_slices(full.shape, full.unit), key=place)

    def units_of(self, block: Index) -> Iterator[tuple[int, Index]]:
        """Go through the units of work, one per level, that a block has a share in."""
        start = tuple(part.start for part in block)
        for k in self.levels:
            yield k, self._index(k, self._unit_of(k, start))

    def take(self, block: Index, wanted: Callable[[int, Index], bool], deliver: Deliver) -> None:
        """Read a block and give every level its share.

        Parameters
        ----------
        block
            One of `blocks`.
        wanted
            Says of a level and a unit of work whether it is still to be written.
        deliver
            Takes each unit of work that this block completes.
        """
        values = np.asarray(self.source[block]).astype(self.dtype, copy=False)
        if wanted(0, block):
            deliver(0, block, values)
        start = tuple(part.start for part in block)
        units = dict(self.units_of(block))
        for k, share in self._shares(values, start):
            if wanted(k, units[k]):
                done = self._put(k, self._unit_of(k, start), share)
                if done is not None:
                    deliver(k, units[k], done)

    def _shares(self, values: Array, start: Shape) -> Iterator[tuple[int, Share]]:
        """Give what a block has for each level above the first."""
        if self._sums:
            yield from self._shares_of_sums(values, start)
            return
        for k in self.levels[1:]:
            factors = self.grids[k].factors
            if self.method == "nearest":
                yield k, self._nearest(k, values, start)
            else:
                begin = tuple(s // f for s, f in zip(start, factors, strict=True))
                yield k, Share(begin, METHODS[self.method](values, factors))

    def _shares_of_sums(self, values: Array, start: Shape) -> Iterator[tuple[int, Share]]:
        """Shrink step by step: sums of a level are sums of sums of the level before."""
        sums, begin, before = values, start, self.grids[0].factors
        for k in self.levels[1:]:
            factors = self.grids[k].factors
            steps = [f // b for f, b in zip(factors, before, strict=True)]
            offset = [b % s for b, s in zip(begin, steps, strict=True)]
            begin = tuple(b // s for b, s in zip(begin, steps, strict=True))
            sums = window_sums(sums, steps, offset, sum_dtype(self.dtype, prod(factors)))
            before = factors
            if self._holds_windows(k):
                yield k, Share(begin, mean_of_sums(sums, values.shape, factors, self.dtype))
            else:
                yield k, Share(begin, sums)

    def _nearest(self, k: int, values: Array, start: Shape) -> Share:
        """Pick the voxels of a level that lie in a block."""
        begin, inside = [], []
        for axis, first in enumerate(start):
            places = nearest_places(self.source.shape[axis], self.grids[k].factors[axis]) - first
            here = np.flatnonzero((places >= 0) & (places < values.shape[axis]))
            begin.append(int(here[0]) if here.size else 0)
            inside.append(places[here])
        return Share(tuple(begin), values[np.ix_(*inside)])

    def _put(self, k: int, unit: Shape, share: Share) -> Array | None:
        """Add a share to its unit; give the unit when it is complete."""
        waiting = self._waiting(k, unit)
        grid = self.grids[k]
        region = tuple(
            slice(b - u * n, b - u * n + length)
            for b, u, n, length in zip(
                share.start, unit, grid.unit, share.values.shape, strict=True
            )
        )
        if not waiting.of_sums:
            waiting.array[region] = share.values
        with self._lock:
            if waiting.of_sums:  # two blocks may add to the same window
                waiting.array[region] += share.values
            waiting.left -= 1
            if waiting.left:
                return None
            del self._open[k, unit]
        if not waiting.of_sums:
            return waiting.array
        inside = [part.stop - part.start for part in self._covered(k, unit)]
        return mean_of_sums(waiting.array, inside, grid.factors, self.dtype)

    def _waiting(self, k: int, unit: Shape) -> _Unit:
        """Find or open a unit."""
        with self._lock:
            if (k, unit) not in self._open:
                shape = [part.stop - part.start for part in self._index(k, unit)]
                of_sums = self._sums and not self._holds_windows(k)
                count = prod(self.grids[k].factors)
                dtype = sum_dtype(self.dtype, count) if of_sums else self.dtype
                blocks = prod(
                    -(-(part.stop - part.start) // block)
                    for part, block in zip(self._covered(k, unit), self.grids[0].unit, strict=True)
                )
                self._open[k, unit] = _Unit(np.zeros(shape, dtype), blocks, of_sums=of_sums)
            return self._open[k, unit]

    def _unit_of(self, k: int, start: Shape) -> Shape:
        """Position of the unit of level k that a block lies in."""
        grid = self.grids[k]
        return tuple(s // (f * u) for s, f, u in zip(start, grid.factors, grid.unit, strict=True))

    def _index(self, k: int, unit: Shape) -> Index:
        """Voxels of level k in one of its units."""
        grid = self.grids[k]
        return tuple(
            slice(p * u, min((p + 1) * u, n))
            for p, u, n in zip(unit, grid.unit, grid.shape, strict=True)
        )

    def _covered(self, k: int, unit: Shape) -> Index:
        """Voxels of the full resolution that one unit of level k stands for."""
        return tuple(
            slice(part.start * f, min(part.stop * f, n))
            for part, f, n in zip(
                self._index(k, unit), self.grids[k].factors, self.grids[0].shape, strict=True
            )
        )

    def _holds_windows(self, k: int) -> bool:
        """Tell whether every window of level k lies in one block."""
        full = self.grids[0]
        return all(
            block >= n or block % f == 0
            for n, block, f in zip(full.shape, full.unit, self.grids[k].factors, strict=True)
        )
