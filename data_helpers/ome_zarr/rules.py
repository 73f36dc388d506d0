"""Rules of the OME-Zarr specification, and of arithmetic, that the models do not check."""

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

import zarr

from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.axes import SPACE_UNITS, TIME_UNITS
from data_helpers.ome_zarr.image import Multiscale

__all__ = ["agreement_findings", "label_findings", "metadata_findings"]

_UNITS = {"space": SPACE_UNITS, "time": TIME_UNITS}


def metadata_findings(attributes: Mapping[str, Any], group: zarr.Group) -> Iterator[str]:
    """Look at the metadata alone.

    Parameters
    ----------
    attributes
        Attributes of the image's group.
    group
        The group.

    Yields
    ------
    str
        One message per broken rule.
    """
    for path in _nulls(attributes):
        yield f"{path} is null; expected no such member, since some readers fail on it"
    metadata = attributes.get("ome", attributes)
    expected = "0.4" if group.metadata.zarr_format == 2 else "0.5"
    for number, multiscale in enumerate(metadata["multiscales"]):
        version = multiscale.get("version", metadata.get("version"))
        if version != expected:
            yield (
                f"multiscales[{number}] has version {version!r} in Zarr "
                f"{group.metadata.zarr_format}; expected {expected!r}"
            )
        for axis in multiscale.get("axes", ()):
            known = _UNITS.get(axis.get("type"))
            if known and "unit" in axis and axis["unit"] not in known:
                yield (
                    f"axis {axis.get('name')!r} has unit {axis['unit']!r}; expected a name from "
                    "the specification's list, such as 'micrometer' or 'second'"
                )


def agreement_findings(
    multiscale: Mapping[str, Any], arrays: Mapping[str, ZarrArray]
) -> Iterator[tuple[str, str]]:
    """Compare arrays with the metadata, and levels with the full resolution.

    Parameters
    ----------
    multiscale
        One entry of the "multiscales" metadata.
    arrays
        Its arrays by path; one that is not there is a finding.

    Yields
    ------
    tuple of (str, str)
        Path of the array, and what is wrong with it.
    """
    levels = []
    for dataset in multiscale.get("datasets", ()):
        path = str(dataset.get("path"))
        if path not in arrays:
            yield path, "the metadata name this array, but it is not there"
            continue
        scale, translation = _vectors(dataset, arrays[path].ndim)
        if scale is None or translation is None or min(scale) <= 0:
            yield path, f"has scale {scale} and translation {translation} for its dimensions"
            continue
        if arrays[path].metadata.zarr_format == 2:
            yield from _separator(path, arrays[path])
        levels.append((path, arrays[path], scale, translation))
    for level in levels[1:]:
        yield from _compare(levels[0], level)


def label_findings(image: Multiscale, labels: Multiscale) -> Iterator[tuple[str, str]]:
    """Compare a label image with its image, whose channels do not count.

    Parameters
    ----------
    image, labels
        Both, opened.

    Yields
    ------
    tuple of (str, str)
        Name of the level, empty for the label image as a whole, and what is wrong with it.
    """
    if len(labels) != len(image):
        yield "", f"has {len(labels)} levels, but the image has {len(image)}; expected as many"
    of_image, of_labels = _without_channels(image), _without_channels(labels)
    names = [image.axes[axis] for axis in of_image]
    if [labels.axes[axis] for axis in of_labels] != names:
        yield "", f"has axes {labels.axes}, but the image has {image.axes}; expected the same"
        return
    pairs = list(zip(names, of_labels, of_image, strict=True))
    for level in range(min(len(labels), len(image))):
        path = labels[level].basename
        for name, own, axis in pairs:
            n, n_0 = labels[level].shape[own], image[level].shape[axis]
            if level == 0 and n != n_0:
                yield path, f"has {n} voxels along {name}, but the image has {n_0}"
            scale, scale_0 = labels.scales[level][own], image.scales[level][axis]
            if not isclose(scale, scale_0, rel_tol=1e-6):
                yield path, f"has scale {scale:g} along {name}, but the image has {scale_0:g}"
            place, place_0 = labels.translations[level][own], image.translations[level][axis]
            if not isclose(place, place_0, rel_tol=1e-6, abs_tol=1e-3 * scale_0):
                yield path, f"has translation {place:g} along {name}, but the image has {place_0:g}"


def _without_channels(image: Multiscale) -> list[int]:
    return [axis for axis, name in enumerate(image.axes) if name != "c"]


def _separator(path: str, array: ZarrArray) -> Iterator[tuple[str, str]]:
    separator = getattr(array.metadata, "dimension_separator", "/")
    if separator != "/":
        yield path, f"has dimension separator {separator!r}; expected '/'"


def _compare(
    full: tuple[str, ZarrArray, list[float], list[float]],
    level: tuple[str, ZarrArray, list[float], list[float]],
) -> Iterator[tuple[str, str]]:
    """Compare a level with the full resolution: types, extents, positions."""
    _, array_0, scale_0, translation_0 = full
    path, array, scale, translation = level
    if array.dtype != array_0.dtype:
        yield path, f"has dtype {array.dtype}, but the full resolution has {array_0.dtype}"
    if array.ndim != array_0.ndim:
        yield path, f"has {array.ndim} dimensions, but the full resolution has {array_0.ndim}"
        return
    for axis, (n, n_0) in enumerate(zip(array.shape, array_0.shape, strict=True)):
        extent, extent_0 = n * scale[axis], n_0 * scale_0[axis]
        # Lengths may be rounded up or down: less than one voxel of the level either way.
        if abs(extent - extent_0) > scale[axis] * 0.999999:
            message = (
                f"has {n} voxels of {scale[axis]:g} along axis {axis}, {extent:g} in all, but the "
                f"full resolution has {n_0} of {scale_0[axis]:g}, {extent_0:g} in all; expected "
                "extents that agree: the scale or the shape is wrong"
            )
            yield path, message
            continue
        expected = translation_0[axis] + (scale[axis] - scale_0[axis]) / 2
        if not isclose(translation[axis], expected, rel_tol=1e-6, abs_tol=1e-3 * scale_0[axis]):
            message = (
                f"has translation {translation[axis]:g} along axis {axis}; expected {expected:g}, "
                "the centre of the averaged voxels, or features move from level to level"
            )
            yield path, message


def _vectors(dataset: Mapping[str, Any], dimensions: int) -> tuple[Any, Any]:
    """Scale and translation of a dataset; None for one that does not fit the dimensions."""
    given = {
        one.get("type"): one.get(one.get("type"))
        for one in dataset.get("coordinateTransformations", ())
        if isinstance(one, Mapping)
    }
    scale, translation = given.get("scale"), given.get("translation", [0.0] * dimensions)
    fits = [
        isinstance(vector, list | tuple) and len(vector) == dimensions
        for vector in (scale, translation)
    ]
    return scale if fits[0] else None, translation if fits[1] else None


def _nulls(value: Any, path: str = "") -> Iterator[str]:
    """Paths of members that are null, wherever they are."""
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _nulls(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _nulls(inner, f"{path}[{number}]")
