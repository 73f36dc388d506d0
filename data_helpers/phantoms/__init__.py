"""Seeded synthetic images, rasters and tile directories.

Images and rasters are functions of a voxel's coordinates, so any block of a volume far larger
than memory can be made alone, and equals the same block of the whole bit for bit.
"""

from data_helpers.phantoms.heart import phantom_heart
from data_helpers.phantoms.raster import phantom_raster
from data_helpers.phantoms.tiles import make_tiles

__all__ = ["make_tiles", "phantom_heart", "phantom_raster"]
