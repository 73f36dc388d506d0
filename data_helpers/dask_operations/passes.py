"""Two passes in one graph: first a number of the whole image, then every chunk with that number.

::

    source        ->  a few numbers per chunk  ->  added up, in a tree  ->  the number
    source again  ->  every chunk with the number  <------------------------/

If both passes took the same chunks, all of them would wait in memory for the number. So the second
pass takes a copy of the graph, whose first tasks begin when the number is there: the source is
computed again, and a chunk is in memory only while it is worked on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.graph_manipulation import bind
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import DTypeLike, NDArray

__all__ = ["again_after", "map_with", "reduce_chunks"]

AT_A_TIME = 8  # partial results that a task puts together


def reduce_chunks(
    count: Callable[..., Any],
    combine: Callable[[list[Any]], Any],
    finish: Callable[..., Any],
    image: da.Array,
    known: da.Array | None = None,
    *,
    shape: tuple[int, ...] = (),
    dtype: DTypeLike = "f8",
    label: str,
) -> da.Array:
    """Reduce an image to a few numbers: something small of each chunk, put together in a tree.

    Parameters
    ----------
    count
        Takes a chunk (and the number known before), gives something small.
    combine
        Takes a list of these, gives one of them.
    finish
        Takes that of the whole image (and the number known before), gives the result.
    image
        A Dask array. Chunks without elements are left out.
    known
        What an earlier pass found, if this one needs it. Chunks are then computed again.
    shape, dtype
        Of the result.
    label
        What tasks are called.

    Returns
    -------
    dask.array.Array
        One chunk.

    Examples
    --------
    >>> image = da.from_array(np.array([3, 1, 4, 1, 5]), chunks=2)
    >>> float(reduce_chunks(np.max, max, np.float64, image, label="largest"))
    5.0
    """
    source = image if known is None else again_after(image, known)
    name = f"{label}-{tokenize(source.name, count, finish)}"
    extra = [] if known is None else [(known.name, *[0] * known.ndim)]
    level = [
        (f"{name}-0", *block)
        for block in np.ndindex(*image.numblocks)
        if all(sizes[at] for sizes, at in zip(image.chunks, block, strict=True))
    ]
    graph: dict[Any, Any] = {key: (count, (source.name, *key[1:]), *extra) for key in level}
    depth = 0
    while len(level) > 1:
        depth += 1
        groups = [level[at : at + AT_A_TIME] for at in range(0, len(level), AT_A_TIME)]
        level = [(f"{name}-{depth}", number) for number in range(len(groups))]
        graph |= {key: (combine, group) for key, group in zip(level, groups, strict=True)}
    last = (name, *[0] * len(shape))
    graph[last] = (partial(_finish, finish, dtype), level[0], *extra)
    parents: Any = [source] if known is None else [source, known]
    layers = HighLevelGraph.from_collections(name, graph, dependencies=parents)
    chunks = tuple((length,) for length in shape)
    return da.Array(  # type: ignore[no-untyped-call]
        layers, name, chunks, meta=np.empty((0,) * len(shape), dtype)
    )


def again_after(image: da.Array, number: da.Array) -> da.Array:
    """Compute an image once more, after a number that was found in it.

    Parameters
    ----------
    image, number
        Dask arrays.

    Returns
    -------
    dask.array.Array
        The same values, from other tasks, none of which begins before `number` is there.

    Examples
    --------
    >>> image = da.arange(6, chunks=2)
    >>> again_after(image, image.max()).name == image.name
    False
    """
    again: da.Array = bind(image, number, seed=tokenize(number.name))
    return again


def map_with(
    f: Callable[..., NDArray[Any]],
    image: da.Array,
    numbers: da.Array,
    *,
    dtype: DTypeLike,
    label: str,
) -> da.Array:
    """Apply a function to every chunk and to what was found in the whole image.

    Parameters
    ----------
    f
        Takes a chunk, and all of `numbers`; gives a chunk of the same shape.
    image
        A Dask array; it is computed again after `numbers`.
    numbers
        A Dask array of one chunk.
    dtype
        What `f` gives.
    label
        What tasks are called.

    Returns
    -------
    dask.array.Array
        Of the shape and chunks of `image`.

    Examples
    --------
    >>> image = da.arange(6, chunks=2)
    >>> map_with(np.subtract, image, image.max(), dtype="i8", label="below").compute()
    array([-5, -4, -3, -2, -1,  0])
    """
    axes = tuple(range(image.ndim))
    other = tuple(range(image.ndim, image.ndim + numbers.ndim))
    mapped: da.Array = da.blockwise(  # type: ignore[no-untyped-call]
        f,
        axes,
        again_after(image, numbers),
        axes,
        numbers,
        other,
        concatenate=True,
        align_arrays=False,
        name=f"{label}-{tokenize(image.name, numbers.name, f)}",
        meta=np.empty((0,) * image.ndim, dtype),
    )
    return mapped


def _finish(finish: Callable[..., Any], dtype: DTypeLike, *parts: Any) -> Any:
    """Task: the result, an array, or a number where it has no axes."""
    return np.asarray(finish(*parts), dtype)[()]
