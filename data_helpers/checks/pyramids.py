"""Marks levels written chunk by chunk: exact, in little memory, each chunk written once."""

import math
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import ome_zarr
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.windows import expect_windows, mean_slips
from data_helpers.checks.words import describe, short

__all__ = ["mark_write_level", "mark_write_pyramid"]

Sizes: TypeAlias = tuple[int, ...]

_MEAN_OF_MEANS = (
    "Those are means of means that were rounded already, and the errors add up from level to "
    "level. At the edges such a mean gives short windows too much weight, too. Hand sums and "
    "counts on from level to level, and divide only for what you write."
)
_WHICH_WINDOW = (
    "The windows are those of the full resolution: voxel `i` stands for the voxels from "
    "`i * factor` to `i * factor + factor` of the source."
)


def mark_write_level(answer: Answer) -> str:
    """Mark 04.4: a level that equals the means of the windows, written chunk by chunk."""
    small = [((23, 30), (8, 8), (2, 4), (4, 8)), ((9, 21, 18), (4, 8, 8), (1, 2, 2), (4, 4, 4))]
    large = ((64, 160, 163), (8, 16, 16), (1, 2, 2), (8, 16, 16))
    for shape, source_chunks, factors, target_chunks in (*small, large):
        source, target = _source(answer.rng, shape, source_chunks), _target(
            shape, factors, target_chunks
        )  # fmt: skip
        arguments = (source, target, factors)
        question = describe(answer.name, arguments)
        held = _peak(answer, arguments)
        _check_written(target, question)
        expected = ome_zarr.window_mean(source.values, factors)
        expect_windows(target.values, expected, source.values, factors, question, _slips)
        _check_reads_of_level(source, target, factors, question)
    window = math.prod(large[3]) * math.prod(large[2]) * 8
    if held > 10 * window:
        raise Wrong(
            f"`{question}` is right, but held {held / 2**20:.1f} MiB at its peak. One chunk of "
            f"the target stands for {window / 2**20:.2f} MiB of the source, even as int64.",
            "Both arrays may be larger than your memory: read the windows of one chunk, write "
            "it, and forget both before the next.",
        )
    return (
        "Three images: every voxel is the mean of its window, each chunk was written once, and no "
        "more than the windows of one chunk was in memory."
    )


def _slips(
    block: npt.NDArray[Any], factors: Sequence[int]
) -> Iterator[tuple[npt.NDArray[Any], str]]:
    """List what mistakes with means give; any other is a mistake with windows."""
    yield from ((values, advice) for values, advice in mean_slips(block, factors) if values.size)
    yield np.empty(0), _WHICH_WINDOW


def _source(rng: np.random.Generator, shape: Sizes, chunks: Sizes) -> WatchedArray:
    """Make an image near the top of its dtype, where sums wrap around."""
    return WatchedArray(rng.integers(65000, 65536, shape).astype("uint16"), chunks)


def _target(shape: Sizes, factors: Sizes, chunks: Sizes) -> WatchedArray:
    lengths = [-(-n // f) for n, f in zip(shape, factors, strict=True)]
    return WatchedArray(np.zeros(lengths, "uint16"), chunks)


def _peak(answer: Answer, arguments: tuple[Any, ...]) -> int:
    """Call an answer and give the most memory it held, in bytes."""
    tracemalloc.start()
    try:
        answer(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _check_written(target: WatchedArray, question: str, name: str = "the target") -> None:
    """Refuse writes that cut through chunks, leave some out, or come twice."""
    written = np.zeros(target.shape, int)
    for index in target.writes:
        if not target.is_whole_chunks(index):
            raise Wrong(
                f"`{question}` wrote `{short(index)}` of {name}, which cuts through a chunk of "
                f"{target.chunks}.",
                "To write a part of a chunk, the chunk is read, changed and written back, over "
                "and over. Put together what belongs into one chunk, and write that as a whole.",
            )
        written[index] += 1
    if (written == 0).any():
        place = tuple(int(n) for n in np.argwhere(written == 0)[0])
        raise Wrong(
            f"`{question}` left {int((written == 0).sum())} of {written.size} voxels of {name} "
            f"unwritten, the first at {place}.",
            "Go through all of its chunks, those that the edge cuts short too: "
            "`chunk_slices(target.shape, target.chunks)`.",
        )
    if (written > 1).any():
        raise Wrong(
            f"`{question}` wrote some chunks of {name} more than once.",
            "A chunk that is written before everything for it is there must be written again. "
            "Wait until it is complete.",
        )


def _check_reads_of_level(
    source: WatchedArray, target: WatchedArray, factors: Sizes, question: str
) -> None:
    """Refuse an answer that reads everything at once, or the same chunk over and over."""
    windows = math.prod(target.chunks) * math.prod(factors)
    if source.largest_read > windows:
        raise Wrong(
            f"`{question}` is right, but reads too much: {source.largest_read} voxels at once, "
            f"where one chunk of the target stands for {windows}.",
            "The image may be larger than your memory. Go through the chunks of the target, and "
            "read only the windows of one.",
        )
    if source.decoded > 1.5 * math.prod(source.shape):
        raise Wrong(
            f"`{question}` is right, but decodes the source "
            f"{source.decoded / math.prod(source.shape):.3g} times, since each read decodes whole "
            "chunks.",
            "Read all windows of one chunk of the target at once: where a chunk starts and stops, "
            "times the factor.",
        )


def mark_write_pyramid(answer: Answer) -> str:
    """Mark 04.7: all levels exact, each chunk of the source read once, in little memory."""
    cases = [((21, 34), (4, 4), 2), ((13, 18, 17), (4, 4, 4), 2), ((64, 120, 150), (16, 16, 16), 3)]
    for shape, chunks, depth in cases:
        source = _source(answer.rng, shape, chunks)
        levels = [_target(shape, (2**k,) * len(shape), chunks) for k in range(1, depth + 1)]
        question = describe(answer.name, (source, levels))
        held = _peak(answer, (source, levels))
        for number, level in enumerate(levels):
            _check_written(level, question, f"levels[{number}]")
        for number, level in enumerate(levels):
            _check_level(level, source.values, number, question)
        _check_one_pass(source, levels, question)
    _check_memory(source, levels, held, question)
    return (
        f"{len(cases)} images with up to {depth} levels: all exact, each chunk of the source read "
        "once, each chunk of the levels written once, with a few chunks in memory."
    )


def _check_level(level: WatchedArray, values: npt.NDArray[Any], number: int, question: str) -> None:
    """Refuse a level that is not the means of the windows of the full resolution."""
    factors = (2 ** (number + 1),) * values.ndim
    expected = ome_zarr.window_mean(values, factors)

    def slips(block: npt.NDArray[Any], factors: Sequence[int]) -> Any:
        if number > 0:
            yield from ((values, _MEAN_OF_MEANS) for values in _means_of_means(block, number + 1))
        yield from _slips(block, factors)
        if number > 0:
            yield np.empty(0), _MEAN_OF_MEANS

    about = f"{question}, levels[{number}]"
    expect_windows(level.values, expected, values, factors, about, slips)


def _means_of_means(values: npt.NDArray[Any], times: int) -> Iterator[npt.NDArray[Any]]:
    """Halve an image again and again by means, rounded each time or only at the end."""
    for rounding in (np.floor, _half_up, np.rint, np.asarray):
        means = values.astype("float64")
        for _ in range(times):
            means = _step(means, rounding)
        yield from (means, np.floor(means), _half_up(means), np.rint(means))


def _half_up(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.floor(values + 0.5)


def _step(values: npt.NDArray[Any], rounding: Callable[[Any], Any]) -> npt.NDArray[Any]:
    """Halve an image by means, rounded as told."""
    sums, counts = values, np.ones(values.shape)
    for axis, length in enumerate(values.shape):
        starts = np.arange(0, length, 2)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts = np.add.reduceat(counts, starts, axis=axis)
    stepped: npt.NDArray[Any] = rounding(sums / counts)
    return stepped


def _check_one_pass(source: WatchedArray, levels: list[WatchedArray], question: str) -> None:
    """Refuse an answer that decodes a chunk of the source twice, or reads a level back."""
    times = source.decoded / math.prod(source.shape)
    if times > 1:
        raise Wrong(
            f"`{question}` is right, but decodes the source {times:.3g} times.",
            "One pass is enough: read a chunk, write nothing yet, but hand its sums on to the "
            "chunk of the next level that it is a part of.",
        )
    for number, level in enumerate(levels):
        if level.reads:
            raise Wrong(
                f"`{question}` is right, but reads levels[{number}] back.",
                "What was just written is known: hand it on, as sums, before it is written.",
            )


def _check_memory(
    source: WatchedArray, levels: list[WatchedArray], held: int, question: str
) -> None:
    """Refuse an answer that keeps a whole level."""
    chunk = math.prod(source.chunks) * 8
    notes = 1000 * (len(source.reads) + sum(len(level.writes) for level in levels))  # our own
    if held - notes > 24 * chunk:
        raise Wrong(
            f"`{question}` is right, but held {held / chunk:.0f} chunks' worth of memory at its "
            f"peak, as int64, of {len(source.reads)} chunks in all.",
            "Choose the order so that siblings meet early: finish one chunk of level 1 with all "
            "its chunks of the source, then its neighbours, then the chunk of level 2 they are "
            "part of. A function that calls itself for the chunks below does that.",
        )
