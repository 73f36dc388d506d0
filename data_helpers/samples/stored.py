"""Pixels as a Zarr array with named dimensions, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from data_helpers.samples.info import one_of, sample_info
from data_helpers.samples.lock import locked
from data_helpers.samples.settings import cache_folder

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt

__all__ = ["ArrayType", "as_array_type", "check_array_type", "read_pixels"]

ArrayType = Literal["zarr", "numpy", "dask"]


def check_array_type(array_type: str) -> None:
    """Raise a ValueError unless `array_type` is one of "zarr", "numpy" and "dask"."""
    one_of("array_type", array_type, ("zarr", "numpy", "dask"))


def as_array_type(
    pixels: npt.NDArray[Any],
    array_type: ArrayType,
    *,
    name: str,
    chunks: tuple[int, ...],
    synthetic: bool = False,
) -> npt.NDArray[Any] | zarr.Array[Any] | da.Array:
    """Return the pixels of sample `name` in the form asked for; lazy forms are cut into `chunks`.

    The Zarr array is opened for reading only. Its dimension names are the sample's axes, and
    its attributes say where it comes from.
    """
    if array_type == "numpy":
        return pixels
    recipe: dict[str, Any] = {
        "shape": pixels.shape,
        "dtype": pixels.dtype,
        "chunks": chunks,
        "dimension_names": tuple(sample_info(name).axes),
        "attributes": {"sample": name, "synthetic": synthetic, **asdict(sample_info(name))},
    }
    try:
        array = _kept(pixels, name, recipe)
    except OSError:
        # A cache that is full or read-only. The pixels are the same; only, another process
        # receives a copy of them instead of a path.
        array = _filled(zarr.storage.MemoryStore(), pixels, recipe)
    if array_type == "zarr":
        return array
    import dask.array as da

    lazy: da.Array = da.from_zarr(array)  # type: ignore[no-untyped-call]
    return lazy


def _kept(pixels: npt.NDArray[Any], name: str, recipe: dict[str, Any]) -> zarr.Array[Any]:
    """Return a store in the cache that holds exactly these pixels; write it if there is none.

    Why a store on disk: an array in a folder is sent to another process as a path, and shows
    a reader what files a Zarr array is made of. Its name is a hash of pixels and recipe, so a
    store from another version of the data is never taken for this one, and it is compared
    with the pixels whenever it is opened, so one that was damaged is written anew.
    """
    digest = hashlib.sha256(json.dumps(recipe, default=str, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    path = cache_folder() / "arrays" / f"{name}-{digest.hexdigest()[:12]}.zarr"
    if not _holds(path, pixels):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            if not _holds(path, pixels):
                _replace(path, pixels, recipe)
    return zarr.open_array(path, mode="r")


def _holds(path: Path, pixels: npt.NDArray[Any]) -> bool:
    if not path.exists():
        return False
    try:
        return np.array_equal(zarr.open_array(path, mode="r")[...], pixels)
    except Exception:
        # A store can be damaged in as many ways as there are exceptions; each means: write anew.
        return False


def _replace(path: Path, pixels: npt.NDArray[Any], recipe: dict[str, Any]) -> None:
    """Write a whole store beside its place, then move it in: nobody ever sees half of one."""
    prefix = f"tmp-{path.stem}-"
    for leftover in path.parent.glob(f"{prefix}*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        _filled(folder / "new", pixels, recipe)
        if path.exists():
            path.rename(folder / "damaged")
        (folder / "new").rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filled(store: Any, pixels: npt.NDArray[Any], recipe: dict[str, Any]) -> zarr.Array[Any]:
    array = zarr.create_array(
        store,
        # A checksum turns a flipped bit into an error; writing empty chunks turns a lost one
        # into something that can be noticed.
        compressors=ZstdCodec(level=3, checksum=True),
        config={"write_empty_chunks": True},
        **recipe,
    )
    array[...] = pixels
    return array


def read_pixels(path: Path) -> npt.NDArray[Any]:
    """Return the pixels of a TIFF file, a NumPy archive of an elevation model, or a Zarr array."""
    if path.suffix == ".zarr":
        return np.asarray(zarr.open_array(path, mode="r")[...])
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return np.asarray(archive["elevation"])
    import tifffile

    return np.ascontiguousarray(tifffile.imread(path))
