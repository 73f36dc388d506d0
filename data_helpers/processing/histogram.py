"""What the whole image says, from chunks: a histogram adds up, and a threshold follows from it."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, prod
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index, chunk_slices
from data_helpers.jobs import ReadableArray, fast_to_read
from data_helpers.jobs.run import Workers
from data_helpers.processing.pieces import AT_ONCE

__all__ = ["chunkwise_histogram", "otsu_from_histogram"]


def chunkwise_histogram(
    array: ReadableArray,
    *,
    bins: int | Sequence[float],
    range: tuple[float, float] | None = None,  # noqa: A002 - NumPy's word
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Count the values of an image, chunk by chunk: what `numpy.histogram` gives for all of it.

    Parameters
    ----------
    array
        NumPy, Zarr, or anything that can be sliced; integers, floats or bool.
    bins
        Number of bins of equal width, or their edges.
    range
        Lower and upper end of the bins. Needed with a number: no chunk knows the whole range.
        For one bin per value of uint8, say ``bins=256, range=(-0.5, 255.5)``.
    chunks
        Size of the regions to read, by default the array's chunks, several small ones together.
    n_jobs, backend, progress
        As for `run_jobs`. There is no manifest, since nothing is written.

    Returns
    -------
    counts : ndarray of int64
        Values in each bin. A bin holds its lower edge, the last one also its upper edge. What lies
        outside, and NaN, is not counted.
    edges : ndarray of floats
        One more than bins.

    Raises
    ------
    ValueError
        If bins are given as a number without a range, or as NumPy raises for either.

    Examples
    --------
    >>> image = np.array([0, 1, 1, 3, 3, 3], "u1")
    >>> counts, edges = chunkwise_histogram(image, bins=4, range=(-0.5, 3.5), chunks=(2,))
    >>> counts
    array([1, 2, 0, 3])
    """
    if range is None and isinstance(bins, int):
        raise ValueError(
            f"bins is {bins} without a range; expected range=(low, high), since no chunk knows the "
            "smallest and largest value of all, or the edges as bins"
        )
    counts, edges = np.histogram(np.empty(0, array.dtype), bins, range)
    count = _Count(array, bins, range)
    regions = chunk_slices(array.shape, chunks if chunks is not None else _regions(array))

    def add(_number: int, found: NDArray[np.int64]) -> None:
        counts[...] += found

    jobs = [joblib.delayed(count)(region) for region in regions]
    Workers(n_jobs, backend, progress).run(jobs, add)
    return counts, edges


def otsu_from_histogram(counts: NDArray[Any], edges: NDArray[Any]) -> float:
    """Find the threshold that parts a histogram into the two most different halves.

    Parameters
    ----------
    counts
        Values in each bin.
    edges
        One more than bins.

    Returns
    -------
    float
        The centre of the last bin of the lower half: values above it are foreground. For bins of
        width 1 around whole numbers this is `skimage.filters.threshold_otsu` of the image.

    Raises
    ------
    ValueError
        If lengths do not fit, or fewer than two bins hold values.

    Notes
    -----
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
    Systems, Man, and Cybernetics 9 (1979) 62-66, https://doi.org/10.1109/TSMC.1979.4310076: the
    variance between the halves, ``weight * other weight * (mean - other mean) ** 2``, is largest.
    Of several such thresholds this is the lowest.

    Examples
    --------
    >>> counts, edges = np.histogram([1, 2, 2, 7, 8], bins=10, range=(-0.5, 9.5))
    >>> otsu_from_histogram(counts, edges)
    2.0
    """
    weights = np.asarray(counts, "f8")
    if len(edges) != len(weights) + 1 or np.count_nonzero(weights) < 2:
        raise ValueError(
            f"{len(weights)} counts, {np.count_nonzero(weights)} of them above 0, and {len(edges)} "
            "edges; expected one more edge than counts, and values in at least two bins"
        )
    centres = np.array([(low + high) / 2 for low, high in pairwise(edges)])
    below, above = np.cumsum(weights)[:-1], np.cumsum(weights[::-1])[::-1][1:]
    sums = weights * centres
    sum_below, sum_above = np.cumsum(sums)[:-1], np.cumsum(sums[::-1])[::-1][1:]
    both = (below > 0) & (above > 0)
    between = np.zeros(len(below))
    gap = sum_below[both] / below[both] - sum_above[both] / above[both]
    between[both] = below[both] * above[both] * gap**2
    return float(centres[int(np.argmax(between))])


class _Count:
    """Count the values of one region."""

    def __init__(
        self,
        array: ReadableArray,
        bins: int | Sequence[float],
        limits: tuple[float, float] | None,
    ) -> None:
        self.array = fast_to_read(array)
        self.bins = bins
        self.limits = limits

    def __call__(self, index: Index) -> NDArray[np.int64]:
        """Give the counts of one region."""
        values = np.asarray(self.array[index]).ravel()
        if values.dtype == bool:  # NumPy counts them, with a warning
            values = values.view(np.uint8)
        return np.histogram(values, self.bins, self.limits)[0].astype("i8")


def _regions(array: ReadableArray) -> Chunks:
    """Choose what to read at a time: whole chunks, several small ones together."""
    chunks = getattr(array, "chunks", None) or (1,) * len(array.shape)
    sizes = [size if isinstance(size, int) else max(size) for size in chunks]
    for axis in reversed(range(len(sizes))):
        many = max(1, AT_ONCE // max(prod(sizes), 1))
        sizes[axis] *= min(many, max(1, ceil(array.shape[axis] / sizes[axis])))
    return tuple(sizes)
