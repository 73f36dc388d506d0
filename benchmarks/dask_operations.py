"""Filters on Dask arrays, and intensities brought to one scale: tasks, time and memory.

dask-image's Gaussian is `dask.array.map_overlap` with SciPy's inside, as ours is in float32.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage as ndi
import zarr
from numpy.typing import NDArray

from benchmarks._case import Case, Size, Work
from benchmarks._codec import chunk_files, chunks_of, codec_limit
from benchmarks._volume import facts, longer, write_volume
from data_helpers.grid import expand
from data_helpers.jobs import create_like
from data_helpers.processing import gaussian_depth

SIGMA, MODE = 2.0, "nearest"
DEPTH = gaussian_depth(SIGMA)[0]
PERCENTILES = (1.0, 99.0)
TIMES: dict[Size, int] = {"tiny": 4, "small": 4, "full": 4}

Operation = Callable[[Any], Any]
Setup = Callable[[Path, Path], Callable[[], Any]]


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, and one that is longer; count the tasks per chunk of the Gaussians."""
    volume = write_volume(folder / "volume.zarr", size)
    longer(volume, folder / "longer.zarr", TIMES[size])
    tasks = {f"tasks_{name}": count_tasks(volume, f) for name, f in GAUSSIANS.items()}
    return facts(volume) | {"longer": TIMES[size], "chunks": volume.nchunks} | tasks


def count_tasks(volume: zarr.Array[Any], operation: Operation) -> int:
    """Count the tasks that are left when Dask has optimised the graph."""
    import dask
    import dask.array as da

    (optimised,) = dask.optimize(operation(da.from_zarr(volume)))
    return len(dict(optimised.dask))


def ours(x: Any) -> Any:
    """Smooth with `gaussian_filter`."""
    from data_helpers.dask_operations import gaussian_filter

    return gaussian_filter(x, SIGMA, mode=MODE)


def map_overlap(x: Any) -> Any:
    """Smooth with SciPy in Dask's `map_overlap`."""
    return x.astype("f4").map_overlap(
        ndi.gaussian_filter, sigma=SIGMA, mode=MODE, depth=DEPTH, boundary=MODE, dtype="f4"
    )


def dask_image(x: Any) -> Any:
    """Smooth with dask-image."""
    from dask_image.ndfilters import gaussian_filter

    return gaussian_filter(x.astype("f4"), SIGMA, mode=MODE)


GAUSSIANS = {"ours": ours, "map_overlap": map_overlap, "dask_image": dask_image}


def normalize(x: Any) -> Any:
    """Scale between percentiles of the whole volume, with ours."""
    from data_helpers.dask_operations import normalize_intensity

    return normalize_intensity(x, percentiles=PERCENTILES)


def one_graph(x: Any) -> Any:
    """Scale with Dask's own functions in one graph: the volume waits in memory for its limits."""
    import dask.array as da

    counts, _ = da.histogram(x, bins=2**16, range=(-0.5, 2**16 - 0.5))
    shares = da.cumsum(counts, axis=0) / x.size
    low, high = ((shares <= one / 100).sum() for one in PERCENTILES)
    return da.clip((x.astype("f8") - low) / (high - low), 0, 1).astype("f4")


def stored(operation: Operation, name: str = "volume.zarr") -> Setup:
    """Store what an operation makes of a volume."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        import dask.array as da

        operation(da.zeros((20, 20, 20), chunks=10, dtype="u2")).compute()  # imports

        def run() -> Path:
            volume = zarr.open_array(folder / name, mode="r")
            result = operation(da.from_zarr(volume))
            da.store(result, create_like(volume, output, dtype="f4"), lock=False)
            return output

        return run

    return setup


def whole(compute: Callable[[NDArray[Any]], NDArray[Any]]) -> Setup:
    """Read all, compute all with NumPy and SciPy, write all."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        def run() -> Path:
            volume = zarr.open_array(folder / "volume.zarr", mode="r")
            create_like(volume, output, dtype="f4")[...] = compute(volume[...])
            return output

        return run

    return setup


def smooth(values: NDArray[Any]) -> NDArray[Any]:
    """Smooth with SciPy in float32."""
    smoothed: NDArray[Any] = ndi.gaussian_filter(values.astype("f4"), SIGMA, mode=MODE)
    return smoothed


def scaled(values: NDArray[Any]) -> NDArray[Any]:
    """Scale between percentiles with NumPy."""
    low, high = np.percentile(values, PERCENTILES)
    return np.clip((values - low) / (high - low), 0, 1).astype("f4")


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Use the bare codec."""
    volume = zarr.open_array(folder / "volume.zarr")
    return codec_limit(chunk_files(volume), chunks_of(smooth(volume[...]), volume.chunks))


def check_smooth(name: str) -> Callable[[Path, Path], None]:
    """Compare with SciPy, row of chunks by row of chunks."""

    def compare(folder: Path, output: Path) -> None:
        volume, found = zarr.open_array(folder / name), zarr.open_array(output)
        step = volume.chunks[0]
        for start in {0, volume.shape[0] // 2 // step * step, volume.shape[0] - step}:
            index = (slice(start, start + step), *(slice(0, n) for n in volume.shape[1:]))
            outer, inner = expand(index, DEPTH, volume.shape)
            off = np.abs(smooth(volume[outer])[inner] - found[index]).max()
            assert off <= 1e-2, f"off by {off} from plane {start}"

    return compare


def check_scaled(folder: Path, output: Path) -> None:
    """Compare with NumPy; a longer volume repeats the first, so that limits are the same."""
    volume, found = zarr.open_array(folder / "volume.zarr"), zarr.open_array(output)
    expected, planes = scaled(volume[...]), volume.shape[0]
    for start in range(0, found.shape[0], planes):
        off = np.abs(expected - found[start : start + planes]).max()
        assert off <= 1e-2, f"off by {off} from plane {start}"


WORKS = (
    Work(
        "gaussian",
        "A lazy volume smoothed by a Gaussian of 2 voxels, to float32",
        cases=(
            Case("codec alone", limit, "limit"),
            Case("gaussian_filter", stored(ours), "ours", targets={"bytes": 300e6}),
            Case("Dask map_overlap", stored(map_overlap), packages=("dask",)),
            Case("dask-image", stored(dask_image), packages=("dask-image",)),
            Case("whole array in memory, SciPy", whole(smooth), packages=("scipy",)),
        ),
        check=check_smooth("volume.zarr"),
    ),
    Work(
        "normalize",
        "A lazy volume brought to 0 to 1 between percentiles of the whole",
        cases=(
            Case("normalize_intensity", stored(normalize), "ours", targets={"bytes": 100e6}),
            Case("Dask, one graph", stored(one_graph), packages=("dask",)),
            Case("whole array in memory, NumPy", whole(scaled), packages=("numpy",)),
        ),
        check=check_scaled,
    ),
    Work(
        "gaussian_longer",
        "The Gaussian, on a volume several times as long",
        cases=(
            Case("gaussian_filter", stored(ours, "longer.zarr"), "ours", targets={"bytes": 300e6}),
        ),
        check=check_smooth("longer.zarr"),
        once=True,
    ),
    Work(
        "normalize_longer",
        "The intensities, on a volume several times as long",
        cases=(
            Case(
                "normalize_intensity",
                stored(normalize, "longer.zarr"),
                "ours",
                targets={"bytes": 100e6},
            ),
        ),
        check=check_scaled,
        once=True,
    ),
)
