"""Marks the metadata of an image: what readers must be told, in the words of the specification."""

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from ome_zarr_models.v05.image import ImageAttrs
from pydantic import ValidationError

from data_helpers import ome_zarr
from data_helpers.checks.level_places import NOT_AT_ZERO, advice_on_place
from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.words import describe, kind, short

__all__ = ["mark_image_metadata"]

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_UNITS = {"time": "second", "space": "micrometer"}


def mark_image_metadata(answer: Answer) -> str:
    """Mark 04.3: metadata that a model accepts, and whose numbers are right."""
    cases = [_random_image(answer.rng, axes) for axes in ("zyx", "tyx", "czyx", "tczyx", "yx")]
    for case in cases:
        found = answer(*case)
        try:
            _check_metadata(found, *case, f"`{describe(answer.name, case)}`")
        except Wrong:
            refuse_hard_coded(answer, cases)
            raise
    return (
        f"{len(cases)} images with two to five axes: ome-zarr-models accepts the metadata, and "
        "every scale and translation is right."
    )


def _random_image(
    rng: np.random.Generator, axes: str
) -> tuple[str, str, tuple[float, ...], list[tuple[int, ...]]]:
    """Make up a name, axes, voxel sizes and the factors of three or four levels."""
    name = str(rng.choice(["nuclei", "heart", "embryo"]))
    sizes = {"t": 30.0, "c": 1.0, "z": 2.0, "y": 0.4, "x": 0.4}
    voxel_size = tuple(
        sizes[axis] if axis == "c" else float(np.round(sizes[axis] * rng.uniform(0.6, 1.4), 3))
        for axis in axes
    )
    factors = [
        tuple({"z": max(1, 2 ** (level - 1)), "y": 2**level, "x": 2**level}.get(a, 1) for a in axes)
        for level in range(int(rng.integers(3, 5)))
    ]
    return name, axes, voxel_size, factors


def _check_metadata(
    found: Any,
    name: str,
    axes: str,
    voxel_size: tuple[float, ...],
    factors: list[tuple[int, ...]],
    question: str,
) -> None:
    """Refuse metadata that are malformed, not for JSON, or not about this image."""
    multiscale = _check_outside(found, question)
    if multiscale.get("name") != name:
        raise Wrong(
            f"{question}: the name is {short(multiscale.get('name'))}; expected {name!r}.",
            '`"name"` stands beside "axes" and "datasets".',
        )
    _check_axes(multiscale.get("axes"), axes, question)
    _check_datasets(multiscale.get("datasets"), factors, voxel_size, question)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ImageAttrs.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise Wrong(
                f"{question} is refused by ome-zarr-models, at `{place}`: {first['msg']}.",
                "Compare with the example in the docstring.",
            ) from None


def _check_outside(found: Any, question: str) -> Mapping[str, Any]:
    """Check everything around the one multiscale, and give that."""
    if not isinstance(found, dict):
        ending = "Does your function end with `return ...`?" if found is None else ""
        if isinstance(found, str):
            ending = "Give the dict itself: whoever stores it writes it as JSON."
        raise Wrong(f"{question} gave {kind(found)}; expected a dict.", ending)
    if set(found) == {"ome"}:
        raise Wrong(
            f'{question} has everything inside "ome".',
            'Return what belongs into "ome": whoever stores it writes '
            '`attributes={"ome": metadata}`.',
        )
    for path in _paths_of_null(found):
        raise Wrong(
            f"{question}: `{path}` is `None`, which becomes null in the file.",
            "Some readers fail on null where they do well without the member: leave it out.",
        )
    try:
        json.dumps(found)
    except TypeError as error:
        raise Wrong(
            f"{question} cannot be written as JSON: {error}.",
            "JSON knows no types of NumPy: `float(...)` and `int(...)` make plain numbers, "
            "`.tolist()` a list of them.",
        ) from None
    multiscales = found.get("multiscales")
    if not isinstance(multiscales, list) or len(multiscales) != 1:
        raise Wrong(
            f'{question} has "multiscales" {short(multiscales)}; expected a list with one dict.',
            "The list is for images that are there several times; ours is there once.",
        )
    multiscale = multiscales[0]
    if not isinstance(multiscale, dict):
        raise Wrong(f'{question}: the entry of "multiscales" is {kind(multiscale)}, not a dict.')
    if found.get("version") != "0.5":
        inside = "version" in multiscale
        raise Wrong(
            f'{question} has "version" {short(found.get("version"))}; expected the text "0.5".',
            'In OME-Zarr 0.4 it stands inside "multiscales", in 0.5 beside it.'
            if inside
            else "Versions are texts: as a number, 0.10 would be 0.1.",
        )
    return multiscale


def _paths_of_null(value: Any, path: str = "") -> Iterator[str]:
    """Find members that are None."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths_of_null(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _paths_of_null(inner, f"{path}[{number}]")


def _check_axes(found: Any, axes: str, question: str) -> None:
    """Refuse axes with a wrong name, order, type or unit."""
    if not isinstance(found, (list, tuple)) or not all(isinstance(axis, dict) for axis in found):
        raise Wrong(
            f'{question} has "axes" {short(found)}; expected a list with one dict per axis.',
            'For example `{"name": "z", "type": "space", "unit": "micrometer"}`. Only in older '
            "versions an axis was just a letter.",
        )
    names = [axis.get("name") for axis in found]
    if names != list(axes):
        raise Wrong(
            f"{question}: the axes are called {short(names)}; expected {short(list(axes))}.",
            "Axes come in the order of the array's, the slowest first: z, y, x. In the order x, "
            "y, z readers show the image turned, with the voxel sizes of other axes."
            if names == list(axes)[::-1]
            else "One axis per letter of `axes`, in this order.",
        )
    for axis in found:
        _check_axis(axis, question)


def _check_axis(axis: Mapping[str, Any], question: str) -> None:
    """Refuse an axis with a wrong type or unit."""
    name = str(axis["name"])
    expected = _TYPES[name]
    if axis.get("type") != expected:
        raise Wrong(
            f'{question}: axis {name!r} has "type" {short(axis.get("type"))}; expected '
            f"{expected!r}.",
            "t is time, c is channel, and z, y, x are space.",
        )
    unit = _UNITS.get(expected)
    if axis.get("unit") == unit:
        return
    advice = "Space is in micrometres here, and time in seconds."
    if unit is None:
        advice = 'Channels are counted, not measured: leave "unit" out.'
    elif "unit" in axis:
        advice = (
            f"The specification has a list of names, without short forms: {unit!r}. A unit that "
            "is not in it is not understood by readers."
        )
    raise Wrong(
        f'{question}: axis {name!r} has "unit" {short(axis.get("unit"))}; expected {short(unit)}.',
        advice,
    )


def _check_datasets(
    found: Any, factors: list[tuple[int, ...]], voxel_size: tuple[float, ...], question: str
) -> None:
    """Refuse datasets that are not one per level, or whose level lies elsewhere."""
    if not isinstance(found, (list, tuple)) or len(found) != len(factors):
        what = f"{len(found)} entries" if isinstance(found, (list, tuple)) else kind(found)
        raise Wrong(
            f'{question} has "datasets" with {what}; expected {len(factors)}, one per level.',
            "`for level, factor in enumerate(factors)` goes through all of them; append a dict "
            "inside the loop.",
        )
    for level, (dataset, factor) in enumerate(zip(found, factors, strict=True)):
        if not isinstance(dataset, dict) or dataset.get("path") != str(level):
            path = dataset.get("path") if isinstance(dataset, dict) else dataset
            raise Wrong(
                f'{question}: dataset {level} has "path" {short(path)}; expected {str(level)!r}.',
                'The path is the name of the array in its group, a text: "0", "1", ...',
            )
        _check_transformations(dataset, level, factor, voxel_size, question)


def _check_transformations(
    dataset: Mapping[str, Any],
    level: int,
    factor: tuple[int, ...],
    voxel_size: tuple[float, ...],
    question: str,
) -> None:
    """Refuse a scale or a translation that does not say where the level lies."""
    given = dataset.get("coordinateTransformations")
    example = '`[{"type": "scale", "scale": [...]}, {"type": "translation", "translation": [...]}]`'
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, dict) for one in given):
        raise Wrong(
            f'{question}: dataset {level} has "coordinateTransformations" {short(given)}; expected '
            "a list of dicts.",
            f"{example}. Readers look for the voxel size here.",
        )
    types = [one.get("type") for one in given]
    allowed = [["scale", "translation"]] + ([["scale"]] if level == 0 else [])
    if types not in allowed:
        moved = types == ["scale"]
        raise Wrong(
            f"{question}: dataset {level} has the transformations {short(types)}; expected "
            f"{short(allowed[0])}.",
            NOT_AT_ZERO
            if moved
            else f"Scale first, then translation, each with its type: {example}.",
        )
    right = {
        "scale": ome_zarr.level_scale(factor, voxel_size),
        "translation": ome_zarr.level_translation(factor, voxel_size),
    }
    for one in given:
        word = str(one["type"])
        _check_place(one.get(word), right[word], word, level, factor, voxel_size, question)


def _check_place(
    found: Any,
    expected: tuple[float, ...],
    word: str,
    level: int,
    factor: tuple[int, ...],
    voxel_size: tuple[float, ...],
    question: str,
) -> None:
    """Refuse one wrong scale or translation."""
    numbers = isinstance(found, (list, tuple)) and all(isinstance(n, (int, float)) for n in found)
    if not numbers or len(found) != len(expected):
        raise Wrong(
            f"{question}: the {word} of dataset {level} is {short(found)}; expected "
            f"{len(expected)} numbers.",
            "One number per axis, time and channel as well: each has an entry in `voxel_size` and "
            "in the factors.",
        )
    if np.allclose(found, expected, rtol=1e-6, atol=1e-9):
        return
    rule = "`factor * voxel_size`" if word == "scale" else "`(factor - 1) / 2 * voxel_size`"
    which = "with the factor of this axis and level; all of them count from the full resolution."
    raise Wrong(
        f"{question}: the {word} of dataset {level} is {short(list(found))}; expected "
        f"{short(list(expected))}.",
        advice_on_place(word, found, factor, voxel_size)
        or f"Along each axis it is {rule}, {which}",
    )
