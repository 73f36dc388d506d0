"""How a missing tile would be called: with the digits and the texts of those that are there."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from data_helpers.stitching.names import AGAIN, FieldValue, NamePattern

__all__ = ["spelt_like"]


def spelt_like(
    paths: NDArray[np.object_],
    axes: tuple[str, ...],
    values: Mapping[str, tuple[FieldValue, ...]],
    gaps: Iterable[tuple[int, ...]],
    pattern: NamePattern,
) -> list[str]:
    """Spell the names of missing tiles in the way those that are there are spelt.

    Parameters
    ----------
    paths, axes, values
        As `TileIndex` has them.
    gaps
        Places of the missing tiles.
    pattern
        What the names match.

    Returns
    -------
    list of str
        One per gap. A field that is no axis has its text if all tiles agree on it, else ``*``.
    """
    present = [pattern.part_of(str(path)) for path in paths.flat if path is not None]
    matches = [match for match in map(pattern.regex.fullmatch, present) if match is not None]
    seen: dict[str, set[str]] = {name: set() for name in pattern.regex.groupindex}
    for match in matches:
        for name, text in match.groupdict(default="").items():
            seen[name].add(text)
    usual = {name: next(iter(texts)) if len(texts) == 1 else "*" for name, texts in seen.items()}
    spellings = {
        axis: {pattern.readers[axis](text): text for text in seen[axis]} for axis in values
    }
    spans = sorted((matches[0].span(name), name) for name in seen)
    names = []
    for place in gaps:
        chosen = dict(usual)
        for axis, at in zip(axes, place, strict=True):
            if axis in values:
                value = values[axis][at]
                chosen[axis] = spellings[axis].get(value) or _spelt(value, seen[axis])
        for name in chosen:
            if name.startswith(AGAIN):
                chosen[name] = chosen[name.split("_", 2)[2]]
        names.append(_substituted(matches[0].string, spans, chosen))
    return names


def _spelt(value: FieldValue, examples: Iterable[str]) -> str:
    """Write a value that no name has, with as many digits as the others."""
    widths = {len(text) for text in examples}
    return str(value).zfill(widths.pop()) if len(widths) == 1 else str(value)


def _substituted(
    name: str, spans: list[tuple[tuple[int, int], str]], chosen: dict[str, str]
) -> str:
    """Put the chosen texts in the places of the groups."""
    parts, end = [], 0
    for (start, stop), group in spans:
        if start >= end:  # a group inside another one is part of its text
            parts += [name[end:start], chosen[group]]
            end = stop
    return "".join([*parts, name[end:]])
