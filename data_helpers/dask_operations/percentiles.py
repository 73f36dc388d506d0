"""Percentiles of an image that is larger than memory, exact: from counts that add up.

Values are counted by rank words: whole numbers whose order is that of the values. Those of 8-bit
and 16-bit integers are counted in one pass. Other values are counted as float32, which has 32 bits:
by their upper 16 bits first; then, in a second pass, by the lower 16 bits of those values alone
whose upper bits turned out to be asked for.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from data_helpers.dask_operations.counts import (
    WORDS,
    count_values,
    count_words,
    few_values,
    in_parts,
    lowest_value,
)
from data_helpers.dask_operations.inputs import check_image
from data_helpers.dask_operations.passes import reduce_chunks

__all__ = ["global_percentiles"]


def global_percentiles(x: da.Array, percentiles: Sequence[float]) -> da.Array:
    """Find percentiles of a whole lazy image: what `numpy.nanpercentile` gives for all of it.

    `dask.array.percentile` puts together percentiles of chunks, which only comes close.

    Parameters
    ----------
    x
        A Dask array: bool, integers or floats. NaN is left out.
    percentiles
        From 0 to 100.

    Returns
    -------
    dask.array.Array
        Lazy, of one chunk: a float64 for each of them. Values of more than 16 bits are rounded to
        float32 first. Computing it computes `x` once if it holds bool or integers of at most
        16 bits, else twice; no more than the chunks being counted are in memory.

    Raises
    ------
    TypeError
        If `x` is not a Dask array of such numbers.
    ValueError
        If chunk sizes are unknown, the image has no voxels, or a percentile is none. When
        computed: if the image holds only NaN.

    Examples
    --------
    >>> x = da.from_array([7, 1, 5, 3, 9], chunks=2).astype("uint8")
    >>> global_percentiles(x, (0, 50, 90)).compute()
    array([1. , 5. , 8.2])
    """
    check_image(x, "x")
    wanted = tuple(float(one) for one in percentiles)
    if not wanted or not all(0 <= one <= 100 for one in wanted):
        raise ValueError(f"percentiles are {percentiles}; expected numbers from 0 to 100")
    if x.size == 0:
        raise ValueError(f"x has shape {x.shape}, so no voxels; expected at least one")
    size = (len(wanted),)
    if few_values(x.dtype):
        finish = partial(_of_integers, percentiles=wanted, dtype=x.dtype)
        return reduce_chunks(count_values, sum, finish, x, shape=size, label="percentiles")
    upper = reduce_chunks(
        _upper_words, sum, _at_least_one, x, shape=(WORDS,), dtype="i8", label="upper-words"
    )
    count = partial(_lower_words, percentiles=wanted)
    between = partial(_of_floats, percentiles=wanted)
    return reduce_chunks(count, sum, between, x, upper, shape=size, label="percentiles")


def _of_integers(
    counts: NDArray[np.int64], *, percentiles: Sequence[float], dtype: np.dtype[Any]
) -> list[float]:
    ends = np.cumsum(counts)

    def value(rank: int) -> int:
        return lowest_value(dtype) + int(np.searchsorted(ends, rank, "right"))

    return [
        _between(value(low), value(high), share)
        for low, high, share in _ranks(int(ends[-1]), percentiles)
    ]


def _upper_words(block: NDArray[Any]) -> NDArray[np.int64]:
    """Task of the first pass: how often each word of upper bits occurs."""
    return count_words((_float_words(part) >> 16).astype(np.intp) for part in in_parts(block))


def _at_least_one(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    if not counts.any():
        raise ValueError("the image holds only NaN, which has no percentiles; expected numbers")
    return counts


def _lower_words(
    block: NDArray[Any], upper: NDArray[np.int64], *, percentiles: Sequence[float]
) -> NDArray[np.int64]:
    """Task of the second pass: lower bits of the values whose upper bits are asked for."""
    words = [_float_words(part) for part in in_parts(block)]
    return np.stack(
        [
            count_words((part[part >> 16 == one] & (WORDS - 1)).astype(np.intp) for part in words)
            for one in _asked(upper, percentiles)
        ]
    )


def _of_floats(
    lower: NDArray[np.int64], upper: NDArray[np.int64], *, percentiles: Sequence[float]
) -> list[float]:
    asked, ends = _asked(upper, percentiles), np.cumsum(upper)

    def value(rank: int) -> float:
        word = int(np.searchsorted(ends, rank, "right"))
        inside = rank - int(ends[word] - upper[word])
        row = np.cumsum(lower[asked.index(word)])
        return _float_of(word * WORDS + int(np.searchsorted(row, inside, "right")))

    return [
        _between(value(low), value(high), share)
        for low, high, share in _ranks(int(ends[-1]), percentiles)
    ]


def _asked(upper: NDArray[np.int64], percentiles: Sequence[float]) -> list[int]:
    """Words of upper bits that hold the values asked for."""
    ends = np.cumsum(upper)
    ranks = [rank for low, high, _ in _ranks(int(ends[-1]), percentiles) for rank in (low, high)]
    return sorted({int(word) for word in np.searchsorted(ends, ranks, "right")})


def _ranks(count: int, percentiles: Sequence[float]) -> Iterator[tuple[int, int, float]]:
    """Between which two values, counted from the smallest, and where between them."""
    for one in percentiles:
        place = one / 100 * (count - 1)
        low = int(place)
        yield low, min(low + 1, count - 1), place - low


def _between(low: float, high: float, share: float) -> float:
    return low if share == 0 or low == high else low + (high - low) * share


def _float_words(values: NDArray[Any]) -> NDArray[np.uint32]:
    """Whole numbers in the order of the values: bits of float32, those of negatives inverted."""
    numbers = np.asarray(values[~np.isnan(values)] if values.dtype.kind == "f" else values, "f4")
    bits = numbers.view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(2**31))


def _float_of(word: int) -> float:
    bits = word - 2**31 if word >= 2**31 else 2**32 - 1 - word
    return float(np.uint32(bits).view(np.float32))
