"""Marks a threshold found in a whole lazy image, and applied to it, without computing anything."""

from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_helpers import grid, processing
from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer
from data_helpers.checks.thresholds import uneven_image

__all__ = ["mark_foreground"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_COUNTS = (
    "First the counts of each block, then their sum over all blocks, then one threshold of the "
    "sum, then the comparison."
)


_SHAPES = (
    "Are there 256 counts, one for each value? Without `chunks=` and `new_axis=`, Dask takes the "
    "counts of a block for a block of the shape of the image. The sum runs over all axes of the "
    "image and leaves the new one."
)
_ONE_NUMBER = (
    "The threshold is a lazy number, without axes: with `drop_axis=0`, Dask knows that 256 counts "
    "become one number."
)


def mark_foreground(answer: Answer) -> str:
    """Mark 06.5: the voxels above Otsu's threshold of the whole image."""
    cases: list[tuple[Sizes, Sizes]] = [
        ((90, 110), (30, 40)),
        ((14, 30, 37), (7, 16, 16)),
        ((75, 120), (40, 120)),
    ]
    for shape, chunks in cases:
        values = uneven_image(answer.rng, shape, "uint8")
        image = LazyImage(values, chunks)
        expect_lazy_values(
            answer,
            [image],
            np.asarray(values > _otsu(values)),
            chunks=image.array.chunks,
            advice={
                "chunks": f"The comparison keeps the chunks of the image. {_ONE_NUMBER}",
                "dtype": "A comparison gives bool: `image > threshold`.",
                "everywhere": _COUNTS,
            },
            errors={
                "one more edge than counts": _SHAPES,
                "drop_axis out of range": _SHAPES,
                "broadcast": f"{_SHAPES} {_ONE_NUMBER}",
            },
            explain=partial(_explain, values=values, chunks=chunks),
        )
    return (
        f"{len(cases)} images: the threshold of all voxels in every chunk, and nothing was "
        "computed before somebody asked for it."
    )


def _otsu(values: Array) -> float:
    counts = np.bincount(values.ravel(), minlength=256)
    return processing.otsu_from_histogram(counts, np.arange(257) - 0.5)


def _explain(found: Array, values: Array, chunks: Sizes) -> str:
    """Name the slip: a threshold for each chunk, or another one for all."""
    each, every = np.empty(values.shape, bool), []
    for index in grid.chunk_slices(values.shape, chunks):
        every.append(_otsu(values[index]))
        each[index] = values[index] > every[-1]
    if np.array_equal(found, each):
        return (
            "Each chunk has a threshold of its own: this image's reach from "
            f"{min(every):.0f} to {max(every):.0f}, and a chunk with few bright voxels is parted "
            f"within its noise. {_COUNTS}"
        )
    if np.array_equal(found, values <= _otsu(values)):
        return "The other way round: bright voxels, above the threshold, are the foreground."
    if not found.any() or found.all():
        return f"All voxels are on one side. {_COUNTS}"
    for threshold, which in [(np.mean(every), "mean"), (np.median(every), "median")]:
        if np.array_equal(found, values > threshold):
            return (
                f"That is the {which} of the thresholds of the chunks. Counts add up, thresholds "
                f"do not. {_COUNTS}"
            )
    above, below = values[found].min(), values[~found].max()
    if above <= below:
        return f"No one threshold parts the voxels like that. {_COUNTS}"
    right = _otsu(values)
    if np.array_equal(found, values >= right):
        return (
            f"Voxels of {right:.0f}, which is the threshold, count as dark: `>`, not `>=`. Do your "
            "edges lie half a count below the whole numbers, `np.arange(257) - 0.5`?"
        )
    return (
        f"That takes the voxels above {below}; Otsu's threshold of all is {right:.0f}. Are "
        f"the counts of all blocks in the sum, each voxel once, in 256 bins? {_COUNTS}"
    )
