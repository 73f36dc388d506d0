"""Marks labels made smaller: the most frequent value of each window, and no other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import ome_zarr
from data_helpers.checks.marking import Answer
from data_helpers.checks.windows import (
    INTERPOLATED,
    ONE_VOXEL,
    expect_windows,
    mean_slips,
    window_sums,
)
from data_helpers.checks.words import describe

__all__ = ["mark_window_mode"]

Array = npt.NDArray[Any]
Sizes: TypeAlias = Sequence[int]
_Case: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], str]  # shape, factors, dtype

_INVENTED = (
    "Labels are names, not amounts: between object 3 and object 7 there is no object 5. Take the "
    "value that most voxels of the window have."
)
_ONE_LABEL = (
    "That is one voxel of each window, whichever it happens to be: thin objects come and go. Take "
    "the value that most voxels of the window have."
)
_FILLED_LABELS = (
    "Windows that the edge cuts short were filled with zeros, which then win. Count only the "
    "voxels that are there."
)
_BACKGROUND = (
    "The background is a value like others: where most of a window is 0, the answer is 0, or "
    "objects grow from level to level."
)
_BY_UNIQUE = (
    "Look at one window at a time: `np.unique(window, return_counts=True)` gives its values and "
    "how often each occurs."
)
_SMALLEST = "Of values that are equally frequent, take the smallest, wherever they lie in a window."


def mark_window_mode(answer: Answer) -> str:
    """Mark 04.5: the most frequent label of each window, the smallest of several."""
    cases: list[_Case] = [((12, 14), (2, 2), "uint8"), ((9, 7), (2, 2), "uint16")]
    cases += [((6, 11, 10), (1, 2, 4), "uint32"), ((5, 9, 8), (2, 2, 2), "uint16")]
    for shape, factors, dtype in cases:
        high = min(int(np.iinfo(dtype).max), 90_000)
        names = np.array([0, *answer.rng.integers(high // 2, high, 3)])
        block = answer.rng.choice(names, shape, p=[0.4, 0.2, 0.2, 0.2]).astype(dtype)
        question = describe(answer.name, (block, factors))
        found = answer(block, factors)
        expected = ome_zarr.window_mode(block, factors)
        expect_windows(found, expected, block, factors, question, _mode_slips)
    return (
        f"{len(cases)} label images: every value is the most frequent of its window, the smallest "
        "of several, and no label appears that was not there."
    )


def _mode_slips(block: Array, factors: Sizes) -> Iterator[tuple[Array, str]]:
    """List what mistakes with labels give."""
    yield ome_zarr.window_mean(block, factors), _INVENTED
    for values, advice in mean_slips(block, factors):
        yield values, _ONE_LABEL if advice in (ONE_VOXEL, INTERPOLATED) else _INVENTED
    windows = list(_windows(block, factors))
    shape = window_sums(block, factors).shape
    for rule, advice in _MODE_RULES:
        yield np.array([rule(window) for window in windows]).reshape(shape), advice
    whole = int(np.prod(factors))
    padded = [np.append(w, [0] * (whole - w.size)) for w in windows]
    yield np.array([_smallest_mode(w) for w in padded]).reshape(shape), _FILLED_LABELS
    yield np.empty(0), _BY_UNIQUE


def _windows(block: Array, factors: Sizes) -> Iterator[Array]:
    """Go through the windows, the last axis fastest, each as a flat array."""
    for place in np.ndindex(window_sums(block, factors).shape):
        index = tuple(slice(p * f, p * f + f) for p, f in zip(place, factors, strict=True))
        yield block[index].ravel()


def _smallest_mode(window: Array) -> Any:
    values, counts = np.unique(window, return_counts=True)
    return values[counts.argmax()]


def _largest_mode(window: Array) -> Any:
    values, counts = np.unique(window, return_counts=True)
    return values[::-1][counts[::-1].argmax()]


def _first_mode(window: Array) -> Any:
    return max(window.tolist(), key=window.tolist().count)


def _mode_of_objects(window: Array) -> Any:
    return _smallest_mode(window[window > 0]) if window.any() else 0


_MODE_RULES: tuple[tuple[Callable[[Array], Any], str], ...] = (
    (_largest_mode, _SMALLEST),
    (_first_mode, _SMALLEST),
    (_mode_of_objects, _BACKGROUND),
    (np.max, "That is the largest label, which is only a number. Take the most frequent one."),
    (np.min, "That is the smallest label of a window. Take the most frequent one."),
    (lambda window: int(np.median(window)), _INVENTED),
)
