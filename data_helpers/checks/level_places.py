"""Marks where a level lies, and recognises the mistakes behind wrong scales and translations."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from data_helpers import ome_zarr
from data_helpers.checks.marking import Answer, Stub, Wrong
from data_helpers.checks.words import short

__all__ = ["NOT_AT_ZERO", "advice_on_place", "mark_level"]

Numbers: TypeAlias = Sequence[float]

# The image of task 04.1: z, y, x; micrometres; the level that is asked for.
_SHAPE = (45, 137, 201)
_VOXEL = (1.0, 0.25, 0.25)
_LEVEL = 3

NOT_AT_ZERO = (
    "A coarse voxel is the mean of a window, so it lies in the middle of the window, not on its "
    "first voxel. With a translation of 0 everything moves from level to level. The centre of "
    "`factor` voxels is `(factor - 1) / 2` of them away from the first one's centre."
)
_FROM_THE_EDGE = (
    "That is the middle of the window counted from the outer edge of the first voxel. Positions "
    "count from its centre, half a voxel further in: `(factor - 1) / 2 * voxel_size`."
)
_HALF_A_VOXEL = (
    "That is half a voxel of the full resolution along every axis. How far the centre lies depends "
    "on the factor, `(factor - 1) / 2 * voxel_size`, and is 0 where the factor is 1."
)
_FROM_LEVEL_BEFORE = (
    "That is how far the level lies from the one before it. All positions count from level 0: the "
    "steps of the levels add up, to `(factor - 1) / 2 * voxel_size`."
)
_IN_VOXELS = "That is in voxels of the full resolution: multiply by their size."
_OF_THE_LEVEL = (
    "`(factor - 1) / 2` counts voxels of the full resolution: multiply by the size of these, not "
    "of the level's."
)
_DIVIDED = (
    "Divided instead of multiplied: a voxel of a coarse level stands for a window of many, so it "
    "is longer, `factor * voxel_size`."
)
_TOO_EARLY = (
    "z is halved too often: its voxels are four times as long at first, so z waits for two levels."
)
_TOO_LATE = (
    "z is not halved at all: after two levels the voxels are as long in y and x as in z, so the "
    "third level halves z, too."
)
_SAME_SIZE = (
    "That is the voxel size of the full resolution. A coarse level has its own, as long as a "
    "window: `factor * voxel_size`."
)


def advice_on_place(
    word: str, found: Numbers, factors: Sequence[int], voxel_size: Numbers
) -> str | None:
    """Recognise the mistake behind a wrong scale or translation.

    Parameters
    ----------
    word
        ``"scale"`` or ``"translation"``.
    found
        The wrong numbers, one per axis.
    factors
        Voxels of the full resolution per voxel of the level, along each axis.
    voxel_size
        Of the full resolution.

    Returns
    -------
    str or None
        What to say; None for numbers that no known mistake gives.

    Examples
    --------
    >>> advice_on_place("scale", (0.25, 0.25), (2, 2), (0.5, 0.5))[:27]
    'Divided instead of multipli'
    """
    f, v = np.array(factors, "f8"), np.array(voxel_size, "f8")
    right = ome_zarr.level_scale if word == "scale" else ome_zarr.level_translation
    slips = [(np.array(right(factors, voxel_size))[::-1], "The axes come in the order z, y, x.")]
    if word == "scale":
        slips += [(v, _SAME_SIZE), (v / f, _DIVIDED)]
        slips += [(f, "Those are the factors: multiply them by the voxel size.")]
        slips += [(1 / f, "Those are shares of a voxel; multiply the voxel size by the factor.")]
    else:
        centre = (f - 1) / 2
        slips += [(0 * v, NOT_AT_ZERO), (f / 2 * v, _FROM_THE_EDGE), (centre, _IN_VOXELS)]
        slips += [(centre * v * f, _OF_THE_LEVEL), (f * v, "That is the scale.")]
        slips += [
            (centre * v * 2, "That is the centre of the window's last voxel, twice too far."),
            (-centre * v, "The first voxel moves into the image: translations are not negative."),
            (v / 2, _HALF_A_VOXEL),
        ]
    return next((advice for values, advice in slips if np.allclose(found, values, 1e-6)), None)


def mark_level(answer: Answer) -> str:
    """Mark 04.1: shape, scale and translation of one level, by hand."""
    given = answer.value
    factors = ome_zarr.level_factors(_SHAPE, voxel_size=_VOXEL, levels=_LEVEL + 2)
    words = ("shape", "scale", "translation")
    right = {word: _right(word, factors[_LEVEL]) for word in words}
    if not isinstance(given, dict) or set(given) != set(right):
        raise Wrong(
            f"Expected a dict with the keys {', '.join(map(repr, right))}; got {short(given)}.",
            "Keep the keys as they are in the cell and change only the numbers.",
        )
    if all(value is None for value in given.values()):
        raise Stub
    for word, expected in right.items():
        _check_numbers(word, given[word])
        if not np.allclose(given[word], expected, rtol=1e-6, atol=1e-9):
            raise Wrong(
                f"{word!r} is {short(tuple(given[word]))}, which is not right.",
                _advice_on_level(word, given[word], factors),
            )
    return (
        f"Level {_LEVEL} has {right['shape']} voxels of {right['scale']} micrometres, the first "
        f"of them centred at {right['translation']}."
    )


def _right(word: str, factors: Sequence[int]) -> tuple[float, ...]:
    """Give what is right for a level with these factors."""
    if word == "shape":
        return tuple(-(-n // factor) for n, factor in zip(_SHAPE, factors, strict=True))
    place = ome_zarr.level_scale if word == "scale" else ome_zarr.level_translation
    return place(factors, _VOXEL)


def _check_numbers(word: str, given: Any) -> None:
    """Refuse what is not one number per axis."""
    if given is None:
        raise Wrong(f"{word!r} is still `None`.", "The others are done: fill this one in, too.")
    numbers = isinstance(given, (tuple, list, np.ndarray)) and len(given) == len(_SHAPE)
    if not (numbers and all(isinstance(n, (int, float, np.number)) for n in given)):
        raise Wrong(
            f"{word!r} is {short(given)}; expected three numbers.",
            "One number per axis: `(z, y, x)`.",
        )


def _advice_on_level(word: str, given: Numbers, factors: list[tuple[int, ...]]) -> str:
    """Name the usual slips at the level that is asked for, and at others."""
    others: dict[tuple[int, ...], str] = {
        (2**_LEVEL,) * 3: _TOO_EARLY,
        (1, 2**_LEVEL, 2**_LEVEL): _TOO_LATE,
    }
    if word != "translation":
        for level in (0, 1, 2, 4):
            others[factors[level]] = f"That is level {level}. The full resolution is level 0."
    for other, advice in others.items():
        if np.allclose(given, _right(word, other), 1e-6):
            return advice
    before = [f / 2 * v for f, v in zip(factors[_LEVEL - 1], _VOXEL, strict=True)]
    if word == "translation" and np.allclose(given, before):
        return _FROM_LEVEL_BEFORE
    if word == "shape":
        return _advice_on_lengths(given, factors[_LEVEL])
    of_lengths = [
        n * v / -(-n // f) for n, v, f in zip(_SHAPE, _VOXEL, factors[_LEVEL], strict=True)
    ]
    if word == "scale" and np.allclose(given, of_lengths, rtol=1e-3):
        return (
            "That is the length of the image over the number of voxels. The last window is cut "
            "short by the edge, but all windows are equally long: `factor * voxel_size`."
        )
    known = advice_on_place(word, given, factors[_LEVEL], _VOXEL)
    rule = "`factor * voxel_size`" if word == "scale" else "`(factor - 1) / 2 * voxel_size`"
    return known or f"Along each axis it is {rule}, with the factor to the full resolution."


def _advice_on_lengths(given: Numbers, factors: Sequence[int]) -> str:
    """Say why lengths are not right."""
    exact = [n / f for n, f in zip(_SHAPE, factors, strict=True)]
    if all(g in (np.floor(e), np.rint(e)) for g, e in zip(given, exact, strict=True)):
        return (
            "Rounded down, the last voxels along an axis belong to no window and are lost. A last "
            "window that the edge cuts short counts: round up."
        )
    if np.allclose(given, exact):
        return "There is no part of a voxel: round up, since a last window cut short counts."
    if list(given) == [-(-n // f) for n, f in zip(_SHAPE, factors, strict=True)][::-1]:
        return "The axes come in the order z, y, x."
    return "Divide each length by its factor to the full resolution, and round up."
