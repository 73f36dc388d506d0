"""Marks the task of going through all chunks: where the slices overlap, or leave gaps."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.pictures import cell_map
from data_helpers.checks.words import describe, short

__all__ = ["mark_chunk_slices"]

Sizes = tuple[int, ...]


def _random_grids(rng: np.random.Generator) -> Iterator[tuple[Sizes, Sizes]]:
    """Yield shapes and chunks: ragged, even, random, and chunks larger than the array."""
    yield (7, 10), (3, 4)
    yield (4, 6), (2, 3)
    yield (5,), (2,)
    for dimensions in (2, 3, 1, 3):
        shape = tuple(int(n) for n in rng.integers(4, 12, dimensions))
        yield shape, tuple(int(rng.integers(2, n)) for n in shape)
    yield (3, 5), (4, 5)


def mark_chunk_slices(answer: Answer) -> str:
    """Mark 03.2: every element in exactly one chunk, in order."""

    def ask(shape: Sizes, chunks: Sizes) -> list[Any]:
        return answer.listed(shape, chunks, at_most=2 * int(np.prod(shape)) + 10)

    grids = list(_random_grids(answer.rng))
    for shape, chunks in grids:
        expected = list(grid.chunk_slices(shape, chunks))
        found = ask(shape, chunks)
        if found != expected:
            refuse_hard_coded(answer, grids, ask)
            question = f"`{describe(answer.name, (shape, chunks))}`"
            _explain_slices(question, shape, chunks, found, expected)
    return (
        f"{len(grids)} arrays in one to three dimensions, ragged ones among them: every element "
        "lies in exactly one chunk."
    )


def _explain_slices(
    question: str, shape: Sizes, chunks: Sizes, found: list[Any], expected: list[Any]
) -> None:
    """Say in what way a list of chunks is not the right one."""
    for item in found:
        if not (isinstance(item, tuple) and all(isinstance(part, slice) for part in item)):
            raise Wrong(
                f"{question} gave the item `{short(item)}`; expected a tuple of slices.",
                "One item is one index: a tuple with a `slice(start, stop)` per axis, even when "
                "there is only one axis: `(slice(0, 2),)`.",
            )
        if len(item) != len(shape):
            raise Wrong(
                f"{question} gave the item `{short(item)}`, which has {len(item)} slices; expected "
                f"{len(shape)}, one per axis.",
                "A chunk is a combination of one slice from every axis: `itertools.product`.",
            )
    covered = np.zeros(shape, int)
    for item in found:
        covered[item] += 1
    picture = _coverage_map(covered, shape, chunks, question)
    missing, double = int((covered == 0).sum()), int((covered > 1).sum())
    if missing:
        raise Wrong(
            f"{question} gave {len(found)} chunks; expected {len(expected)}. "
            f"{missing} of {covered.size} elements are in no chunk.",
            _advice_on_gaps(covered, shape, chunks),
            picture,
        )
    if double:
        raise Wrong(
            f"{question}: {double} of {covered.size} elements are in more than one chunk.",
            "Chunks must not overlap, or they would be written twice: each starts where the one "
            "before it stops.",
            picture,
        )
    _explain_exact_cover(question, shape, found, expected)


def _advice_on_gaps(covered: npt.NDArray[Any], shape: Sizes, chunks: Sizes) -> str:
    """Name the pattern of the elements that no chunk holds."""
    whole = tuple(
        slice(0, length - length % size) for length, size in zip(shape, chunks, strict=True)
    )
    at_the_end = covered.copy()
    at_the_end[whole] = 1
    if (covered[whole] > 0).all() and (at_the_end == 0).any():
        return (
            "Only the edges are missing: the last chunk along an axis is cut short when the "
            "chunks do not fit evenly, but it is there. Round up when you count chunks: "
            "`-(-length // size)`, or step with `range(0, length, size)`."
        )
    starts = tuple(slice(size - 1, None, size) for size in chunks)
    if (covered[starts] == 0).all():
        return (
            "The last element of every chunk is missing: a slice stops before its `stop`, so "
            "`slice(0, 4)` has four elements."
        )
    return "Put all slices of one axis together with all slices of every other axis."


def _explain_exact_cover(
    question: str, shape: Sizes, found: list[Any], expected: list[Any]
) -> None:
    """Say what is wrong with chunks that do hold every element exactly once."""
    beyond = [item for item in found if any(s.stop > n for s, n in zip(item, shape, strict=True))]
    if beyond:
        raise Wrong(
            f"{question} gave `{short(beyond[0])}`, which leaves the array of shape {shape}.",
            "NumPy forgives a slice that goes too far, but its shape is then not what you think. "
            "Cut the last one short: `min(start + size, length)`.",
        )
    if sorted(map(_bounds, found)) == sorted(map(_bounds, expected)):
        raise Wrong(
            f"{question} has all the right chunks, in another order: it begins "
            f"`{short(found[:2])}`, expected `{short(expected[:2])}`.",
            "The last axis goes fastest, as in C and in NumPy: its loop is the innermost one.",
        )
    raise Wrong(
        f"{question} holds every element once, but not in chunks of that size: it begins "
        f"`{short(found[0])}`, expected `{short(expected[0])}`.",
        "`chunks` are the sizes of one chunk, not their number, and in the order of the axes.",
    )


def _bounds(item: tuple[slice, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((part.start, part.stop) for part in item)


def _coverage_map(covered: npt.NDArray[Any], shape: Sizes, chunks: Sizes, question: str) -> str:
    """Draw how often elements are covered, in the first plane; nothing for one axis."""
    if covered.ndim < 2:
        return ""
    plane = covered.reshape(-1, *shape[-2:])[0]
    roles = np.where(plane == 1, "right", np.where(plane == 0, "wrong", "unneeded"))
    words = {"right": "in one chunk", "wrong": "in no chunk", "unneeded": "in several chunks"}
    borders = grid.chunk_borders(shape[-2:], chunks[-2:])
    return cell_map(
        roles, words, borders, title=f"How often the chunks of {question} hold each element"
    )
