"""Compare values as horizontal bars with the values written beside them."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from data_helpers.plotting.look import given_or_new, styled

__all__ = ["plot_bars"]


@styled
def plot_bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    unit: str,
    quantity: str | None = None,
    roles: str | Sequence[str] = "requested",
    reference: float | None = None,
    reference_label: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Compare values as horizontal bars with the values written beside them."""
    ax = given_or_new(ax)
    ax.set_title(title or "")
    return ax
