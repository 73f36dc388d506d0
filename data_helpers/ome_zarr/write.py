"""Write an image as OME-Zarr: check, mark as unfinished, fill every level, mark as done."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import zarr

from data_helpers.jobs import ReadableArray
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.fill import fill_levels
from data_helpers.ome_zarr.hints import Channel
from data_helpers.ome_zarr.image import Multiscale, open_multiscale
from data_helpers.ome_zarr.levels import Factors
from data_helpers.ome_zarr.methods import Method
from data_helpers.ome_zarr.plan import Plan, Version, plan_image
from data_helpers.ome_zarr.records import (
    has_records,
    records_are_complete,
    refuse_other_work,
)
from data_helpers.ome_zarr.spec import create_level, image_attributes, spec_of_plan, zarr_format
from data_helpers.ome_zarr.target import Target

__all__ = ["write_image", "write_multiscale"]


def write_multiscale(
    source: ReadableArray,
    store: Any,
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
    n_jobs: int = -1,
    progress: bool = False,
    overwrite: bool = False,
    manifest: str | os.PathLike[str] | None = None,
) -> Multiscale:
    """Write an image and its pyramid as OME-Zarr.

    Each voxel of each level is the exact mean of its window of the full resolution, rounded half
    up; windows that the edge cuts short are averaged as they are. Scale and translation of each
    level are those of the averaged windows. Everything is checked before anything is written, and
    the metadata that make the group an image are written last, so that an interrupted write never
    looks like an image.

    Parameters
    ----------
    source
        The full resolution: anything with shape, dtype and slicing, such as an array of NumPy,
        Zarr or Dask, or a stitched view. It is read once, a unit of work at a time.
    store
        Where to write: a path, a Zarr store, or a group's place in one.
    axes
        Names of the axes in their order: "t", "c", "z", "y", "x", for example "czyx".
    voxel_size
        Size of a voxel: one number for all axes of space, one per axis of space, or one per axis.
    unit
        Unit of the axes of space, or units by name of the axis, such as
        ``{"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}``.
    chunks
        Shape of the chunks of every level. By default the source's if it is a Zarr array, else
        cubes of at most 4 MiB. Nowhere longer than the level.
    shards
        Shape of the shards, multiples of `chunks`; version 0.5 only. A shard is written as a
        whole, so a shard per worker is held in memory.
    version
        "0.5", stored as Zarr 3, or "0.4", stored as Zarr 2.
    factors
        From one level to the next: one number for all axes of space; or one per axis; or one tuple
        for each step. With one number, an axis whose voxels are longer is not reduced until the
        others' are about as long.
    levels
        Number of levels, the full resolution included. By default until one fits in a chunk.
    compressors
        A codec of zarr.codecs for 0.5, of numcodecs for 0.4. By default Zstandard, level 3; with
        a checksum in 0.5.
    method
        "mean" for intensities, "mode" (the most frequent value, the smallest of several) or
        "nearest" for labels.
    name
        Name of the image.
    channels
        How a viewer should show each channel.
    n_jobs
        How many units of work at a time, and so a limit on memory. -1 means one per core.
    progress
        Whether to show a progress bar.
    overwrite
        Whether a Zarr group or array at `store` may be replaced. Anything else never is.
    manifest
        A directory for records of what is done. With it, a run that was stopped goes on when
        called again in the same way, and one that came to its end has nothing left to do. Without
        it, what a failed run has written is deleted.

    Returns
    -------
    Multiscale
        The image, opened.

    Raises
    ------
    TypeError
        If the source is no array, its dtype does not suit the method, or a codec is not of the
        version's kind.
    ValueError
        If axes, units, sizes, chunks, shards, factors or levels do not fit each other; or if the
        source, also a lazy one, reads from what would be overwritten.
    FileExistsError
        If there is something at `store` that may not be overwritten.
    ChunkError
        If reading or writing fails on the way; it names the region.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[1, 2, 7], [1, 3, 8]], "uint8")
    >>> pyramid = write_multiscale(image, {}, axes="yx", voxel_size=0.5, levels=2)
    >>> pyramid[1][:]
    array([[2, 8]], dtype=uint8)
    >>> pyramid
    <Multiscale 'image', OME-Zarr 0.5, y [micrometer], x [micrometer]>
      0: (2, 3) uint8, voxel (0.5, 0.5)
      1: (1, 2) uint8, voxel (1.0, 1.0)
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
    attributes = image_attributes(spec_of_plan(plan))
    write_image(
        source,
        store,
        plan,
        attributes,
        n_jobs=n_jobs,
        progress=progress,
        overwrite=overwrite,
        manifest=manifest,
    )
    return open_multiscale(store)


def write_image(
    source: ReadableArray,
    store: Any,
    plan: Plan,
    attributes: dict[str, Any],
    *,
    n_jobs: int,
    progress: bool,
    overwrite: bool,
    manifest: str | os.PathLike[str] | None,
) -> None:
    """Write what was planned.

    Parameters
    ----------
    source, store, n_jobs, progress, overwrite, manifest
        As for `write_multiscale`.
    plan
        What to write, checked.
    attributes
        The metadata of the group, written last.
    """
    target = Target(store, zarr_format(plan.version))

    def resume() -> bool:
        if manifest is None:
            return False
        if target.is_unfinished:
            return has_records(manifest)
        return target.holds(attributes) and _is_done(source, store, plan, manifest)

    if go_on := target.check(overwrite=overwrite, resume=resume, source=source):
        levels = _levels_of_earlier_run(store, plan)
    else:
        _begin(target, source, plan, manifest)
    try:
        if not go_on:
            levels = [create_level(store, str(k), plan, k) for k in range(len(plan.factors))]
        fill_levels(source, levels, plan, n_jobs=n_jobs, progress=progress, manifest=manifest)
        target.finish(attributes)
    except BaseException:
        if manifest is None:
            target.remove()
        raise


def _begin(
    target: Target, source: ReadableArray, plan: Plan, manifest: str | os.PathLike[str] | None
) -> None:
    """Make room for an image; a manifest of other work is refused before anything is lost."""
    if new := not target.is_taken:
        target.begin()
    if manifest is not None:
        try:
            refuse_other_work(manifest, source, target.place, plan)
        except BaseException:
            if new:
                target.remove()
            raise
    if not new:
        target.begin()


def _is_done(
    source: ReadableArray, store: Any, plan: Plan, manifest: str | os.PathLike[str]
) -> bool:
    """Tell whether a finished image is what this very run has written."""
    try:
        levels = open_multiscale(store).levels
    except FileNotFoundError:
        return False
    if any(_layout(level) != _planned(plan, k) for k, level in enumerate(levels)):
        return False
    return records_are_complete(manifest, source, levels, plan)


def _levels_of_earlier_run(store: Any, plan: Plan) -> list[ZarrArray]:
    """Open the arrays of a run that was stopped, and make those it had no time for."""
    levels = []
    for k in range(len(plan.factors)):
        try:
            array = zarr.open_array(
                store, path=str(k), mode="r+", zarr_format=zarr_format(plan.version)
            )
        except FileNotFoundError:
            array = create_level(store, str(k), plan, k)
        found, wanted = _layout(array), _planned(plan, k)
        if found != wanted:
            raise ValueError(
                f"level {k} of the unfinished image at {store} has shape, dtype, chunks and shards "
                f"{found}; expected {wanted}, to go on: choose another place and another manifest, "
                "or say overwrite=True and name another manifest"
            )
        levels.append(array)
    return levels


def _layout(array: ZarrArray) -> tuple[Any, ...]:
    return array.shape, array.dtype, array.chunks, array.shards


def _planned(plan: Plan, level: int) -> tuple[Any, ...]:
    """Layout of a level as it is to be."""
    return plan.shapes[level], plan.dtype, plan.level_chunks(level), plan.level_shards(level)
