"""Marks a threshold that follows from all voxels, although nobody has all of them in memory."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid, processing
from data_helpers.checks.marking import Answer, LearnerError, Wrong, advice_on, refuse_hard_coded
from data_helpers.checks.targets import ask, expect_frugal_reads
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import kind, short

__all__ = ["mark_find_threshold", "uneven_image"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_HALF_A_BIN = 0.5
_ADD = (
    "Counts add up, thresholds do not: count the values of every chunk in the same bins, add the "
    "counts, and call `otsu_from_histogram` once, at the end."
)


def mark_find_threshold(answer: Answer) -> str:
    """Mark 05.5: the threshold of the whole image, every chunk read once."""
    cases: list[tuple[Sizes, Sizes, str]] = [
        ((200, 230), (64, 64), "uint8"),
        ((61, 90), (16, 20), "uint16"),
        ((14, 30, 37), (8, 16, 16), "uint16"),
    ]
    images = [
        WatchedArray(uneven_image(answer.rng, shape, dtype), chunks)
        for shape, chunks, dtype in cases
    ]
    for image in images:
        found, question = _ask(answer, image)
        expected = _otsu(image.values)
        if not np.array_equal(image.values > found, image.values > expected):
            refuse_hard_coded(answer, [(other,) for other in images])
            share = np.mean((image.values > found) != (image.values > expected))
            raise Wrong(
                f"`{question}` gave {short(found)}; expected {short(expected)}. {share:.1%} of the "
                "voxels change sides.",
                advice_on(found, _slips(image.values, image.chunks), _ADD),
            )
        if found != expected:
            slips = (
                [] if abs(found - expected) == _HALF_A_BIN else _slips(image.values, image.chunks)
            )
            raise Wrong(
                f"`{question}` gave {short(found)}; expected {short(expected)}.",
                advice_on(
                    found,
                    slips,
                    "That parts these voxels alike, but is no value that a voxel can have. Let the "
                    "bins have whole numbers as their centres: `np.arange(top + 2) - 0.5`.",
                ),
            )
        regions = list(grid.chunk_slices(image.shape, image.chunks))
        expect_frugal_reads(image, regions, question, "a chunk")
        if image.decoded > image.values.size:
            raise Wrong(
                f"`{question}` is right, but decodes the image "
                f"{image.decoded / image.values.size:.3g} times: for a part of a chunk the whole "
                "chunk is read and decoded.",
                "Read whole chunks: `chunk_slices(image.shape, image.chunks)`.",
            )
    return f"{len(cases)} images: the threshold of all voxels, and every chunk was read once."


def uneven_image(rng: np.random.Generator, shape: Sizes, dtype: str) -> Array:
    """Make bright objects on a background that rises towards the end, where objects are rarer.

    Parameters
    ----------
    rng
        Where randomness comes from.
    shape, dtype
        Of the image; the dtype is unsigned.

    Returns
    -------
    numpy.ndarray
        The image: the end has another threshold than the beginning.

    Examples
    --------
    >>> uneven_image(np.random.default_rng(0), (40, 50), "uint8").shape
    (40, 50)
    """
    top = np.iinfo(dtype).max
    rise = np.linspace(0.1, 0.35, shape[-1])
    image = rng.normal(rise, 0.03, shape)
    objects = rng.random(shape) < np.linspace(0.5, 0.1, shape[-1])
    image[objects] += rng.uniform(0.2, 0.5, int(objects.sum()))
    return np.clip(image * top, 0, top).astype(dtype)


def _ask(answer: Answer, image: WatchedArray) -> tuple[float, str]:
    """Ask for the threshold; two errors that histograms lead to are explained."""
    top, dtype = np.iinfo(image.dtype).max, image.dtype
    try:
        found, question = ask(answer, image)
    except LearnerError as wrapped:
        text = str(wrapped.error)
        summary = f"`{wrapped.question}` raised {type(wrapped.error).__name__}: {text}."
        if "broadcast" in text:
            raise Wrong(
                summary,
                "The counts of two chunks have different lengths: `np.bincount` ends with the "
                "largest value in its chunk, unless it is told `minlength=top + 1`.",
            ) from wrapped.error
        if "counts, 0 of them above 0" in text:
            raise Wrong(
                summary,
                f"None of the voxels lies in your bins. This image has {dtype}, whose values reach "
                f"{top}: `np.iinfo(image.dtype).max`.",
            ) from wrapped.error
        raise
    return _number(found, question), question


def _number(value: Any, question: str) -> float:
    """Take one number."""
    if value is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if isinstance(value, (tuple, list)) or np.ndim(value) or not np.isreal(value):
        raise Wrong(
            f"`{question}` gave {kind(value)}; expected one number.",
            "Counts are on the way. `otsu_from_histogram(counts, edges)` turns them into the "
            "threshold.",
        )
    return float(value)


def _otsu(values: Array, edges: Array | None = None) -> float:
    """Otsu's threshold in bins of width 1, or in those given."""
    if edges is None:
        edges = np.arange(int(values.max()) + 2) - 0.5
    return processing.otsu_from_histogram(np.histogram(values, edges)[0], edges)


def _slips(values: Array, chunks: Sizes) -> Iterator[tuple[float, str]]:
    """List what usual slips give."""
    blocks = [values[index] for index in grid.chunk_slices(values.shape, chunks)]
    each = [_otsu(block) for block in blocks]
    yield float(np.mean(each)), f"That is the mean of the thresholds of the chunks. {_ADD}"
    yield float(np.rint(np.mean(each))), f"That is the mean of the thresholds of the chunks. {_ADD}"
    yield float(np.median(each)), f"That is the median of the thresholds of the chunks. {_ADD}"
    sizes = [block.size for block in blocks]
    yield (
        float(np.average(each, weights=sizes)),
        f"That is a mean of the thresholds of the chunks. {_ADD}",
    )
    yield (
        each[-1],
        (
            "That is the threshold of the last chunk: the counts of the others are gone. Make the "
            "counts before the loop, and add with `+=`."
        ),
    )
    yield each[0], "That is the threshold of the first chunk: is `return` inside the loop?"
    whole = tuple(slice(n // size * size) for n, size in zip(values.shape, chunks, strict=True))
    yield (
        _otsu(values[whole]),
        "The chunks at the edges are missing, which the end of the image cuts short.",
    )
    counts = np.bincount(values.ravel()).astype("uint8")
    yield (
        processing.otsu_from_histogram(counts, np.arange(len(counts) + 1) - 0.5),
        "The counts wrapped around: uint8 ends at 255. Let them be int64.",
    )
    for bins in (2, 10, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 4096):
        yield from _coarse(values, blocks, bins)


def _coarse(values: Array, blocks: list[Array], bins: int) -> Iterator[tuple[float, str]]:
    """Give what fewer bins lead to, in one range for all or in one for each chunk."""
    limits = [(float(values.min()), float(values.max())), (0, float(np.iinfo(values.dtype).max))]
    limits += [(0.0, limits[1][1] + 1), (-0.5, limits[1][1] + 0.5), (0.0, limits[0][1])]
    total = np.sum([np.histogram(block, bins)[0] for block in blocks], axis=0)
    edges_each = [np.histogram_bin_edges(block, bins) for block in blocks]
    mixed = [*edges_each, *(np.linspace(*pair, bins + 1) for pair in limits)]
    for edges in mixed:
        yield (
            processing.otsu_from_histogram(total, edges),
            (
                "Bin 5 of one chunk is not bin 5 of the next: without a `range`, every chunk gets "
                "bins of its own, and their counts must not be added. Take the same bins for all: "
                "one for each value that the dtype can have."
            ),
        )
    for pair in limits:
        yield (
            _otsu(values, np.linspace(*pair, bins + 1)),
            (
                f"{bins} bins are too wide: values on both sides of the threshold share one. Take "
                "one bin for each value that the dtype can have."
            ),
        )
