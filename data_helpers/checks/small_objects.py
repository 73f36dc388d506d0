"""Marks small objects removed by their size in the whole image, not in one chunk."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.random_objects import blobs, numbered
from data_helpers.checks.targets import (
    WatchedTarget,
    ask,
    expect_frugal_reads,
    expect_whole_writes,
)
from data_helpers.checks.watched import WatchedArray

__all__ = ["mark_remove_small"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_ADD = (
    "An object is as large as all its pieces together: add the sizes up over all chunks first, and "
    "only then compare them with `min_size`, in a second loop."
)


def mark_remove_small(answer: Answer) -> str:
    """Mark 08.5: objects below a size go, by all their voxels, and the others stay as they are."""
    cases: list[tuple[Sizes, Sizes, str]] = [
        ((36, 39), (12, 13), "int32"),
        ((33, 30), (33, 7), "uint16"),
        ((14, 15, 17), (6, 7, 8), "uint32"),
    ]
    for shape, chunks, dtype in cases:
        labels, min_size = _objects_and_size(answer.rng, shape, chunks)
        labels, count = labels.astype(dtype), int(labels.max())
        source, target = WatchedArray(labels, chunks), WatchedTarget(shape, dtype, chunks)
        question = _ask(answer, source, count, min_size, target)
        expect_whole_writes(target, question)
        _expect_kept(target, labels, min_size, question)
        twice = 2 * list(grid.chunk_slices(shape, chunks))
        expect_frugal_reads(source, twice, question, "a chunk")
    return (
        f"{len(cases)} label images: what is left is large enough in all chunks together, and "
        "has kept its numbers."
    )


def _objects_and_size(rng: np.random.Generator, shape: Sizes, chunks: Sizes) -> tuple[Array, int]:
    """Draw objects, and a size that a cut object has exactly, and a larger one in no chunk."""
    near = tuple(min(size, length // 2) for size, length in zip(chunks, shape, strict=True))
    while True:
        labels = numbered(blobs(rng, shape, near, 0.3))
        pieces = _sizes_in_chunks(labels, chunks)[:, 1:]
        sizes, largest = pieces.sum(axis=0), pieces.max(axis=0)
        cut = np.sort(sizes[(largest < sizes) & (sizes > 2)])
        cut = cut[cut <= largest.max()]  # and some pieces are large enough on their own
        telling = [size for size in cut if ((largest < size) & (sizes > size)).any()]
        if telling:
            return labels, int(telling[len(telling) // 4])


def _sizes_in_chunks(labels: Array, chunks: Sizes) -> Array:
    """Count the voxels of each number in each chunk."""
    blocks = [labels[index] for index in grid.chunk_slices(labels.shape, chunks)]
    top = int(labels.max()) + 1
    return np.array([np.bincount(block.ravel(), minlength=top) for block in blocks])


def _ask(
    answer: Answer, source: WatchedArray, count: int, min_size: int, target: WatchedTarget
) -> str:
    """Call the answer; counts of different lengths are explained."""
    try:
        _, question = ask(answer, source, count, min_size, target)
    except LearnerError as wrapped:
        if "broadcast" not in str(wrapped.error) and "out of bounds" not in str(wrapped.error):
            raise
        raise Wrong(
            f"`{wrapped.question}` raised {type(wrapped.error).__name__}: {wrapped.error}.",
            "Do the shapes fit? `np.bincount` ends with the largest number in its chunk, unless it "
            "is told `minlength=count + 1`: then all chunks count in the same table. And a table "
            "by number is looked up with a block as its index, `small[block]`.",
        ) from wrapped.error
    return question


def _expect_kept(target: WatchedTarget, labels: Array, min_size: int, question: str) -> None:
    """Refuse other labels than those of objects that are large enough."""
    found = target.values
    sizes = np.bincount(labels.ravel())
    expected = np.where((sizes >= min_size)[labels], labels, 0).astype(labels.dtype)
    if np.array_equal(found, expected):
        return
    slips = _slips(labels, sizes, target.chunks, min_size)
    advice = next((advice for other, advice in slips if np.array_equal(found, other)), _ADD)
    wrong = found != expected
    raise Wrong(
        f"`{question}`: {_damage(found, expected, labels)}.",
        advice,
        error_map(wrong, target.chunks) if wrong.ndim == 2 else "",
    )


def _damage(found: Array, expected: Array, labels: Array) -> str:
    """Say which objects are gone, damaged or still there."""
    all_kept = set(np.unique(expected).tolist()) - {0}
    hurt = set(np.unique(expected[(found == 0) & (expected > 0)]).tolist())
    left = set(np.unique(labels[(found > 0) & (expected == 0)]).tolist()) - {0}
    gone = {n for n in hurt if not (found[labels == n] > 0).any()}
    if hurt:
        text = f"of {len(all_kept)} objects that are large enough, gone: {len(gone)}, "
        return text + f"cut down: {len(hurt) - len(gone)}"
    if left:
        return f"{len(left)} objects that are too small are still there, or a part of them"
    return f"{int((found != expected).sum())} voxels have another number than in `labels`"


def _slips(
    labels: Array, sizes: Array, chunks: Sizes, min_size: int
) -> Iterator[tuple[Array, str]]:
    """List what usual slips give."""

    def kept(large: Array) -> Array:
        return np.where(large[labels], labels, 0)

    areas = (
        "The areas of chunks were compared with `min_size` one by one: an object that borders cut "
        f"loses its small pieces, or vanishes. {_ADD}"
    )
    for rule in (np.less_equal, np.less):
        yield _chunk_by_chunk(labels, chunks, partial(rule, min_size)), areas
    yield (
        kept(sizes > min_size),
        (
            f"An object of exactly {min_size} voxels is large enough: only fewer than `min_size` "
            "are too small, `sizes < min_size`."
        ),
    )
    for small in (sizes < min_size, sizes <= min_size):
        yield (
            kept(small),
            "The large objects are gone, and the small ones are left: turn the comparison around.",
        )
    pieces = _sizes_in_chunks(labels, chunks)
    yield (
        kept(pieces.max(axis=0) >= min_size),
        f"The largest piece of each object was compared with `min_size`, not all of it. {_ADD}",
    )
    yield (
        kept(pieces[-1] >= min_size),
        (
            "Only the sizes in the last chunk were compared: make the table before the loop, and "
            "add with `+=`."
        ),
    )
    right = kept(sizes >= min_size)
    yield (
        right > 0,
        (
            "That is a mask. The objects are to keep their numbers: `np.where(small[block], 0, "
            "block)`."
        ),
    )
    yield labels, "Nothing was removed: that is `labels` as it came."
    yield (
        np.searchsorted(np.unique(right), right),
        (
            "The objects were numbered anew. They are to keep their numbers, so that tables made "
            "before still fit."
        ),
    )


def _chunk_by_chunk(labels: Array, chunks: Sizes, large: Callable[[Array], Array]) -> Array:
    """Remove objects by their size in each chunk, which is the mistake."""
    result = labels.copy()
    for index in grid.chunk_slices(labels.shape, chunks):
        block = labels[index]
        result[index] = np.where(large(np.bincount(block.ravel()))[block], block, 0)
    return result
