"""Marks a filter of any kind in chunks: depth per axis, rounding, and edges left to the filter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.targets import (
    WatchedTarget,
    ask,
    expect_frugal_reads,
    expect_values,
    expect_whole_writes,
)
from data_helpers.checks.watched import WatchedArray

__all__ = ["mark_map_with_halo"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_CUT_OFF = (
    "`f` gives the result with its halo: cut the halo off again, so that what you write is as "
    "large as the chunk. Watch two cases: a chunk at the edge has no halo on that side, and with a "
    "depth of 0 the slice `0:-0` is empty."
)


@dataclass(frozen=True)
class _Filter:
    """A filter that fills in the edges of what it is given."""

    words: str
    call: Callable[[Array], Array]
    depth: Sizes
    mode: str

    def __repr__(self) -> str:
        return self.words

    def __call__(self, block: Any) -> Any:
        """Filter."""
        return self.call(np.asarray(block))


def _median(block: Array) -> Array:
    filtered: Array = ndimage.median_filter(block, size=(3, 5), mode="reflect")
    return filtered


def _smooth(block: Array) -> Array:
    filtered: Array = ndimage.gaussian_filter(block.astype("float32"), (1, 0, 1.5), mode="nearest")
    return filtered


def _wide(block: Array) -> Array:
    filtered: Array = ndimage.gaussian_filter(block.astype("float32"), 2.5, mode="mirror")
    return filtered


def _mean_of_four(block: Array) -> Array:
    weights = [0.25] * 4
    filtered: Array = ndimage.correlate1d(block.astype("f8"), weights, axis=1, mode="nearest")
    return filtered


_FILTERS = (
    (_Filter("median", _median, (1, 2), "reflect"), (20, 23), (8, 8), "uint16"),
    (_Filter("smooth", _smooth, (4, 0, 6), "nearest"), (14, 17, 15), (5, 6, 7), "float32"),
    (_Filter("smooth_far", _wide, (10, 10), "mirror"), (31, 30), (4, 6), "float32"),
    (_Filter("mean_of_four", _mean_of_four, (0, 2), "nearest"), (19, 25), (7, 6), "uint16"),
)


def mark_map_with_halo(answer: Answer) -> str:
    """Mark 05.6: any filter in chunks equals that of the whole, in the dtype of the target."""
    for f, shape, chunks, dtype in _FILTERS:
        pixels = answer.rng.integers(0, 2000, shape).astype("uint16")
        source = WatchedArray(pixels, tuple(size + 2 for size in chunks))
        target = WatchedTarget(shape, dtype, chunks, advice=lambda found, expected: _CUT_OFF)
        _, question = ask(answer, f, source, target, f.depth)
        expect_whole_writes(target, question)
        _check_values(f, pixels, target, question)
        regions = [
            grid.expand(index, f.depth, shape)[0] for index in grid.chunk_slices(shape, chunks)
        ]
        expect_frugal_reads(source, regions, question, "a chunk with its halo")
    return (
        f"{len(_FILTERS)} filters, one with a halo deeper than the chunks, one without a halo "
        "along an axis: the result is that of the whole image."
    )


def _check_values(f: _Filter, pixels: Array, target: WatchedTarget, question: str) -> None:
    """Refuse values that are not those of the whole image."""
    exact, found = f(pixels), target.values
    rounded = exact if found.dtype.kind == "f" else np.floor(exact.astype("f8") + 0.5)
    expected = rounded.astype(found.dtype)
    if np.array_equal(found, pixels):
        raise Wrong(f"`{question}` copies the source as it is.", "Write what `f` gives.")
    if not np.array_equal(found, expected) and (slip := _rounding_slip(found, exact)):
        share = np.mean(found != expected)
        raise Wrong(f"`{question}` is wrong in {share:.0%} of the voxels: {slip[0]}.", slip[1])
    expect_values(target, expected, question, _advice(f), rtol=1e-6)


def _rounding_slip(found: Array, exact: Array) -> tuple[str, str] | None:
    """Find values that are right but for their rounding: what was done, and what to do."""
    whole = np.array_equal(exact, np.floor(exact))
    if whole:
        return None
    if found.dtype.kind == "f":
        rules = (np.floor, np.rint, np.ceil, lambda values: np.floor(values + 0.5))
        rounded = any(np.array_equal(found, rule(exact)) for rule in rules)
        rounded = rounded or np.allclose(found - exact, 0.5, rtol=0, atol=0.01)
        advice = "Round only where the target has integers: `target.dtype.kind in 'iu'`."
        return ("all of it was rounded, or half a count added", advice) if rounded else None
    if np.array_equal(found, np.floor(exact)):
        return (
            "the decimals are cut off",
            (
                "Writing floats into an array of integers turns 7.75 into 7. Where the target has "
                "integers, add 0.5 and take `np.floor` before you write."
            ),
        )
    if np.array_equal(found, np.rint(exact)):
        return (
            "some halves were rounded down",
            (
                "`np.round` and `np.rint` take a half to the nearest even number. Half up is "
                "`np.floor(value + 0.5)`."
            ),
        )
    return None


def _advice(f: _Filter) -> dict[str, str]:
    """Advice by what the difference looks like."""
    halo = (
        "The values inside each chunk are right, those near a border between chunks are not. Did "
        f"you read a halo, {f.depth} on both sides along each axis, and give all of it to `f`?"
    )
    place = (
        "Values lie beside their place. Where in the block does the chunk begin? At the edge of "
        "the image the halo is cut short, and the chunk begins there at `start - max(start - "
        "depth, 0)`, which is not always `depth`."
    )
    edges = (
        "The inside is right, the edges of the image are not. Let the halo end where the image "
        "ends, and put nothing outside: `f` knows how to fill in there."
    )
    clues = {"seam": halo, "borders": halo, "edges": edges, "shifted": place, "moved": place}
    return clues | {
        "few": halo,
        "everywhere": "Two things to look at: is the halo read on both sides, and is exactly the "
        "chunk cut out of what `f` gives? " + place,
    }
