"""Label: number the objects of an image, in memory, lazily, or from one Zarr array into another."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, overload

import dask.array as da
import joblib
import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from data_helpers.components import (
    Gathering,
    Numbering,
    Pieces,
    check_mask,
    find_pieces,
    label_block,
    label_dtype,
    label_lazily,
)
from data_helpers.components.merge import Place
from data_helpers.grid import Chunks, Index, chunk_borders, grid_shape, index_bounds, index_shape
from data_helpers.jobs import (
    ReadableArray,
    WritableArray,
    check_same_shape,
    fast_to_read,
    output_jobs,
    run_jobs,
    unit_of_work,
)
from data_helpers.jobs.guards import check_not_in_place
from data_helpers.jobs.run import Workers

__all__ = ["label", "label_zarr"]


@overload
def label(binary: NDArray[Any], connectivity: int = ...) -> NDArray[Any]: ...


@overload
def label(binary: da.Array, connectivity: int = ...) -> da.Array: ...


def label(binary: NDArray[Any] | da.Array, connectivity: int = 1) -> NDArray[Any] | da.Array:
    """Give a number to each object of an image: to its connected components.

    Parameters
    ----------
    binary
        NumPy or Dask array of booleans or integers; everything that is not 0 is object. For a Zarr
        array there is `label_zarr`, or ``dask.array.from_zarr``.
    connectivity
        How many coordinates of two touching voxels may differ by one: 1 for faces only; 2 also for
        edges; up to the number of axes.

    Returns
    -------
    ndarray or dask.array.Array
        0 for background, 1 for the object whose first voxel comes first in C order, and so on:
        what `scipy.ndimage.label` gives for the whole image, whatever the chunks. int32, or int64
        from 2 ** 31 voxels. A Dask array stays lazy and keeps its chunks; computing it computes
        `binary` twice, so store or persist first what is dear.

    Raises
    ------
    TypeError
        If `binary` is neither a NumPy nor a Dask array, or holds floats.
    ValueError
        If `connectivity` is out of range, or the chunks of a Dask array are unknown.

    Examples
    --------
    >>> label(np.array([[1, 0, 1], [1, 0, 0]]))
    array([[1, 0, 2],
           [1, 0, 0]], dtype=int32)
    """
    if isinstance(binary, da.Array):
        return label_lazily(binary, connectivity)
    if not isinstance(binary, np.ndarray):
        raise TypeError(
            f"the image is a {type(binary).__name__}; expected a NumPy or Dask array: use "
            "label_zarr(source, target), or dask.array.from_zarr(source)"
        )
    check_mask(binary, connectivity)
    structure = ndi.generate_binary_structure(binary.ndim, connectivity)
    labels: NDArray[Any] = ndi.label(binary, structure, output=label_dtype(binary.shape))[0]
    return labels


def label_zarr(
    source: ReadableArray,
    target: WritableArray,
    *,
    connectivity: int = 1,
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> int:
    """Label an image chunk by chunk, from one Zarr array into another.

    The source is read twice: first for the pieces of objects in each chunk and the faces that
    chunks share, then, when it is known which pieces are one object, for the labels. Both times it
    is read in the target's chunks; give the target chunks that hold whole chunks of the source,
    else the source's are decoded for each of the target's they reach into.

    Parameters
    ----------
    source
        Zarr, NumPy, or anything that can be sliced; booleans or integers, everything that is not 0
        is object.
    target
        Zarr or NumPy, of the same shape, and of integers: ``create_like(source, path,
        dtype="int32")``. It is written in its shards or chunks.
    connectivity
        As `label`.
    chunks
        Size of the regions for a target without chunks, if not the source's chunks.
    n_jobs, backend, progress
        As for `run_jobs`, for both passes. Each job holds one of the target's
        chunks and its labels, or a shard of labels.
    manifest
        As for `run_jobs`, for the second pass. A run that continues reads the source once more.

    Returns
    -------
    int
        The number of objects; labels run from 1 to this number, as `label` gives them.

    Raises
    ------
    TypeError
        If source or target hold other things than integers.
    ValueError
        If shapes differ, the target is the source, or `connectivity` is out of range.
    OverflowError
        If the target's dtype cannot hold the number of objects. Nothing has been written then.
    ChunkError
        If reading or writing fails in the second pass.

    Examples
    --------
    >>> source = np.array([1, 0, 1, 1, 1], bool)
    >>> target = np.zeros(5, "int32")
    >>> label_zarr(source, target, chunks=(3,))
    2
    >>> target
    array([1, 0, 2, 2, 2], dtype=int32)
    """
    check_same_shape(source, target)
    check_not_in_place(source, target)
    check_mask(source, connectivity)
    _check_room(0, np.dtype(target.dtype))
    regions = _Regions(tuple(source.shape), _region_sizes(source, target, chunks))
    if 0 in source.shape:
        return 0
    numbering = _number_all(source, regions, connectivity, Workers(n_jobs, backend, progress))
    _check_room(numbering.count, np.dtype(target.dtype))
    jobs = output_jobs(
        _LabelRegion(source, regions, connectivity, numbering, np.dtype(target.dtype)),
        output_array=target,
        inputs=[source],
        chunks=None if unit_of_work(target) else regions.chunks,
    )
    run_jobs(jobs, n_jobs=n_jobs, backend=backend, progress=progress, manifest=manifest)
    return numbering.count


@dataclass(frozen=True)
class _Regions:
    """The grid of regions that are labelled one by one."""

    shape: tuple[int, ...]
    chunks: Chunks

    def inside(self, index: Index) -> Iterator[tuple[Place, Index]]:
        """Places and indices of the regions that make up a larger one, in C order."""
        borders = chunk_borders(self.shape, self.chunks)
        bounds = index_bounds(index, self.shape)
        places = product(
            *(
                range(ends.index(start), ends.index(stop))
                for ends, (start, stop) in zip(borders, bounds, strict=True)
            )
        )
        for place in places:
            ends = zip(borders, place, strict=True)
            yield place, tuple(slice(along[at], along[at + 1]) for along, at in ends)


def _region_sizes(source: ReadableArray, target: WritableArray, chunks: Chunks | None) -> Chunks:
    """Choose what is labelled at a time: chunks of the target, and of the source for NumPy's."""
    for sizes in (getattr(target, "chunks", None), chunks, getattr(source, "chunks", None)):
        if sizes is not None:
            found: Chunks = sizes
            return found
    raise ValueError(
        f"neither source ({type(source).__name__}) nor target ({type(target).__name__}) has "
        "chunks; expected chunks=..., the size of the regions to work on, or label(source)"
    )


def _number_all(
    source: ReadableArray, regions: _Regions, connectivity: int, workers: Workers
) -> Numbering:
    """First pass: read all regions, and merge their pieces as they come in."""
    gathering = Gathering(grid_shape(regions.shape, regions.chunks), connectivity)
    find = _FindPieces(source, connectivity)
    listed = list(regions.inside(tuple(slice(0, length) for length in regions.shape)))
    jobs = [joblib.delayed(find)(index) for _, index in listed]
    workers.run(jobs, lambda number, pieces: gathering.add(listed[number][0], pieces))
    return gathering.numbering()


class _FindPieces:
    """Find the pieces of one region."""

    def __init__(self, source: ReadableArray, connectivity: int) -> None:
        self.source = fast_to_read(source)
        self.connectivity = connectivity

    def __call__(self, index: Index) -> Pieces:
        """Read one region."""
        return find_pieces(
            np.asarray(self.source[index]),
            origin=[part.start for part in index],
            shape=self.source.shape,
            connectivity=self.connectivity,
        )


class _LabelRegion:
    """Label one chunk or shard of the target, region by region."""

    def __init__(
        self,
        source: ReadableArray,
        regions: _Regions,
        connectivity: int,
        numbering: Numbering,
        dtype: np.dtype[Any],
    ) -> None:
        self.source = fast_to_read(source)
        self.regions = regions
        self.connectivity = connectivity
        self.numbering = numbering
        self.dtype = dtype

    def __call__(self, index: Index) -> NDArray[Any]:
        """Give the labels of one chunk or shard."""
        labels = np.empty(index_shape(index, self.regions.shape), self.dtype)
        for place, part in self.regions.inside(index):
            pieces, count = label_block(np.asarray(self.source[part]), self.connectivity)
            here = tuple(
                slice(p.start - i.start, p.stop - i.start) for p, i in zip(part, index, strict=True)
            )
            labels[here] = self.numbering.of(place, count).astype(self.dtype)[pieces]
        return labels


def _check_room(count: int, dtype: np.dtype[Any]) -> None:
    """Refuse a target that cannot hold all labels."""
    if dtype.kind not in "iu":
        raise TypeError(
            f"the target's dtype is {dtype}; expected integers, such as "
            "create_like(source, path, dtype='int32')"
        )
    if count > np.iinfo(dtype).max:
        raise OverflowError(
            f"there are {count} objects, but the target's {dtype} holds labels up to "
            f"{np.iinfo(dtype).max}; create a target of a wider dtype, such as int32"
        )
