"""What a level's voxel says about its window of the full resolution, written to be read.

Every function takes a block whose first voxel begins a window, and gives one value per window.
Windows that the block's end cuts short count as they are.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import chunk_slices

__all__ = ["METHODS", "Method", "rounded_mean", "window_counts", "window_mean", "window_mode"]
__all__ += ["nearest_places", "window_nearest"]

Method: TypeAlias = Literal["mean", "mode", "nearest"]
Array: TypeAlias = NDArray[Any]


def window_mean(block: Array, factors: Sequence[int]) -> Array:
    """Mean of each window, exact: summed in wide numbers, rounded half up once.

    Parameters
    ----------
    block
        Voxels, of at most 32 bits per integer, or floats.
    factors
        Length of a window along each axis.

    Returns
    -------
    ndarray
        One value per window, of the block's dtype.

    Examples
    --------
    The windows are 1 and 2, 3 and 4, and 6 alone; 1.5 and 3.5 are rounded up:

    >>> window_mean(np.array([1, 2, 3, 4, 6], "u1"), (2,))
    array([2, 4, 6], dtype=uint8)
    """
    sums = block.astype("f8" if block.dtype.kind == "f" else "i8")
    for axis, factor in enumerate(factors):
        sums = np.add.reduceat(sums, np.arange(0, block.shape[axis], factor), axis=axis)
    return rounded_mean(sums, window_counts(block.shape, factors), block.dtype)


def window_counts(shape: Sequence[int], factors: Sequence[int]) -> Array:
    """Count the voxels of each window.

    Parameters
    ----------
    shape
        Shape of the block.
    factors
        Length of a window along each axis.

    Returns
    -------
    ndarray
        One number per window.

    Examples
    --------
    >>> window_counts((5, 2), (2, 2))
    array([[4],
           [4],
           [2]])
    """
    per_axis = [
        np.minimum(factor, length - np.arange(0, length, factor))
        for length, factor in zip(shape, factors, strict=True)
    ]
    counts: Array = reduce(np.multiply.outer, per_axis)
    return counts


def rounded_mean(sums: Array, counts: Array | int, dtype: np.dtype[Any]) -> Array:
    """Divide sums by counts; whole numbers are rounded half up.

    Parameters
    ----------
    sums
        Sums of windows, of a wide integer type or float64.
    counts
        Voxels in each window.
    dtype
        What to give back.

    Returns
    -------
    ndarray
        The means.

    Examples
    --------
    >>> rounded_mean(np.array([-3, 3, 5]), 2, np.dtype("i2"))
    array([-1,  2,  3], dtype=int16)
    """
    if sums.dtype.kind == "f":
        return (sums / counts).astype(dtype)
    # Half of the count is added before dividing, and the division rounds down: rounding half up.
    return ((sums + counts // 2) // counts).astype(dtype)


def window_mode(block: Array, factors: Sequence[int]) -> Array:
    """Most frequent value of each window; of several, the smallest.

    Parameters
    ----------
    block
        Labels, whole numbers.
    factors
        Length of a window along each axis.

    Returns
    -------
    ndarray
        One value per window, of the block's dtype.

    Examples
    --------
    >>> window_mode(np.array([[7, 7, 0, 2], [0, 7, 2, 0]]), (2, 2))
    array([[7, 0]])
    """
    shape = [-(-n // f) for n, f in zip(block.shape, factors, strict=True)]
    modes = np.empty(shape, block.dtype)
    # Windows that are whole along an axis and those that are not are separate parts, so that
    # within a part all windows have one shape.
    parts = [[n // f * f, n % f] for n, f in zip(block.shape, factors, strict=True)]
    for part in chunk_slices(block.shape, parts):
        target = tuple(
            slice(p.start // f, -(-p.stop // f)) for p, f in zip(part, factors, strict=True)
        )
        modes[target] = _modes_of_equal_windows(block[part], factors)
    return modes


def _modes_of_equal_windows(block: Array, factors: Sequence[int]) -> Array:
    """Bring each window's values together in order, and follow the runs of equal ones."""
    lengths = [min(f, n) for f, n in zip(factors, block.shape, strict=True)]
    counts = [n // f for n, f in zip(block.shape, lengths, strict=True)]
    split = block.reshape([size for pair in zip(counts, lengths, strict=True) for size in pair])
    inside_first = [*range(1, split.ndim, 2), *range(0, split.ndim, 2)]
    values = np.sort(split.transpose(inside_first).reshape(-1, *counts), axis=0)
    best: Array = values[0].copy()
    run = np.ones(counts, "i8")
    longest = run.copy()
    for before, value in pairwise(values):
        run = np.where(value == before, run + 1, 1)
        best = np.where(run > longest, value, best)
        longest = np.maximum(run, longest)
    return best


def window_nearest(block: Array, factors: Sequence[int]) -> Array:
    """One voxel of each window: the one nearest to its centre, the lower of two.

    Parameters
    ----------
    block
        Voxels of any type.
    factors
        Length of a window along each axis.

    Returns
    -------
    ndarray
        One value per window, of the block's dtype.

    Examples
    --------
    >>> window_nearest(np.arange(10), (4,))
    array([1, 5, 8])
    """
    places = [nearest_places(n, f) for n, f in zip(block.shape, factors, strict=True)]
    return block[np.ix_(*places)]


def nearest_places(length: int, factor: int) -> NDArray[np.int64]:
    """Where along an axis the voxel nearest to the centre of each window lies.

    Parameters
    ----------
    length
        Length of the axis.
    factor
        Length of a window.

    Returns
    -------
    ndarray of int64
        One place per window.

    Examples
    --------
    >>> nearest_places(10, 4)
    array([1, 5, 8])
    """
    starts = np.arange(0, length, factor)
    places: NDArray[np.int64] = starts + (np.minimum(factor, length - starts) - 1) // 2
    return places


METHODS: dict[str, Callable[[Array, Sequence[int]], Array]] = {
    "mean": window_mean,
    "mode": window_mode,
    "nearest": window_nearest,
}
