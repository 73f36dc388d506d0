"""What all chunks together say of the labels, then each chunk again: two passes, also lazily."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.delayed import Delayed
from dask.graph_manipulation import bind
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from data_helpers.components import check_min_size, label_dtype
from data_helpers.objects.values import check_labels, codes_and_values, sizes_of

__all__ = ["remove_small_objects", "renumber"]

Sizes: TypeAlias = tuple[NDArray[Any], NDArray[np.int64]]  # labels in ascending order, voxels
Change: TypeAlias = Callable[[NDArray[Any], Sizes], NDArray[Any]]  # labels of a block to new ones


def remove_small_objects(labels: Any, min_size: int) -> Any:
    """Make background of objects that are small in the whole image, whatever chunks they cross.

    Parameters
    ----------
    labels
        NumPy or Dask array of integers; 0 is background.
    min_size
        Objects of fewer voxels than this go.

    Returns
    -------
    ndarray or dask.array.Array
        As `labels`; the objects that stay keep their numbers, see `renumber`. A Dask array stays
        lazy; computing it computes `labels` twice, so store or persist first what is dear.

    Raises
    ------
    TypeError
        If `labels` is neither a NumPy nor a Dask array, or not of integers.
    ValueError
        If `min_size` is negative or no whole number.

    Examples
    --------
    >>> remove_small_objects(np.array([1, 1, 0, 2, 3, 3]), 2)
    array([1, 1, 0, 0, 3, 3])
    """
    voxels = check_min_size(min_size)
    check_labels(labels)
    return _changed(labels, partial(_without_small, voxels), labels.dtype)


def renumber(labels: Any) -> Any:
    """Give the objects the numbers 1, 2, 3 and so on, in the order of the numbers they have.

    Parameters
    ----------
    labels
        NumPy or Dask array of integers; 0 is background.

    Returns
    -------
    ndarray or dask.array.Array
        int32, or int64 where there could be more objects than that holds. A Dask array stays lazy;
        computing it computes `labels` twice, so store or persist first what is dear.

    Raises
    ------
    TypeError
        If `labels` is neither a NumPy nor a Dask array, or not of integers.

    Examples
    --------
    >>> renumber(np.array([70, 70, 0, 5]))
    array([2, 2, 0, 1], dtype=int32)
    """
    check_labels(labels)
    return _changed(labels, _numbered, label_dtype(labels.shape))


def _without_small(min_size: int, labels: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Change labels of small objects to 0."""
    known, voxels = sizes
    return np.where(voxels[np.searchsorted(known, labels)] >= min_size, labels, 0)


def _numbered(labels: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Change labels to their rank."""
    return np.searchsorted(sizes[0], labels) + 1


def _changed(labels: Any, change: Change, dtype: np.dtype[Any]) -> Any:
    """Count all labels, then change the labels of each block."""
    if isinstance(labels, da.Array):
        return _changed_lazily(labels, change, dtype)
    if not isinstance(labels, np.ndarray):
        raise TypeError(
            f"the labels are a {type(labels).__name__}; expected a NumPy or Dask array: "
            "dask.array.from_zarr(labels) makes one"
        )
    return _change_block(labels, sizes_of(labels), change=change, dtype=dtype)


def _changed_lazily(labels: da.Array, change: Change, dtype: np.dtype[Any]) -> da.Array:
    """Build one graph of both passes; the second begins when all labels have been counted."""
    token = tokenize(labels.name, change, str(dtype))
    sizes, total, name = (f"{word}-{token}" for word in ("sizes", "all-sizes", "changed"))
    blocks = list(np.ndindex(*labels.numblocks))
    first: dict[Any, Any] = {(sizes, *at): (sizes_of, (labels.name, *at)) for at in blocks}
    first[total] = (_added, [(sizes, *at) for at in blocks])
    sources: list[Any] = [labels]
    layers = HighLevelGraph.from_collections(total, first, dependencies=sources)
    counted = Delayed(total, layers, layer=total)  # type: ignore[no-untyped-call]
    again: da.Array = bind(labels, counted, seed=token)
    apply = partial(_change_block, change=change, dtype=dtype)
    second: dict[Any, Any] = {(name, *at): (apply, (again.name, *at), total) for at in blocks}
    sources = [again, counted]
    layers = HighLevelGraph.from_collections(name, second, dependencies=sources)
    return da.Array(layers, name, labels.chunks, dtype=dtype)  # type: ignore[no-untyped-call]


def _added(parts: Sequence[Sizes]) -> Sizes:
    """Add up the sizes that all chunks give."""
    codes, labels = codes_and_values(np.concatenate([found for found, _ in parts]))
    sizes = np.zeros(len(labels), np.int64)
    np.add.at(sizes, codes, np.concatenate([counted for _, counted in parts]))
    return labels, sizes


def _change_block(
    block: NDArray[Any], sizes: Sizes, *, change: Change, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Change the labels of one block; 0 stays 0."""
    codes, labels = codes_and_values(block.ravel())
    changed = np.zeros(len(labels), dtype)
    objects = labels != 0
    changed[objects] = change(labels[objects], sizes)
    return changed[codes].reshape(block.shape)
