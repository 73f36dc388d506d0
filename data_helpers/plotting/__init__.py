"""The figures of the book: slices, chunks, pyramids, seams, files and bars.

One look for all: the same colour for the same role everywhere (`COLOURS`), one colour map for
intensities, one for differences, and one style sheet. Every function draws on the Axes it is given,
or on a new figure, and returns the Axes; none shows or saves anything.
"""

from data_helpers.plotting.bars import plot_bars
from data_helpers.plotting.chunks import plot_chunks
from data_helpers.plotting.files import plot_files
from data_helpers.plotting.look import (
    COLOURS,
    DIFFERENCE_CMAP,
    HATCHES,
    INTENSITY_CMAP,
    STYLE,
    use_style,
)
from data_helpers.plotting.pyramid import plot_pyramid
from data_helpers.plotting.seams import plot_seams
from data_helpers.plotting.slices import plot_slice

__all__ = [
    "COLOURS",
    "DIFFERENCE_CMAP",
    "HATCHES",
    "INTENSITY_CMAP",
    "STYLE",
    "plot_bars",
    "plot_chunks",
    "plot_files",
    "plot_pyramid",
    "plot_seams",
    "plot_slice",
    "use_style",
]
