"""Marks arithmetic on unsigned integers: nothing wraps, and one rounding at the end."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.words import describe, kind

__all__ = ["mark_correct"]

Array: TypeAlias = npt.NDArray[Any]

_FLOATS = "Compute in floats from the first step on: `image.astype('float32')`."


def mark_correct(answer: Answer) -> str:
    """Mark 05.2: dark image subtracted, lamp evened out, no value wrapped, one rounding."""
    cases = [("uint8", "uint8"), ("uint8", "float32"), ("uint16", "uint16"), ("uint16", "float32")]
    for dtype, dark_dtype in cases:
        image, dark, gain = _measurement(answer.rng, dtype, dark_dtype)
        question = describe(answer.name, (image, dark, gain))
        found = answer(image, dark, gain)
        _check_kind(found, image, question)
        _check_values(found, image, dark, gain, question)
    return (
        f"{len(cases)} images: nothing wraps below 0 or above the largest value, and every value "
        "is rounded once, half up."
    )


def _measurement(
    rng: np.random.Generator, dtype: str, dark_dtype: str
) -> tuple[Array, Array, Array]:
    """Make an image, its dark image and gain, all in steps that even float32 holds exactly.

    So halves are frequent, and it does not matter in which floats an answer computes.
    """
    top = np.iinfo(dtype).max
    shape = (36, 40)
    dark = rng.integers(20, 60, shape) + rng.choice([0.0, 0.25, 0.5], shape)
    image = rng.integers(60, min(top - 50, 20_000), shape)
    image[:, :8] = rng.integers(0, 20, (36, 8))  # noise below the dark image
    image[:, 32:] = rng.integers(top - 50, top, (36, 8), endpoint=True)
    gain = rng.choice([0.5, 0.75, 1.0, 1.25], shape)
    gain[:, 32:] = rng.choice([1.5, 2.5], (36, 8))  # lifts the brightest above the top
    return image.astype(dtype), dark.astype(dark_dtype), gain.astype("float32")


def _check_kind(found: Any, image: Array, question: str) -> None:
    """Refuse what is no array of the shape and dtype of the image."""
    if not isinstance(found, np.ndarray) or found.shape != image.shape:
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected an array of shape {image.shape}.", ending
        )
    if found.dtype != image.dtype:
        raise Wrong(
            f"`{question}` has dtype {found.dtype}; expected {image.dtype}, as the image has.",
            "Compute in floats, but give back what the image was stored in: round, clip, and then "
            "`.astype(image.dtype)`.",
        )


def _check_values(found: Array, image: Array, dark: Array, gain: Array, question: str) -> None:
    """Refuse values that wrapped, were cut off, or rounded twice, and say which."""
    top = np.iinfo(image.dtype).max
    exact = (image - dark.astype("f8")) * gain
    expected = np.clip(np.floor(exact + 0.5), 0, top)
    wrong = found != expected
    if not wrong.any():
        return
    first = np.unravel_index(wrong.argmax(), wrong.shape)
    below, above = wrong & (exact < 0), wrong & (exact > top)
    if above.any():
        first = np.unravel_index(above.argmax(), above.shape)
    if below.any():
        first = np.unravel_index(below.argmax(), below.shape)
    place = tuple(int(n) for n in first)
    summary = (
        f"`{question}` is wrong in {np.mean(wrong):.0%} of the pixels. At {place}, "
        f"({image[place]} - {dark[place]:g}) * {gain[place]:g} is {exact[place]:g}, so "
        f"{int(expected[place])} was expected, but there is {found[place]}."
    )
    raise Wrong(
        summary,
        _advice(found, exact, expected, image, dark, gain, (below, above)),
        error_map(wrong),
    )


def _advice(
    found: Array,
    exact: Array,
    expected: Array,
    image: Array,
    dark: Array,
    gain: Array,
    ends: tuple[Array, Array],
) -> str:
    """Name the slip, by where and by how much values are off."""
    dtype, top = image.dtype, np.iinfo(image.dtype).max
    below, above = ends
    if other := _other_arithmetic(found, image, dark, gain):
        return other
    if below.any():
        if np.array_equal(found[below], np.abs(np.floor(exact + 0.5))[below]):
            return "Below the dark image there is nothing: negative values become 0, not positive."
        return (
            f"It wrapped around: an unsigned {dtype} knows nothing below 0 and starts again at "
            f"{top}. {_FLOATS} Set what is below 0 to 0, with `np.clip`, before you convert back."
        )
    if above.any():
        limit = found[above].max()
        if not limit:
            return (
                f"Bright pixels became black: int16 ends at 32767, and {dtype} at {top}; what goes "
                f"beyond wraps around to below 0. {_FLOATS}"
            )
        if limit < top and len(np.unique(found[above])) == 1:
            return (
                f"The limit is not {limit} for every image: "
                f"`np.iinfo(image.dtype).max` is {top} for {dtype}."
            )
        return (
            f"It wrapped around at the top: {dtype} ends at {top}, and what goes beyond starts "
            f"again at 0. {_FLOATS} Then `np.clip(..., 0, np.iinfo(image.dtype).max)`, and only "
            "after that `.astype(image.dtype)`."
        )
    return _advice_on_rounding(found, exact, image, dark, gain, top)


def _other_arithmetic(found: Array, image: Array, dark: Array, gain: Array) -> str:
    """Name the slip if it is one of arithmetic, seen where nothing came near a limit."""
    difference, top = image - dark.astype("f8"), np.iinfo(image.dtype).max
    inside = (difference > 1) & (image * gain.astype("f8") - dark > 1) & (image < top // 3)

    def gives(values: Array) -> bool:
        near = np.abs(found.astype("f8") - values)[inside & (gain != 1)]
        return bool(near.size and (near <= 1).all())

    if gives(difference):
        return "The gain is missing: multiply the difference with it."
    if gives(image * gain.astype("f8") - dark):
        return "First subtract, then multiply: parentheses around the difference are missing."
    if gives(difference / gain):
        return "That divides by the gain. Multiply with it."
    if gives(image * gain.astype("f8")):
        return "The dark image is missing: subtract it before you multiply."
    if gives((image.astype("f8") + dark) * gain):
        return "That adds the dark image. Subtract it."
    return ""


def _advice_on_rounding(
    found: Array, exact: Array, image: Array, dark: Array, gain: Array, top: int
) -> str:
    """Name the slip where no value left the range."""

    def gives(values: Array) -> bool:
        return bool(np.array_equal(found, np.clip(values, 0, top)))

    difference = image - dark.astype("f8")
    if gives(np.floor(exact)):
        return (
            "The decimals are cut off: `.astype` turns 7.75 into 7, and the whole image gets "
            "darker by half a count. Add 0.5 and take `np.floor` first."
        )
    if gives(np.rint(exact)):
        return (
            "`np.round` and `np.rint` take a half to the nearest even number: 2.5 becomes 2. "
            "Half up is `np.floor(value + 0.5)`."
        )
    if gives(np.ceil(exact)):
        return "Always up is not half up: 7.25 becomes 7. `np.floor(value + 0.5)` does it."
    once = [np.floor(difference), np.rint(difference), np.floor(difference + 0.5)]
    dark_first = [np.floor(dark), np.rint(dark), np.floor(dark + 0.5)]
    once += [image - whole.astype("f8") for whole in dark_first]
    early = [np.clip(v, 0, None) * gain for v in once] + [v * gain for v in once]
    if any(gives(values) for v in early for values in (np.floor(v + 0.5), np.rint(v), np.trunc(v))):
        return (
            "Rounded twice: the dark image, or the difference, lost its decimals before the gain "
            "was applied. Keep floats until the end and round once."
        )
    return (
        "Step by step, all in float32 or float64 (float16 is too coarse): subtract, multiply, add "
        "0.5, `np.floor`, `np.clip`, and `.astype(image.dtype)` last."
    )
