"""Running a list of jobs: on threads or processes, with progress, and from where a run stopped."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import joblib
import tqdm
import zarr

from data_helpers.grid import Index
from data_helpers.jobs.arrays import ZarrArray, in_memory, local_directory
from data_helpers.jobs.guards import check_can_travel, index_text
from data_helpers.jobs.identity import identity_of
from data_helpers.jobs.job import FillChunk, Job
from data_helpers.jobs.manifest import Manifest, parse_index
from data_helpers.jobs.stored import stored, units_left

__all__ = ["Workers", "run_jobs"]


def run_jobs(
    jobs: Iterable[Job],
    *,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Run jobs side by side, at most `n_jobs` at a time.

    Results are thrown away, so memory holds no more than the chunks being worked on. After an
    error no further job is begun, those that are under way end and count, and the error is raised.

    Parameters
    ----------
    jobs
        What `chunkwise_jobs` lists, or any jobs of ``joblib.delayed``.
    n_jobs
        How many at a time, and so a limit on memory. -1 means one per processor core.
    backend
        A backend of joblib. None means threads, which share memory and are enough while codecs
        and NumPy do the work; "loky" means processes, for functions that hold Python's lock.
    progress
        Whether to show a progress bar.
    manifest
        A file that records finished jobs. When it exists, only what is missing is done. Needs jobs
        of one output that outlives the process.

    Raises
    ------
    ChunkError
        If a job fails, with the chunk and the cause.
    TypeError
        If an output in memory would be sent to another process.
    ValueError
        If the manifest belongs to other work, or cannot serve these jobs.
    RuntimeError
        If another run holds the manifest.

    Examples
    --------
    >>> import numpy as np
    >>> from data_helpers import chunkwise_jobs
    >>> image, inverted = np.array([1, 2, 3, 4], "u1"), np.zeros(4, "u1")
    >>> jobs = chunkwise_jobs(np.invert, input_array=image, output_array=inverted, chunks=(2,))
    >>> run_jobs(jobs, n_jobs=2)
    >>> inverted
    array([254, 253, 252, 251], dtype=uint8)
    """
    listed = list(jobs)
    if backend not in (None, "threading", "sequential") and n_jobs != 1:
        for fill in {id(job[0]): job[0] for job in listed}.values():
            if isinstance(fill, FillChunk):
                check_can_travel(fill.output_array)
    workers = Workers(n_jobs, backend, progress)
    if manifest is None:
        workers.run([(_without_result, job, {}) for job in listed])
    else:
        _run_with_manifest(listed, Manifest(manifest), workers)


@dataclass(frozen=True)
class Workers:
    """Who runs jobs: how many, of which kind, and whether they show their progress."""

    n_jobs: int = -1
    backend: str | None = None
    progress: bool = False

    def run(
        self,
        jobs: list[Job],
        collect: Callable[[int, Any], None] | None = None,
        done_before: int = 0,
    ) -> None:
        """Run jobs; after the first error begin no other, let those under way end, and raise it.

        Parameters
        ----------
        jobs
            The jobs.
        collect
            Called with the position in `jobs` and the result of each job when it has ended. Its
            errors count as those of a job.
        done_before
            Where the progress bar begins.
        """
        errors: list[Exception] = []
        until_an_error = (
            joblib.delayed(_attempt)(number, job)
            for number, job in takewhile(lambda _: not errors, enumerate(jobs))
        )
        parallel = joblib.Parallel(
            self.n_jobs, backend=self.backend or "threading", return_as="generator_unordered"
        )
        total = done_before + len(jobs)
        with tqdm.tqdm(
            total=total, initial=done_before, disable=not self.progress, unit="chunk"
        ) as bar:
            for number, result, error in parallel(until_an_error):
                try:
                    if error is not None:
                        raise error
                    if collect is not None:
                        collect(number, result)
                    bar.update()
                except Exception as problem:
                    errors.append(problem)
        if errors:
            raise errors[0]


def _run_with_manifest(jobs: list[Job], manifest: Manifest, workers: Workers) -> None:
    """Do the jobs that the manifest does not know to be done, and note each when it is."""
    fill, output_array = _the_one_output(jobs)
    indices: list[Index] = [args[0] for _, args, _ in jobs]
    with manifest.writing(_identity(fill)):
        _sweep_leftovers(output_array)
        done = _still_done(manifest, indices, output_array)
        missing = [index for index in indices if index_text(index) not in done]
        todo: list[Job] = [(fill, (index,), {"checksum": True}) for index in missing]
        workers.run(
            todo, lambda number, checksum: manifest.add(missing[number], checksum), len(done)
        )
        if not units_left(output_array, map(parse_index, manifest.done)):
            manifest.finish()


def _without_result(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Run one job and let go of its result at once, however slowly results are collected."""
    function(*args, **kwargs)


def _attempt(number: int, job: Job) -> tuple[int, Any, Exception | None]:
    """Run one job; give its error instead of raising it, so that others can end in peace."""
    function, args, kwargs = job
    try:
        return number, function(*args, **kwargs), None
    except Exception as error:
        return number, None, error


def _the_one_output(jobs: list[Job]) -> tuple[FillChunk, ZarrArray]:
    """Give what all jobs share, or refuse jobs that a manifest cannot serve."""
    fills = {id(job[0]): job[0] for job in jobs}
    fill = next(iter(fills.values()), None)
    if len(fills) != 1 or not isinstance(fill, FillChunk):
        raise ValueError(
            f"a manifest serves the jobs of one output, but got {len(jobs)} jobs of {len(fills)} "
            "functions; expected one list made by chunkwise_jobs or output_jobs"
        )
    output_array = fill.output_array
    if not isinstance(output_array, zarr.Array) or in_memory(output_array):
        raise ValueError(
            f"a manifest serves a Zarr array that outlives the process, but the output is a "
            f"{type(output_array).__name__} in memory; expected one such as "
            "create_like(array, path)"
        )
    return fill, output_array


def _identity(fill: FillChunk) -> dict[str, Any]:
    """Identity of a work: what is computed, from what, and where it goes."""
    return {
        "compute": identity_of(fill.compute),
        "output": identity_of(fill.output_array, contents=False),
    }


def _still_done(manifest: Manifest, indices: list[Index], output_array: ZarrArray) -> set[str]:
    """Regions that are done and whose chunks have not been deleted since."""
    done = [index for index in indices if index_text(index) in manifest.done]
    present = stored(output_array, done)
    return {index_text(index) for index, there in zip(done, present, strict=True) if there}


def _sweep_leftovers(output_array: ZarrArray) -> None:
    """Delete the temporary files of writers that were killed."""
    directory = local_directory(output_array)
    for leftover in directory.rglob("*.partial") if directory else ():
        leftover.unlink(missing_ok=True)
