"""Every voxel of a volume clipped, chunk by chunk: what the engine room itself costs."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import ZSTD, chunk_files, chunks_of, codec_limit
from benchmarks._volume import (
    MUCH_LONGER,
    check_repeated,
    facts,
    longer,
    open_tensorstore,
    write_volume,
)
from data_helpers.grid import Index, chunk_slices
from data_helpers.jobs import chunkwise_jobs, create_like, run_jobs


def clip(values: NDArray[Any]) -> NDArray[Any]:
    """Keep values between two grey values, which part of the voxels lie outside of."""
    return np.clip(values, 3000, 12000)


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, and one that is longer."""
    volume = write_volume(folder / "volume.zarr", size)
    longer(volume, folder / "longer.zarr", MUCH_LONGER[size])
    return facts(volume) | {"longer": MUCH_LONGER[size]}


def check(folder: Path, output: Path) -> None:
    """Compare with NumPy."""
    check_repeated(zarr.open_array(output), zarr.open_array(folder / "volume.zarr"), clip)


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Use the bare codec."""
    volume = zarr.open_array(folder / "volume.zarr")
    return codec_limit(chunk_files(volume), chunks_of(clip(volume[...]), volume.chunks))


def ours(codecs: str, volume: str = "volume.zarr") -> Callable[[Path, Path], Callable[[], Path]]:
    """Use our jobs, with one choice of codecs."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        os.environ["DATA_HELPERS_CODECS"] = codecs

        def run() -> Path:
            array = zarr.open_array(folder / volume, mode="r")
            jobs = chunkwise_jobs(clip, input_array=array, output_array=create_like(array, output))
            run_jobs(jobs, n_jobs=THREADS)
            return output

        return run

    return setup


def by_hand(folder: Path, output: Path) -> Callable[[], Path]:
    """Use the files and the bare codec, with nothing of Zarr but the names of the files."""

    def run() -> Path:
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        root = Path(create_like(array, output).store.root)

        def job(source: Path) -> None:
            values = np.frombuffer(ZSTD.decode(source.read_bytes()), array.dtype)
            target = root / source.relative_to(array.store.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(ZSTD.encode(clip(values)))

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(job, chunk_files(array)))
        return output

    return run


def joblib_threads(folder: Path, output: Path) -> Callable[[], Path]:
    """Use joblib's threads with zarr-python, as tutorials have it."""
    import joblib

    def run() -> Path:
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        clipped = create_like(array, output)

        def job(region: Index) -> None:
            clipped[region] = clip(array[region])

        regions = chunk_slices(array.shape, array.chunks)
        joblib.Parallel(THREADS, backend="threading")(joblib.delayed(job)(r) for r in regions)
        return output

    return run


def dask(folder: Path, output: Path) -> Callable[[], Path]:
    """Use a Dask array."""
    import dask.array as da

    def run() -> Path:
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        clipped = da.from_zarr(array).map_blocks(clip, dtype=array.dtype)
        da.to_zarr(clipped, create_like(array, output))
        return output

    return run


def cubed(folder: Path, output: Path) -> Callable[[], Path]:
    """Use cubed, which stays within a budget of memory; its own settings of codec and threads."""
    import cubed

    def run() -> Path:
        spec = cubed.Spec(work_dir=str(output.parent), allowed_mem=200_000_000, reserved_mem=0)
        source = cubed.from_zarr(str(folder / "volume.zarr"), spec=spec)
        clipped = cubed.map_blocks(clip, source, dtype=source.dtype)
        executor = cubed.runtime.create.create_executor("threads", {"max_workers": THREADS})
        cubed.to_zarr(clipped, str(output), executor=executor)
        return output

    return run


def tensorstore(folder: Path, output: Path) -> Callable[[], Path]:
    """Use joblib's threads with tensorstore."""
    import joblib

    def run() -> Path:
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        create_like(array, output)
        source, target = open_tensorstore(folder / "volume.zarr"), open_tensorstore(output)

        def job(region: Index) -> None:
            target[region] = clip(source[region].read().result())

        regions = chunk_slices(array.shape, array.chunks)
        joblib.Parallel(THREADS, backend="threading")(joblib.delayed(job)(r) for r in regions)
        return output

    return run


def at_once(folder: Path, output: Path) -> Callable[[], Path]:
    """Read all, clip all, write all."""

    def run() -> Path:
        array = zarr.open_array(folder / "volume.zarr", mode="r")
        create_like(array, output)[...] = clip(array[...])
        return output

    return run


FASTER = "Jobs, zarrs codecs"
WORKS = (
    Work(
        "clip",
        "A volume clipped into another one",
        cases=(
            Case("codec alone", limit, "limit"),
            Case(FASTER, ours("zarrs"), "ours", ("zarrs",), {"ratio": 1.35, "bytes": 40e6}),
            Case("Jobs, zarr-python codecs", ours("zarr-python"), "ours"),
            Case("files and codec by hand", by_hand),
            Case("joblib threads", joblib_threads, packages=("joblib",)),
            Case("Dask", dask, packages=("dask",)),
            Case("cubed", cubed, packages=("cubed",)),
            Case("joblib threads, tensorstore", tensorstore, packages=("tensorstore",)),
            Case("whole array in memory, NumPy", at_once),
        ),
        check=check,
    ),
    Work(
        "clip_longer",
        "A volume clipped, many times as long",
        cases=(Case(FASTER, ours("zarrs", "longer.zarr"), "ours", ("zarrs",), {"bytes": 40e6}),),
        check=check,
        once=True,
    ),
)
