"""Synthetic terrain of any size, any block of which can be made alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data_helpers.phantoms.blocks import block_ranges, inside, tiles
from data_helpers.phantoms.noise import octaves, speckle

if TYPE_CHECKING:
    import numpy.typing as npt

    from data_helpers.phantoms.blocks import Ranges

__all__ = ["phantom_raster"]

_TILE = (128, 512)


def phantom_raster(
    shape: tuple[int, int], *, seed: int = 0, block: tuple[slice, slice] | None = None
) -> npt.NDArray[np.float32]:
    """Make synthetic terrain, or any block of it, at any size.

    Hills with ridges and valleys, detail at every scale, and a little noise of the
    instrument. Every pixel is a function of its coordinates alone, so a block made alone
    equals, bit for bit, the same block of the whole.

    Parameters
    ----------
    shape : (int, int)
        Pixels of the whole along y and x.
    seed : int
        Another seed, another landscape.
    block : tuple of two slices, optional
        The part to make, with step 1. Without it, the whole.

    Returns
    -------
    numpy.ndarray
        Heights in metres, float32, axes y, x, of the block's shape; mostly 0 to 1500.

    Raises
    ------
    ValueError
        If the shape does not have two axes of at least 0, or the block does not fit it.

    Examples
    --------
    >>> land = phantom_raster((300, 400))
    >>> land.shape, land.dtype
    ((300, 400), dtype('float32'))
    >>> part = (slice(100, 110), slice(3, 9))
    >>> bool((phantom_raster((300, 400), block=part) == land[part]).all())
    True
    """
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}, expected two axes: y, x")
    ranges = block_ranges(shape, block)
    result = np.empty([stop - start for start, stop in ranges], np.float32)
    for tile in tiles(ranges, _TILE):
        result[inside(tile, ranges)] = _heights(tile, shape, seed)
    return result


def _heights(tile: Ranges, shape: Sequence[int], seed: int) -> npt.NDArray[np.float32]:
    hills = octaves(seed, tile, shape, first=3, gain=0.48)
    # Where this noise changes sign its absolute value has a crease: a ridge.
    ridges = octaves(seed + 1000, tile, shape, first=2.5, gain=0.5)
    np.abs(ridges, out=ridges)
    ridges *= -300
    ridges *= hills + 1.5
    hills *= 250
    hills += ridges
    hills += 900
    hills += speckle(seed + 2000, tile) * 0.1
    return hills
