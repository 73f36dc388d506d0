"""Marks a deconvolution in chunks: the halo grows with every iteration."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.lazy import LazyImage, expect_lazy_values
from data_helpers.checks.marking import Answer

__all__ = ["mark_sharpen"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_LEAST = 1e-12
_HALO = (
    "Each iteration looks twice as far as the PSF reaches, once there and once back, and what it "
    "sees was made by the iteration before."
)
_STEP = (
    "Once more: blur the estimate by the PSF, let no value of that be below 1e-12, divide the "
    "image by it, correlate the ratio with the PSF, multiply the estimate with the result."
)


def mark_sharpen(answer: Answer) -> str:
    """Mark 06.7: Richardson-Lucy in chunks equals that of the whole image."""
    cases: list[tuple[Sizes, Sizes, Sizes, int]] = [
        ((60, 50), (20, 25), (5, 3), 3),
        ((64, 45), (16, 16), (3, 5), 2),
        ((48, 42), (10, 6), (3, 3), 4),
    ]
    for shape, chunks, size, iterations in cases:
        values, psf = _blurred(answer.rng, shape), _psf(answer.rng, size)
        image = LazyImage(values, chunks)
        expect_lazy_values(
            answer,
            [image, psf, iterations],
            _sharpened(values, psf, iterations).astype("f4"),
            chunks=image.array.chunks,
            advice={
                "chunks": "Where the halo is larger than a chunk, `map_overlap` joins chunks, "
                "without a word. That is fine on the way; `.rechunk(image.chunks)` cuts the result "
                "as the image was.",
                "dtype": "Ask for float32: let the function end with `.astype('float32')`, and say "
                "`dtype='float32'`.",
                "edges": "The inside is right, the edges of the image are not. There "
                "`ndimage.convolve` reflects anew in every iteration: let the halo end where the "
                "image ends, with `boundary='none'`, and leave the edges to it.",
                "seam": "The values inside each chunk are right, those near a border are not: the "
                f"halo is too small. {_HALO}",
                "everywhere": _STEP,
            },
            explain=partial(_explain, image=values, psf=psf, iterations=iterations, chunks=chunks),
            rtol=1e-4,
        )
    return (
        f"{len(cases)} images, one with a halo larger than its chunks: the result is that of the "
        "whole image."
    )


def _blurred(rng: np.random.Generator, shape: Sizes) -> Array:
    """Make points that are blurred already, on a background with a dark corner."""
    image = rng.poisson(20, shape) + 4000 * (rng.random(shape) < 0.02)
    image = ndimage.gaussian_filter(image.astype("f8"), 1)
    image[: shape[0] // 2, : shape[1] // 2] = 0
    counts: Array = image.astype("uint16")
    return counts


def _psf(rng: np.random.Generator, size: Sizes) -> Array:
    """Make a PSF that is not its own mirror image."""
    sides = [np.convolve(np.ones(n // 2 + 1), rng.uniform(0.5, 1.5, n // 2 + 1)) for n in size]
    psf: Array = np.outer(*sides) * rng.uniform(0.5, 1.5, size)
    psf /= psf.sum()
    return psf


def _sharpened(
    image: Array,
    psf: Array,
    iterations: int,
    start: Array | None = None,
    back: Callable[..., Array] = ndimage.correlate,
) -> Array:
    estimate = np.ones(image.shape) if start is None else start.astype("f8")
    for _ in range(iterations):
        blurred = np.maximum(ndimage.convolve(estimate, psf, mode="reflect"), _LEAST)
        estimate = estimate * back(image / blurred, psf, mode="reflect")
    return estimate


def _explain(found: Array, image: Array, psf: Array, iterations: int, chunks: Sizes) -> str:
    """Name the slip, if it is a known one."""
    if np.isnan(found).any():
        return (
            "NaN: where the image is 0 the estimate becomes 0, and 0 divided by 0 is NaN, which "
            "spreads. Let no blurred value be below 1e-12: `np.maximum(blurred, 1e-12)`."
        )
    for other, advice in _halo_slips(image, psf, iterations, chunks):
        if _share_equal(found, other) == 1:
            return advice
    for other, advice in _slips(image, psf, iterations):  # the halo may be wrong as well
        if _share_equal(found, other) > 0.8:
            return advice
    return ""


def _share_equal(found: Array, other: Array) -> float:
    return float(np.isclose(found, other, rtol=0, atol=1e-4 * float(other.max())).mean())


def _halo_slips(
    image: Array, psf: Array, iterations: int, chunks: Sizes
) -> Iterator[tuple[Array, str]]:
    """List what other halos give."""
    radius = [n // 2 for n in psf.shape]
    for times, words in [
        (0, "There is no halo at all."),
        (1, "The halo is the reach of the PSF."),
        (2, "The halo is that of one iteration."),
        (iterations, "The halo counts the PSF once in each iteration, not twice."),
        (2 * iterations - 1, "The halo is one reach of the PSF too small."),
    ]:
        if times < 2 * iterations:
            depth = tuple(times * r for r in radius)
            yield _in_chunks(image, psf, iterations, chunks, depth), f"{words} {_HALO}"
    swapped = tuple(2 * r * iterations for r in radius[::-1])
    if radius[0] != radius[1]:
        yield (
            _in_chunks(image, psf, iterations, chunks, swapped),
            "The depths of y and x are swapped: `psf.shape` has y first.",
        )


def _slips(image: Array, psf: Array, iterations: int) -> Iterator[tuple[Array, str]]:
    """List what usual slips of the method give, on the whole image."""
    yield (
        _sharpened(image, psf, iterations, back=ndimage.convolve),
        (
            "The second time the PSF must be its own mirror image: `ndimage.correlate` does that, "
            "`ndimage.convolve` does not."
        ),
    )
    yield (
        _sharpened(image, psf[::-1, ::-1], iterations),
        (
            "The PSF is the wrong way round: blurring is `ndimage.convolve`, and only the way back "
            "is `ndimage.correlate`."
        ),
    )
    for count in (iterations - 1, iterations + 1, 1):
        if count:
            yield (
                _sharpened(image, psf, count),
                f"That is the result of {count} iterations, not of {iterations}.",
            )
    yield (
        _sharpened(image, psf, iterations, start=image),
        "The first estimate is 1 everywhere, not the image.",
    )


def _in_chunks(image: Array, psf: Array, iterations: int, chunks: Sizes, depth: Sizes) -> Array:
    """Sharpen chunk by chunk with a halo, which may be too small."""
    result = np.empty(image.shape)
    for index in grid.chunk_slices(image.shape, chunks):
        outer, inner = grid.expand(index, depth, image.shape)
        result[index] = _sharpened(image[outer], psf, iterations)[inner]
    return result
