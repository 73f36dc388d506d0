"""A volume of cubic chunks given chunks that are slabs of planes, within a budget of memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import chunk_files, chunks_of, codec_limit
from benchmarks._volume import check_repeated, facts, longer, write_volume
from data_helpers.chunking import rechunk_zarr
from data_helpers.jobs import create_like

BUDGET = 100_000_000  # bytes
LONGER = 4


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, and one that is longer."""
    volume = write_volume(folder / "volume.zarr", size)
    longer(volume, folder / "longer.zarr", LONGER)
    return facts(volume) | {"longer": LONGER}


def slabs(array: zarr.Array[Any]) -> tuple[int, ...]:
    """Give the new chunks: whole planes, an eighth of an old chunk thick."""
    return (array.chunks[0] // 8, *array.shape[1:])


def check(folder: Path, output: Path) -> None:
    """Compare chunks and values."""
    volume, found = zarr.open_array(folder / "volume.zarr"), zarr.open_array(output)
    assert found.chunks == slabs(volume), f"chunks {found.chunks}, expected {slabs(volume)}"
    check_repeated(found, volume, np.asarray)


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Use the bare codec."""
    volume = zarr.open_array(folder / "volume.zarr")
    return codec_limit(chunk_files(volume), chunks_of(volume[...], slabs(volume)))


def ours(volume: str = "volume.zarr") -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `rechunk_zarr`."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        def run() -> Path:
            source = zarr.open_array(folder / volume, mode="r")
            target = create_like(source, output, chunks=slabs(source))
            rechunk_zarr(source, target, max_memory=BUDGET)
            return output

        return run

    return setup


def dask(folder: Path, output: Path) -> Callable[[], Path]:
    """Use Dask's `rechunk`."""
    import dask.array as da

    def run() -> Path:
        source = zarr.open_array(folder / "volume.zarr", mode="r")
        target = create_like(source, output, chunks=slabs(source))
        da.to_zarr(da.from_zarr(source).rechunk(target.chunks), target)
        return output

    return run


def cubed(folder: Path, output: Path) -> Callable[[], Path]:
    """Use cubed, which plans within a budget, too; its own settings of codec and threads."""
    import cubed

    def run() -> Path:
        spec = cubed.Spec(work_dir=str(output.parent), allowed_mem=BUDGET, reserved_mem=0)
        source = cubed.from_zarr(str(folder / "volume.zarr"), spec=spec)
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        executor = cubed.runtime.create.create_executor("threads", {"max_workers": THREADS})
        cubed.to_zarr(cubed.rechunk(source, slabs(array)), str(output), executor=executor)
        return output

    return run


def at_once(folder: Path, output: Path) -> Callable[[], Path]:
    """Read all of it into memory, write all of it."""

    def run() -> Path:
        source = zarr.open_array(folder / "volume.zarr", mode="r")
        target = create_like(source, output, chunks=slabs(source))
        target[...] = source[...]
        return output

    return run


WORKS = (
    Work(
        "rechunk",
        "Cubes to slabs of planes",
        cases=(
            Case("codec alone", limit, "limit"),
            Case("rechunk_zarr", ours(), "ours", targets={"bytes": BUDGET}),
            Case("Dask rechunk", dask, packages=("dask",)),
            Case("cubed rechunk", cubed, packages=("cubed",)),
            Case("whole array in memory", at_once, packages=("zarr",)),
        ),
        check=check,
    ),
    Work(
        "rechunk_longer",
        f"Cubes to slabs of planes, {LONGER} times as large",
        cases=(Case("rechunk_zarr", ours("longer.zarr"), "ours", targets={"bytes": BUDGET}),),
        check=check,
        once=True,
    ),
)
