"""Overlapping tiles fused into one lazy image."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any, Literal, TypeAlias, get_args

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import ArrayLike, NDArray

from data_helpers.grid import Index, chunk_borders, chunk_slices
from data_helpers.stitching.layout import exactly
from data_helpers.stitching.links import overlap_of
from data_helpers.stitching.offsets import check_positions

__all__ = ["Blend", "fuse"]

Blend: TypeAlias = Literal["linear", "first", "max"]


def fuse(
    tiles: Sequence[Any],
    positions: ArrayLike,
    *,
    blend: Blend = "linear",
    chunks: Sequence[int] | None = None,
    fill: float = 0,
) -> da.Array:
    """Fuse overlapping tiles into one image, chunk by chunk when it is asked for.

    Tiles are placed at the nearest whole pixel: no value is interpolated, so that a pixel that only
    one tile covers has exactly the value it was recorded with, and tiles are off by half a pixel at
    most. Illumination is not corrected: "linear" hides the step where two tiles meet, but a tile
    that is dark towards its edges stays dark there. Divide tiles by a flat-field image before,
    where intensities are to be measured.

    ::

        weights of two tiles in blend="linear"       "first": the tile that comes first in the
        1 ------.            .------                 list wins
                 `.        .'                        "max": the brightest value wins
        0          `------'

    Parameters
    ----------
    tiles
        Arrays of the same number of axes and dtype: NumPy, Zarr, a `TileView` or Dask. Of Dask
        tiles, all of a tile is computed for a chunk that it meets, of others only the part needed.
    positions
        Position of the first element of each tile, in pixels, one row per tile: for instance
        ``estimate_offsets(...).positions``. The smallest along each axis becomes 0.
    blend
        What to do where several tiles lie on one another. With "linear" each weighs by its
        distance to its own edge, so that it fades out over the overlap.
    chunks
        Chunk shape of the output; by default that of the largest tile.
    fill
        Value where there is no tile.

    Returns
    -------
    dask.array.Array
        As large as the tiles together, of their dtype; "linear" rounds to the nearest integer.

    Raises
    ------
    ValueError
        If tiles and positions do not fit, dtypes differ, or `blend`, `chunks` or `fill` cannot be.

    Examples
    --------
    Two rows of four pixels that overlap by two:

    >>> tiles = [np.array([[0, 0, 0, 0]], "u1"), np.array([[9, 9, 9, 9]], "u1")]
    >>> fuse(tiles, [(0, 0), (0, 2)]).compute()
    array([[0, 0, 3, 6, 9, 9]], dtype=uint8)
    >>> fuse(tiles, [(0, 0), (0, 2)], blend="first").compute()
    array([[0, 0, 0, 0, 9, 9]], dtype=uint8)
    """
    corners = np.floor(check_positions(tiles, positions) + 0.5).astype(int)
    corners -= corners.min(axis=0)
    shapes = [tuple(tile.shape) for tile in tiles]
    dtype = _check_inputs(tiles, blend, fill)
    shape = tuple(int(end) for end in np.max(corners + np.array(shapes), axis=0))
    sizes = tuple(map(max, zip(*shapes, strict=True))) if chunks is None else tuple(chunks)
    borders = chunk_borders(shape, sizes)

    name = f"fuse-{tokenize(tiles, corners, blend, sizes, fill)}"
    graph, keys, dependencies = _sources(tiles, name)
    met = _tiles_met(corners, shapes, borders)
    numbers = np.ndindex(*(len(along) - 1 for along in borders))
    for number, region in zip(numbers, chunk_slices(shape, sizes), strict=True):
        parts = [(tuple(corners[tile].tolist()), shapes[tile]) for tile in met.get(number, [])]
        work = partial(
            _fuse_region, parts=parts, region=region, dtype=dtype, blend=blend, fill=fill
        )
        graph[(name, *number)] = (work, [keys[tile] for tile in met.get(number, [])])
    layers = HighLevelGraph.from_collections(name, graph, dependencies=tuple(dependencies))
    lengths = tuple(tuple(np.diff(along).tolist()) for along in borders)
    array: da.Array = da.Array(  # type: ignore[no-untyped-call]
        layers, name, chunks=lengths, dtype=dtype
    )
    return array


def _check_inputs(tiles: Sequence[Any], blend: str, fill: float) -> np.dtype[Any]:
    """Give the dtype of the tiles."""
    dtypes: set[np.dtype[Any]] = {np.dtype(tile.dtype) for tile in tiles}
    if len(dtypes) > 1:
        raise ValueError(
            f"the tiles have dtypes {sorted(map(str, dtypes))}; expected one: cast them first"
        )
    if blend not in get_args(Blend):
        raise ValueError(f"blend is {blend!r}; expected one of {', '.join(get_args(Blend))}")
    dtype = dtypes.pop()
    if exactly(fill, dtype) is None:
        raise ValueError(f"fill is {fill!r}, which {dtype} cannot hold; expected a number it can")
    return dtype


def _sources(tiles: Sequence[Any], name: str) -> tuple[dict[Any, Any], list[Any], list[Any]]:
    """Put the tiles into a graph, once each: their keys, and the Dask arrays among them."""
    graph: dict[Any, Any] = {}
    keys: list[Any] = []
    arrays: list[Any] = []
    for number, tile in enumerate(tiles):
        if isinstance(tile, da.Array):
            whole: da.Array = tile.rechunk(-1)  # type: ignore[no-untyped-call]
            arrays.append(whole)
            keys.append((whole.name, *[0] * tile.ndim))
        else:
            keys.append(f"{name}-tile-{number}")
            graph[keys[-1]] = tile
    return graph, keys, arrays


def _tiles_met(
    corners: NDArray[np.int_],
    shapes: list[tuple[int, ...]],
    borders: tuple[tuple[int, ...], ...],
) -> dict[tuple[int, ...], list[int]]:
    """Which tiles lie, at least in part, in each chunk of the output; in the order of the list."""
    met: dict[tuple[int, ...], list[int]] = {}
    for tile, (corner, shape) in enumerate(zip(corners.tolist(), shapes, strict=True)):
        touched = [
            range(bisect_right(along, start) - 1, bisect_left(along, start + length))
            for along, start, length in zip(borders, corner, shape, strict=True)
        ]
        for number in product(*touched):
            met.setdefault(number, []).append(tile)
    return met


def _fuse_region(
    tiles: list[Any],
    *,
    parts: list[tuple[tuple[int, ...], tuple[int, ...]]],
    region: Index,
    dtype: np.dtype[Any],
    blend: Blend,
    fill: float,
) -> NDArray[Any]:
    """Fuse what lies in one chunk; `parts` are corner and shape of each tile."""
    shape = [part.stop - part.start for part in region]
    fused = np.full(shape, fill, dtype)
    count = np.zeros(shape, np.uint8)  # tiles at each pixel: none, one, or more
    total, weights = (np.zeros(shape), np.zeros(shape)) if blend == "linear" else (None, None)
    for tile, (corner, size) in zip(tiles, parts, strict=True):
        shift = [at - part.start for at, part in zip(corner, region, strict=True)]
        inside, taken = overlap_of(shift, shape, size)
        values = np.asarray(tile[taken])
        here, among = fused[inside], count[inside]
        if total is not None and weights is not None:
            weight = _distance_to_edge(size, taken)
            total[inside] += values * weight
            weights[inside] += weight
        better = (among == 0) | ((values > here) if blend == "max" else False)
        np.copyto(here, values, where=better)
        np.minimum(among + 1, 2, out=among, casting="unsafe")
    if total is not None and weights is not None and (shared := count > 1).any():
        mean = total[shared] / weights[shared]
        fused[shared] = np.rint(mean) if dtype.kind in "iub" else mean
    return fused


def _distance_to_edge(shape: tuple[int, ...], part: Index) -> NDArray[np.float64]:
    """Weight of each pixel in a part of a tile: distances to the nearest edge, multiplied."""
    weight = np.ones((1,) * len(shape))
    for axis, (length, along) in enumerate(zip(shape, part, strict=True)):
        at = np.arange(length)[along]
        distance = np.minimum(at, length - 1 - at) + 1.0
        weight = weight * distance.reshape([-1 if n == axis else 1 for n in range(len(shape))])
    return weight
