"""Which part of a whole is asked for, and how it is cut into tiles that fit a processor's cache."""

from collections.abc import Iterator, Sequence
from itertools import product

__all__ = ["block_ranges", "inside", "tiles"]

Ranges = tuple[tuple[int, int], ...]


def block_ranges(shape: Sequence[int], block: Sequence[slice] | None) -> Ranges:
    """Return (start, stop) along each axis, in voxels of the whole.

    Raises
    ------
    ValueError
        If the shape has a negative length, or the block another number of axes, or a step
        other than 1.

    Examples
    --------
    >>> block_ranges((10, 20), (slice(2, 5), slice(-4, None)))
    ((2, 5), (16, 20))
    """
    if any(length < 0 for length in shape):
        raise ValueError(f"shape is {tuple(shape)}, expected no negative length")
    if block is None:
        return tuple((0, length) for length in shape)
    if len(block) != len(shape):
        raise ValueError(
            f"block has {len(block)} slices, expected {len(shape)}, one per axis of {tuple(shape)}"
        )
    found = [part.indices(length) for part, length in zip(block, shape, strict=True)]
    if any(step != 1 for _, _, step in found):
        raise ValueError(f"block is {tuple(block)}, expected slices with step 1")
    return tuple((start, max(start, stop)) for start, stop, _ in found)


def tiles(ranges: Ranges, size: Sequence[int]) -> Iterator[Ranges]:
    """Cut a block into tiles of at most `size`.

    Examples
    --------
    >>> list(tiles(((0, 3),), (2,)))
    [((0, 2),), ((2, 3),)]
    """
    parts = (
        [(low, min(low + step, stop)) for low in range(start, stop, step)]
        for (start, stop), step in zip(ranges, size, strict=True)
    )
    yield from product(*parts)


def inside(tile: Ranges, ranges: Ranges) -> tuple[slice, ...]:
    """Return where a tile lies inside the array that holds the block `ranges`.

    Examples
    --------
    >>> inside(((5, 7),), ((4, 9),))
    (slice(1, 3, None),)
    """
    return tuple(
        slice(low - start, high - start)
        for (low, high), (start, _) in zip(tile, ranges, strict=True)
    )
