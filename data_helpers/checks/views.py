"""Marks what views and halos cost: the number is given, and the usual slips are named."""

import math
from typing import Any

import numpy as np

from data_helpers import chunking, samples
from data_helpers.checks.marking import Answer, Wrong, advice_on, mark_numbers
from data_helpers.checks.words import short

__all__ = ["mark_choice", "mark_halo_overhead", "mark_read_amplification", "miscounts"]

Sizes = tuple[int, ...]

# What task 03.1 asks for.
_LEAST_BYTES = 64 * 2**10
_MOST_READ = 16


def mark_choice(answer: Answer) -> str:
    """Mark 03.1: chunks for which neither of two views of the nuclei costs too much."""
    image = samples.load_nuclei_data()
    chunks = answer.value
    whole = isinstance(chunks, (tuple, list)) and len(chunks) == 3
    if not (whole and all(isinstance(n, (int, np.integer)) and n > 0 for n in chunks)):
        raise Wrong(
            f"Expected three positive integers; got {short(chunks)}.",
            "One chunk size per axis, z, y and x: `chunks = (20, 128, 128)`.",
        )
    nbytes = int(np.prod(chunks)) * image.dtype.itemsize
    views = {
        "one xy plane": np.s_[30:31, 0:256, 0:256],
        "one zx plane": np.s_[0:60, 100:101, 0:256],
    }
    costs = {n: chunking.read_amplification(image.shape, chunks, v) for n, v in views.items()}
    table = " and ".join(f"{cost:.3g} times {name}" for name, cost in costs.items())
    found = f"A chunk of {tuple(map(int, chunks))} has {nbytes / 2**10:.3g} KiB. Read is {table}."
    if any(n > length for n, length in zip(chunks, image.shape, strict=True)):
        raise Wrong(found, f"A chunk is larger than the image, {image.shape}.")
    if nbytes < _LEAST_BYTES:
        raise Wrong(found, "The chunks are too small: at least 64 KiB are asked for.")
    for name, cost in costs.items():
        if cost > _MOST_READ:
            raise Wrong(found, _advice_on_choice(name, cost, chunks, image.shape))
    return found + " Both views are within 16 times."


def _advice_on_choice(view: str, cost: float, chunks: Sizes, shape: Sizes) -> str:
    """Say which axis makes a view expensive."""
    axis = 0 if view == "one xy plane" else 1
    others = [n for n in range(3) if n != axis]
    if chunks[axis] <= _MOST_READ and any(shape[n] % chunks[n] for n in others):
        ragged = next(n for n in others if shape[n] % chunks[n])
        return (
            f"{view} reads too much, because {chunks[ragged]} does not divide {shape[ragged]}: "
            "chunks at the edge are stored, and read, in full size."
        )
    return (
        f"{view} reads {cost:.3g} times what it shows: it is one voxel thick in "
        f"{'zyx'[axis]}, but chunks are {chunks[axis]} there. Make them thinner in "
        f"{'zyx'[axis]}, and longer along x, which both views show whole."
    )


def mark_read_amplification(answer: Answer) -> str:
    """Mark 03.3: voxels decoded for each one asked for."""
    cases: list[tuple[tuple[Any, ...], float]] = []
    for shape, chunks, region in [
        ((60, 256, 256), (20, 128, 128), np.s_[30:31, 0:256, 0:256]),
        ((60, 256, 256), (1, 256, 256), np.s_[0:60, 9:10, 0:256]),
        ((60, 256, 256), (16, 64, 64), np.s_[15:17, 60:68, 0:64]),  # across borders
        ((60, 256), (16, 64), np.s_[50:60, 0:64]),  # at a ragged edge
        *(_random_region(answer.rng) for _ in range(10)),
    ]:
        right = chunking.read_amplification(shape, chunks, region)
        cases.append(((shape, chunks, region), right))
    count = mark_numbers(answer, cases, _advice_on_amplification, exact=False)
    return f"{count} regions in one to three dimensions, at borders and edges, too."


def _random_region(rng: np.random.Generator) -> tuple[Sizes, Sizes, tuple[slice, ...]]:
    """Make a ragged array and a region in it that ends, now and then, at a border or an edge."""
    dimensions = int(rng.integers(1, 4))
    shape = tuple(int(n) for n in rng.integers(24, 50, dimensions))
    chunks = tuple(int(n) for n in rng.integers(3, 12, dimensions))
    region = []
    for length, size in zip(shape, chunks, strict=True):
        stop = int(rng.choice([length, size, 2 * size, length - 3]))
        region.append(slice(int(rng.integers(0, stop)), stop))
    return shape, chunks, tuple(region)


def _advice_on_amplification(
    shape: Sizes, chunks: Sizes, region: tuple[slice, ...], found: float
) -> str:
    spans = zip(region, chunks, shape, strict=True)
    clipped = math.prod(min(-(-p.stop // c) * c, n) - p.start // c * c for p, c, n in spans)
    wanted = math.prod(part.stop - part.start for part in region)
    touched, size = len(chunking.chunks_touched(region, chunks)), math.prod(chunks)
    slips: list[tuple[float, str]] = [
        (touched, "That is the number of chunks. How many voxels do they hold together?"),
        (touched * size, "That is what is read; divide it by what was asked for."),
        (wanted / (touched * size), "That is the other way round: read over asked for."),
        (
            clipped / wanted,
            "You cut the chunks at the edge short. They are stored, and decoded, in full size.",
        ),
        *((count * size / wanted, advice) for count, advice in miscounts(region, chunks)),
        (
            math.prod(shape) / wanted,
            "That is the whole array. Only chunks that hold a part of the region are read.",
        ),
    ]
    return advice_on(found, slips, "Count the chunks touched along each axis and multiply.")


def miscounts(region: tuple[slice, ...], chunks: Sizes) -> list[tuple[int, str]]:
    """Count the chunks that hold a region, in the ways that are usual and wrong.

    Parameters
    ----------
    region
        One slice per axis, with start and stop.
    chunks
        Size of a chunk along each axis.

    Returns
    -------
    list of (int, str)
        A wrong count, and what to say to whoever came to it.

    Examples
    --------
    >>> [count for count, _ in miscounts((slice(15, 32),), (16,))]
    [2, 2, 3]
    """
    spans = list(zip(region, chunks, strict=True))
    return [
        (
            math.prod(-(-(part.stop - part.start) // size) for part, size in spans),
            "Where a region starts matters, too: 2 voxels across a border touch 2 chunks.",
        ),
        (
            math.prod(part.stop // size - part.start // size for part, size in spans),
            "One chunk too few: count from that of the first voxel to that of the last, both.",
        ),
        (
            math.prod(part.stop // size - part.start // size + 1 for part, size in spans),
            "One chunk too many where a region ends at a border: its last voxel is `stop - 1`.",
        ),
    ]


def mark_halo_overhead(answer: Answer) -> str:
    """Mark 03.4: what a halo costs."""
    questions: list[tuple[Sizes, int]] = [((256, 256), 50), ((64, 64, 64), 0)]
    for dimensions in (1, 2, 3, 3):
        chunks = tuple(int(n) for n in answer.rng.integers(16, 257, dimensions))
        questions.append((chunks, int(answer.rng.integers(1, 20))))
    cases = [(question, chunking.halo_overhead(*question)) for question in questions]
    count = mark_numbers(answer, cases, _advice_on_overhead, exact=False)
    return f"{count} chunk shapes in one to three dimensions."


def _advice_on_overhead(chunks: Sizes, depth: int, found: float) -> str:
    right = chunking.halo_overhead(chunks, depth)
    slips: list[tuple[float, str]] = [
        (right + 1, "That is all that is read. The overhead is what is read on top: subtract 1."),
        (right * 100, "That is in per cent; the function gives a share, 1 for 100 %."),
        (
            math.prod(1 + depth / c for c in chunks) - 1,
            "A chunk has neighbours on both sides: it grows by `2 * depth` along each axis.",
        ),
        (
            sum(2 * depth / c for c in chunks),
            "The corners are missing: along each axis it grows by a factor, and factors multiply.",
        ),
        (
            right / (1 + right),
            "Divide by the size of the chunk, not by the size of the chunk with its halo.",
        ),
    ]
    return advice_on(found, slips, "How long is a chunk with its halo, along one axis?")
