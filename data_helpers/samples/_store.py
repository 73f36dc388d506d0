"""Pixels as a Zarr array with named dimensions, kept in the cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import zarr

from data_helpers.samples._info import one_of

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt

__all__ = ["ArrayType", "as_array_type", "cache_folder", "check_array_type"]

ArrayType = Literal["zarr", "numpy", "dask"]
_TYPES = ("zarr", "numpy", "dask")


def cache_folder() -> Path:
    """Return the folder for downloads and derived stores, which may not exist yet.

    `DATA_HELPERS_CACHE` decides; without it, the place for caches of the operating system.
    """
    chosen = os.environ.get("DATA_HELPERS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        parent = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        parent = Path.home() / "Library" / "Caches"
    else:
        parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return parent / "chunk-by-chunk"


def check_array_type(array_type: str) -> None:
    """Raise a ValueError unless `array_type` is one of "zarr", "numpy" and "dask"."""
    one_of("array_type", array_type, _TYPES)


def as_array_type(
    pixels: npt.NDArray[Any],
    array_type: ArrayType,
    *,
    name: str,
    axes: str,
    chunks: tuple[int, ...],
) -> npt.NDArray[Any] | zarr.Array | da.Array:
    """Return pixels in the form asked for; the lazy forms are cut into `chunks`."""
    if array_type == "numpy":
        return pixels
    array = _zarr_array(pixels, name=name, axes=axes, chunks=chunks)
    if array_type == "zarr":
        return array
    import dask.array as da

    return da.from_zarr(array)


def _zarr_array(
    pixels: npt.NDArray[Any], *, name: str, axes: str, chunks: tuple[int, ...]
) -> zarr.Array:
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=pixels.shape,
        dtype=pixels.dtype,
        chunks=chunks,
        dimension_names=tuple(axes),
    )
    array[...] = pixels
    return array
