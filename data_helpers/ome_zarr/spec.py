"""An image described by models: every field can be read and checked before anything is stored."""

from collections.abc import Mapping, Sequence
from typing import Any

import zarr
from numcodecs import Zstd
from ome_zarr_models import v04, v05
from pydantic_zarr import v2, v3
from zarr.codecs import ZstdCodec

from data_helpers._version import __version__
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.axes import AXIS_TYPES
from data_helpers.ome_zarr.hints import Channel, omero
from data_helpers.ome_zarr.levels import Factors
from data_helpers.ome_zarr.methods import Method
from data_helpers.ome_zarr.plan import Plan, Version, plan_image

__all__ = ["create_level", "image_attributes", "image_spec", "spec_of_plan", "zarr_format"]


def image_spec(
    source: Any,
    *,
    axes: str | Sequence[str],
    voxel_size: Sequence[float] | float,
    unit: str | Mapping[str, str] | None = "micrometer",
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    version: Version = "0.5",
    factors: Factors = 2,
    levels: int | None = None,
    compressors: Any = None,
    method: Method = "mean",
    name: str = "image",
    channels: Sequence[Channel] = (),
) -> v05.Image | v04.Image:
    """Describe what `write_multiscale` would write. Nothing is read and nothing is stored.

    Parameters
    ----------
    source
        Anything with a shape and a dtype.
    axes, voxel_size, unit, chunks, shards, version, factors, levels, compressors, method
        As for `write_multiscale`.
    name, channels
        As for `write_multiscale`.

    Returns
    -------
    ome_zarr_models.v05.Image or ome_zarr_models.v04.Image
        A description of the group, its attributes and its arrays. It can be changed with
        ``model_copy``, shown with ``model_dump`` and stored, empty, with ``to_zarr``.

    Raises
    ------
    TypeError, ValueError
        As `write_multiscale`.

    Examples
    --------
    >>> import numpy as np
    >>> spec = image_spec(np.zeros((64, 64), "u1"), axes="yx", voxel_size=0.5, levels=2)
    >>> spec.members["1"].shape
    (32, 32)
    >>> spec.attributes.ome.multiscales[0].datasets[1].coordinateTransformations[1].translation
    [0.25, 0.25]
    """
    plan = plan_image(
        source,
        axes=axes,
        voxel_size=voxel_size,
        unit=unit,
        chunks=chunks,
        shards=shards,
        version=version,
        factors=factors,
        levels=levels,
        compressors=compressors,
        method=method,
        name=name,
        channels=channels,
    )
    return spec_of_plan(plan)


def spec_of_plan(plan: Plan) -> v05.Image | v04.Image:
    """Describe a plan by models.

    Parameters
    ----------
    plan
        A checked plan.

    Returns
    -------
    ome_zarr_models.v05.Image or ome_zarr_models.v04.Image
        The description.
    """
    arrays = {str(k): create_level({}, "", plan, k) for k in range(len(plan.factors))}
    if plan.version == "0.4":
        old = {path: v2.ArraySpec.from_zarr(array).model_dump() for path, array in arrays.items()}
        return v04.Image.model_validate({"attributes": _attributes(plan), "members": old})
    new = {path: v3.ArraySpec.from_zarr(array).model_dump() for path, array in arrays.items()}
    return v05.Image.model_validate({"attributes": {"ome": _attributes(plan)}, "members": new})


def image_attributes(spec: v05.Image | v04.Image) -> dict[str, Any]:
    """Attributes of an image's group, ready for JSON, without members that are null.

    Some readers fail on ``"omero": null`` where they would do well without the member.

    Parameters
    ----------
    spec
        Description of an image.

    Returns
    -------
    dict
        The attributes.
    """
    dumped: dict[str, Any] = spec.attributes.model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    return dumped


def create_level(store: Any, path: str, plan: Plan, level: int) -> ZarrArray:
    """Create the array of one level: a lost chunk will show, and in Zarr 3 a flipped bit, too.

    Parameters
    ----------
    store
        A store, or the place of a group in one.
    path
        Name of the array in the group.
    plan
        What is to be written.
    level
        Which level.

    Returns
    -------
    zarr.Array
        The array, which stores every chunk.
    """
    old = plan.version == "0.4"
    compressors = plan.compressors
    if compressors is None:
        # tensorstore refuses the checksum member of numcodecs' Zstd in Zarr 2.
        compressors = Zstd(level=3) if old else ZstdCodec(level=3, checksum=True)
    attributes: dict[str, Any] = {"data_helpers": {"write_empty_chunks": True}}
    if old:  # Zarr 2 has no names of dimensions; xarray and we look for them here
        attributes["_ARRAY_DIMENSIONS"] = list(plan.axes)
    return zarr.create_array(
        store,
        name=path or None,
        shape=plan.shapes[level],
        dtype=plan.dtype,
        chunks=plan.level_chunks(level),
        shards=plan.level_shards(level),
        compressors=compressors,
        fill_value=0,
        zarr_format=zarr_format(plan.version),
        chunk_key_encoding={"name": "v2" if old else "default", "separator": "/"},
        dimension_names=None if old else plan.axes,
        attributes=attributes,
        config={"write_empty_chunks": True},
    )


def zarr_format(version: Version) -> Any:
    """Zarr format that a version of OME-Zarr is stored as: 2 for 0.4, 3 for 0.5."""
    return 2 if version == "0.4" else 3


def _attributes(plan: Plan) -> dict[str, Any]:
    """Metadata of the image, as the specification nests it."""
    axes = [
        {"name": name, "type": AXIS_TYPES[name], **({"unit": unit} if unit else {})}
        for name, unit in zip(plan.axes, plan.units, strict=True)
    ]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": list(scale)},
                {"type": "translation", "translation": list(translation)},
            ],
        }
        for level, (scale, translation) in enumerate(
            zip(plan.scales, plan.translations, strict=True)
        )
    ]
    multiscale = {
        "name": plan.name,
        "axes": axes,
        "datasets": datasets,
        "type": plan.method,
        "metadata": {"method": "data_helpers.write_multiscale", "version": __version__},
    }
    hints = {"omero": omero(plan.channels, plan.dtype)} if plan.channels else {}
    if plan.version == "0.4":
        return {"multiscales": [{"version": "0.4", **multiscale}], **hints}
    return {"version": "0.5", "multiscales": [multiscale], **hints}
