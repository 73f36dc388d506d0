"""The elevation model as a GeoTIFF, with its place on Earth."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tifffile

from data_helpers.samples.files import fetch_dem
from data_helpers.samples.loaders import load_dem

__all__ = ["dem_geotiff"]

# No cell of the model has this value; chapter 07 punches holes with it.
_NODATA = -32768
_DOUBLE, _SHORT = 12, 3


def dem_geotiff(directory: str | os.PathLike[str]) -> Path:
    """Write the elevation model as a tiled GeoTIFF with coordinate system and transform.

    The tags are those of the OGC GeoTIFF standard 1.1 (OGC 19-008r4), written with tifffile.

    Parameters
    ----------
    directory : path
        Where to write `jacksboro_dem.tif`; made if it does not exist. A file of that name is
        replaced.

    Returns
    -------
    pathlib.Path
        The file: (344, 403) int16, metres, tiles of 128 x 128, EPSG:4326, north up, nodata
        -32768.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with tifffile.TiffFile(dem_geotiff(folder)) as file:
    ...         west, north = file.pages.first.tags["ModelTiepointTag"].value[3:5]
    >>> round(west, 3), round(north, 3)
    (-84.414, 36.733)
    """
    target = Path(directory) / "jacksboro_dem.tif"
    target.parent.mkdir(parents=True, exist_ok=True)
    west, north, dx, dy = _corner()
    geo_keys = [
        *(1, 1, 1, 4),  # version 1.1.1, four keys
        *(1024, 0, 1, 2),  # model: geographic
        *(1025, 0, 1, 1),  # a pixel is an area; its corner is the origin
        *(2048, 0, 1, 4326),  # WGS 84
        *(2054, 0, 1, 9102),  # angles in degrees
    ]
    part = target.with_name(target.name + ".part")
    tifffile.imwrite(
        part,
        load_dem("numpy"),
        tile=(128, 128),
        compression="zlib",
        metadata=None,
        extratags=[
            (33550, _DOUBLE, 3, (dx, dy, 0.0), True),
            (33922, _DOUBLE, 6, (0.0, 0.0, 0.0, west, north, 0.0), True),
            (34735, _SHORT, len(geo_keys), tuple(geo_keys), True),
            (42113, "s", 0, str(_NODATA), True),
        ],
    )
    part.replace(target)
    return target


def _corner() -> tuple[float, float, float, float]:
    """Return west, north and the pixel's width and height, in degrees."""
    with np.load(fetch_dem()) as archive:
        # The file's ymin is larger than its ymax; north is the larger, whatever its name.
        north = max(archive["ymin"].item(), archive["ymax"].item())
        return archive["xmin"].item(), north, archive["dx"].item(), archive["dy"].item()
