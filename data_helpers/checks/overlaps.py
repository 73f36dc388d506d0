"""Marks what is done where tiles overlap: how far they are off, and how they become one image."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import stitching
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.words import describe, kind, short

__all__ = ["mark_blend", "mark_find_shift"]

Array = npt.NDArray[Any]
Pair: TypeAlias = tuple[int, int]

_OFF_BY_FEW = (
    "The positions are right and the mixture is not. Weight of a pixel: its distance to the "
    "nearest edge of its own tile, 1 at the edge itself, in y times in x."
)
_ROUNDED_DOWN = (
    "Off by one: `astype` cuts off what is behind the point, and 8.9999 becomes 8. Round first, "
    "`np.rint(...)`."
)


def mark_find_shift(answer: Answer) -> str:
    """Mark 02.6: the shift of one image against another, with its sign and its axes."""
    shifts: list[Pair] = [(-5, 8), (7, -3), (4, 9), (-6, -2), (0, -7)]
    shifts += [_random_shift(answer.rng) for _ in range(3)]
    cases = [(*_two_views(answer.rng, (64, 96), shift), shift) for shift in shifts]
    for first, second, shift in cases:
        question = describe(answer.name, (first, second))
        found = _pair_of_numbers(answer(first, second), question)
        if np.abs(np.subtract(found, shift)).max() <= 0.5:
            continue
        if not _near_zero(found, first.shape):
            refuse_hard_coded(answer, [views[:2] for views in cases])
        raise Wrong(
            f"`{question}` gave {short(found)}; expected {shift} (y, x).",
            _advice_on_shift(found, shift, first.shape),
        )
    return f"{len(shifts)} pairs of images, unevenly lit and noisy."


def _random_shift(rng: np.random.Generator) -> Pair:
    y, x = rng.choice(np.arange(1, 11), 2, replace=False) * rng.choice([-1, 1], 2)
    return int(y), int(x)


def _two_views(rng: np.random.Generator, shape: Pair, shift: Pair) -> tuple[Array, Array]:
    """Cut two images from one, the second moved; each unevenly lit, with noise of its own."""
    scene = ndimage.gaussian_filter(rng.normal(size=(shape[0] + 30, shape[1] + 30)), 1)
    scene = 2000 + 60 * (scene - scene.mean()) / scene.std()
    y, x = np.ogrid[: shape[0], : shape[1]]
    light = 0.4 + 1.2 * np.exp(-((y / shape[0] - 0.5) ** 2 + (x / shape[1] - 0.5) ** 2) * 4)
    starts = (15, 15), (15 + shift[0], 15 + shift[1])
    first, second = (
        scene[a : a + shape[0], b : b + shape[1]] * light + rng.normal(0, 3, shape)
        for a, b in starts
    )
    return first.clip(0).astype("uint16"), second.clip(0).astype("uint16")


def _pair_of_numbers(found: Any, question: str) -> tuple[float, float]:
    """Take two numbers, or say what came instead."""
    if found is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if not isinstance(found, (tuple, list, np.ndarray)) or np.shape(found) != (2,):
        raise Wrong(
            f"`{question}` gave {kind(found)}, {short(found)}; expected two numbers, (y, x).",
            "The highest peak is at one place: `np.unravel_index(peaks.argmax(), peaks.shape)`.",
        )
    return float(found[0]), float(found[1])


def _near_zero(found: Sequence[float] | Array, shape: tuple[int, ...], far: int = 3) -> bool:
    """Whether a shift is about none, counted in circles."""
    return all(min(k % n, -k % n) <= far for k, n in zip(found, shape, strict=True))


def _advice_on_shift(found: tuple[float, float], shift: Pair, shape: tuple[int, ...]) -> str:
    """Name the usual slips from the numbers found."""
    y, x = shift
    wraps = (
        "The Fourier transform goes round in circles: a shift of -3 shows as `length - 3`. What "
        "is larger than half of the length stands for a negative shift: subtract the length."
    )
    sign = (
        "The sign is the other way round. `second` is moved to fit `first`: the conjugate belongs "
        "to the transform of `second`."
    )
    swapped = "The axes are swapped: y, the rows, comes first."
    centred = (
        "`np.fft.fftshift` has put the shift of 0 into the middle: subtract half of the length "
        "along each axis, or leave it out."
    )
    slips = [
        ((-y, -x), sign),
        ((x, y), swapped),
        ((-x, -y), f"{swapped} {sign}"),
        ((abs(y), abs(x)), "The sign is lost: a tile may lie to either side."),
        (tuple(k + n // 2 for k, n in zip(shift, shape, strict=True)), centred),
    ]
    for numbers, advice in slips:
        if np.allclose(found, numbers, atol=0.5):
            return advice
    if _near_zero(np.subtract(found, shift), shape, 0):
        return wraps
    if _near_zero(np.add(found, shift), shape, 0):
        return f"{wraps} Besides: {sign}"
    if _near_zero(found, shape):
        return (
            "The light falls in the same way on both images, and that does not move. Phase "
            "correlation divides the product of the transforms by its absolute value, so that "
            "slow and fine structure count alike."
        )
    return (
        "Multiply the transform of one with the conjugate of the other, divide by the absolute "
        "value, transform back, and look for the largest real part."
    )


def mark_blend(answer: Answer) -> str:
    """Mark 02.7: overlapping tiles as one image that cannot be told from the original."""
    for dtype in ("uint8", "uint16", "float32"):
        tiles, positions, whole = _cut_with_overlap(answer.rng, dtype)
        question = describe(answer.name, (tiles, positions))
        found = answer(tiles, positions)
        _check_shape(found, whole, tiles, positions, question)
        _check_cut(found, whole, question)
        _check_mixture(answer, tiles, positions)
    return (
        "Tiles cut from one image give it back exactly; where tiles of different brightness "
        "meet, one fades into the other, and what one tile covers alone is as it was."
    )


def _cut_with_overlap(
    rng: np.random.Generator, dtype: str
) -> tuple[list[Array], list[Pair], Array]:
    """Cut a bright image into 2 x 3 tiles that overlap, in no order, with a gap at one corner."""
    high = np.iinfo(dtype).max if dtype != "float32" else 1000
    image = rng.integers(high // 2, high, (40, 58), endpoint=True).astype(dtype)
    rows = [(0, 22), (int(rng.integers(14, 19)), 40)]
    columns = [(0, 24), (int(rng.integers(16, 21)), 40), (int(rng.integers(32, 37)), 58)]
    boxes = [(y, x) for y in rows for x in columns]
    boxes.pop(5)  # the last corner is covered by no tile
    whole = np.zeros_like(image)
    for (top, bottom), (left, right) in boxes:
        whole[top:bottom, left:right] = image[top:bottom, left:right]
    boxes = [boxes[i] for i in rng.permutation(len(boxes))]
    tiles = [image[top:bottom, left:right].copy() for (top, bottom), (left, right) in boxes]
    return tiles, [(top, left) for (top, _), (left, _) in boxes], whole


def _check_shape(
    found: Any, whole: Array, tiles: list[Array], positions: list[Pair], question: str
) -> None:
    """Refuse what is no image, or one of another size or dtype."""
    if not isinstance(found, np.ndarray):
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(f"`{question}` gave {kind(found)}; expected an array.", ending)
    if found.shape != whole.shape:
        corners = zip(tiles, positions, strict=True)
        swapped = np.max([np.add(tile.shape, at[::-1]) for tile, at in corners], axis=0)
        raise Wrong(
            f"`{question}` has shape {found.shape}; expected {whole.shape}.",
            "A position is (y, x): rows first."
            if found.shape == tuple(swapped)
            else "The image ends where the last tile ends: the largest `position + length` along "
            "each axis. Tiles differ in size and come in any order.",
        )
    if found.dtype != whole.dtype:
        raise Wrong(
            f"`{question}` has dtype {found.dtype}; expected {whole.dtype}.",
            "Weights are floats and so is the sum. At the end go back to the dtype of the tiles, "
            "for integers rounded: `np.rint(...).astype(...)`.",
        )


def _check_cut(found: Array, whole: Array, question: str) -> None:
    """Refuse an image that is not the one from which the tiles were cut."""
    tolerance = 1e-5 * float(whole.max()) if whole.dtype.kind == "f" else 0.0
    off = ~np.isclose(found, whole, rtol=0, atol=tolerance)
    if not off.any():
        return
    place = tuple(int(n) for n in np.argwhere(off)[0])
    raise Wrong(
        f"The tiles were cut from one image, but `{question}` does not give it back: "
        f"{off.sum()} of {off.size} pixels differ, the first at {place}: {short(found[place])} "
        f"instead of {short(whole[place])}.",
        _why_not_whole(found.astype("float64"), whole.astype("float64"), off, whole.dtype),
        error_map(off),
    )


def _why_not_whole(found: Array, whole: Array, off: Array, dtype: np.dtype[Any]) -> str:
    """Say what went wrong where the tiles agree with one another."""
    if off[whole == 0].any():
        return "Where there is no tile the weights are 0: keep 0 there, do not divide."
    if (np.nan_to_num(found[off]) == 0).all():
        return "At the edge of a tile the weight is 1, not 0: nothing else may be there."
    if np.abs(found - whole).max() <= 1 and dtype.kind in "iu":
        return _ROUNDED_DOWN
    return (
        "Any mean of tiles that agree is what they agree on. Sum values times weights as float64 "
        f"({dtype} wraps around or is cut off), sum the weights, then divide by that sum."
    )


def _check_mixture(answer: Answer, tiles: list[Array], positions: list[Pair]) -> None:
    """See that tiles of different brightness fade into one another, and only where they overlap."""
    factors = [1.0 if number % 2 else 0.5 for number in range(len(tiles))]
    dimmed = [(tile * f).astype(tile.dtype) for tile, f in zip(tiles, factors, strict=True)]
    found = answer(dimmed, positions)
    question = describe(answer.name, (dimmed, positions))
    expected: Array = np.asarray(stitching.fuse(dimmed, positions))
    if not isinstance(found, np.ndarray) or found.shape != expected.shape:
        raise Wrong(f"`{question}` gave {kind(found)}, unlike before.")
    alone = _how_many(dimmed, positions, expected.shape) == 1
    gap = np.abs(found.astype("float64") - expected.astype("float64"))
    allowed = 1.0 if expected.dtype.kind in "iu" else 1e-4 * float(expected.max())
    if (gap[alone] > 0).any() and gap[alone].max() > allowed / 2:
        raise Wrong(
            f"`{question}` changes pixels that only one tile covers.",
            "There the weights must cancel out: divide by their sum at each pixel.",
        )
    if gap.max() > allowed:
        place = tuple(int(n) for n in np.unravel_index(gap.argmax(), gap.shape))
        raise Wrong(
            f"`{question}` where tiles of different brightness overlap: at {place} it has "
            f"{short(found[place])}; expected {short(expected[place])}.",
            _why_no_fade(found, dimmed, positions, expected),
        )
    if expected.dtype.kind in "iu" and np.mean(gap[~alone & (expected > 0)]) > 0.2:  # no mere ties
        raise Wrong(f"`{question}` is one too low at many pixels.", _ROUNDED_DOWN)


def _how_many(tiles: list[Array], positions: list[Pair], shape: tuple[int, ...]) -> Array:
    """Count the tiles at each pixel."""
    count = np.zeros(shape, int)
    for tile, (y, x) in zip(tiles, positions, strict=True):
        count[y : y + tile.shape[0], x : x + tile.shape[1]] += 1
    return count


def _why_no_fade(found: Array, tiles: list[Array], positions: list[Pair], expected: Array) -> str:
    """Recognise other ways to put tiles on one another."""
    plain = np.zeros(expected.shape)
    last = np.zeros(expected.shape)
    first = np.zeros(expected.shape)
    for tile, (y, x) in zip(tiles, positions, strict=True):
        part = np.s_[y : y + tile.shape[0], x : x + tile.shape[1]]
        plain[part] += tile
        last[part] = tile
        first[part] = np.where(first[part] == 0, tile, first[part])
    plain /= np.maximum(_how_many(tiles, positions, expected.shape), 1)
    hard = (
        "One tile covers the other, which leaves a hard edge. Mix them: the weight of a pixel is "
        "its distance to the nearest edge of its own tile."
    )
    step = (
        "That is the plain mean, which leaves a step where a tile ends. Let each tile fade out "
        "towards its edge: the weight is the distance to it."
    )
    known = [(plain, step), (last, hard), (first, hard)]
    for other, advice in known:
        if np.abs(found - other).max() <= 1:
            return advice
    return _OFF_BY_FEW
