"""Small drawings for verdicts, as SVG text that needs no drawing library to show."""

import base64
import html
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["COLOURS", "cell_map"]

COLOURS: Mapping[str, str] = {
    "requested": "#0072B2",
    "unneeded": "#E69F00",
    "untouched": "#EEF1F4",
    "chunk": "#5A5A5A",
    "wrong": "#D55E00",
    "right": "#009E73",
}
"""The roles of `data_helpers.plotting.COLOURS` that verdicts use. Importing them from there would
load Matplotlib into every notebook that checks an answer; a test keeps the two equal."""

_SIDE = 240  # width of a map on the page, in pixels
_KEY = 20  # height of one line of the key


def cell_map(
    roles: npt.NDArray[Any],
    words: Mapping[str, str],
    borders: Sequence[Sequence[int]],
    *,
    title: str,
) -> str:
    """Draw a plane of elements, each in the colour of its role, with chunk borders over it.

    Parameters
    ----------
    roles
        2-D array of names of roles, such as ``"right"`` and ``"wrong"``.
    words
        What each role means here; the key shows those that occur.
    borders
        Where chunks begin and end along both axes, in elements.
    title
        What the drawing shows, for those who do not see it.

    Returns
    -------
    str
        An SVG element on a white card.

    Examples
    --------
    >>> svg = cell_map(np.array([["right", "wrong"]]), {"wrong": "missing"}, ((0, 1), (0, 2)),
    ...                title="the second element is missing")
    >>> svg.count("<line"), "missing" in svg
    (4, True)
    """
    rows, columns = roles.shape
    scale = max(1, _SIDE // max(rows, columns))
    height, width = rows * scale, columns * scale
    shown = [role for role in words if (roles == role).any()]
    key = "".join(
        f"<rect x='8' y='{height + 16 + _KEY * at}' width='12' height='12' "
        f"fill='{COLOURS[role]}'/><text x='26' y='{height + 26 + _KEY * at}' fill='#222' "
        f"font-family='sans-serif' font-size='12'>{html.escape(words[role])}</text>"
        for at, role in enumerate(shown)
    )
    box = (max(width + 16, 330), height + 18 + _KEY * len(shown))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{box[0]}' height='{box[1]}' "
        f"viewBox='0 0 {box[0]} {box[1]}' role='img' style='max-width:100%;height:auto' "
        f"aria-label='{html.escape(title)}'><title>{html.escape(title)}</title>"
        f"<rect width='100%' height='100%' fill='#fff'/>"
        f"<image x='8' y='8' width='{width}' height='{height}' preserveAspectRatio='none' "
        f"style='image-rendering:pixelated' href='{_png(roles)}'/>"
        f"{_grid_lines(borders, scale, height, width)}{key}</svg>"
    )


def _grid_lines(borders: Sequence[Sequence[int]], scale: int, height: int, width: int) -> str:
    """Lines along the chunk borders."""
    down = [(8, 8 + at * scale, 8 + width, 8 + at * scale) for at in borders[0]]
    across = [(8 + at * scale, 8, 8 + at * scale, 8 + height) for at in borders[1]]
    return "".join(
        f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='{COLOURS['chunk']}'/>"
        for x1, y1, x2, y2 in down + across
    )


def _png(roles: npt.NDArray[Any]) -> str:
    """Encode a plane of roles as the address of a PNG with one pixel per element."""
    names = list(COLOURS)
    pixels = np.zeros(roles.shape, "uint8")
    for number, name in enumerate(names):
        pixels[roles == name] = number
    rows, columns = roles.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)  # each line: no filter, then pixels
    palette = bytes.fromhex("".join(COLOURS[name][1:] for name in names))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)  # 8 bits, palette
    parts = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()
