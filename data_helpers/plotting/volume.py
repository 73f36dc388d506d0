"""Chunks of a volume, drawn isometrically."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.transforms import Transform

from data_helpers.plotting.isometric import BACK, FRONT, Point, face_cells, project
from data_helpers.plotting.layout import Borders, ChunkLayout
from data_helpers.plotting.look import BLOCK_TINTS, COLOURS, border_width, cased, role_style

__all__ = ["draw_block", "draw_volume", "drawing_order"]

# Light falls from above: the side is darker, the top lighter.
SHADES = {0: 0.0, 2: -0.14, 1: 0.22}
SHADOW = "#DDE3E9"


def draw_volume(ax: Axes, layout: ChunkLayout) -> None:
    """Draw a solid block of chunks, or a glass box with the chunks that are read inside."""
    order = drawing_order(layout.names)
    ax.set_axis_off()
    ax.set_aspect("equal")
    if layout.requested is None:
        draw_block(ax, layout, order)
    else:
        _draw_glass(ax, layout, order)
    _label(ax, layout, order)
    ax.autoscale_view()
    ax.margins(0.02)


def drawing_order(names: Sequence[str]) -> tuple[int, ...]:
    """Which axis of the array is drawn as z, y and x: those named so, else in this order."""
    if sorted(names) == ["x", "y", "z"]:
        return tuple(names.index(name) for name in "zyx")
    return (0, 1, 2)


def draw_block(
    ax: Axes,
    layout: ChunkLayout,
    order: Sequence[int],
    place: Transform | None = None,
    inches: float = 5.0,
) -> None:
    """Draw a solid block, chunks (or shards) in two tints by turns."""
    borders = _pick(layout.borders, order)
    width = border_width(borders, inches)
    place = place or ax.transData
    for side, (axis, end) in enumerate(FRONT):
        for turn in (0, 1):
            corners = [
                points
                for cell, points in face_cells(borders, axis, end)
                if layout.turn([cell[order.index(own)] for own in range(3)]) == turn
            ]
            tint = BLOCK_TINTS[turn][side]
            _paint(ax, corners, f"turn-{turn}", facecolor=tint, transform=place)
    _rule(ax, borders, FRONT, "chunk", width, 4, transform=place)
    ends = tuple((along[0], along[-1]) for along in borders)
    _rule(ax, ends, FRONT, "chunk", 0.9, 4, transform=place)
    if layout.shard_borders is not None:
        shards = _pick(layout.shard_borders, order)
        _rule(ax, shards, FRONT, "shard", max(2.6 * width, 1.2), 5, transform=place)


def _draw_glass(ax: Axes, layout: ChunkLayout, order: Sequence[int]) -> None:
    """Draw the walls behind, what is read, what was asked for, and the glass in front."""
    assert layout.read is not None
    assert layout.requested is not None
    borders, read = _pick(layout.borders, order), _pick(layout.read, order)
    requested = tuple(layout.requested[own] for own in order)
    width = border_width(borders)
    _cover(ax, borders, BACK, "untouched", 0)
    _rule(ax, borders, BACK, "chunk", 0.6 * width, 1, alpha=0.55)
    if layout.shard_borders is not None:
        _rule(ax, _pick(layout.shard_borders, order), BACK, "shard", max(2.2 * width, 1.0), 2)
    _cast_shadow(ax, read, borders)
    _cover(ax, read, FRONT, "unneeded", 3)
    _rule(ax, read, FRONT, "chunk", width, 4)
    _cover(ax, requested, FRONT, "requested", 5)
    _rule(ax, read, FRONT, "chunk", width, 6, alpha=0.3)
    edges = tuple((along[0], along[-1]) for along in borders)
    _rule(ax, edges, FRONT, "chunk", 0.9, 7, alpha=0.6)


def _cover(
    ax: Axes, borders: Borders, faces: Sequence[tuple[int, int]], role: str, zorder: float
) -> None:
    """Fill the faces of a box with the colour of a role, shaded by the light."""
    for axis, end in faces:
        style = role_style(role)
        style["facecolor"] = _shaded(style["facecolor"], SHADES[axis] if faces is FRONT else 0.0)
        if role == "requested":  # a line or a plane of voxels stays visible
            style |= {"edgecolor": style["facecolor"], "linewidth": 1.4, "joinstyle": "round"}
        corners = [points for _, points in face_cells(borders, axis, end)]
        _paint(ax, corners, role, zorder=zorder, **style)


def _cast_shadow(ax: Axes, read: Borders, borders: Borders) -> None:
    """Tint the walls straight behind what is read, to show how deep inside it lies."""
    for axis, end in BACK:
        walls = [(along[0], along[-1]) for along in read]
        walls[axis] = (borders[axis][0], borders[axis][-1])
        corners = [points for _, points in face_cells(walls, axis, end)]
        _paint(ax, corners, "shadow", facecolor=SHADOW, zorder=0.5)


def _shaded(colour: str, amount: float) -> tuple[float, float, float]:
    """Mix a colour with white (amount above 0) or black (below)."""
    towards = 1.0 if amount > 0 else 0.0
    red, green, blue = (part + (towards - part) * abs(amount) for part in to_rgba(colour)[:3])
    return red, green, blue


def _pick(borders: Borders, order: Sequence[int]) -> Borders:
    """Borders along z, y and x as drawn."""
    return tuple(borders[own] for own in order)


def _paint(ax: Axes, corners: Sequence[Sequence[Point]], gid: str, **style: Any) -> None:
    """Fill polygons in one style."""
    if corners:
        ax.add_collection(PolyCollection(corners, gid=gid, **{"linewidth": 0.0, **style}))


def _rule(
    ax: Axes,
    borders: Borders,
    faces: Sequence[tuple[int, int]],
    role: str,
    width: float,
    zorder: float,
    **style: Any,
) -> None:
    """Draw the borders of cells on faces of a box."""
    lines: set[tuple[Point, ...]] = set()
    for axis, end in faces:
        for across in (other for other in range(3) if other != axis):
            along = 3 - axis - across
            for at in borders[across]:
                place = [0.0, 0.0, 0.0]
                place[axis], place[across] = borders[axis][end], at
                tips = []
                for tip in (borders[along][0], borders[along][-1]):
                    place[along] = tip
                    tips.append(project(*place))
                lines.add(tuple(tips))
    drawn = LineCollection(
        sorted(lines), colors=COLOURS[role], linewidths=width, gid=role, zorder=zorder, **style
    )
    drawn.set(capstyle="round", path_effects=cased(role, width))
    ax.add_collection(drawn)


def _label(ax: Axes, layout: ChunkLayout, order: Sequence[int]) -> None:
    """Write name and length beside the three edges that are free."""
    z, y, x = (layout.shape[own] for own in order)
    middles = [(z / 2, y, x), (0, y / 2, 0), (0, y, x / 2)]
    sides = [("left", "top", (5, -3)), ("right", "center", (-7, 0)), ("right", "top", (-5, -3))]
    for own, middle, (ha, va, offset) in zip(order, middles, sides, strict=True):
        ax.annotate(
            f"{layout.names[own]}: {layout.shape[own]} voxels",
            project(*middle),
            xytext=offset,
            textcoords="offset points",
            ha=ha,
            va=va,
            annotation_clip=False,
        )
