"""Marks how an image is made larger: which voxels of the input each chunk of the output needs."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.targets import WatchedTarget, expect_frugal_reads, expect_whole_writes
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe

__all__ = ["mark_enlarge"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_LAST = (
    "Voxel `i` of the target shows voxel `i // factor` of the source. From `start` to `stop` the "
    "last voxel is `stop - 1`, so the source is needed up to and with `(stop - 1) // factor`; and "
    "after repeating, cut the block to what lies between `start` and `stop`."
)
_OFFSET = (
    "Where a chunk of the target begins inside a voxel of the source, the first voxel is shown "
    "fewer times: after repeating, cut `start - start // factor * factor` off."
)


def mark_enlarge(answer: Answer) -> str:
    """Mark 05.4: each voxel repeated, written chunk by chunk, read no more than is needed."""
    cases: list[tuple[Sizes, Sizes, int, Sizes]] = [
        ((10, 12), (4, 4), 2, (20, 24)),
        ((7, 9), (3, 3), 2, (13, 17)),
        ((5, 6, 8), (2, 3, 4), 3, (15, 17, 22)),
    ]
    units: list[Sizes] = [(8, 8), (5, 7), (4, 6, 8)]
    for (small, source_chunks, factor, shape), chunks in zip(cases, units, strict=True):
        values = answer.rng.integers(0, 2**16, small).astype("uint16")
        source = WatchedArray(values, source_chunks)
        target = WatchedTarget(shape, "uint16", chunks, advice=_LAST)
        question = describe(answer.name, (source, target, factor))
        answer(source, target, factor)
        if not target.writes:
            raise Wrong(
                f"`{question}` wrote nothing to `target`.",
                "There is nothing to return: assign to `target[index]`, chunk by chunk.",
            )
        expect_whole_writes(target, question)
        _check_values(target, values, factor, question)
        regions = [
            tuple(slice(s.start // factor, (s.stop - 1) // factor + 1) for s in index)
            for index in grid.chunk_slices(shape, chunks)
        ]
        expect_frugal_reads(source, regions, question, "what a chunk of the target shows")
    return (
        f"{len(cases)} images, also where chunks begin inside a voxel and the last one is cut "
        "short: every voxel is in its place, and no more was read than each chunk needs."
    )


def _check_values(target: WatchedTarget, values: Array, factor: int, question: str) -> None:
    """Refuse voxels that are not the one of the source they lie in."""
    expected = _repeated(values, factor)[tuple(slice(n) for n in target.shape)]
    found = target.values
    advice = _OFFSET if _is_off(found, values, factor, target.chunks) else ""
    tiled = np.tile(values, (factor,) * values.ndim)[tuple(slice(n) for n in target.shape)]
    if np.array_equal(found, tiled):
        advice = "The image appears several times: `np.tile` does that. `np.repeat` repeats voxels."
    elif not advice and not np.isin(found, values).all():
        advice = (
            "There are values that the source does not have: nothing is to be interpolated. "
            "`np.repeat` along each axis."
        )
    clues = (
        "seam",
        "borders",
        "everywhere",
        "shifted",
        "moved",
        "edges",
        "few",
        "empty",
        "wrapped",
    )
    expect_array(
        *(found, expected, question),
        chunks=target.chunks,
        advice=dict.fromkeys(
            clues, advice or "Voxel `i` of the target shows voxel `i // factor` of the source."
        ),
    )


def _repeated(values: Array, factor: int) -> Array:
    for axis in range(values.ndim):
        values = np.repeat(values, factor, axis=axis)
    return values


def _is_off(found: Array, values: Array, factor: int, chunks: Sizes) -> bool:
    """Whether every chunk begins with a whole voxel of the source."""
    for index in grid.chunk_slices(found.shape, chunks):
        starts = tuple(slice(part.start // factor, None) for part in index)
        block = _repeated(values[starts], factor)
        inside = tuple(slice(min(n, k)) for n, k in zip(block.shape, found[index].shape,
                                                        strict=True))  # fmt: skip
        if not np.array_equal(found[index][inside], block[inside]):
            return False
    return True
