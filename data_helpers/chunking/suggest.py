"""A chunk shape for one way of reading: proportions of the view, size of a worthwhile request."""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from data_helpers.chunking.geometry import checked_sizes

__all__ = ["suggest_chunks"]

# Sizes grow in steps of 1/GRAIN of a weight: integers, so that no rounding can break the budget.
GRAIN = 2**20


def suggest_chunks(
    shape: Sequence[int], dtype: DTypeLike, *, access: str | Sequence[int], target_bytes: int
) -> tuple[int, ...]:
    """Suggest a chunk shape for one way of reading.

    The arithmetic, in four steps:

    1. Budget: ``target_bytes // itemsize`` voxels, never exceeded.
    2. Shape: a chunk in the proportions of the region that is read at once, as large as the
       budget allows. That keeps the amplification low: a region of ``r`` voxels along an axis
       touches about ``(r + c - 1) / c`` chunks of ``c``, so it decodes ``(r + c - 1) / r`` times
       what it needs, and where ``r`` is 1 every voxel of ``c`` counts.
    3. Size: what is left of the budget goes evenly to the other axes, because a chunk far smaller
       than the target costs a request and a task like a large one.
    4. Edges: an axis is cut into as many chunks as before, but of equal size, since a ragged last
       chunk is stored full size.

    Parameters
    ----------
    shape
        Shape of the array.
    dtype
        Dtype of the array.
    access
        What is read at once: ``"plane"`` (the last two axes), ``"line"`` (the last axis),
        ``"cube"`` (the last three axes alike), ``"time series"`` (the first axis, at one place),
        or a region's shape with one length per axis.
    target_bytes
        The most bytes a chunk may have before compression.

    Returns
    -------
    tuple of int
        Size of a chunk along each axis, in voxels; nowhere larger than the array.

    Raises
    ------
    ValueError
        If `access` is none of the words and no shape that fits, `shape` has an axis without
        elements, or `target_bytes` is less than one voxel.

    Examples
    --------
    >>> suggest_chunks((60, 256, 256), "uint16", access="plane", target_bytes=2**17)
    (1, 256, 256)
    >>> suggest_chunks((60, 256, 256), "uint16", access="cube", target_bytes=2**17)
    (30, 37, 37)
    >>> suggest_chunks((30, 511, 511), "uint8", access="time series", target_bytes=2**17)
    (30, 64, 64)
    """
    shape = checked_sizes("shape", shape, len(shape))
    itemsize = np.dtype(dtype).itemsize
    budget = target_bytes // itemsize
    if budget < 1:
        raise ValueError(
            f"target_bytes {target_bytes} is less than one voxel of {np.dtype(dtype)} with "
            f"{itemsize} bytes; give at least {itemsize}"
        )
    ones = (1,) * len(shape)
    chunks = _grown(ones, _weights(access, shape), shape, budget)
    chunks = _grown(chunks, ones, shape, budget)
    return tuple(_even(size, length) for size, length in zip(chunks, shape, strict=True))


def _even(size: int, length: int) -> int:
    """Least size that cuts a length into as many chunks as `size` does."""
    return -(-length // -(-length // size))


def _grown(
    least: tuple[int, ...], weights: tuple[int, ...], shape: tuple[int, ...], budget: int
) -> tuple[int, ...]:
    """Grow sizes in proportion to weights; axes of weight 1 count only if all weights are 1."""
    grows = [weight > 1 or max(weights) == 1 for weight in weights]

    def scaled(step: int) -> tuple[int, ...]:
        return tuple(
            min(length, max(size, weight * step // GRAIN)) if grow else size
            for size, weight, length, grow in zip(least, weights, shape, grows, strict=True)
        )

    low, high = 0, GRAIN * max(shape)
    while high - low > 1:
        middle = (low + high) // 2
        if prod(scaled(middle)) <= budget:
            low = middle
        else:
            high = middle
    return scaled(high) if prod(scaled(high)) <= budget else scaled(low)


def _weights(access: str | Sequence[int], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the region that is read at once; 1 where an axis is not read along."""
    dimensions = len(shape)
    if not isinstance(access, str):
        region = checked_sizes("access", access, dimensions)
        return tuple(min(pair) for pair in zip(region, shape, strict=True))
    words: Mapping[str, Callable[[int], int]] = {
        "plane": lambda axis: shape[axis] if axis >= dimensions - 2 else 1,
        "line": lambda axis: shape[axis] if axis == dimensions - 1 else 1,
        "cube": lambda axis: max(shape[-3:]) if axis >= dimensions - 3 else 1,
        "time series": lambda axis: shape[axis] if axis == 0 else 1,
    }
    if access not in words:
        raise ValueError(
            f"access {access!r} is not known; expected one of {sorted(words)}, or the shape of "
            "the region that is read at once"
        )
    return tuple(words[access](axis) for axis in range(dimensions))
