"""From a directory of files to one array: lazily, checked, and by name where something is wrong."""

from data_helpers.stitching.fuse import fuse
from data_helpers.stitching.index import TileIndex, index_tiles
from data_helpers.stitching.lazy import lazy_stitch
from data_helpers.stitching.links import Link
from data_helpers.stitching.names import parse_tile_name
from data_helpers.stitching.offsets import Offsets, estimate_offsets
from data_helpers.stitching.tiff import TiffTile, open_tiff
from data_helpers.stitching.tiles import TileError
from data_helpers.stitching.to_zarr import tiles_to_zarr
from data_helpers.stitching.view import TileView, stitched_view

__all__ = [
    "Link",
    "Offsets",
    "TiffTile",
    "TileError",
    "TileIndex",
    "TileView",
    "estimate_offsets",
    "fuse",
    "index_tiles",
    "lazy_stitch",
    "open_tiff",
    "parse_tile_name",
    "stitched_view",
    "tiles_to_zarr",
]
