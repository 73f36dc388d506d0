"""Split touching objects chunk by chunk: each object whole in a block with a halo, or an error."""

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import dask.array as da
import numpy as np
import scipy.ndimage as ndi
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from data_helpers.components import check_mask
from data_helpers.grid import Index, expand
from data_helpers.jobs.guards import index_text
from data_helpers.objects.measure import check_voxel_size
from data_helpers.objects.watershed import split_block

__all__ = ["split_touching"]


def split_touching(
    binary: Any,
    *,
    prominence: float,
    voxel_size: float | Sequence[float] = 1.0,
    depth: int | Sequence[int] | None = None,
) -> Any:
    """Split objects that touch, where they are narrow.

    The distance to the background has a maximum in the middle of each roundish part. A maximum
    that stands out by more than `prominence` becomes a seed, and a watershed of the distance gives
    every other voxel of the object to one of its seeds.

    Parameters
    ----------
    binary
        NumPy or Dask array of booleans or integers; everything that is not 0 is object. What
        touches by faces, edges or corners is one object before it is split.
    prominence
        How much closer to the background the neck between two parts must be than both of their
        middles, in units of `voxel_size`. More splits less.
    voxel_size
        Length of a voxel's sides: one number, or one per axis.
    depth
        For a Dask array: voxels around each chunk to look at, one number or one per axis. Every
        object in a chunk must lie whole inside: `depth_needed` says how much that takes. It may
        be more than a chunk; nothing is rechunked.

    Returns
    -------
    ndarray or dask.array.Array
        int64; 0 for background, and for each part one plus the place of its seed's first voxel in
        the whole image, counted in C order: the same whatever the chunks, without a second pass.
        `renumber` makes numbers from 1 of them. A Dask array stays lazy and keeps its chunks.

    Raises
    ------
    TypeError
        If `binary` is neither a NumPy nor a Dask array, or holds floats.
    ValueError
        If prominence or voxel size are out of range, or `depth` is missing. On computing, if an
        object is not whole inside its chunk and halo: names the chunk.

    Notes
    -----
    A NumPy array is one block, and the result of any chunks and any sufficient depth is equal to
    that: `data_helpers.objects.watershed` says why.

    Examples
    --------
    Two squares of 3 x 3 pixels, joined by a bridge of one pixel:

    >>> binary = np.zeros((5, 9), bool)
    >>> binary[1:4, 1:4] = binary[1:4, 5:8] = binary[2, 4] = True
    >>> renumber = np.unique(split_touching(binary, prominence=0.5), return_inverse=True)[1]
    >>> renumber.reshape(5, 9)[2]
    array([0, 1, 1, 1, 1, 2, 2, 2, 0])
    """
    check_mask(binary, len(binary.shape))
    sides = check_voxel_size(voxel_size, len(binary.shape))
    if not 0 <= prominence < np.inf:
        raise ValueError(f"prominence is {prominence}; expected a length of 0 or more")
    if isinstance(binary, da.Array):
        return _split_lazily(binary, float(prominence), sides, _checked_depth(depth, binary))
    if not isinstance(binary, np.ndarray):
        raise TypeError(
            f"the image is a {type(binary).__name__}; expected a NumPy or Dask array: "
            "dask.array.from_zarr(binary) makes one"
        )
    parts, seeds = split_block(binary != 0, sides, float(prominence))
    return np.concatenate([[0], seeds + 1])[parts]


def _checked_depth(depth: int | Sequence[int] | None, binary: da.Array) -> tuple[int, ...]:
    """Give a depth as one number per axis."""
    if depth is None:
        raise ValueError(
            "depth is missing; expected the number of voxels around each chunk that hold its "
            "objects whole: depth_needed(binary) says how many"
        )
    depths = tuple(depth) if isinstance(depth, Sequence) else (depth,) * binary.ndim
    expand((slice(0, 1),) * binary.ndim, depths, (1,) * binary.ndim)  # refuses what is no depth
    return depths


def _split_lazily(
    binary: da.Array, prominence: float, sides: tuple[float, ...], depth: tuple[int, ...]
) -> da.Array:
    """Build one task per chunk, which reads the chunks that its halo touches."""
    name = "split-" + tokenize(binary.name, prominence, sides, depth)
    borders = [(0, *accumulate(sizes)) for sizes in binary.chunks]
    graph: dict[Any, Any] = {}
    for block in np.ndindex(*binary.numblocks):
        core = tuple(slice(e[at], e[at + 1]) for e, at in zip(borders, block, strict=True))
        if any(part.start == part.stop for part in core):
            graph[name, *block] = (partial(np.zeros, [c.stop - c.start for c in core], np.int64),)
            continue
        outer, _ = expand(core, depth, binary.shape)
        near = [
            [at for at in range(len(e) - 1) if e[at] < part.stop and e[at + 1] > part.start]
            for e, part in zip(borders, outer, strict=True)
        ]
        start = [e[at[0]] for e, at in zip(borders, near, strict=True)]
        crop = tuple(slice(o.start - s, o.stop - s) for o, s in zip(outer, start, strict=True))
        task = partial(
            _split_core,
            core=core,
            outer=outer,
            crop=crop,
            shape=binary.shape,
            prominence=prominence,
            sides=sides,
            depth=depth,
        )
        graph[name, *block] = (task, _nested(binary.name, near))
    sources: list[Any] = [binary]
    layers = HighLevelGraph.from_collections(name, graph, dependencies=sources)
    return da.Array(layers, name, binary.chunks, dtype=np.int64)  # type: ignore[no-untyped-call]


def _nested(name: str, near: Sequence[Sequence[int]], at: tuple[int, ...] = ()) -> Any:
    """Keys of neighbouring blocks as nested lists, as `numpy.block` wants them."""
    if not near:
        return (name, *at)
    return [_nested(name, near[1:], (*at, place)) for place in near[0]]


def _split_core(
    blocks: Any,
    *,
    core: Index,
    outer: Index,
    crop: Index,
    shape: Sequence[int],
    prominence: float,
    sides: Sequence[float],
    depth: Sequence[int],
) -> NDArray[np.int64]:
    """Task: the parts in one chunk, from the chunk and its halo."""
    inner = tuple(
        slice(c.start - o.start, c.stop - o.start) for c, o in zip(core, outer, strict=True)
    )
    mask = _objects_of_core(np.block(blocks)[crop] != 0, core, inner, outer, shape, depth)
    parts, seeds = split_block(mask, sides, prominence)
    places = np.unravel_index(seeds, mask.shape)
    first = [place + part.start for place, part in zip(places, outer, strict=True)]
    ids = np.ravel_multi_index(first, tuple(shape)) + 1
    return np.concatenate([[0], ids])[parts[inner]]


def _objects_of_core(
    mask: NDArray[np.bool_],
    core: Index,
    inner: Index,
    outer: Index,
    shape: Sequence[int],
    depth: Sequence[int],
) -> NDArray[np.bool_]:
    """Keep the objects that lie in the chunk; refuse those that may go on outside of the halo."""
    labels, count = ndi.label(mask, np.ones((3,) * mask.ndim, bool))
    wanted = np.zeros(count + 1, bool)
    wanted[labels[inner]] = True
    wanted[0] = False
    for axis, part in enumerate(outer):
        for at, goes_on in ((0, part.start > 0), (-1, part.stop < shape[axis])):
            if goes_on and wanted[labels.take(at, axis)].any():
                raise ValueError(
                    f"an object in chunk {index_text(core)} reaches the end of the halo on axis "
                    f"{axis} and may go on behind it; depth is {tuple(depth)}, expected enough to "
                    "hold every object whole: depth_needed(binary) says how much that is"
                )
    kept: NDArray[np.bool_] = wanted[labels]
    return kept
