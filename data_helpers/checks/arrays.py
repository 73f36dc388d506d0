"""Why an array is not the one that was expected, in words and as a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers.checks.marking import Wrong
from data_helpers.checks.pictures import cell_map
from data_helpers.checks.words import kind
from data_helpers.grid import chunk_borders
from data_helpers.jobs import Difference, describe_difference

__all__ = ["error_map", "expect_array"]

Array = npt.NDArray[Any]


def expect_array(
    found: Any,
    expected: Array,
    question: str,
    *,
    chunks: Sequence[int] | None = None,
    rtol: float = 0.0,
    advice: Mapping[str, str] | None = None,
) -> None:
    """Refuse anything that is not the expected array, and say what its difference looks like.

    Parameters
    ----------
    found
        What an answer gave.
    expected
        What is right.
    question
        The call, for the message.
    chunks
        How the result was cut; by default as one piece.
    rtol
        How far a value may be off, as a share of the largest expected value.
    advice
        What to say for a `Difference.clue`, where the task knows better than the difference alone.

    Raises
    ------
    Wrong
        If it is no array, or differs in shape, dtype or values.
    """
    if not isinstance(found, np.ndarray):
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(f"`{question}` gave {kind(found)}; expected an array.", ending)
    found = found.astype(found.dtype.newbyteorder("="), copy=False)
    cut = expected.shape if chunks is None else chunks
    difference = describe_difference(found, expected, chunks=cut, rtol=rtol)
    if difference.clue == "none":
        return
    advice = advice or {}
    if found.dtype != expected.dtype and difference.clue not in ("shape", "axes"):
        raise Wrong(
            f"`{question}` has dtype {found.dtype}; expected {expected.dtype}.",
            advice.get("dtype", "Convert with `.astype(...)`, or leave the dtype as it came."),
        )
    known = advice.get(difference.clue, "")
    if np.array_equal(found.byteswap(), expected):
        known = (
            "The bytes of each value are in the wrong order: `'>u2'` means that the high byte "
            "comes first. Use the dtype you are given, not only its size."
        )
    picture = _error_map(found, expected, cut, difference) if difference.count else ""
    raise Wrong(f"`{question}`: {difference.message}.", known, picture)


def _error_map(found: Array, expected: Array, cut: Sequence[int], difference: Difference) -> str:
    """Draw where values differ, in the plane of the first that does; nothing for one axis."""
    if expected.ndim < 2 or difference.first_index is None:
        return ""
    plane = difference.first_index[:-2]
    wrong = ~np.isclose(found[plane], expected[plane], rtol=0, atol=0, equal_nan=True)
    return error_map(wrong, cut, title=f"where the result differs: {difference.clue}")


def error_map(
    wrong: Array, chunks: Sequence[int] | None = None, title: str = "where the result differs"
) -> str:
    """Draw which pixels of a plane are wrong.

    Parameters
    ----------
    wrong
        True where a value is not as expected; two axes.
    chunks
        How the result was cut; by default as one piece.
    title
        What the picture shows, for those who cannot see it.

    Returns
    -------
    str
        The picture, as SVG.

    Examples
    --------
    >>> error_map(np.eye(3, dtype=bool)).startswith("<svg")
    True
    """
    borders = chunk_borders(wrong.shape, (chunks or wrong.shape)[-2:])
    words = {"right": "as expected", "wrong": "differs"}
    return cell_map(np.where(wrong, "wrong", "right"), words, borders, title=title)
