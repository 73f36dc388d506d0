"""Chunks of an array with one or two axes, drawn as the plane they are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle

from data_helpers.plotting.layout import Borders, ChunkLayout, tick_borders
from data_helpers.plotting.look import BLOCK_TINTS, COLOURS, border_width, cased, role_style

__all__ = ["draw_flat", "flat_height"]

Plane = tuple[Sequence[float], Sequence[float]]
Box = tuple[tuple[float, float], ...]

# An array with one axis becomes a strip of this height, as a share of its length.
STRIP = 0.09


def flat_height(shape: Sequence[int]) -> float:
    """Height in inches of a figure 6 inches wide, with room for the title and the legend."""
    rows, columns = shape if len(shape) == 2 else (STRIP, 1)
    return 1.6 + min(max(5.2 * rows / columns, 0.5), 5.0)


def draw_flat(ax: Axes, layout: ChunkLayout) -> None:
    """Draw rows downwards and columns to the right, as images are shown."""
    borders = _as_plane(layout, layout.borders)
    read = None if layout.read is None else _as_plane(layout, layout.read)
    rows, columns = borders[0][-1], borders[1][-1]
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")
    _fill(ax, layout, borders, read)
    if layout.requested is not None:
        (top, bottom), (left, right) = [(0, rows), *layout.requested][-2:]
        region = Rectangle((left, top), right - left, bottom - top, **role_style("requested"))
        region.set(gid="requested", zorder=3)
        ax.add_patch(region)
    width = border_width(borders)
    _rule(ax, borders, "chunk", width)
    if layout.shard_borders is not None:
        _rule(ax, _as_plane(layout, layout.shard_borders), "shard", max(2.6 * width, 1.2))
    _label(ax, layout)


def _as_plane(layout: ChunkLayout, borders: Borders) -> Plane:
    """Borders of rows and columns; an array with one axis has one row."""
    if len(borders) == 1:
        return (0, STRIP * layout.shape[0]), borders[0]
    return borders[0], borders[1]


def _fill(ax: Axes, layout: ChunkLayout, borders: Plane, read: Plane | None) -> None:
    """Colour every chunk: by what becomes of it, or by turns where nothing is asked for."""
    if read is None:
        for turn in (0, 1):
            own = [box for cell, box in _cells(borders) if layout.turn(cell) == turn]
            _paint(ax, own, f"turn-{turn}", facecolor=BLOCK_TINTS[turn][0])
        return
    boxes = [box for _, box in _cells(borders)]
    inside = {box for _, box in _cells(read)}
    _paint(ax, [box for box in boxes if box not in inside], "untouched", **role_style("untouched"))
    _paint(ax, [box for box in boxes if box in inside], "read", **role_style("unneeded"))


def _cells(borders: Plane) -> Iterator[tuple[tuple[int, ...], Box]]:
    """Position of each cell in the grid, and its corners."""
    rows, columns = (list(pairwise(axis)) for axis in borders)
    for (i, (top, bottom)), (j, (left, right)) in product(enumerate(rows), enumerate(columns)):
        yield (i, j), ((left, top), (right, top), (right, bottom), (left, bottom))


def _paint(ax: Axes, boxes: Sequence[Box], gid: str, **style: Any) -> None:
    """Fill boxes in one style."""
    if boxes:
        style = {"linewidth": 0.0, **style}
        ax.add_collection(PolyCollection(boxes, gid=gid, zorder=1, **style), autolim=False)


def _rule(ax: Axes, borders: Plane, role: str, width: float) -> None:
    """Draw the borders of chunks or of shards."""
    rows, columns = borders
    lines = [((columns[0], row), (columns[-1], row)) for row in rows]
    lines += [((column, rows[0]), (column, rows[-1])) for column in columns]
    drawn = LineCollection(lines, colors=COLOURS[role], linewidths=width, gid=role, zorder=4)
    drawn.set(capstyle="projecting", clip_on=False, path_effects=cased(role, width))
    ax.add_collection(drawn, autolim=False)


def _label(ax: Axes, layout: ChunkLayout) -> None:
    """Name the axes, with numbers where chunks end."""
    for spine in ax.spines.values():
        spine.set_visible(False)
    *rows, columns = layout.borders
    ax.set_xticks(tick_borders(columns))
    ax.set_yticks(tick_borders(rows[0]) if rows else [])
    ax.set_xlabel(f"{layout.names[-1]} (voxels)")
    if rows:
        ax.set_ylabel(f"{layout.names[0]} (voxels)")
