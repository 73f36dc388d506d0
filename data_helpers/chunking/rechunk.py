"""Give an array new chunks within a budget of memory: carry out what `plan` planned."""

import tempfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from data_helpers.chunking.geometry import chunks_touched
from data_helpers.chunking.plan import RechunkPlan, Stage, plan_rechunk
from data_helpers.grid import Index, chunk_slices
from data_helpers.jobs import check_same_shape
from data_helpers.jobs.guards import check_not_in_place

__all__ = ["rechunk_zarr"]


def rechunk_zarr(
    source: zarr.Array[Any],
    target: zarr.Array[Any],
    *,
    max_memory: int,
    temp_dir: str | Path | None = None,
) -> RechunkPlan:
    """Copy an array into one with other chunks, within a budget of memory.

    Each chunk of the source is read at most twice, and each unit of the target (its shards, or its
    chunks where it has no shards) is written exactly once, as a whole. Where the budget does not
    allow that in one pass, the array goes through a temporary one on disk, uncompressed, which
    takes as much room there as the array has bytes; then each source chunk is read once. The work
    is done in this process, one block after another.

    A chunk that is missing in the source reads as its fill value and is written as such: check
    with `verify` first if that would be a loss.

    Parameters
    ----------
    source
        The array to read.
    target
        An array of the same shape and dtype, made beforehand, for example with `create_like`. It
        says what the new chunks, shards and compressors are. What it held is overwritten.
    max_memory
        Bytes the work may take above what the process holds already. The plan counts what Zarr
        needs, not only the voxels.
    temp_dir
        Directory for the temporary array; by default the system's. Some systems keep theirs in
        memory: give a directory on a disk there.

    Returns
    -------
    RechunkPlan
        The plan that was carried out.

    Raises
    ------
    ValueError
        If shape or dtype differ, source and target are the same array, or the budget is too small
        for any plan; the message names the least that works. Nothing has been written then.

    Notes
    -----
    Like rechunker (https://rechunker.readthedocs.io), of which the idea of a temporary array with
    chunks between those of source and target is known, this plans on integers first.

    Examples
    --------
    >>> import zarr
    >>> planes = zarr.create_array({}, shape=(8, 8), chunks=(1, 8), dtype="uint8")
    >>> planes[:] = 5
    >>> columns = zarr.create_array({}, shape=(8, 8), chunks=(8, 1), dtype="uint8")
    >>> plan = rechunk_zarr(planes, columns, max_memory=20_000_000)
    >>> int(columns[:].sum()), plan.reads
    (320, 1)
    """
    _check_pair(source, target)
    if prod(source.shape) == 0:
        return RechunkPlan(stages=(), reads=0)
    plan = plan_rechunk(
        source.shape,
        source.chunks,
        target.shards or target.chunks,
        itemsize=source.dtype.itemsize,
        max_memory=max_memory,
    )
    if plan.temporary is None:
        _carry_out(plan.stages[0], source, target)
        return plan
    with tempfile.TemporaryDirectory(dir=temp_dir, prefix="rechunk-") as directory:
        between = zarr.create_array(
            Path(directory) / "between.zarr",
            shape=source.shape,
            chunks=plan.temporary,
            dtype=source.dtype,
            compressors=None,
        )
        _carry_out(plan.stages[0], source, between)
        _carry_out(plan.stages[1], between, target)
    return plan


def _carry_out(stage: Stage, source: zarr.Array[Any], target: zarr.Array[Any]) -> None:
    """One pass over the array, block by block, in one buffer."""
    buffer = np.empty(prod(stage.block), dtype=source.dtype)
    for block in chunk_slices(source.shape, stage.block):
        held = buffer[: prod(_lengths(block))].reshape(_lengths(block))
        for part, inside in _pieces(block, stage.read):
            held[inside] = source[part]
        for part, inside in _pieces(block, stage.write):
            # A copy: a store in memory may keep what it is given, and the buffer is used again.
            target[part] = held[inside].copy()


def _pieces(block: Index, sizes: tuple[int, ...]) -> list[tuple[Index, Index]]:
    """Parts of a block along a grid of sizes: where each lies in the array, and in the block."""
    pieces = []
    for place in chunks_touched(block, sizes):
        part = tuple(
            slice(max(b.start, at * size), min(b.stop, (at + 1) * size))
            for b, at, size in zip(block, place, sizes, strict=True)
        )
        inside = tuple(
            slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, block, strict=True)
        )
        pieces.append((part, inside))
    return pieces


def _lengths(index: Index) -> tuple[int, ...]:
    """Shape of a region."""
    return tuple(part.stop - part.start for part in index)


def _check_pair(source: zarr.Array[Any], target: zarr.Array[Any]) -> None:
    """Refuse a target that cannot hold the source, or is the source."""
    check_same_shape(source, target)
    if source.dtype != target.dtype:
        raise ValueError(
            f"source has dtype {source.dtype}, target {target.dtype}; rechunking does not convert, "
            "so make a target of the source's dtype"
        )
    check_not_in_place(source, target)
