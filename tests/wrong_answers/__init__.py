"""Answers as learners give them: for each task some that are wrong, and what they must be told.

One module per chapter, named as the chapter is.
"""

from wrong_answers import (
    chunking,
    dask_operations,
    objects,
    ome_zarr,
    processing,
    stitching,
    storage,
)
from wrong_answers.common import Planted

__all__ = [
    "PLANTED",
    "Planted",
    "chunking",
    "dask_operations",
    "objects",
    "ome_zarr",
    "processing",
    "stitching",
    "storage",
]

PLANTED = [
    *storage.PLANTED,
    *stitching.PLANTED,
    *chunking.PLANTED,
    *ome_zarr.PLANTED,
    *processing.PLANTED,
    *dask_operations.PLANTED,
    *objects.PLANTED,
]
