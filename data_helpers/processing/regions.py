"""Who works on what: one job per unit of the output, found from the input where there is none."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index
from data_helpers.jobs import ReadableArray, WritableArray, output_jobs, run_jobs, unit_of_work

__all__ = ["check_factors", "fill", "scaled_unit"]

Manifest = str | os.PathLike[str] | None


def fill(
    compute: Callable[[Index], NDArray[Any]],
    input_array: ReadableArray,
    output: WritableArray,
    *,
    chunks: Chunks | None,
    otherwise: Chunks | None,
    order: Callable[[Index], Any] | None = None,
    n_jobs: int,
    backend: str | None,
    progress: bool,
    manifest: Manifest,
) -> None:
    """List the jobs that fill an output, and run them.

    Parameters
    ----------
    compute
        Takes an index of the output, returns the block that belongs there.
    input_array, output
        What it reads, and where the blocks go.
    chunks
        Size of the regions that the caller wants, if any.
    otherwise
        Size of the regions if the output has no chunks of its own, either.
    order
        Takes a region, says when its turn is; by default the last axis goes fastest.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.
    """
    regions = otherwise if chunks is None and unit_of_work(output) is None else chunks
    jobs = output_jobs(compute, output_array=output, inputs=[input_array], chunks=regions)
    if order is not None:
        jobs.sort(key=lambda job: order(job[1][0]))
    run_jobs(jobs, n_jobs=n_jobs, backend=backend, progress=progress, manifest=manifest)


def check_factors(factor: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Give a factor as one whole number per axis.

    Parameters
    ----------
    factor
        One number for all axes, or one per axis.
    ndim
        Number of axes.

    Returns
    -------
    tuple of int
        One factor per axis.

    Raises
    ------
    ValueError
        If there is not one per axis, or one is not a whole number of at least 1.

    Examples
    --------
    >>> check_factors(2, 3)
    (2, 2, 2)
    """
    factors = tuple(factor) if isinstance(factor, Sequence) else (factor,) * ndim
    if len(factors) != ndim or any(one != int(one) or one < 1 for one in factors):
        raise ValueError(
            f"factor is {factor} for an array of {ndim} axes; expected one whole number of at "
            "least 1, or one per axis (1 for an axis to be left alone)"
        )
    return tuple(int(one) for one in factors)


def scaled_unit(array: ReadableArray, scale: Callable[[int, int], int]) -> Chunks | None:
    """Scale the units of work of an input, for an output that has none.

    Parameters
    ----------
    array
        The input.
    scale
        Takes an axis and the size of a unit along it, returns that of the output.

    Returns
    -------
    sequence or None
        One size per axis, or None for an input without chunks.
    """
    unit = unit_of_work(array)
    if unit is None:
        return None
    sizes = [size if isinstance(size, int) else max(size) for size in unit]
    return tuple(max(1, scale(axis, size)) for axis, size in enumerate(sizes))
