"""Marks how objects are counted that the borders between chunks cut."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.marking import Answer, mark_numbers
from data_helpers.checks.random_objects import blobs, numbered

__all__ = ["mark_count_cut"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_COUNT = (
    "An object is cut if its number occurs in more than one chunk. Collect the numbers of each "
    "chunk, each once per chunk, and count in how many chunks every number occurs."
)


def mark_count_cut(answer: Answer) -> str:
    """Mark 08.1: how many numbers occur in more than one chunk."""
    sizes: list[tuple[Sizes, Sizes]] = [
        ((70, 74), (16, 20)),
        ((61, 50), (25, 9)),
        ((18, 22, 25), (7, 8, 9)),
        ((40, 40), (40, 40)),
    ]
    cases = [(_labels(answer.rng, shape, chunks), chunks) for shape, chunks in sizes]
    marked = mark_numbers(
        answer, [(case, _cut(*case)) for case in cases], partial(_slip, answer, cases)
    )
    return (
        f"{marked} label images, one of which is a single chunk: the objects that are cut were "
        "counted, once each."
    )


def _labels(rng: np.random.Generator, shape: Sizes, chunks: Sizes) -> Array:
    """Draw objects with numbers in any order, and with gaps."""
    near = tuple(min(size, length // 2) for size, length in zip(chunks, shape, strict=True))
    labels = numbered(blobs(rng, shape, near, 0.25))
    names = rng.choice(np.arange(1, 5000), int(labels.max()), replace=False)
    renamed: Array = np.append(0, names).astype("uint16")[labels]
    return renamed


def _pieces(labels: Array, chunks: Sizes) -> Array:
    """Count for each number, background included, in how many chunks it occurs."""
    found = [np.unique(labels[index]) for index in grid.chunk_slices(labels.shape, chunks)]
    return np.bincount(np.concatenate(found))


def _cut(labels: Array, chunks: Sizes) -> int:
    return int(np.count_nonzero(_pieces(labels, chunks)[1:] > 1))


def _slip(
    answer: Answer, cases: list[tuple[Array, Sizes]], labels: Array, chunks: Sizes, found: int
) -> str:
    """Name the slip that gives this number, and those for the other images as well."""
    others = [
        (answer(*case), {advice: number for number, advice in _slips(*case)}) for case in cases
    ]
    for number, advice in _slips(labels, chunks):
        fits = all(given == numbers.get(advice, given) for given, numbers in others)
        if number == found and fits:
            return advice
    return _COUNT


def _slips(labels: Array, chunks: Sizes) -> Iterator[tuple[int, str]]:
    pieces, cut = _pieces(labels, chunks), _cut(labels, chunks)
    objects = int(np.count_nonzero(pieces[1:]))
    yield (
        int(np.count_nonzero(pieces > 1)),
        "One too many: 0 is the background, which is in nearly every chunk. Leave it out.",
    )
    yield (
        objects - cut,
        "Those are the objects that lie whole in one chunk: turn the comparison around.",
    )
    pieces_of_all = int(pieces[1:].sum())
    yield pieces_of_all, f"Those are the pieces that all chunks hold together. {_COUNT}"
    yield (
        pieces_of_all - objects,
        (
            "An object in four chunks was counted three times: once is enough, into however many "
            "chunks it is cut."
        ),
    )
    yield (
        int(pieces[1:][pieces[1:] > 1].sum()),
        "Those are the pieces of the objects that are cut. Count each of these objects once.",
    )
    yield objects, "Those are all objects. Count those whose number occurs in more than one chunk."
    yield (
        _across_faces(labels, chunks),
        (
            "Objects that cross a corner are missing: their voxels on both sides of a border do "
            f"not lie face to face. {_COUNT}"
        ),
    )
    whole = tuple(slice(n // size * size) for n, size in zip(labels.shape, chunks, strict=True))
    yield (
        _cut(labels[whole], chunks),
        (
            "The chunks at the edges are missing, which the end of the image cuts short: "
            "`chunk_slices(labels.shape, chunks)` has them all."
        ),
    )
    for axis in range(labels.ndim):
        slabs = tuple(n if at != axis else chunks[axis] for at, n in enumerate(labels.shape))
        yield _cut(labels, slabs), f"Only the borders along axis {axis} were looked at."


def _across_faces(labels: Array, chunks: Sizes) -> int:
    """Count the objects with two voxels face to face on both sides of a border."""
    found: set[int] = set()
    for axis, borders in enumerate(grid.chunk_borders(labels.shape, chunks)):
        for border in borders[1:-1]:
            before, after = labels.take(border - 1, axis), labels.take(border, axis)
            found |= set(before[(before == after) & (before > 0)].tolist())
    return len(found)
