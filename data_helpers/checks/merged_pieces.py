"""Marks how pairs are merged into objects: chains, stars and rings, in whatever order they come."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers.checks.marking import Answer, LearnerError, Wrong, refuse_hard_coded
from data_helpers.checks.words import describe, kind

__all__ = ["mark_merge_pairs", "merged"]

Array: TypeAlias = npt.NDArray[Any]
Pairs: TypeAlias = Sequence[tuple[int, int]]

_LONG = 1200  # pieces in a chain: more than Python's limit for calls inside calls

_CHAIN = (
    "A chain a-b, b-c was merged only once: a and c belong together, although no pair says so. "
    "Before you merge two pieces, follow each to the end of its chain, and merge the ends."
)


def merged(count: int, pairs: Pairs) -> Array:
    """Give each piece the smallest number of its object.

    Parameters
    ----------
    count
        The number of pieces.
    pairs
        Which pieces touch.

    Returns
    -------
    ndarray of int64
        For each number from 0 to `count` the one that stands for its object.

    Examples
    --------
    >>> merged(5, [(4, 2), (5, 4)])
    array([0, 1, 2, 3, 2, 2])
    """
    table = np.arange(count + 1)
    for one, other in pairs:
        low, high = sorted((table[one], table[other]))
        table[table == high] = low
    return table


def mark_merge_pairs(answer: Answer) -> str:
    """Mark 08.4: the smallest number of each object, for random pairs and for a long chain."""
    # the first ones have no ring, in which answers that follow parents may run for ever
    simple: list[Pairs] = [[(4, 2), (5, 4)], [], [(3, 1), (3, 2)], [(1, 3), (2, 3)]]
    cases = [*zip((5, 3, 4, 6), simple, strict=True), *_random_cases(answer.rng)]
    long = answer.rng.permutation(_LONG) + 1
    chain = list(zip(long[:-1].tolist(), long[1:].tolist(), strict=True))
    cases += [(_LONG + 2, chain), (_LONG, [(n, n - 1) for n in range(_LONG, 1, -1)])]
    for count, pairs in cases:
        question = describe(answer.name, (count, pairs))
        found = _table(_call(answer, count, pairs), count, question)
        expected = merged(count, pairs)
        if not np.array_equal(found, expected):
            refuse_hard_coded(answer, cases[:3])
            _explain(found, expected, pairs, question)
    return (
        f"{len(cases)} sets of pairs, in any order, two of them chains of {_LONG} pieces: each "
        "piece has the smallest number of its object."
    )


def _random_cases(rng: np.random.Generator) -> Iterator[tuple[int, Pairs]]:
    """Draw pairs at random; some pieces are in none, some pairs come twice, the other way round."""
    for count, share in ((12, 0.5), (40, 0.6), (80, 0.8)):
        pairs = rng.integers(1, count, (int(share * count), 2))  # never the last piece
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        repeated = np.concatenate([pairs, pairs[::3, ::-1]])
        yield count, [(int(one), int(other)) for one, other in repeated]


def _call(answer: Answer, count: int, pairs: Pairs) -> Any:
    """Ask for the table; a chain that is too long for recursion is explained."""
    try:
        return answer(count, pairs)
    except LearnerError as wrapped:
        if not isinstance(wrapped.error, RecursionError):
            raise
        raise Wrong(
            f"`{wrapped.question}` raised a RecursionError: a chain of {len(pairs) + 1} pieces is "
            "followed by a function that calls itself for every one of them.",
            "Python allows about 1000 calls inside one another. Follow the chain in a loop: `while "
            "parent[piece] != piece: piece = parent[piece]`.",
        ) from wrapped.error


def _table(found: Any, count: int, question: str) -> Array:
    """Take a number for each piece, or say what came instead."""
    if found is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu":
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected an array of integers.",
            "With `np.array(...)` of integers, `table[labels]` gives every voxel its object.",
        )
    if found.shape != (count + 1,):
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected {count + 1} numbers in one axis.",
            "There is one for each piece from 1 on, and one more, at the beginning, for the "
            "background 0: so that `table[labels]` works.",
        )
    return found


def _explain(found: Array, expected: Array, pairs: Pairs, question: str) -> None:
    """Say which pieces have a wrong number, and why."""
    if found[0] != 0:
        raise Wrong(
            f"`{question}` gave the background, 0, the number {found[0]}.",
            "Nothing is merged with the background: the first entry stays 0.",
        )
    apart = [(one, other) for one, other in pairs if found[one] != found[other]]
    if apart:
        one, other = apart[0]
        raise Wrong(
            f"`{question}` gave {one} the number {found[one]} and {other} the number "
            f"{found[other]}, but ({one}, {other}) is one of the pairs.",
            _why_apart(found, expected, pairs),
        )
    for piece in range(1, len(found)):
        others = np.flatnonzero((found == found[piece]) & (expected != expected[piece]))
        if others.size:
            raise Wrong(
                f"`{question}` gave {piece} and {others[0]} the same number, {found[piece]}, but "
                "no chain of pairs leads from one to the other.",
                "A piece that is in no pair keeps its own number. And merge two sets only where a "
                "pair has one piece in each.",
            )
    piece = int(np.flatnonzero(found != expected)[0])
    raise Wrong(
        f"`{question}` gave {piece} the number {found[piece]}; expected {expected[piece]}.",
        "The sets are right, but not what they are called: every piece gets the smallest number "
        "of its object. When you merge two ends, let the larger point to the smaller one.",
    )


def _why_apart(found: Array, expected: Array, pairs: Pairs) -> str:
    """Say why pieces of a pair have different numbers."""
    if np.array_equal(found, np.arange(len(found))):
        return "Nothing was merged: each piece still has its own number."
    if np.array_equal(_followed(found), expected):
        return (
            "Each piece has the number of its parent, which has a parent itself. " + _CHAIN + " At "
            "the end follow every piece once more: `[root(piece) for piece in range(count + 1)]`."
        )
    return _CHAIN + " A piece that is merged twice must not forget the first one."


def _followed(table: Array) -> Array:
    """Follow parents to the end of their chains, or until it is clear that they go in circles."""
    if not np.isin(table, np.arange(len(table))).all():
        return table
    for _ in range(int(np.log2(len(table))) + 2):
        table = table[table]
    return table
