"""The visual language: a colour and a hatch for each role, two colour maps, one style sheet."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.patheffects import AbstractPathEffect, withStroke

from data_helpers.plotting.notebook import show_sharp

__all__ = ["COLOURS", "DIFFERENCE_CMAP", "HATCHES", "INTENSITY_CMAP", "STYLE", "use_style"]

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "requested": "#0072B2",  # what was asked for
        "unneeded": "#E69F00",  # read, because it shares a chunk with what was asked for
        "untouched": "#EEF1F4",  # not read
        "chunk": "#5A5A5A",  # border of a chunk
        "shard": "#7B3294",  # border of a shard
        "halo": "#56B4E9",  # read around a chunk by a filter
        "wrong": "#D55E00",
        "right": "#009E73",
    }
)
"""The colour of each role, as hexadecimal RGB; chosen to differ for colour-blind readers too."""

HATCHES: Mapping[str, str] = MappingProxyType(
    {"requested": "", "unneeded": "///", "untouched": "", "halo": "...", "wrong": "xx", "right": ""}
)
"""The hatch of each role, so that roles also differ where there is no colour."""

HATCH_COLOURS = {"unneeded": "#FFF3D6", "wrong": "white", "halo": "white"}

# Blocks that play no role: two tints by turns, each for the front, the side and the top of a block.
BLOCK_TINTS = (("#D6E0EA", "#B6C5D5", "#EAF0F6"), ("#B0C4D8", "#92A9C0", "#CAD9E7"))

INTENSITY_CMAP = "magma"
"""Colour map for intensities: from black over red to light yellow, evenly in lightness."""

DIFFERENCE_CMAP = "RdBu_r"
"""Colour map for differences: blue below zero, white at zero, red above."""

STYLE = Path(__file__).parent.parent / "chunk_by_chunk.mplstyle"
"""The Matplotlib style sheet of the book."""

P = ParamSpec("P")
R = TypeVar("R")


def use_style() -> None:
    """Give all later figures the look of the book.

    The functions of this module wear it already; this is for figures drawn by hand beside them. In
    a notebook, drawings are from then on shown as SVG and images as PNG at twice their width.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with mpl.rc_context():
    ...     use_style()
    ...     mpl.rcParams["figure.facecolor"], mpl.rcParams["font.sans-serif"]
    ('white', ['DejaVu Sans'])
    """
    plt.style.use(STYLE)
    show_sharp()


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the look of the book, whatever the settings of the caller, which stay as they are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with plt.style.context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def role_style(role: str) -> dict[str, Any]:
    """Fill and hatch of a role, for a patch or a collection of patches without border."""
    return {
        "facecolor": COLOURS[role],
        "edgecolor": HATCH_COLOURS.get(role, COLOURS["chunk"]),
        "hatch": HATCHES[role] or None,
        "linewidth": 0.0,
    }


def border_width(borders: Sequence[Sequence[float]], inches: float = 5.0) -> float:
    """Width in points of the borders of cells: thin enough to leave the cells visible."""
    extent = sum(along[-1] - along[0] for along in borders)
    cells = [(along[-1] - along[0]) / (len(along) - 1) for along in borders if len(along) > 2]
    return min(0.9, 0.2 * 72 * inches * min(cells, default=extent) / extent)


def cased(role: str, width: float) -> list[AbstractPathEffect]:
    """Put a white edge on borders of shards, which stand out from every fill by it."""
    return [withStroke(linewidth=width + 1.6, foreground="white")] if role == "shard" else []


def given_or_new(ax: Axes | None, width: float = 6.0, height: float = 4.0) -> Axes:
    """Find the Axes to draw on: those given, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=(width, height), layout="constrained")
    return new


def image_figure(height: float, width: float) -> tuple[float, float]:
    """Size in inches of a figure for an image of this height and width, with its scale beside."""
    return 6.0, min(max(4.3 * height / width, 0.9), 6.0) + 0.9


def add_colorbar(
    ax: Axes, shown: ScalarMappable, label: str, extend: Literal["neither", "both"] = "neither"
) -> Colorbar:
    """Put a slim scale of values beside an image."""
    figure = ax.get_figure()
    assert figure is not None
    scale = figure.colorbar(shown, ax=ax, shrink=0.9, aspect=24, pad=0.03, extend=extend)
    scale.set_label(label)
    scale.outline.set_visible(False)
    return scale
