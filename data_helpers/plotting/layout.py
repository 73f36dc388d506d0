"""What a drawing of chunks shows, worked out in integers before anything is drawn."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from data_helpers.grid import Chunks, chunk_borders, index_bounds
from data_helpers.plotting.words import axis_names

__all__ = ["Borders", "Bounds", "ChunkLayout", "lay_out", "tick_borders"]

Borders = tuple[tuple[int, ...], ...]
Bounds = tuple[tuple[int, int], ...]

# More borders than this cannot be told apart on a page, and make files of many megabytes.
MOST_CHUNKS_DRAWN = 40_000

# Numbers beside an axis need this share of its length.
ROOM_FOR_A_NUMBER = 0.08


@dataclass(frozen=True, kw_only=True)
class ChunkLayout:
    """An array cut into chunks, and what one region makes a reader read.

    Attributes
    ----------
    names
        Name of each axis.
    borders
        Borders of the chunks along each axis, from 0 to its length.
    shard_borders
        The same of the shards, or None where there are none.
    requested
        Start and stop of the region along each axis, or None where none is asked for.
    """

    names: tuple[str, ...]
    borders: Borders
    shard_borders: Borders | None
    requested: Bounds | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(borders[-1] for borders in self.borders)

    @property
    def read(self) -> Borders | None:
        """Borders of the chunks that hold a part of the region: they are read whole."""
        return None if self.requested is None else _covering(self.borders, self.requested)

    @property
    def reads_more_than_requested(self) -> bool:
        """Whether chunks that are read hold more than the region."""
        ends = tuple((borders[0], borders[-1]) for borders in self.read or ())
        return ends != (self.requested or ())

    def turn(self, cell: Sequence[int]) -> int:
        """Alternate between 0 and 1 from chunk to chunk, or from shard to shard."""
        units = self.shard_borders or self.borders
        place = cell[-len(units) :]  # an array with one axis is drawn as one row
        starts = (axis[step] for axis, step in zip(self.borders, place, strict=True))
        return sum(bisect_right(unit, start) for unit, start in zip(units, starts, strict=True)) % 2

    def title(self) -> str:
        """Say how many chunks there are, and how many of them are read."""
        what = _of(self.borders, self.read, "chunk")
        read = "" if self.requested is None else " must be read"
        if self.shard_borders is None:
            return f"{what}{read}"
        touched = self.requested and _covering(self.shard_borders, self.requested)
        return f"{what}{read}, in {_of(self.shard_borders, touched or None, 'shard')}"


def lay_out(
    shape: Sequence[int],
    chunks: Chunks,
    region: Sequence[slice | int] | None,
    shards: Chunks | None,
    axes: Sequence[str] | None,
) -> ChunkLayout:
    """Check what is to be drawn, and find its borders."""
    if not 1 <= len(shape) <= 3:
        raise ValueError(
            f"shape {tuple(shape)} has {len(shape)} axes, expected 1 to 3: draw the last three "
            "with shape[-3:] and chunks[-3:]"
        )
    borders = chunk_borders(shape, chunks)
    if 0 in shape:
        raise ValueError(f"shape {tuple(shape)} holds no element, so there is nothing to draw")
    _check_can_be_drawn(borders)
    shard_borders = None if shards is None else chunk_borders(shape, shards)
    _check_nested(borders, shard_borders)
    return ChunkLayout(
        names=axis_names(axes, len(shape)),
        borders=borders,
        shard_borders=shard_borders,
        requested=None if region is None else _bounds(region, shape),
    )


def tick_borders(borders: Sequence[int]) -> list[int]:
    """Find the borders worth a number: both ends, and between them those with room for one.

    Examples
    --------
    >>> tick_borders((0, 100, 200, 300, 400, 403))
    [0, 100, 200, 300, 403]
    """
    *inner, end = borders
    kept: list[int] = []
    for border in inner:
        if border in (0, end) or min(border - kept[-1], end - border) >= ROOM_FOR_A_NUMBER * end:
            kept.append(border)
    return [*kept, end]


def _bounds(region: Sequence[slice | int], shape: Sequence[int]) -> Bounds:
    """Start and stop along each axis; an integer selects one position, from the end if negative."""
    lengths = [*shape, *[0] * len(region)]  # index_bounds reports what is too many
    slices = tuple(
        part if isinstance(part, slice) else _one(part, length)
        for part, length in zip(region, lengths, strict=False)
    )
    return index_bounds(slices, shape)


def _one(position: int, length: int) -> slice:
    """Find the slice of one position, as Python counts."""
    start = position + length if position < 0 else position
    return slice(start, start + 1)


def _covering(borders: Borders, bounds: Bounds) -> Borders:
    """Borders of all chunks that hold a part of a region."""
    return tuple(
        axis[bisect_right(axis, start) - 1 : bisect_left(axis, stop) + 1]
        for axis, (start, stop) in zip(borders, bounds, strict=True)
    )


def _of(borders: Borders, part: Borders | None, word: str) -> str:
    """Count cells, and those of a part: "3 of 8 chunks"."""
    count = _cells(borders)
    start = "" if part is None else f"{_cells(part):,} of "
    return f"{start}{count:,} {word}{'' if count == 1 else 's'}".replace(",", "\N{THIN SPACE}")


def _cells(borders: Borders) -> int:
    return prod(len(axis) - 1 for axis in borders)


def _check_can_be_drawn(borders: Borders) -> None:
    """Refuse so many chunks on one face that their borders would be one dark area."""
    counts = sorted(len(axis) - 1 for axis in borders)
    if prod(counts[-2:]) > MOST_CHUNKS_DRAWN:
        raise ValueError(
            f"{prod(counts[-2:])} chunks on one side cannot be told apart in a drawing, expected "
            f"at most {MOST_CHUNKS_DRAWN}: draw a part of the array, or larger chunks"
        )


def _check_nested(borders: Borders, shard_borders: Borders | None) -> None:
    """Refuse shards whose borders cut chunks."""
    for axis, (chunk, shard) in enumerate(zip(borders, shard_borders or borders, strict=True)):
        cut = sorted(set(shard) - set(chunk))
        if cut:
            raise ValueError(
                f"a shard ends at {cut[0]} on axis {axis}, inside a chunk (borders "
                f"{chunk[:6]}...); expected shards that hold whole chunks"
            )
