"""Fill the levels of an image: jobs, records of what is done, and what an earlier run has left."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from dask.base import tokenize
from numpy.typing import NDArray

from data_helpers.grid import Index
from data_helpers.jobs import ChunkError, ReadableArray, all_chunk_indices, fast_to_read
from data_helpers.jobs.arrays import ZarrArray, local_directory
from data_helpers.jobs.guards import check_not_in_place, index_text
from data_helpers.jobs.identity import identity_of
from data_helpers.jobs.job import Job, crc32
from data_helpers.jobs.manifest import Manifest
from data_helpers.jobs.run import Workers
from data_helpers.jobs.stored import stored
from data_helpers.ome_zarr.plan import Plan
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
    readable = fast_to_read(source)
    outputs = [level.with_config({"write_empty_chunks": True}) for level in levels]
    grids = [LevelGrid.of(*pair) for pair in zip(levels, plan.factors, strict=True)]
    walk = Walk(readable, grids, plan.method, plan.dtype)
    with _records(manifest, source, outputs, plan) as records:
        done = [_still_done(*pair) for pair in zip(records, outputs, strict=True)]

        def wanted(level: int, index: Index) -> bool:
            return index_text(index) not in done[level]

        def collect(_: int, written: Written) -> None:
            for level, index, checksum in written:
                if (record := records[level]) is not None:
                    record.add(index, checksum)

        checks = manifest is not None
        jobs: list[Job] = [
            (_walk_job, (walk, block, wanted, outputs, checks), {})
            for block in walk.blocks()
            if any(wanted(*unit) for unit in walk.units_of(block))
        ]
        jobs += [
            (_region_job, (partial(_reduced, readable, plan, k), k, index, outputs[k], checks), {})
            for k in range(len(levels))
            if k not in walk.levels
            for index in all_chunk_indices(outputs[k])
            if wanted(k, index)
        ]
        Workers(n_jobs, None, progress).run(jobs, collect)
        for record in records:
            if record is not None:
                record.finish()


def _walk_job(
    walk: Walk,
    block: Index,
    wanted: Callable[[int, Index], bool],
    outputs: Sequence[ZarrArray],
    checks: bool,
) -> Written:
    """Read one block, and write all units of work that are complete with it."""
    written: Written = []

    def deliver(level: int, index: Index, values: NDArray[Any]) -> None:
        written.append((level, index, _write(outputs[level], index, values, checks)))

    try:
        walk.take(block, wanted, deliver)
    except ChunkError:
        raise
    except Exception as error:
        raise ChunkError(block, "computing", error) from error
    return written


def _region_job(
    compute: Callable[[Index], NDArray[Any]],
    level: int,
    index: Index,
    output: ZarrArray,
    checks: bool,
) -> Written:
    """Compute one unit of work from the full resolution, and write it."""
    try:
        values = compute(index)
    except Exception as error:
        raise ChunkError(index, "computing", error) from error
    return [(level, index, _write(output, index, values, checks))]


def _reduced(source: ReadableArray, plan: Plan, level: int, index: Index) -> NDArray[Any]:
    factors = plan.factors[level]
    region = reduce_region(index, source=source, factors=factors, method=plan.method)
    return region.astype(plan.dtype, copy=False)


def _write(output: ZarrArray, index: Index, values: NDArray[Any], checks: bool) -> int:
    """Write a unit of work, and give the checksum of its values if there is a record of it."""
    try:
        output[index] = values
    except Exception as error:
        raise ChunkError(index, "writing", error) from error
    return crc32(values) if checks else 0


@contextmanager
def _records(
    directory: str | os.PathLike[str] | None,
    source: ReadableArray,
    outputs: Sequence[ZarrArray],
    plan: Plan,
) -> Iterator[list[Manifest | None]]:
    """Hold one manifest per level for as long as the run lasts."""
    if directory is None:
        yield [None] * len(outputs)
        return
    read = _source_identity(source)
    with ExitStack() as held:
        records: list[Manifest | None] = []
        for number, output in enumerate(outputs):
            record = Manifest(Path(directory) / f"{number}.jsonl")
            compute = {"source": read, "factors": plan.factors[number], "method": plan.method}
            identity = {"compute": compute, "output": identity_of(output, contents=False)}
            held.enter_context(record.writing(identity))
            records.append(record)
            _sweep_leftovers(output)
        yield records


def _source_identity(source: ReadableArray) -> Any:
    """Tell one source from another, also views and lazy arrays, which Dask has tokens for."""
    return tokenize(source) if hasattr(source, "__dask_tokenize__") else identity_of(source)


def _still_done(record: Manifest | None, output: ZarrArray) -> set[str]:
    """Units of work that were written by an earlier run and have not been deleted since."""
    if record is None:
        return set()
    indices = [i for i in all_chunk_indices(output) if index_text(i) in record.done]
    there = stored(output, indices)
    return {index_text(index) for index, found in zip(indices, there, strict=True) if found}


def _sweep_leftovers(output: ZarrArray) -> None:
    """Delete the temporary files of a writer that was killed."""
    directory = local_directory(output)
    for leftover in directory.rglob("*.partial") if directory else ():
        leftover.unlink(missing_ok=True)
