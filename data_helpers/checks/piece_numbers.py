"""Marks numbers for the pieces of objects in chunks: none twice, and none for the background."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.random_objects import blobs
from data_helpers.checks.targets import (
    WatchedTarget,
    ask,
    expect_frugal_reads,
    expect_whole_writes,
)
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import kind, short

__all__ = ["mark_label_chunks"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_OFFSET = (
    "Each chunk's own numbers begin at 1. Keep the number of pieces in all chunks before it, and "
    "add that to the numbers of its objects."
)


def mark_label_chunks(answer: Answer) -> str:
    """Mark 08.2: pieces of every chunk, numbered from 1 through all chunks."""
    cases: list[tuple[Sizes, Sizes]] = [
        ((17, 20), (6, 7)),
        ((60, 63), (16, 16)),
        ((11, 13, 14), (5, 6, 7)),
    ]
    for shape, chunks in cases:
        mask = blobs(answer.rng, shape, chunks)
        mask[tuple(slice(size, 2 * size) for size in chunks)] = False  # a chunk without objects
        source = WatchedArray(mask, tuple(size + 1 for size in chunks))
        target = WatchedTarget(shape, "int32", chunks)
        count, question = ask(answer, source, target)
        expect_whole_writes(target, question)
        _expect_pieces(target, mask, question)
        _expect_count(count, target, question)
        regions = list(grid.chunk_slices(shape, chunks))
        expect_frugal_reads(source, regions, question, "a chunk")
    return (
        f"{len(cases)} masks, each with a chunk without objects: every piece has a number of its "
        "own, from 1 on and without gaps."
    )


def _expect_pieces(target: WatchedTarget, mask: Array, question: str) -> None:
    """Refuse other pieces than those of each chunk, and numbers that occur twice."""
    found, chunks = target.values, target.chunks
    moved = (found != 0) & ~mask
    if moved.any():
        raise Wrong(
            f"`{question}` gave {moved.sum()} voxels of the background the number "
            f"{short(found[moved][0])} or others.",
            "The offset was added to the background as well. Add it only where there is an object: "
            "`np.where(labels > 0, labels + offset, 0)`.",
            error_map(moved, chunks) if mask.ndim == 2 else "",
        )
    if (lost := (found == 0) & mask).any():
        raise Wrong(
            f"`{question}` left {lost.sum()} voxels of objects at 0.",
            "0 is the background. The first piece of all gets the number 1.",
        )
    if mask.any() and (lowest := found[mask].min()) != 1:
        raise Wrong(
            f"`{question}`: the lowest number of a piece is {lowest}.",
            "The first piece of all gets the number 1. Add the pieces of a chunk to the count only "
            "after you have written it: they move the chunks after it, not the chunk itself.",
        )
    if np.array_equal(found, ndimage.label(mask)[0]):
        raise Wrong(
            f"`{question}` is what labelling the whole image gives.",
            "The image could be larger than your memory. Label each chunk on its own; what belongs "
            "together over a border is found later.",
        )
    seen: dict[int, grid.Index] = {}
    for index in grid.chunk_slices(mask.shape, chunks):
        _expect_pieces_of(index, found[index], mask[index], question)
        for number in np.unique(found[index][mask[index]]).tolist():
            if number in seen:
                _refuse_shared(number, seen[number], index, target, question)
            seen[number] = index
    _refuse_gaps(sorted(seen), question)


def _expect_pieces_of(index: grid.Index, found: Array, mask: Array, question: str) -> None:
    """Refuse numbers that are not those of the pieces of a chunk, whatever they are called."""
    pieces, count = ndimage.label(mask)
    pairs = np.unique(np.stack([pieces[mask], found[mask]]), axis=1)
    if pairs.shape[1] == count == len(np.unique(pairs[1])):
        return
    has = len(np.unique(pairs[1]))
    advice = "`labels, count = ndimage.label(block)` gives the pieces of a block, and how many."
    if has < count:
        advice += " Without a structure it joins voxels that share a face, not a corner."
    raise Wrong(
        f"`{question}`: the chunk at {short(index)} holds {count} pieces; it was given {has} "
        "numbers.",
        advice,
    )


def _refuse_shared(
    number: int, first: grid.Index, second: grid.Index, target: WatchedTarget, question: str
) -> None:
    """Say which number two chunks share, and why they do."""
    blocks = [target.values[index] for index in grid.chunk_slices(target.shape, target.chunks)]
    advice = "Two objects of different chunks share a number. " + _OFFSET
    if all(block[block > 0].min() == 1 for block in blocks if block.any()):
        advice = "No offset was added: every chunk begins at 1 again. " + advice
    raise Wrong(
        f"`{question}`: the chunks at {short(first)} and {short(second)} both have a piece "
        f"{number}.",
        advice + " `count += found` adds up; `count = found` forgets all chunks but the last.",
    )


def _refuse_gaps(numbers: list[int], question: str) -> None:
    if numbers != list(range(1, len(numbers) + 1)):
        raise Wrong(
            f"`{question}` gave {len(numbers)} pieces numbers from {numbers[0]} to {numbers[-1]}, "
            "with gaps.",
            "Numbers with gaps are different, too, but they run out sooner, and tables by number "
            "grow larger than needed. Move on by the number of pieces that `ndimage.label` found, "
            "neither by a fixed step nor by one more.",
        )


def _expect_count(count: Any, target: WatchedTarget, question: str) -> None:
    """Refuse another number of pieces than was written."""
    expected = int(target.values.max())
    if count is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if not isinstance(count, (int, np.integer)):
        raise Wrong(f"`{question}` gave {kind(count)}; expected the number of pieces.")
    if count != expected:
        raise Wrong(
            f"`{question}` wrote {expected} pieces, and gave {count}; expected {expected}.",
            "Return the number of pieces in all chunks together.",
        )
