"""Objects at random for checks: blobs that borders cut, and patterns that are hard to put together.

Whatever a check draws, borders between chunks cut some objects, and some only across a corner.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["blobs", "checkerboard", "corner_lattice", "numbered", "winding"]

Array: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.bool_]


def blobs(
    rng: np.random.Generator, shape: Sequence[int], chunks: Sequence[int], share: float = 0.4
) -> Mask:
    """Draw blobs of a few voxels, one of which crosses the first corner of chunks diagonally.

    Parameters
    ----------
    rng
        Where chance comes from.
    shape
        Shape of the image; along each axis more than one chunk.
    chunks
        Size of a chunk along each axis, at least 2.
    share
        How much of the image is object.

    Returns
    -------
    ndarray of bool
        The mask.

    Examples
    --------
    >>> blobs(np.random.default_rng(1), (8, 8), (4, 4))[2:6, 2:6].astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 0, 0],
           [0, 0, 1, 0],
           [0, 0, 0, 0]])
    """
    noise = ndimage.gaussian_filter(rng.random(shape), 0.8, mode="nearest")
    mask: Mask = noise > np.quantile(noise, 1 - share)
    mask[tuple(slice(size - 2, size + 2) for size in chunks)] = False
    mask[tuple(size - 1 for size in chunks)] = True
    mask[tuple(chunks)] = True
    return mask


def numbered(mask: Mask) -> Array:
    """Give numbers from 1 to the objects of a mask; voxels that share a corner are one object.

    Parameters
    ----------
    mask
        Where objects are.

    Returns
    -------
    ndarray of int32
        The labels.

    Examples
    --------
    >>> numbered(np.array([[1, 0, 1], [0, 1, 0]], bool))
    array([[1, 0, 1],
           [0, 1, 0]], dtype=int32)
    """
    labels: Array = ndimage.label(mask, np.ones((3,) * mask.ndim))[0]
    return labels


def winding(shape: Sequence[int]) -> Mask:
    """Draw one object that winds through the whole image, from row to row and plane to plane.

    Parameters
    ----------
    shape
        Shape of the image, of two or three axes.

    Returns
    -------
    ndarray of bool
        The mask.

    Examples
    --------
    >>> winding((4, 3)).astype(int)
    array([[1, 1, 1],
           [0, 0, 1],
           [1, 1, 1],
           [1, 0, 0]])
    """
    plane = np.zeros(shape[-2:], bool)
    plane[::2] = plane[1::4, -1] = plane[3::4, 0] = True
    if len(shape) == 2:
        return plane
    mask = np.zeros(shape, bool)
    mask[::2] = plane
    mask[1::2, 0, 0] = True  # a step to the next plane that holds rows
    return mask


def checkerboard(shape: Sequence[int]) -> Mask:
    """Draw every other voxel: none touches another but across an edge (a corner in a plane).

    Parameters
    ----------
    shape
        Shape of the image.

    Returns
    -------
    ndarray of bool
        The mask.

    Examples
    --------
    >>> checkerboard((2, 3)).astype(int)
    array([[1, 0, 1],
           [0, 1, 0]])
    """
    mask: Mask = np.indices(tuple(shape)).sum(axis=0) % 2 == 0
    return mask


def corner_lattice(shape: Sequence[int]) -> Mask:
    """Draw voxels that touch across corners only, whose coordinates are all even or all odd.

    Parameters
    ----------
    shape
        Shape of the image.

    Returns
    -------
    ndarray of bool
        The mask.

    Examples
    --------
    >>> corner_lattice((2, 2, 3)).astype(int).tolist()
    [[[1, 0, 1], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
    """
    mask = np.zeros(tuple(shape), bool)
    for start in (0, 1):
        mask[(slice(start, None, 2),) * len(shape)] = True
    return mask
