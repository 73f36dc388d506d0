"""The sample data: what is known of each dataset, where its file is, and one loader for each.

`fetch_*` return paths of verified files, `load_*` return pixels, and `sample_info` tells axes,
voxel size, licence and credit. All but the heart come with installed packages; the heart is
downloaded once, and a phantom stands in for it where there is no network.
"""

from data_helpers.samples.fetching import CorruptCacheError, FetchError
from data_helpers.samples.files import (
    fetch_all,
    fetch_dem,
    fetch_heart,
    fetch_labels,
    fetch_nuclei,
    fetch_timelapse,
)
from data_helpers.samples.geotiff import dem_geotiff
from data_helpers.samples.heart import SyntheticDataWarning, load_heart_data
from data_helpers.samples.info import SampleInfo, sample_info
from data_helpers.samples.loaders import (
    load_dem,
    load_nuclei_data,
    load_nuclei_labels,
    load_timelapse_data,
)

__all__ = [
    "CorruptCacheError",
    "FetchError",
    "SampleInfo",
    "SyntheticDataWarning",
    "dem_geotiff",
    "fetch_all",
    "fetch_dem",
    "fetch_heart",
    "fetch_labels",
    "fetch_nuclei",
    "fetch_timelapse",
    "load_dem",
    "load_heart_data",
    "load_nuclei_data",
    "load_nuclei_labels",
    "load_timelapse_data",
    "sample_info",
]
