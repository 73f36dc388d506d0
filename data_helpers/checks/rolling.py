"""Marks a filter that goes through an image plane by plane and reads each chunk only once."""

import math
import tracemalloc
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.targets import WatchedTarget, ask, expect_values, expect_whole_writes
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe

__all__ = ["mark_filter_once"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_WRITE = (
    "Of what `f` gives, write only the planes of the slab: it begins in the block at `start` minus "
    "the number of the first plane you hold."
)
_KEEP = (
    "Keep the planes that the next slab needs as well: read the next row of chunks behind them "
    "with `np.concatenate`, and drop from the front what nobody needs any more."
)


def mark_filter_once(answer: Answer) -> str:
    """Mark 05.7: equal to the whole, each chunk of the source decoded once, a few in memory."""
    cases: list[tuple[Sizes, Sizes, Sizes, int]] = [
        ((23, 12, 13), (4, 5, 6), (4, 6, 6), 2),
        ((30, 11, 9), (4, 11, 4), (7, 5, 9), 1),
        ((26, 8, 10), (5, 8, 10), (3, 4, 4), 7),
        ((400, 64, 64), (8, 32, 32), (8, 32, 32), 2),
    ]
    for shape, source_chunks, chunks, depth in cases:
        pixels = answer.rng.integers(0, 256, shape, dtype="uint8")
        source = WatchedArray(pixels, source_chunks)
        target = WatchedTarget(
            *(shape, "uint8", chunks),
            advice=lambda found, expected: _WRITE,
        )
        f = _Brightest(depth)
        arguments = (f, source, target, depth)
        question = describe(answer.name, arguments)
        held = _peak(answer, arguments)
        expect_whole_writes(target, question)
        _check_places(target, f.whole(pixels), question)
        expect_values(target, f.whole(pixels), question, _advice(depth))
        _check_reads(source, question)
        _check_memory(source, target, depth, held, f, question)
    return (
        f"{len(cases)} images, one with a halo deeper than its chunks: the result is that of the "
        "whole image, every chunk of the source was decoded once, and few were in memory."
    )


class _Brightest:
    """The largest value among neighbours, some planes up and down and one voxel in the plane."""

    def __init__(self, depth: int) -> None:
        self.depth, self.most = depth, 0

    def __repr__(self) -> str:
        return "f"

    def __call__(self, block: Any) -> Any:
        """Filter, and note how much was asked for at once."""
        values = np.asarray(block)
        self.most = max(self.most, len(values))
        return self.whole(values)

    def whole(self, values: Array) -> Array:
        """Filter."""
        size = (2 * self.depth + 1, 3, 3)
        brightest: Array = ndimage.maximum_filter(values, size, mode="nearest")
        return brightest


def _peak(answer: Answer, arguments: tuple[Any, ...]) -> int:
    """Call an answer and give the most memory it held, in bytes."""
    tracemalloc.start()
    try:
        ask(answer, *arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _advice(depth: int) -> dict[str, str]:
    """Advice by what the difference looks like."""
    halo = (
        f"`f` looks {depth} planes up and down. Give it, besides the slab, the last {depth} planes "
        "before and the first behind it, as far as the image goes."
    )
    return dict.fromkeys(("seam", "borders", "everywhere", "few", "edges"), halo)


def _check_places(target: WatchedTarget, expected: Array, question: str) -> None:
    """Refuse a slab that holds the planes of another place."""
    row = target.chunks[0]
    for start in range(0, len(expected), row):
        slab = target.values[start : start + row]
        if np.array_equal(slab, expected[start : start + row]):
            continue
        places = range(len(expected) - len(slab) + 1)
        here = [at for at in places if np.array_equal(slab, expected[at : at + len(slab)])]
        if here:
            raise Wrong(
                f"`{question}`: the planes from {start} on are those that belong at {here[0]}.",
                "Remember the number of the first plane you hold, and change it whenever you drop "
                "planes: the slab begins in what you hold at `start` minus that number.",
            )
        return


def _check_reads(source: WatchedArray, question: str) -> None:
    """Refuse an answer that decodes chunks twice, or everything at once."""
    times = source.decoded / math.prod(source.shape)
    if source.largest_read == math.prod(source.shape):
        raise Wrong(
            f"`{question}` is right, but read the whole image at once.",
            "The image could be larger than your memory. Read one row of chunks at a time, "
            "`source[start : start + source.chunks[0]]`.",
        )
    if times > 1:
        raise Wrong(
            f"`{question}` is right, but decodes the source {times:.3g} times: for a part of a "
            "chunk the whole chunk is read and decoded.",
            "Read whole rows of chunks, from a multiple of `source.chunks[0]` to the next, each "
            f"once. {_KEEP}",
        )


def _check_memory(
    source: WatchedArray, target: WatchedTarget, depth: int, held: int, f: _Brightest, question: str
) -> None:
    """Refuse an answer that holds, or filters, much more than one slab with its halo."""
    plane = math.prod(source.shape[1:]) * source.dtype.itemsize
    planes = source.chunks[0] + target.chunks[0] + 2 * depth
    if f.most > planes:
        raise Wrong(
            f"`{question}` is right, but gave `f` {f.most} planes at once, where {planes} are "
            "enough for a slab, its halo and a row of chunks.",
            _KEEP,
        )
    if held > 6 * planes * plane + 2**18:
        raise Wrong(
            f"`{question}` is right, but held {held / plane:.0f} planes' worth of memory at its "
            f"peak, of {source.shape[0]} in all.",
            _KEEP,
        )
