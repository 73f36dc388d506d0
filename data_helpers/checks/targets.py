"""Arrays for answers to write to: each unit whole, once, and with a block of the right shape."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.marking import Wrong
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import short

__all__ = ["WatchedTarget", "expect_frugal_reads", "expect_whole_writes"]

Sizes: TypeAlias = tuple[int, ...]
_UNWRITTEN = 77  # what a target holds before: neither 0 nor 1, which answers may well give


class WatchedTarget(WatchedArray):
    """An array to write to, which refuses a block that does not fit its region.

    Parameters
    ----------
    shape, dtype
        Of the array.
    chunks
        Size of a chunk along each axis.
    shards
        Size of a shard along each axis, if it has shards.
    advice
        What to say when a block does not fit.

    Examples
    --------
    >>> target = WatchedTarget((8, 8), "u1", (4, 4))
    >>> target[:4, :] = np.ones((4, 8))
    >>> target.unit, target.is_whole_units(np.s_[:4, :]), target.is_whole_units(np.s_[:3, :])
    ((4, 4), True, False)
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: npt.DTypeLike,
        chunks: Sequence[int],
        shards: Sequence[int] | None = None,
        *,
        advice: str = "",
    ) -> None:
        super().__init__(np.full(shape, _UNWRITTEN, dtype), chunks)
        self.shards = None if shards is None else tuple(shards)
        self._advice = advice

    @property
    def unit(self) -> Sizes:
        """What is written as a whole: a shard where there are shards, else a chunk."""
        return self.shards or self.chunks

    @property
    def unit_name(self) -> str:
        """The word for it."""
        return "shard" if self.shards else "chunk"

    def is_whole_units(self, index: Any) -> bool:
        """Whether an index covers whole units."""
        inside = tuple(slice(*bounds) for bounds in self._bounds(index))
        return grid.aligned(inside, self.unit, self.shape)

    def __repr__(self) -> str:
        """Say what it is in a few words."""
        text = super().__repr__()
        return text if self.shards is None else f"{text[:-1]}, shards of {self.shards}>"

    def __setitem__(self, index: Any, values: Any) -> None:
        """Write a region; a block of another shape is refused."""
        expected = tuple(stop - start for start, stop in self._bounds(index))
        found = np.shape(values)
        if found not in ((), expected):
            raise Wrong(
                f"`target[{short(index)}]` has shape {expected}, but a block of shape {found} was "
                "written to it.",
                self._advice,
            )
        super().__setitem__(index, values)


def expect_whole_writes(target: WatchedTarget, question: str) -> None:
    """Refuse writes that cut through a unit, leave some out, or come twice.

    Parameters
    ----------
    target
        What was written to.
    question
        The call, for the message.

    Raises
    ------
    Wrong
        At the first of these faults.

    Examples
    --------
    >>> target = WatchedTarget((8,), "u1", (4,))
    >>> target[:4], target[4:] = 1, 2
    >>> expect_whole_writes(target, "fill(target)")
    """
    times = np.zeros(target.shape, int)
    unit = target.unit_name
    for index in target.writes:
        times[index] += 1
        if not target.is_whole_units(index):
            raise Wrong(
                f"`{question}` wrote `{short(index)}`, which cuts through a {unit} of "
                f"{target.unit}.",
                f"To write a part of a {unit}, the {unit} is read, changed and written back; "
                "whoever writes the other part at the same time loses it. Go through the "
                f"{unit}s of the target, not through those of the source.",
            )
    if (times == 0).any():
        place = tuple(int(n) for n in np.argwhere(times == 0)[0])
        raise Wrong(
            f"`{question}` left {int((times == 0).sum())} of {times.size} voxels of the target "
            f"unwritten, the first at {place}.",
            f"Go through all {unit}s of the target, also those that the edge cuts short: "
            "`chunk_slices(target.shape, ...)`.",
        )
    if (times > 1).any():
        raise Wrong(
            f"`{question}` wrote some {unit}s of the target more than once.",
            f"Compute all that belongs into a {unit}, then write it once.",
        )


def expect_frugal_reads(
    source: WatchedArray, regions: Sequence[grid.Index], question: str, least: str
) -> None:
    """Refuse an answer that reads more at once, or more in all, than some regions.

    Parameters
    ----------
    source
        What was read.
    regions
        What must be read, one after the other.
    question
        The call, for the message.
    least
        What the regions are, in words.

    Raises
    ------
    Wrong
        If more was read.

    Examples
    --------
    >>> image = WatchedArray(np.zeros(8), (4,))
    >>> _ = image[:4], image[4:]
    >>> expect_frugal_reads(image, [(slice(0, 4),), (slice(4, 8),)], "copy(image)", "a chunk")
    """
    sizes = [math.prod(grid.index_shape(region, source.shape)) for region in regions]
    if source.largest_read > max(sizes):
        whole = source.largest_read == math.prod(source.shape)
        raise Wrong(
            f"`{question}` is right, but reads too much: {source.largest_read} voxels at once"
            f"{', the whole image' if whole else ''}, where {least} has at most {max(sizes)}.",
            "The image could be larger than your memory: read the source only with slices, each "
            f"no larger than {least}.",
        )
    if source.read > sum(sizes):
        raise Wrong(
            f"`{question}` is right, but reads too much: {source.read} voxels in all; "
            f"{sum(sizes)} are enough.",
            f"Read {least} once for each write, into a variable, and no more around it than is "
            "needed.",
        )
