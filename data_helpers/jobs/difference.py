"""How a result differs from what was expected, where, and what that suggests."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks
from data_helpers.jobs.clues import Clue, explain, gap

__all__ = ["Difference", "describe_difference"]


@dataclass(frozen=True)
class Difference:
    """How a result differs from what was expected.

    Attributes
    ----------
    clue : str
        What the pattern of errors looks like:

        - ``none``: there is no difference;
        - ``shape``, ``axes``: another shape; the right values with their axes swapped;
        - ``dtype``: the right values in another dtype, or cut down to it;
        - ``wrapped``: off by multiples of 256, 65536 or 2**32, as an integer that overflowed;
        - ``empty``: whole chunks hold one and the same value, as if never written;
        - ``moved``: whole chunks hold what belongs into other chunks;
        - ``shifted``: all values lie a few elements away from where they belong;
        - ``factor``: the result is the expected one, stretched and moved, the same all over;
        - ``scaled``: the same, but another way in each chunk;
        - ``edges``, ``seam``, ``borders``: errors near the edges of the array, near the borders
          between chunks, or near both;
        - ``everywhere``: errors up to the middle of chunks;
        - ``few``: too few errors to see a pattern.
    count, size : int
        How many values differ, of how many.
    first_index : tuple of int or None
        The first that differs, in C order.
    first_values : tuple or None
        Result and expected value there.
    largest : float
        The largest absolute difference.
    width : int or None
        For ``edges``, ``seam`` and ``borders``: how many elements away from the nearest edge or
        border the errors reach. An element that touches the border counts as 1.
    message : str
        All of this in words, with what it suggests.
    """

    clue: Clue
    count: int
    size: int
    first_index: tuple[int, ...] | None
    first_values: tuple[Any, Any] | None
    largest: float
    width: int | None
    message: str

    @property
    def fraction(self) -> float:
        """Share of values that differ, from 0 to 1."""
        return self.count / self.size if self.size else 0.0


def describe_difference(
    result: Any, expected: Any, *, chunks: Chunks, depth: int = 0, rtol: float = 0.0
) -> Difference:
    """Compare a result that was computed chunk by chunk with the expected one.

    Parameters
    ----------
    result, expected
        Two arrays.
    chunks
        How the result was cut.
    depth
        The halo that was used, to suggest another.
    rtol
        How far a value may be off, as a share of the largest absolute expected value.

    Returns
    -------
    Difference
        What differs, where, and what that suggests. NaN equals NaN.

    Raises
    ------
    ValueError
        If `chunks` do not fit the expected array.

    Examples
    --------
    >>> expected = np.arange(24)
    >>> result = expected.copy()
    >>> result[[7, 8, 15, 16]] = 0
    >>> found = describe_difference(result, expected, chunks=(8,))
    >>> found.clue, found.width, found.count, found.first_index
    ('seam', 1, 4, (7,))
    """
    result, expected = np.asarray(result), np.asarray(expected)
    if result.shape != expected.shape:
        return _other_shape(result, expected)
    wrong = _differs(result, expected, rtol)
    clue, width, advice = explain(result, expected, wrong, chunks, depth)
    if clue == "none":
        return Difference("none", 0, expected.size, None, None, 0.0, None, "no difference")
    if not wrong.any():
        return Difference(clue, 0, expected.size, None, None, 0.0, None, advice)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    values = result[first].item(), expected[first].item()
    largest = float(np.nanmax(np.abs(gap(result, expected)[wrong]), initial=0.0))
    count = int(wrong.sum())
    message = (
        f"{count} of {wrong.size} values differ ({count / wrong.size:.1%}), by up to {largest:g}; "
        f"the first is at {first}: {values[0]} instead of {values[1]}. {advice}"
    )
    return Difference(clue, count, wrong.size, first, values, largest, width, message)


def _differs(result: NDArray[Any], expected: NDArray[Any], rtol: float) -> NDArray[np.bool_]:
    """Where two arrays of one shape differ by more than the tolerance."""
    both_nan = (result != result) & (expected != expected)
    differs: NDArray[np.bool_] = (result != expected) & ~both_nan
    if rtol:
        finite = np.abs(expected[np.isfinite(expected)].astype(float))
        # A gap that is NaN is not within the tolerance.
        differs &= ~(gap(result, expected) <= rtol * finite.max(initial=0.0))
    return differs


def _other_shape(result: NDArray[Any], expected: NDArray[Any]) -> Difference:
    """Compare arrays of different shape: perhaps only their axes are swapped."""
    clue: Clue = "shape"
    advice = "does each chunk keep its shape, and is the halo cut off again?"
    for order in permutations(range(expected.ndim)):
        if np.array_equal(result, expected.transpose(order)):
            clue = "axes"
            advice = f"the values are right with the axes in the order {order}: transpose them back"
    message = f"The result has shape {result.shape} instead of {expected.shape}: {advice}"
    return Difference(clue, 0, expected.size, None, None, 0.0, None, message)
