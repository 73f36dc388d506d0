"""The arithmetic of filters in compiled loops: what `kernels` does with SciPy, and faster.

Imported only when a filter runs and numba is installed (the ``fast`` extra). Blocks have three
axes; the innermost loops run along the last one, over rows that lie in the fastest cache.

A Gaussian is the same on both sides, so two rows at the same distance share one multiplication.
Four distances are added at a time: the row of sums is then loaded and stored a quarter as often.
"""

from typing import Any

import numba
import numpy as np

__all__ = ["convolve_block", "round_block", "smooth_block"]

# Multiplying and adding in one step is more exact than in two, and may differ in the last bit.
_smoothing = numba.njit(nogil=True, cache=True, fastmath={"contract"})
_exact = numba.njit(nogil=True, cache=True)


@_smoothing
def smooth_block(block: Any, along_z: Any, along_y: Any, along_x: Any) -> Any:
    """Smooth a block with its halo, in place.

    Smoothed rows take the places of rows that are no longer needed.

    Parameters
    ----------
    block
        Floats, three axes, with the halo; overwritten.
    along_z, along_y, along_x
        Weights from the middle on, in the dtype of the block.

    Returns
    -------
    ndarray
        The part of `block` that now holds the smoothed one, without the halo.
    """
    row = np.empty(block.shape[2], block.dtype)
    depth, height, width = (
        block.shape[0] - 2 * (len(along_z) - 1),
        block.shape[1] - 2 * (len(along_y) - 1),
        block.shape[2] - 2 * (len(along_x) - 1),
    )
    for y in range(block.shape[1]):
        for z in range(depth):
            _along_z(block, along_z, z, y, row)
            block[z, y, :] = row
    for z in range(depth):
        for y in range(height):
            _along_y(block, along_y, z, y, row)
            _along_x(row, along_x, block[z, y, :width])
    return block[:depth, :height, :width]


@_smoothing
def _along_z(block: Any, weights: Any, z: int, y: int, sums: Any) -> None:
    """Smooth one row along the first axis."""
    radius = len(weights) - 1
    at = z + radius
    _scale(block[at, y], weights[0], sums)
    k = 1
    while k + 3 <= radius:
        _add_pair_of_fours(
            (block[at - k, y], block[at - k - 1, y], block[at - k - 2, y], block[at - k - 3, y]),
            (block[at + k, y], block[at + k + 1, y], block[at + k + 2, y], block[at + k + 3, y]),
            weights[k : k + 4],
            sums,
        )
        k += 4
    while k <= radius:
        _add_pair(block[at - k, y], block[at + k, y], weights[k], sums)
        k += 1


@_smoothing
def _along_y(block: Any, weights: Any, z: int, y: int, sums: Any) -> None:
    """Smooth one row along the second axis."""
    radius = len(weights) - 1
    at = y + radius
    _scale(block[z, at], weights[0], sums)
    k = 1
    while k + 3 <= radius:
        _add_pair_of_fours(
            (block[z, at - k], block[z, at - k - 1], block[z, at - k - 2], block[z, at - k - 3]),
            (block[z, at + k], block[z, at + k + 1], block[z, at + k + 2], block[z, at + k + 3]),
            weights[k : k + 4],
            sums,
        )
        k += 4
    while k <= radius:
        _add_pair(block[z, at - k], block[z, at + k], weights[k], sums)
        k += 1


@_smoothing
def _along_x(row: Any, weights: Any, sums: Any) -> None:
    """Smooth a row along itself: its neighbours are the same row, shifted."""
    radius = len(weights) - 1
    length = len(sums)
    _scale(row[radius : radius + length], weights[0], sums)
    k = 1
    while k + 3 <= radius:
        left, right = radius - k, radius + k
        _add_pair_of_fours(
            (
                row[left : left + length],
                row[left - 1 : left - 1 + length],
                row[left - 2 : left - 2 + length],
                row[left - 3 : left - 3 + length],
            ),
            (
                row[right : right + length],
                row[right + 1 : right + 1 + length],
                row[right + 2 : right + 2 + length],
                row[right + 3 : right + 3 + length],
            ),
            weights[k : k + 4],
            sums,
        )
        k += 4
    while k <= radius:
        left, right = radius - k, radius + k
        _add_pair(row[left : left + length], row[right : right + length], weights[k], sums)
        k += 1


@_smoothing
def _scale(row: Any, weight: Any, sums: Any) -> None:
    """Begin the sums with the middle row."""
    for x in range(len(sums)):
        sums[x] = weight * row[x]


@_smoothing
def _add_pair(one: Any, other: Any, weight: Any, sums: Any) -> None:
    """Add two rows at one distance from the middle."""
    for x in range(len(sums)):
        sums[x] += weight * (one[x] + other[x])


@_smoothing
def _add_pair_of_fours(ones: Any, others: Any, weights: Any, sums: Any) -> None:
    """Add rows at four distances from the middle, on both sides."""
    one_1, one_2, one_3, one_4 = ones
    other_1, other_2, other_3, other_4 = others
    weight_1, weight_2, weight_3, weight_4 = weights[0], weights[1], weights[2], weights[3]
    for x in range(len(sums)):
        near = weight_1 * (one_1[x] + other_1[x]) + weight_2 * (one_2[x] + other_2[x])
        far = weight_3 * (one_3[x] + other_3[x]) + weight_4 * (one_4[x] + other_4[x])
        sums[x] += near + far


@_exact
def round_block(block: Any, low: Any, high: Any, result: Any) -> Any:
    """Round a block half up into integers.

    Parameters
    ----------
    block
        Floats, three axes.
    low, high
        What `result` can hold, in the dtype of the block.
    result
        Where the integers go.

    Returns
    -------
    array of two floats
        Smallest and largest value of the rows that do not fit; NaN if there is one. The first is
        larger than the second when all fit.
    """
    misfits = np.array([np.inf, -np.inf])
    half = block.dtype.type(0.5)
    for z in range(block.shape[0]):
        for y in range(block.shape[1]):
            row, target = block[z, y], result[z, y]
            many = 0
            for x in range(len(row)):
                below = np.floor(row[x])
                rounded = below + (row[x] - below >= half)
                many += not (low <= rounded <= high)
                target[x] = rounded
            if many:
                _note_misfits(row, misfits)
    return misfits


@_exact
def _note_misfits(row: Any, misfits: Any) -> None:
    """Widen the range of what does not fit by a row; NaN stays."""
    for x in range(len(row)):
        rounded = np.floor(row[x] + 0.5)
        if not rounded >= misfits[0]:
            misfits[0] = rounded
        if not rounded <= misfits[1]:
            misfits[1] = rounded


@_exact
def convolve_block(block: Any, offsets: Any, weights: Any, result: Any) -> None:
    """Add up shifted copies of a block, each times its weight, row by row in float64.

    Parameters
    ----------
    block
        Floats, three axes, with the halo.
    offsets
        For each weight, where its copy begins along each axis.
    weights
        float64, in the order in which SciPy adds them up: the sums are equal in every bit.
    result
        Floats, where the sums go; without the halo.
    """
    length = result.shape[2]
    sums = np.empty(length, np.float64)
    for z in range(result.shape[0]):
        for y in range(result.shape[1]):
            sums[:] = 0.0
            for k in range(len(weights)):
                start = offsets[k, 2]
                row = block[z + offsets[k, 0], y + offsets[k, 1]][start : start + length]
                _add_scaled(row, weights[k], sums)
            for x in range(length):
                result[z, y, x] = sums[x]


@_exact
def _add_scaled(row: Any, weight: Any, sums: Any) -> None:
    """Add a row times its weight."""
    for x in range(len(sums)):
        sums[x] += row[x] * weight
