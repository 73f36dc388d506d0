"""Open an image: its levels, and where each of their voxels lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.marks import is_incomplete
from data_helpers.ome_zarr.target import IncompleteImageError, below, open_group

__all__ = ["Multiscale", "image_metadata", "open_multiscale"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Multiscale:
    """An image at several resolutions.

    Attributes
    ----------
    store : object
        Where it is, as it was given.
    version : str
        Version of OME-Zarr: "0.4" or "0.5".
    name : str
        Name of the image; empty if it has none.
    axes : tuple of str
        Names of the axes.
    units : tuple of str or None
        Unit of each axis.
    levels : tuple of zarr.Array
        The arrays, the full resolution first.
    scales : tuple of tuple of float
        For each level the voxel size along each axis.
    translations : tuple of tuple of float
        For each level the position of the centre of its first voxel.
    labels : tuple of str
        Names of the label images beside it; ``open_labels(name)`` opens one.
    """

    store: Any
    version: str
    name: str
    axes: tuple[str, ...]
    units: tuple[str | None, ...]
    levels: tuple[ZarrArray, ...]
    scales: tuple[tuple[float, ...], ...]
    translations: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, level: int) -> ZarrArray:
        """Give the array of one level."""
        return self.levels[level]

    def __repr__(self) -> str:
        lines = [
            f"  {number}: {array.shape} {array.dtype}, voxel {tuple(scale)}"
            for number, (array, scale) in enumerate(zip(self.levels, self.scales, strict=True))
        ]
        axes = ", ".join(
            f"{name} [{unit}]" if unit else name
            for name, unit in zip(self.axes, self.units, strict=True)
        )
        return "\n".join([f"<Multiscale {self.name!r}, OME-Zarr {self.version}, {axes}>", *lines])

    def to_physical(self, voxel: Sequence[float] | NDArray[Any], level: int = 0) -> NDArray[Any]:
        """Position of a voxel's centre in physical units.

        Parameters
        ----------
        voxel
            Index along each axis, whole or not; or an array with one index per row.
        level
            The level it belongs to.

        Returns
        -------
        ndarray
            One position, or one per row.
        """
        index = self._checked(voxel, "voxel")
        position: NDArray[Any] = index * self.scales[level] + self.translations[level]
        return position

    def to_voxel(self, position: Sequence[float] | NDArray[Any], level: int = 0) -> NDArray[Any]:
        """Index of the place with a physical position; round it to get the voxel that holds it.

        Parameters
        ----------
        position
            Along each axis, in the axes' units; or an array with one position per row.
        level
            The level to look at.

        Returns
        -------
        ndarray
            One index, not rounded, or one per row.
        """
        place = self._checked(position, "position")
        index: NDArray[Any] = (place - self.translations[level]) / self.scales[level]
        return index

    def open_labels(self, name: str) -> "Multiscale":
        """Open a label image beside this one.

        Parameters
        ----------
        name
            One of ``labels``.

        Returns
        -------
        Multiscale
            The label image.

        Raises
        ------
        KeyError
            If there is no such label image.
        """
        if name not in self.labels:
            raise KeyError(f"there are no labels {name!r}; expected one of {list(self.labels)}")
        return open_multiscale(below(self.store, f"labels/{name}"))

    def _checked(self, numbers: Sequence[float] | NDArray[Any], word: str) -> NDArray[Any]:
        given = np.asarray(numbers, "f8")
        if given.ndim not in (1, 2) or given.shape[-1] != len(self.axes):
            raise ValueError(
                f"{word} has shape {given.shape}; expected ({len(self.axes)},), one number for "
                f"each of the axes {self.axes}, or one such row per {word}"
            )
        return given


def open_multiscale(store: Any) -> Multiscale:
    """Open an OME-Zarr image for reading.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one; OME-Zarr 0.4 or 0.5.

    Returns
    -------
    Multiscale
        Its levels as Zarr arrays, with axes, units, voxel sizes and positions.

    Raises
    ------
    FileNotFoundError
        If there is no group, or an array that the metadata name.
    IncompleteImageError
        If it was not written to its end.
    ValueError
        If the group is no image; `validate` says more.

    Examples
    --------
    >>> from data_helpers import write_multiscale
    >>> store = {}
    >>> ramp = np.arange(16, dtype="uint8").reshape(4, 4)
    >>> image = write_multiscale(ramp, store, axes="yx", voxel_size=0.5, levels=2)
    >>> image = open_multiscale(store)
    >>> image[1][:]
    array([[ 3,  5],
           [11, 13]], dtype=uint8)
    >>> image.scales[1], image.translations[1]
    ((1.0, 1.0), (0.25, 0.25))
    """
    group = open_group(store)
    attributes = image_metadata(group, store)
    multiscale = attributes["multiscales"][0]
    arrays, scales, translations = [], [], []
    for dataset in multiscale["datasets"]:
        arrays.append(_array(group, dataset["path"], store))
        size = arrays[-1].ndim
        scale, translation = _transform(
            [
                *dataset["coordinateTransformations"],
                *multiscale.get("coordinateTransformations", []),
            ],
            size,
        )
        scales.append(scale)
        translations.append(translation)
    return Multiscale(
        store=store,
        version=str(attributes.get("version") or multiscale.get("version")),
        name=str(multiscale.get("name") or ""),
        axes=tuple(axis["name"] for axis in multiscale["axes"]),
        units=tuple(axis.get("unit") for axis in multiscale["axes"]),
        levels=tuple(arrays),
        scales=tuple(scales),
        translations=tuple(translations),
        labels=_label_names(store),
    )


def image_metadata(group: zarr.Group, store: Any) -> Mapping[str, Any]:
    """Metadata of an image's group, where either version keeps them.

    Parameters
    ----------
    group
        The group.
    store
        Its place, for messages.

    Returns
    -------
    mapping
        With "multiscales".

    Raises
    ------
    IncompleteImageError
        If it was not written to its end.
    ValueError
        If there are none.
    """
    attributes = group.attrs.asdict()
    if is_incomplete(attributes):
        raise IncompleteImageError(
            f"the image at {store} is not complete: its writer is still at work or was stopped; "
            "write it again with the manifest of that run to go on, or with overwrite=True, or "
            "delete it with remove_incomplete"
        )
    found = attributes.get("ome", attributes)
    if not isinstance(found, Mapping) or not found.get("multiscales"):
        raise ValueError(
            f"the group at {store} has no 'multiscales' metadata, only {sorted(attributes)}; "
            "expected the root of an OME-Zarr image"
        )
    return found


def _array(group: zarr.Group, path: str, store: Any) -> ZarrArray:
    found = group.get(path)
    if not isinstance(found, zarr.Array):
        raise FileNotFoundError(
            f"the metadata of {store} name the array {path!r}, which is not there; the image is "
            "damaged: validate(store) lists what is wrong"
        )
    return found


def _transform(
    transformations: Sequence[Mapping[str, Any]], dimensions: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Join transformations, applied in order, to one scale followed by one translation."""
    scale, translation = np.ones(dimensions), np.zeros(dimensions)
    for one in transformations:
        if one["type"] == "scale":
            scale, translation = scale * one["scale"], translation * one["scale"]
        elif one["type"] == "translation":
            translation = translation + one["translation"]
    return tuple(scale.tolist()), tuple(translation.tolist())


def _label_names(store: Any) -> tuple[str, ...]:
    """Names in the labels group, which lists a label image when it is complete."""
    try:
        group = open_group(below(store, "labels"))
    except FileNotFoundError:
        return ()
    attributes: dict[str, Any] = group.attrs.asdict()
    listed = attributes.get("ome", attributes)
    return tuple(listed.get("labels", ()))
