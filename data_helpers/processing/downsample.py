"""Downsampling: eight chunks to one, each voxel the mean of its window.

::

    input    | a a | a a | a a | a |     factor 2: windows of 2, the last one cut short
    output   |  A  |  A  |  A  | A |     the centre of A is that of its window: (2 - 1) / 2 voxels
                                         of the input behind the centre of its first voxel
"""

import os
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index
from data_helpers.jobs import ReadableArray, WritableArray, fast_to_read
from data_helpers.ome_zarr import window_mean, window_mode, window_nearest
from data_helpers.processing.pieces import in_pieces
from data_helpers.processing.regions import check_factors, fill, scaled_unit
from data_helpers.processing.values import keeps_means

__all__ = ["DownsampleMethod", "downsample"]

DownsampleMethod: TypeAlias = Literal["mean", "mode", "nearest", "max", "min"]
Reduce: TypeAlias = Callable[[NDArray[Any], Sequence[int]], NDArray[Any]]


def downsample(
    input_array: ReadableArray,
    output: WritableArray,
    factor: int | Sequence[int],
    *,
    method: DownsampleMethod = "mean",
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Shrink an image: each voxel of the output stands for a window of the input.

    Windows that the end of the input cuts short count as they are. The first voxel's centre lies
    ``(factor - 1) / 2`` input voxels behind that of the input.

    Parameters
    ----------
    input_array
        NumPy, Zarr 2, Zarr 3 with or without shards, or anything that can be sliced. Integers of
        at most 32 bits, or floats; labels of any kind for "mode" and "nearest".
    output
        NumPy or Zarr, of shape ``ceil(length / factor)`` along each axis, with chunks of its own.
        Integers of the input must fit its dtype. Floats of 32 bits or more hold the mean of
        integers unrounded.
    factor
        Length of a window: one whole number for all axes, or one per axis (1 leaves it alone).
    method
        "mean" is exact, and rounded half up for integers. "mode" is the most frequent value, the
        smallest of several: for labels. "nearest" is the voxel nearest to the window's centre,
        the lower of two. "max" and "min" are what they say. NaN makes its window's mean, max and
        min NaN; "mode" counts each NaN as a value of its own, and "nearest" takes what is there.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, what
        the input's chunks become). Must be multiples of the output's.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.

    Raises
    ------
    TypeError
        If the output's dtype cannot hold the result, or the input's cannot be averaged exactly.
    ValueError
        If the output's shape is not that, or as `output_jobs`. Nothing has been written then.
    ChunkError
        If reading or writing fails.

    Examples
    --------
    The windows are 1 and 2, 3 and 5, and 9 alone; 1.5 is rounded up:

    >>> image, small = np.array([1, 2, 3, 5, 9], "u1"), np.zeros(3, "u1")
    >>> downsample(image, small, 2, chunks=(2,))
    >>> small
    array([2, 4, 9], dtype=uint8)
    """
    factors = check_factors(factor, len(input_array.shape))
    _check_output(input_array, output, factors, method)
    fill(
        _Shrink(input_array, factors, method, output.dtype),
        input_array,
        output,
        chunks=chunks,
        otherwise=scaled_unit(input_array, lambda axis, size: -(-size // factors[axis])),
        n_jobs=n_jobs,
        backend=backend,
        progress=progress,
        manifest=manifest,
    )


class _Shrink:
    """Compute a region of the output from the windows that lie under it."""

    def __init__(
        self,
        input_array: ReadableArray,
        factors: tuple[int, ...],
        method: DownsampleMethod,
        dtype: np.dtype[Any],
    ) -> None:
        self.input_array = fast_to_read(input_array)
        self.factors = factors
        self.reduce = _METHODS[method]
        self.dtype = np.dtype(dtype)
        # The mean of whole numbers has decimals, which only a float output keeps.
        self.in_floats = method == "mean" and self.dtype.kind == "f"

    def __call__(self, index: Index) -> NDArray[Any]:
        """Shrink what lies under one region."""
        return in_pieces(self._shrink, index, self.dtype, share=prod(self.factors))

    def _shrink(self, index: Index) -> NDArray[Any]:
        windows = tuple(
            slice(part.start * factor, min(part.stop * factor, length))
            for part, factor, length in zip(
                index, self.factors, self.input_array.shape, strict=True
            )
        )
        block = np.asarray(self.input_array[windows])
        values = block.astype("f8") if self.in_floats else block
        return self.reduce(values, self.factors).astype(self.dtype)


def _window_max(block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Largest value of each window."""
    return _reduced(np.maximum, block, factors)


def _window_min(block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Smallest value of each window."""
    return _reduced(np.minimum, block, factors)


def _reduced(f: np.ufunc, block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Bring each window down to one value, axis by axis."""
    for axis, factor in enumerate(factors):
        block = f.reduceat(block, np.arange(0, block.shape[axis], factor), axis=axis)
    return block


_METHODS: dict[str, Reduce] = {
    "mean": window_mean,
    "mode": window_mode,
    "nearest": window_nearest,
    "max": _window_max,
    "min": _window_min,
}


def _check_output(
    input_array: ReadableArray, output: WritableArray, factors: tuple[int, ...], method: str
) -> None:
    """Refuse an unknown method, and an output of another shape or of too narrow a dtype."""
    if method not in (known := get_args(DownsampleMethod)):
        raise ValueError(f"method {method!r} is not known; expected one of {', '.join(known)}")
    expected = tuple(-(-n // f) for n, f in zip(input_array.shape, factors, strict=True))
    if tuple(output.shape) != expected:
        raise ValueError(
            f"the output has shape {tuple(output.shape)}; expected {expected}, the input's "
            f"{tuple(input_array.shape)} divided by {factors} and rounded up"
        )
    found, wanted = np.dtype(input_array.dtype), np.dtype(output.dtype)
    averaged = found.kind in "fiu" and (found.kind == "f" or found.itemsize <= 4)
    if method == "mean" and not averaged:
        raise TypeError(
            f"the input's dtype is {found}; expected integers of at most 32 bits or floats for a "
            "mean; method='mode' and 'nearest' serve labels"
        )
    # A mean computed in float64 may be rounded to floats; nothing else may lose anything.
    in_floats = method == "mean" and keeps_means(found, wanted)
    if not in_floats and not np.can_cast(found, wanted, "safe"):
        raise TypeError(
            f"the output's dtype is {wanted}, which cannot hold the input's {found}; create the "
            f"output with dtype {found}"
        )
