"""Several arrays, pixel by pixel: each task takes the chunks that lie on one another."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from numpy.typing import DTypeLike, NDArray

from data_helpers.dask_operations.inputs import check_image, check_partner

__all__ = ["apply_mask", "background_ratio", "map_chunks"]


def background_ratio(
    fluorescence: da.Array, brightfield: da.Array, background: da.Array | float
) -> da.Array:
    """Divide fluorescence by brightfield, both above the background: ``(F - B) / (W - B)``.

    Parameters
    ----------
    fluorescence
        A Dask array: integers or floats, such as a series (t, y, x).
    brightfield
        The same shape, or that of the last axes, such as one image (y, x); and the same chunks.
    background
        As `brightfield`, or one number: what the camera gives in the dark.

    Returns
    -------
    dask.array.Array
        Lazy float32 with the shape and chunks of `fluorescence`. NaN where the brightfield is not
        above the background, so that there is nothing to divide by, and where any of them is NaN.

    Raises
    ------
    TypeError
        If one of them is not a Dask array of such numbers.
    ValueError
        If shapes do not fit, or chunks differ. Nothing is rechunked.

    Notes
    -----
    Differences are computed in floats. Unsigned integers would wrap: 3 - 5 is 65534 in uint16.

    Examples
    --------
    >>> def lazy(values):
    ...     return da.from_array(np.array(values, "uint16"), chunks=2)
    >>> background_ratio(lazy([50, 3, 9]), lazy([95, 105, 5]), lazy([5, 5, 5])).compute()
    array([ 0.5 , -0.02,   nan], dtype=float32)
    """
    check_image(fluorescence, "fluorescence", "iuf")
    partners = {"brightfield": brightfield}
    ratio: Callable[..., NDArray[np.float32]] = _ratio
    if isinstance(background, int | float | np.number):
        ratio = partial(_ratio, background=background)
    else:
        partners["background"] = background
    for name, partner in partners.items():
        check_image(partner, name, "iuf")
        check_partner(fluorescence, partner, name)
    return map_chunks(
        ratio, [fluorescence, *partners.values()], dtype="f4", label="background-ratio"
    )


def apply_mask(series: da.Array, mask: da.Array) -> da.Array:
    """Keep the pixels of a lazy series that lie in a mask; the others become 0.

    Parameters
    ----------
    series
        A Dask array, such as (t, y, x).
    mask
        Bool or integers, where everything that is not 0 is inside: the shape of the last axes of
        `series`, such as (y, x), or of all; and the same chunks along them.

    Returns
    -------
    dask.array.Array
        Lazy, with the shape, chunks and dtype of `series`. NaN outside the mask becomes 0 as well.

    Raises
    ------
    TypeError
        If one of them is not a Dask array, or the mask holds floats.
    ValueError
        If shapes do not fit, or chunks differ. Nothing is rechunked.

    Examples
    --------
    >>> series = da.from_array([[1, 2, 3], [4, 5, 6]], chunks=(1, 2))
    >>> apply_mask(series, da.from_array([True, False, True], chunks=2)).compute()
    array([[1, 0, 3],
           [4, 0, 6]])
    """
    check_image(series, "series")
    check_image(mask, "mask", "biu")
    check_partner(series, mask, "mask")
    return map_chunks(_inside, [series, mask], dtype=series.dtype, label="masked")


def map_chunks(
    f: Callable[..., NDArray[Any]], arrays: Sequence[da.Array], *, dtype: DTypeLike, label: str
) -> da.Array:
    """Apply a function to the chunks of several arrays that share their last axes.

    Parameters
    ----------
    f
        Takes a chunk of each; gives a chunk of the shape of the first.
    arrays
        The image, then arrays of its shape or of that of its last axes, with the same chunks.
    dtype
        What `f` gives.
    label
        What tasks are called.

    Returns
    -------
    dask.array.Array
        Of the shape and chunks of the first.

    Examples
    --------
    >>> image, row = da.ones((2, 4), chunks=(1, 2)), da.arange(4, chunks=2)
    >>> map_chunks(np.add, [image, row], dtype="f8", label="sum").compute()
    array([[1., 2., 3., 4.],
           [1., 2., 3., 4.]])
    """
    axes = tuple(range(arrays[0].ndim))
    pairs = [part for array in arrays for part in (array, axes[len(axes) - array.ndim :])]
    name = f"{label}-{tokenize(f, *(array.name for array in arrays))}"
    meta = np.empty((0,) * len(axes), dtype)
    mapped: da.Array = da.blockwise(  # type: ignore[no-untyped-call]
        f, axes, *pairs, name=name, align_arrays=False, meta=meta
    )
    return mapped


def _ratio(
    fluorescence: NDArray[Any], brightfield: NDArray[Any], background: NDArray[Any] | float
) -> NDArray[np.float32]:
    """Task: one chunk of the ratio, computed in float64 and rounded once."""
    below = np.subtract(brightfield, background, dtype="f8")
    ratio: NDArray[Any] = np.subtract(fluorescence, background, dtype="f8")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio /= np.where(below > 0, below, np.nan)
    return ratio.astype("f4")


def _inside(block: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """Task: one chunk of the series, with the chunk of the mask that lies on it."""
    return np.where(mask != 0, block, block.dtype.type(0))
