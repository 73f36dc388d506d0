"""Upsampling: one chunk to eight, with the centres of voxels in place.

::

    input    |     A     |     B     |      factor 3: voxel i of the output has its centre at
    output   | a | a | a | b | b | b |      (i - (3 - 1) / 2) / 3 of the input, counted in voxels
    centres    -1/3  0  1/3 2/3  1  4/3     from A's centre

Order 0 takes the voxel in which the centre lies. Order 1 weighs the two voxels between whose
centres it lies; outside the outermost centres the edge's value goes on. The weights are whole
multiples of ``1 / (2 * factor)``, so that integers are interpolated exactly, and rounded once.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index
from data_helpers.jobs import ReadableArray, WritableArray, fast_to_read
from data_helpers.ome_zarr.methods import rounded_mean
from data_helpers.processing.pieces import in_pieces
from data_helpers.processing.regions import check_factors, fill, scaled_unit
from data_helpers.processing.values import keeps_means

__all__ = ["upsample"]


def upsample(
    input_array: ReadableArray,
    output: WritableArray,
    factor: int | Sequence[int],
    *,
    order: Literal[0, 1] = 0,
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Enlarge an image by a whole factor, the inverse of `downsample` as to where voxels lie.

    The first voxel's centre lies ``(factor - 1) / 2`` output voxels before that of the input.

    Parameters
    ----------
    input_array
        NumPy, Zarr 2, Zarr 3 with or without shards, or anything that can be sliced. For order 1
        integers of at most 32 bits, or floats.
    output
        NumPy or Zarr, of the shape ``length * factor``, or up to ``factor - 1`` shorter along an
        axis, so that what `downsample` has shrunk finds its shape again. Integers of the input
        must fit its dtype.
    factor
        One whole number for all axes, or one per axis (1 leaves it alone).
    order
        0 repeats each voxel. 1 interpolates linearly: exact, and rounded half up for integers;
        beyond the outermost centres the edge's value goes on. NaN spreads to all between it and
        its neighbours, whatever their weight is above 0.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, what
        the input's chunks become). Must be multiples of the output's.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.

    Raises
    ------
    TypeError
        If the output's dtype cannot hold the result, or the input's cannot be interpolated.
    ValueError
        If the shapes do not fit, or as `output_jobs`. Nothing has been written then.
    ChunkError
        If reading or writing fails.

    Examples
    --------
    >>> image, large = np.array([0, 8], "u1"), np.zeros(4, "u1")
    >>> upsample(image, large, 2, chunks=(2,))
    >>> large
    array([0, 0, 8, 8], dtype=uint8)
    >>> upsample(image, large, 2, order=1, chunks=(2,))
    >>> large
    array([0, 2, 6, 8], dtype=uint8)
    """
    factors = check_factors(factor, len(input_array.shape))
    _check_output(input_array, output, factors, order)
    compute = (_Repeat, _Interpolate)[order](input_array, factors, output.dtype)
    fill(
        compute,
        input_array,
        output,
        chunks=chunks,
        otherwise=scaled_unit(input_array, lambda axis, size: size * factors[axis]),
        n_jobs=n_jobs,
        backend=backend,
        progress=progress,
        manifest=manifest,
    )


class _Enlarge(ABC):
    """Compute a region of the output, in pieces if it is large."""

    def __init__(
        self, input_array: ReadableArray, factors: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.input_array = fast_to_read(input_array)
        self.factors = factors
        self.dtype = np.dtype(dtype)

    def __call__(self, index: Index) -> NDArray[Any]:
        """Enlarge what lies under one region."""
        return in_pieces(self._enlarge, index, self.dtype, share=4)

    @abstractmethod
    def _enlarge(self, index: Index) -> NDArray[Any]:
        """Enlarge what lies under one piece."""


class _Repeat(_Enlarge):
    """Order 0: each voxel takes the value of the one it lies in."""

    def _enlarge(self, index: Index) -> NDArray[Any]:
        places = [
            np.arange(part.start, part.stop) // factor
            for part, factor in zip(index, self.factors, strict=True)
        ]
        block = np.asarray(self.input_array[tuple(_stretch(at) for at in places)])
        inside = np.ix_(*(at - at[0] for at in places))
        return block[inside].astype(self.dtype)


class _Interpolate(_Enlarge):
    """Order 1: each voxel lies between two along each axis."""

    def _enlarge(self, index: Index) -> NDArray[Any]:
        along = [
            _neighbours(part, factor, length)
            for part, factor, length in zip(
                index, self.factors, self.input_array.shape, strict=True
            )
        ]
        block = np.asarray(
            self.input_array[tuple(_stretch(np.append(low, high)) for low, high, _ in along)]
        )
        # Whole numbers stay whole: all is multiplied by 2 * factor per axis, and divided once.
        sums = block.astype("i8" if self._exact(block.dtype) else "f8")
        for axis, (low, high, weight) in enumerate(along):
            sums = _weighed(sums, low - low[0], high - low[0], weight, self.factors[axis], axis)
        return rounded_mean(sums, prod(2 * factor for factor in self.factors), self.dtype)

    def _exact(self, dtype: np.dtype[Any]) -> bool:
        return dtype.kind in "iu" and self.dtype.kind in "iu"


def _neighbours(
    part: slice, factor: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Voxels before and behind the centres of a stretch, and the weight of those behind.

    The weight counts in parts of ``2 * factor``.
    """
    # The centre of voxel i lies at (2 i + 1 - factor) / (2 factor) of the input.
    numerator = 2 * np.arange(part.start, part.stop) + 1 - factor
    low, weight = np.divmod(numerator, 2 * factor)
    high = np.where(weight > 0, low + 1, low)  # no weight, no need to look: NaN stays where it is
    return np.clip(low, 0, length - 1), np.clip(high, 0, length - 1), weight


def _weighed(
    values: NDArray[Any],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    weight: NDArray[np.int64],
    factor: int,
    axis: int,
) -> NDArray[Any]:
    """Add up both neighbours along one axis, times ``2 * factor``."""
    shape = [1] * values.ndim
    shape[axis] = -1
    behind = weight.reshape(shape)
    total: NDArray[Any] = np.take(values, low, axis) * (2 * factor - behind)
    ahead = np.zeros_like(total)
    # Nothing is multiplied by 0: that would turn infinity into NaN.
    np.multiply(np.take(values, high, axis), behind, out=ahead, where=behind > 0)
    total += ahead
    return total


def _stretch(places: NDArray[np.int64]) -> slice:
    """Give the shortest slice that holds all places."""
    return slice(int(places.min()), int(places.max()) + 1)


def _check_output(
    input_array: ReadableArray, output: WritableArray, factors: tuple[int, ...], order: int
) -> None:
    """Refuse what is no order, and an output of another shape or of too narrow a dtype."""
    if order not in (0, 1):
        raise ValueError(f"order is {order!r}; expected 0 (repeat) or 1 (linear)")
    shrunk = tuple(-(-n // f) for n, f in zip(output.shape, factors, strict=False))
    if len(output.shape) != len(factors) or shrunk != tuple(input_array.shape):
        longest = tuple(n * f for n, f in zip(input_array.shape, factors, strict=True))
        raise ValueError(
            f"the output has shape {tuple(output.shape)}; expected {longest}, the input's "
            f"{tuple(input_array.shape)} times {factors}, or less than a factor shorter"
        )
    found, wanted = np.dtype(input_array.dtype), np.dtype(output.dtype)
    in_floats = order == 1 and keeps_means(found, wanted)
    if not in_floats and not np.can_cast(found, wanted, "safe"):
        raise TypeError(
            f"the output's dtype is {wanted}, which cannot hold the input's {found}; create the "
            f"output with dtype {found}"
        )
    if order == 1:
        _check_exact(found, factors)


def _check_exact(dtype: np.dtype[Any], factors: tuple[int, ...]) -> None:
    """Refuse what cannot be interpolated in 64 bits without a loss."""
    if dtype.kind == "f":
        return
    if dtype.kind not in "iu" or dtype.itemsize > 4:
        raise TypeError(
            f"the input's dtype is {dtype}; expected integers of at most 32 bits or floats for "
            "order=1; order=0 repeats values of any kind"
        )
    if prod(2 * factor for factor in factors) * np.iinfo(dtype).max >= 2**62:
        raise ValueError(
            f"factors {factors} are too large to interpolate {dtype} exactly in 64 bits; convert "
            "the input to float64, or enlarge in two steps"
        )
