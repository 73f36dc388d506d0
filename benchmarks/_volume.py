"""The volume that several benchmarks work on: a synthetic heart in compressed chunks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from benchmarks._case import THREADS, Size
from data_helpers.jobs import create_like
from data_helpers.phantoms import phantom_heart

__all__ = [
    "MUCH_LONGER",
    "check_repeated",
    "facts",
    "longer",
    "open_tensorstore",
    "write_volume",
]

# Side of a chunk, and how many chunks there are along each axis.
_CHUNK: dict[Size, int] = {"tiny": 16, "small": 64, "full": 128}
_COUNT = 4
# How often the volume is repeated to show that memory does not grow: to 10 GB at full size.
MUCH_LONGER: dict[Size, int] = {"tiny": 4, "small": 4, "full": 40}
_HEART = 2  # chunks along each axis of the heart, which is then repeated


def write_volume(path: Path, size: Size, count: int = _COUNT) -> zarr.Array[Any]:
    """Write a volume of uint16, 512 voxels a side at full size, in 128-voxel chunks.

    `count` is an even number of chunks along each axis. Chunks are compressed one by one, so that
    a repeated block is as hard on the codec as any.
    """
    side = _CHUNK[size] * _HEART
    heart = phantom_heart((side, side, side)).astype(np.uint16) * 100
    volume = np.tile(heart, (count // _HEART,) * 3)
    array = create_like(volume, path, chunks=(_CHUNK[size],) * 3)
    array[...] = volume
    return array


def facts(array: zarr.Array[Any]) -> dict[str, int]:
    """Give what a page says of the volume."""
    return {"side": array.shape[0], "chunk": array.chunks[0], "bytes": array.nbytes}


def longer(array: zarr.Array[Any], path: Path, *times: int) -> None:
    """Put an array several times beside itself, along its first axes, by links to its chunks."""
    counts = (*times, *(1,) * (array.ndim - len(times)))
    shape = tuple(side * count for side, count in zip(array.shape, counts, strict=True))
    create_like(array, path, shape=shape)
    chunks = np.floor_divide(array.shape, array.chunks)
    old = Path(array.store.root)
    for file in old.glob("c/*/*/*"):
        place = [int(part) for part in file.relative_to(old / "c").parts]
        for copy in np.ndindex(*counts):
            new = path.joinpath("c", *map(str, place + copy * chunks))
            new.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, new)


def open_tensorstore(path: Path) -> Any:
    """Open an array with tensorstore, which then works on as many threads as all others."""
    import tensorstore as ts

    store = {"driver": "file", "path": str(path)}
    context = {"data_copy_concurrency": {"limit": THREADS}}
    return ts.open({"driver": "zarr3", "kvstore": store, "context": context}).result()


def check_repeated(
    found: zarr.Array[Any], volume: zarr.Array[Any], work: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    """Compare a result with what NumPy makes of a volume, or of a longer one that repeats it.

    Row of chunks by row of chunks, so that neither need fit in memory.
    """
    planes, step = volume.shape[0], volume.chunks[0]
    assert found.shape[0] % planes == 0, f"{found.shape[0]} planes, expected {planes}"
    assert found.shape[1:] == volume.shape[1:], f"shape {found.shape}"
    for start in range(0, planes, step):
        expected = work(volume[start : start + step])
        for at in range(start, found.shape[0], planes):
            assert np.array_equal(found[at : at + step], expected), f"other values from plane {at}"
