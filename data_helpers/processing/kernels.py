"""The arithmetic of filters, on one block with its halo: SciPy's loops, in floats.

`scipy.ndimage` adds up in float64 whatever the dtype, and rounds each result to that of the block.
It knows nothing of halos: what it computes there is wrong, and is cut off at once.
"""

from typing import Any

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import DTypeLike, NDArray

from data_helpers.processing.halo import kernel_depth, without_halo
from data_helpers.processing.values import as_output

__all__ = ["Convolution", "Gaussian", "gaussian_weights"]


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
        found = ndi.convolve(block, self.weights, mode="nearest")
        return as_output(without_halo(found, kernel_depth(self.weights.shape)), self.dtype)


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
        """Give the block without its halo, in the output's dtype."""
        for axis, weights in enumerate(self.weights):
            if len(weights) > 1:
                block = ndi.correlate1d(block, weights, axis=axis, mode="nearest")
                here = [self.depths[axis] if a == axis else 0 for a in range(block.ndim)]
                block = without_halo(block, here)
        return as_output(block, self.dtype)
