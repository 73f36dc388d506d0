"""One slice of a volume, and nothing more than that slice read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from data_helpers.plotting.look import INTENSITY_CMAP, given_or_new, styled
from data_helpers.plotting.words import unit_text

__all__ = ["plot_slice"]


@styled
def plot_slice(
    array: Any,
    *,
    z_idx: int,
    z_axis: int | str | None = None,
    axes: Sequence[str] | None = None,
    ax: Axes | None = None,
    cmap: str = INTENSITY_CMAP,
    vmin: float | None = None,
    vmax: float | None = None,
    voxel_size: float | Sequence[float] | None = None,
    unit: str | None = None,
    title: str | None = None,
    colorbar: bool = True,
) -> Axes:
    """Show one slice of a volume."""
    ax = given_or_new(ax)
    axis = 0 if not isinstance(z_axis, int) else z_axis
    plane = np.asarray(array[(slice(None),) * axis + (z_idx,)])
    shown = ax.imshow(plane, cmap=cmap, vmin=vmin, vmax=vmax)
    if colorbar:
        ax.figure.colorbar(shown, ax=ax)
    ax.set_title(title or f"z = {z_idx} {unit_text(unit or '')}")
    return ax
