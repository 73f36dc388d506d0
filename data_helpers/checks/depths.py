"""Marks how deep a halo is chosen: run for real, and seen at the borders between chunks."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.marking import Answer, Stub, Wrong
from data_helpers.checks.words import cut

__all__ = ["mark_depth"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_AXES = "zyx"
_REACH = ((0, 2, 2), (3, 8, 8), (1, 1, 1))  # of the three filters, along z, y and x
_NEEDED: Sizes = tuple(sum(axis) for axis in zip(*_REACH, strict=True))
_CHUNKS = (16, 24, 24)

_ADD_UP = (
    "Filters that follow one another: the third looks at results of the second, which looked at "
    "results of the first. Their reaches add up."
)


def mark_depth(answer: Answer) -> str:
    """Mark 05.1: the smallest halo with which three filters leave no seam."""
    depth = _three_numbers(answer.value)
    image = answer.rng.random((32, 48, 48))
    expected = _three_filters(image)
    for axis, name in enumerate(_AXES):
        if depth[axis] < _NEEDED[axis]:
            _explain_seam(image, expected, depth, axis, name)
    found = _in_chunks(image, depth)
    assert np.allclose(found, expected, rtol=1e-9), "the halo is deep enough, and must do"
    for axis, name in enumerate(_AXES):
        if depth[axis] > _NEEDED[axis]:
            raise Wrong(
                f"With {depth} there is no seam, but along {name} a smaller halo would do.",
                _slip_along(depth, axis)
                or "Each voxel of halo is read, decoded and filtered for nothing. Add up what each "
                "of the three filters needs along this axis, no more.",
            )
    return "On a random image, chunk by chunk, the result is that of the whole image; no less does."


def _three_numbers(value: Any) -> Sizes:
    """Take three whole numbers, or say what came instead."""
    if isinstance(value, Sequence) and len(value) == 3 and all(n is None for n in value):
        raise Stub
    is_three = isinstance(value, (tuple, list)) and len(value) == 3
    if not is_three or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in value):
        raise Wrong(
            f"The answer is `{cut(repr(value))}`; expected three whole numbers, for z, y and x.",
            "A halo is counted in voxels on one side, along each axis: a tuple such as "
            "`(2, 2, 2)`, without quotation marks and decimal points.",
        )
    return tuple(int(n) for n in value)


def _three_filters(image: Array) -> Array:
    image = ndimage.median_filter(image, size=(1, 5, 5), mode="nearest")
    image = ndimage.gaussian_filter(image, sigma=(0.8, 2, 2), mode="nearest")
    edges: Array = ndimage.sobel(image, axis=-1, mode="nearest")
    return edges


def _in_chunks(image: Array, depth: Sizes) -> Array:
    result = np.empty_like(image)
    for index in grid.chunk_slices(image.shape, _CHUNKS):
        outer, inner = grid.expand(index, depth, image.shape)
        result[index] = _three_filters(image[outer])[inner]
    return result


def _explain_seam(image: Array, expected: Array, depth: Sizes, axis: int, name: str) -> None:
    """Say how far from the borders a result is wrong that lacks halo along one axis only."""
    alone = tuple(
        d if n == axis else need for n, (d, need) in enumerate(zip(depth, _NEEDED, strict=True))
    )
    found = _in_chunks(image, alone)
    wrong = np.abs(found - expected) > 1e-9 * np.abs(expected).max()
    places, border = np.argwhere(wrong)[:, axis], _CHUNKS[axis]
    far = int(np.maximum(places - border + 1, border - places).max())
    raise Wrong(
        f"With {depth} the chunks show. Along {name} the halo is too small: voxels up to {far} "
        f"away from a border between chunks are wrong, {np.mean(wrong):.1%} of all.",
        _slip_along(depth, axis)
        or "What do the three filters see, on one side of a voxel, along this axis? " + _ADD_UP,
    )


def _slip_along(depth: Sizes, axis: int) -> str:
    """Name the slip that gives a depth along one axis, if it is a known one."""
    found = depth[axis]
    return next((advice for number, advice in _slips(axis) if number == found), "")


def _slips(axis: int) -> Iterator[tuple[int, str]]:
    """List what usual slips give along one axis, in voxels."""
    median, gaussian, sobel = (reach[axis] for reach in _REACH)
    sigma = (0.8, 2.0, 2.0)[axis]
    if axis == 0:
        yield (
            2 + gaussian + sobel,  # and also 3 + gaussian
            (
                "The median has a size of 1 along z: there it looks at nothing but the voxel "
                "itself. And a window of 3 voxels reaches 1 to each side of its centre."
            ),
        )
    yield 0, "Without a halo, what is at a border sees nothing of the next chunk."
    yield max(median, gaussian, sobel), "That is the reach of one filter. " + _ADD_UP
    yield (
        2 * (median + gaussian + sobel),
        "That is both sides together. A halo is counted on one side.",
    )
    yield (
        (2 * median + 1 if median else 0) + gaussian + 3,
        (
            "That counts whole windows: one of 5 voxels reaches 2 to each side of its centre, one "
            "of 3 reaches 1."
        ),
    )
    if median:
        yield (
            gaussian + sobel,  # and also median + 3 sigma + sobel
            (
                "Is the median missing? A window of 5 reaches 2 to each side. Or does your "
                "Gaussian end at 3 sigma? SciPy cuts it off at 4: `int(4 * sigma + 0.5)`."
            ),
        )
    yield (
        median + gaussian,
        "The Sobel filter is missing: a window of 3 reaches 1 to each side.",
    )
    yield (
        median + int(2 * sigma + 0.5) + sobel,
        "That is 2 sigma of the Gaussian, but SciPy cuts it off at 4: `int(4 * sigma + 0.5)`.",
    )
    if axis == 0:
        yield (
            _NEEDED[1],
            (
                "The sigma along z is smaller than the others, and the median does not look along "
                "z: each axis has a depth of its own."
            ),
        )
        yield (
            5,
            (
                "0.8 voxels times 4 are 3.2, and SciPy rounds to the nearest whole number: "
                "`int(4 * 0.8 + 0.5)`. That is one voxel less than rounding up."
            ),
        )
