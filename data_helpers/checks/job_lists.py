"""Marks a list of jobs: nothing is done before they run, and each fills one unit of the output."""

from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.targets import WatchedTarget, expect_frugal_reads, expect_whole_writes
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe, short

__all__ = ["mark_make_jobs"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_MOST = 2000  # jobs: more than there are voxels in a case, but not without end
_WRITE_A_JOB = (
    "Write a function that does the work of one region, `work(f, source, target, index)`, and "
    "list `delayed(work)(f, source, target, index)` for every region."
)
_LATE = (
    "A function made in a loop, a `lambda` too, looks its names up when it is called: after the "
    "loop, that is the last region for all of them. Hand the region on as an argument: "
    "`delayed(work)(f, source, target, index)`."
)


def mark_make_jobs(answer: Answer) -> str:
    """Mark 05.3: one job per shard or chunk of the target; together they are the whole."""
    cases: list[tuple[Sizes, Sizes, Sizes, Sizes | None]] = [
        ((20, 23), (10, 10), (8, 8), None),
        ((9, 17, 20), (3, 8, 8), (4, 6, 5), None),
        ((22, 30), (4, 30), (3, 5), (6, 10)),
    ]
    for shape, source_chunks, chunks, shards in cases:
        source = WatchedArray(answer.rng.integers(0, 256, shape).astype("uint8"), source_chunks)
        target = WatchedTarget(
            *(shape, "int16", chunks, shards),
            advice=lambda found, expected: "Read and write the same region: one index does both.",
        )
        f = _Shade(int(answer.rng.integers(2, 99)))
        arguments = (f, source, target)
        question = describe(answer.name, arguments)
        expected = list(grid.chunk_slices(shape, target.unit))
        with suppress(
            Wrong
        ):  # whoever works at once has no list to give, but needs to hear of that
            answer.listed(*arguments, at_most=_MOST)
        _check_idle(f, source, target, question)
        jobs = answer.listed(*arguments, at_most=_MOST)
        _check_idle(f, source, target, question)
        _check_jobs(jobs, question)
        _run(answer, jobs, source, target, question)
        expect_whole_writes(target, question)
        _check_one_unit_each(jobs, expected, target, question)
        _check_result(source, target, f, question)
        expect_frugal_reads(source, expected, question, f"a {target.unit_name}")
    return (
        f"{len(cases)} lists of jobs, run in random order: nothing was done before they ran, and "
        "each filled one whole chunk, or one whole shard where there are shards."
    )


class _Shade:
    """A function for voxels, which counts its calls."""

    __name__ = "f"

    def __init__(self, step: int) -> None:
        self.step, self.calls = step, 0

    def __repr__(self) -> str:
        return "f"

    def __deepcopy__(self, memo: Any) -> "_Shade":
        """Stay the one that counts."""
        return self

    def __call__(self, block: Any) -> Any:
        self.calls += 1
        if isinstance(block, (tuple, slice)):
            raise Wrong(
                f"`f` was called with `{short(block)}`.",
                "`f` takes a block of values, not an index: `f(source[index])`.",
            )
        return np.asarray(block).astype("int16") * 3 - self.step


def _check_idle(f: _Shade, source: WatchedArray, target: WatchedTarget, question: str) -> None:
    """Refuse an answer that works while it lists."""
    done = "wrote to `target`" if target.writes else "called `f`" if f.calls else ""
    done = done or ("read `source`" if source.reads else "")
    if done:
        raise Wrong(
            f"`{question}` {done} while the list was made.",
            "A job is work to be done later, by whoever runs the list. `delayed(work)(index)` "
            "notes down a call; `delayed(work(index))` and `work(index)` call at once.",
        )


def _check_jobs(jobs: list[Any], question: str) -> None:
    """Refuse items that are no jobs."""
    for job in jobs:
        is_triple = isinstance(job, (tuple, list)) and len(job) == 3 and callable(job[0])
        if is_triple and isinstance(job[1], (tuple, list)) and isinstance(job[2], dict):
            continue
        what = "a function" if callable(job) else f"`{short(job)}`"
        raise Wrong(
            f"`{question}` lists {what}; expected a job: a function, its arguments and its "
            "keywords.",
            "`joblib.delayed(work)(f, source, target, index)` makes one, with two pairs of "
            "parentheses: the first names the function, the second the arguments.",
        )
    if not jobs:
        raise Wrong(f"`{question}` gave an empty list.", _WRITE_A_JOB)


def _run(
    answer: Answer, jobs: list[Any], source: WatchedArray, target: WatchedTarget, question: str
) -> None:
    """Run the jobs in random order, and see that each does some work of its own."""
    regions: list[str] = []
    for number in answer.rng.permutation(len(jobs)):
        function, args, kwargs = jobs[number]
        before = len(target.writes)
        try:
            answer.part(function)(*args, **kwargs)
        except LearnerError as wrapped:
            raise LearnerError(wrapped.error, f"{question}[{number}]` run as `{wrapped.question}")\
                from wrapped.error  # fmt: skip
        written = target.writes[before:]
        if source.writes:
            raise Wrong(
                f"Job {number} of `{question}` wrote to `source`.",
                "That is the input, and must stay as it is. Are the arguments in the same order "
                "where you list the call and where you define the function?",
            )
        if not written:
            raise Wrong(
                f"Job {number} of `{question}` wrote nothing to `target`.",
                "A job has no result: it reads its region of `source`, calls `f`, and assigns to "
                "`target[index]`.",
            )
        regions.append(short(written))
    if len(regions) > 1 and len(set(regions)) == 1:
        raise Wrong(f"All {len(jobs)} jobs of `{question}` wrote {regions[0]}.", _LATE)
    if not source.reads:
        raise Wrong(
            f"No job of `{question}` has read anything from `source`.",
            "Use the argument `source`, not an image of your notebook that has another name.",
        )


def _check_one_unit_each(
    jobs: list[Any], expected: list[grid.Index], target: WatchedTarget, question: str
) -> None:
    """Refuse jobs that are larger or smaller than one unit."""
    if len(jobs) == len(expected) == len(target.writes):
        return
    unit = target.unit_name
    raise Wrong(
        f"`{question}` lists {len(jobs)} jobs, which wrote {len(target.writes)} times; expected "
        f"{len(expected)}, one per {unit} of {target.unit}.",
        f"One job, one {unit}: so that memory holds only what is being worked on, and a run "
        "that was stopped loses little.",
    )


def _check_result(source: WatchedArray, target: WatchedTarget, f: _Shade, question: str) -> None:
    """Refuse a result that is not `f` of each voxel."""
    if np.array_equal(target.values, source.values):
        raise Wrong(f"The jobs of `{question}` copy `source` as it is.", "Write `f(block)`.")
    expect_array(
        target.values,
        f(source.values),
        f"the jobs of {question}",
        chunks=target.unit,
        advice={
            "moved": "Each job reads and writes the same region: one index serves for both.",
            "empty": "Give `f` the block that belongs to the region.",
        },
    )
