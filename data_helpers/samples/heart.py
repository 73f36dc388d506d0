"""The real heart, or its phantom where the real one cannot be had."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, overload

from data_helpers.phantoms import phantom_heart
from data_helpers.samples.fetching import CorruptCacheError, FetchError
from data_helpers.samples.files import fetch_heart
from data_helpers.samples.info import one_of
from data_helpers.samples.stored import (
    ArrayType,
    as_array_type,
    check_array_type,
    read_pixels,
)

if TYPE_CHECKING:
    from pathlib import Path

    import dask.array as da
    import numpy as np
    import numpy.typing as npt
    import zarr

__all__ = ["Source", "SyntheticDataWarning", "load_heart_data"]

_HEART_SHAPE = (120, 120, 139)
Source = Literal["auto", "real", "phantom"]
_SOURCES = ("auto", "real", "phantom")


class SyntheticDataWarning(UserWarning):
    """Synthetic data stands in for a real dataset."""


@overload
def load_heart_data(
    array_type: Literal["zarr"] = ..., *, source: Source | None = None
) -> zarr.Array[Any]: ...


@overload
def load_heart_data(
    array_type: Literal["numpy"], *, source: Source | None = None
) -> npt.NDArray[np.uint8]: ...


@overload
def load_heart_data(array_type: Literal["dask"], *, source: Source | None = None) -> da.Array: ...


def load_heart_data(
    array_type: ArrayType = "zarr", *, source: Source | None = None
) -> npt.NDArray[np.uint8] | zarr.Array[Any] | da.Array:
    """Load a human heart: the real one if it can be had, else a phantom of the same make.

    The real heart is a small copy of a scan of the Human Organ Atlas, downloaded once and
    verified; `sample_info("heart")` has credit and licence. The phantom, made by
    `phantom_heart`, has the same shape, dtype and chunks, and keeps a page working offline.

    Parameters
    ----------
    array_type : {"zarr", "numpy", "dask"}
        The form: a Zarr array opened for reading only (its dimension names are the axes), a
        NumPy array in memory, or a lazy Dask array. The lazy forms have chunks of
        (64, 64, 64).
    source : {"auto", "real", "phantom"}, optional
        "real" raises where the real heart cannot be had; "auto" then warns and returns the
        phantom; "phantom" never downloads. Without it, `DATA_HELPERS_SOURCE` decides, and
        without that, "auto".

    Returns
    -------
    zarr.Array, numpy.ndarray or dask.array.Array
        Shape (120, 120, 139), uint8, axes x, y, z (the order in which it was published),
        voxels of 1.27 mm.

    Warns
    -----
    SyntheticDataWarning
        If "auto" returns the phantom. The message says why, and how to get the real heart.

    Raises
    ------
    ValueError
        If `array_type` or `source` is none of those allowed.
    FetchError
        If "real" is asked for and cannot be had.
    CorruptCacheError
        If the cache holds a damaged file that cannot be replaced, whatever was asked for but
        the phantom.

    Examples
    --------
    >>> heart = load_heart_data(source="phantom")
    >>> heart.shape, heart.chunks, heart.metadata.dimension_names
    ((120, 120, 139), (64, 64, 64), ('x', 'y', 'z'))
    """
    check_array_type(array_type)
    path = _real_heart(source)
    pixels = phantom_heart(_HEART_SHAPE) if path is None else read_pixels(path)
    return as_array_type(
        pixels, array_type, name="heart", chunks=(64, 64, 64), synthetic=path is None
    )


def _real_heart(source: Source | None) -> Path | None:
    """Return the real heart's folder, or None where the phantom is to be used."""
    if source is None:
        word = os.environ.get("DATA_HELPERS_SOURCE") or "auto"
        chosen = one_of("DATA_HELPERS_SOURCE", word, _SOURCES)
    else:
        chosen = one_of("source", source, _SOURCES)
    if chosen == "phantom":
        return None
    try:
        return fetch_heart()
    except CorruptCacheError:
        raise
    except (FetchError, ImportError) as error:
        if chosen == "real":
            raise
        warnings.warn(
            f"this heart is synthetic; the real one could not be had: {error}. To get it, run "
            "`python -m data_helpers fetch` where there is a network. To make its absence an "
            'error, ask for source="real"; to have the synthetic one in peace, source="phantom"',
            SyntheticDataWarning,
            stacklevel=3,
        )
    return None
