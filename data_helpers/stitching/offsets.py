"""Where overlapping tiles really lie: neighbours compared, and all of them reconciled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_helpers.stitching.links import Link, measure_link, overlap_of

__all__ = ["Offsets", "check_positions", "estimate_offsets"]


@dataclass(frozen=True, eq=False)
class Offsets:
    """Refined positions of tiles, and what they rest on.

    Attributes
    ----------
    positions : numpy.ndarray
        One row per tile, one column per axis, in pixels, float64. Ready for `fuse`.
    shifts : numpy.ndarray
        Refined minus nominal positions.
    links : tuple of Link
        Every pair of neighbours that was compared, used or not.
    """

    positions: NDArray[np.float64]
    shifts: NDArray[np.float64]
    links: tuple[Link, ...]

    @property
    def unlinked(self) -> tuple[int, ...]:
        """Numbers of the tiles without a link that could be used; they stay where they were."""
        linked = {tile for link in self.links if link.used for tile in (link.first, link.second)}
        return tuple(tile for tile in range(len(self.positions)) if tile not in linked)

    def table(self) -> pd.DataFrame:
        """Show the links as a table.

        Returns
        -------
        pandas.DataFrame
            One row per link: ``first``, ``second``, ``nominal``, ``measured``, ``quality``,
            ``residual`` and ``reason``.
        """
        columns = ["first", "second", "nominal", "measured", "quality", "residual", "reason"]
        rows = [[getattr(link, name) for name in columns] for link in self.links]
        return pd.DataFrame(rows, columns=columns)


def estimate_offsets(
    tiles: Sequence[Any],
    positions: ArrayLike,
    *,
    overlap: int | Sequence[int],
    min_quality: float = 0.3,
    tolerance: float = 1.0,
) -> Offsets:
    """Refine the positions of overlapping tiles from what neighbours have both imaged.

    Each pair of neighbours is compared by phase correlation (see `measure_link`) after what varies
    slowly, such as uneven illumination, has been taken away. The displacements are then reconciled
    by weighted least squares, each with its quality as weight. A link that contradicts the others
    is left out. Where a link has no texture, or texture along one axis only, it moves nothing: a
    tile without any good link stays at its nominal position relative to the first tile.

    Parameters
    ----------
    tiles
        Arrays of the same number of axes (NumPy, Zarr, Dask, a `TileView`); only overlaps are read.
    positions
        Nominal position of the first element of each tile, in pixels: one row per tile, one column
        per axis.
    overlap
        Width in pixels, for all axes or each, that the nominal overlap of two tiles must have for
        them to be compared. A displacement of up to half of the overlap is found.
    min_quality
        Least correlation of two overlaps for their link to be used.
    tolerance
        Greatest distance in pixels between what a link measured and where the tiles lie in the
        end; the worst link beyond it is left out, and the rest reconciled again.

    Returns
    -------
    Offsets
        Positions, shifts, and the quality of every link. The first tile of each group of linked
        tiles keeps its nominal position, since images cannot tell where the whole lies.

    Raises
    ------
    ValueError
        If tiles and positions do not fit, or no two tiles overlap by `overlap`.

    Examples
    --------
    Two tiles cut from one image; the stage said 30 pixels, but it was 32:

    >>> image = np.random.default_rng(0).normal(100, 10, (60, 80))
    >>> tiles = [image[:, :48], image[:, 32:]]
    >>> found = estimate_offsets(tiles, [(0, 0), (0, 30)], overlap=12)
    >>> found.positions.round(1).tolist()
    [[0.0, 0.0], [0.0, 32.0]]
    >>> found.links[0].used, found.links[0].quality > 0.95
    (True, True)
    """
    nominal = check_positions(tiles, positions)
    widths = np.broadcast_to(np.asarray(overlap), nominal.shape[1:])
    if (widths < 2).any():
        raise ValueError(f"overlap is {overlap}; expected at least 2 pixels along each axis")
    links = [
        _measured(tiles, nominal, pair, regions, min_quality)
        for pair, regions in _neighbours(tiles, nominal, widths)
    ]
    if not links:
        raise ValueError(
            f"no two of {len(tiles)} tiles overlap by {overlap} pixels; expected nominal positions "
            "in pixels at which neighbours overlap: check their unit and order, or say a smaller "
            "overlap"
        )
    shifts, links = _reconciled(nominal, links, tolerance)
    return Offsets(nominal + shifts, shifts, tuple(links))


def check_positions(tiles: Sequence[Any], positions: ArrayLike) -> NDArray[np.float64]:
    """Refuse tiles and positions that do not fit.

    Parameters
    ----------
    tiles
        Anything with a shape.
    positions
        One row per tile, one column per axis.

    Returns
    -------
    ndarray
        The positions as float64.

    Raises
    ------
    ValueError
        If there are no tiles, or tiles and positions differ in number or axes, or a position is
        not finite.

    Examples
    --------
    >>> check_positions([np.zeros((4, 4))], [(0, 2)])
    array([[0., 2.]])
    """
    where = np.asarray(positions, np.float64)
    dimensions = {len(tile.shape) for tile in tiles}
    if len(dimensions) != 1 or where.shape != (len(tiles), *dimensions):
        raise ValueError(
            f"got {len(tiles)} tiles with {sorted(dimensions)} axes and positions of shape "
            f"{where.shape}; expected tiles of the same number of axes, and one row of positions "
            "per tile with one column per axis"
        )
    if not np.isfinite(where).all():
        bad = np.flatnonzero(~np.isfinite(where).all(axis=1)).tolist()
        raise ValueError(f"the positions of tiles {bad} are not finite; expected pixels")
    return where


def _neighbours(
    tiles: Sequence[Any], nominal: NDArray[np.float64], widths: NDArray[Any]
) -> Iterator[tuple[tuple[int, int], tuple[tuple[slice, ...], tuple[slice, ...]]]]:
    """Pairs that share a face, not only an edge or a corner, and the regions they share."""
    for one, other in combinations(range(len(tiles)), 2):
        shift = np.rint(nominal[other] - nominal[one]).astype(int).tolist()
        regions = overlap_of(shift, tiles[one].shape, tiles[other].shape)
        lengths = np.array([part.stop - part.start for part in regions[0]])
        smaller = np.minimum(tiles[one].shape, tiles[other].shape)
        if (lengths >= widths).all() and np.sum(2 * lengths < smaller) <= 1:
            yield (one, other), regions


def _measured(
    tiles: Sequence[Any],
    nominal: NDArray[np.float64],
    pair: tuple[int, int],
    regions: tuple[tuple[slice, ...], tuple[slice, ...]],
    min_quality: float,
) -> Link:
    """Compare two tiles where they should overlap."""
    crops = [np.asarray(tiles[tile][part]) for tile, part in zip(pair, regions, strict=True)]
    shift, quality, reason = measure_link(crops[0], crops[1], min_quality=min_quality)
    expected = nominal[pair[1]] - nominal[pair[0]]
    found = np.rint(expected) + shift
    return Link(*pair, tuple(expected.tolist()), tuple(found.tolist()), quality, reason)


def _reconciled(
    nominal: NDArray[np.float64], links: list[Link], tolerance: float
) -> tuple[NDArray[np.float64], list[Link]]:
    """Place all tiles so that the links agree as well as they can; drop those that do not."""
    while True:
        shifts = _least_squares(nominal, links)
        placed = nominal + shifts
        links = [
            replace(link, residual=_residual(link, placed)) if link.used else link for link in links
        ]
        used = [number for number, link in enumerate(links) if link.used]
        worst = max(used, key=lambda number: links[number].residual, default=None)
        if worst is None or links[worst].residual <= tolerance:
            return shifts, links
        reason = f"contradicts the other links by {links[worst].residual:.1f} pixels"
        links[worst] = replace(links[worst], reason=reason, residual=float("nan"))


def _residual(link: Link, placed: NDArray[np.float64]) -> float:
    between = placed[link.second] - placed[link.first]
    return float(np.linalg.norm(between - np.asarray(link.measured)))


def _least_squares(nominal: NDArray[np.float64], links: list[Link]) -> NDArray[np.float64]:
    """Shifts of all tiles; the first of each group of linked tiles, and loners, do not move."""
    used = [link for link in links if link.used]
    count = len(nominal)
    first = np.array([link.first for link in used], dtype=int)
    second = np.array([link.second for link in used], dtype=int)
    rows = np.arange(len(used))
    weights = np.array([link.quality for link in used])
    design = np.zeros((len(used), count))
    design[rows, second], design[rows, first] = weights, -weights
    wanted = np.array([np.subtract(link.measured, link.nominal) for link in used])
    if not used:
        return np.zeros_like(nominal)
    shifts, *_ = np.linalg.lstsq(design, weights[:, None] * wanted, rcond=None)
    _, group = connected_components(coo_array((np.ones(len(used)), (first, second)), (count,) * 2))
    _, anchors = np.unique(group, return_index=True)
    moved: NDArray[np.float64] = shifts - shifts[anchors[group]]
    return moved
