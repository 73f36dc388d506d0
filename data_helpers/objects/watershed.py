"""Split what touches: distance to the background, seeds that stand out, and a watershed.

All that happens to a voxel here depends on its own connected component only (voxels that touch by
faces, edges or corners). So a block that holds a component whole gives it the same parts as the
whole image does, to the last voxel:

- *Distance.* On the straight way from a voxel to the nearest background all voxels are closer, and
  so foreground, and so of the same component: that background touches the component. Distances
  are compared as integers, so that rounding cannot depend on where a block begins.
- *Seeds.* Whether a maximum stands out is decided along ways inside the component.
- *Watershed.* It runs on each component that has several seeds, cut out on its own: which of two
  voxels of the same height comes first would else depend on what lies in other components.
"""

from collections.abc import Sequence

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

__all__ = ["distances", "find_seeds", "split_block"]

_PARTS = 2**20  # of the squared length of the shortest side of a voxel: the unit of distances


def split_block(
    mask: NDArray[np.bool_], sides: Sequence[float], prominence: float
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Split the objects in one block.

    Parameters
    ----------
    mask
        True in objects.
    sides
        Lengths of a voxel.
    prominence
        As `split_touching`.

    Returns
    -------
    parts : ndarray of int32
        0 for background; the parts are numbered from 1.
    seeds : ndarray of int64
        For each part the place of its seed's first voxel in the block, counted in C order.

    Examples
    --------
    >>> mask = np.array([0, 1, 1, 1, 0, 1, 0], bool)
    >>> split_block(mask, (1.0,), 0.5)
    (array([0, 1, 1, 1, 0, 2, 0], dtype=int32), array([2, 5]))
    """
    if not mask.any():
        return np.zeros(mask.shape, np.int32), np.empty(0, np.int64)
    height = distances(mask, sides)
    seeds, count = find_seeds(mask, height, prominence)
    so_far = np.maximum.accumulate(seeds.ravel())
    places = np.searchsorted(so_far, np.arange(1, count + 1))
    return _flooded(mask, height, seeds, places), places


def distances(mask: NDArray[np.bool_], sides: Sequence[float]) -> NDArray[np.float64]:
    """Measure how far each voxel of an object is from the background.

    Parameters
    ----------
    mask
        True in objects.
    sides
        Lengths of a voxel.

    Returns
    -------
    ndarray of float64
        Between centres of voxels; 0 outside objects, and everywhere if there is no background.
        Outside of the image is no background.

    Examples
    --------
    >>> distances(np.array([0, 1, 1, 1, 1], bool), (0.5,))
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    if mask.all():
        return np.zeros(mask.shape)
    shortest = min(sides)
    weights = [round((side / shortest) ** 2 * _PARTS) for side in sides]
    nearest = ndi.distance_transform_edt(
        mask,
        sampling=[(weight / _PARTS) ** 0.5 for weight in weights],
        return_distances=False,
        return_indices=True,
    )
    squared = np.zeros(mask.shape, np.int64)
    places = np.ogrid[tuple(slice(length) for length in mask.shape)]
    for weight, there, here in zip(weights, nearest, places, strict=True):
        squared += weight * (there.astype(np.int64) - here) ** 2
    found: NDArray[np.float64] = np.sqrt(squared / _PARTS) * shortest
    return found


def find_seeds(
    mask: NDArray[np.bool_], height: NDArray[np.float64], prominence: float
) -> tuple[NDArray[np.int32], int]:
    """Find the maxima that stand out: no way leads higher without first going down so far.

    Parameters
    ----------
    mask
        True in objects.
    height
        Of each voxel.
    prominence
        How far down. The highest maximum of an object always counts.

    Returns
    -------
    seeds : ndarray of int32
        0 where there is none; what is closer to a maximum's height than `prominence` and joined
        to it belongs to its seed. Numbered from 1 in the order of first voxels.
    count : int
        The number of seeds.

    Notes
    -----
    These are the h-maxima of P. Soille, "Morphological Image Analysis", Springer 2004, section
    6.3.4: of the reconstruction of `height` from itself, lowered by `prominence`.

    Examples
    --------
    The saddle at height 2 is one below the lower maximum:

    >>> height = np.array([1.0, 3, 2, 4, 1])
    >>> find_seeds(np.ones(5, bool), height, 0.5)
    (array([0, 1, 0, 2, 0], dtype=int32), 2)
    >>> find_seeds(np.ones(5, bool), height, 2.5)
    (array([0, 1, 1, 1, 0], dtype=int32), 1)
    """
    around = np.ones((3,) * mask.ndim, bool)
    floor = -prominence - 1  # below all that is lowered, so that no way leads over background
    lowered = np.where(mask, height - prominence, floor)
    filled = reconstruction(  # type: ignore[no-untyped-call]
        lowered, np.where(mask, height, floor), footprint=around
    )
    framed = np.pad(filled, 1, constant_values=floor)
    inner = (slice(1, -1),) * mask.ndim
    maxima = local_maxima(framed, connectivity=mask.ndim)  # type: ignore[no-untyped-call]
    seeds, count = ndi.label(maxima[inner] & mask, around, output=np.int32)
    return seeds, int(count)


def _flooded(
    mask: NDArray[np.bool_],
    height: NDArray[np.float64],
    seeds: NDArray[np.int32],
    places: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Give every voxel to a seed of its component: to the only one, or by a watershed."""
    components, count = ndi.label(mask, np.ones((3,) * mask.ndim, bool), output=np.int32)
    owners = components.ravel()[places]  # the component of each seed
    only = np.zeros(count + 1, np.int32)
    only[owners] = np.arange(1, len(places) + 1)
    parts: NDArray[np.int32] = only[components]
    boxes = ndi.find_objects(components)
    for component in np.flatnonzero(np.bincount(owners) > 1):
        box = boxes[component - 1]
        inside = components[box] == component
        flooded = watershed(  # type: ignore[no-untyped-call]
            -height[box], np.where(inside, seeds[box], 0), mask=inside, connectivity=mask.ndim
        )
        parts[box][inside] = flooded[inside]
    return parts
