"""What a pattern of errors suggests: first by the values, then by the places where they lie."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks, Index, chunk_borders, chunk_slices

__all__ = ["Clue", "explain", "gap"]

Clue = Literal[
    "none", "shape", "axes", "dtype", "wrapped", "empty", "moved", "shifted", "factor", "scaled",
    "edges", "seam", "borders", "everywhere", "few",
]  # fmt: skip

# The line of two arrays that are the same, as far as rounding shows.
_SAME = (1.0, 0.0)

# A band that holds more than this share of the array says nothing about places.
_NEARLY_ALL = 0.99

# Errors that all lie in a band by chance less often than this are no chance.
_CHANCE = 0.01


def gap(result: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
    """Absolute differences, without the overflow that unsigned integers would have.

    Parameters
    ----------
    result, expected
        Two arrays of one shape.

    Returns
    -------
    ndarray of float64
        The differences.

    Examples
    --------
    >>> gap(np.array([3], "u1"), np.array([5], "u1"))
    array([2.])
    """
    with np.errstate(invalid="ignore"):
        return np.abs(result.astype(np.float64) - expected.astype(np.float64))


def explain(
    result: NDArray[Any],
    expected: NDArray[Any],
    wrong: NDArray[np.bool_],
    chunks: Chunks,
    depth: int,
) -> tuple[Clue, int | None, str]:
    """Find the explanation that says most.

    Parameters
    ----------
    result, expected
        Two arrays of one shape.
    wrong
        Where they differ.
    chunks
        How the result was cut.
    depth
        The halo that was used.

    Returns
    -------
    clue : str
        As in `Difference`.
    width : int or None
        How far errors reach from an edge or border, where they stay near it.
    advice : str
        What it suggests.
    """
    indices = list(chunk_slices(expected.shape, chunks))
    if not wrong.any():
        return _same_values(result, expected)
    for clue, holds, advice in _VALUE_CLUES:
        if holds(result, expected, wrong, indices):
            return clue, None, advice
    return _place(wrong, chunks, depth)


def _same_values(result: NDArray[Any], expected: NDArray[Any]) -> tuple[Clue, int | None, str]:
    """Compare dtypes, which is what is left when all values are equal."""
    if result.dtype == expected.dtype:
        return "none", None, "no difference"
    advice = (
        f"The values are right, but the dtype is {result.dtype} instead of {expected.dtype}: "
        "state or cast the dtype of the result"
    )
    return "dtype", None, advice


# --- explanations by values -----------------------------------------------------------------------


def _is_transposed(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find the same values with axes of equal length swapped."""
    return any(
        np.array_equal(result, expected.transpose(order))
        for order in permutations(range(expected.ndim))
    )


def _is_wrapped(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find errors that are multiples of what an integer can count to."""
    gaps = gap(result, expected)[wrong]
    return bool(np.isfinite(gaps).all() and (gaps % 256 == 0).all())


def _is_cut_down(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find real numbers that were put into an integer."""
    if result.dtype == expected.dtype or result.dtype.kind not in "iu":
        return False
    return bool((gap(result, expected) <= 1).all())


def _is_empty(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find that each chunk with an error holds one and the same value, and should not."""
    chunks = [index for index in indices if wrong[index].any()]
    values = np.unique([result[index].flat[0] for index in chunks])
    return len(values) == 1 and all(
        (result[index] == values[0]).all() and _varies(expected[index]) for index in chunks
    )


def _is_moved(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find that each chunk with an error holds what belongs into another."""
    chunks = [index for index in indices if wrong[index].any()]
    homes = {
        (expected[index].shape, expected[index].tobytes())
        for index in indices
        if expected[index].size > 1
    }
    return result.dtype == expected.dtype and all(
        (result[index].shape, result[index].tobytes()) in homes for index in chunks
    )


def _is_shifted(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find the expected values one to three elements away along one axis."""
    for axis in range(expected.ndim):
        one, other = np.moveaxis(result, axis, 0), np.moveaxis(expected, axis, 0)
        for step in range(1, min(4, expected.shape[axis] - 1)):
            if np.array_equal(one[step:], other[:-step]) or np.array_equal(
                one[:-step], other[step:]
            ):
                return True
    return False


def _is_factor(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find the expected values stretched and moved, the same all over."""
    return _line(result, expected) not in (None, _SAME)


def _is_scaled(
    result: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_], indices: list[Index]
) -> bool:
    """Find the expected values stretched and moved, in each chunk its own way."""
    varied = [i for i in indices if expected[i].size > 2 and _varies(expected[i])]
    lines = [_line(result[index], expected[index]) for index in varied]
    return None not in lines and any(line != _SAME for line in lines)


def _varies(values: NDArray[Any]) -> bool:
    """Whether not all values are equal; `numpy.ptp` refuses bool, and wraps for int16."""
    return bool((values != values.flat[0]).any())


def _line(result: NDArray[Any], expected: NDArray[Any]) -> tuple[float, float] | None:
    """Slope and offset of a line through all pairs of values, if there is one."""
    x, y = expected.astype(float).ravel(), result.astype(float).ravel()
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.ptp(x) and np.ptp(y)):
        return None
    slope = (y[x.argmax()] - y[x.argmin()]) / np.ptp(x)
    offset = y[x.argmin()] - slope * x.min()
    # Integers were rounded or cut, which is off by up to one, on both sides.
    slack = (
        1e-4 * np.ptp(y) + (result.dtype.kind in "iu") + abs(slope) * (expected.dtype.kind in "iu")
    )
    if np.abs(x - y).max() <= slack:
        return _SAME
    near = slack < 0.1 * np.ptp(y) and np.abs(slope * x + offset - y).max() <= slack
    return (float(slope), float(offset)) if near else None


_VALUE_CLUES: tuple[tuple[Clue, Callable[..., bool], str], ...] = (
    (
        "axes",
        _is_transposed,
        "The values are right with two axes swapped: check the order of the axes",
    ),
    (
        "empty",
        _is_empty,
        "Whole chunks hold a single value: they were never written, or written to a copy",
    ),
    (
        "moved",
        _is_moved,
        "Whole chunks hold what belongs into other chunks: check which index each job gets",
    ),
    (
        "shifted",
        _is_shifted,
        (
            "All values lie a few elements away from their place along one axis: check where the "
            "halo is cut off, and on which side it is one longer"
        ),
    ),
    (
        "wrapped",
        _is_wrapped,
        (
            "All errors are multiples of 256: an integer overflowed or went below zero; compute "
            "in a wider or signed type, such as float32, and cast at the end"
        ),
    ),
    (
        "dtype",
        _is_cut_down,
        (
            "The dtype differs and decimals are lost: create the output with the dtype of the "
            "result, or round before casting"
        ),
    ),
    (
        "factor",
        _is_factor,
        (
            "The result is the expected one, stretched and moved, the same all over: look for a "
            "factor or an offset that is missing"
        ),
    ),
    (
        "scaled",
        _is_scaled,
        (
            "Inside each chunk the result is the expected one, stretched and moved: the function "
            "uses a statistic of the chunk (minimum, maximum, mean, percentile) where it needs "
            "that of the whole array; compute it first, and hand it over"
        ),
    ),
)


# --- explanations by places -----------------------------------------------------------------------


def _place(wrong: NDArray[np.bool_], chunks: Chunks, depth: int) -> tuple[Clue, int | None, str]:
    """Find the thinnest band along edges or borders that holds all errors."""
    borders = chunk_borders(wrong.shape, chunks)
    to_edge = _distance(wrong.shape, [(axis[0], axis[-1]) for axis in borders])
    to_border = _distance(wrong.shape, [axis[1:-1] for axis in borders])
    bands: list[tuple[float, Clue, int]] = []
    kinds: list[tuple[Clue, NDArray[Any]]] = [
        ("edges", to_edge),
        ("seam", to_border),
        ("borders", np.minimum(to_edge, to_border)),
    ]
    for clue, distance in kinds:
        width = distance[wrong].max()
        if np.isfinite(width):
            bands.append((float((distance <= width).mean()), clue, int(width)))
    share, clue, width = min(bands, key=lambda band: band[0])
    deepest = int(np.minimum(to_edge, to_border).max())
    if share > _NEARLY_ALL:
        return "everywhere", None, _everywhere(deepest)
    if share ** int(wrong.sum()) > _CHANCE:
        return "few", None, _few(int(wrong.sum()))
    return clue, width, _BAND_ADVICE[clue].format(width=width, depth=depth, more=depth + width)


def _distance(shape: Sequence[int], borders: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """How many elements each is away from the nearest border; infinite where there is none."""
    nearest = np.full(shape, np.inf)
    for axis, (length, places) in enumerate(zip(shape, borders, strict=True)):
        along = np.full(length, np.inf)
        for place in places:
            # Elements place - 1 and place touch the border between them.
            after = np.arange(length) - place
            along = np.minimum(along, np.where(after >= 0, after + 1, -after))
        nearest = np.minimum(
            nearest, along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
        )
    return nearest


def _everywhere(deepest: int) -> str:
    """Words for errors that no band explains."""
    return (
        f"The errors reach the middle of the chunks, {deepest} from the nearest border: the "
        "function uses all of a chunk (a statistic, a label, a random number), or it needs a halo "
        "deeper than that; compute what is global first, or try larger chunks"
    )


def _few(count: int) -> str:
    """Words for errors too few to show a pattern."""
    return (
        f"{count} errors are too few to see a pattern: does the function give the same answer "
        "twice, and do two jobs write the same chunk?"
    )


_BAND_ADVICE: dict[Clue, str] = {
    "seam": (
        "All errors lie within {width} of a border between chunks: the halo of {depth} is too "
        "small; try a depth of {more}"
    ),
    "borders": (
        "All errors lie within {width} of a border between chunks or an edge of the array: the "
        "halo of {depth} is too small; try a depth of {more}"
    ),
    "edges": (
        "All errors lie within {width} of an edge of the array, none at the borders between "
        "chunks: the halo is deep enough, but what lies outside is not what the function expects; "
        "use the same edge mode in both"
    ),
}
