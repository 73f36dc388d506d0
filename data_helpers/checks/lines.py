"""Marks a fit along one axis of a lazy series, at every pixel."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer

__all__ = ["mark_fit_slope"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_JOIN = (
    "A fit needs all times of a pixel, not all pixels: join chunks along the first axis alone, "
    "`series.rechunk({0: -1})`."
)
_AXES = (
    "And say which axis of the series is t: `axes=[(0,), ()]`. Else `apply_gufunc` takes the last."
)
_LEAST_SQUARES = (
    "With `t = times - times.mean()`, the slope at a pixel is the sum of `t * values` over its "
    "times, divided by the sum of `t ** 2`."
)


def mark_fit_slope(answer: Answer) -> str:
    """Mark 06.6: the slope of a line through the times of each pixel."""
    cases: list[tuple[Sizes, Sizes, str]] = [
        ((9, 20, 24), (4, 8, 16), "uint16"),
        ((12, 18, 15), (3, 18, 10), "float32"),
        ((6, 16, 20), (6, 7, 20), "uint8"),
    ]
    for shape, chunks, dtype in cases:
        values, times = _series(answer.rng, shape, dtype)
        series = LazyImage(values, chunks)
        expect_lazy_values(
            answer,
            [series, times],
            _slope(values, times),
            chunks=series.array.chunks[1:],
            advice={
                "chunks": f"Along y and x the chunks stay as they are. {_JOIN} "
                "`allow_rechunk=True` leaves it to Dask, which then cuts y and x smaller.",
                "dtype": "Ask for float32: in the function with `.astype('float32')`, and in "
                "`output_dtypes`.",
                "everywhere": _LEAST_SQUARES,
            },
            errors={"consists of multiple chunks": f"{_JOIN} {_AXES}"},
            explain=partial(_explain, values=values, times=times, chunks=chunks),
            rtol=1e-4,
        )
    return (
        f"{len(cases)} series with uneven times, two of them cut along time: the slope at every "
        "pixel, in the chunks of an image."
    )


def _series(rng: np.random.Generator, shape: Sizes, dtype: str) -> tuple[Array, Array]:
    """Make a series that bleaches here and brightens there, and when each image was taken."""
    times = np.cumsum(rng.uniform(0.2, 3, shape[0])).round(2)
    slope = rng.uniform(-1, 1, shape[1:])
    line = 120 + slope * (times - times.mean())[:, None, None] * 70 / np.ptp(times)
    values = line + rng.normal(0, 10, shape)
    unit = {"uint8": 1, "uint16": 200, "float32": 1 / 120}[dtype]
    return (np.clip(values, 0, 255) * unit).astype(dtype), times


def _slope(values: Array, times: Array) -> Array:
    centred = times - times.mean()
    slope: Array = np.tensordot(centred, values.astype("f8"), axes=1) / np.sum(centred**2)
    found: Array = slope.astype("f4")
    return found


def _explain(found: Array, values: Array, times: Array, chunks: Sizes) -> str:
    """Name the slip."""
    size = float(np.abs(found[np.isfinite(found)]).max(initial=0.0))
    for other, advice in _slips(values, times, chunks):
        if np.allclose(found, other, rtol=1e-3, atol=1e-4 * size):
            return advice
    return ""


def _slips(values: Array, times: Array, chunks: Sizes) -> Iterator[tuple[Array, str]]:
    """List what usual slips give."""
    floats, right = values.astype("f8"), _slope(values, times)
    yield (
        _slope(values, np.arange(len(times))),
        "The images were not taken at even times: use `times`, not the number of the image.",
    )
    yield (
        floats.mean(axis=0) - right * times.mean(),
        "That is the height of the line at time 0. `np.polyfit` gives the slope first.",
    )
    yield -right, "The sign is wrong: a pixel that gets darker has a slope below 0."
    whole = (floats[-1] - floats[0]) / (times[-1] - times[0])
    yield whole, f"That is the line through the first and the last image only. {_LEAST_SQUARES}"
    steps = np.diff(floats, axis=0) / np.diff(times)[:, None, None]
    yield steps.mean(axis=0), f"That is the mean of all steps. {_LEAST_SQUARES}"
    centred = (times - times.mean())[:, None, None]
    yield (centred * floats).sum(0), "Divide by the sum of the squares of `times - times.mean()`."
    yield (
        (centred * floats).sum(0) / (times**2).sum(),
        "Subtract the mean of the times below the line as well.",
    )
    parts = [slice(at, at + chunks[0]) for at in range(0, len(times), chunks[0])]
    each = [_slope(values[part], times[part]) for part in parts if len(times[part]) > 1]
    yield np.mean(each, axis=0), f"That is the mean of a fit in each chunk of times. {_JOIN}"
    yield each[0], f"That is the fit of the first chunk of times. {_JOIN}"
    yield each[-1], f"That is the fit of the last chunk of times. {_JOIN}"
