"""Draw the files of a store with their sizes."""

from os import PathLike

from matplotlib.axes import Axes

from data_helpers.plotting.look import given_or_new, styled

__all__ = ["plot_files"]


@styled
def plot_files(
    path: str | PathLike[str],
    *,
    max_entries: int = 14,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the files of a store with their sizes."""
    ax = given_or_new(ax)
    ax.set_title(title or "")
    return ax
