"""Marks what is done to values: the dtype that holds them, and losing a little on purpose."""

from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.words import describe, kind

__all__ = ["mark_quantise", "mark_smallest_dtype"]


def mark_smallest_dtype(answer: Answer) -> str:
    """Mark 01.4: the smallest integer dtype that holds an image."""
    limits = [(0, 255), (0, 256), (-1, 127), (-1, 128), (0, 65535), (-129, 0), (-3, 70_000)]
    limits += [(0, 2**32), (-(2**31), 5), (7, 7)]
    images = [_image_between(answer.rng, *pair) for pair in limits]
    for image, (low, high) in zip(images, limits, strict=True):
        expected = _smallest(low, high)
        given = answer(image)
        question = f"{answer.name}(image)` with values from {low} to {high} as {image.dtype}"
        if not isinstance(given, (np.dtype, type, str)):
            raise Wrong(f"`{question} gave {kind(given)}; expected a dtype.", "`np.dtype('uint8')`")
        found = np.dtype(given)
        if found != expected:
            refuse_hard_coded(answer, [(other,) for other in images])
            _explain_dtype(question, found, expected, low, high)
    return f"{len(images)} images, at both ends of every integer dtype."


def _image_between(rng: np.random.Generator, low: int, high: int) -> npt.NDArray[Any]:
    """Make an image whose least and largest values are given, in a dtype larger than it needs."""
    image = rng.integers(low, high, (6, 7), dtype="int64", endpoint=True)
    image.flat[rng.choice(image.size, 2, replace=False)] = low, high
    return image


def _smallest(low: int, high: int) -> np.dtype[Any]:
    """Find the smallest integer dtype for a range, unsigned where nothing is negative."""
    names = ["int8", "int16", "int32", "int64"]
    if low >= 0:
        names = [f"u{name}" for name in names]
    fits = (n for n in names if np.iinfo(n).min <= low and high <= np.iinfo(n).max)
    return np.dtype(next(fits))


def _explain_dtype(
    question: str, found: np.dtype[Any], expected: np.dtype[Any], low: int, high: int
) -> None:
    summary = f"`{question} gave {found}; expected {expected}."
    if found.kind not in "iu":
        raise Wrong(summary, "Only integer dtypes are asked for; `np.iinfo` knows their ranges.")
    limits = np.iinfo(found)
    if low < limits.min:
        raise Wrong(
            summary,
            f"{found} holds nothing below {limits.min}: {low} would wrap around. Look at the "
            "smallest value, too.",
        )
    if high > limits.max:
        raise Wrong(
            summary,
            f"{found} ends at {limits.max}: {high} would wrap around to "
            f"{int(np.array(high).astype(found))}.",
        )
    if found.kind != expected.kind:
        raise Wrong(
            summary,
            "Nothing is negative here: an unsigned dtype of the same size reaches twice as far.",
        )
    raise Wrong(
        summary, f"{expected} is smaller and holds {low} to {high}. Its limits count: `<=`."
    )


def mark_quantise(answer: Answer) -> str:
    """Mark 01.5: fewer different values, none off by more than asked."""
    cases = [("uint8", 2), ("uint8", 5), ("uint16", 3), ("uint16", 16), ("uint16", 0)]
    for dtype, max_error in cases:
        top = np.iinfo(dtype).max
        image = answer.rng.integers(0, top, (24, 25), dtype=dtype, endpoint=True)
        image[0, :8] = top - np.arange(8)  # near the top of the range, where sums wrap around
        found = answer(image, max_error)
        question = describe(answer.name, (image, max_error))
        _check_quantised(found, image, max_error, question)
    return (
        f"{len(cases)} images: no value is off by more than asked, and each has as few different "
        "values as that allows."
    )


def _check_quantised(found: Any, image: npt.NDArray[Any], max_error: int, question: str) -> None:
    if not isinstance(found, np.ndarray) or found.shape != image.shape:
        raise Wrong(f"`{question}` gave {kind(found)}; expected an array of the same shape.")
    if found.dtype != image.dtype:
        raise Wrong(
            f"`{question}` has dtype {found.dtype}; expected {image.dtype}, as it came.",
            "A larger dtype takes more room before compression. Convert back at the end.",
        )
    error = np.abs(found.astype("int64") - image.astype("int64"))
    worst = tuple(int(n) for n in np.unravel_index(error.argmax(), error.shape))
    if error.max() > max_error:
        raise Wrong(
            f"`{question}` is off by {error.max()} at {worst}: {image[worst]} became "
            f"{found[worst]}; allowed is {max_error}.",
            _advice_on_error(error, image, max_error),
        )
    levels = len(np.unique(found))
    allowed = int(np.iinfo(image.dtype).max) // (2 * max_error + 1) + 2
    if levels > allowed:
        raise Wrong(
            f"`{question}` has {levels} different values; {allowed} are enough.",
            f"With an error of {max_error} to both sides, each value can stand for "
            f"{2 * max_error + 1} of them: use that as the step.",
        )


def _advice_on_error(error: npt.NDArray[Any], image: npt.NDArray[Any], max_error: int) -> str:
    """Name the usual slips from where and how far values are off."""
    top = np.iinfo(image.dtype).max
    if error.max() > top // 2 and np.mean(error > max_error) < 0.5:
        return (
            f"It wrapped around: {image.dtype} ends at {top}, and what goes beyond starts again "
            "at 0. Compute in a larger dtype (`image.astype('int64')`), and see that the result "
            "stays in the range (`np.clip` or `np.minimum`)."
        )
    if error.max() <= 2 * max_error:
        return (
            "Rounding down is off by up to the whole step; rounding to the middle of the step is "
            "off by half of it: add `step // 2` after rounding down."
        )
    return "The step between two values may be at most `2 * max_error + 1`."
