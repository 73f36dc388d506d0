"""A Gaussian whose halo follows from sigma."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import dask.array as da
import scipy.ndimage as ndi
from numpy.typing import NDArray

from data_helpers.dask_operations.halos import map_padded
from data_helpers.dask_operations.inputs import check_image, float_dtype
from data_helpers.jobs import EdgeMode
from data_helpers.processing import gaussian_depth
from data_helpers.processing.halo import per_axis, without_halo

__all__ = ["gaussian_filter"]


def gaussian_filter(
    x: da.Array,
    sigma: float | Sequence[float],
    *,
    mode: EdgeMode = "nearest",
    truncate: float = 4.0,
    cval: float = 0.0,
) -> da.Array:
    """Smooth a lazy image with a Gaussian, as `scipy.ndimage.gaussian_filter` smooths the whole.

    Parameters
    ----------
    x
        A Dask array with any number of axes: bool, integers or floats.
    sigma
        Standard deviation in voxels: one number for all axes, or one per axis. 0 leaves an axis
        alone, such as that of time or channels.
    mode
        SciPy's word for what lies outside the image: reflect, mirror, nearest, wrap or constant.
    truncate
        Where the Gaussian is cut off, in standard deviations. The halo follows from both.
    cval
        The value outside for ``constant``.

    Returns
    -------
    dask.array.Array
        Lazy, with the shape and chunks of `x`, one task per chunk. float32; float64 for integers
        and floats of more than 16 and 32 bits.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If chunk sizes are unknown, `mode` is unknown, or sigma or truncate are not possible.

    Notes
    -----
    Equal to SciPy's result for the whole image, converted to floats, whatever the chunks: in every
    bit for float32, and to 1e-14 of the largest value for float64. Where the halo is larger than a
    chunk, a task takes as many chunks as it needs; nothing is rechunked. NaN spreads to the box
    that the Gaussian reaches.

    Examples
    --------
    >>> x = da.from_array([0, 0, 100, 0, 0], chunks=2)
    >>> gaussian_filter(x.astype("uint8"), 1).compute().round(1)
    array([ 5.4, 24.2, 39.9, 24.2,  5.4], dtype=float32)
    """
    check_image(x, "x")
    depths = gaussian_depth(sigma, truncate=truncate, ndim=x.ndim)
    smooth = partial(_smooth, sigmas=per_axis(sigma, x.ndim), depths=depths, truncate=truncate)
    dtype = float_dtype(x.dtype)
    return map_padded(
        smooth, x, depths, mode=mode, cval=cval, work=dtype, dtype=dtype, label="gaussian"
    )


def _smooth(
    block: NDArray[Any], *, sigmas: Sequence[float], depths: Sequence[int], truncate: float
) -> NDArray[Any]:
    """Smooth axis by axis; each axis loses its halo when it is done."""
    for axis, (sigma, depth) in enumerate(zip(sigmas, depths, strict=True)):
        if depth:
            block = ndi.gaussian_filter1d(block, sigma, axis, truncate=truncate, mode="nearest")
            block = without_halo(block, [depth if a == axis else 0 for a in range(block.ndim)])
    return block
