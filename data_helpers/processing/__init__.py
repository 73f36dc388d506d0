"""Processing chunk by chunk: smaller, larger, filtered and counted, as if the image were whole.

- `downsample`, `upsample`: other shapes. `filters`: any function, any kernel, the Gaussian.
- `halo`: how far a kernel reaches, and reading what lies around a region. `kernels`: arithmetic.
- `values`: floats in between, one rounding, nothing wraps. `pieces`, `regions`: who does what.
- `histogram`: what the whole image says, added up from chunks.
"""

from data_helpers.processing.downsample import downsample
from data_helpers.processing.filters import convolve, gaussian, map_with_halo
from data_helpers.processing.halo import gaussian_depth, kernel_depth, read_with_halo
from data_helpers.processing.histogram import chunkwise_histogram, otsu_from_histogram
from data_helpers.processing.upsample import upsample

__all__ = [
    "chunkwise_histogram",
    "convolve",
    "downsample",
    "gaussian",
    "gaussian_depth",
    "kernel_depth",
    "map_with_halo",
    "otsu_from_histogram",
    "read_with_halo",
    "upsample",
]
