"""The sample data: what is known of each dataset, and one loader per dataset."""

from data_helpers.samples._info import SampleInfo, sample_info
from data_helpers.samples._loaders import (
    load_dem,
    load_heart_data,
    load_nuclei_data,
    load_nuclei_labels,
    load_timelapse_data,
)

__all__ = [
    "SampleInfo",
    "load_dem",
    "load_heart_data",
    "load_nuclei_data",
    "load_nuclei_labels",
    "load_timelapse_data",
    "sample_info",
]
