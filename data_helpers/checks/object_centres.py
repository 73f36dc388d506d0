"""Marks the centres of objects, from sums that chunks add up."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.random_objects import blobs, numbered
from data_helpers.checks.targets import ask, expect_frugal_reads
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import kind, short

__all__ = ["mark_find_centres"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_SUMS = (
    "Add up two things over all chunks, for each object: how many voxels it has, and the sum of "
    "their coordinates along each axis. Divide once, at the end."
)
_PLACE = (
    "Coordinates within a chunk begin at 0 again. Add where the chunk begins, `part.start` of its "
    "slice along each axis, before you add them up."
)


def mark_find_centres(answer: Answer) -> str:
    """Mark 08.6: means of coordinates over all voxels of each object, in physical units."""
    cases: list[tuple[Sizes, Sizes, Sequence[float]]] = [
        ((36, 41), (10, 12), (0.5, 0.2)),
        ((14, 15, 17), (6, 7, 8), (2.0, 0.65, 0.35)),
    ]
    for shape, chunks, voxel_size in cases:
        labels = numbered(blobs(answer.rng, shape, chunks, 0.3))
        source, count = WatchedArray(labels, chunks), int(labels.max())
        found, question = _ask(answer, source, count, tuple(voxel_size))
        expected = _centres(labels, np.ones(labels.shape)) * voxel_size
        _expect_centres(found, expected, labels, chunks, voxel_size, question)
        expect_frugal_reads(source, list(grid.chunk_slices(shape, chunks)), question, "a chunk")
    return (
        f"{len(cases)} label images: each centre is the mean of all voxels of its object, in "
        "physical units, and every chunk was read once."
    )


def _centres(labels: Array, weights: Array, starts: Array | None = None) -> Array:
    """Find weighted means of coordinates, one row per number from 1; coordinates may be moved."""
    flat, top = labels.ravel(), int(labels.max()) + 1
    places = np.indices(labels.shape) if starts is None else np.indices(labels.shape) - starts
    total = np.bincount(flat, weights.ravel(), top)
    sums = [np.bincount(flat, (along * weights).ravel(), top) for along in places]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.array(sums) / total).T[1:]


def _ask(
    answer: Answer, source: WatchedArray, count: int, voxel_size: Sequence[float]
) -> tuple[Any, str]:
    """Call the answer; sums of different lengths are explained."""
    try:
        return ask(answer, source, count, voxel_size)
    except LearnerError as wrapped:
        if "broadcast" not in str(wrapped.error):
            raise
        raise Wrong(
            f"`{wrapped.question}` raised {type(wrapped.error).__name__}: {wrapped.error}.",
            "Do the shapes fit? `np.bincount` needs `minlength=count + 1`, so that all chunks add "
            "to the same table. To divide a table by a column, give the column a second axis: "
            "`sums / sizes[:, np.newaxis]`.",
        ) from wrapped.error


def _expect_centres(
    found: Any,
    expected: Array,
    labels: Array,
    chunks: Sizes,
    voxel_size: Sequence[float],
    question: str,
) -> None:
    """Refuse anything but the centres."""
    if not isinstance(found, (np.ndarray, list, tuple)):
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(f"`{question}` gave {kind(found)}; expected an array.", ending)
    table = np.asarray(found)
    if table.shape != expected.shape:
        raise Wrong(
            f"`{question}` gave an array of shape {table.shape}; expected {expected.shape}.",
            _why_shape(table.shape, expected.shape),
        )
    near = np.isclose(table, expected, rtol=1e-6, atol=1e-6)
    if near.all():
        return
    row = int(np.flatnonzero(~near.all(axis=1))[0])
    slips = _slips(labels, chunks, np.array(voxel_size))
    fits = (advice for other, advice in slips if np.allclose(table, other, 1e-6, 1e-6, True))
    raise Wrong(
        f"`{question}` is wrong for {(~near.all(axis=1)).sum()} of {len(table)} objects. Object "
        f"{row + 1} has its centre at {_place(table[row])}; expected {_place(expected[row])}.",
        next(fits, _SUMS + " " + _PLACE),
    )


def _place(row: Array) -> str:
    return short(tuple(row.tolist()))


def _why_shape(found: Sizes, expected: Sizes) -> str:
    count, axes = expected
    if found == (count + 1, axes):
        return "The first row is that of the background: leave it out, `[1:]`."
    if found == (axes, count):
        return "One row for each object, one column for each axis: transpose it with `.T`."
    return "One row for each object from 1 to `count`, one column for each axis."


def _slips(labels: Array, chunks: Sizes, voxel_size: Array) -> Iterator[tuple[Array, str]]:
    """List what usual slips give."""
    ones, starts = np.ones(labels.shape), _starts(labels, chunks)
    right = _centres(labels, ones)
    yield (
        _mean_of_means(labels, chunks) * voxel_size,
        (
            "That is the mean of the means of the chunks, in which a piece of one voxel weighs as "
            f"much as one of a thousand. {_SUMS}"
        ),
    )
    yield _centres(labels, ones, starts) * voxel_size, _PLACE
    yield right, "Those are voxels. Multiply with `voxel_size`, axis by axis."
    yield (
        _centres(labels, ones, starts - starts / voxel_size.reshape(-1, *[1] * labels.ndim))
        * voxel_size,
        "Only a part was multiplied with `voxel_size`: let everything be voxels until the end.",
    )
    yield (
        (right + 0.5) * voxel_size,
        "Coordinates count from the centre of voxel 0: add no half voxel.",
    )
    yield (
        (right + 1) * voxel_size,
        "The first voxel along an axis has the coordinate 0, not 1.",
    )
    yield right * voxel_size[::-1], "The voxel sizes are in the wrong order: z, y, x, as the axes."
    yield (
        (right * voxel_size)[:, ::-1],
        "The columns are in the wrong order: z, y, x, as the axes of the image.",
    )
    yield right / voxel_size, "Multiply voxels with `voxel_size`, in place of dividing by it."
    boxes = [np.argwhere(labels == n) for n in range(1, int(labels.max()) + 1)]
    yield (
        np.array([(box.min(axis=0) + box.max(axis=0)) / 2 for box in boxes]) * voxel_size,
        f"Those are the middles of the boxes around the objects. {_SUMS}",
    )
    last = _last_by_chunk(labels, chunks)
    sizes = np.bincount(labels.ravel())[1:, np.newaxis]
    for places in (np.nanmean(last, axis=0), np.nansum(last, axis=0) / sizes):
        yield (
            places * voxel_size,
            (
                "`sums[numbers] += more` adds only one of several voxels with the same number. "
                "`np.bincount(numbers, weights=...)` adds them all, and so does `np.add.at`."
            ),
        )
    for at, advice in ((-1, "last"), (0, "first")):
        yield (
            _of_one_chunk(labels, chunks, at) * voxel_size,
            f"Those are the centres of the {advice} piece of each object. {_SUMS}",
        )


def _starts(labels: Array, chunks: Sizes) -> Array:
    """Tell for every voxel where its chunk begins."""
    sizes = np.array(chunks).reshape(-1, *[1] * labels.ndim)
    found: Array = np.indices(labels.shape) // sizes * sizes
    return found


def _means_by_chunk(labels: Array, chunks: Sizes) -> Array:
    """Give the centre of each piece: chunk, object, axis; NaN where a chunk has none of it."""
    means = []
    for index in grid.chunk_slices(labels.shape, chunks):
        here = np.zeros_like(labels)
        here[index] = labels[index]
        table = np.full((int(labels.max()), labels.ndim), np.nan)
        part = _centres(here, np.ones(labels.shape)) if here.any() else table[:0]
        table[: len(part)] = part
        means.append(table)
    return np.array(means)


def _last_by_chunk(labels: Array, chunks: Sizes) -> Array:
    """Give the last voxel of each piece: chunk, object, axis; NaN where a chunk has none of it."""
    found = []
    for index in grid.chunk_slices(labels.shape, chunks):
        places = np.argwhere(labels[index])
        table = np.full((int(labels.max()) + 1, labels.ndim), np.nan)
        table[labels[index][tuple(places.T)]] = places + [part.start for part in index]
        found.append(table[1:])
    return np.array(found)


def _mean_of_means(labels: Array, chunks: Sizes) -> Array:
    mean: Array = np.nanmean(_means_by_chunk(labels, chunks), axis=0)
    return mean


def _of_one_chunk(labels: Array, chunks: Sizes, at: int) -> Array:
    """Give the centre of the first or last piece of each object."""
    means = _means_by_chunk(labels, chunks)
    there = ~np.isnan(means[..., 0])
    chosen = [np.flatnonzero(column)[at] for column in there.T]
    return means[chosen, np.arange(len(chosen))]
