"""A TIFF opened by its header alone, that reads the pixels it is asked for."""

import os
from dataclasses import dataclass
from math import prod
from struct import unpack
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from data_helpers.grid import Index
from data_helpers.stitching.header import plain_header
from data_helpers.stitching.tiles import TileError
from data_helpers.storage import read_tiff_region

__all__ = ["TiffReader", "TiffTile", "open_tiff"]


@dataclass(frozen=True)
class TiffTile:
    """A TIFF of which only the header has been read.

    Slicing it reads pixels: for uncompressed ones only those asked for, else the strips or tiles
    they lie in. Opened by `open_tiff`.

    Attributes
    ----------
    path : str
        The file.
    shape : tuple of int
        Length of each axis, in the order of the file.
    dtype : numpy.dtype
        Type of the pixels once read, in this machine's byte order.
    stored_dtype : numpy.dtype
        The same in the file's byte order.
    offset : int or None
        Position in bytes of the first pixel, where all pixels lie one after the other,
        uncompressed; None where they must be decoded.
    pages_are_planes : bool
        Whether each page is a grey plane, and so can be decoded alone.
    stamp : tuple of int
        Size in bytes and time of last change in nanoseconds of the file that was read.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_dtype: np.dtype[Any]
    offset: int | None
    pages_are_planes: bool
    stamp: tuple[int, int]

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Read a region: one slice per axis, with positive steps."""
        ranges = [range(length)[part] for part, length in zip(index, self.shape, strict=True)]
        values = self._decoded(index, ranges) if self.offset is None else self._raw(index, ranges)
        # Contiguous, since what writes the block would otherwise copy it once more.
        return np.ascontiguousarray(values, self.dtype)

    def _raw(self, index: Index, ranges: list[range]) -> NDArray[Any]:
        """Read uncompressed pixels: in one go if they lie in one run, else through a map."""
        assert self.offset is not None
        run = _one_run(ranges, self.shape)
        if run is None:
            return np.memmap(self.path, self.stored_dtype, "r", self.offset, self.shape)[index]
        start = self.offset + run[0] * self.stored_dtype.itemsize
        values = np.fromfile(self.path, self.stored_dtype, run[1], offset=start)
        return values.reshape([len(part) for part in ranges])

    def _decoded(self, index: Index, ranges: list[range]) -> NDArray[Any]:
        """Read pixels that must be decoded."""
        whole = all(part == range(length) for part, length in zip(ranges, self.shape, strict=True))
        if whole or not self.pages_are_planes or not all(ranges):
            return np.asarray(tifffile.imread(self.path))[index]
        # The reader of regions knows no steps: read from the first to the last, then step.
        around = tuple(slice(part[0], part[-1] + 1) for part in ranges)
        steps = tuple(slice(None, None, part.step) for part in ranges)
        planar = (slice(0, 1), *around)[-3:]
        values = read_tiff_region(self.path, (planar[0], planar[1], planar[2]))
        return values.reshape([part.stop - part.start for part in around])[steps]


def open_tiff(path: str | os.PathLike[str]) -> TiffTile:
    """Open a TIFF by its header, without decoding a pixel.

    Parameters
    ----------
    path
        A TIFF or BigTIFF that holds one image, of one or many pages.

    Returns
    -------
    TiffTile
        It has ``shape`` and ``dtype``, and reads pixels when it is sliced.

    Raises
    ------
    TileError
        If the file is empty, is not a TIFF, is damaged, holds several images of different
        shapes, or ends before its pixels do.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "tile.tif"
    >>> tifffile.imwrite(path, np.arange(6, dtype="uint16").reshape(2, 3))
    >>> tile = open_tiff(path)
    >>> tile.shape, str(tile.dtype)
    ((2, 3), 'uint16')
    >>> tile[1:2, 0:2]
    array([[3, 4]], dtype=uint16)
    """
    name = os.fspath(path)
    status = os.stat(name)  # noqa: PTH116 - Path.stat takes twice as long
    if status.st_size == 0:
        raise TileError(name, "the file is empty; expected a TIFF: copy it again from its source")
    stamp = (status.st_size, status.st_mtime_ns)
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - spares a Path per file
        plain = plain_header(file, status.st_size)
    if plain is None:
        return _parsed(name, stamp)
    native = plain.stored_dtype.newbyteorder("=")
    return TiffTile(name, plain.shape, native, plain.stored_dtype, plain.offset, True, stamp)


class TiffReader:
    """Open TIFFs as `open_tiff` does, each header once, unless the file has changed since."""

    def __init__(self) -> None:
        self._known: dict[str, TiffTile] = {}

    def __call__(self, path: str) -> TiffTile:
        """Open one TIFF."""
        known = self._known.get(path)
        if known is not None:
            status = os.stat(path)  # noqa: PTH116 - as in open_tiff
            if (status.st_size, status.st_mtime_ns) == known.stamp:
                return known
        tile = self._known[path] = open_tiff(path)
        return tile

    def __getstate__(self) -> dict[str, Any]:
        """Leave what is known behind: another process, or another day, looks for itself."""
        return {"_known": {}}

    def __dask_tokenize__(self) -> str:
        return "data_helpers.stitching.TiffReader"


def _parsed(name: str, stamp: tuple[int, int]) -> TiffTile:
    """Open any TIFF, with tifffile."""
    size, _ = stamp
    try:
        with tifffile.TiffFile(name) as tif:
            # First, since a chain of pages that is cut short looks like one with fewer pages.
            _check_end(name, size, _end_of_directories(tif, size))
            tile = _from_header(name, tif, stamp)
            _check_end(name, size, _end_of_pixels(tif, tile))
    except (TileError, OSError):
        raise
    except tifffile.TiffFileError as error:
        raise TileError(name, f"{error}; expected a TIFF (reader=... reads others)") from error
    except Exception as error:
        raise TileError(
            name, f"the header is damaged ({type(error).__name__}: {error}); expected a TIFF"
        ) from error
    return tile


def _from_header(name: str, tif: tifffile.TiffFile, stamp: tuple[int, int]) -> TiffTile:
    if len(tif.series) != 1:
        found = ", ".join(f"{series.shape} {series.dtype}" for series in tif.series)
        raise TileError(
            name,
            f"the file holds {len(tif.series)} images ({found}); expected one: give a reader that "
            "chooses, such as reader=lambda path: tifffile.imread(path, series=0)",
        )
    series = tif.series[0]
    first = tif.pages.first
    planes = 1 if len(series.shape) == 2 else series.shape[0]
    return TiffTile(
        path=name,
        shape=tuple(series.shape),
        dtype=series.dtype.newbyteorder("="),
        stored_dtype=series.dtype.newbyteorder(tif.byteorder),
        offset=series.dataoffset,
        pages_are_planes=(
            first.ndim == 2 and len(series.shape) in (2, 3) and planes == len(tif.pages)
        ),
        stamp=stamp,
    )


def _check_end(name: str, size: int, end: int) -> None:
    if end > size:
        raise TileError(
            name,
            f"the file ends after {size} bytes; expected at least {end}, from what its header "
            "says: it is cut short, copy it again from its source",
        )


def _end_of_directories(tif: tifffile.TiffFile, size: int) -> int:
    """Where the last page's directory ends: each is a count, its entries, and where the next is."""
    layout, file = tif.tiff, tif.filehandle
    offset, end, seen = tif.pages.first.offset, 0, set()
    while offset and offset not in seen:
        seen.add(offset)
        end = max(end, offset + layout.tagnosize)
        if end > size:
            break
        file.seek(offset)
        (count,) = unpack(layout.tagnoformat, file.read(layout.tagnosize))
        end = max(end, offset + layout.tagnosize + count * layout.tagsize + layout.offsetsize)
        if end > size:
            break
        file.seek(offset + layout.tagnosize + count * layout.tagsize)
        (offset,) = unpack(layout.offsetformat, file.read(layout.offsetsize))
    return end


def _end_of_pixels(tif: tifffile.TiffFile, tile: TiffTile) -> int:
    """Where the last pixel ends."""
    if tile.offset is not None:
        return tile.offset + tile.dtype.itemsize * prod(tile.shape)
    pairs = (
        pair
        for page in tif.series[0].pages
        if page is not None
        for pair in zip(page.dataoffsets, page.databytecounts, strict=True)
    )
    return max((start + size for start, size in pairs), default=0)


def _one_run(ranges: list[range], shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Where a region starts in a flat array and how long it is, if it lies there in one piece.

    It does if, from the first axis on, it takes one element of each, then a piece of one axis,
    then all of the rest::

        one row of (3, 4)    . . . .      a block    . # # .
                             # # # #                 . # # .   two pieces: no run
                             . . . .                 . . . .
    """
    start, stride, inside = 0, 1, True
    for part, length in zip(reversed(ranges), reversed(shape), strict=True):
        if len(part) != 1 and (part.step != 1 or not inside):
            return None
        start += (part.start if part else 0) * stride
        inside = inside and part == range(length)
        stride *= length
    return start, prod(map(len, ranges))
