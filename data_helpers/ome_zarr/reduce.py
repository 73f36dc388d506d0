"""One region of a level from the full resolution: the reference that everything is tested against.

Each level is computed from level 0, so that its voxels are means of what was measured, not means
of rounded means. That reads the full resolution once per level; `walk` reads it once in all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Index, chunk_slices, index_shape
from data_helpers.jobs import ReadableArray
from data_helpers.ome_zarr.methods import METHODS, Method

__all__ = ["reduce_region"]


def reduce_region(
    index: Index,
    *,
    source: ReadableArray,
    factors: Sequence[int],
    method: Method = "mean",
    at_once: int = 2**22,
) -> NDArray[Any]:
    """Compute one region of a level.

    Parameters
    ----------
    index
        The region, one slice per axis, in voxels of the level.
    source
        The full resolution.
    factors
        Voxels of the full resolution per voxel of the level, along each axis.
    method
        What a voxel says about its window: "mean", "mode" or "nearest".
    at_once
        How many voxels of the full resolution to hold at a time, roughly.

    Returns
    -------
    ndarray
        The region, of the source's dtype.

    Examples
    --------
    >>> image = np.array([[1, 3, 5], [1, 3, 6]], "uint8")
    >>> reduce_region((slice(0, 1), slice(0, 2)), source=image, factors=(2, 2))
    array([[2, 6]], dtype=uint8)
    """
    level_shape = [-(-n // f) for n, f in zip(source.shape, factors, strict=True)]
    region = np.empty(index_shape(index, level_shape), source.dtype)
    for part in chunk_slices(region.shape, _pieces(region.shape, factors, at_once)):
        windows = tuple(
            slice((i.start + p.start) * f, min((i.start + p.stop) * f, n))
            for i, p, f, n in zip(index, part, factors, source.shape, strict=True)
        )
        region[part] = METHODS[method](np.asarray(source[windows]), factors)
    return region


def _pieces(shape: Sequence[int], factors: Sequence[int], at_once: int) -> tuple[int, ...]:
    """Halve the longest side until what must be read for a piece is small enough."""
    sizes = list(shape)
    while (
        max(sizes) > 1 and np.prod([s * f for s, f in zip(sizes, factors, strict=True)]) > at_once
    ):
        longest = sizes.index(max(sizes))
        sizes[longest] = -(-sizes[longest] // 2)
    return tuple(sizes)
