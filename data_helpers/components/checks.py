"""What can be labelled: an image of objects and background, and a connectivity that it has."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

__all__ = ["check_connectivity", "check_mask", "check_min_size", "label_dtype"]


def check_connectivity(connectivity: int, dimensions: int) -> None:
    """Refuse a connectivity that an image of so many axes does not have.

    Parameters
    ----------
    connectivity
        As `label_lazily`.
    dimensions
        Number of axes of the image.

    Raises
    ------
    ValueError
        If it is not between 1 and the number of axes.

    Examples
    --------
    >>> check_connectivity(3, 3)
    """
    if (
        dimensions < 1
        or isinstance(connectivity, bool)
        or connectivity not in range(1, dimensions + 1)
    ):
        raise ValueError(
            f"connectivity is {connectivity!r} for an image of {dimensions} axes; expected 1 "
            f"(voxels touch by faces) to {max(dimensions, 1)} (also by edges and corners)"
        )


def check_mask(mask: Any, connectivity: int) -> None:
    """Refuse what is not made of objects and background.

    Parameters
    ----------
    mask
        Any array.
    connectivity
        As `label_lazily`.

    Raises
    ------
    TypeError
        If it does not hold booleans or integers.
    ValueError
        If its chunks are unknown or `connectivity` is out of range.

    Examples
    --------
    >>> check_mask(np.array([True, False]), 1)
    """
    if np.dtype(mask.dtype).kind not in "biu":
        raise TypeError(
            f"the image holds {mask.dtype}; expected booleans or integers, where everything that "
            "is not 0 is object: compare with a threshold first, such as image > 0.5 (NaN is not)"
        )
    check_connectivity(connectivity, len(mask.shape))
    if any(length != length for length in mask.shape):  # only NaN, an unknown length in Dask
        raise ValueError(
            f"the shape {mask.shape} is not known yet; call compute_chunk_sizes() on the Dask "
            "array first"
        )


def check_min_size(min_size: float) -> int:
    """Refuse a number of voxels that is none.

    Parameters
    ----------
    min_size
        Objects of fewer voxels than this are small.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If it is negative or no whole number.

    Examples
    --------
    >>> check_min_size(20.0)
    20
    """
    if isinstance(min_size, bool) or not min_size >= 0 or min_size % 1 != 0:
        raise ValueError(
            f"min_size is {min_size}; expected a whole number of voxels, 0 or more: divide a "
            "volume by that of a voxel, and round"
        )
    return int(min_size)


def label_dtype(shape: Sequence[int]) -> np.dtype[Any]:
    """Choose the dtype that holds every label an image of this shape may have.

    Parameters
    ----------
    shape
        Shape of the image.

    Returns
    -------
    dtype
        int32, or int64 from 2 ** 31 voxels.

    Examples
    --------
    >>> label_dtype((1024, 1024, 1024))
    dtype('int32')
    """
    return np.dtype(np.int32 if prod(shape) <= np.iinfo(np.int32).max else np.int64)
