"""Marks a filter that works in chunks: no seam, and no more read than chunks and halos."""

import math

from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe

__all__ = ["mark_gaussian"]

Sizes = tuple[int, ...]


def mark_gaussian(answer: Answer) -> str:
    """Mark 03.5: a Gaussian in chunks equals that of the whole image."""
    cases = [((40, 44), (16, 16), 1.5), ((33, 50), (12, 20), 2.0), ((18, 20, 22), (9, 10, 11), 1.0)]
    for shape, chunks, sigma in cases:
        pixels = answer.rng.integers(0, 2**16, shape, dtype="uint16")
        image = WatchedArray(pixels, chunks)
        found = answer(image, chunks, sigma)
        question = describe(answer.name, (image, chunks, sigma))
        expected = ndimage.gaussian_filter(pixels.astype("float32"), sigma, mode="nearest")
        expect_array(
            found, expected, question, chunks=chunks, rtol=1e-5, advice=_advice_on_seams(sigma)
        )
        _check_reading(image, chunks, math.ceil(4 * sigma) + 2, question)
    return (
        f"{len(cases)} images in two and three dimensions: the chunks cannot be seen in the "
        "result, and only chunks with their halo were read."
    )


def _advice_on_seams(sigma: float) -> dict[str, str]:
    """Advice by what the difference looks like."""
    halo = (
        f"Did you read a halo around each chunk? A Gaussian of sigma {sigma:g} looks "
        f"{math.ceil(4 * sigma)} pixels far, `ceil(4 * sigma)`: SciPy cuts it off at 4 sigma."
    )
    return {
        "seam": halo,
        "borders": halo,
        "edges": "The inside is right. At the edges of the array SciPy must fill in with "
        "`mode='nearest'`, and your halo must end where the array ends.",
        "dtype": "A Gaussian of integers is cut down to integers: convert to float32 before you "
        "filter, and make the output float32 as well.",
        "shape": "Cut the halo off again, so that what you write is as large as the chunk.",
    }


def _check_reading(image: WatchedArray, chunks: Sizes, depth: int, question: str) -> None:
    """Refuse an answer that reads everything at once, or far more than chunks and their halo."""
    regions = [
        grid.index_shape(grid.expand(index, depth, image.shape)[0], image.shape)
        for index in grid.chunk_slices(image.shape, chunks)
    ]
    largest, total = max(map(math.prod, regions)), sum(map(math.prod, regions))
    if image.largest_read > largest:
        raise Wrong(
            f"`{question}` is right, but reads too much: {image.largest_read} pixels at once, "
            f"where a chunk with its halo has at most {largest}.",
            "The image could be larger than your memory: read `image[...]` only with slices of "
            "one chunk and its halo.",
        )
    if image.read > total:
        raise Wrong(
            f"`{question}` is right, but reads too much: {image.read} pixels in all, where "
            f"chunks with their halo have {total}.",
            "Read once for each chunk, with a halo no deeper than the filter needs.",
        )
