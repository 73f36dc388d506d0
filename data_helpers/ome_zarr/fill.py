"""Fill the levels of an image: one job per block of the walk, or per unit the walk leaves out."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

from numpy.typing import NDArray

from data_helpers.grid import Index
from data_helpers.jobs import (
    ChunkError,
    ReadableArray,
    all_chunk_indices,
    fast_to_read,
    inline,
)
from data_helpers.jobs.arrays import ZarrArray, in_memory, local_directory
from data_helpers.jobs.guards import check_not_in_place
from data_helpers.jobs.job import Job, crc32
from data_helpers.jobs.run import Workers
from data_helpers.ome_zarr.encoded import copy_encoded, same_encoding
from data_helpers.ome_zarr.plan import Plan
from data_helpers.ome_zarr.records import Record, records
from data_helpers.ome_zarr.reduce import reduce_region
from data_helpers.ome_zarr.walk import LevelGrid, Walk

__all__ = ["fill_levels"]

# What a job has written: level, index and checksum of each unit of work.
Written: TypeAlias = list[tuple[int, Index, int]]


def fill_levels(
    source: ReadableArray,
    levels: Sequence[ZarrArray],
    plan: Plan,
    *,
    n_jobs: int,
    progress: bool,
    manifest: str | os.PathLike[str] | None,
) -> None:
    """Fill all levels, in one pass over the source as far as its blocks allow.

    Parameters
    ----------
    source
        The full resolution.
    levels
        The arrays to fill.
    plan
        Factors and method.
    n_jobs, progress, manifest
        As for `write_multiscale`.
    """
    for level in levels:
        check_not_in_place(source, level)
    outputs = [inline(level.with_config({"write_empty_chunks": True})) for level in levels]
    with records(manifest, source, outputs, plan) as notes:
        filling = _Filling(source, outputs, plan, notes, with_checksums=manifest is not None)
        Workers(n_jobs, None, progress).run(filling.jobs(), filling.note)
        for record in notes:
            record.finish()


class _Filling:
    """What all jobs of one run share."""

    def __init__(
        self,
        source: ReadableArray,
        outputs: Sequence[ZarrArray],
        plan: Plan,
        notes: Sequence[Record],
        *,
        with_checksums: bool,
    ) -> None:
        self.outputs, self.plan, self.notes = outputs, plan, notes
        self.with_checksums = with_checksums
        self.source = fast_to_read(source)
        # Copying takes a second read, besides the one to be decoded: not over a network.
        near = in_memory(source) or local_directory(source) is not None
        self.as_stored: Any = source if near and same_encoding(source, outputs[0]) else None
        grids = [LevelGrid.of(*pair) for pair in zip(outputs, plan.factors, strict=True)]
        self.walk = Walk(self.source, grids, plan.method, plan.dtype)

    def jobs(self) -> list[Job]:
        """List a job per block of the walk, then one per unit of the levels it leaves out."""
        blocks: list[Job] = [
            (self._take_block, (block,), {})
            for block in self.walk.blocks()
            if any(self._wanted(*unit) for unit in self.walk.units_of(block))
        ]
        units: list[Job] = [
            (self._reduce_unit, (level, index), {})
            for level in range(len(self.outputs))
            if level not in self.walk.levels
            for index in all_chunk_indices(self.outputs[level])
            if self._wanted(level, index)
        ]
        return blocks + units

    def note(self, _: int, written: Written) -> None:
        """Note what a job has written, now that it has ended."""
        for level, index, checksum in written:
            self.notes[level].add(index, checksum)

    def _wanted(self, level: int, index: Index) -> bool:
        return self.notes[level].wanted(index)

    def _take_block(self, block: Index) -> Written:
        """Read one block, and write all units of work that are complete with it."""
        written: Written = []
        try:
            self.walk.take(block, self._wanted, partial(self._write, written))
        except ChunkError:
            raise
        except Exception as error:
            raise ChunkError(block, "computing", error) from error
        return written

    def _reduce_unit(self, level: int, index: Index) -> Written:
        """Compute one unit of work from the full resolution, and write it."""
        factors, written = self.plan.factors[level], Written()
        try:
            values = reduce_region(
                index, source=self.source, factors=factors, method=self.plan.method
            )
        except Exception as error:
            raise ChunkError(index, "computing", error) from error
        self._write(written, level, index, values.astype(self.plan.dtype, copy=False))
        return written

    def _write(self, written: Written, level: int, index: Index, values: NDArray[Any]) -> None:
        """Write a unit of work; level 0 as the source has it stored, where that is the same."""
        output = self.outputs[level]
        try:
            copied = level == 0 and self.as_stored is not None
            if not (copied and copy_encoded(self.as_stored, output, index)):
                output[index] = values
        except Exception as error:
            raise ChunkError(index, "writing", error) from error
        written.append((level, index, crc32(values) if self.with_checksums else 0))
