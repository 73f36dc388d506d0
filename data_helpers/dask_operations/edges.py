"""Canny's edges: gradients need a halo, but which of them are edges is decided by whole objects."""

from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from data_helpers.components import keep_lazily
from data_helpers.dask_operations.halos import map_clipped
from data_helpers.dask_operations.inputs import check_image
from data_helpers.processing import gaussian_depth

__all__ = ["edge_map"]

BEYOND = 3  # pixels that Sobel's filter, thinning and the rim each add to the Gaussian's reach


def edge_map(x: da.Array, *, sigma: float = 1.0, low: float, high: float) -> da.Array:
    """Find the edges of a lazy 2-D image: what `skimage.feature.canny` gives for the whole.

    Pixels of a steep gradient, above `low`, are kept if they hang together, however far, with one
    above `high`. No halo is large enough for "however far": so whole objects of the weak pixels
    are found across all chunks, and those kept that hold a strong one.

    Parameters
    ----------
    x
        A Dask array of two axes: bool, integers of at most 32 bits, or floats between -1 and 1.
    sigma
        Standard deviation of the Gaussian that smooths first, in pixels.
    low, high
        Thresholds of the gradient, in units of the image, as in scikit-image.

    Returns
    -------
    dask.array.Array
        Lazy bool with the shape and chunks of `x`, equal in every pixel to the result for the whole
        image.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If `x` does not have two axes, chunk sizes are unknown, `sigma` is not possible or `low` is
        above `high`. When computed: if floats are not between -1 and 1.

    Notes
    -----
    J. Canny, "A computational approach to edge detection", IEEE Transactions on Pattern Analysis
    and Machine Intelligence 8 (1986) 679-698, https://doi.org/10.1109/TPAMI.1986.4767851. Computing
    it computes `x` twice: store or persist first what is dear. Pixels whose smoothed surroundings
    hold NaN are no edges.

    Examples
    --------
    >>> image = np.zeros((7, 8), "uint8")
    >>> image[:, 4:] = 200
    >>> edges = edge_map(da.from_array(image, chunks=3), sigma=0.5, low=50, high=100)
    >>> edges.compute()[3].astype(int)
    array([0, 0, 0, 1, 0, 0, 0, 0])
    """
    check_image(x, "x")
    if x.ndim != 2:
        raise ValueError(
            f"x has {x.ndim} axes; expected 2: take plane by plane, such as dask.array.stack("
            "[edge_map(plane, ...) for plane in x]), since thinning knows only two"
        )
    if x.dtype.kind in "iu" and x.dtype.itemsize > 4:
        raise TypeError(f"x holds {x.dtype}; expected integers of at most 32 bits: use astype")
    if not 0 <= low <= high:
        raise ValueError(f"low is {low} and high {high}; expected 0 <= low <= high")
    depths = tuple(reach + BEYOND for reach in gaussian_depth(sigma, ndim=2))
    weak, strong = (
        map_clipped(
            partial(_thin, sigma=sigma, threshold=threshold), x, depths, dtype=bool, label="thin"
        )
        for threshold in (low, high)
    )
    return keep_lazily(weak, at_least=1, marks=strong, connectivity=2)


def _thin(block: NDArray[Any], *, sigma: float, threshold: float) -> NDArray[np.bool_]:
    """Task: thinned edges above a threshold. With two equal ones, all of them hold a strong one."""
    from skimage.feature import canny

    edges: NDArray[np.bool_] = canny(  # type: ignore[no-untyped-call]
        block, sigma, low_threshold=threshold, high_threshold=threshold
    )
    return edges
