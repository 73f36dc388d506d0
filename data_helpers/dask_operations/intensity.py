"""Intensities on one scale for the whole image: limits first, from all of it, then a map."""

from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from data_helpers.dask_operations.inputs import check_image
from data_helpers.dask_operations.passes import map_with
from data_helpers.dask_operations.percentiles import global_percentiles
from data_helpers.dask_operations.pixels import map_chunks

__all__ = ["normalize_intensity"]

Limit = float | da.Array


def normalize_intensity(
    x: da.Array,
    *,
    percentiles: tuple[float, float] = (1, 99),
    limits: tuple[Limit, Limit] | None = None,
) -> da.Array:
    """Bring the intensities of a lazy image to 0 to 1, on the same scale everywhere.

    Each chunk's own limits would make equal intensities differ from chunk to chunk.

    Parameters
    ----------
    x
        A Dask array: bool, integers or floats.
    percentiles
        What becomes 0 and 1: percentiles of the whole image, exact (see `global_percentiles`).
    limits
        Instead of percentiles, the intensities that become 0 and 1: numbers, or lazy numbers such
        as ``(x.min(), x.max())``.

    Returns
    -------
    dask.array.Array
        Lazy float32 with the shape and chunks of `x`: ``(x - low) / (high - low)``, with 0 for what
        lies below and 1 for what lies above; NaN stays NaN. Where both limits are the same, 1 for
        what lies above them and 0 for all else.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If chunk sizes are unknown, percentiles are none, or the lower limit is not below the upper.
        When computed: if the image holds only NaN.

    Notes
    -----
    With limits as numbers `x` is computed once. Else it is computed anew after the limits are
    known, so that no more than the chunks being worked on are in memory: two times in all for
    percentiles of bool and integers of at most 16 bits, three times for others. Store or persist
    first what is dear to compute.

    Examples
    --------
    >>> x = da.from_array([10, 20, 30, 40, 50], chunks=2)
    >>> normalize_intensity(x, limits=(10, 50)).compute()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    >>> normalize_intensity(x.astype("uint8"), percentiles=(25, 75)).compute()
    array([0. , 0. , 0.5, 1. , 1. ], dtype=float32)
    """
    check_image(x, "x")
    if limits is None:
        _check_order(*percentiles, "percentiles")
        found = global_percentiles(x, percentiles)
        return map_with(_scale, x, found, dtype="f4", label="normalize")
    low, high = limits
    if isinstance(low, da.Array) or isinstance(high, da.Array):
        return map_with(_scale, x, _lazy_pair(low, high), dtype="f4", label="normalize")
    _check_order(low, high, "limits")
    scale = partial(_scale, limits=np.array([low, high], "f8"))
    return map_chunks(scale, [x], dtype="f4", label="normalize")


def _check_order(low: float, high: float, name: str) -> None:
    if not -np.inf < low < high < np.inf:
        raise ValueError(
            f"{name} are {low} and {high}; expected two finite numbers, the lower one first"
        )


def _lazy_pair(low: Limit, high: Limit) -> da.Array:
    """Limits of which one, at least, is not known yet, as an array of one chunk."""
    pair = [da.asarray(limit) for limit in (low, high)]  # type: ignore[no-untyped-call]
    if any(limit.shape != () for limit in pair):
        raise ValueError(
            f"limits have shapes {[limit.shape for limit in pair]}; expected a single number each, "
            "such as (x.min(), x.max())"
        )
    both: da.Array = da.stack([limit.astype("f8") for limit in pair]).rechunk(2)  # type: ignore[no-untyped-call]
    return both


def _scale(block: NDArray[Any], limits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Task: one chunk between the limits of the whole image; computed in float64, rounded once."""
    low, high = limits.tolist()
    if not low <= high:
        raise ValueError(f"limits are {low} and {high}; expected the lower one first, and no NaN")
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: NDArray[Any] = np.subtract(block, low, dtype="f8")
        scaled /= high - low
    if low == high:  # 0 / 0 at the limits themselves
        scaled[block == low] = 0
    return np.clip(scaled, 0, 1, out=scaled).astype("f4")
