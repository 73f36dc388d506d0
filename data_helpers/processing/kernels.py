"""The arithmetic of filters, on one block with its halo, in floats.

With numba (the ``fast`` extra) loops are compiled, see `compiled`. Without, NumPy adds up
Gaussians from shifted slabs, and SciPy convolves. Convolutions are equal in every bit. SciPy's
Gaussians are added up in float64 and rounded to float32 after each axis; ours are added up in
float32, which takes about half of the time. They differ from SciPy's by less than two parts in
a million of the largest value, so an integer by one where it lies that close to a half.

Blocks of float64, and of more than three axes, are always SciPy's. Set the environment variable
``DATA_HELPERS_KERNELS`` to ``numpy`` to do without numba, and to ``scipy`` for SciPy's bits.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import DTypeLike, NDArray

from data_helpers.processing.halo import kernel_depth, without_halo
from data_helpers.processing.values import as_output, check_range, slabs

__all__ = ["Convolution", "Gaussian", "gaussian_weights", "kernels_in_use"]


def kernels_in_use() -> str:
    """Say who does the arithmetic.

    Returns
    -------
    str
        "numba", "numpy" or "scipy".

    Raises
    ------
    ValueError
        If ``DATA_HELPERS_KERNELS`` is none of them.
    """
    choice = os.environ.get("DATA_HELPERS_KERNELS", "numba")
    if choice not in ("numba", "numpy", "scipy"):
        raise ValueError(
            f"DATA_HELPERS_KERNELS is {choice!r}; expected 'numba', 'numpy' or 'scipy'"
        )
    return "numpy" if choice == "numba" and find_spec("numba") is None else choice


def gaussian_weights(sigma: float, radius: int) -> NDArray[np.float64]:
    """Give the weights of a Gaussian that is cut off, those of `scipy.ndimage.gaussian_filter`.

    Parameters
    ----------
    sigma
        Standard deviation in voxels, above 0.
    radius
        Voxels on each side of the centre.

    Returns
    -------
    ndarray of float64
        ``2 * radius + 1`` weights that add up to 1.

    Examples
    --------
    >>> gaussian_weights(1.0, 1).round(3)
    array([0.274, 0.452, 0.274])
    """
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return np.asarray(weights / weights.sum())


class Convolution:
    """Convolve a block with its halo.

    Parameters
    ----------
    weights
        The kernel.
    dtype
        Of the output.
    """

    def __init__(self, weights: NDArray[np.float64], dtype: DTypeLike) -> None:
        self.weights = weights
        self.dtype = np.dtype(dtype)

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        """Give the block without its halo, in the output's dtype."""
        if kernels_in_use() != "numba" or block.ndim > 3:
            found = ndi.convolve(block, self.weights, mode="nearest")
            sums = without_halo(found, kernel_depth(self.weights.shape))
        else:
            sums = self._compiled(block)
        return as_output(sums, self.dtype)

    def _compiled(self, block: NDArray[Any]) -> NDArray[Any]:
        turned = np.flip(self.weights)
        used = np.abs(turned) > np.finfo("f8").eps  # SciPy leaves out what is less
        # A kernel of even size is one shorter before its centre than its halo.
        even = [1 - size % 2 for size in turned.shape]
        offsets = np.argwhere(used) + even
        lead = 3 - block.ndim
        depths = kernel_depth(turned.shape)
        shape = [n - 2 * d for n, d in zip(block.shape, depths, strict=True)]
        sums = np.empty(shape, block.dtype)
        _compiled().convolve_block(
            block[(np.newaxis,) * lead],
            np.pad(offsets, [(0, 0), (lead, 0)]),
            turned[used],
            sums[(np.newaxis,) * lead],
        )
        return sums


class Gaussian:
    """Smooth a block with its halo, axis by axis; each axis loses its halo when it is done.

    Parameters
    ----------
    sigmas
        Standard deviation along each axis.
    depths
        Radius along each axis.
    dtype
        Of the output.
    """

    def __init__(
        self, sigmas: tuple[float, ...], depths: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.weights = [
            gaussian_weights(sigma, depth) if sigma > 0 else np.ones(1)
            for sigma, depth in zip(sigmas, depths, strict=True)
        ]
        self.depths = depths
        self.dtype = np.dtype(dtype)

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        """Give the block without its halo, in the output's dtype; `block` may be overwritten."""
        kernels = kernels_in_use()
        if kernels == "scipy" or block.dtype != np.float32 or block.ndim > 3:
            return self._axis_by_axis(block)
        return self._in_loops(block) if kernels == "numba" else self._in_slabs(block)

    def _in_slabs(self, block: NDArray[Any]) -> NDArray[Any]:
        """Leave it to NumPy."""
        for axis, weights in enumerate(self.weights):
            if len(weights) > 1:
                block = _smooth_along(block, weights[len(weights) // 2 :].astype("f4"), axis)
        return as_output(block, self.dtype)

    def _axis_by_axis(self, block: NDArray[Any]) -> NDArray[Any]:
        """Leave it to SciPy."""
        for axis, weights in enumerate(self.weights):
            if len(weights) > 1:
                block = ndi.correlate1d(block, weights, axis=axis, mode="nearest")
                here = [self.depths[axis] if a == axis else 0 for a in range(block.ndim)]
                block = without_halo(block, here)
        return as_output(block, self.dtype)

    def _in_loops(self, block: NDArray[Any]) -> NDArray[Any]:
        """Leave it to compiled loops over three axes, which need weights from the middle on."""
        lead = 3 - block.ndim
        halves = [np.ones(1)] * lead + [weights[len(weights) // 2 :] for weights in self.weights]
        smooth = _compiled().smooth_block(
            block[(np.newaxis,) * lead], *(half.astype("f4") for half in halves)
        )
        shape = smooth.shape[lead:]
        if self.dtype.kind == "f":
            return np.array(smooth.reshape(shape), self.dtype)
        result: NDArray[Any] = np.empty(smooth.shape, self.dtype)
        limits = np.iinfo(self.dtype)
        lowest, highest = _compiled().round_block(
            smooth, np.float32(limits.min), np.float32(limits.max), result
        )
        if not lowest > highest:  # something does not fit, or is NaN
            check_range(lowest, highest, self.dtype)
        return result.reshape(shape)


def _smooth_along(
    block: NDArray[Any], weights: NDArray[np.float32], axis: int
) -> NDArray[np.float32]:
    """Smooth along one axis, by weights from the middle on: add up the block, shifted both ways.

    It goes slab by slab, so that the sums stay in the cache while everything is added to them.
    They take the places of the first rows that they were made from, which no later slab needs.
    """
    radius = len(weights) - 1
    length = block.shape[axis] - 2 * radius

    def shifted(by: int) -> NDArray[Any]:
        return block[(slice(None),) * axis + (slice(radius + by, radius + by + length),)]

    result = shifted(-radius)
    for rows in slabs(result.shape):
        sums = shifted(0)[rows] * weights[0]
        pair = np.empty_like(sums)
        for k in range(1, radius + 1):
            np.add(shifted(-k)[rows], shifted(k)[rows], out=pair)
            np.multiply(pair, weights[k], out=pair)
            np.add(sums, pair, out=sums if k < radius else result[rows])
    return result


def _compiled() -> Any:
    """Import the compiled loops, and numba with them, when they are first needed."""
    return import_module("data_helpers.processing.compiled")
