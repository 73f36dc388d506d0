"""Marks means of windows, shows a window that is wrong, and recognises the mistake behind it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import ome_zarr
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.words import cut, describe, kind, short

__all__ = ["INTERPOLATED", "ONE_VOXEL", "expect_windows", "mark_window_mean", "mean_slips"]
__all__ += ["window_sums"]

Array = npt.NDArray[Any]
Sizes: TypeAlias = Sequence[int]
# For a block and factors: what usual mistakes give, and what to say to whoever made them.
Slips: TypeAlias = Callable[[Array, Sizes], Iterable[tuple[Array, str]]]
_Case: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], str]  # shape, factors, dtype

_CUT_OFF = (
    "Decimals are cut off, not rounded: `astype` and `//` turn 7.75 into 7, so every level is "
    "darker than the one before. Add half of the count before dividing: "
    "`(sums + counts // 2) // counts`."
)
_NOT_ROUNDED = (
    "The means are right, but the image has integers: round half up, with `np.floor(mean + 0.5)` "
    "or, of integers, `(sums + counts // 2) // counts`, and go back to the dtype."
)
_TO_EVEN = (
    "`np.round` and `np.rint` round a half to the nearest even number: 0.5 becomes 0 and 1.5 "
    "becomes 2. Rounded half up, both go up: `np.floor(mean + 0.5)`, or with integers "
    "`(sums + counts // 2) // counts`."
)
_NEGATIVE = (
    "Half up means towards the larger number below zero, too: -1.5 becomes -1. `astype` and "
    "`np.trunc` cut towards 0; `np.floor(mean + 0.5)` and `//` go down."
)
_WRAPS = (
    "The sum of a window does not fit into the dtype of the image and wraps around. Sum in a "
    "wider one, such as `block.astype('int64')`, and go back to the dtype at the end."
)
_ROUND_ONCE = (
    "Rounded once per axis, errors add up. Sum along all axes first, and divide and round once."
)
_ZEROS = (
    "Windows that the edge cuts short are too dark: they are divided by the size of a whole "
    "window, or filled with zeros. Divide by the number of voxels that are there."
)
_REPEATED = (
    "In windows that the edge cuts short some voxels count more than others: they were filled "
    "with copies. Average only the voxels that are there."
)
ONE_VOXEL = (
    "That is one voxel of each window. The others are lost, which turns noise and fine structure "
    "into patterns that are not there. Average all of them."
)
INTERPOLATED = (
    "`zoom` interpolates between the few voxels nearest to a point and ignores the others of the "
    "window; and its points are not the middles of the windows. Average all voxels of a window."
)


def mark_window_mean(answer: Answer) -> str:
    """Mark 04.2: means of windows, ragged ones too, rounded half up in integers."""
    cases: list[_Case] = [((12, 16), (2, 2), "uint8"), ((5, 8, 6), (1, 2, 2), "uint16")]
    cases += [((13, 9), (2, 2), "uint16"), ((7, 10, 9), (2, 4, 4), "uint8")]
    cases += [((11, 12), (3, 2), "int16"), ((17,), (4,), "uint8")]
    for shape, factors, dtype in cases:
        block = _bright(answer.rng, shape, dtype)
        question = describe(answer.name, (block, factors))
        found = answer(block, factors)
        expected = ome_zarr.window_mean(block, factors)
        expect_windows(found, expected, block, factors, question, mean_slips)
    return (
        f"{len(cases)} images of one to three dimensions: every value is the mean of its window, "
        "rounded half up, the short windows at the edges too."
    )


def _bright(rng: np.random.Generator, shape: Sizes, dtype: str) -> Array:
    """Make an image in which sums go beyond the dtype, and halves are frequent."""
    limits = np.iinfo(dtype)
    if limits.min < 0:
        return rng.integers(-9, 10, shape).astype(dtype)
    return rng.integers(limits.max - 40, limits.max, shape, endpoint=True).astype(dtype)


def expect_windows(
    found: Any,
    expected: Array,
    block: Array,
    factors: Sizes,
    question: str,
    slips: Slips,
) -> None:
    """Refuse anything but one right value per window, and show a window that is wrong.

    Parameters
    ----------
    found
        What an answer gave.
    expected
        What is right.
    block
        What was divided into windows.
    factors
        Length of a window along each axis.
    question
        The call, for the message.
    slips
        What usual mistakes give.

    Raises
    ------
    Wrong
        If it is no array, or differs in shape, dtype or values.
    """
    if not isinstance(found, np.ndarray):
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(f"`{question}` gave {kind(found)}; expected an array.", ending)
    if found.shape != expected.shape:
        raise Wrong(
            f"`{question}` has shape {found.shape}; expected {expected.shape}.",
            _advice_on_shape(found.shape, block.shape, factors),
        )
    wrong = ~np.isclose(found, expected, rtol=0, atol=1e-9)
    if not wrong.any():
        if found.dtype != expected.dtype:
            raise Wrong(
                f"`{question}` has dtype {found.dtype}; expected {expected.dtype}.",
                "The values are right. At the end go back to the dtype that came: "
                "`.astype(block.dtype)`.",
            )
        return
    place = tuple(int(n) for n in np.argwhere(wrong)[0])
    window = block[tuple(slice(p * f, p * f + f) for p, f in zip(place, factors, strict=True))]
    picture = error_map(wrong[(0,) * (wrong.ndim - 2)]) if wrong.ndim > 1 else ""
    raise Wrong(
        f"`{question}`: {wrong.sum()} of {wrong.size} values are wrong, the first at {place}. Its "
        f"window holds {cut(', '.join(map(str, window.ravel().tolist())))}; expected "
        f"{short(expected[place])}, found {short(found[place])}.",
        _advice_on_values(found, block, factors, slips),
        picture,
    )


def _advice_on_values(found: Array, block: Array, factors: Sizes, slips: Slips) -> str:
    """Find the mistake that gives these values."""
    otherwise = ""
    for values, advice in slips(block, factors):
        if values.shape == found.shape and np.allclose(found, values, rtol=1e-9, atol=1e-9):
            return advice
        otherwise = advice
    return otherwise


def _advice_on_shape(found: Sizes, shape: Sizes, factors: Sizes) -> str:
    """Name the usual slips from the shape found."""
    pairs = list(zip(shape, factors, strict=True))
    if tuple(found) == tuple(n // f for n, f in pairs):
        return (
            "The last window along an axis is missing where the edge cuts it short. It counts as "
            "it is: lengths are rounded up, `-(-length // factor)`."
        )
    if tuple(found) == tuple(n // f + 1 for n, f in pairs):
        return "One window too many where the factor divides the length: `-(-length // factor)`."
    for factor in set(factors) if len(set(factors)) > 1 else ():
        if tuple(found) == tuple(-(-n // factor) for n in shape):
            return "Each axis has a factor of its own: take them in turn."
    if tuple(found) == tuple(shape):
        return "One value per window, not one per voxel."
    if tuple(found) == tuple(-(-n // f) for n, f in zip(shape, factors[::-1], strict=True)):
        return "The factors come in the order of the axes."
    return "One value per window along each axis: `-(-length // factor)` of them."


def mean_slips(block: Array, factors: Sizes) -> Iterator[tuple[Array, str]]:
    """List what mistakes with means give.

    Parameters
    ----------
    block
        An image of integers.
    factors
        Length of a window along each axis.

    Yields
    ------
    values : ndarray
        What somebody who made the mistake found.
    advice : str
        What to say to them.

    Examples
    --------
    >>> values, advice = next(mean_slips(np.array([3, 4], "u1"), (2,)))
    >>> values
    array([3.5])
    """
    sums, counts = (
        window_sums(block.astype("int64"), factors),
        window_sums(np.ones(block.shape, int), factors),
    )
    mean = sums / counts
    yield mean, _NOT_ROUNDED
    yield np.copysign(np.floor(np.abs(mean) + 0.5), mean), _NEGATIVE
    yield np.trunc(mean + 0.5), _NEGATIVE
    yield np.trunc(mean), _CUT_OFF
    yield np.floor(mean), _CUT_OFF
    yield np.rint(mean), _TO_EVEN
    yield np.ceil(mean), "Rounded up always: half up means that what is below a half goes down."
    yield sums, "Those are sums. Divide each by the number of voxels in its window."
    yield from ((values, _WRAPS) for values in _wrapped(sums, counts, block.dtype))
    yield from ((values, _ROUND_ONCE) for values in _rounded_per_axis(block, factors))
    yield from _filled(block, factors)
    yield from ((values, INTERPOLATED) for values in _zoomed(block, factors))
    for start in {tuple(0 for _ in factors), tuple(f // 2 for f in factors)}:
        every = tuple(slice(s, None, f) for s, f in zip(start, factors, strict=True))
        yield block[every], ONE_VOXEL
    yield (
        np.empty(0),
        "Sum each window along all axes as int64, count its voxels, then divide and round once.",
    )


def window_sums(values: Array, factors: Sizes) -> Array:
    """Sum each window, those that the end cuts short as they are.

    Parameters
    ----------
    values
        What is divided into windows.
    factors
        Length of a window along each axis.

    Returns
    -------
    ndarray
        One sum per window.

    Examples
    --------
    >>> window_sums(np.array([1, 2, 3, 4, 6]), (2,))
    array([3, 7, 6])
    """
    for axis, factor in enumerate(factors):
        starts = np.arange(0, values.shape[axis], factor)
        values = np.add.reduceat(values, starts, axis=axis)
    return values


def _wrapped(sums: Array, counts: Array, dtype: np.dtype[Any]) -> Iterator[Array]:
    """Give what is left of sums that were too large, divided and rounded in several ways."""
    small = sums.astype(dtype)
    half_added = (sums + counts // 2).astype(dtype)
    wide = small.astype("int64")
    yield from (wide // counts, (wide + counts // 2) // counts, half_added // counts)
    yield from (np.rint(wide / counts), (sums // counts).astype(dtype))


def _rounded_per_axis(block: Array, factors: Sizes) -> Iterator[Array]:
    """Give means of means, rounded after each axis."""
    for half in (0.0, 0.5):
        for order in permutations(range(block.ndim)):
            values = block.astype("float64")
            for axis in order:
                only = [factors[axis] if other == axis else 1 for other in range(block.ndim)]
                counts = window_sums(np.ones(values.shape), only)
                values = np.floor(window_sums(values, only) / counts + half)
            yield values


def _filled(block: Array, factors: Sizes) -> Iterator[tuple[Array, str]]:
    """Give means in which short windows were made whole."""
    widths = [(0, -n % f) for n, f in zip(block.shape, factors, strict=True)]
    size = int(np.prod(factors))
    for mode, advice in (("constant", _ZEROS), ("edge", _REPEATED), ("symmetric", _REPEATED)):
        padded = np.pad(block.astype("int64"), widths, mode=mode)  # type: ignore[call-overload]
        sums = window_sums(padded, factors)
        yield (sums + size // 2) // size, advice
        yield sums // size, advice
        yield np.rint(sums / size), advice


def _zoomed(block: Array, factors: Sizes) -> Iterator[Array]:
    """Give what interpolation finds in place of means."""
    for order in (0, 1, 3):
        yield ndimage.zoom(block, [1 / factor for factor in factors], order=order)
