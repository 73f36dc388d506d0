"""Fill the levels of an image."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data_helpers.jobs import ReadableArray, fast_to_read, output_jobs, run_jobs
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.plan import Plan
from data_helpers.ome_zarr.reduce import reduce_region

__all__ = ["fill_levels"]


def fill_levels(
    source: ReadableArray,
    levels: Sequence[ZarrArray],
    plan: Plan,
    *,
    n_jobs: int,
    progress: bool,
    manifest: str | os.PathLike[str] | None,
) -> None:
    """Fill each level from the full resolution, one level after the other.

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
    readable = fast_to_read(source)
    for number, (level, factors) in enumerate(zip(levels, plan.factors, strict=True)):
        compute = partial(reduce_region, source=readable, factors=factors, method=plan.method)
        jobs = output_jobs(compute, output_array=level, inputs=[source])
        path = None if manifest is None else Path(manifest) / f"{number}.jsonl"
        run_jobs(jobs, n_jobs=n_jobs, progress=progress, manifest=path)
