"""One loader for each dataset that comes with a package: pixels as a Zarr, NumPy or Dask array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from data_helpers.samples.files import fetch_dem, fetch_labels, fetch_nuclei, fetch_timelapse
from data_helpers.samples.stored import (
    ArrayType,
    as_array_type,
    check_array_type,
    read_pixels,
)

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt
    import zarr

__all__ = [
    "load_dem",
    "load_nuclei_data",
    "load_nuclei_labels",
    "load_timelapse_data",
]


@overload
def load_nuclei_data(array_type: Literal["zarr"] = ...) -> zarr.Array[Any]: ...


@overload
def load_nuclei_data(array_type: Literal["numpy"]) -> npt.NDArray[np.uint16]: ...


@overload
def load_nuclei_data(array_type: Literal["dask"]) -> da.Array: ...


def load_nuclei_data(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint16] | zarr.Array[Any] | da.Array:
    """Load fluorescence microscopy of the nuclei of human cells in three dimensions.

    Real data of the Allen Institute for Cell Science; `sample_info("nuclei")` has voxel size,
    licence and credit.

    Parameters
    ----------
    array_type : {"zarr", "numpy", "dask"}
        The form: a Zarr array opened for reading only (its dimension names are the axes), a
        NumPy array in memory, or a lazy Dask array. The lazy forms have chunks of
        (20, 128, 128).

    Returns
    -------
    zarr.Array, numpy.ndarray or dask.array.Array
        Shape (60, 256, 256), uint16, axes z, y, x, voxels of 0.29 x 0.26 x 0.26 micrometres.

    Raises
    ------
    ValueError
        If `array_type` is none of the three.
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If that package's file was changed.

    Examples
    --------
    >>> nuclei = load_nuclei_data()
    >>> nuclei.shape, nuclei.chunks, nuclei.metadata.dimension_names
    ((60, 256, 256), (20, 128, 128), ('z', 'y', 'x'))
    """
    check_array_type(array_type)
    return as_array_type(
        read_pixels(fetch_nuclei()), array_type, name="nuclei", chunks=(20, 128, 128)
    )


@overload
def load_nuclei_labels(array_type: Literal["zarr"] = ...) -> zarr.Array[Any]: ...


@overload
def load_nuclei_labels(array_type: Literal["numpy"]) -> npt.NDArray[np.uint32]: ...


@overload
def load_nuclei_labels(array_type: Literal["dask"]) -> da.Array: ...


def load_nuclei_labels(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint32] | zarr.Array[Any] | da.Array:
    """Load reference labels of the nuclei: 0 outside, 1 to 20 inside the nuclei.

    How they were made was not documented. Report agreement with them; do not take them for
    the truth.

    Parameters
    ----------
    array_type : {"zarr", "numpy", "dask"}
        The form: a Zarr array opened for reading only (its dimension names are the axes), a
        NumPy array in memory, or a lazy Dask array. The lazy forms have chunks of
        (20, 128, 128).

    Returns
    -------
    zarr.Array, numpy.ndarray or dask.array.Array
        Shape (60, 256, 256), uint32, axes z, y, x, the same voxels as `load_nuclei_data`.

    Raises
    ------
    ValueError
        If `array_type` is none of the three.
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If that package's file was changed.

    Examples
    --------
    >>> int(load_nuclei_labels("numpy").max())
    20
    """
    check_array_type(array_type)
    return as_array_type(
        read_pixels(fetch_labels()), array_type, name="labels", chunks=(20, 128, 128)
    )


@overload
def load_timelapse_data(array_type: Literal["zarr"] = ...) -> zarr.Array[Any]: ...


@overload
def load_timelapse_data(array_type: Literal["numpy"]) -> npt.NDArray[np.uint8]: ...


@overload
def load_timelapse_data(array_type: Literal["dask"]) -> da.Array: ...


def load_timelapse_data(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint8] | zarr.Array[Any] | da.Array:
    """Load a time-lapse of fluorescent nuclei of moving cells.

    Real data of the Cell Tracking Challenge, cropped. Show it in figures with the citation of
    `sample_info("timelapse")`; do not pass its pixels on.

    Parameters
    ----------
    array_type : {"zarr", "numpy", "dask"}
        The form: a Zarr array opened for reading only (its dimension names are the axes), a
        NumPy array in memory, or a lazy Dask array. The lazy forms have chunks of
        (1, 256, 256).

    Returns
    -------
    zarr.Array, numpy.ndarray or dask.array.Array
        Shape (30, 511, 511), uint8, axes t, y, x.

    Raises
    ------
    ValueError
        If `array_type` is none of the three.
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If that package's file was changed.

    Examples
    --------
    >>> load_timelapse_data("dask").chunksize
    (1, 256, 256)
    """
    check_array_type(array_type)
    return as_array_type(
        read_pixels(fetch_timelapse()), array_type, name="timelapse", chunks=(1, 256, 256)
    )


@overload
def load_dem(array_type: Literal["zarr"] = ...) -> zarr.Array[Any]: ...


@overload
def load_dem(array_type: Literal["numpy"]) -> npt.NDArray[np.int16]: ...


@overload
def load_dem(array_type: Literal["dask"]) -> da.Array: ...


def load_dem(array_type: ArrayType = "zarr") -> npt.NDArray[np.int16] | zarr.Array[Any] | da.Array:
    """Load a digital elevation model: metres above the sea around a fault in Tennessee.

    Row 0 is the north. The file's keys `ymin` and `ymax` are swapped; `dem_geotiff` writes the
    model with its true place.

    Parameters
    ----------
    array_type : {"zarr", "numpy", "dask"}
        The form: a Zarr array opened for reading only (its dimension names are the axes), a
        NumPy array in memory, or a lazy Dask array. The lazy forms have chunks of
        (128, 128).

    Returns
    -------
    zarr.Array, numpy.ndarray or dask.array.Array
        Shape (344, 403), int16, axes y, x, pixels of 3 seconds of arc.

    Raises
    ------
    ValueError
        If `array_type` is none of the three.

    Examples
    --------
    >>> dem = load_dem("numpy")
    >>> int(dem.min()), int(dem.max())
    (236, 1076)
    """
    check_array_type(array_type)
    return as_array_type(read_pixels(fetch_dem()), array_type, name="dem", chunks=(128, 128))
