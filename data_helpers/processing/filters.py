"""Filters with a halo: any function, any kernel, and the Gaussian.

All three read a region with its halo, compute, and cut the halo off. `halo` says how far a kernel
reaches, `values` how results are rounded, `kernels` does the arithmetic.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_helpers.grid import Chunks, Index
from data_helpers.jobs import (
    EdgeMode,
    ReadableArray,
    WritableArray,
    check_same_shape,
    fast_to_read,
    pad_mode,
    unit_of_work,
)
from data_helpers.processing.halo import (
    block_with_halo,
    check_depth,
    gaussian_depth,
    kernel_depth,
    per_axis,
    without_halo,
)
from data_helpers.processing.kernels import Convolution, Gaussian
from data_helpers.processing.pieces import in_pieces
from data_helpers.processing.regions import fill
from data_helpers.processing.sweep import SharedReads, Sweep, plan_sweep
from data_helpers.processing.values import check_dtypes, work_dtype

__all__ = ["convolve", "gaussian", "map_with_halo"]

# Takes a block with its halo, gives the block without, in the output's dtype.
Shrinking: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


def map_with_halo(
    f: Callable[[NDArray[Any]], NDArray[Any]],
    input_array: ReadableArray,
    output: WritableArray,
    *,
    depth: int | Sequence[int],
    mode: EdgeMode,
    cval: float = 0.0,
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Apply a function to every region of an image with its halo, and write it without.

    Parameters
    ----------
    f
        Takes an array, returns one of the same shape, whose dtype the output can hold exactly. It
        may change what it is given. Large regions are given in pieces, so it must not depend on
        how the image is cut: `assert_chunk_invariant` finds out.
    input_array, output
        NumPy, Zarr 2, Zarr 3 with or without shards, of the same shape; dtypes and chunks may
        differ. The input may be anything that can be sliced.
    depth
        Elements to see on both sides: one number for all axes, or one per axis. It may be larger
        than a chunk; then more neighbours are read.
    mode, cval
        SciPy's word for what lies outside the array (reflect, mirror, nearest, wrap or constant),
        and the value for ``constant``, which the input's dtype must be able to hold.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, the
        input's). Must be multiples of the output's.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.

    Raises
    ------
    ValueError
        If shapes differ, depth or mode are not possible, or as `output_jobs`. Nothing has been
        written then.
    ChunkError
        If the function fails, changes the shape, or returns a dtype that the output cannot hold.

    Examples
    --------
    The largest of each value and its two neighbours:

    >>> import scipy.ndimage as ndi
    >>> image, largest = np.array([1, 9, 2, 3, 4, 5]), np.zeros(6, "i8")
    >>> def f(block):
    ...     return ndi.maximum_filter(block, 3)
    >>> map_with_halo(f, image, largest, depth=1, mode="nearest", chunks=(2,))
    >>> largest
    array([9, 9, 9, 4, 5, 5])
    """
    depths = check_depth(depth, len(input_array.shape))
    _check_cval(mode, cval, np.dtype(input_array.dtype))
    compute = _WithHalo(_Cropped(f, depths), input_array, depths, mode, cval, output.dtype)
    _fill(compute, output, chunks, n_jobs, backend, progress, manifest)


def convolve(
    input_array: ReadableArray,
    output: WritableArray,
    kernel: ArrayLike,
    *,
    mode: EdgeMode,
    cval: float = 0.0,
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Convolve an image with a kernel, as `scipy.ndimage.convolve` does in floats.

    Parameters
    ----------
    input_array
        NumPy, Zarr 2, Zarr 3 with or without shards, or anything that can be sliced. Bool,
        integers of at most 32 bits, or floats.
    output
        NumPy or Zarr, of the same shape: integers of at most 32 bits, float32 or float64.
    kernel
        Weights, with as many axes as the image; any size, even ones, too. Element ``size // 2``
        along each axis, counted from 0, is the centre, so that
        ``output[i] = sum(kernel[k] * input[i + size // 2 - k])``. Its halo follows from its shape.
    mode, cval
        SciPy's word for what lies outside the array, and the value for ``constant``.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, the
        input's). Must be multiples of the output's.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.

    Raises
    ------
    TypeError
        If floats do not hold every value of a dtype.
    ValueError
        If shapes differ, the kernel has other axes than the image, is empty or holds NaN or
        infinity, or as `output_jobs`. Nothing has been written then.
    ChunkError
        If reading or writing fails, or an integer output cannot hold a result: caused by an
        OverflowError that names the values, or a ValueError for NaN. No value ever wraps.

    Notes
    -----
    The sum is rounded to float32 (float64 if input or output hold more), then, for integers, half
    up. NaN spreads to where the kernel reaches; weights of 0 do not reach.

    Examples
    --------
    >>> image, edges = np.array([3, 3, 3, 7, 7], "u1"), np.zeros(5, "i2")
    >>> convolve(image, edges, [1, 0, -1], mode="nearest", chunks=(2,))
    >>> edges
    array([0, 0, 4, 4, 0], dtype=int16)
    """
    weights = _checked_kernel(kernel, len(input_array.shape))
    check_dtypes(input_array.dtype, output.dtype)
    depths = kernel_depth(weights.shape)
    apply = Convolution(weights, output.dtype)
    work = work_dtype(input_array.dtype, output.dtype)
    compute = _WithHalo(apply, input_array, depths, mode, cval, output.dtype, work)
    _fill(compute, output, chunks, n_jobs, backend, progress, manifest)


def gaussian(
    input_array: ReadableArray,
    output: WritableArray,
    sigma: float | Sequence[float],
    *,
    mode: EdgeMode,
    truncate: float = 4.0,
    cval: float = 0.0,
    chunks: Chunks | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> None:
    """Smooth an image with a Gaussian, as `scipy.ndimage.gaussian_filter` does in floats.

    Parameters
    ----------
    input_array
        NumPy, Zarr 2, Zarr 3 with or without shards, or anything that can be sliced. Bool,
        integers of at most 32 bits, or floats.
    output
        NumPy or Zarr, of the same shape: integers of at most 32 bits, float32 or float64.
    sigma
        Standard deviation in voxels: one number for all axes, or one per axis (0 leaves it alone).
    mode
        SciPy's word for what lies outside the array.
    truncate
        Where the Gaussian is cut off, in standard deviations. The halo follows from both.
    cval
        The value outside for ``constant``.
    chunks
        Size of the regions, if not the output's shards or chunks (or, for a NumPy output, the
        input's). Must be multiples of the output's.
    n_jobs, backend, progress, manifest
        As for `run_jobs`.

    Raises
    ------
    TypeError
        If floats do not hold every value of a dtype.
    ValueError
        If shapes differ, sigma or truncate are not possible, or as `output_jobs`. Nothing has been
        written then.
    ChunkError
        If reading or writing fails, or an integer output is to hold NaN or more than it can.

    Notes
    -----
    SciPy's filter on integers cuts off the decimals after each axis, which loses up to one count
    per axis. Here all axes are computed in float32 (float64 if input or output hold more), and
    integers are rounded once, half up. NaN spreads to the box that the Gaussian reaches.

    Examples
    --------
    >>> image, smooth = np.array([0, 0, 100, 0, 0], "u1"), np.zeros(5, "u1")
    >>> gaussian(image, smooth, 1, mode="nearest", chunks=(3,))
    >>> smooth
    array([ 5, 24, 40, 24,  5], dtype=uint8)
    """
    depths = gaussian_depth(sigma, truncate=truncate, ndim=len(input_array.shape))
    check_dtypes(input_array.dtype, output.dtype)
    apply = Gaussian(per_axis(sigma, len(depths)), depths, output.dtype)
    work = work_dtype(input_array.dtype, output.dtype)
    compute = _WithHalo(apply, input_array, depths, mode, cval, output.dtype, work)
    _fill(compute, output, chunks, n_jobs, backend, progress, manifest)


class _WithHalo:
    """Compute a region of the output from the input with its halo.

    What is read is shared with the other regions. That is not part of what a manifest compares,
    which is what `__dict__` holds.
    """

    __slots__ = ("__dict__", "_reads")

    def __init__(
        self,
        apply: Shrinking,
        input_array: ReadableArray,
        depths: tuple[int, ...],
        mode: EdgeMode,
        cval: float,
        dtype: np.dtype[Any],
        work: np.dtype[Any] | None = None,
    ) -> None:
        pad_mode(mode)  # refuses unknown words before any job is made
        self.apply = apply
        self.input_array = fast_to_read(input_array)
        self.depths = depths
        self.mode: EdgeMode = mode
        self.cval = cval
        self.dtype = np.dtype(dtype)
        self.work = np.dtype(input_array.dtype) if work is None else work
        self._reads = SharedReads(self.input_array, None)

    def share(self, sweep: Sweep | None) -> None:
        """Read by a plan from now on."""
        self._reads = SharedReads(self.input_array, sweep)

    def __call__(self, index: Index) -> NDArray[Any]:
        """Compute one region, in pieces if it is large."""
        with self._reads.for_region(index) as read:
            return in_pieces(partial(self._filter, read), index, self.dtype)

    def _filter(self, read: Callable[..., None], index: Index) -> NDArray[Any]:
        block = block_with_halo(
            read,
            index,
            self.depths,
            shape=self.input_array.shape,
            dtype=self.work,
            mode=self.mode,
            cval=self.cval,
        )
        return self.apply(block)


class _Cropped:
    """A function of the user's, whose result loses its halo."""

    def __init__(self, f: Callable[[NDArray[Any]], NDArray[Any]], depths: tuple[int, ...]) -> None:
        self.f = f
        self.depths = depths

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        """Apply the function and cut the halo off."""
        shape = block.shape
        result = self.f(block)
        if np.shape(result) != shape:
            raise ValueError(
                f"the function turned shape {shape} into {np.shape(result)}; expected the same "
                "shape, with the halo, which is cut off afterwards"
            )
        return without_halo(result, self.depths)


def _fill(
    compute: _WithHalo,
    output: WritableArray,
    chunks: Chunks | None,
    n_jobs: int,
    backend: str | None,
    progress: bool,
    manifest: str | os.PathLike[str] | None,
) -> None:
    """Run a filter whose output has the shape of its input."""
    check_same_shape(compute.input_array, output)
    otherwise = unit_of_work(compute.input_array)
    unit = chunks if chunks is not None else unit_of_work(output) or otherwise
    sweep = plan_sweep(compute.input_array, compute.depths, unit)
    compute.share(sweep)
    fill(
        compute,
        compute.input_array,
        output,
        chunks=chunks,
        otherwise=otherwise,
        order=None if sweep is None else sweep.place_of,
        n_jobs=n_jobs,
        backend=backend,
        progress=progress,
        manifest=manifest,
    )


def _checked_kernel(kernel: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """Give the weights as float64, or say what is wrong with them."""
    weights = np.array(kernel, dtype="f8")
    if weights.ndim != ndim or weights.size == 0 or not np.isfinite(weights).all():
        raise ValueError(
            f"the kernel has shape {weights.shape} and {int((~np.isfinite(weights)).sum())} "
            f"weights that are not finite; expected {ndim} axes, as the image has, at least one "
            "weight, and finite numbers: add axes of length 1 for a kernel of fewer axes"
        )
    return weights


def _check_cval(mode: str, cval: float, dtype: np.dtype[Any]) -> None:
    """Refuse a constant outside that the input's dtype cannot hold: it would be cut off."""
    if mode != "constant" or dtype.kind not in "iu":
        return
    limits = np.iinfo(dtype)
    if cval != int(cval) or not limits.min <= cval <= limits.max:
        raise ValueError(
            f"cval is {cval}, which the input's {dtype} cannot hold; expected a whole number from "
            f"{limits.min} to {limits.max}, or convert the input to floats first"
        )
