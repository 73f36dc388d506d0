"""Marks the scaling of a lazy image by the limits of all of it."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer

__all__ = ["mark_normalize"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_GLOBAL = (
    "`image.min()` of the whole Dask array is lazy, too, and Dask puts it together from all "
    "chunks. Use it in the arithmetic as it is."
)


def mark_normalize(answer: Answer) -> str:
    """Mark 06.4: 0 to 1 between the smallest and the largest value of the whole image."""
    cases: list[tuple[Sizes, Sizes, str]] = [
        ((40, 50), (16, 20), "uint16"),
        ((33, 41), (11, 16), "int16"),
        ((5, 24, 22), (2, 12, 10), "float32"),
    ]
    for shape, chunks, dtype in cases:
        values = _rising(answer.rng, shape, dtype)
        image = LazyImage(values, chunks)
        expect_lazy_values(
            answer,
            [image],
            _scaled(values, values.min(), values.max()),
            chunks=image.array.chunks,
            advice={
                "chunks": "Nothing has to be rechunked: arithmetic keeps the chunks of the image.",
                "dtype": "Ask for float32, at the end or before you begin: `.astype('float32')`.",
                "scaled": "Each chunk was scaled by numbers of its own. " + _GLOBAL,
                "everywhere": "The smallest value of the whole image becomes 0, the largest 1. "
                + _GLOBAL,
            },
            errors={
                "truth value": "`min(image)` and `max(image)` of Python compare row by row, and "
                "want to know now. " + _GLOBAL
            },
            explain=partial(_explain, values=values, chunks=chunks),
            rtol=1e-5,
        )
    return (
        f"{len(cases)} images: one scale for all chunks, and nothing was computed before somebody "
        "asked for it."
    )


def _rising(rng: np.random.Generator, shape: Sizes, dtype: str) -> Array:
    """Make an image that gets brighter towards the end, and fills the dtype where it is signed."""
    low, high = {"uint16": (300, 61_000), "int16": (-31_000, 32_000), "float32": (-2.5, 7.5)}[dtype]
    trend = np.linspace(0, 0.6, shape[-1]) + rng.uniform(0, 0.4, shape)
    return (low + trend * (high - low)).astype(dtype)


def _scaled(values: Array, low: Any, high: Any) -> Array:
    scaled: Array = (values.astype("f8") - float(low)) / (float(high) - float(low))
    return scaled.astype("f4")


def _explain(found: Array, values: Array, chunks: Sizes) -> str:
    """Name the slip."""
    for other, advice in _slips(values, chunks):
        if np.allclose(found, other, rtol=1e-4, atol=1e-5):
            return advice
    inside = np.isfinite(found) & (found >= -1e-6) & (found <= 1 + 1e-6)
    if values.dtype.kind == "i" and not inside.all():
        return (
            f"It wrapped around: {values.dtype} ends at {np.iinfo(values.dtype).max}, and from the "
            "smallest to the largest value of this image it is farther than that. Convert the "
            "image to float32 first, then take its limits and subtract."
        )
    return ""


def _slips(values: Array, chunks: Sizes) -> Iterator[tuple[Array, str]]:
    """List what usual slips give."""
    each = np.empty(values.shape, "f4")
    for index in grid.chunk_slices(values.shape, chunks):
        block = values[index]
        each[index] = _scaled(block, block.min(), block.max())
    yield (
        each,
        (
            "Each chunk was brought to 0 to 1 by itself: the same intensity became other numbers "
            "in other chunks. In a function for `map_blocks`, `block.min()` knows only its block. "
        )
        + _GLOBAL,
    )
    floats = values.astype("f8")
    low, high = floats.min(), floats.max()
    yield floats - low, "Divide by the distance of the limits, largest minus smallest."
    yield floats / high, "Subtract the smallest value first: it becomes 0."
    yield (
        (floats - low) / high,
        "Divide by the distance of the limits, largest minus smallest, not by the largest.",
    )
    yield floats - low / (high - low), "Parentheses are missing around the first difference."
    yield (high - floats) / (high - low), "Upside down: the smallest value becomes 0."
    yield (
        np.trunc((floats - low) / (high - low)),
        "The decimals were cut off: `//`, or a conversion to integers before the end.",
    )
    if values.dtype.kind in "iu":
        ends = np.iinfo(values.dtype)
        yield (
            _scaled(values, ends.min, ends.max),
            "Those are the limits of the dtype. Take the limits of the image.",
        )
        yield floats / ends.max, "That is the limit of the dtype. Take the limits of the image."
