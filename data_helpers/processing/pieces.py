"""Large regions in pieces, so that a shard costs its own size and not several times as much."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Index, chunk_slices
from data_helpers.jobs.guards import check_block

__all__ = ["AT_ONCE", "in_pieces"]

AT_ONCE = 2**22  # voxels of a piece at most: a chunk of 128 cubed is worked on as a whole


def in_pieces(
    compute: Callable[[Index], NDArray[Any]],
    index: Index,
    dtype: np.dtype[Any],
    *,
    share: int = 1,
) -> NDArray[Any]:
    """Compute a region, piece by piece if it is large.

    Parameters
    ----------
    compute
        Takes an index of the output, returns the block that belongs there.
    index
        The region, one slice with start and stop per axis.
    dtype
        Of the output.
    share
        A piece has at most 2 ** 22 voxels, divided by this: how much more its computation holds.

    Returns
    -------
    ndarray
        The region.

    Raises
    ------
    TypeError, ValueError
        If a piece does not fit its place.

    Examples
    --------
    >>> def squares(index):
    ...     return np.arange(index[0].start, index[0].stop) ** 2
    >>> in_pieces(squares, (slice(2, 7),), np.dtype("i8"), share=2**21)
    array([ 4,  9, 16, 25, 36])
    """
    shape = tuple(part.stop - part.start for part in index)
    sizes = _halved(shape, AT_ONCE // share)
    if sizes == shape:
        return compute(index)
    region = np.empty(shape, dtype)
    for part in chunk_slices(shape, sizes):
        piece = compute(
            tuple(
                slice(i.start + p.start, i.start + p.stop) for i, p in zip(index, part, strict=True)
            )
        )
        check_block(piece, region[part].shape, dtype)
        region[part] = piece
    return region


def _halved(shape: Sequence[int], at_once: int) -> tuple[int, ...]:
    """Halve the longest side until a piece is small enough."""
    sizes = list(shape)
    while prod(sizes) > max(at_once, 1):
        longest = sizes.index(max(sizes))
        sizes[longest] = -(-sizes[longest] // 2)
    return tuple(sizes)
