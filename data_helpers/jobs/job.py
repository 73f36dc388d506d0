"""A job: fill one shard or chunk of an output. Jobs are data, and anyone may run them."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import joblib
import numpy as np
import zarr
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index, chunk_slices, index_shape
from data_helpers.jobs.arrays import (
    ReadableArray,
    WritableArray,
    check_same_shape,
    unit_of_work,
)
from data_helpers.jobs.codecs import fast_to_read
from data_helpers.jobs.errors import ChunkError
from data_helpers.jobs.guards import (
    check_aligned,
    check_block,
    check_can_travel,
    check_not_in_place,
)
from data_helpers.jobs.inline import inline

__all__ = [
    "ApplyToChunk",
    "FillChunk",
    "Job",
    "apply_to_chunk",
    "chunkwise_jobs",
    "output_jobs",
]

# What joblib.delayed makes: a function, its arguments and its keywords.
Job: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class ApplyToChunk:
    """Read one chunk of the input and apply a function to it.

    Parameters
    ----------
    f
        Takes an array, returns an array.
    input_array
        Where the chunks come from.
    """

    def __init__(
        self, f: Callable[[NDArray[Any]], NDArray[Any]], input_array: ReadableArray
    ) -> None:
        self.f = f
        self.input_array = fast_to_read(input_array)

    def __call__(self, index: Index) -> NDArray[Any]:
        """Give the function's result for one chunk."""
        chunk = np.asarray(self.input_array[index])
        # A slice of a NumPy array is a view: a function that works in place must not reach it.
        return self.f(chunk.copy() if isinstance(self.input_array, np.ndarray) else chunk)


class FillChunk:
    """Compute one region of an output and write it, with guards that hold whoever runs the job.

    Parameters
    ----------
    compute
        Takes an index of the output, returns the block that belongs there.
    output_array
        Where to write: NumPy, Zarr 2 or Zarr 3, with or without shards.
    inputs
        The arrays that `compute` reads. None of them may be the output.

    Raises
    ------
    ValueError
        If an input is the output.
    """

    def __init__(
        self,
        compute: Callable[[Index], NDArray[Any]],
        output_array: WritableArray,
        inputs: Sequence[ReadableArray] = (),
    ) -> None:
        for input_array in inputs:
            check_not_in_place(input_array, output_array)
        self.compute = compute
        self.output_array = _stores_every_chunk(output_array)

    def __call__(self, index: Index, *, checksum: bool = False) -> int | None:
        """Fill one region.

        Parameters
        ----------
        index
            The region, aligned to the output's unit of work.
        checksum
            Whether to give the CRC-32 of the values written, for a manifest.

        Returns
        -------
        int or None
            The checksum, when asked for.

        Raises
        ------
        ValueError
            If the region is not aligned.
        ChunkError
            If computing or writing fails. A result that does not fit is not written at all.
        """
        check_aligned(index, self.output_array)
        doing = "computing"
        try:
            block = self.compute(index)
            check_block(block, index_shape(index, self.output_array.shape), self.output_array.dtype)
            doing = "writing"
            self.output_array[index] = block
        except Exception as error:
            raise ChunkError(index, doing, error) from error
        return crc32(block.astype(self.output_array.dtype, copy=False)) if checksum else None

    def __getstate__(self) -> dict[str, Any]:
        """Refuse to be pickled for another process that could not reach the output."""
        check_can_travel(self.output_array)
        return self.__dict__


def apply_to_chunk(
    f: Callable[[NDArray[Any]], NDArray[Any]],
    input_array: ReadableArray,
    output_array: WritableArray,
    chunk_index: Index,
) -> None:
    """Apply a function to one chunk of the input and write the result to the same place.

    Parameters
    ----------
    f
        Takes an array, returns an array of the same shape.
    input_array, output_array
        NumPy, Zarr 2 or Zarr 3 arrays of the same shape; the output may have another dtype.
    chunk_index
        One slice per axis, aligned to the output's shards or chunks.

    Raises
    ------
    ValueError
        If the shapes differ, both are the same array, or the index is not aligned.
    ChunkError
        If reading, the function or writing fails.

    Examples
    --------
    >>> image, inverted = np.array([1, 2, 3, 4], "u1"), np.zeros(4, "u1")
    >>> apply_to_chunk(np.invert, image, inverted, (slice(0, 2),))
    >>> inverted
    array([254, 253,   0,   0], dtype=uint8)
    """
    check_same_shape(input_array, output_array)
    FillChunk(ApplyToChunk(f, input_array), output_array, [input_array])(chunk_index)


def chunkwise_jobs(
    f: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    input_array: ReadableArray,
    output_array: WritableArray,
    chunks: Chunks | None = None,
) -> list[Job]:
    """List the jobs that apply a function to every chunk, one job per unit of the output.

    Parameters
    ----------
    f
        Takes an array, returns an array of the same shape.
    input_array, output_array
        NumPy, Zarr 2 or Zarr 3 arrays of the same shape; the output may have another dtype.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, the
        input's). Must be multiples of the output's.

    Returns
    -------
    list of (function, arguments, keywords)
        What ``joblib.delayed`` makes. ``joblib.Parallel(n_jobs=2)(jobs)`` runs them, and so do
        `run_jobs` and ``for function, args, kwargs in jobs: function(*args, **kwargs)``.

    Raises
    ------
    ValueError
        If the shapes differ, both are the same array, neither has chunks, or `chunks` are not
        aligned to the output's.

    Examples
    --------
    >>> image, inverted = np.array([1, 2, 3, 4], "u1"), np.zeros(4, "u1")
    >>> jobs = chunkwise_jobs(np.invert, input_array=image, output_array=inverted, chunks=(3,))
    >>> len(jobs)
    2
    >>> for function, args, kwargs in jobs:
    ...     function(*args, **kwargs)
    >>> inverted
    array([254, 253, 252, 251], dtype=uint8)
    """
    check_same_shape(input_array, output_array)
    if unit_of_work(output_array) is None and chunks is None:
        chunks = unit_of_work(input_array)
    compute = ApplyToChunk(f, input_array)
    return output_jobs(compute, output_array=output_array, inputs=[input_array], chunks=chunks)


def output_jobs(
    compute: Callable[[Index], NDArray[Any]],
    *,
    output_array: WritableArray,
    inputs: Sequence[ReadableArray] = (),
    chunks: Chunks | None = None,
) -> list[Job]:
    """List the jobs that fill an output, whatever each region is computed from.

    This is what a chapter uses whose regions do not map one to one: a pyramid level, a filter
    with a halo, tiles from files.

    Parameters
    ----------
    compute
        Takes an index of the output, returns the block that belongs there.
    output_array
        NumPy, Zarr 2 or Zarr 3.
    inputs
        The arrays that `compute` reads. None of them may be the output.
    chunks
        Size of the regions, if not the output's shards or chunks.

    Returns
    -------
    list of (function, arguments, keywords)
        As `chunkwise_jobs`.

    Raises
    ------
    ValueError
        If an input is the output, no chunks are known, or they are not aligned to the output's.

    Examples
    --------
    >>> squares = np.zeros(5, "i8")
    >>> def compute(index):
    ...     return np.arange(index[0].start, index[0].stop) ** 2
    >>> for fill, args, kwargs in output_jobs(compute, output_array=squares, chunks=(2,)):
    ...     fill(*args, **kwargs)
    >>> squares
    array([ 0,  1,  4,  9, 16])
    """
    regions = chunks if chunks is not None else unit_of_work(output_array)
    if regions is None:
        raise ValueError(
            f"the output is a {type(output_array).__name__} without chunks, and no chunks were "
            "given; expected chunks=..., the size of the regions to work on"
        )
    indices = list(chunk_slices(output_array.shape, regions))
    for index in indices:
        check_aligned(index, output_array)
    fill = FillChunk(compute, output_array, inputs)
    return [joblib.delayed(fill)(index) for index in indices]


def crc32(block: NDArray[Any]) -> int:
    """Checksum of the values of a block, whatever its layout in memory."""
    return zlib.crc32(np.ascontiguousarray(block).view(np.uint8).data) if block.size else 0


def _stores_every_chunk(output_array: WritableArray) -> WritableArray:
    """Open a Zarr output so that chunks of nothing but the fill value are stored as well."""
    if isinstance(output_array, zarr.Array):
        return inline(output_array.with_config({"write_empty_chunks": True}))
    return output_array
