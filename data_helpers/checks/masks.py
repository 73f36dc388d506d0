"""Marks a mask of two axes laid on a lazy series of three."""

from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer

__all__ = ["mark_apply_mask"]

Array: TypeAlias = npt.NDArray[Any]

_RECHUNK_MASK = (
    "Where two arrays are cut at different places, Dask cuts both at all of them, and pieces "
    "become many and small. Bring the mask, which is small, into the chunks of the series first: "
    "`mask.rechunk(series.chunks[1:])`. Leave the series as it is."
)
_CHOOSE = (
    "An index picks pixels out, and how many is not known before. Here the series keeps its "
    "shape: `da.where(mask, series, ...)`."
)
_LAY_ON = (
    "The mask lies on every time alike: its axes are the last two of the series. "
    "`da.where(mask, series, ...)` and arithmetic match axes from the last one."
)


def mark_apply_mask(answer: Answer) -> str:
    """Mark 06.3: a mask (y, x) on a series (t, y, x), in the chunks of the series."""
    cases: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str]] = [
        ((6, 30, 30), (2, 12, 16), (30, 30), "uint16"),
        ((4, 25, 20), (1, 10, 20), (7, 9), "float32"),
        ((3, 20, 24), (3, 20, 12), (20, 12), "int16"),
    ]
    for shape, chunks, mask_chunks, dtype in cases:
        values = answer.rng.integers(1, 30_000, shape).astype(dtype)
        mask = answer.rng.random(shape[1:]) < 0.4
        if dtype == "float32":
            values[:, answer.rng.random(shape[1:]) < 0.2] = np.nan
        series = LazyImage(values, chunks)
        expect_lazy_values(
            answer,
            [series, LazyImage(mask, mask_chunks)],
            np.where(mask, values, values.dtype.type(0)),
            chunks=series.array.chunks,
            advice={
                "chunks": _RECHUNK_MASK,
                "dtype": "The values inside the mask stay what they are, and so does the dtype. "
                "Which number do you put outside, and of which dtype? "
                "`series.dtype.type(0)` is a 0 like those of the series.",
                "everywhere": _LAY_ON,
            },
            errors={"broadcast": _RECHUNK_MASK, "Slicing with dask.array of bools": _CHOOSE},
            explain=partial(_explain, values=values, mask=mask),
        )
    return (
        f"{len(cases)} series, one with NaN, under masks in other chunks: outside is 0, and "
        "neither chunks nor dtype of a series changed."
    )


def _explain(found: Array, values: Array, mask: Array) -> str:
    """Name the slip."""
    outside = np.broadcast_to(~mask, values.shape)
    if np.array_equal(found, np.where(mask, 0, values), equal_nan=True):
        return "The other way round: what is inside the mask, where it is true, is kept."
    if np.array_equal(found, values, equal_nan=True):
        return "Nothing was masked. `da.where(condition, a, b)` takes `a` where it is true."
    if np.array_equal(found, values * mask, equal_nan=True):
        return (
            "NaN times 0 is NaN: pixels that are broken outside the mask stay broken. Choose with "
            "`da.where` instead of multiplying."
        )
    if np.isnan(found[outside].astype("f8")).all():
        return "Outside belongs 0, not NaN: a sum over the series should count nothing there."
    if np.isin(found[outside], (True, 1)).all() or (found[outside] == 255).all():
        return "Outside belongs 0."
    if np.array_equal(found[0], np.where(mask, values[0], 0), equal_nan=True):
        return f"Only the first time is right. {_LAY_ON}"
    return ""
