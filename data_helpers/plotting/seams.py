"""Where two arrays differ, and whether that follows the borders of chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from operator import index as as_int
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from data_helpers.grid import Chunks, chunk_borders, chunk_slices
from data_helpers.plotting.look import (
    COLOURS,
    DIFFERENCE_CMAP,
    add_colorbar,
    given_or_new,
    image_figure,
    styled,
)
from data_helpers.plotting.words import axis_names, number_text

__all__ = ["plot_seams"]

# Percent of the differences in a plane that lie inside the scale of colours.
SHARE_IN_COLOURS = 98


@dataclass(frozen=True)
class Differences:
    """What was found in all chunks of two arrays.

    Attributes
    ----------
    values
        Values compared.
    different
        Values that differ. A NaN in one array only is a difference, in both it is none.
    largest
        The largest absolute difference; infinite where a NaN or an infinity stands in one only.
    place
        Position of the first of the largest differences.
    """

    values: int
    different: int
    largest: float
    place: tuple[int, ...]

    def title(self) -> str:
        """Say how much differs."""
        if not self.different:
            return f"identical: all {self.values:,} values".replace(",", "\N{THIN SPACE}")
        share = 100 * self.different / self.values
        percent = f"{share:.2g}" if share < 10 else f"{min(share, 99.9):.1f}"
        percent = "100" if self.different == self.values else percent
        return f"max |difference| {number_text(self.largest)}, {percent} % of values differ"


@styled
def plot_seams(
    result: Any,
    expected: Any,
    *,
    chunks: Chunks,
    index: int | None = None,
    axes: Sequence[str] | None = None,
    vmax: float | None = None,
    unit: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    colorbar: bool = True,
) -> Axes:
    """Show where two arrays differ, with the borders of the chunks over it.

    A mistake made per chunk leaves a pattern that follows the borders. The arrays are compared
    chunk by chunk, so that only two chunks are in memory at once, and then one plane is shown.

    Parameters
    ----------
    result, expected
        Arrays of the same shape with two or three axes: NumPy, Zarr or Dask. Integers are
        compared exactly and subtracted as float64, so nothing wraps around.
    chunks
        Chunks of the result: one size per axis, or all sizes along an axis.
    index
        Which plane along the first of three axes. Without it, the plane that holds the largest
        difference.
    axes
        Name of each axis. Without it the last of z, y, x.
    vmax
        Difference at which the colours end, on both sides of zero. Without it, 98 % of the
        differences in the plane lie inside, so that one large difference does not hide the others;
        the scale then ends in arrows.
    unit
        Unit of the values.
    ax
        Where to draw; a new figure if not given.
    title
        Without it, the title gives the largest absolute difference in the whole array and the
        share of values that differ, or says that the arrays are identical.
    colorbar
        Whether to draw the scale of differences.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If the shapes differ, there are not two or three axes, or `chunks` do not fit.
    IndexError
        If there is no plane `index`.

    Examples
    --------
    >>> expected = np.zeros((4, 6), dtype="uint8")
    >>> result = expected.copy()
    >>> result[:, 3] = 5
    >>> plot_seams(result, expected, chunks=(4, 3)).get_title(loc="left")
    'max |difference| 5, 16.7 % of values differ'
    """
    shape = _checked_shape(result, expected, index)
    names = axis_names(axes, len(shape))
    borders = chunk_borders(shape, chunks)
    found = _compare(result, expected, shape, chunks)
    cut, where = _plane_to_show(shape, names, found, index)
    plane = _difference(np.asarray(result[cut]), np.asarray(expected[cut]))

    ax = given_or_new(ax, *image_figure(*plane.shape))
    limit = vmax or _limit(plane)
    shown = ax.imshow(plane, cmap=DIFFERENCE_CMAP, vmin=-limit, vmax=limit, interpolation="nearest")
    _rule(ax, borders[-2], borders[-1])
    ax.set(xlabel=f"{names[-1]} (voxels){where}", ylabel=f"{names[-2]} (voxels)")
    ax.set_title(found.title() if title is None else title)
    if colorbar:
        measured = "" if unit is None else f" ({unit})"
        extend: Literal["neither", "both"] = "both" if np.abs(plane).max() > limit else "neither"
        add_colorbar(ax, shown, f"result \N{MINUS SIGN} expected{measured}", extend)
    return ax


def _checked_shape(result: Any, expected: Any, index: int | None) -> tuple[int, ...]:
    """Check that two arrays can be compared and drawn."""
    shape, other = tuple(result.shape), tuple(expected.shape)
    if shape != other:
        raise ValueError(f"result has shape {shape} and expected {other}; they must be the same")
    if len(shape) not in {2, 3} or 0 in shape:
        raise ValueError(
            f"the arrays have shape {shape}; expected 2 or 3 axes, none of length 0: choose a part "
            "of both with result[...] and expected[...]"
        )
    if index is not None and (len(shape) == 2 or not -shape[0] <= as_int(index) < shape[0]):
        has = "is no axis to choose from" if len(shape) == 2 else f"are {shape[0]} planes on axis 0"
        raise IndexError(f"index is {index}, but there {has}: leave it out, or give one inside")
    return shape


def _compare(result: Any, expected: Any, shape: tuple[int, ...], chunks: Chunks) -> Differences:
    """Compare two arrays chunk by chunk."""
    different, largest, place = 0, 0.0, (0,) * len(shape)
    for part in chunk_slices(shape, chunks):
        here, there = np.asarray(result[part]), np.asarray(expected[part])
        different += int(np.count_nonzero(~_same(here, there)))
        difference = np.abs(_difference(here, there))
        size = np.where(np.isnan(difference), np.inf, difference)
        if size.max() > largest:
            largest = float(size.max())
            inside = np.unravel_index(int(size.argmax()), size.shape)
            place = tuple(int(step) + span.start for step, span in zip(inside, part, strict=True))
    return Differences(prod(shape), different, largest, place)


def _same(result: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool]:
    """Tell where two arrays hold the same value, or both NaN."""
    only_nan = (result != result) & (expected != expected)  # nothing else differs from itself
    same: NDArray[np.bool] = (result == expected) | only_nan
    return same


def _difference(result: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
    """Subtract as float64; exactly 0 where both are equal, or both NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = result.astype(np.float64) - expected.astype(np.float64)
    return np.where(_same(result, expected), 0.0, difference)


def _plane_to_show(
    shape: tuple[int, ...], names: Sequence[str], found: Differences, index: int | None
) -> tuple[tuple[int, ...], str]:
    """Find the plane to show, and how to call it."""
    if len(shape) == 2:
        return (), ""
    plane = found.place[0] if index is None else as_int(index) % shape[0]
    return (plane,), f"    at {names[0]} = {plane}"


def _limit(plane: NDArray[np.float64]) -> float:
    """Where the colours end: at nearly the largest difference, or at 1 where there is none."""
    sizes = np.abs(plane[np.isfinite(plane) & (plane != 0)])
    return float(np.percentile(sizes, SHARE_IN_COLOURS)) if sizes.size else 1.0


def _rule(ax: Axes, rows: Sequence[int], columns: Sequence[int]) -> None:
    """Draw the borders of chunks between voxels, whose centres are at whole numbers."""
    top, bottom, left, right = -0.5, rows[-1] - 0.5, -0.5, columns[-1] - 0.5
    lines = [((left, row - 0.5), (right, row - 0.5)) for row in rows]
    lines += [((column - 0.5, top), (column - 0.5, bottom)) for column in columns]
    drawn = LineCollection(lines, colors=COLOURS["chunk"], linewidths=0.6, alpha=0.7, gid="chunk")
    drawn.set_linestyle((0, (1.5, 3)))  # dotted, so that a seam on the border stays visible
    ax.add_collection(drawn, autolim=False)
