"""The visual language: a colour and a hatch for each role, two colour maps, one style sheet."""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

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

    The functions of this module wear it already; this is for figures drawn by hand beside them.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with mpl.rc_context():
    ...     use_style()
    ...     mpl.rcParams["figure.facecolor"], mpl.rcParams["font.sans-serif"]
    ('white', ['DejaVu Sans'])
    """
    plt.style.use(STYLE)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the look of the book, whatever the settings of the caller, which stay as they are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with plt.style.context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def given_or_new(ax: Axes | None, width: float = 6.0, height: float = 4.0) -> Axes:
    """Find the Axes to draw on: those given, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=(width, height), layout="constrained")
    return new
