"""Arrays for answers to write to: each unit whole, once, with a block that fits, and right."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe, short
from data_helpers.jobs import describe_difference

__all__ = ["WatchedTarget", "ask", "expect_frugal_reads", "expect_values", "expect_whole_writes"]

Array: TypeAlias = npt.NDArray[Any]
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
        Called with the shape of a block that does not fit and that of its region; what to say.

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
        advice: Callable[[Sizes, Sizes], str] = lambda found, expected: "",
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
        """Write a region of whole units; a block that does not fit is refused."""
        if not self.is_whole_units(index):
            _refuse_cut(self, index)
        expected = tuple(stop - start for start, stop in self._bounds(index))
        found = np.shape(values)
        if found not in ((), expected):
            raise Wrong(
                f"`target[{short(index)}]` has shape {expected}, but a block of shape {found} was "
                "written to it.",
                self._advice(found, expected),
            )
        super().__setitem__(index, values)


def _refuse_cut(target: WatchedTarget, index: Any) -> None:
    """Refuse a region that cuts through a unit."""
    unit = target.unit_name
    pieces = f"`chunk_slices(target.shape, target.{unit}s)` lists them"
    if target.shards:
        pieces += ": where `target.shards` is not `None`, chunks are too small a piece"
    raise Wrong(
        f"`target[{short(index)}]` was written, which cuts through a {unit} of {target.unit}.",
        f"To write a part of a {unit}, the {unit} is read, changed and written back; whoever "
        f"writes the other part at the same time loses it. Write whole {unit}s of the target, "
        f"whatever the chunks of the source are, and no halo: {pieces}.",
    )


def ask(answer: Answer, *arguments: Any) -> tuple[Any, str]:
    """Call an answer with arrays that can only be sliced, and say so where it wants more of them.

    Parameters
    ----------
    answer
        The answer.
    *arguments
        What it is called with.

    Returns
    -------
    result
        What it gave.
    question : str
        The call, for messages.
    """
    question = describe(answer.name, arguments)
    try:
        return answer(*arguments), question
    except LearnerError as wrapped:
        text = str(wrapped.error)
        if not isinstance(wrapped.error, (AttributeError, TypeError)) or "'Watched" not in text:
            raise
        raise Wrong(
            f"`{question}` wants more of an array than there is: {text}.",
            "Source and target are like Zarr arrays: they have a shape, a dtype and chunks, and "
            "are read and written with slices. `source[index]` gives a NumPy array, which can do "
            "all the rest.",
        ) from wrapped.error


def expect_whole_writes(target: WatchedTarget, question: str) -> None:
    """Refuse to go on if nothing was written, some was left out, or some came twice.

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
    unit = target.unit_name
    if not target.writes:
        raise Wrong(
            f"`{question}` wrote nothing to `target`.",
            f"There is nothing to return: assign to `target[index]`, {unit} by {unit}.",
        )
    times = np.zeros(target.shape, int)
    for index in target.writes:
        times[index] += 1
    if (times == 0).any():
        place = tuple(int(n) for n in np.argwhere(times == 0)[0])
        raise Wrong(
            f"`{question}` left {int((times == 0).sum())} of {times.size} voxels of the target "
            f"unwritten, the first at {place}.",
            f"Go through all {unit}s of the target, also those that the edge cuts short: "
            f"`chunk_slices(target.shape, target.{unit}s)`.",
        )
    if (times > 1).any():
        raise Wrong(
            f"`{question}` wrote some {unit}s of the target more than once.",
            f"Compute all that belongs into a {unit}, then write it, once.",
        )


def expect_values(
    target: WatchedArray,
    expected: Array,
    question: str,
    advice: Mapping[str, str],
    *,
    rtol: float = 0.0,
) -> None:
    """Refuse a result that is not the expected one, and say where it is wrong.

    Parameters
    ----------
    target
        What was written to, or holds what an answer gave.
    expected
        What is right, of the same dtype.
    question
        The call, for the message.
    advice
        What to say for a `Difference.clue`; for others, that of ``"everywhere"``.
    rtol
        How far a value may be off, as a share of the largest expected value.

    Raises
    ------
    Wrong
        If values differ.

    Examples
    --------
    >>> target = WatchedTarget((8,), "u1", (4,))
    >>> target[:] = np.arange(8)
    >>> expect_values(target, np.arange(8, dtype="u1"), "fill(target)", {})
    """
    found, chunks = target.values, target.chunks
    difference = describe_difference(found, expected, chunks=chunks, rtol=rtol)
    first = difference.first_index
    if first is None:
        return
    width = difference.width
    where = {
        "seam": f", all of them within {width} of a border between chunks",
        "borders": f", all of them within {width} of a border between chunks or an edge",
        "edges": f", all of them within {width} of an edge of the image",
    }.get(difference.clue, "")
    raise Wrong(
        f"`{question}` is wrong in {difference.fraction:.1%} of the voxels{where}. The first is at "
        f"{first}: {short(found[first])} instead of {short(expected[first])}.",
        advice.get(difference.clue, advice.get("everywhere", "")),
        error_map(_differs(found, expected, rtol)[first[:-2]], chunks) if found.ndim > 1 else "",
    )


def _differs(found: Array, expected: Array, rtol: float) -> Array:
    """Where values differ by more than the tolerance; NaN equals NaN."""
    largest = np.abs(expected[np.isfinite(expected)].astype("f8")).max(initial=0.0)
    same = np.isclose(found.astype("f8"), expected, rtol=0, atol=rtol * largest, equal_nan=True)
    return np.asarray(~same)


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
            f"no larger than {least}."
            if whole
            else f"Read {least}, and no more. See where your slices start and stop, axis by axis.",
        )
    if source.read > sum(sizes):
        raise Wrong(
            f"`{question}` is right, but reads too much: {source.read} voxels in all; "
            f"{sum(sizes)} are enough.",
            f"Read {least} once for each write, into a variable, and no more around it than is "
            "needed.",
        )
