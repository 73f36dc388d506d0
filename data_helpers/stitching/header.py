"""The header of a plain TIFF, read in one go; every other TIFF is left to tifffile."""

from collections.abc import Callable
from io import FileIO
from math import prod
from struct import calcsize, unpack, unpack_from
from typing import Any, NamedTuple

import numpy as np

__all__ = ["PlainHeader", "plain_header"]

# Numbers of tags and of their types, from TIFF 6.0 (Adobe, 1992), sections 2 to 8.
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_DESCRIPTION, _OFFSETS, _SAMPLES, _ROWS, _COUNTS, _FORMAT = 270, 273, 277, 278, 279, 339
_READ = {
    *(_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC),
    *(_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _FORMAT),
}
# Do not change what the pixels are: subfile type, orientation, resolution, planes of one sample,
# software, date. A file with any tag that is not listed is not plain.
_IGNORED = {254, 274, 282, 283, 284, 296, 305, 306}
_NUMBERS = {3: "H", 4: "I"}
_TEXT = 2
_KINDS = {1: "u", 2: "i", 3: "f"}

_HEAD = 1024  # bytes; tifffile and many cameras put the directory here, before the pixels
_MOST_STRIPS = 4096


class PlainHeader(NamedTuple):
    """What the header of a plain TIFF says: one grey plane, uncompressed, in one piece."""

    shape: tuple[int, int]
    stored_dtype: np.dtype[Any]
    offset: int


def plain_header(file: FileIO, size: int) -> PlainHeader | None:
    """Read the header of a file if it is a plain TIFF.

    Plain is: classic TIFF with one page, one sample per pixel, black is zero, uncompressed, strips
    one after the other, and no description that could give the pixels another shape. tifffile
    needs ten times as long, since it knows all the others.

    Parameters
    ----------
    file
        The file, at its beginning.
    size
        Its size in bytes.

    Returns
    -------
    PlainHeader or None
        None if anything is unusual, or the file ends too early: then a parser of all TIFFs has to
        say what it is.
    """
    head = file.read(_HEAD)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return None

    def part(start: int, length: int) -> bytes:
        if start + length <= len(head):
            return head[start : start + length]
        file.seek(start)
        return file.read(length)

    tags = _directory(part, order)
    if tags is None:
        return None
    shape, dtype = _plane(tags, order)
    if shape is None or dtype is None or not _says_nothing_else(tags.get(_DESCRIPTION), shape):
        return None
    offset = _one_piece(tags, shape[0], prod(shape) * dtype.itemsize, size)
    return None if offset is None else PlainHeader(shape, dtype, offset)


Tags = dict[int, tuple[int, ...] | bytes]


def _directory(part: Callable[[int, int], bytes], order: str) -> Tags | None:
    """Read the tags of the only page: None if there are others, or tags that are not plain."""
    (start,) = unpack(order + "I", part(4, 4))
    count_bytes = part(start, 2)
    if start < 8 or len(count_bytes) < 2:
        return None
    (count,) = unpack(order + "H", count_bytes)
    entries = part(start + 2, 12 * count + 4)
    if len(entries) < 12 * count + 4 or unpack_from(order + "I", entries, 12 * count) != (0,):
        return None
    tags: Tags = {}
    for at in range(0, 12 * count, 12):
        code, kind, length, inside = unpack_from(order + "HHI4s", entries, at)
        if code in _IGNORED:
            continue
        kinds = {_TEXT: "s"} if code == _DESCRIPTION else _NUMBERS if code in _READ else {}
        letter = kinds.get(kind)
        if letter is None or code in tags or not 0 < length <= _MOST_STRIPS:
            return None
        layout = f"{order}{length}{letter}"
        needed = calcsize(layout)
        held = inside[:needed] if needed <= 4 else part(unpack(order + "I", inside)[0], needed)
        if len(held) < needed:
            return None
        tags[code] = held if letter == "s" else unpack(layout, held)
    return tags


def _plane(tags: Tags, order: str) -> tuple[tuple[int, int] | None, np.dtype[Any] | None]:
    """Give shape and dtype of one grey plane; None for what is none."""

    def number(code: int, default: int | None = None) -> Any:
        values = tags.get(code, (default,))
        return values[0] if len(values) == 1 else None

    grey = (number(_COMPRESSION, 1), number(_PHOTOMETRIC), number(_SAMPLES, 1)) == (1, 1, 1)
    width, length, bits = number(_WIDTH), number(_LENGTH), number(_BITS)
    kind = _KINDS.get(number(_FORMAT, 1))
    if not grey or not width or not length or kind is None or bits not in (8, 16, 32, 64):
        return None, None
    if (kind, bits) == ("f", 8):
        return None, None
    return (length, width), np.dtype(f"{order}{kind}{bits // 8}")


def _says_nothing_else(description: Any, shape: tuple[int, int]) -> bool:
    """Whether a description is absent, or is the one that tifffile writes for such a plane."""
    if description is None:
        return True
    text = f'{{"shape": [{shape[0]}, {shape[1]}]}}'
    return bytes(description).rstrip(b"\0") == text.encode()


def _one_piece(tags: Tags, rows: int, wanted: int, size: int) -> int | None:
    """Where the pixels begin, if the strips follow one another and all of them are there."""
    offsets, counts = tags.get(_OFFSETS, ()), tags.get(_COUNTS, ())
    (in_strip,) = tags.get(_ROWS, (rows,))[:1]
    if in_strip == 0 or not len(offsets) == len(counts) == -(-rows // in_strip):
        return None
    end = offsets[0]
    for start, count in zip(offsets, counts, strict=True):
        if start != end:
            return None
        end = start + count
    return offsets[0] if end - offsets[0] == wanted and end <= size else None
