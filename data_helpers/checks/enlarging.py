"""Marks how an image is made larger: which voxels of the input each chunk of the output needs."""

from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.targets import (
    WatchedTarget,
    ask,
    expect_frugal_reads,
    expect_whole_writes,
)
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import short

__all__ = ["mark_enlarge"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_OFFSET = (
    "Where a chunk of the target begins inside a voxel of the source, the first voxel is shown "
    "fewer times: after repeating, your part begins at `start % factor`."
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
        target = WatchedTarget(shape, "uint16", chunks, advice=partial(_advice_on_shape, factor))
        _, question = ask(answer, source, target, factor)
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


def _advice_on_shape(factor: int, found: Sizes, expected: Sizes) -> str:
    """Say why a block may have another shape than its region."""
    if len(found) != len(expected):
        return "`np.repeat` without `axis=` strings all voxels together: repeat along each axis."
    if all(a >= b for a, b in zip(found, expected, strict=True)):
        return (
            "After repeating, cut out what lies between `start` and `stop`: your part begins at "
            "`start % factor`, and has `stop - start` voxels."
        )
    return (
        f"Too few along some axis. Did you repeat `factor` times, which is {factor} here, along "
        "each of the axes? And is the last voxel of the source there? The chunk ends with voxel "
        "`stop - 1`, so the source is needed up to and with `(stop - 1) // factor`."
    )


def _check_values(target: WatchedTarget, values: Array, factor: int, question: str) -> None:
    """Refuse voxels that are not the one of the source they lie in."""
    inside = tuple(slice(n) for n in target.shape)
    found, expected = target.values, _repeated(values, factor)[inside]
    wrong = found != expected
    if not wrong.any():
        return
    advice = "Voxel `i` of the target shows voxel `i // factor` of the source, along each axis."
    if np.array_equal(found, np.tile(values, (factor,) * values.ndim)[inside]):
        advice = "The image appears several times: `np.tile` does that. `np.repeat` repeats voxels."
    elif _is_off(found, values, factor, target.chunks):
        advice = _OFFSET
    elif not np.isin(found, values).all():
        advice = (
            "There are values that the source does not have: nothing is to be interpolated. "
            "`np.repeat` along each axis."
        )
    place = tuple(int(n) for n in np.argwhere(wrong)[0])
    shown = tuple(n // factor for n in place)
    raise Wrong(
        f"`{question}` is wrong in {np.mean(wrong):.1%} of the voxels. `target[{short(place)}]` is "
        f"{found[place]}, but should show `source[{short(shown)}]`, {values[shown]}.",
        advice,
        error_map(wrong[place[:-2]], target.chunks),
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
