"""A view of all tiles as one array, which reads what is asked for and needs no graph."""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, product
from operator import index as as_int
from typing import Any

import numpy as np
from dask.base import normalize_token
from numpy.typing import NDArray

from data_helpers.stitching.index import index_tiles
from data_helpers.stitching.layout import Layout, check_missing, lay_out
from data_helpers.stitching.names import FieldValue
from data_helpers.stitching.tiff import TiffReader
from data_helpers.stitching.tiles import Reader

__all__ = ["TileView", "stitched_view"]


class TileView:
    """Tiles as one array: slicing it opens only the tiles that the region meets.

    Made by `stitched_view`. NumPy, Zarr and Dask take it as an array.

    Parameters
    ----------
    layout
        The tiles, their places and sizes.
    fill
        What stands in the place of missing tiles; None if there are none.

    Attributes
    ----------
    layout : Layout
        The tiles, their places and sizes.
    fill : numpy scalar or None
        What stands in the place of missing tiles.
    """

    def __init__(self, layout: Layout, fill: Any) -> None:
        self.layout, self.fill = layout, fill
        self._borders = [list(accumulate(along, initial=0)) for along in layout.chunks]
        self._shape = tuple(along[-1] for along in self._borders)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.layout.source.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the tiles along each axis, as Dask has them."""
        return self.layout.chunks

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return self.layout.index.axes

    @property
    def nbytes(self) -> int:
        """Bytes that the whole array would take in memory."""
        return int(np.prod(self._shape, dtype=np.int64)) * self.dtype.itemsize

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {n}" for name, n in zip(self.dims, self._shape, strict=True))
        count = sum(path is not None for path in self.layout.index.paths.flat)
        return f"<TileView ({axes}) {self.dtype}, {count} tiles>"

    def __dask_tokenize__(self) -> Any:
        """Tell Dask what makes two views the same."""
        layout = self.layout
        # One text, since Dask takes ten times as long over a list of many.
        paths = "\n".join(map(str, layout.index.paths.flat))
        return normalize_token((layout.source, paths, layout.chunks, self.fill))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read everything."""
        if copy is False:
            raise ValueError("the pixels are in files; expected copy=None or True, they are read")
        return np.asarray(self[...], dtype)

    def __getitem__(self, index: Any) -> Any:
        """Read a region.

        Parameters
        ----------
        index
            Integers, slices with positive steps and ``...``, as for NumPy.

        Returns
        -------
        ndarray or numpy scalar
            A copy of the region.

        Raises
        ------
        IndexError
            If an index is out of range, there are too many, or one is neither an integer nor a
            slice with a positive step.
        TileError
            If a tile that the region meets is not what it should be.
        """
        parts = self._completed(index)
        ranges = [_as_range(*each) for each in zip(parts, self._shape, self.dims, strict=True)]
        region = self._read(ranges)
        if all(isinstance(part, slice) for part in parts):
            return region
        return region[tuple(slice(None) if isinstance(part, slice) else 0 for part in parts)]

    def _completed(self, index: Any) -> tuple[Any, ...]:
        """Give one integer or slice per axis."""
        parts = index if isinstance(index, tuple) else (index,)
        dots = [at for at, part in enumerate(parts) if part is Ellipsis] or [len(parts)]
        left = self.ndim - len(parts) + (dots[0] < len(parts))
        if left < 0 or len(dots) > 1:
            raise IndexError(
                f"the index {index!r} does not fit the {self.ndim} axes {self.dims}; expected at "
                "most one integer or slice per axis, and one '...'"
            )
        return (*parts[: dots[0]], *[slice(None)] * left, *parts[dots[0] + 1 :])

    def _read(self, ranges: list[range]) -> NDArray[Any]:
        """Put the parts of all tiles that are met into one array."""
        pieces = list(product(*map(_pieces, ranges, self._borders)))
        if len(pieces) == 1:
            return self._read_piece(pieces[0])  # one tile: no copy into a larger array
        region = np.empty([len(part) for part in ranges], self.dtype)
        for piece in pieces:
            region[tuple(target for _, _, target in piece)] = self._read_piece(piece)
        return region

    def _read_piece(self, piece: Sequence[tuple[int, slice, slice]]) -> NDArray[Any]:
        """Read what one tile has to give, with all axes of the array."""
        place = tuple(at for at, _, _ in piece)
        path, stacked = self.layout.index.paths[place], self.layout.stacked
        if path is None:
            lengths = [target.stop - target.start for _, _, target in piece]
            return np.full(lengths, self.fill, self.dtype)
        inner = tuple(inside for _, inside, _ in piece[stacked:])
        block = self.layout.source.read(path, self.layout.tile_shape(place), inner)
        return block.reshape((1,) * stacked + block.shape)


def stitched_view(
    paths: Iterable[str | os.PathLike[str]],
    pattern: str | re.Pattern[str],
    axes: Sequence[str],
    *,
    missing: Any = "raise",
    reader: Reader | None = None,
    verify: bool = False,
    expected: Mapping[str, Iterable[FieldValue]] | None = None,
) -> TileView:
    """See a directory of tiles as one array, for small reads: a voxel, a line, a plane.

    Nothing is scheduled: slicing opens the tiles that the region meets, in the thread that asks.
    Of uncompressed TIFFs only the bytes asked for are read.

    Parameters
    ----------
    paths, pattern, axes, missing, reader, verify, expected
        As `lazy_stitch`.

    Returns
    -------
    TileView
        With ``shape``, ``dtype``, ``chunks`` and ``ndim``; slices are NumPy arrays.

    Raises
    ------
    FileNotFoundError, TileError, ValueError
        As `lazy_stitch`.

    Examples
    --------
    Two tiles of 2 x 3 side by side:

    >>> import tempfile, tifffile
    >>> from pathlib import Path
    >>> directory = Path(tempfile.mkdtemp())
    >>> for column in range(2):
    ...     tile = np.full((2, 3), column, "uint8")
    ...     tifffile.imwrite(directory / f"x{column}.tif", tile)
    >>> view = stitched_view(directory.glob("*.tif"), "x{x:d}.tif", ("y", "x"))
    >>> view
    <TileView (y: 2, x: 6) uint8, 2 tiles>
    >>> view[0, 1:5]
    array([0, 0, 1, 1], dtype=uint8)
    """
    index = index_tiles(paths, pattern, axes, expected=expected)
    if isinstance(missing, str):
        check_missing(index, missing, np.dtype("u1"))  # gaps are named before a file is opened
    layout = lay_out(index, TiffReader() if reader is None else reader, verify=verify)
    return TileView(layout, check_missing(index, missing, layout.source.dtype))


def _as_range(part: Any, length: int, axis: str) -> range:
    """Which elements of an axis an integer or a slice means."""
    if isinstance(part, slice):
        chosen = range(length)[part]
        if chosen.step < 1:
            raise IndexError(
                f"the slice {part} of axis {axis!r} has a negative step; expected a positive one: "
                "read first, then turn around with NumPy"
            )
        return chosen
    try:
        at = as_int(part)
    except TypeError:
        raise IndexError(
            f"the index {part!r} of axis {axis!r} is a {type(part).__name__}; expected an integer "
            "or a slice: read a region first, then choose from it with NumPy"
        ) from None
    if not -length <= at < length:
        raise IndexError(
            f"index {at} is out of range for axis {axis!r}; expected {-length} to {length - 1}"
        )
    at %= length
    return range(at, at + 1)


def _pieces(wanted: range, borders: list[int]) -> Iterator[tuple[int, slice, slice]]:
    """Cut a range at the borders of tiles: which tile, which part of it, and where that goes."""
    if not wanted:
        return
    for at in range(bisect_right(borders, wanted[0]) - 1, bisect_left(borders, wanted[-1] + 1)):
        first = bisect_left(wanted, borders[at])
        last = bisect_left(wanted, borders[at + 1])
        if first < last:
            start, stop = wanted[first] - borders[at], wanted[last - 1] - borders[at] + 1
            yield at, slice(start, stop, wanted.step), slice(first, last)
