"""Holes: background that objects enclose, decided by the whole image and not by a chunk."""

from collections.abc import Sequence
from typing import Any, overload

import dask.array as da
import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from data_helpers.components import check_mask, keep_lazily

__all__ = ["fill_holes"]


@overload
def fill_holes(binary: NDArray[Any]) -> NDArray[np.bool_]: ...


@overload
def fill_holes(binary: da.Array) -> da.Array: ...


def fill_holes(binary: Any) -> Any:
    """Fill holes in objects: background from which no way leads to the edge of the image.

    Parameters
    ----------
    binary
        NumPy or Dask array of booleans or integers; everything that is not 0 is object.

    Returns
    -------
    ndarray or dask.array.Array
        Booleans, what `scipy.ndimage.binary_fill_holes` gives for the whole image, whatever the
        chunks. A Dask array stays lazy; computing it computes `binary` three times, so store or
        persist first what is dear.

    Raises
    ------
    TypeError
        If `binary` is neither a NumPy nor a Dask array, or holds floats.

    Examples
    --------
    >>> ring = da.from_array(np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]]), chunks=2)
    >>> fill_holes(ring).compute().astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [1, 1, 1, 0]])
    """
    check_mask(binary, 1)
    if isinstance(binary, da.Array):
        background = da.map_blocks(_is_background, binary, dtype=bool)  # type: ignore[no-untyped-call]
        edge = da.map_blocks(_at_edge, background, binary.shape, dtype=bool)  # type: ignore[no-untyped-call]
        outside = keep_lazily(background, at_least=1, marks=edge)
        return da.map_blocks(_is_background, outside, dtype=bool)  # type: ignore[no-untyped-call]
    if not isinstance(binary, np.ndarray):
        raise TypeError(
            f"the image is a {type(binary).__name__}; expected a NumPy or Dask array: "
            "dask.array.from_zarr(binary) makes one"
        )
    filled: NDArray[np.bool_] = ndi.binary_fill_holes(binary)
    return filled


def _is_background(block: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell what is 0."""
    nothing: NDArray[np.bool_] = block == 0
    return nothing


def _at_edge(
    block: NDArray[Any], shape: Sequence[int], block_info: Any = None
) -> NDArray[np.bool_]:
    """Mark the voxels at the edge of the image."""
    edge = np.zeros(block.shape, bool)
    for axis, (start, stop) in enumerate(block_info[0]["array-location"]):
        along = np.moveaxis(edge, axis, 0)
        if start == 0:
            along[:1] = True
        if stop == shape[axis]:
            along[-1:] = True
    return edge
