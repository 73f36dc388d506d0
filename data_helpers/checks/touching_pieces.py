"""Marks which pieces touch across a border: straight across, and diagonally as asked."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.marking import Answer, LearnerError, Wrong, refuse_hard_coded
from data_helpers.checks.words import cut, describe, kind, short

__all__ = ["mark_touching_pairs", "pairs_across"]

Array: TypeAlias = npt.NDArray[Any]
Pairs: TypeAlias = set[tuple[int, int]]

_EDGES = (
    "For each step with -1, 0 or 1 along every axis of the planes, in which at most `connectivity "
    "- 1` of the numbers differ from 0: lay one plane over the other, moved by that step."
)


def pairs_across(before: Array, after: Array, connectivity: int) -> Pairs:
    """Find the pairs of pieces that touch across a border.

    Parameters
    ----------
    before, after
        The planes on both sides of the border, with the numbers of pieces; 0 is background.
    connectivity
        How many coordinates of two touching voxels may differ by one: 1 for faces only.

    Returns
    -------
    set of tuple of int
        Number before the border, number after it.

    Examples
    --------
    >>> sorted(pairs_across(np.array([1, 0, 2]), np.array([3, 4, 0]), 1))
    [(1, 3)]
    >>> sorted(pairs_across(np.array([1, 0, 2]), np.array([3, 4, 0]), 2))
    [(1, 3), (1, 4), (2, 4)]
    """
    steps = product((-1, 0, 1), repeat=before.ndim)
    return _pairs_of(before, after, (s for s in steps if sum(map(abs, s)) < connectivity))


def _pairs_of(
    before: Array, after: Array, steps: Iterable[tuple[int, ...]], wrap: bool = False
) -> Pairs:
    """Find the pairs that lie over one another after some steps."""
    wide = np.pad(after, 1, mode="wrap" if wrap else "constant")
    found: Pairs = set()
    for step in steps:
        moved = wide[tuple(slice(1 + s, 1 + s + n) for s, n in zip(step, after.shape, strict=True))]
        both = (before > 0) & (moved > 0)
        found.update(zip(before[both].tolist(), moved[both].tolist(), strict=True))
    return found


def mark_touching_pairs(answer: Answer) -> str:
    """Mark 08.3: pairs across a border, for lines and planes, and every connectivity."""
    cases = [((40,), 1), ((60,), 2), ((9, 11), 1), ((9, 11), 2), ((10, 9), 3)]
    planes = [
        (_plane(answer.rng, shape, 1), _plane(answer.rng, shape, 301), connectivity)
        for shape, connectivity in cases
    ]
    for before, after, connectivity in planes:
        question = describe(answer.name, (before, after, connectivity))
        found = _pairs(_call(answer, before, after, connectivity), question)
        expected = pairs_across(before, after, connectivity)
        if found == expected:
            continue
        advice = _slip(found, before, after, connectivity)
        if not advice:
            refuse_hard_coded(answer, planes)
        difference = _difference(found, expected, before, after)
        raise Wrong(
            f"`{question}` gave {len(found)} pairs; expected {len(expected)}. {difference}",
            advice or _EDGES,
        )
    return (
        f"{len(cases)} borders, lines and planes, with every connectivity: exactly the pieces that "
        "touch are paired."
    )


def _plane(rng: np.random.Generator, shape: tuple[int, ...], first: int) -> Array:
    """Draw a plane of pieces: every fourth voxel or so is one; each occurs several times."""
    numbers = rng.integers(first, first + 2 + int(np.prod(shape)) // 4, shape)
    plane = np.where(rng.random(shape) < 0.3, numbers, 0).astype("int32")
    plane.flat[0] = plane.flat[-1] = first  # what leaves at one end must not come in at the other
    return plane


def _call(answer: Answer, before: Array, after: Array, connectivity: int) -> Any:
    """Ask for the pairs; what comes of planes that do not fit any more is explained."""
    try:
        return answer(before, after, connectivity)
    except LearnerError as wrapped:
        text = str(wrapped.error)
        summary = f"`{wrapped.question}` raised {type(wrapped.error).__name__}: {text}."
        if "truth value of an array" in text:
            raise Wrong(
                summary,
                "`before[i]` is one number in a line, but a whole row in a plane of two axes. "
                "Compare whole arrays, `(before > 0) & (after > 0)`: that works for both.",
            ) from wrapped.error
        if "broadcast" not in text and "boolean index" not in text:
            raise
        raise Wrong(
            summary,
            "Two planes that are laid over one another must have the same shape: cut what stands "
            "out off both, or put a rim of zeros around one with `np.pad(after, 1)`.",
        ) from wrapped.error


def _pairs(found: Any, question: str) -> Pairs:
    """Take a set of pairs of numbers, or say what came instead."""
    if found is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if not isinstance(found, set):
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected a set of pairs.",
            "Begin with `pairs = set()` and put pairs in with `pairs.add(...)` or "
            "`pairs.update(...)`: a set keeps each of them once.",
        )
    for pair in found:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise Wrong(
                f"`{question}` gave {kind(found)} in which there is {cut(repr(pair))}; expected "
                "pairs of two numbers.",
            )
    return {(int(one), int(other)) for one, other in found}


def _difference(found: Pairs, expected: Pairs, before: Array, after: Array) -> str:
    """Show one pair that is missing or too many, and where it lies."""
    if missing := sorted(expected - found):
        one, other = missing[0]
        places = _nearest(before == one, after == other)
        return f"Missing is {missing[0]}, which touch at {short(places[0])} and {short(places[1])}."
    return f"Too many is {sorted(found - expected)[0]}."


def _nearest(one: Array, other: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find the two voxels that lie nearest to one another."""
    here, there = np.argwhere(one), np.argwhere(other)
    far = np.abs(here[:, None] - there[None]).sum(axis=-1)
    at, to = np.unravel_index(far.argmin(), far.shape)
    return tuple(here[at].tolist()), tuple(there[to].tolist())


def _slip(found: Pairs, before: Array, after: Array, connectivity: int) -> str:
    """Name the slip that gives these pairs, if it is a usual one."""
    if any(0 in pair for pair in found):
        return (
            "0 is the background: a pair with a 0 is a voxel of an object beside none. Keep those "
            "places only where both planes have a number, `(before > 0) & (after > 0)`."
        )
    slips = _slips(before, after, connectivity)
    return next((advice for pairs, advice in slips if pairs == found), "")


def _slips(before: Array, after: Array, connectivity: int) -> Iterator[tuple[Pairs, str]]:
    """List what usual slips give."""
    expected = pairs_across(before, after, connectivity)
    yield (
        {(b, a) for a, b in expected},
        "The pairs are the right ones, the other way round: first the number in `before`.",
    )
    yield (
        {(min(pair), max(pair)) for pair in expected},
        "The pairs are sorted. Keep the number in `before` first.",
    )
    steps = list(product((-1, 0, 1), repeat=before.ndim))
    reach = [s for s in steps if sum(map(abs, s)) < connectivity]
    straight = [s for s in steps if not any(s)]
    if connectivity > 1:
        yield (
            _pairs_of(before, after, straight),
            "Only voxels straight across are paired. With this connectivity objects that cross a "
            "corner stay two: look at the neighbours of the voxel opposite as well. " + _EDGES,
        )
        for sign in (1, -1):
            yield (
                _pairs_of(before, after, [s for s in reach if min(sign * n for n in s) >= 0]),
                (
                    "One direction is missing: an object may cross to the left as well as to the "
                    "right. Steps are -1, 0 and 1."
                ),
            )
        yield (
            _pairs_of(before, after, [s for s in reach if any(s)]),
            "The voxels straight across are missing: a step of 0 along all axes is one, too.",
        )
    yield (
        _pairs_of(before, after, reach, wrap=True),
        (
            "`np.roll` moves what leaves at one end in at the other: the first and the last voxel "
            "of a plane do not touch. Put a rim of zeros around it first, `np.pad(after, 1)`."
        ),
    )
    for other in range(1, before.ndim + 2):
        yield (
            pairs_across(before, after, other),
            (
                f"Those are the pairs for connectivity {other}. With connectivity {connectivity} "
                f"two touching voxels differ in at most {connectivity} coordinates: one is used up "
                f"by the step across the border, {connectivity - 1} may differ within the planes."
            ),
        )
    yield (
        set(product(*(np.unique(p[p > 0]).tolist() for p in (before, after)))),
        (
            "Those are all pairs of numbers that occur on both sides. Two pieces touch only where "
            "their voxels lie over one another."
        ),
    )
    yield (
        set(),
        (
            "No pair at all. The pieces of two chunks have different numbers: compare whether both "
            "planes have an object at a place, not whether their numbers are equal."
        ),
    )
