"""Values compared as bars."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from data_helpers.plotting.look import COLOURS, given_or_new, role_style, styled
from data_helpers.plotting.words import number_text, unit_scale, value_text

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
    """Compare values as horizontal bars, each with its value written at its end.

    Bars start at zero and share one linear scale, so that lengths can be compared.

    Parameters
    ----------
    labels
        What each bar stands for, from top to bottom. Line breaks are kept.
    values
        Their values, 0 or more.
    unit
        Unit of the values. ``"B"`` (bytes) and ``"s"`` (seconds) are written with the prefix that
        fits, such as ``1.53 kB`` and ``20 ms``; ``"x"`` is a ratio, ``2.4 ×``; ``""`` is a count.
    quantity
        What is measured, for the axis, such as ``"stored size"``.
    roles
        Role of the bars, which decides colour and hatch, one for all or one per bar: a key of
        `COLOURS`.
    reference
        A value to compare with, drawn as a dashed line.
    reference_label
        What the reference is.
    ax
        Where to draw; a new figure if not given, higher with more bars.
    title
        Title of the figure.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If labels, values and roles differ in number, there are none, a value is negative or not
        finite, or a role is unknown.

    Examples
    --------
    >>> ax = plot_bars(["raw", "zstd"], [7_864_320, 3_100_000], unit="B", quantity="stored size")
    >>> [text.get_text() for text in ax.texts], ax.get_xlabel()
    (['7.86 MB', '3.1 MB'], 'stored size (MB)')
    """
    each = [roles] * len(labels) if isinstance(roles, str) else list(roles)
    _check(labels, values, each, reference)
    ax = given_or_new(ax, 6.0, 1.2 + 0.42 * len(labels) + 0.15 * "".join(labels).count("\n"))
    highest = max(*values, reference or 0) or 1.0
    for place, (value, role) in enumerate(zip(values, each, strict=True)):
        ax.barh(place, value, height=0.62, **role_style(role))
        ax.annotate(
            value_text(value, unit),
            (value, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
        )
    ax.set(xlim=(0, 1.22 * highest), ylim=(len(labels) - 0.45, -0.55))
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(axis="y", length=0)
    ax.spines["bottom"].set_visible(False)
    _scale(ax, highest, unit, quantity)
    if reference is not None:
        _mark(ax, reference, reference_label or value_text(reference, unit))
    if title is not None:
        ax.set_title(title)
    return ax


def _check(
    labels: Sequence[str], values: Sequence[float], roles: Sequence[str], reference: float | None
) -> None:
    """Refuse what cannot be drawn as bars from zero."""
    if not len(labels) == len(values) == len(roles) > 0:
        raise ValueError(
            f"{len(labels)} labels, {len(values)} values and {len(roles)} roles; "
            "expected as many of each, and at least one"
        )
    for what, value in [*zip(labels, values, strict=True), ("reference", reference or 0)]:
        if not 0 <= value < np.inf:
            raise ValueError(f"{what!r} has the value {value}; bars show finite values from 0")
    for role in roles:
        if role not in COLOURS:
            raise ValueError(f"role {role!r} is unknown; expected one of {', '.join(COLOURS)}")


def _scale(ax: Axes, highest: float, unit: str, quantity: str | None) -> None:
    """Write numbers on the axis in the unit with the prefix that fits the longest bar."""
    factor, written = unit_scale(highest, unit)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(lambda value, _: number_text(value / factor))
    in_unit = f"({written})" if written else ""
    ax.set_xlabel(f"{quantity or ''} {in_unit}".strip())
    ax.grid(axis="x")


def _mark(ax: Axes, reference: float, label: str) -> None:
    """Draw the value to compare with, named above the bars."""
    ax.axvline(reference, color=COLOURS["chunk"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=2.5)
    ax.annotate(
        label,
        (reference, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=10,
        color=COLOURS["chunk"],
    )
