"""One threshold for the whole image, from counts that add up."""

from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from data_helpers.dask_operations.counts import (
    count_values,
    few_values,
    in_parts,
    lowest_value,
)
from data_helpers.dask_operations.inputs import check_image
from data_helpers.dask_operations.passes import reduce_chunks
from data_helpers.processing import otsu_from_histogram

__all__ = ["otsu_threshold"]

BINS = 256  # for floats, as in scikit-image
MOST_BINS = 2**20  # for integers: 8 MB of counts per chunk


def otsu_threshold(x: da.Array) -> da.Array:
    """Find Otsu's threshold of a whole lazy image: values above it are foreground.

    Parameters
    ----------
    x
        A Dask array: integers or floats. NaN is left out.

    Returns
    -------
    dask.array.Array
        Lazy float64 without axes: `skimage.filters.threshold_otsu` of the whole. For an image of
        one value only, that value.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If chunk sizes are unknown or the image has no voxels. When computed: if values are
        infinite, all of them are NaN, or integers spread over more than 2 ** 20.

    Notes
    -----
    Integers are counted one by one, floats in 256 bins between the smallest and the largest, as in
    scikit-image. Sums are exact or in float64; scikit-image's are in float32, so that in millions
    of voxels it may find another of several thresholds that are almost as good. See
    `otsu_from_histogram` for the method.

    Computing it computes `x` once for integers of at most 16 bits, else twice: the smallest and
    the largest first.

    Examples
    --------
    >>> x = da.from_array([1, 2, 2, 7, 8], chunks=2)
    >>> float(otsu_threshold(x.astype("uint8")))
    2.0
    """
    check_image(x, "x", "iuf")
    if x.size == 0:
        raise ValueError(f"x has shape {x.shape}, so no voxels; expected at least one")
    if few_values(x.dtype):
        finish = partial(_threshold_of_values, lowest=lowest_value(x.dtype))
        return reduce_chunks(count_values, sum, finish, x, label="otsu")
    known = x.dtype if x.dtype.kind != "f" else np.promote_types(x.dtype, "f4")
    ends = reduce_chunks(
        _extremes, _outermost, _finite, x, shape=(2,), dtype=known, label="extremes"
    )
    if x.dtype.kind == "f":
        return reduce_chunks(_count_in_bins, sum, _threshold_of_bins, x, ends, label="otsu")
    return reduce_chunks(_count_between, sum, _threshold_between, x, ends, label="otsu")


def _threshold_of_values(counts: NDArray[np.int64], *, lowest: int) -> float:
    """Otsu's threshold of whole numbers from the lowest on."""
    found = np.flatnonzero(counts)
    if len(found) == 1:
        return float(lowest + int(found[0]))
    kept = counts[found[0] : found[-1] + 1]
    above_least = otsu_from_histogram(kept, np.arange(len(kept) + 1) - 0.5)
    return float(lowest + int(found[0]) + int(above_least))


def _extremes(block: NDArray[Any]) -> NDArray[Any]:
    """Task: the smallest and the largest of a chunk; NaN only if there is nothing else."""
    return np.array([np.fmin.reduce(block, axis=None), np.fmax.reduce(block, axis=None)])


def _outermost(extremes: list[NDArray[Any]]) -> NDArray[Any]:
    lows, highs = zip(*extremes, strict=True)
    return np.array([np.fmin.reduce(lows), np.fmax.reduce(highs)])


def _finite(ends: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(ends).all():
        raise ValueError(
            f"values go from {ends[0]} to {ends[1]}; expected finite numbers, and not only NaN: "
            "replace what is infinite first"
        )
    return ends


def _count_between(block: NDArray[Any], ends: NDArray[Any]) -> NDArray[np.int64]:
    """Task: how often each whole number occurs, from the smallest to the largest."""
    low, high = (int(end) for end in ends)
    if high - low >= MOST_BINS:
        raise ValueError(
            f"integers go from {low} to {high}, too far apart to count each of them; expected at "
            f"most {MOST_BINS} different ones: divide them first, or convert them to float32"
        )
    counts = np.zeros(high - low + 1, np.int64)
    for part in in_parts(block):
        counts += np.bincount((part - ends[0]).astype(np.intp), minlength=len(counts))
    return counts


def _threshold_between(counts: NDArray[np.int64], ends: NDArray[Any]) -> float:
    return _threshold_of_values(counts, lowest=int(ends[0]))


def _count_in_bins(block: NDArray[Any], ends: NDArray[Any]) -> NDArray[np.int64]:
    """Task: how many values lie in each bin."""
    low, high = ends
    parts = (part[~np.isnan(part)] for part in in_parts(block))
    counts = sum(np.histogram(part.astype(ends.dtype), BINS, (low, high))[0] for part in parts)
    return np.asarray(counts, np.int64)


def _threshold_of_bins(counts: NDArray[np.int64], ends: NDArray[Any]) -> float:
    low, high = ends
    if low == high:
        return float(low)
    return otsu_from_histogram(counts, np.histogram_bin_edges(ends, BINS, (low, high)))
