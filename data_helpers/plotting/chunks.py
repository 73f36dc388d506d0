"""Draw the chunks of an array, and those a region makes you read."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from data_helpers.grid import Chunks
from data_helpers.plotting.look import given_or_new, styled

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
    """Draw the chunks of an array, and those a region makes you read."""
    ax = given_or_new(ax)
    ax.set_title(title or "")
    return ax
