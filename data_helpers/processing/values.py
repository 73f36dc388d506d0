"""Numbers on their way through a filter: computed in floats, rounded once, never wrapped.

- *Half up, once.* What lies halfway between two whole numbers goes to the larger one, everywhere
  in this package (2.5 to 3, -2.5 to -2), and only after all sums.
- *Nothing wraps.* A value that an integer output cannot hold is an error that names it.
- *NaN spreads.* A result is NaN where its window holds one; an integer output refuses it.
"""

from collections.abc import Iterator, Sequence
from math import prod
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "as_output",
    "check_dtypes",
    "check_range",
    "half_up",
    "keeps_means",
    "slabs",
    "work_dtype",
]

_SLAB = 2**18  # elements of a slab: 1 MB of float32
_EXACT_IN_FLOAT64 = 4  # bytes of the largest integers whose every value float64 can hold


def half_up(values: NDArray[Any]) -> NDArray[Any]:
    """Round to whole numbers; halves go up.

    Parameters
    ----------
    values
        Floats.

    Returns
    -------
    ndarray
        Whole numbers in the dtype of `values`.

    Notes
    -----
    ``floor(x + 0.5)`` would round the number just below 0.5 up, since the sum is itself rounded.

    Examples
    --------
    >>> half_up(np.array([0.5, 1.5, 2.4, -0.5, -1.5]))
    array([ 1.,  2.,  2.,  0., -1.])
    """
    below = np.floor(values)
    with np.errstate(invalid="ignore"):  # infinity stays what it is
        rounded: NDArray[Any] = below + (values - below >= 0.5)
    return rounded


def work_dtype(input_dtype: DTypeLike, output_dtype: DTypeLike) -> np.dtype[Any]:
    """Choose floats that hold every value of input and output.

    Parameters
    ----------
    input_dtype, output_dtype
        Of the two arrays.

    Returns
    -------
    dtype
        float32 for 8-bit and 16-bit integers and float32, float64 if either has more.

    Examples
    --------
    >>> str(work_dtype("uint16", "uint16")), str(work_dtype("uint16", "int32"))
    ('float32', 'float64')
    """
    narrow = all(np.can_cast(dtype, "f4") for dtype in (input_dtype, output_dtype))
    return np.dtype("f4" if narrow else "f8")


def keeps_means(input_dtype: DTypeLike, output_dtype: DTypeLike) -> bool:
    """Say whether averages of numbers, in floats, fit an output, which may round but not overflow.

    Parameters
    ----------
    input_dtype, output_dtype
        Of the two arrays.

    Returns
    -------
    bool
        False for outputs that are no floats, and for float16 where the input has larger values.

    Examples
    --------
    >>> keeps_means("int32", "float32"), keeps_means("uint8", "float16")
    (True, True)
    >>> keeps_means("uint16", "float16"), keeps_means("uint8", "uint8")
    (False, False)
    """
    found, wanted = np.dtype(input_dtype), np.dtype(output_dtype)
    if found.kind not in "iuf" or wanted.kind != "f":
        return False
    return wanted != "f2" or np.can_cast(found, wanted, "safe")


def check_dtypes(input_dtype: DTypeLike, output_dtype: DTypeLike) -> None:
    """Refuse dtypes that a filter cannot compute with, or not write to.

    Parameters
    ----------
    input_dtype, output_dtype
        Of the two arrays.

    Raises
    ------
    TypeError
        For integers of 64 bits, which floats do not hold, for outputs of bool or float16, and for
        anything that is not a number.

    Examples
    --------
    >>> check_dtypes("uint16", "float32")
    """
    found = np.dtype(input_dtype)
    if found.kind not in "biuf" or (found.kind in "iu" and found.itemsize > _EXACT_IN_FLOAT64):
        raise TypeError(
            f"the input's dtype is {found}; expected bool, integers of at most 32 bits or floats, "
            "since a float holds no more: convert it first"
        )
    wanted = np.dtype(output_dtype)
    if (wanted.kind in "iu" and wanted.itemsize <= _EXACT_IN_FLOAT64) or wanted in ("f4", "f8"):
        return
    raise TypeError(
        f"the output's dtype is {wanted}; expected integers of at most 32 bits, float32 or "
        "float64: create the output with one of them"
    )


def as_output(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Turn computed floats into what the output stores: rounded half up for integers.

    Parameters
    ----------
    values
        Floats.
    dtype
        Of the output.

    Returns
    -------
    ndarray
        The values in that dtype.

    Raises
    ------
    OverflowError
        If an integer dtype cannot hold a value.
    ValueError
        If it is to hold NaN.

    Examples
    --------
    >>> as_output(np.array([0.5, 254.5]), "uint8")
    array([  1, 255], dtype=uint8)
    >>> as_output(np.array([-1.0]), "uint8")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    OverflowError: the result has values from -1 to -1, but the output's uint8 holds 0 to 255; ...
    """
    wanted = np.dtype(dtype)
    if wanted.kind == "f":
        return values.astype(wanted, copy=False)
    result = np.empty(values.shape, wanted)
    lows, highs = [], []
    for rows in slabs(values.shape):
        rounded = half_up(values[rows])
        lows.append(rounded.min())
        highs.append(rounded.max())
        with np.errstate(invalid="ignore"):  # what does not fit is refused below
            result[rows] = rounded
    if lows:
        check_range(float(np.min(lows)), float(np.max(highs)), wanted)
    return result


def slabs(shape: Sequence[int]) -> Iterator[slice | EllipsisType]:
    """Cut an array along its first axis, so that a slab of floats stays in the cache.

    Parameters
    ----------
    shape
        Of the array.

    Yields
    ------
    slice
        Of the first axis. An array without axes is one slab, an empty one has none.

    Examples
    --------
    >>> [rows.stop - rows.start for rows in slabs((150, 64, 64))]
    [64, 64, 22]
    """
    if 0 in shape:
        return
    if not shape:
        yield ...
        return
    height = max(1, _SLAB // prod(shape[1:]))
    for first in range(0, shape[0], height):
        yield slice(first, min(first + height, shape[0]))


def check_range(low: float, high: float, dtype: DTypeLike) -> None:
    """Refuse whole numbers that an integer dtype cannot hold.

    Parameters
    ----------
    low, high
        The smallest and the largest; NaN if there is any.
    dtype
        Of the output.

    Raises
    ------
    OverflowError
        If one of them does not fit.
    ValueError
        If one is NaN.

    Examples
    --------
    >>> check_range(0, 255, "uint8")
    """
    limits = np.iinfo(np.dtype(dtype))
    if np.isnan(low) or np.isnan(high):
        raise ValueError(
            f"the result holds NaN, which the output's {limits.dtype} cannot; expected numbers "
            "only: replace NaN in the input, or create an output of float32"
        )
    if low < limits.min or high > limits.max:
        raise OverflowError(
            f"the result has values from {low:.10g} to {high:.10g}, but the output's "
            f"{limits.dtype} holds {limits.min} to {limits.max}; create an output of a wider "
            "dtype, such as int32 or float32, or scale the kernel"
        )
