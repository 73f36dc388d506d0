"""Smooth solids as distances: negative inside, 0 on the surface, positive outside."""

from collections.abc import Sequence

import numpy as np

from data_helpers.phantoms.noise import Floats

__all__ = ["ellipsoid", "painted", "smooth_union"]


def ellipsoid(place: Sequence[Floats], centre: Sequence[float], radii: Sequence[float]) -> Floats:
    """Return about how far each voxel is outside an ellipsoid.

    Exact on the surface, right in its order of magnitude near it, which is all that painting
    needs.
    """
    total: Floats | None = None
    for coordinate, middle, radius in zip(place, centre, radii, strict=True):
        part = coordinate - middle
        part *= 1 / radius
        part *= part
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    np.sqrt(total, out=total)
    total -= 1
    total *= min(radii)
    return total


def smooth_union(one: Floats, other: Floats, width: float) -> Floats:
    """Join two solids with a fillet of about `width` where they meet.

    The polynomial smooth minimum of I. Quilez, "Smooth minimum" (2013).
    """
    share = other - one
    share *= 0.5 / width
    share += 0.5
    np.clip(share, 0, 1, out=share)
    joined = one - other
    joined *= share
    joined += other
    fillet = 1 - share
    fillet *= share
    fillet *= width
    joined -= fillet
    return joined


def painted(distance: Floats, edge: float) -> Floats | None:
    """Return how much of each voxel a solid covers, from 0 to 1; None where it covers nothing.

    Parameters
    ----------
    distance : numpy.ndarray
        How far each voxel is outside the solid.
    edge : float
        The width over which the cover fades: about a voxel.
    """
    cover = distance * (-1 / edge)
    cover += 0.5
    np.clip(cover, 0, 1, out=cover)
    return cover if cover.any() else None
