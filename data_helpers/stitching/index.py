"""Which file belongs where: names parsed, sorted by what they say, and checked for gaps."""

import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.stitching.names import FieldValue, NamePattern, compile_pattern
from data_helpers.stitching.spelling import spelt_like

__all__ = ["TileIndex", "index_tiles"]

_MOST_SHOWN = 20


@dataclass(frozen=True, eq=False)
class TileIndex:
    """The tiles of one array, each in its place.

    Attributes
    ----------
    axes : tuple of str
        The axes of the array, in order.
    values : dict of str to tuple
        For each axis that the names have a field for: its values, sorted. Their place in this
        tuple is the place of their tiles along the axis.
    paths : numpy.ndarray of object
        The path of each tile, as text, or None where it is missing. One dimension per axis, of
        length one for an axis that the names have no field for (all its extent is in each tile).
    pattern : str
        The template or regular expression.
    """

    axes: tuple[str, ...]
    values: dict[str, tuple[FieldValue, ...]]
    paths: NDArray[np.object_]
    pattern: str
    _regex: NamePattern = field(repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many tiles lie along each axis."""
        return self.paths.shape

    @property
    def missing(self) -> tuple[tuple[int, ...], ...]:
        """Places in `paths` where there is no tile."""
        if all(self.paths.flat):
            return ()
        gaps = np.argwhere(self.paths == None)  # noqa: E711 - element by element
        return tuple(tuple(map(int, place)) for place in gaps)

    def missing_names(self) -> list[str]:
        """Say how the missing tiles would be called.

        Returns
        -------
        list of str
            One per missing tile, with ``*`` for fields that are no axes and vary between tiles.
        """
        gaps = self.missing
        return spelt_like(self.paths, self.axes, self.values, gaps, self._regex) if gaps else []


def index_tiles(
    paths: Iterable[str | os.PathLike[str]],
    pattern: str | re.Pattern[str],
    axes: Sequence[str],
    *,
    expected: Mapping[str, Iterable[FieldValue]] | None = None,
) -> TileIndex:
    """Find the place of every tile from its name alone; no file is opened.

    The order of `paths` does not matter. Along each axis tiles are sorted by value: numbers as
    numbers, text so that ``t2`` comes before ``t10``. Values need not start at zero, nor follow
    one another: columns named 000, 050 and 100 are the first, second and third.

    Parameters
    ----------
    paths
        The files, such as ``Path("run").glob("*.tif")``.
    pattern
        A template such as ``"{camera}_ch{channel:d}_stack{stack:d}.tif"`` or a regular expression;
        see `parse_tile_name`.
    axes
        The axes of the array, in order, such as ``("channel", "stack", "z", "y", "x")``. An axis
        of the same name as a field of the pattern is one along which tiles are laid out; every
        other axis lies within the tiles. A field that is no axis says nothing about the place.
    expected
        Axis to the values that its field should take, for axes where a value that no name has
        would otherwise go unnoticed. Values beyond these are refused.

    Returns
    -------
    TileIndex
        With gaps in `TileIndex.missing`.

    Raises
    ------
    ValueError
        If names do not match, several tiles have the same place, or values are not among those
        expected: all of them are named at once. Also if there are no paths, no axis is a field,
        or an axis comes twice.

    Warns
    -----
    UserWarning
        If the values of an axis look like a regular series with some left out, such as 0, 1, 3,
        and `expected` does not say that this is right.

    Examples
    --------
    >>> index = index_tiles(["t10_y0.tif", "t2_y5.tif", "t2_y0.tif"], "t{t:d}_y{y:d}.tif", "tyx")
    >>> index.values
    {'t': (2, 10), 'y': (0, 5)}
    >>> index.shape
    (2, 2, 1)
    >>> index.missing, index.missing_names()
    (((1, 1, 0),), ['t10_y5.tif'])
    """
    compiled, axes = compile_pattern(pattern), tuple(axes)
    names = _checked_paths(paths)
    fields = _checked_axes(axes, compiled)
    matches = _match_all(names, compiled)
    values = _sorted_values(matches, fields, expected or {})
    grid, duplicates = _arrange(names, matches, axes, values)
    index = TileIndex(axes, values, grid, compiled.text, compiled)
    if duplicates:
        raise ValueError(_duplicates_text(index, duplicates, matches, names))
    for axis in values:
        if axis not in (expected or {}):
            _warn_of_holes(axis, values[axis])
    return index


def listed(lines: Sequence[str]) -> str:
    """Put names one below the other, at most twenty of them."""
    more = len(lines) - _MOST_SHOWN
    shown = [f"  {line}" for line in lines[:_MOST_SHOWN]]
    return "\n".join([*shown, f"  and {more} more"] if more > 0 else shown)


def _checked_paths(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    if isinstance(paths, str | os.PathLike):
        raise TypeError(
            f"paths is the single path {os.fspath(paths)!r}; expected a list of files, such as "
            "Path(directory).glob('*.tif')"
        )
    # Sorted, so that messages and the choice of a first tile do not depend on the file system.
    names = sorted({os.fspath(path) for path in paths})
    if not names:
        raise ValueError("no paths were given; expected at least one tile: does the glob match?")
    return names


def _checked_axes(axes: tuple[str, ...], pattern: NamePattern) -> list[str]:
    fields = [axis for axis in axes if axis in pattern.readers]
    if len(set(axes)) < len(axes) or not fields:
        raise ValueError(
            f"the axes are {axes} and the fields of the pattern {tuple(pattern.readers)}; expected "
            "axes that differ from one another, at least one of them a field"
        )
    return fields


def _match_all(names: list[str], pattern: NamePattern) -> list[dict[str, FieldValue]]:
    matches, strangers = [], []
    for name in names:
        try:
            matches.append(pattern.match(name))
        except ValueError as error:
            strangers.append((name, error))
    if strangers:
        raise ValueError(
            f"{len(strangers)} of {len(names)} names do not match the pattern; leave them out of "
            f"paths, or change the pattern:\n{listed([name for name, _ in strangers])}\n"
            f"The first: {strangers[0][1]}"
        )
    return matches


def _order(value: FieldValue) -> tuple[Any, ...]:
    """Sort numbers before text, and the digits within text as numbers."""
    if not isinstance(value, str):
        return 0, value
    parts = re.split(r"([0-9]+)", value)
    return 1, [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], value


def _sorted_values(
    matches: list[dict[str, FieldValue]],
    fields: list[str],
    expected: Mapping[str, Iterable[FieldValue]],
) -> dict[str, tuple[FieldValue, ...]]:
    strangers = set(expected) - set(fields)
    if strangers:
        raise ValueError(
            f"expected has {sorted(strangers)}; expected only axes that are fields: {fields}"
        )
    values = {}
    for name in fields:
        found = {match[name] for match in matches}
        wanted = set(expected[name]) if name in expected else found
        if found - wanted:
            surplus = sorted(found - wanted, key=_order)
            raise ValueError(
                f"axis {name!r} has the values {surplus}, which are not among those expected; "
                "leave these tiles out of paths, or add their values to expected"
            )
        values[name] = tuple(sorted(wanted, key=_order))
    return values


def _arrange(
    names: list[str],
    matches: list[dict[str, FieldValue]],
    axes: tuple[str, ...],
    values: dict[str, tuple[FieldValue, ...]],
) -> tuple[NDArray[np.object_], dict[tuple[int, ...], list[int]]]:
    """Put every path in its place; list the tiles of places that are taken more than once."""
    places = {axis: {value: at for at, value in enumerate(along)} for axis, along in values.items()}
    grid = np.full([len(places.get(axis, "_")) for axis in axes], None, dtype=object)
    claims: dict[tuple[int, ...], list[int]] = {}
    lookup = [(axis, places.get(axis)) for axis in axes]
    for number, match in enumerate(matches):
        place = tuple([along[match[axis]] if along else 0 for axis, along in lookup])
        claims.setdefault(place, []).append(number)
        grid[place] = names[number]
    return grid, {place: numbers for place, numbers in claims.items() if len(numbers) > 1}


def _duplicates_text(
    index: TileIndex,
    duplicates: dict[tuple[int, ...], list[int]],
    matches: list[dict[str, FieldValue]],
    names: list[str],
) -> str:
    """Name all tiles that share a place, what tells them apart, and the gaps there are besides."""
    lines, differ = [], set()
    for place, numbers in duplicates.items():
        lines.append(f"{_place_text(index, place)}: {', '.join(names[n] for n in numbers)}")
        first, *others = (matches[n] for n in numbers)
        differ |= {name for other in others for name in other if other[name] != first[name]}
    advice = (
        f"they differ in {', '.join(sorted(differ))}: make that an axis, or leave some out of paths"
        if differ
        else "leave the copies out of paths"
    )
    many = "1 place has" if len(lines) == 1 else f"{len(lines)} places have"
    text = f"{many} more than one tile ({advice}):\n{listed(lines)}"
    gaps = index.missing_names()
    return text + (f"\nBesides, {len(gaps)} tiles are missing:\n{listed(gaps)}" if gaps else "")


def _place_text(index: TileIndex, place: tuple[int, ...]) -> str:
    named = [(axis, at) for axis, at in zip(index.axes, place, strict=True) if axis in index.values]
    return ", ".join(f"{axis}={index.values[axis][at]}" for axis, at in named)


def _warn_of_holes(axis: str, values: tuple[FieldValue, ...]) -> None:
    """Warn where a whole row of tiles seems to be gone, which no other tile can tell."""
    if len(values) < 3 or not all(isinstance(value, int) for value in values):
        return
    numbers = [int(value) for value in values]
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps)
    regular = steps.count(step) * 2 >= len(steps) and all(gap % step == 0 for gap in steps)
    series = range(numbers[0], numbers[-1] + 1, step)
    if regular and len(numbers) < len(series) <= 2 * len(numbers):
        absent = sorted(set(series) - set(numbers))
        shown = ", ".join(map(str, absent[:_MOST_SHOWN]))
        warnings.warn(
            f"no tile has {axis} = {shown}, although the others go from {numbers[0]} to "
            f"{numbers[-1]} in steps of {step}; the array closes up over this. Say "
            f"expected={{{axis!r}: ...}} with the values that there should be",
            UserWarning,
            stacklevel=3,
        )
