"""A directory of tiles as one lazy Dask array: one task per file."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dask.array as da
from dask.base import tokenize

from data_helpers.stitching.names import FieldValue
from data_helpers.stitching.tiles import Reader
from data_helpers.stitching.view import stitched_view

__all__ = ["lazy_stitch"]


def lazy_stitch(
    paths: Iterable[str | os.PathLike[str]],
    pattern: str | re.Pattern[str],
    axes: Sequence[str],
    *,
    missing: Any = "raise",
    reader: Reader | None = None,
    verify: bool = False,
    expected: Mapping[str, Iterable[FieldValue]] | None = None,
) -> da.Array:
    """Make one lazy array of a directory of tiles, with one task and one chunk per file.

    Names alone say where tiles belong. One file is opened, to know shape and dtype; every other
    one is checked against these when it is read. Where Dask can, it hands a slice down to the
    tile, so that one plane of an uncompressed stack reads one plane.

    Parameters
    ----------
    paths
        The files, such as ``Path("run").glob("*.tif")``. Their order does not matter.
    pattern
        A template such as ``"{camera}_ch{channel:d}_stack{stack:d}.tif"`` or a regular expression
        with named groups; see `parse_tile_name`.
    axes
        The axes of the array, in order, such as ``("channel", "stack", "z", "y", "x")``. The last
        of them are the tile's own, as many as a tile has. Along an axis that has the name of a
        field, tiles are laid out: one after the other along a new axis (stacked) if it comes
        before the tile's own, else end to end (concatenated). For another order of axes, transpose
        the result.
    missing
        ``"raise"``, or the number that fills the place of missing tiles.
    reader
        Takes a path as text, gives an array, or anything with ``shape`` and ``dtype`` that can be
        sliced, such as a memory map: then only the slice is read. By default a TIFF is opened by
        its header, and pixels are decoded when asked for.
    verify
        Open every tile before returning, and name all that do not fit. With the default reader
        this decodes nothing. Needed where tiles differ in size, as at the edge of a scan: all of
        a row or column must then agree.
    expected
        Axis to the values its field should take, to notice when all tiles of one value are
        missing; see `index_tiles`.

    Returns
    -------
    dask.array.Array
        In the dtype of the tiles (in this machine's byte order).

    Raises
    ------
    FileNotFoundError
        If tiles are missing and `missing` is ``"raise"``: names all of them.
    TileError
        If a tile cannot be opened or, with `verify`, does not fit. Otherwise this is raised on
        computing, by the task that reads the tile: it names the file, what was found and what was
        expected.
    ValueError
        If names do not match or claim the same place, axes do not fit the tiles, or the dtype
        cannot hold the number in `missing`.

    Examples
    --------
    Two time points of two tiles each, 2 x 3 pixels, side by side:

    >>> import tempfile, tifffile, numpy as np
    >>> from pathlib import Path
    >>> directory = Path(tempfile.mkdtemp())
    >>> for t in (2, 10):
    ...     for column in (0, 1):
    ...         tile = np.full((2, 3), 10 * t + column, "uint16")
    ...         tifffile.imwrite(directory / f"t{t}_x{column}.tif", tile)
    >>> array = lazy_stitch(directory.glob("*.tif"), "t{t:d}_x{x:d}.tif", ("t", "y", "x"))
    >>> array.shape, array.chunks
    ((2, 2, 6), ((1, 1), (2,), (3, 3)))
    >>> array[:, 0].compute()
    array([[ 20,  20,  20,  21,  21,  21],
           [100, 100, 100, 101, 101, 101]], dtype=uint16)
    """
    view = stitched_view(
        paths, pattern, axes, missing=missing, reader=reader, verify=verify, expected=expected
    )
    # A view reads any region on its own, so Dask needs no tasks to put regions together: one
    # source, and per tile one task that slices it. Later slices are fused into these tasks.
    name = "stitch-" + tokenize(view)
    array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        view, chunks=view.chunks, name=name, meta=view[:0]
    )
    return array
