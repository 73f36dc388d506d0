"""Marks a ratio of lazy images with unsigned integers: no wrap-around, NaN without a divisor."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer

__all__ = ["mark_background_ratio"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_FLOATS = (
    "Convert to float32 before you subtract: `fluorescence.astype('float32')`. In floats there is "
    "room below 0."
)
_STEPS = (
    "Step by step, in float32: both minus the background, then the one by the other, then NaN "
    "where the divisor is not above 0."
)


def mark_background_ratio(answer: Answer) -> str:
    """Mark 06.2: two differences of unsigned integers, and their ratio."""
    cases: list[tuple[Sizes, Sizes, str]] = [
        ((40, 50), (16, 20), "uint16"),
        ((5, 24, 30), (2, 12, 16), "uint8"),
        ((33, 20), (16, 16), "uint16"),
    ]
    for shape, chunks, dtype in cases:
        images = _images(answer.rng, shape, dtype)
        lazy = [LazyImage(image, chunks) for image in images]
        floats = [image.astype("f8") for image in images]
        expect_lazy_values(
            answer,
            lazy,
            _ratio(*floats),
            chunks=lazy[0].array.chunks,
            advice={
                "chunks": "All three have the same chunks, and so has the result: nothing has to "
                "be rechunked.",
                "dtype": "Ask for float32: `.astype('float32')` before you divide. float64 takes "
                "twice the memory and disk.",
                "everywhere": _STEPS,
            },
            explain=partial(_explain, images=images),
            rtol=1e-5,
        )
    return (
        f"{len(cases)} images of 8 and 16 bits: nothing wraps around, NaN where there is nothing "
        "to divide by, and the dtype is what the lazy array says."
    )


def _images(rng: np.random.Generator, shape: Sizes, dtype: str) -> list[Array]:
    """Make fluorescence, brightfield and background, with dark pixels in the first two."""
    unit = 1 if dtype == "uint8" else 200
    background = rng.integers(15, 25, shape) * unit
    brightfield = background + rng.integers(60, 200, shape) * unit
    fluorescence = background + rng.integers(1, 200, shape) * unit
    dark = rng.random(shape)
    brightfield[dark < 0.1] = background[dark < 0.1]
    brightfield[dark < 0.05] -= 5 * unit
    below = rng.random(shape) < 0.15
    fluorescence[below] = background[below] - rng.integers(1, 15, int(below.sum())) * unit
    return [image.astype(dtype) for image in (fluorescence, brightfield, background)]


def _ratio(fluorescence: Array, brightfield: Array, background: Array) -> Array:
    light = brightfield - background
    ratio: Array = (fluorescence - background) / np.where(light > 0, light, np.nan)
    return ratio.astype("f4")


def _explain(found: Array, images: list[Array]) -> str:
    """Name the slip: first arithmetic, seen where nothing is near 0, then what lies below."""
    fluorescence, brightfield, _ = images
    f, w, b = (image.astype("f8") for image in images)
    lit = w > b
    inside, below = lit & (f > b), lit & (f < b)
    for values, advice in _other_arithmetic(f, w, b):
        if np.allclose(found[inside], values[inside], rtol=1e-4, atol=0):
            return advice
    expected = _ratio(f, w, b)
    wrong_below = below & ~np.isclose(found, expected, rtol=1e-4, atol=1e-6)
    if wrong_below.any():
        if np.isnan(found[wrong_below]).all():
            return (
                "A pixel darker than the background is a measurement like others: the ratio is "
                "negative there. NaN is for where the brightfield is not above the background."
            )
        if (found[wrong_below] == 0).all():
            return (
                "Ratios below 0 were set to 0. They are noise around 0, and half of it must not "
                "be cut off: means would rise."
            )
        return (
            f"Unsigned integers wrap around: {fluorescence.dtype} knows nothing below 0 and starts "
            f"again at the top where the image is darker than the background. {_FLOATS}"
        )
    if np.array_equal(np.isnan(found), ~lit):
        return ""
    advice = (
        "Where the brightfield is not above the background there is nothing to divide by: NaN "
        "belongs there, neither a number nor infinity. `da.where` chooses."
    )
    darker = w < b
    wrapped = (f - b)[darker] / ((w - b)[darker] % (1 << 8 * brightfield.dtype.itemsize))
    if np.allclose(found[darker], wrapped, rtol=1e-4, atol=1e-6):
        return (
            f"The divisor wrapped around, as {brightfield.dtype} starts again at the top where the "
            f"brightfield is below the background. {_FLOATS} {advice}"
        )
    if np.isnan(found[w == b]).all():
        return f"Not only where both are equal, also where the difference is below 0. {advice}"
    return advice


def _other_arithmetic(f: Array, w: Array, b: Array) -> Iterator[tuple[Array, str]]:
    """List what other arithmetic gives."""
    with np.errstate(all="ignore"):
        yield f / w, "The background is missing: subtract it from both."
        yield (f - b) / w, "Subtract the background from the brightfield as well."
        yield f / (w - b), "Subtract the background from the fluorescence as well."
        yield f - b / (w - b), "Parentheses are missing around the first difference."
        yield (f - b) / w - b, "Parentheses are missing around the second difference."
        yield (w - b) / (f - b), "Upside down: divide by the brightfield."
        yield (
            np.floor((f - b) / (w - b)),
            "`//` cuts off the decimals. A ratio is a fraction: `/`.",
        )
