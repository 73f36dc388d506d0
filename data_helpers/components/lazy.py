r"""Components of a Dask array, lazily: one graph, two passes over the source.

::

    source      ->  pieces of each chunk  ->  joined with its neighbours  \
                                                                           merged: numbers of all
    source again ->  labels of each chunk, with the numbers of all  <-----/

Pieces are as large as faces, and go when their neighbours have been seen. The labels of the first
pass are not kept: they would be as large as the image. The second pass begins after the merge,
and computes the source once more, so that a block is only in memory while it is worked on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.delayed import Delayed
from dask.graph_manipulation import bind
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from data_helpers.components.checks import check_mask, label_dtype
from data_helpers.components.merge import (
    Joined,
    Numbering,
    Offset,
    Place,
    join,
    merge,
    offsets_after,
)
from data_helpers.components.pieces import Pieces, find_pieces, label_block

__all__ = ["keep_lazily", "label_lazily"]

Apply = Callable[..., NDArray[Any]]


def label_lazily(mask: da.Array, connectivity: int = 1) -> da.Array:
    """Label the connected components of a Dask array.

    Parameters
    ----------
    mask
        Booleans or integers; everything that is not 0 is object. Any chunks.
    connectivity
        How many coordinates of two touching voxels may differ by one: from 1, for faces only, to
        the number of axes.

    Returns
    -------
    dask.array.Array
        `scipy.ndimage.label` of the whole, with the same numbers, in the chunks of `mask`: int32,
        or int64 for images of 2 ** 31 voxels and more. Nothing is computed yet. Computing it
        computes `mask` twice: store or persist first what is dear.

    Raises
    ------
    TypeError
        If `mask` holds floats or other things.
    ValueError
        If its chunks are unknown or `connectivity` is out of range.

    Examples
    --------
    >>> mask = da.from_array(np.array([1, 0, 1, 1, 1]), chunks=3)
    >>> label_lazily(mask).compute()
    array([1, 0, 2, 2, 2], dtype=int32)
    """
    check_mask(mask, connectivity)
    dtype = label_dtype(mask.shape)
    apply = partial(_number, connectivity=connectivity, dtype=dtype)
    return _second_pass("label", apply, mask, None, connectivity, dtype, ())


def keep_lazily(
    mask: da.Array,
    *,
    at_least: int,
    marks: da.Array | None = None,
    connectivity: int = 1,
    known: da.Array | None = None,
) -> da.Array:
    """Keep the connected components that have enough voxels, or enough marked ones.

    With ``at_least=100`` small objects go, whatever chunks they cross. With ``at_least=1`` and
    marks, what is kept is every object that holds a mark: hysteresis.

    Parameters
    ----------
    mask
        Booleans or integers; everything that is not 0 is object.
    at_least
        How many voxels of an object are enough.
    marks
        Which voxels count, an array of the same shape and chunks. None means all.
    connectivity
        As `label_lazily`.
    known
        What the mask was made with and need not be computed again with it, such as a threshold.

    Returns
    -------
    dask.array.Array
        Booleans in the chunks of `mask`. Nothing is computed yet. Computing it computes `mask`
        twice and `marks` once.

    Raises
    ------
    TypeError, ValueError
        As `label_lazily`; and if the chunks of `mask` and `marks` differ.

    Examples
    --------
    >>> mask = da.from_array(np.array([1, 0, 1, 1, 1]), chunks=3)
    >>> keep_lazily(mask, at_least=2).compute()
    array([False, False,  True,  True,  True])
    >>> marks = da.from_array(np.array([1, 0, 0, 0, 0]), chunks=3)
    >>> keep_lazily(mask, at_least=1, marks=marks).compute()
    array([ True, False, False, False, False])
    """
    check_mask(mask, connectivity)
    if marks is not None and marks.chunks != mask.chunks:
        raise ValueError(
            f"marks have shape {marks.shape} and chunks {marks.chunks}, but the mask has shape "
            f"{mask.shape} and chunks {mask.chunks}; expected the same: rechunk one of them"
        )
    apply = partial(_keep, connectivity=connectivity, at_least=at_least)
    return _second_pass(
        "keep", apply, mask, marks, connectivity, np.dtype(bool), (at_least,), known
    )


def _second_pass(
    what: str,
    apply: Apply,
    mask: da.Array,
    marks: da.Array | None,
    connectivity: int,
    dtype: np.dtype[Any],
    options: tuple[Any, ...],
    known: da.Array | None = None,
) -> da.Array:
    """Merge all pieces, then apply the numbering to every chunk of the source, computed anew."""
    token = tokenize(mask.name, None if marks is None else marks.name, connectivity, what, *options)
    merged = _merged(token, mask, marks, connectivity)
    # A clone that begins after the merge: else every block would be kept for it from the start.
    again: da.Array = bind(mask, merged, omit=known, seed=token)
    name = f"{what}-{token}"
    graph: dict[Any, Any] = {
        (name, *block): (partial(apply, place=place), (again.name, *block), merged.key)
        for place, block in _blocks(mask)
    }
    graph |= {
        (name, *block): (partial(np.zeros, _block_shape(mask, block), dtype),)
        for block in np.ndindex(*mask.numblocks)
        if (name, *block) not in graph
    }
    dependencies: list[Any] = [again, merged]
    layers = HighLevelGraph.from_collections(name, graph, dependencies=dependencies)
    return da.Array(layers, name, mask.chunks, dtype=dtype)  # type: ignore[no-untyped-call]


def _merged(token: str, mask: da.Array, marks: da.Array | None, connectivity: int) -> Delayed:
    """First pass: the numbering of all pieces, as one lazy value."""
    pieces, joined, merged = (f"{word}-{token}" for word in ("pieces", "joined", "merged"))
    blocks = dict(_blocks(mask))
    borders = [(0, *accumulate(sizes)) for sizes in mask.chunks]
    sources: list[Any] = [mask] if marks is None else [mask, marks]
    graph: dict[Any, Any] = {}
    for place, block in blocks.items():
        find = partial(
            find_pieces,
            origin=tuple(ends[at] for ends, at in zip(borders, block, strict=True)),
            shape=mask.shape,
            connectivity=connectivity,
        )
        graph[pieces, *place] = (find, *((source.name, *block) for source in sources))
        after = {
            offset: tuple(at + step for at, step in zip(place, offset, strict=True))
            for offset in offsets_after(mask.ndim, connectivity)
        }
        after = {offset: other for offset, other in after.items() if other in blocks}
        unite = partial(_join, offsets=tuple(after), connectivity=connectivity)
        graph[joined, *place] = (unite, (pieces, *place), *((pieces, *o) for o in after.values()))
    graph[merged] = (
        partial(_merge, tuple(blocks), mask.numblocks),
        [(joined, *place) for place in blocks],
    )
    layers = HighLevelGraph.from_collections(merged, graph, dependencies=sources)
    return Delayed(merged, layers, layer=merged)  # type: ignore[no-untyped-call]


def _blocks(mask: da.Array) -> list[tuple[Place, tuple[int, ...]]]:
    """Places in the grid of chunks, without those that hold nothing, and their block in Dask."""
    filled = [[at for at, size in enumerate(sizes) if size] for sizes in mask.chunks]
    places = np.ndindex(*map(len, filled))
    return [
        (place, tuple(blocks[at] for blocks, at in zip(filled, place, strict=True)))
        for place in places
    ]


def _block_shape(mask: da.Array, block: Place) -> tuple[int, ...]:
    return tuple(sizes[at] for sizes, at in zip(mask.chunks, block, strict=True))


def _join(
    pieces: Pieces, *others: Pieces, offsets: tuple[Offset, ...], connectivity: int
) -> Joined:
    """Task: join a chunk with its neighbours."""
    return join(pieces, dict(zip(offsets, others, strict=True)), connectivity)


def _merge(places: tuple[Place, ...], grid: Place, joined: Sequence[Joined]) -> Numbering:
    """Task: merge all chunks."""
    return merge(dict(zip(places, joined, strict=True)), grid)


def _number(
    block: NDArray[Any],
    numbering: Numbering,
    *,
    place: Place,
    connectivity: int,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Task: labels of one chunk, with the numbers of the whole."""
    labels, count = label_block(block, connectivity)
    return numbering.of(place, count).astype(dtype)[labels]


def _keep(
    block: NDArray[Any], numbering: Numbering, *, place: Place, connectivity: int, at_least: int
) -> NDArray[np.bool_]:
    """Task: the voxels of one chunk whose object has enough."""
    labels, count = label_block(block, connectivity)
    kept = np.concatenate([[False], numbering.weights >= at_least])
    return kept[numbering.of(place, count)][labels]
