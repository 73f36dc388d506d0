"""Chunks of an array, and which of them a region makes you read."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from data_helpers.grid import Chunks
from data_helpers.plotting.flat import draw_flat, flat_height
from data_helpers.plotting.layout import ChunkLayout, lay_out
from data_helpers.plotting.look import COLOURS, given_or_new, role_style, styled
from data_helpers.plotting.volume import draw_volume

__all__ = ["plot_chunks"]


@styled
def plot_chunks(
    shape: Sequence[int],
    chunks: Chunks,
    *,
    region: Sequence[slice | int] | None = None,
    shards: Chunks | None = None,
    axes: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the chunks of an array, and those that a region makes you read.

    A chunk is the least that can be read, so a region costs every chunk it touches, whole. All is
    drawn at true size, chunks cut short by the edge of the array too. A volume is drawn
    isometrically: without a region as a solid block, with one as a glass box that shows what is
    read inside.

    Parameters
    ----------
    shape
        Shape of the array: 1 to 3 axes.
    chunks
        One size per axis, or all sizes along an axis, as Dask gives them.
    region
        What is asked for: per axis a slice without step, or one position.
    shards
        Size of the shards (files that hold several chunks), as `chunks`.
    axes
        Name of each axis, in the order of `shape`, such as ``"xyz"``. Without it the last of
        z, y, x.
    ax
        Where to draw; a new figure if not given.
    title
        Without it, the title counts chunks (and shards) and those that are read.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If `shape` has none, more than 3 or empty axes, dimensions differ, a chunk size is below
        one, the region is empty or leaves the array, a shard would cut a chunk, or there are too
        many chunks to be told apart.

    Examples
    --------
    >>> region = (slice(3, 5), slice(5, 7))
    >>> plot_chunks((10, 10), (4, 4), region=region).get_title(loc="left")
    '2 of 9 chunks must be read'
    """
    layout = lay_out(shape, chunks, region, shards, axes)
    if len(layout.shape) == 3:
        ax = given_or_new(ax, 6.0, 5.0)
        draw_volume(ax, layout)
    else:
        ax = given_or_new(ax, 6.0, flat_height(layout.shape))
        draw_flat(ax, layout)
    ax.set_title(layout.title() if title is None else title)
    if layout.requested is not None or layout.shard_borders is not None:
        _add_legend(ax, layout)
    return ax


def _add_legend(ax: Axes, layout: ChunkLayout) -> None:
    """Explain the roles that occur, below the drawing."""
    keys: list[Patch | Line2D] = []
    if layout.requested is not None:
        keys.append(Patch(label="requested", **role_style("requested")))
        if layout.reads_more_than_requested:
            keys.append(Patch(label="read, but not needed", **role_style("unneeded")))
        if layout.read != layout.borders:
            keys.append(Patch(label="not read", **{**role_style("untouched"), "linewidth": 0.6}))
    keys.append(Line2D([], [], color=COLOURS["chunk"], lw=0.9, label="border of a chunk"))
    if layout.shard_borders is not None:
        keys.append(Line2D([], [], color=COLOURS["shard"], lw=2.6, label="border of a shard"))
    points = 4 if len(layout.shape) == 3 else 44  # room for numbers and names of the axes
    below = ScaledTranslation(0, -points / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        handles=keys,
        loc="upper left",
        ncols=2,
        borderaxespad=0,
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + below,
    )
