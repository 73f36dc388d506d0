"""A synthetic heart in a scanner, of any size, any part of which can be made alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data_helpers.phantoms.anatomy import Heart, heart_in, may_hold_heart, swelling
from data_helpers.phantoms.blocks import block_ranges, inside, tiles
from data_helpers.phantoms.noise import Floats, hashed, octaves, plane_noise, speckle
from data_helpers.phantoms.shapes import painted

if TYPE_CHECKING:
    import numpy.typing as npt

    from data_helpers.phantoms.blocks import Ranges

__all__ = ["phantom_heart"]

# Voxels worked on at once: few enough that intermediate results stay in the processor's cache,
# and that memory does not grow with the block.
_TILE = (32, 64, 64)
# Grey values, as in a scan of a heart in gel with a contrast agent in its vessels.
_AIR, _GEL, _FAT, _WALL, _MUSCLE, _CONTRAST, _CONTAINER = 7, 29, 54, 98, 108, 226, 232
_CONTAINER_RADIUS, _CONTAINER_HALF_WIDTH = 0.952, 0.012


def phantom_heart(
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    block: tuple[slice, slice, slice] | None = None,
) -> npt.NDArray[np.uint8]:
    """Make a synthetic CT scan of a heart, or any block of it, at any size.

    A heart with fat, layered muscle, four chambers, great vessels and a branching coronary
    tree lies in gel in a round container; the scan has rings and noise. The same seed gives
    the same heart at every size; a larger one has more octaves of detail, down to the voxel.
    Every voxel is a function of its coordinates alone, so a block made alone equals, bit for
    bit, the same block of the whole.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels of the whole along x, y and z; the container's axis is z.
    seed : int
        Another seed, another heart.
    block : tuple of three slices, optional
        The part to make, with step 1. Without it, the whole.

    Returns
    -------
    numpy.ndarray
        uint8, axes x, y, z, of the block's shape.

    Raises
    ------
    ValueError
        If the shape does not have three axes of at least 0, or the block does not fit it.

    Examples
    --------
    A corner of a volume of 69 GB, which nobody has to compute:

    >>> corner = phantom_heart((4096, 4096, 4096), block=(slice(8), slice(8), slice(8)))
    >>> corner.shape, corner.dtype
    ((8, 8, 8), dtype('uint8'))
    >>> part = (slice(10, 20), slice(5, 9), slice(3, 11))
    >>> whole = phantom_heart((32, 32, 32))
    >>> bool((phantom_heart((32, 32, 32), block=part) == whole[part]).all())
    True
    """
    if len(shape) != 3:
        raise ValueError(f"shape is {tuple(shape)}, expected three axes: x, y, z")
    ranges = block_ranges(shape, block)
    result = np.empty([stop - start for start, stop in ranges], np.uint8)
    for tile in tiles(ranges, _TILE):
        result[inside(tile, ranges)] = _scan(tile, shape, seed)
    return result


def _scan(tile: Ranges, shape: Sequence[int], seed: int) -> Floats:
    """Return grey values of a tile, rounded and clipped to what uint8 holds."""
    axes = [
        ((np.arange(start, stop) + 0.5) * (2 / length) - 1).astype(np.float32)
        for (start, stop), length in zip(tile, shape, strict=True)
    ]
    voxel = 2 / max(shape)
    swell = swelling(seed + 1000, tile, shape)
    coarse, texture = _textures(tile, shape, seed)
    image = texture * 3.5
    image += swell[1] * 2
    image += _GEL
    if may_hold_heart(axes):
        heart = heart_in(axes, tile, shape, seed, swell, coarse)
        _paint_heart(image, heart, swell, texture, seed, voxel)
    _paint_scanner(image, axes, shape, seed, voxel)
    image += speckle(seed + 5000, tile) * 2.6
    np.rint(image, out=image)
    np.clip(image, 0, 255, out=image)
    return image


def _textures(tile: Ranges, shape: Sequence[int], seed: int) -> tuple[Floats, Floats]:
    """Return noise of large scales, which shapes may follow, and of all scales, for grey values.

    The small scales are as strong as the last of the large ones: otherwise a part of a huge
    volume would look smooth.
    """
    coarse = octaves(seed + 2000, tile, shape, first=8, last=128, gain=0.72)
    texture = octaves(seed + 2500, tile, shape, first=256, gain=1)
    texture *= 0.72**4
    texture += coarse
    return coarse, texture


def _lay(image: Floats, value: Floats | float, cover: Floats | None) -> None:
    """Paint a layer over the image where it covers something."""
    if cover is not None:
        image += (value - image) * cover


def _paint_heart(
    image: Floats, heart: Heart, swell: Sequence[Floats], texture: Floats, seed: int, voxel: float
) -> None:
    """Paint from the outside to the inside."""
    cover = painted(heart.fat, voxel)
    if cover is not None:
        _lay(image, _FAT - np.abs(texture) * 14, cover)
    cover = painted(heart.walls, voxel)
    if cover is not None:
        _lay(image, _WALL + texture * 7, cover)
    cover = painted(heart.muscle, voxel)
    if cover is not None:
        where = (cover > 0) & (heart.chambers > -voxel)  # chambers are painted over it
        _lay(image, _muscle(heart, where, swell[0], texture, seed, voxel), cover)
    cover = painted(heart.chambers, voxel)
    if cover is not None:
        _lay(image, _blood(heart.chambers, swell, texture), cover)
    if heart.coronaries is not None:
        _paint_coronaries(image, heart, texture, voxel)


def _paint_coronaries(image: Floats, heart: Heart, texture: Floats, voxel: float) -> None:
    """Paint vessels that run in fat and muscle, and end where a chamber begins."""
    assert heart.coronaries is not None
    vessels: Floats = np.minimum(heart.fat, heart.muscle)
    np.maximum(vessels, 0.01 - heart.chambers, out=vessels)
    np.maximum(vessels, heart.coronaries, out=vessels)
    _lay(image, _WALL + 30.0, painted(vessels, voxel))
    _lay(image, _CONTRAST + texture * 8, painted(np.add(vessels, 0.0012), voxel))


def _muscle(
    heart: Heart,
    where: npt.NDArray[np.bool_],
    swell: Floats,
    texture: Floats,
    seed: int,
    voxel: float,
) -> Floats:
    """Return muscle: fibres that wind around the left ventricle in layers.

    The noise is made in a plane of depth and height along a helix, and stretched along the
    fibre, so that it is constant along it and changes quickly across.
    """
    depth, height, bend = heart.depth[where], heart.place[0][where], swell[where]
    across, behind = heart.place[1][where], heart.place[2][where]
    across -= 0.10
    turn = across / (np.abs(across) + np.abs(behind) + 1e-6)  # an angle without sin or cos
    along = height + turn * (depth + 0.25)
    depth += bend * 0.08
    fibres = texture[where] * 6
    frequency, amplitude, number = 20.0, 13.0, 0
    while number == 0 or frequency * voxel <= 1:
        part = plane_noise(seed + 3000 + number, depth * frequency, along * (0.35 * frequency))
        part *= amplitude
        fibres += part
        frequency, amplitude, number = frequency * 3, amplitude * 0.8, number + 1
    fibres += _MUSCLE
    muscle = np.zeros_like(texture)
    muscle[where] = fibres
    return muscle


def _blood(chambers: Floats, swell: Sequence[Floats], texture: Floats) -> Floats:
    """Return what fills the chambers: gel, and clots of contrast agent, brightest at their rim."""
    clots = swell[1] + swell[0] * 0.7
    clots += texture * 0.25
    clots += 0.1
    clots *= 6
    np.clip(clots, 0, 1, out=clots)
    rim = np.clip(chambers * 9 + 1, 0, 1)
    rim *= 60
    rim += texture * 14
    rim += 170
    clots *= rim
    clots += texture * 3
    clots += 34
    return clots


def _paint_scanner(
    image: Floats, axes: Sequence[Floats], shape: Sequence[int], seed: int, voxel: float
) -> None:
    """Paint what does not depend on z: the container, the air around it, and CT rings."""
    x, y = axes[0][:, None, None], axes[1][None, :, None]
    radius: Floats = np.sqrt(x * x + y * y)
    wall: Floats = np.abs(radius - _CONTAINER_RADIUS) - _CONTAINER_HALF_WIDTH
    _lay(image, _CONTAINER, painted(wall, voxel))
    outside: Floats = _CONTAINER_RADIUS + _CONTAINER_HALF_WIDTH - radius
    _lay(image, _AIR, painted(outside, voxel))
    # A detector pixel that errs draws a ring around the axis of rotation; few err much.
    rings = (radius * (max(shape[:2]) / 2)).astype(np.int64)
    first, last = int(rings.min()), int(rings.max())
    error = hashed(seed + 7000, np.arange(first, last + 1)).view(np.int32).astype(np.float32)
    error *= 2.0**-31
    error *= error * error * 7
    image += error[rings - first]
