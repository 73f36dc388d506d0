"""A volume smoothed by a Gaussian of 2 voxels, rounded to uint16: halos, and memory.

cubed is not among the peers: its `map_overlap` fills what lies outside with a number only.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage as ndi
import zarr
from numpy.typing import NDArray

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import chunk_files, chunks_of, codec_limit
from benchmarks._volume import MUCH_LONGER, facts, longer, open_tensorstore, write_volume
from data_helpers.grid import Index, chunk_slices, expand
from data_helpers.jobs import create_like
from data_helpers.processing import gaussian, gaussian_depth

SIGMA, MODE = 2.0, "nearest"
DEPTH = gaussian_depth(SIGMA)[0]
WIDER = 2


def smooth(values: NDArray[Any]) -> NDArray[Any]:
    """Smooth with SciPy in float32, and round once."""
    exact = ndi.gaussian_filter(values.astype("f4"), SIGMA, mode=MODE)
    return np.floor(exact + 0.5).astype(values.dtype)


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, one that is longer, and one whose planes are wider."""
    volume = write_volume(folder / "volume.zarr", size)
    longer(volume, folder / "longer.zarr", MUCH_LONGER[size])
    wider(volume, folder / "wider.zarr", WIDER)
    return facts(volume) | {"longer": MUCH_LONGER[size], "wider": WIDER}


def wider(array: zarr.Array[Any], path: Path, times: int) -> None:
    """Put the first half of an array several times beside itself, by links to its chunks."""
    shape = (array.shape[0] // 2, *(length * times for length in array.shape[1:]))
    create_like(array, path, shape=shape)
    counts = [n // size for n, size in zip(array.shape, array.chunks, strict=True)]
    for place in np.ndindex(*(n // size for n, size in zip(shape, array.chunks, strict=True))):
        new = path.joinpath("c", *map(str, place))
        new.parent.mkdir(parents=True, exist_ok=True)
        old = (str(at % count) for at, count in zip(place, counts, strict=True))
        os.link(Path(array.store.root).joinpath("c", *old), new)


def check(name: str) -> Callable[[Path, Path], None]:
    """Compare with SciPy: equal, but for one count where a result lies close to a half."""

    def compare(folder: Path, output: Path) -> None:
        volume, found = zarr.open_array(folder / name), zarr.open_array(output)
        step = volume.chunks[0]
        starts = range(0, volume.shape[0], step)
        for start in {starts[0], starts[len(starts) // 2], starts[-1]}:
            index = (slice(start, start + step), *map(slice, volume.shape[1:]))
            outer, inner = expand(_bounded(index), DEPTH, volume.shape)
            off = np.abs(smooth(volume[outer])[inner].astype("i4") - found[index])
            assert off.max() <= 1, f"off by {off.max()} from plane {start}"
            assert (off > 0).mean() < 0.01, f"{(off > 0).mean():.1%} are off from plane {start}"

    return compare


def _bounded(index: tuple[Any, ...]) -> Index:
    return tuple(slice(part.start or 0, part.stop) for part in index)


def limit(name: str) -> Callable[[Path, Path], Callable[[], None]]:
    """Use the bare codec."""

    def setup(folder: Path, _output: Path) -> Callable[[], None]:
        volume = zarr.open_array(folder / name)
        return codec_limit(chunk_files(volume), chunks_of(smooth(volume[...]), volume.chunks))

    return setup


def ours(kernels: str, name: str = "volume.zarr") -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `gaussian`, with one choice of kernels."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        os.environ["DATA_HELPERS_KERNELS"] = kernels
        little = np.zeros((20, 20, 20), "u2")  # so that loops are compiled before the clock runs
        gaussian(little, np.zeros_like(little), SIGMA, mode=MODE, chunks=little.shape)

        def run() -> Path:
            volume = zarr.open_array(folder / name, mode="r")
            gaussian(volume, create_like(volume, output), SIGMA, mode=MODE, n_jobs=THREADS)
            return output

        return run

    return setup


def joblib_threads(folder: Path, output: Path) -> Callable[[], Path]:
    """Read every chunk with its halo for itself, on joblib's threads."""
    import joblib

    def run() -> Path:
        volume = zarr.open_array(folder / "volume.zarr", mode="r")
        target = create_like(volume, output)

        def job(region: Index) -> None:
            outer, inner = expand(region, DEPTH, volume.shape)
            target[region] = smooth(volume[outer])[inner]

        regions = chunk_slices(volume.shape, volume.chunks)
        joblib.Parallel(THREADS, backend="threading")(joblib.delayed(job)(r) for r in regions)
        return output

    return run


def dask(name: str = "volume.zarr") -> Callable[[Path, Path], Callable[[], Path]]:
    """Use Dask's `map_overlap`."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        import dask.array as da

        def run() -> Path:
            volume = zarr.open_array(folder / name, mode="r")
            found = da.from_zarr(volume).map_overlap(
                smooth, depth=DEPTH, boundary=MODE, dtype=volume.dtype
            )
            da.to_zarr(found, create_like(volume, output))
            return output

        return run

    return setup


def tensorstore(folder: Path, output: Path) -> Callable[[], Path]:
    """Read every chunk with its halo for itself, through tensorstore."""
    import joblib

    def run() -> Path:
        volume = zarr.open_array(folder / "volume.zarr", mode="r")
        create_like(volume, output)
        source, target = open_tensorstore(folder / "volume.zarr"), open_tensorstore(output)

        def job(region: Index) -> None:
            outer, inner = expand(region, DEPTH, volume.shape)
            target[region] = smooth(source[outer].read().result())[inner]

        regions = chunk_slices(volume.shape, volume.chunks)
        joblib.Parallel(THREADS, backend="threading")(joblib.delayed(job)(r) for r in regions)
        return output

    return run


def at_once(folder: Path, output: Path) -> Callable[[], Path]:
    """Read all, smooth all with SciPy, write all."""

    def run() -> Path:
        volume = zarr.open_array(folder / "volume.zarr", mode="r")
        create_like(volume, output)[...] = smooth(volume[...])
        return output

    return run


MEMORY = {"bytes": 300e6}
WORKS = (
    Work(
        "gaussian",
        "A volume smoothed by a Gaussian of 2 voxels",
        cases=(
            Case("codec alone", limit("volume.zarr"), "limit"),
            Case("gaussian, numba", ours("numba"), "ours", ("numba",), {"ratio": 1.6, **MEMORY}),
            Case("gaussian, NumPy", ours("numpy"), "ours", targets={"ratio": 2.3, **MEMORY}),
            Case("one read per job, joblib", joblib_threads, packages=("joblib",)),
            Case("Dask map_overlap", dask(), packages=("dask",)),
            Case("one read per job, tensorstore", tensorstore, packages=("tensorstore",)),
            Case("whole array in memory, SciPy", at_once, packages=("scipy",)),
        ),
        check=check("volume.zarr"),
    ),
    Work(
        "gaussian_wider",
        "The same, on planes too large for one slab",
        cases=(
            Case("codec alone", limit("wider.zarr"), "limit"),
            Case(
                "gaussian, numba",
                ours("numba", "wider.zarr"),
                "ours",
                ("numba",),
                {"ratio": 2.0, **MEMORY},
            ),
            Case("Dask map_overlap", dask("wider.zarr"), packages=("dask",)),
        ),
        check=check("wider.zarr"),
    ),
    Work(
        "gaussian_longer",
        "The same, many times as long",
        cases=(
            Case("gaussian, numba", ours("numba", "longer.zarr"), "ours", ("numba",), dict(MEMORY)),
        ),
        check=check("longer.zarr"),
        once=True,
    ),
)
