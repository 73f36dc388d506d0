"""A directory of tiles to one Zarr array: region by region in threads, a few tiles at a time."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.sync import sync

from data_helpers.grid import Index
from data_helpers.jobs import create_like, output_jobs, run_jobs
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.stitching.names import FieldValue
from data_helpers.stitching.tiff import TiffReader
from data_helpers.stitching.tiles import Reader
from data_helpers.stitching.view import TileView, stitched_view

__all__ = ["tiles_to_zarr"]


class _ReadRegion:
    """Read one region of a view; a job's function, which a manifest can tell from others.

    A manifest compares what `__dict__` holds: the files with their sizes and times of change, and
    a reader of the user's. The view, whose insides differ from run to run, is kept out of it.
    """

    __slots__ = ("__dict__", "_view")

    def __init__(self, view: TileView) -> None:
        self._view = view
        reader = view.layout.source.reader
        self.reader = None if isinstance(reader, TiffReader) else reader
        self.fill = None if view.fill is None else str(view.fill)
        self.tiles = [_fingerprint(path) for path in view.layout.index.paths.ravel().tolist()]

    def __call__(self, index: Index) -> NDArray[Any]:
        """Read one region."""
        return np.asarray(self._view[index])


def tiles_to_zarr(
    paths: Iterable[str | os.PathLike[str]],
    pattern: str | re.Pattern[str],
    axes: Sequence[str],
    store: Any,
    *,
    chunks: Sequence[int] | None = None,
    n_jobs: int = -1,
    progress: bool = False,
    manifest: str | os.PathLike[str] | None = None,
    missing: Any = "raise",
    reader: Reader | None = None,
    verify: bool = True,
    expected: Mapping[str, Iterable[FieldValue]] | None = None,
) -> ZarrArray:
    """Write a directory of tiles as one Zarr array.

    All names, and the headers of all tiles, are checked before anything is written. Then threads
    work through the array, each reading one region (about a tile, or a chunk where chunks are
    larger) and writing its chunks, so that no more than three copies of a region per thread are
    in memory. Chunks are compressed and carry a checksum, as `create_like` has it.

    Parameters
    ----------
    paths, pattern, axes, missing, reader, expected
        As `lazy_stitch`.
    store
        A path that does not exist yet or is an empty directory, or a Zarr store without an array.
    chunks
        Shape of the chunks; by default that of the largest tile, so that each tile is read once.
    n_jobs
        How many threads; -1 means one per processor core.
    progress
        Whether to show a progress bar.
    manifest
        A file that records finished regions. A run that was stopped, by an error or by force, goes
        on from there when called again in the same way.
    verify
        Whether to open all tiles first. Say False for a reader that decodes on opening, or every
        tile will be decoded twice.

    Returns
    -------
    zarr.Array
        Zarr format 3, with `axes` as names of its dimensions.

    Raises
    ------
    FileNotFoundError, TileError, ValueError
        As `lazy_stitch` with ``verify=True``, before anything is written.
    FileExistsError
        If there is something at `store` already; nothing is overwritten.
    ChunkError
        If reading or writing fails on the way; it names the region, and the file if that is to
        blame. What was written is deleted, unless there is a manifest to go on from.

    Examples
    --------
    Two tiles of 2 x 3 side by side:

    >>> import tempfile, tifffile
    >>> directory = Path(tempfile.mkdtemp())
    >>> for column in range(2):
    ...     tile = np.full((2, 3), column, "uint8")
    ...     tifffile.imwrite(directory / f"x{column}.tif", tile)
    >>> tiles = directory.glob("*.tif")
    >>> array = tiles_to_zarr(tiles, "x{x:d}.tif", ("y", "x"), directory / "whole.zarr", n_jobs=2)
    >>> array.shape, array.chunks, array.metadata.dimension_names
    ((2, 6), (2, 3), ('y', 'x'))
    >>> array[0]
    array([0, 0, 0, 1, 1, 1], dtype=uint8)
    """
    view = stitched_view(
        paths, pattern, axes, missing=missing, reader=reader, verify=verify, expected=expected
    )
    sizes = _checked_chunks(view, chunks)
    if manifest is not None and Path(manifest).exists() and _holds_something(store):
        output, keep = _continued(view, store, sizes), True
    else:
        _refuse_what_is_there(store)
        output, keep = create_like(view, store, chunks=sizes), manifest is not None
    try:
        region = _region(view, sizes)
        jobs = output_jobs(_ReadRegion(view), output_array=output, chunks=region)
        run_jobs(jobs, n_jobs=n_jobs, progress=progress, manifest=manifest)
    except BaseException:
        if not keep:
            _delete(store, output)
        raise
    return output


def _fingerprint(path: str | None) -> list[Any] | None:
    """Name, size and time of change of a tile; what is no file has only its name."""
    if path is None or not Path(path).exists():
        return [path]
    status = Path(path).stat()
    return [path, status.st_size, status.st_mtime_ns]


def _checked_chunks(view: TileView, chunks: Sequence[int] | None) -> tuple[int, ...]:
    if chunks is None:
        return tuple(max(along) for along in view.chunks)
    if len(chunks) != view.ndim or any(int(size) < 1 for size in chunks):
        raise ValueError(
            f"chunks are {tuple(chunks)}, but the array has the axes {view.dims} and shape "
            f"{view.shape}; expected one size of at least 1 per axis"
        )
    return tuple(int(size) for size in chunks)


def _region(view: TileView, chunks: tuple[int, ...]) -> tuple[int, ...]:
    """Choose what one job writes: whole chunks, as many as make up about one tile.

    ::

        tiles of 10, chunks of 5      regions of 10: each tile is read once
        tiles of 10, chunks of 4      regions of 8: no tile is needed for more than three
        tiles of 10, chunks of 30     regions of 30
    """
    tiles = (max(along) for along in view.chunks)
    return tuple(size * max(1, tile // size) for size, tile in zip(chunks, tiles, strict=True))


def _holds_something(store: Any) -> bool:
    """Whether a path is a file, or a directory that is not empty."""
    if not isinstance(store, str | os.PathLike):
        return False
    path = Path(store)
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _refuse_what_is_there(store: Any) -> None:
    if _holds_something(store):
        raise FileExistsError(
            f"there is something at {os.fspath(store)}; expected a path that does not exist yet: "
            "choose another, or delete it yourself"
        )


def _continued(view: TileView, store: Any, chunks: tuple[int, ...]) -> ZarrArray:
    """Open the array of a run that was stopped."""
    output = zarr.open_array(store, mode="r+")
    found = (output.shape, output.chunks, output.dtype)
    wanted = (view.shape, chunks, view.dtype)
    if found != wanted:
        raise ValueError(
            f"the array at {store} has shape, chunks and dtype {found}; expected {wanted}, to go "
            "on from the manifest: choose another store and another manifest"
        )
    return output


def _delete(store: Any, output: ZarrArray) -> None:
    """Take back an array that this call has made."""
    if isinstance(store, str | os.PathLike):
        shutil.rmtree(store, ignore_errors=True)
    else:
        sync(output.store.delete_dir(output.path))
