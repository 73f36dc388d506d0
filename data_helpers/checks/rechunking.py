"""Marks a copy from one chunk shape to another, in little memory."""

import math
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe, short

__all__ = ["mark_rechunk"]

Sizes = tuple[int, ...]


def mark_rechunk(answer: Answer) -> str:
    """Mark 03.7: equal, within the memory given, without reading the source over and over."""
    cases = [((16, 512), (400, 16)), ((400, 8), (40, 64)), ((50, 50), (30, 70))]
    shape = (400, 512)
    values = answer.rng.random(shape)
    budget = values.nbytes // 4
    runs = []
    for source_chunks, target_chunks in cases:
        source = WatchedArray(values, source_chunks)
        target = WatchedArray(np.full(shape, np.nan), target_chunks)
        question = describe(answer.name, (source, target, budget))
        tracemalloc.start()
        try:
            answer(source, target, budget)
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        _check_rechunked(source, target, values, question)
        runs.append((source, held, question))
    for source, held, question in runs:  # first that it is right, then what it costs
        _check_budget(source, held, budget, question)
        _check_passes(source, budget, question)
    _check_refusal(answer, values)
    return (
        f"{len(cases)} pairs of chunk shapes: equal, within the memory given, every target chunk "
        "written once, and no source chunk read more often than the memory makes necessary."
    )


def _check_rechunked(
    source: WatchedArray, target: WatchedArray, values: npt.NDArray[Any], question: str
) -> None:
    """Refuse a copy that is not equal, or was written through a chunk of the target."""
    written = np.zeros(values.shape, int)
    for index in target.writes:
        written[index] += 1
        if not target.is_whole_chunks(index):
            raise Wrong(
                f"`{question}` wrote `{short(index)}`, which cuts through a chunk of the target.",
                "It writes outside its chunk: each write must cover whole chunks of the target, "
                "or the same chunk is compressed and stored several times.",
            )
    if (written == 0).any():
        raise Wrong(
            f"`{question}` left {int((written == 0).sum())} of {written.size} values unwritten.",
            "Go through all chunks of the target, those at the edges too.",
        )
    if (written > 1).any():
        raise Wrong(f"`{question}` wrote some chunks more than once.", "Once is enough.")
    expect_array(target.values, values, question, chunks=target.chunks)


def _check_budget(source: WatchedArray, held: int, budget: int, question: str) -> None:
    """Refuse an answer that held more than it may."""
    read = source.largest_read * source.dtype.itemsize
    if max(read, held - budget - 2**18) > budget:
        raise Wrong(
            f"`{question}` read {read} bytes at once and held {held} at its peak; allowed are "
            f"{budget}.",
            "Read a block that fits, write it, and forget it before the next.",
        )


def _check_passes(source: WatchedArray, budget: int, question: str) -> None:
    """Refuse an answer that decodes the source far more often than its memory makes necessary."""
    times, passes = source.decoded / math.prod(source.shape), source.nbytes / budget
    if times > passes + 1:
        raise Wrong(
            f"`{question}` decodes the source {times:.3g} times, since each read decodes whole "
            f"chunks; with this memory {passes:.3g} times are enough.",
            "Copy blocks of several target chunks at once, as many as the memory holds. Let them "
            "grow first along the axis where source chunks are long and target chunks short.",
        )


def _check_refusal(answer: Answer, values: npt.NDArray[Any]) -> None:
    """See that a budget that cannot hold one chunk of the target is refused."""
    source, target = WatchedArray(values, (16, 512)), WatchedArray(values.copy(), (400, 16))
    least = 400 * 16 * values.itemsize
    question = describe(answer.name, (source, target, least - 1))
    try:
        answer(source, target, least - 1)
    except LearnerError as error:
        if isinstance(error.error, ValueError):
            return
        raise
    raise Wrong(
        f"`{question}` did not complain, although one chunk of the target has {least} bytes.",
        "Check first, and `raise ValueError` with the least number of bytes that would do.",
    )
