"""Counts of what one chunk holds: they add up to those of the whole image."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORDS", "count_values", "count_words", "few_values", "in_parts", "lowest_value"]

WORDS = 2**16  # how many numbers 16 bits can tell apart
AT_ONCE = 2**20  # values that are counted at a time: counting takes 8 bytes for each


def few_values(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype has so few values that each can be counted for itself.

    Parameters
    ----------
    dtype
        Of an image.

    Returns
    -------
    bool
        True for bool and integers of at most 16 bits.

    Examples
    --------
    >>> few_values(np.dtype("int16")), few_values(np.dtype("float16"))
    (True, False)
    """
    return dtype.kind in "biu" and dtype.itemsize <= 2


def lowest_value(dtype: np.dtype[Any]) -> int:
    """Give the value that `count_values` counts first.

    Parameters
    ----------
    dtype
        Bool or integers.

    Returns
    -------
    int
        The lowest that the dtype can hold.

    Examples
    --------
    >>> lowest_value(np.dtype("int8"))
    -128
    """
    return 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)


def count_values(block: NDArray[Any]) -> NDArray[np.int64]:
    """Count how often each value occurs.

    Parameters
    ----------
    block
        Bool or integers of at most 16 bits.

    Returns
    -------
    ndarray of int64
        One count per value from the lowest of the dtype on; as many as 16 bits can tell apart.

    Examples
    --------
    >>> count_values(np.array([3, 0, 3], "u1"))[:5]
    array([1, 0, 0, 2, 0])
    """
    lowest = lowest_value(block.dtype)
    return count_words(part.astype(np.intp) - lowest for part in in_parts(block))


def count_words(words: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
    """Count how often each 16-bit number occurs.

    Parameters
    ----------
    words
        Arrays of whole numbers from 0 to 65535.

    Returns
    -------
    ndarray of int64
        65536 counts.

    Examples
    --------
    >>> count_words([np.array([1, 1]), np.array([0, 1])])[:3]
    array([1, 3, 0])
    """
    counts = np.zeros(WORDS, np.int64)
    for part in words:
        counts += np.bincount(part, minlength=WORDS)
    return counts


def in_parts(block: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Go through a block in pieces, so that what is counted takes little memory beside it.

    Parameters
    ----------
    block
        Any array.

    Yields
    ------
    ndarray
        At most 2 ** 20 of its values, in one axis.

    Examples
    --------
    >>> [len(part) for part in in_parts(np.zeros((3, 2**19)))]
    [1048576, 524288]
    """
    flat = block.ravel()
    for start in range(0, flat.size, AT_ONCE):
        yield flat[start : start + AT_ONCE]
