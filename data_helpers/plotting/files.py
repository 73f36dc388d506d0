"""The files of a store, with their sizes."""

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from data_helpers.plotting.look import given_or_new, styled
from data_helpers.plotting.words import number_text, value_text

__all__ = ["plot_files"]


# Inches: an indent per depth, a letter of a name, and the room for sizes behind the longest bar.
INDENT, LETTER, SIZES = 0.22, 0.095, 1.65
LONGEST_NAME = 24
INK, MUTED = "#1F2933", "#52606D"
BAR_STYLES: dict[str, dict[str, Any]] = {
    "folder": {"facecolor": "#B0C4D8"},
    "file": {"facecolor": "#486581"},
    "hidden": {"facecolor": "white", "edgecolor": "#829AB1", "hatch": "////", "linewidth": 0.6},
}


@dataclass(frozen=True)
class Entry:
    """A file, or a folder with all that is in it.

    Attributes
    ----------
    name
        Its name, without the folders it lies in.
    size
        Bytes of the file, or of all files inside.
    files
        Number of files: 1, or those inside.
    children
        What lies directly inside a folder; None for a file.
    """

    name: str
    size: int
    files: int
    children: "tuple[Entry, ...] | None" = None


@dataclass(frozen=True)
class Row:
    """A line of the drawing: an entry, or those left out, at a depth in the tree."""

    text: str
    written: str
    size: int
    depth: int
    kind: str


@styled
def plot_files(
    path: str | PathLike[str],
    *,
    max_entries: int = 14,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the files of a store as a tree, each with a bar for its size.

    Bars share one scale, on which the whole store is the longest. A folder that holds too much to
    show ends with a line that says how much is left out; of several equal folders the first is
    unfolded.

    Parameters
    ----------
    path
        A folder, such as a Zarr store, or one file.
    max_entries
        Most lines below the first one, at least 2.
    ax
        Where to draw; a new figure if not given, higher with more lines.
    title
        Without it, the title gives the size and the number of files of the whole.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If `max_entries` is below 2.

    Notes
    -----
    Sizes are those of the contents, in decimal units; a disk rounds each file up to whole blocks.
    Links are counted as the small files they are.
    """
    if max_entries < 2:
        raise ValueError(f"max_entries is {max_entries}; expected 2 or more")
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file or folder {path}; write the store first")
    root = _measure(Path(path).resolve())
    rows = [_row(root, 0), *_unfold(root.children or (), 1, max_entries)]
    ax = given_or_new(ax, 6.0, 0.55 + 0.27 * len(rows))
    ax.set(xlim=(0, 6.0), ylim=(len(rows) - 0.45, -0.55))
    ax.set_axis_off()
    bars_from = 0.3 + max(INDENT * row.depth + LETTER * len(row.text) for row in rows)
    scale = (6.0 - bars_from - SIZES) / (root.size or 1)
    for line, row in enumerate(rows):
        _draw(ax, line, row, bars_from, scale)
    _join(ax, rows)
    ax.set_title(_summary(root) if title is None else title)
    return ax


def _measure(path: Path) -> Entry:
    """Find the size of a file, or of all that lies in a folder."""
    if path.is_symlink() or not path.is_dir():
        return Entry(path.name, path.lstat().st_size, 1)
    found = sorted((_measure(child) for child in path.iterdir()), key=_reading_order)
    size, files = sum(entry.size for entry in found), sum(entry.files for entry in found)
    return Entry(path.name, size, files, tuple(found))


def _reading_order(entry: Entry) -> tuple[bool, list[tuple[int, str]]]:
    """Sort metadata first, and numbers in names by value: 2 before 10."""
    metadata = entry.children is None and bool(re.search(r"^\.|\.(json|xml)$", entry.name))
    parts = re.findall(r"\d+|\D+", entry.name)
    return not metadata, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _unfold(entries: tuple[Entry, ...], depth: int, room: int) -> list[Row]:
    """List entries in at most `room` lines, and in what is left over, what lies inside them."""
    # Where there are folders, half of the lines are kept to unfold one of them.
    most = max(2, (room + 1) // 2) if any(entry.children for entry in entries) else room
    shown = entries if len(entries) <= most else entries[: most - 1]
    hidden = entries[len(shown) :]
    room -= len(shown) + bool(hidden)
    rows = []
    for entry in shown:
        rows.append(_row(entry, depth))
        if entry.children and room >= min(2, len(entry.children)):
            inside = _unfold(entry.children, depth + 1, room)
            room -= len(inside)
            rows += inside
    if hidden:
        size = sum(entry.size for entry in hidden)
        text = f"\N{HORIZONTAL ELLIPSIS} and {number_text(len(hidden))} more"
        rows.append(Row(text, f"{value_text(size, 'B')} in total", size, depth, "hidden"))
    return rows


def _row(entry: Entry, depth: int) -> Row:
    """Describe an entry in a line."""
    size = value_text(entry.size, "B")
    if entry.children is None:
        return Row(_short(entry.name, depth), size, entry.size, depth, "file")
    return Row(
        f"{_short(entry.name, depth)}/", f"{size}, {_files(entry)}", entry.size, depth, "folder"
    )


def _short(name: str, depth: int) -> str:
    """Cut the middle out of a name that has no room left of the bars."""
    most = LONGEST_NAME - 2 * depth
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}\N{HORIZONTAL ELLIPSIS}{name[-(most - most // 2 - 1) :]}"


def _files(entry: Entry) -> str:
    return f"{number_text(entry.files)} file{'' if entry.files == 1 else 's'}"


def _summary(root: Entry) -> str:
    """Say what the whole holds."""
    size = value_text(root.size, "B")
    return size if root.children is None else f"{size} in {_files(root)}"


def _draw(ax: Axes, line: int, row: Row, bars_from: float, scale: float) -> None:
    """Draw a line of the tree: name, bar and size."""
    muted = row.kind == "hidden"
    ax.text(INDENT * row.depth, line, row.text, va="center", color=MUTED if muted else INK)
    length = scale * row.size
    ax.barh(line, length, left=bars_from, height=0.6, gid=row.kind, **BAR_STYLES[row.kind])
    ax.text(bars_from + length + 0.07, line, row.written, va="center", fontsize=10, color=MUTED)


def _join(ax: Axes, rows: list[Row]) -> None:
    """Draw the lines of the tree, from each folder down to what lies in it."""
    folder_at: dict[int, int] = {}
    for line, row in enumerate(rows):
        folder_at[row.depth] = line
        if row.depth:
            left, top = INDENT * (row.depth - 1) + 0.07, folder_at[row.depth - 1] + 0.4
            tree = Line2D([left, left, left + 0.12], [top, line, line], color="#CBD2D9", lw=0.9)
            ax.add_line(tree)
