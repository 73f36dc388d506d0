"""Marks how work is shared among writers: nobody may touch a shard of somebody else."""

from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.words import describe, kind, short

__all__ = ["mark_split_work"]

Sizes = tuple[int, ...]


def mark_split_work(answer: Answer) -> str:
    """Mark 03.6: whole shards, each for one writer, evenly spread."""
    cases: list[tuple[Sizes, Sizes, int]] = [((20, 12), (8, 8), 2), ((10,), (4,), 5)]
    for dimensions in (1, 2, 3):
        shape = tuple(int(n) for n in answer.rng.integers(9, 30, dimensions))
        shards = tuple(int(n) for n in answer.rng.integers(3, 9, dimensions))
        cases.append((shape, shards, int(answer.rng.integers(2, 6))))
    for case in cases:
        found = answer(*case)
        _check_split(found, *case, f"`{describe(answer.name, case)}`")
    return f"{len(cases)} arrays: no shard has two writers, and nothing is left out."


def _check_split(found: Any, shape: Sizes, shards: Sizes, n_writers: int, question: str) -> None:
    """Refuse regions that are malformed, misaligned, shared, missing or badly spread."""
    if not isinstance(found, (list, tuple)) or len(found) != n_writers:
        what = f"{len(found)} entries" if isinstance(found, (list, tuple)) else kind(found)
        raise Wrong(
            f"{question} gave {what}; expected a list with one entry for each of the "
            f"{n_writers} writers.",
            "Each entry is the list of the regions of one writer, and may be empty.",
        )
    owner = np.full(grid.grid_shape(shape, shards), -1)
    for writer, regions in enumerate(found):
        for region in regions:
            _claim(region, writer, owner, shape, shards, question)
    if (owner == -1).any():
        place = tuple(int(n) for n in np.argwhere(owner == -1)[0])
        raise Wrong(
            f"{question}: nobody writes shard {place}; {int((owner == -1).sum())} of "
            f"{owner.size} shards are left out.",
            "When the shards do not divide evenly among the writers, some get one more than "
            "others: `shards[writer::n_writers]` deals them out like cards.",
        )
    counts = [int((owner == writer).sum()) for writer in range(n_writers)]
    if max(counts) - min(counts) > 1:
        raise Wrong(
            f"{question}: the writers have {counts} shards to write.",
            "All wait for the slowest: deal the shards out evenly, one more or less at most.",
        )


def _claim(
    region: Any,
    writer: int,
    owner: npt.NDArray[Any],
    shape: Sizes,
    shards: Sizes,
    question: str,
) -> None:
    """Note whose the shards of a region are; refuse those that are taken or cut through."""
    try:
        bounds = grid.index_bounds(region, shape)
        aligned = grid.aligned(region, shards, shape)
    except (TypeError, ValueError) as error:
        raise Wrong(
            f"{question} gave writer {writer} the region `{short(region)}`: {error}.",
            "A region is a tuple with one slice per axis.",
        ) from None
    if not aligned:
        raise Wrong(
            f"{question} gave writer {writer} the region `{short(region)}`, which cuts through a "
            f"shard of {shards}.",
            "It writes outside its shard: to write a part of a shard the whole shard is read, "
            "changed and written back. Whoever writes the other part at the same time loses it. "
            "Hand out whole shards.",
        )
    taken = tuple(
        slice(start // size, -(-stop // size))
        for (start, stop), size in zip(bounds, shards, strict=True)
    )
    if (owner[taken] != -1).any():
        raise Wrong(
            f"{question}: the region `{short(region)}` of writer {writer} was given out already.",
            "Each shard must be written once, by one writer.",
        )
    owner[taken] = writer
