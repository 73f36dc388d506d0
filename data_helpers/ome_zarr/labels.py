"""Write labels beside an image: what each voxel belongs to, on the image's grid at every level."""

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import zarr

from data_helpers.jobs import ReadableArray
from data_helpers.ome_zarr.image import Multiscale, open_multiscale
from data_helpers.ome_zarr.plan import Plan, plan_image
from data_helpers.ome_zarr.spec import image_attributes, spec_of_plan, zarr_format
from data_helpers.ome_zarr.target import below, open_group
from data_helpers.ome_zarr.write import write_image

__all__ = ["write_labels"]


def write_labels(
    labels: ReadableArray,
    store: Any,
    *,
    name: str = "labels",
    colours: Mapping[int, Sequence[int]] | None = None,
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    compressors: Any = None,
    method: Any = "mode",
    n_jobs: int = -1,
    progress: bool = False,
    overwrite: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> Multiscale:
    """Write a label image beside an image, with the image's levels, voxel sizes and version.

    A level's voxel gets the label that most of its window has, so that no label appears that is
    not there, as would happen with means.

    Parameters
    ----------
    labels
        Whole numbers, 0 for the background; of the image's shape, or of its shape without the
        channel axis.
    store
        Where the image is.
    name
        Name of the label image, a place in the group "labels" of the image.
    colours
        Colour of labels: for each value red, green, blue and opacity, from 0 to 255.
    chunks, shards, compressors, n_jobs, progress, manifest
        As for `write_multiscale`; by default the image's chunks and shards.
    method
        "mode" or "nearest".
    overwrite
        Whether labels of this name may be replaced.

    Returns
    -------
    Multiscale
        The label image, opened.

    Raises
    ------
    TypeError
        If labels are no whole numbers.
    ValueError
        If the shape is not the image's, the method is "mean", or a colour is not one.
    FileExistsError, ChunkError
        As `write_multiscale`.

    Examples
    --------
    >>> from data_helpers import write_multiscale
    >>> store = {}
    >>> image = write_multiscale(np.ones((4, 4)), store, axes="yx", voxel_size=0.5, levels=2)
    >>> cells = np.array([[1, 1, 0, 0], [1, 0, 0, 2], [0, 0, 2, 2], [0, 0, 2, 2]], "uint16")
    >>> write_labels(cells, store, name="cells")[1][:]
    array([[1, 0],
           [0, 2]], dtype=uint16)
    >>> open_multiscale(store).labels
    ('cells',)
    """
    image = open_multiscale(store)
    _check_name(name)
    dtype = np.dtype(labels.dtype)
    if dtype.kind not in "iu":
        raise TypeError(
            f"the labels have dtype {dtype}; expected whole numbers: convert with "
            "astype('uint32'), or astype('uint8') for a mask"
        )
    if method == "mean":
        raise ValueError(
            "method is 'mean', which would make labels up; expected 'mode' or 'nearest'"
        )
    kept = _axes_of_labels(labels, image)
    own = [_sizes(sizes, kept) for sizes in (image[0].chunks, image[0].shards)]
    plan = plan_image(
        labels,
        axes=[image.axes[axis] for axis in kept],
        voxel_size=[image.scales[0][axis] for axis in kept],
        unit={image.axes[axis]: unit for axis in kept if (unit := image.units[axis]) is not None},
        chunks=own[0] if chunks is None else chunks,
        shards=own[1] if shards is None and chunks is None else shards,
        version=image.version,  # type: ignore[arg-type]
        factors=_steps(image, kept),
        compressors=compressors,
        method=method,
        name=name,
    )
    attributes = _with_label_metadata(image_attributes(spec_of_plan(plan)), plan, colours)
    group = _labels_group(store, plan)
    write_image(
        labels,
        below(store, f"labels/{name}"),
        plan,
        attributes,
        n_jobs=n_jobs,
        progress=progress,
        overwrite=overwrite,
        manifest=manifest,
    )
    _list_in(group, name)
    return open_multiscale(below(store, f"labels/{name}"))


def _check_name(name: str) -> None:
    if not name or name.startswith((".", "__")) or "/" in name:
        raise ValueError(f"name is {name!r}; expected a plain name, without slash or leading dot")


def _axes_of_labels(labels: ReadableArray, image: Multiscale) -> list[int]:
    """Which of the image's axes the labels have: all, or all but the channels."""
    everything = list(range(len(image.axes)))
    without = [axis for axis in everything if image.axes[axis] != "c"]
    for kept in (everything, without):
        if tuple(labels.shape) == tuple(image[0].shape[axis] for axis in kept):
            return kept
    raise ValueError(
        f"the labels have shape {tuple(labels.shape)}; expected the image's, {image[0].shape}"
        + (
            f", or {tuple(image[0].shape[axis] for axis in without)}, without the channels"
            if len(without) < len(everything)
            else ""
        )
    )


def _sizes(sizes: Sequence[int] | None, kept: Sequence[int]) -> tuple[int, ...] | None:
    return None if sizes is None else tuple(sizes[axis] for axis in kept)


def _steps(image: Multiscale, kept: Sequence[int]) -> list[tuple[int, ...]]:
    """Factors from level to level, from the image's voxel sizes."""
    totals = [
        [round(scale[axis] / image.scales[0][axis]) for axis in kept] for scale in image.scales
    ]
    return [
        tuple(b // a for a, b in zip(before, after, strict=True))
        for before, after in pairwise(totals)
    ]


def _labels_group(store: Any, plan: Plan) -> zarr.Group:
    """Open or make the group that lists the labels."""
    place = below(store, "labels")
    try:
        return open_group(place, "r+")
    except FileNotFoundError:
        empty = {"labels": list[str]()}
        attributes = empty if plan.version == "0.4" else {"ome": {"version": "0.5", **empty}}
        return zarr.create_group(
            place, zarr_format=zarr_format(plan.version), attributes=attributes
        )


def _with_label_metadata(
    attributes: dict[str, Any], plan: Plan, colours: Mapping[int, Sequence[int]] | None
) -> dict[str, Any]:
    """Add what makes an image a label image."""
    label: dict[str, Any] = {"version": plan.version, "source": {"image": "../../"}}
    if colours:
        label["colors"] = [
            {"label-value": int(value), "rgba": _rgba(value, colour)}
            for value, colour in colours.items()
        ]
    if plan.version == "0.4":
        return {**attributes, "image-label": label}
    return {"ome": {**attributes["ome"], "image-label": label}}


def _rgba(value: int, colour: Sequence[int]) -> list[int]:
    numbers = [int(part) for part in colour]
    if len(numbers) != 4 or not all(0 <= part <= 255 for part in numbers):
        raise ValueError(
            f"label {value} has colour {tuple(colour)}; expected red, green, blue and opacity, "
            "from 0 to 255 each"
        )
    return numbers


def _list_in(group: zarr.Group, name: str) -> None:
    """Name the labels in their group, now that they are complete."""
    attributes: dict[str, Any] = group.attrs.asdict()
    inner = attributes.get("ome", attributes)
    if name not in (listed := inner.setdefault("labels", [])):
        listed.append(name)
        group.attrs.put(attributes)
