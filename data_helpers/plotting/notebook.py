"""How figures get onto a page: drawings as SVG, images as PNG at twice the shown width."""

import sys
from functools import partial
from typing import Any

from matplotlib import get_backend
from matplotlib.figure import Figure

__all__ = ["show_sharp"]

# A drawing larger than this is better off as PNG.
LARGEST_SVG = 400_000


def show_sharp() -> None:
    """Make a notebook show drawings as SVG, and all figures as PNG for twice the shown width.

    Without a notebook, this does nothing.
    """
    shell = _shell()
    if shell is None or "inline" not in get_backend():
        return
    # Loading the backend sets the formats once; ours come after it.
    from IPython.core.pylabtools import print_figure, retina_figure
    from matplotlib_inline import backend_inline  # noqa: F401

    formatters = shell.display_formatter.formatters
    formatters["image/png"].for_type(Figure, partial(_as_png, retina_figure))
    formatters["image/svg+xml"].for_type(Figure, partial(_as_svg, print_figure))


def _shell() -> Any:
    """Find the running IPython shell, without importing IPython where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _as_png(retina_figure: Any, figure: Figure) -> tuple[str, dict[str, int]]:
    """Write a figure as PNG, with the width to show it at: half its own."""
    data, size = retina_figure(figure, base64=True, pil_kwargs={"optimize": True})
    # A fixed height would distort the image where a narrow page makes it less wide.
    return data, {"width": size["width"]}


def _as_svg(print_figure: Any, figure: Figure) -> str | None:
    """Write a figure as SVG; None for one that holds an image or is large."""
    if any(ax.images for ax in figure.axes):
        return None
    # Without the date, the same figure gives the same bytes.
    written: str = print_figure(figure, fmt="svg", metadata={"Date": None})
    return written if len(written) < LARGEST_SVG else None
