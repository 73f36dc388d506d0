"""Images at several resolutions, as OME-Zarr.

- `axes`, `levels`, `hints`, `plan`: what is asked for, checked. `spec`: the same as models.
- `methods` and `reduce`: one region of a level from the full resolution, written to be read.
- `walk` and `kernels`: all levels in one pass, fast, and equal to the reference in every bit.
- `target`, `marks`, `sources`, `write`, `fill`, `records`, `encoded`: an interrupted write never
  looks complete, and can go on. `labels`: labels beside an image.
- `image`: open what was written. `validate` and `rules`: everything that is wrong with an image.
"""

from data_helpers.ome_zarr.hints import Channel
from data_helpers.ome_zarr.image import Multiscale, open_multiscale
from data_helpers.ome_zarr.labels import write_labels
from data_helpers.ome_zarr.levels import (
    level_factors,
    level_scale,
    level_shapes,
    level_translation,
)
from data_helpers.ome_zarr.methods import window_mean, window_mode, window_nearest
from data_helpers.ome_zarr.reduce import reduce_region
from data_helpers.ome_zarr.spec import image_attributes, image_spec
from data_helpers.ome_zarr.target import IncompleteImageError, remove_incomplete
from data_helpers.ome_zarr.validate import ImageFinding, validate
from data_helpers.ome_zarr.write import write_multiscale

__all__ = [
    "Channel",
    "ImageFinding",
    "IncompleteImageError",
    "Multiscale",
    "image_attributes",
    "image_spec",
    "level_factors",
    "level_scale",
    "level_shapes",
    "level_translation",
    "open_multiscale",
    "reduce_region",
    "remove_incomplete",
    "validate",
    "window_mean",
    "window_mode",
    "window_nearest",
    "write_labels",
    "write_multiscale",
]
