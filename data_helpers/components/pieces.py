"""One chunk: the pieces of objects in it, and what its neighbours must know of them.

::

    chunk A       chunk B         An object may lie in many chunks. What one chunk holds of it is
    . 1 1 | 1 . 2                 a piece (or several), numbered within the chunk. Whether two
    . . . | . . 2                 pieces are one object shows on the faces of their chunks.
    2 . . | . 2 2
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

__all__ = ["Face", "Pieces", "find_pieces", "label_block"]

Face = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Pieces:
    """The pieces of one chunk.

    Attributes
    ----------
    first : ndarray of int64
        For each piece the place of its first voxel in the whole image, counted in C order.
    weights : ndarray of int64
        For each piece its number of voxels, or of marked ones.
    faces : tuple of (Face, Face)
        For each axis the first and the last plane of the chunk, in numbers of pieces from 1; 0 is
        background. In the narrowest dtype that holds them.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.int64]
    faces: tuple[tuple[Face, Face], ...]


def label_block(block: NDArray[Any], connectivity: int) -> tuple[NDArray[np.int32], int]:
    """Give numbers to the pieces in one block, in the order of their first voxels.

    Parameters
    ----------
    block
        Everything that is not 0 is object.
    connectivity
        How many coordinates of two touching voxels may differ by one: 1 for faces only, up to the
        number of axes, for corners as well.

    Returns
    -------
    labels : ndarray of int32
        1 for the piece whose first voxel comes first in C order, and so on.
    count : int
        The number of pieces.

    Examples
    --------
    >>> label_block(np.array([[1, 0, 1], [0, 1, 0]]), 1)
    (array([[1, 0, 2],
           [0, 3, 0]], dtype=int32), 3)
    >>> label_block(np.array([[1, 0, 1], [0, 1, 0]]), 2)[1]
    1
    """
    labels, count = ndi.label(block, _structure(block.ndim, connectivity), output=np.int32)
    return labels, int(count)


def find_pieces(
    block: NDArray[Any],
    marks: NDArray[Any] | None = None,
    *,
    origin: Sequence[int],
    shape: Sequence[int],
    connectivity: int,
) -> Pieces:
    """Find the pieces of one chunk, and what is needed to merge them with others.

    Parameters
    ----------
    block
        The chunk. Everything that is not 0 is object.
    marks
        Which voxels to count, an array of the same shape. None means all.
    origin
        Where the chunk begins in the image, for each axis.
    shape
        Shape of the image.
    connectivity
        As `label_block`.

    Returns
    -------
    Pieces
        As large as the faces of the chunk, not as the chunk.

    Examples
    --------
    >>> block = np.array([[0, 1], [1, 0]])
    >>> pieces = find_pieces(block, origin=(0, 2), shape=(2, 4), connectivity=1)
    >>> pieces.first, pieces.faces[1]
    (array([3, 6]), (array([0, 2], dtype=uint8), array([1, 0], dtype=uint8)))
    """
    labels, count = label_block(block, connectivity)
    counted = labels if marks is None else labels[np.asarray(marks, bool)]
    weights = np.bincount(counted.ravel(), minlength=count + 1)[1:]
    narrow = np.min_scalar_type(count)
    faces = tuple(
        (labels.take(0, axis).astype(narrow), labels.take(-1, axis).astype(narrow))
        for axis in range(labels.ndim)
    )
    return Pieces(_first_voxels(labels, count, origin, shape), weights, faces)


def _first_voxels(
    labels: NDArray[np.int32], count: int, origin: Sequence[int], shape: Sequence[int]
) -> NDArray[np.int64]:
    """Place of the first voxel of each piece in the whole image."""
    # Numbers are given out in C order, so the largest so far grows by one at each first voxel.
    so_far = np.maximum.accumulate(labels.ravel())
    inside = np.searchsorted(so_far, np.arange(1, count + 1, dtype=labels.dtype))
    place = np.unravel_index(inside, labels.shape)
    steps = [int(np.prod(shape[axis + 1 :], dtype=object)) for axis in range(labels.ndim)]
    first = np.zeros(count, np.int64)
    for along, start, step in zip(place, origin, steps, strict=True):
        first += (along + start) * step
    return first


@cache
def _structure(dimensions: int, connectivity: int) -> NDArray[np.bool_]:
    """Which voxels around one touch it, as SciPy wants to know it."""
    found: NDArray[np.bool_] = ndi.generate_binary_structure(dimensions, connectivity)
    return found
