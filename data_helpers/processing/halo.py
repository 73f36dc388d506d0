"""Halos: how far a kernel reaches, and a region read with what lies around it.

::

      the array          what one region needs         at the edge of the array
    +---+---+---+        . . . . . . . . .             p p p p p p
    |   |   |   |        . +-----------+ .             p +---------
    +---+---+---+        . |  region   | .   depth     p |  region      p: by the edge mode
    |   | # |   |        . +-----------+ .             p |
    +---+---+---+        . . . . . . . . .
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from operator import index as as_int
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from data_helpers.grid import Index, expand, index_bounds
from data_helpers.jobs import EdgeMode, ReadableArray, pad_halo, pad_mode

__all__ = [
    "block_with_halo",
    "check_depth",
    "gaussian_depth",
    "kernel_depth",
    "per_axis",
    "read_with_halo",
    "without_halo",
]

Depth = int | Sequence[int]


def kernel_depth(kernel_shape: Sequence[int]) -> tuple[int, ...]:
    """Say how far a kernel reaches from its centre: the halo it needs.

    The centre of a kernel of `size` elements is element ``size // 2``, counted from 0, along each
    axis, also when the size is even.

    Parameters
    ----------
    kernel_shape
        Shape of the kernel.

    Returns
    -------
    tuple of int
        Elements on each side, along each axis.

    Examples
    --------
    >>> kernel_depth((3, 4, 1))
    (1, 2, 0)
    """
    return tuple(as_int(size) // 2 for size in kernel_shape)


def gaussian_depth(
    sigma: float | Sequence[float], *, truncate: float = 4.0, ndim: int = 3
) -> tuple[int, ...]:
    """Say how far a Gaussian reaches before it is cut off: the halo it needs.

    Parameters
    ----------
    sigma
        Standard deviation in voxels: one number for all axes, or one per axis.
    truncate
        Where the Gaussian is cut off, in standard deviations.
    ndim
        Number of axes.

    Returns
    -------
    tuple of int
        ``truncate * sigma``, rounded half up, along each axis: the radius of
        `scipy.ndimage.gaussian_filter`.

    Raises
    ------
    ValueError
        If a sigma is negative, `truncate` is not above 0, either is not finite, or there is not one
        sigma per axis.

    Examples
    --------
    >>> gaussian_depth(2.0), gaussian_depth((0, 1.2), ndim=2)
    ((8, 8, 8), (0, 5))
    """
    sigmas = per_axis(sigma, ndim)
    if len(sigmas) != ndim:
        raise ValueError(
            f"sigma {sigmas} has {len(sigmas)} entries for {ndim} axes; give one number, or one "
            "per axis"
        )
    if not all(0 <= one < np.inf for one in sigmas) or not 0 < truncate < np.inf:
        raise ValueError(
            f"sigma is {sigma} and truncate {truncate}; expected sigmas of 0 or more voxels and "
            "truncate above 0, all of them finite"
        )
    return tuple(int(truncate * float(one) + 0.5) for one in sigmas)


def per_axis(number: float | Sequence[float], ndim: int) -> tuple[float, ...]:
    """Give one number, Python's or NumPy's, for every axis; several numbers as they are.

    Parameters
    ----------
    number
        One number, or several.
    ndim
        Number of axes.

    Returns
    -------
    tuple of float
        The numbers.

    Examples
    --------
    >>> per_axis(2, 3), per_axis((0, 1.5), 2)
    ((2.0, 2.0, 2.0), (0.0, 1.5))
    """
    given = np.asarray(number, float)
    return tuple(given.tolist()) if given.ndim else (float(given),) * ndim


def check_depth(depth: Depth, ndim: int) -> tuple[int, ...]:
    """Give a halo as one number per axis.

    Parameters
    ----------
    depth
        One number for all axes, or one per axis.
    ndim
        Number of axes.

    Returns
    -------
    tuple of int
        One depth per axis.

    Raises
    ------
    ValueError
        If there is not one per axis, or one is negative.

    Examples
    --------
    >>> check_depth(2, 3)
    (2, 2, 2)
    """
    depths = tuple(map(as_int, depth)) if isinstance(depth, Sequence) else (as_int(depth),) * ndim
    if len(depths) != ndim or any(margin < 0 for margin in depths):
        raise ValueError(
            f"depth is {depth} for an array of {ndim} axes; expected one number of 0 or more, or "
            "one per axis"
        )
    return depths


def read_with_halo(
    array: ReadableArray,
    index: Index,
    depth: Depth,
    *,
    mode: EdgeMode,
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
) -> NDArray[Any]:
    """Read a region with its halo; what lies outside the array follows the edge mode.

    Parameters
    ----------
    array
        Anything that can be sliced.
    index
        The region, one slice per axis.
    depth
        Elements to read on both sides: one number for all axes, or one per axis. It may be larger
        than a chunk, and than the array.
    mode, cval
        SciPy's word for what lies outside, and the value for ``constant``.
    dtype
        What to convert to, before anything is put outside; by default the array's.

    Returns
    -------
    ndarray
        A new array, longer than the region by twice the depth along each axis.

    Raises
    ------
    ValueError
        If `mode` is none of SciPy's words, or index or depth do not fit the array.

    Examples
    --------
    >>> image = np.array([1, 2, 3, 4, 5, 6])
    >>> read_with_halo(image, (slice(0, 2),), 2, mode="nearest")
    array([1, 1, 1, 2, 3, 4])
    >>> read_with_halo(image, (slice(0, 2),), 2, mode="wrap")
    array([5, 6, 1, 2, 3, 4])
    """
    depths = check_depth(depth, len(array.shape))

    def read(source: Index, _offset: tuple[int, ...], target: NDArray[Any]) -> None:
        target[...] = np.asarray(array[source])

    return block_with_halo(
        read, index, depths, shape=array.shape, dtype=dtype or array.dtype, mode=mode, cval=cval
    )


def block_with_halo(
    read: Callable[[Index, tuple[int, ...], NDArray[Any]], None],
    index: Index,
    depths: tuple[int, ...],
    *,
    shape: Sequence[int],
    dtype: DTypeLike,
    mode: EdgeMode,
    cval: float,
) -> NDArray[Any]:
    """Put a region and its halo together, from whatever source.

    Parameters
    ----------
    read
        Takes an index of the array, how far that is from where it is needed (turns around the
        array, in elements; 0 unless it wraps), and what to read into.
    index, depths
        The region, and its halo along each axis.
    shape
        Of the array.
    dtype
        Of the block.
    mode, cval
        As for `read_with_halo`.

    Returns
    -------
    ndarray
        A new array, longer than the region by twice the depth along each axis.
    """
    pad_mode(mode)  # refuses unknown words before anything is read
    inside, missing = _bounds_to_read(index, depths, shape, mode)
    lengths = [
        stop - start + sum(pair) for (start, stop), pair in zip(inside, missing, strict=True)
    ]
    block = np.empty(lengths, dtype)
    held = tuple(slice(pair[0], n - pair[1]) for pair, n in zip(missing, lengths, strict=True))
    for source, offset, target in _stretches(inside, shape):
        read(source, offset, block[held][target])
    _fill_outside(block, missing, mode, cval)
    return block


def without_halo(block: NDArray[Any], depth: Sequence[int]) -> NDArray[Any]:
    """Cut the halo off again.

    Parameters
    ----------
    block
        A region with its halo.
    depth
        Elements on each side, one number per axis.

    Returns
    -------
    ndarray
        A view of the region.

    Examples
    --------
    >>> without_halo(np.array([5, 6, 1, 2]), (1,))
    array([6, 1])
    """
    return block[tuple(slice(d, n - d) for d, n in zip(depth, block.shape, strict=True))]


def _bounds_to_read(
    index: Index, depths: tuple[int, ...], shape: Sequence[int], mode: EdgeMode
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Start and stop along each axis, and what is left to be filled before and behind.

    With ``wrap`` nothing is left: starts may be negative and stops lie behind the end, for the
    array goes on there. Else they are clipped, which always leaves enough to fill from: where a
    halo is cut off at one edge, its whole depth is there on the other side, or all of the array.
    """
    bounds = index_bounds(index, shape)
    if mode == "wrap":
        wide = [(start - d, stop + d) for (start, stop), d in zip(bounds, depths, strict=True)]
        return wide, [(0, 0)] * len(wide)
    outer, _ = expand(index, depths, shape)
    clipped = [(part.start, part.stop) for part in outer]
    missing = [
        (d - (start - a), d - (b - stop))
        for (start, stop), (a, b), d in zip(bounds, clipped, depths, strict=True)
    ]
    return clipped, missing


def _stretches(
    bounds: Sequence[tuple[int, int]], shape: Sequence[int]
) -> Iterator[tuple[Index, tuple[int, ...], Index]]:
    """Cut what goes on around the edges into regions of the array, with offsets and places."""
    per_axis = [
        list(_axis_stretches(start, stop, length))
        for (start, stop), length in zip(bounds, shape, strict=True)
    ]
    for stretches in product(*per_axis):
        sources, offsets, targets = zip(*stretches, strict=True)
        yield sources, offsets, targets


def _axis_stretches(start: int, stop: int, length: int) -> Iterator[tuple[slice, int, slice]]:
    """One stretch per turn around the axis; one in all if nothing leaves the array."""
    at = start
    while at < stop:
        offset = at // length * length
        end = min(stop, offset + length)
        yield slice(at - offset, end - offset), offset, slice(at - start, end - start)
        at = end


def _fill_outside(
    block: NDArray[Any], missing: Sequence[tuple[int, int]], mode: EdgeMode, cval: float
) -> None:
    """Fill what lies outside the array, axis by axis, from what was read."""
    for axis, (before, behind) in enumerate(missing):
        rows = np.moveaxis(block, axis, 0)
        end = len(rows) - behind
        if mode == "constant":
            rows[:before] = cval
            rows[end:] = cval
        elif before or behind:
            places = before + pad_halo(np.arange(end - before), [(before, behind)], mode)
            rows[:before] = rows[places[:before]]
            rows[end:] = rows[places[end:]]
