"""Operations on Dask arrays: lazy in, lazy out, and equal to the result for the whole image.

- `smoothing`, `deconvolution`, `edges`: what needs neighbours. `halos`: one task per chunk.
- `intensity`, `percentiles`, `thresholds`: numbers of the whole image. `passes`: first the number,
  then the map. `counts`: what adds up.
- `pixels`: several arrays, chunk on chunk. `segmentation`: all of it in a chain.
- `inputs`: what is refused. Nothing is computed while a graph is built, and nothing rechunked.
"""

from data_helpers.dask_operations.deconvolution import richardson_lucy, richardson_lucy_depth
from data_helpers.dask_operations.edges import edge_map
from data_helpers.dask_operations.intensity import normalize_intensity
from data_helpers.dask_operations.percentiles import global_percentiles
from data_helpers.dask_operations.pixels import apply_mask, background_ratio
from data_helpers.dask_operations.segmentation import segment
from data_helpers.dask_operations.smoothing import gaussian_filter
from data_helpers.dask_operations.thresholds import otsu_threshold

__all__ = [
    "apply_mask",
    "background_ratio",
    "edge_map",
    "gaussian_filter",
    "global_percentiles",
    "normalize_intensity",
    "otsu_threshold",
    "richardson_lucy",
    "richardson_lucy_depth",
    "segment",
]
