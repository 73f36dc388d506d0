"""Sums of windows of whole numbers, fast: strided additions in the narrowest type that does."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.ome_zarr.methods import rounded_mean, window_counts

__all__ = ["mean_of_sums", "sum_dtype", "window_sums"]


def sum_dtype(dtype: np.dtype[Any], count: int) -> np.dtype[Any]:
    """Type that holds a sum, and half a count more for rounding.

    Parameters
    ----------
    dtype
        Of what is summed: whole numbers of at most 32 bits.
    count
        How many are summed.

    Returns
    -------
    numpy.dtype
        Of 32 or 64 bits.

    Examples
    --------
    >>> sum_dtype(np.dtype("u2"), 8), sum_dtype(np.dtype("u2"), 2**20)
    (dtype('uint32'), dtype('int64'))
    """
    narrow = np.dtype("i4" if dtype.kind == "i" else "u4")
    largest = max(abs(int(np.iinfo(dtype).min)), int(np.iinfo(dtype).max)) + 1
    return narrow if largest * count <= np.iinfo(narrow).max else np.dtype("i8")


def window_sums(
    values: NDArray[Any], factors: Sequence[int], offset: Sequence[int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Sum of each window that a block meets, also of the part of a window.

    ::

        values          a b c d e         the block begins at the second place of a window
        windows       . a | b c | d e     factor 2, offset 1
        sums            a , b+c , d+e

    Parameters
    ----------
    values
        The block.
    factors
        Length of a window along each axis.
    offset
        Along each axis, how far after the beginning of a window the block begins.
    dtype
        Of the sums.

    Returns
    -------
    ndarray
        One sum per window.

    Examples
    --------
    >>> window_sums(np.array([1, 2, 3, 4, 5], "u1"), (2,), (1,), np.dtype("u4"))
    array([1, 5, 9], dtype=uint32)
    """
    sums = values
    for axis, (factor, first) in enumerate(zip(factors, offset, strict=True)):
        if factor > 1:
            sums = _sums_along(sums, axis, factor, first, dtype)
    return sums.astype(dtype, copy=False)


def _sums_along(
    values: NDArray[Any], axis: int, factor: int, offset: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Add the first place of all windows, the second, and so on; each is one strided addition."""
    before = (slice(None),) * axis
    length = values.shape[axis]
    count = -(-(offset + length) // factor)
    shape = (*values.shape[:axis], count, *values.shape[axis + 1 :])
    if offset == 0:
        sums = values[(*before, slice(0, None, factor))].astype(dtype)
    else:
        sums = np.zeros(shape, dtype)
    for first in range(1 if offset == 0 else 0, min(factor, length)):
        part = values[(*before, slice(first, None, factor))]
        window = (offset + first) // factor
        sums[(*before, slice(window, window + part.shape[axis]))] += part
    return sums


def mean_of_sums(
    sums: NDArray[Any], shape: Sequence[int], factors: Sequence[int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Means of windows from their sums.

    Parameters
    ----------
    sums
        Sums of the windows of a region.
    shape
        Shape of the region in voxels of the full resolution.
    factors
        Length of a window along each axis.
    dtype
        Of the means.

    Returns
    -------
    ndarray
        The means, rounded half up.

    Examples
    --------
    >>> mean_of_sums(np.array([3, 5, 4], "u4"), (5,), (2,), np.dtype("u1"))
    array([2, 3, 4], dtype=uint8)
    """
    whole = all(n % f == 0 for n, f in zip(shape, factors, strict=True))
    return rounded_mean(sums, prod(factors) if whole else window_counts(shape, factors), dtype)
