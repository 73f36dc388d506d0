"""Draw the levels of a pyramid to scale."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from data_helpers.plotting.look import given_or_new, styled

__all__ = ["plot_pyramid"]


@styled
def plot_pyramid(
    shapes: Sequence[Sequence[int]],
    *,
    chunks: Any = None,
    voxel_sizes: Sequence[Sequence[float]] | None = None,
    unit: str | None = None,
    axes: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the levels of a pyramid to scale."""
    ax = given_or_new(ax)
    ax.set_title(title or "")
    return ax
