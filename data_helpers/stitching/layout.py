"""How large every tile is and where it lies in the array: from one header, or from all of them."""

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from data_helpers.stitching.index import TileIndex, listed
from data_helpers.stitching.tiles import OpenTile, Reader, TileError, TileSource, native, opened

__all__ = ["Layout", "check_missing", "lay_out"]


@dataclass(frozen=True, eq=False)
class Layout:
    """Tiles in their places, with their sizes.

    Attributes
    ----------
    index : TileIndex
        The places.
    chunks : tuple of tuple of int
        Sizes along each axis of the array, as Dask has them: one per place.
    stacked : int
        How many of the first axes the tiles do not have: along these, each tile has length one.
    source : TileSource
        The dtype of the tiles, and what reads them.
    """

    index: TileIndex
    chunks: tuple[tuple[int, ...], ...]
    stacked: int
    source: TileSource

    def tile_shape(self, place: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the tile at a place, in its own axes."""
        sizes = tuple(along[at] for along, at in zip(self.chunks, place, strict=True))
        return sizes[self.stacked :]


def lay_out(index: TileIndex, reader: Reader, *, verify: bool) -> Layout:
    """Find the size of every tile.

    The axes of a tile are the last axes of the array. An axis that comes before them is *stacked*:
    one tile after the other along an axis of its own. Along one of the tile's own axes tiles are
    *concatenated*::

        axes ("t", "y", "x")     tiles (y, x), names with t and x

        t is stacked:   t=1 +------+------+
                     t=0 +------+------+  |
                         | tile | tile |  |      x is concatenated: the two tiles
                         |      |      |--+      of a row lie side by side
                         +------+------+

    Parameters
    ----------
    index
        The places of the tiles.
    reader
        What opens a tile.
    verify
        Whether to open every tile. If not, the first one is opened and the others must be alike.

    Returns
    -------
    Layout
        With the sizes most tiles agree on.

    Raises
    ------
    TileError
        If a tile cannot be opened; with `verify`, if any tile is unlike most of the others, and
        then all of these are named.
    ValueError
        If the axes do not fit the dimensions of the tiles.

    Warns
    -----
    UserWarning
        With `verify`, if tiles that are not the last along an axis are shorter than most: where
        rows are one tile wide, no neighbour can tell a file that is cut short from a small tile.
    """
    places = (place for place, path in np.ndenumerate(index.paths) if path is not None)
    tiles, errors = _open_all(index, places if verify else islice(places, 1), reader)
    if not tiles:
        _raise_together(errors)
    dtype = _most_common(native(tile.dtype) for tile in tiles.values())
    dimensions = _most_common(len(tile.shape) for tile in tiles.values())
    stacked = _check_axes(index, tiles, dimensions)
    chunks = _sizes(index, tiles, stacked)
    layout = Layout(index, chunks, stacked, TileSource(reader, dtype))
    for place, tile in tiles.items():
        path = str(index.paths[place])
        try:
            layout.source.check(path, tile, layout.tile_shape(place))
        except TileError as error:
            errors.append(error)
    if errors:
        _raise_together(errors)
    _warn_of_odd_sizes(layout)
    return layout


def check_missing(index: TileIndex, missing: Any, dtype: np.dtype[Any]) -> Any:
    """Say what fills the place of missing tiles, if it may be filled.

    Parameters
    ----------
    index
        The places of the tiles.
    missing
        ``"raise"``, or a number.
    dtype
        Of the array.

    Returns
    -------
    numpy scalar or None
        The number, in the dtype of the array. None if no tile may be missing.

    Raises
    ------
    FileNotFoundError
        If tiles are missing and `missing` is ``"raise"``: names all of them.
    ValueError
        If `missing` is neither, or the dtype cannot hold the number.
    """
    if isinstance(missing, str):
        if missing != "raise":
            raise ValueError(f"missing is {missing!r}; expected 'raise' or a number to fill in")
        gaps = index.missing_names()
        if gaps:
            raise FileNotFoundError(
                f"{len(gaps)} of {index.paths.size} tiles are missing; find them, or say "
                f"missing=0 (or another number) to fill their places:\n{listed(gaps)}"
            )
        return None
    fill = exactly(missing, dtype)
    if fill is None:
        raise ValueError(
            f"missing is {missing!r}, which {dtype} cannot hold; expected 'raise' or one number "
            "that is exact in the dtype of the tiles"
        )
    return fill


def exactly(number: Any, dtype: np.dtype[Any]) -> Any:
    """Convert a number to a dtype; None if the dtype cannot hold it."""
    try:
        with np.errstate(all="ignore"):
            converted = np.asarray(number).astype(dtype)
        same = np.array_equal(converted, np.asarray(number), equal_nan=dtype.kind in "fc")
    except (TypeError, ValueError, OverflowError):
        return None
    return converted[()] if same and converted.ndim == 0 else None


def _open_all(
    index: TileIndex, places: Iterable[tuple[int, ...]], reader: Reader
) -> tuple[dict[tuple[int, ...], OpenTile], list[TileError]]:
    tiles: dict[tuple[int, ...], OpenTile] = {}
    errors = []
    for place in places:
        try:
            tiles[place] = opened(str(index.paths[place]), reader)
        except TileError as error:
            errors.append(error)
    return tiles, errors


def _raise_together(errors: list[TileError]) -> None:
    first, *others = sorted(errors, key=lambda error: error.path)
    raise TileError(first.path, first.problem, tuple(others)) from first.__cause__


def _most_common(values: Iterable[Any]) -> Any:
    """Choose the value most tiles have; of several, always the same one."""
    counts = Counter(values)
    return max(counts, key=lambda value: (counts[value], str(value)))


def _check_axes(index: TileIndex, tiles: dict[tuple[int, ...], OpenTile], dimensions: int) -> int:
    """How many axes are stacked, after checking that tiles are laid out along all of them."""
    axes, stacked = index.axes, len(index.axes) - dimensions
    bare = [axis for axis in axes[: max(stacked, 0)] if axis not in index.values]
    if stacked < 0 or bare:
        place = next(at for at, tile in tiles.items() if len(tile.shape) == dimensions)
        raise ValueError(
            f"the axes are {axes}, but {index.paths[place]} has shape "
            f"{tuple(tiles[place].shape)}, so that its axes are the last {dimensions}; expected "
            + (
                f"fields for {bare} in the pattern {index.pattern!r}, since tiles must be laid out "
                "along every axis before their own"
                if bare
                else f"at least {dimensions} axes"
            )
        )
    return stacked


def _sizes(
    index: TileIndex, tiles: dict[tuple[int, ...], OpenTile], stacked: int
) -> tuple[tuple[int, ...], ...]:
    """Along every axis, the size of most tiles at each place."""
    chunks: list[tuple[int, ...]] = [(1,) * count for count in index.shape[:stacked]]
    for axis in range(stacked, len(index.axes)):
        dimensions = len(index.axes) - stacked
        seen: list[Counter[int]] = [Counter() for _ in range(index.shape[axis])]
        for place, tile in tiles.items():
            if len(tile.shape) == dimensions:
                seen[place[axis]][tile.shape[axis - stacked]] += 1
        usual = sum(seen, Counter())
        # Where a whole row is missing, or not looked at, its size is that of most tiles.
        chunks.append(tuple(_largest_vote(votes or usual) for votes in seen))
    return tuple(chunks)


def _largest_vote(votes: "Counter[int]") -> int:
    """Choose the most frequent size; of several, the largest: files get cut short, not longer."""
    return max(votes, key=lambda size: (votes[size], size))


def _warn_of_odd_sizes(layout: Layout) -> None:
    """Warn of tiles shorter than most along an axis; the last one may well be, at a scan's edge."""
    index = layout.index
    for axis in range(layout.stacked, len(index.axes)):
        sizes = layout.chunks[axis]
        usual, count = Counter(sizes).most_common(1)[0]
        odd = [at for at, size in enumerate(sizes[:-1]) if size < usual]
        if odd and 2 * count > len(sizes):
            paths = [next(filter(None, index.paths.take([at], axis).flat)) for at in odd]
            found = [f"{path} ({sizes[at]})" for at, path in zip(odd, paths, strict=True)]
            warnings.warn(
                f"along axis {index.axes[axis]!r} most tiles are {usual} long, but these, not at "
                f"the end, are shorter:\n{listed(found)}\nThe array closes up over this. If files "
                "were cut short, copy them again from their source",
                UserWarning,
                stacklevel=4,
            )
