"""Marks a search for faults in stored images: everything that is wrong, and nothing that is not."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from data_helpers import ome_zarr
from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.words import kind, short

__all__ = ["mark_find_faults"]

Fault: TypeAlias = tuple[str, str]  # path of the level, or nothing; what is wrong
Factors: TypeAlias = list[tuple[int, ...]]

_WORDS = ("null", "unit", "scale", "translation", "chunk")

_MISSED = {
    "null": "Look for `None` at any depth, in dicts and in lists: a function that calls itself "
    "for every value inside.",
    "unit": "Look at every axis. A short form such as 'um' is not in the list of the "
    "specification, and 'nanometer' is in it, but not the unit of these images.",
    "scale": "Compare each scale with that of the full resolution times the factor of this level, "
    "along every axis.",
    "translation": "Compare each translation with `(factor - 1) / 2` times the scale of the full "
    "resolution. A translation that is left out is 0.",
    "chunk": "A chunk without a file reads as the fill value, without an error. Count files: "
    "`array.nchunks_initialized` says how many there are, `array.nchunks` how many there should "
    "be; folders and `zarr.json` do not count.",
}
_FALSE_ALARM = {
    "null": "Only `None` is null. `0`, an empty text and `False` are values.",
    "unit": "The unit of these images is 'micrometer'.",
    "scale": "Numbers in files are rounded, and 0.1 * 3 is not 0.3 in floats: compare with "
    "`math.isclose` or `np.allclose`.",
    "translation": "The translation of the full resolution is 0 and may be left out; others are "
    "rounded in the file: compare with `math.isclose(..., abs_tol=1e-9)` or `np.allclose`.",
    "chunk": "A chunk that is all 0 is an image of something dark. Only a chunk without a file is "
    "missing: compare `array.nchunks_initialized` with `array.nchunks`.",
}


@dataclass
class _Image:
    """A stored image and what is wrong with it."""

    path: Path
    factors: Factors
    faults: set[Fault] = field(default_factory=set)

    @property
    def metadata(self) -> dict[str, Any]:
        """Content of the group's file."""
        content: dict[str, Any] = json.loads((self.path / "zarr.json").read_text())
        return content

    def write(self, content: dict[str, Any]) -> None:
        """Replace the group's metadata."""
        (self.path / "zarr.json").write_text(json.dumps(content))

    def paths(self) -> list[str]:
        """Names of the levels' arrays."""
        multiscale = self.metadata["attributes"]["ome"]["multiscales"][0]
        return [dataset["path"] for dataset in multiscale["datasets"]]


Spoil: TypeAlias = Callable[[_Image, int, np.random.Generator], None]  # level, or which


def mark_find_faults(answer: Answer) -> str:
    """Mark 04.6: all faults of images, and no false alarms."""
    kinds: list[list[tuple[Spoil, int]]] = [
        [],
        [(_lose_chunk, 0)],
        [(_spoil_scale, 1)],  # not the last level
        [(_add_null, 1)],
        [(_move_level, 1)],
        [(_change_unit, 1)],
        [(_lose_chunk, 1), (_spoil_scale, 2), (_add_null, 0)],
        [(_change_unit, 0), (_move_level, 2), (_lose_chunk, 2), (_deep_null, 0)],
    ]
    with tempfile.TemporaryDirectory() as folder:
        sound = _sound_image(answer.rng, Path(folder) / "sound.zarr")
        images = [_spoilt(sound, number, k, answer.rng) for number, k in enumerate(kinds)]
        for image in images:
            question = f"`{answer.name}({short(image.path)}, factors)`"
            found = _pairs(answer(image.path, image.factors), question)
            try:
                _check_faults(found, image, question)
            except Wrong:
                questions = [(image.path, image.factors) for image in images]
                refuse_hard_coded(answer, questions, lambda *a: _as_sorted(answer(*a)))
                raise
    return f"{len(images)} images: every fault was found, and a sound image has none."


def _as_sorted(found: Any) -> Any:
    """Bring sets into an order, so that equal ones look equal."""
    return sorted(found) if isinstance(found, (set, frozenset)) else found


def _sound_image(rng: np.random.Generator, path: Path) -> _Image:
    """Store a small image with odd lengths and a dark chunk, whose numbers are rounded."""
    in_plane = round(float(rng.uniform(0.1, 0.4)), 3)
    voxel_size = (round(float(rng.uniform(0.5, 2)), 2), in_plane, in_plane)
    values = rng.integers(1, 250, (9, 35, 38)).astype("uint8")
    values[:, :16, :16] = 0
    factors: Factors = [(1, 1, 1), (1, 2, 2), (2, 4, 4)]
    steps = [(1, 2, 2), (2, 2, 2)]
    ome_zarr.write_multiscale(
        *(values, path),
        axes="zyx",
        voxel_size=voxel_size,
        chunks=(16, 16, 16),
        factors=steps,
        n_jobs=1,
    )
    image = _Image(path, factors)
    content = image.metadata
    for dataset in _datasets(content)[1:]:
        for one in dataset["coordinateTransformations"]:
            one[one["type"]] = [float(np.float32(n)) for n in one[one["type"]]]
    _datasets(content)[0]["coordinateTransformations"].pop()  # the full resolution needs none
    image.write(content)
    return image


def _datasets(content: dict[str, Any]) -> list[dict[str, Any]]:
    datasets: list[dict[str, Any]] = content["attributes"]["ome"]["multiscales"][0]["datasets"]
    return datasets


def _spoilt(
    sound: _Image, number: int, kinds: Iterable[tuple[Spoil, int]], rng: np.random.Generator
) -> _Image:
    """Copy an image and break the copy in some ways; every other one calls its levels otherwise."""
    path = sound.path.parent / f"image{number}.zarr"
    shutil.copytree(sound.path, path)
    image = _Image(path, sound.factors)
    if number % 2:
        content = image.metadata
        for dataset in _datasets(content):
            name = f"s{dataset['path']}"
            (path / dataset["path"]).rename(path / name)
            dataset["path"] = name
        image.write(content)
    for spoil, level in kinds:
        spoil(image, level, rng)
    return image


def _lose_chunk(image: _Image, level: int, rng: np.random.Generator) -> None:
    """Delete the file of one chunk of a level."""
    path = image.paths()[level]
    files = sorted(file for file in (image.path / path / "c").rglob("*") if file.is_file())
    files[int(rng.integers(len(files)))].unlink()
    image.faults.add((path, "chunk"))


def _spoil_scale(image: _Image, level: int, rng: np.random.Generator) -> None:
    """Double a scale along one axis; or divide in place of multiplying, or forget the factors."""
    content = image.metadata
    datasets = _datasets(content)
    full = datasets[0]["coordinateTransformations"][0]["scale"]
    wrong = [full, [n / f for n, f in zip(full, image.factors[level], strict=True)]]
    scale = datasets[level]["coordinateTransformations"][0]["scale"]
    if level == 1:
        scale[1 + int(rng.integers(2))] *= 2
    else:
        scale[:] = wrong[int(rng.integers(2))]
    image.write(content)
    image.faults.add((datasets[level]["path"], "scale"))


def _move_level(image: _Image, level: int, rng: np.random.Generator) -> None:
    """Set a level's translation to 0, or leave it out, or count from the edge."""
    content = image.metadata
    transformations = _datasets(content)[level]["coordinateTransformations"]
    which = int(rng.integers(3))
    if which == 0:
        transformations.pop()
    elif which == 1:
        transformations[1]["translation"] = [0.0, 0.0, 0.0]
    else:
        transformations[1]["translation"] = [n / 2 for n in transformations[0]["scale"]]
    image.write(content)
    image.faults.add((_datasets(content)[level]["path"], "translation"))


def _change_unit(image: _Image, which: int, rng: np.random.Generator) -> None:
    """Give one axis a unit that is not what it should be."""
    content = image.metadata
    axes = content["attributes"]["ome"]["multiscales"][0]["axes"]
    axes[2 - which]["unit"] = ["um", "nanometer"][which]
    image.write(content)
    image.faults.add(("", "unit"))


def _add_null(image: _Image, which: int, rng: np.random.Generator) -> None:
    """Add a member that is null beside others."""
    content = image.metadata
    ome = content["attributes"]["ome"]
    place, key = [(ome, "omero"), (ome["multiscales"][0], "type")][which]
    place[key] = None
    image.write(content)
    image.faults.add(("", "null"))


def _deep_null(image: _Image, which: int, rng: np.random.Generator) -> None:
    """Add a member that is null inside a list inside others."""
    content = image.metadata
    content["attributes"]["ome"]["omero"] = {"channels": [{"label": "", "active": False}]}
    channel = content["attributes"]["ome"]["omero"]["channels"][0]
    channel[str(rng.choice(["color", "window"]))] = None
    image.write(content)
    image.faults.add(("", "null"))


def _pairs(found: Any, question: str) -> set[Fault]:
    """Take pairs of a path and a word, or say what came instead."""
    if not isinstance(found, (set, frozenset, list, tuple)):
        ending = "Does your function end with `return ...`?" if found is None else ""
        raise Wrong(f"{question} gave {kind(found)}; expected a set.", ending)
    for item in found:
        pair = isinstance(item, (tuple, list)) and len(item) == 2
        if not pair or item[1] not in _WORDS or not isinstance(item[0], str):
            raise Wrong(
                f"{question} has `{short(item)}` in it; expected pairs of a path and one of "
                f"{', '.join(_WORDS)}.",
                "For example `faults.add((path, 'scale'))`; the path is \"\" for what belongs to "
                "the image as a whole.",
            )
    return {(path, word) for path, word in found}


def _check_faults(given: set[Fault], image: _Image, question: str) -> None:
    """Refuse a set that is not that of the faults."""
    for missed in sorted(image.faults - given):
        _explain_missed(missed, given, image, question)
    for alarm in sorted(given - image.faults):
        path, word = alarm
        raise Wrong(
            f"{question} reports {alarm}, which is not wrong. The faults are "
            f"{short(sorted(image.faults)) if image.faults else 'none'}.",
            _why_alarmed(path, word, image),
        )


def _why_alarmed(path: str, word: str, image: _Image) -> str:
    """Say why something sound may have been reported."""
    if path and word in ("null", "unit"):
        return 'That fault belongs to the whole image: its path is "".'
    if word == "translation" and (path, "scale") in image.faults:
        return (
            "Its scale is wrong, its translation is not: judge the translation by the scale of "
            "the full resolution, not by the level's own."
        )
    if word in ("scale", "translation") and any(word == other for _, other in image.faults):
        return (
            "Another level is wrong. Judge each level by the full resolution: from the level "
            "before, a mistake is handed on to sound ones."
        )
    return _FALSE_ALARM[word]


def _explain_missed(missed: Fault, given: set[Fault], image: _Image, question: str) -> None:
    """Say why a fault may have been missed."""
    path, word = missed
    advice = _MISSED[word]
    elsewhere = [other for other, same in given if same == word and (other, word) != missed]
    if elsewhere:
        advice = (
            f"You report it for {elsewhere[0]!r} instead. The path is that of the dataset in the "
            'metadata, a text, and "" for what belongs to the whole image; in a loop, see that it '
            "is that of this round."
        )
    elif given and given < image.faults:
        advice = f"Report all faults at once, not only the first. {advice}"
    elif path and path != image.paths()[-1]:
        advice += " Do you look at every level, not only at the last one after a loop?"
    raise Wrong(
        f"{question} does not report {missed}; the faults are {short(sorted(image.faults))}, and "
        f"you found {short(sorted(given)) if given else 'none'}.",
        advice,
    )
