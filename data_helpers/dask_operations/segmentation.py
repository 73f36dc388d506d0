"""Bright objects: smooth, one threshold for the whole image, objects by their whole size."""

from collections.abc import Sequence

import dask.array as da
import numpy as np

from data_helpers.components import check_connectivity, check_min_size, keep_lazily
from data_helpers.dask_operations.inputs import check_image
from data_helpers.dask_operations.passes import map_with
from data_helpers.dask_operations.smoothing import gaussian_filter
from data_helpers.dask_operations.thresholds import otsu_threshold

__all__ = ["segment"]


def segment(
    x: da.Array,
    *,
    sigma: float | Sequence[float] = 1.0,
    min_size: int = 0,
    connectivity: int = 1,
) -> da.Array:
    """Tell bright objects from background: a Gaussian, Otsu's threshold, and no small objects.

    Parameters
    ----------
    x
        A Dask array with any number of axes: bool, integers or floats.
    sigma
        Standard deviation of the Gaussian, as `gaussian_filter`.
    min_size
        Objects of fewer voxels go. An object that lies in many chunks counts as one.
    connectivity
        How many coordinates of two touching voxels may differ by one: 1 for faces only, up to the
        number of axes, for corners as well.

    Returns
    -------
    dask.array.Array
        Lazy bool with the shape and chunks of `x`: what the same steps give for the whole image.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If chunk sizes are unknown, the image has no voxels, or `sigma`, `min_size` or
        `connectivity` are not possible.

    Notes
    -----
    The smoothed image is never kept but computed three times: for its smallest and largest value,
    for Otsu's counts, and to compare it with the threshold; with `min_size` four times, since
    objects are measured first and kept then. If `x` is dear to compute, store or persist it first.
    With `min_size`, memory grows with the image, to about two thirds of its size in uint16: where
    that is too much, store the mask first, and remove small objects from there.

    Examples
    --------
    >>> x = da.from_array([[0, 9, 9, 9, 0, 0, 9, 0]], chunks=(1, 2))
    >>> segment(x, sigma=0, min_size=2).compute().astype(int)
    array([[0, 1, 1, 1, 0, 0, 0, 0]])
    """
    check_image(x, "x")
    check_connectivity(connectivity, x.ndim)
    min_size = check_min_size(min_size)
    smooth = gaussian_filter(x, sigma)
    threshold = otsu_threshold(smooth)
    bright = map_with(np.greater, smooth, threshold, dtype=bool, label="bright")
    if min_size <= 1:
        return bright
    return keep_lazily(bright, at_least=min_size, connectivity=connectivity, known=threshold)
