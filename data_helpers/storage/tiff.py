"""The inside of a multi-page TIFF: where its directories and pixels lie, and reading a part."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import tifffile

__all__ = ["TiffPage", "read_tiff_region", "tiff_pages"]


@dataclass(frozen=True)
class TiffPage:
    """Where one page of a TIFF lies in its file. All positions and sizes are in bytes.

    Attributes
    ----------
    index
        Number of the page, from 0.
    ifd_offset, ifd_nbytes
        The image file directory: a table of 12-byte entries (20 in a BigTIFF) that says how
        large the page is and where its pixels are, and ends with the position of the next one.
    data_offsets, data_nbytes
        Position and stored size of each strip or tile of pixels, in the order of the page.
    """

    index: int
    ifd_offset: int
    ifd_nbytes: int
    data_offsets: tuple[int, ...]
    data_nbytes: tuple[int, ...]


def tiff_pages(path: str | PathLike[str]) -> list[TiffPage]:
    """List the pages of a TIFF by walking its chain of directories.

    Parameters
    ----------
    path
        A TIFF or BigTIFF.

    Returns
    -------
    list of TiffPage
        In the order of the chain, which need not be the order in the file.

    Raises
    ------
    tifffile.TiffFileError
        The file is not a TIFF.

    Examples
    --------
    Three pages of 4 x 4 bytes:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "three.tif"
    >>> tifffile.imwrite(path, np.zeros((3, 4, 4), "uint8"), photometric="minisblack")
    >>> [page.data_nbytes for page in tiff_pages(path)]
    [(16,), (16,), (16,)]
    """
    with tifffile.TiffFile(path) as tif:
        # An IFD is a count, its entries, and the offset of the next IFD.
        overhead, entry = (16, 20) if tif.is_bigtiff else (6, 12)
        return [
            TiffPage(
                index=index,
                ifd_offset=page.offset,
                ifd_nbytes=overhead + entry * len(page.tags),
                data_offsets=tuple(page.dataoffsets),
                data_nbytes=tuple(page.databytecounts),
            )
            for index, page in enumerate(map(_full_page, tif.pages))
        ]


def read_tiff_region(
    file: str | PathLike[str] | IO[bytes], region: tuple[slice, slice, slice]
) -> npt.NDArray[Any]:
    """Read a 3-D region of a multi-page TIFF, decoding only the strips or tiles it meets.

    This is the least that a TIFF allows: a strip or tile is read and decoded whole, for
    every page of the region, and the directories before a page must be walked to find it.

    Parameters
    ----------
    file
        Path of a TIFF whose pages are grey images of one shape, or an open binary file that
        can seek (for instance one that fetches ranges over HTTP).
    region
        Three slices with step 1: pages (z), rows (y), columns (x). Negative and open ends
        as in NumPy.

    Returns
    -------
    numpy.ndarray
        The region, in the file's dtype, axes z, y, x.

    Raises
    ------
    ValueError
        The region does not have three slices with step 1, or the pages are not grey images
        of one shape and dtype.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "stack.tif"
    >>> stack = np.arange(2 * 3 * 4, dtype="uint16").reshape(2, 3, 4)
    >>> tifffile.imwrite(path, stack, photometric="minisblack", rowsperstrip=1)
    >>> read_tiff_region(path, np.s_[1:2, 0:2, 1:3])
    array([[[13, 14],
            [17, 18]]], dtype=uint16)
    """
    with tifffile.TiffFile(file) as tif:
        first = _full_page(tif.pages[0])
        shape = (len(tif.pages), *first.shape)
        if first.ndim != 2:
            raise ValueError(f"pages have shape {first.shape}: expected grey images (y, x)")
        pages, rows, columns = _ranges(region, shape)
        values = np.empty((len(pages), len(rows), len(columns)), first.dtype)
        for plane, number in zip(values, pages, strict=True):
            page = _full_page(tif.pages[number])
            if (page.shape, page.dtype) != (first.shape, first.dtype):
                raise ValueError(
                    f"page {number} is {page.shape} {page.dtype} but page 0 is {first.shape} "
                    f"{first.dtype}: expected pages that stack into one volume"
                )
            for part, target in _segments(page, rows, columns):
                plane[target] = part
    return values


def _ranges(region: tuple[slice, ...], shape: tuple[int, ...]) -> list[range]:
    if len(region) != len(shape) or any(part.step not in (None, 1) for part in region):
        raise ValueError(f"region is {region}: expected three slices (z, y, x) with step 1")
    return [range(length)[part] for part, length in zip(region, shape, strict=True)]


def _segments(
    page: tifffile.TiffPage, rows: range, columns: range
) -> Iterator[tuple[npt.NDArray[Any], tuple[slice, slice]]]:
    """Decode the strips or tiles that meet the region; yield each part and its place in it."""
    for number, cell in enumerate(np.ndindex(*page.chunked)):
        # First and last row, first and last column that the segment and the region share.
        edges = [
            (max(wanted.start, i * step), min(wanted.stop, (i + 1) * step))
            for wanted, i, step in zip((rows, columns), cell, page.chunks, strict=True)
        ]
        if any(start >= stop for start, stop in edges):
            continue
        if page.databytecounts[number] == 0:  # a sparse TIFF leaves out empty segments
            decoded = np.full((1, *page.chunks, 1), page.nodata, page.dtype)
        else:
            page.parent.filehandle.seek(page.dataoffsets[number])
            encoded = page.parent.filehandle.read(page.databytecounts[number])
            decoded = np.asarray(page.decode(encoded, number)[0])
        source = tuple(
            slice(start - i * step, stop - i * step)
            for (start, stop), i, step in zip(edges, cell, page.chunks, strict=True)
        )
        target = tuple(
            slice(start - wanted.start, stop - wanted.start)
            for (start, stop), wanted in zip(edges, (rows, columns), strict=True)
        )
        yield decoded[0, :, :, 0][source], (target[0], target[1])


def _full_page(page: tifffile.TiffPage | tifffile.TiffFrame) -> tifffile.TiffPage:
    return page if isinstance(page, tifffile.TiffPage) else page.aspage()
