"""A function of every chunk and what lies around it: one task per chunk, whatever the depth.

::

    chunks of the source          what one task takes             what it gives
    +-----+-----+-----+           . . . . . . . . .
    |     |     |     |           . +-----------+ .   whole       +-----------+
    +-----+-----+-----+    ->     . |   chunk   | .   chunks,  -> |   chunk   |
    |     |  #  |     |           . +-----------+ .   cut to      +-----------+
    +-----+-----+-----+           . . . . . . . . .   the depth

`dask.array.map_overlap` cuts a slab from each of up to 26 neighbours, each a task, and puts them
together, which are more; where the depth is larger than a chunk it merges chunks first. Here a
task takes the chunks that its halo reaches into, however many, and cuts what it needs. So chunks
stay what they are, and every edge mode of SciPy is there. On a cluster whole neighbouring chunks
travel, where slabs would be less: choose chunks that are several times as long as the depth.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise, product
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import DTypeLike, NDArray

from data_helpers.grid import Index, expand
from data_helpers.jobs import EdgeMode, pad_mode
from data_helpers.processing.halo import block_with_halo
from data_helpers.stitching.links import overlap_of

__all__ = ["map_clipped", "map_padded"]

Apply = Callable[[NDArray[Any]], NDArray[Any]]


def map_padded(
    f: Apply,
    image: da.Array,
    depths: tuple[int, ...],
    *,
    mode: EdgeMode,
    cval: float = 0.0,
    work: DTypeLike,
    dtype: DTypeLike,
    label: str,
) -> da.Array:
    """Apply a function to every chunk with its halo; what lies outside the image is filled.

    Parameters
    ----------
    f
        Takes a chunk with its halo, which is its own to overwrite; gives the chunk without.
    image
        A Dask array.
    depths
        The halo along each axis. It may be larger than a chunk, and than the image.
    mode, cval
        SciPy's word for what lies outside, and the value for ``constant``.
    work
        What `f` takes.
    dtype
        What `f` gives.
    label
        What tasks are called.

    Returns
    -------
    dask.array.Array
        Of the shape and chunks of `image`. One task per chunk.

    Raises
    ------
    ValueError
        If `mode` is none of SciPy's words.

    Examples
    --------
    >>> image = da.from_array(np.array([1, 2, 4, 8, 16, 32]), chunks=2)
    >>> def sums(block):  # of three neighbours
    ...     return block[:-2] + block[1:-1] + block[2:]
    >>> options = {"work": "i8", "dtype": "i8", "label": "sums"}
    >>> map_padded(sums, image, (1,), mode="nearest", **options).compute()
    array([ 4,  7, 14, 28, 56, 80])
    """
    pad_mode(mode)  # refuses unknown words before any graph is made
    work = np.dtype(work)
    task = partial(_padded, f=f, shape=image.shape, depths=depths, mode=mode, cval=cval, work=work)
    return _graph(task, image, depths, mode, dtype, label, (f, cval, work))


def map_clipped(
    f: Apply, image: da.Array, depths: tuple[int, ...], *, dtype: DTypeLike, label: str
) -> da.Array:
    """Apply a function to every chunk with its halo, which ends where the image ends.

    For functions that do something of their own at the edge of an image, if they do so only within
    the depth.

    Parameters
    ----------
    f
        Takes a chunk with its halo; gives an array of the same shape, which is then cut.
    image
        A Dask array.
    depths
        The halo along each axis. It may be larger than a chunk.
    dtype
        What `f` gives.
    label
        What tasks are called.

    Returns
    -------
    dask.array.Array
        Of the shape and chunks of `image`. One task per chunk.

    Examples
    --------
    >>> image = da.from_array(np.array([1, 2, 4, 8, 16, 32]), chunks=2)
    >>> map_clipped(np.gradient, image, (1,), dtype="f8", label="slope").compute()
    array([ 1. ,  1.5,  3. ,  6. , 12. , 16. ])
    """
    task = partial(_clipped, f=f, shape=image.shape, depths=depths)
    return _graph(task, image, depths, None, dtype, label, f)


def _graph(
    task: Callable[..., NDArray[Any]],
    image: da.Array,
    depths: tuple[int, ...],
    mode: EdgeMode | None,
    dtype: DTypeLike,
    label: str,
    parameters: object,
) -> da.Array:
    """Write down one task per chunk: which chunks it takes, and where all of them lie."""
    name = f"{label}-{tokenize(image.name, depths, mode, np.dtype(dtype), parameters)}"
    borders = [list(accumulate(sizes, initial=0)) for sizes in image.chunks]
    stretches = [[slice(*pair) for pair in pairwise(along)] for along in borders]
    wanted = [
        [_reached(along, part, depth, mode) for part in parts]
        for along, parts, depth in zip(borders, stretches, depths, strict=True)
    ]
    graph: dict[Any, Any] = {}
    for block in np.ndindex(*image.numblocks):
        taken = list(product(*(per[at] for per, at in zip(wanted, block, strict=True))))
        region, *places = (_region(stretches, number) for number in (block, *taken))
        work = partial(task, region=region, sources=places, dtype=np.dtype(dtype))
        graph[(name, *block)] = (work, [(image.name, *number) for number in taken])
    sources: Any = [image]
    layers = HighLevelGraph.from_collections(name, graph, dependencies=sources)
    array: da.Array = da.Array(  # type: ignore[no-untyped-call]
        layers, name, image.chunks, meta=np.empty((0,) * image.ndim, dtype)
    )
    return array


def _region(stretches: Sequence[Sequence[slice]], block: Sequence[int]) -> Index:
    return tuple(along[at] for along, at in zip(stretches, block, strict=True))


def _reached(borders: list[int], part: slice, depth: int, mode: EdgeMode | None) -> list[int]:
    """Chunks along an axis that a chunk with its halo lies on; at the other end, too, if it wraps.

    With the other modes, what is filled outside comes from what lies that close to the edge inside.
    """
    if part.start == part.stop:  # nothing to compute, so nothing is needed
        return []
    length = borders[-1]
    start, stop = part.start - depth, part.stop + depth
    turns = range(start // length, -(-stop // length)) if mode == "wrap" else range(1)
    found: set[int] = set()
    for turn in turns:
        low, high = max(start - turn * length, 0), min(stop - turn * length, length)
        found.update(range(bisect_right(borders, low) - 1, bisect_left(borders, high)))
    return sorted(number for number in found if borders[number] < borders[number + 1])


def _padded(
    blocks: list[NDArray[Any]],
    *,
    f: Apply,
    region: Index,
    sources: list[Index],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    depths: tuple[int, ...],
    mode: EdgeMode,
    cval: float,
    work: np.dtype[Any],
) -> NDArray[Any]:
    """Task: one chunk, from the chunks that its halo reaches into."""
    if not blocks:
        return _nothing(region, dtype)
    read = partial(_read, blocks, sources)
    block = block_with_halo(read, region, depths, shape=shape, dtype=work, mode=mode, cval=cval)
    return f(block)


def _clipped(
    blocks: list[NDArray[Any]],
    *,
    f: Apply,
    region: Index,
    sources: list[Index],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    depths: tuple[int, ...],
) -> NDArray[Any]:
    """Task: one chunk, whose halo ends where the image does."""
    if not blocks:
        return _nothing(region, dtype)
    outer, inner = expand(region, depths, shape)
    block = np.empty([part.stop - part.start for part in outer], blocks[0].dtype)
    _read(blocks, sources, outer, (), block)
    return f(block)[inner]


def _nothing(region: Index, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.empty([part.stop - part.start for part in region], dtype)


def _read(
    blocks: Sequence[NDArray[Any]],
    sources: Sequence[Index],
    index: Index,
    _offset: tuple[int, ...],
    target: NDArray[Any],
) -> None:
    """Copy what an index needs from each of the blocks; `sources` says where they lie."""
    for block, source in zip(blocks, sources, strict=True):
        shift = [part.start - at.start for part, at in zip(source, index, strict=True)]
        inside, taken = overlap_of(shift, target.shape, block.shape)
        target[inside] = block[taken]
