"""A volume to an OME-Zarr pyramid: level 0 and three levels of means over two voxels a side."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import ZSTD, chunk_files, chunks_of, codec_limit
from benchmarks._volume import facts, longer, write_volume
from data_helpers.grid import chunk_slices
from data_helpers.jobs import create_like
from data_helpers.ome_zarr import reduce_region, write_multiscale

LEVELS = 4
# How often the volume is repeated along z, y and x: to 1024 x 1024 x 512, and with wide planes.
LARGER = {"longer": (2, 2, 1), "wider": (1, 2, 2)}
VOXEL_SIZE = 0.5
# The same codec with and without a checksum: with one, level 0 can be copied as it is stored.
OTHER = ZstdCodec(level=3, checksum=False)


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, and two that are larger."""
    volume = write_volume(folder / "volume.zarr", size)
    for name, times in LARGER.items():
        longer(volume, folder / f"{name}.zarr", *times)
    return facts(volume) | {"levels": LEVELS, "larger": int(np.prod(LARGER["longer"]))}


def volume_of(folder: Path, name: str = "volume.zarr") -> zarr.Array[Any]:
    """Open the volume."""
    return zarr.open_array(folder / name, mode="r")


def means(volume: NDArray[Any], level: int) -> NDArray[Any]:
    """Compute a level with NumPy: exact means, rounded half up, of a volume in memory."""
    everything = tuple(slice(0, -(-n // 2**level)) for n in volume.shape)
    return reduce_region(everything, source=volume, factors=(2**level,) * 3)


def paths(group: zarr.Group) -> list[str]:
    """Give the names of the levels: from the metadata of an image, else by number."""
    attributes: dict[str, Any] = group.attrs.asdict()
    if "ome" not in attributes:
        return [str(level) for level in range(LEVELS)]
    found = [dataset["path"] for dataset in attributes["ome"]["multiscales"][0]["datasets"]]
    assert len(found) == LEVELS, f"{len(found)} levels, expected {LEVELS}"
    return found


def check(folder: Path, output: Path) -> None:
    """Compare all voxels of all levels with exact means; a larger volume repeats them.

    Others resample, or round in their own way: of their levels above the first, the shape counts.
    """
    volume, group = volume_of(folder)[...], zarr.open_group(output, mode="r")
    exact = "write_multiscale" in str(group.attrs.asdict())
    for level, path in enumerate(paths(group)):
        array, expected = group[path], means(volume, level)
        assert isinstance(array, zarr.Array)
        times, rest = np.divmod(array.shape, expected.shape)
        assert times.all(), f"level {level} has shape {array.shape}"
        assert not rest.any(), f"level {level} has shape {array.shape}"
        for region in chunk_slices(array.shape, expected.shape):
            same = np.array_equal(array[region], expected) or (level > 0 and not exact)
            assert same, f"other values on level {level}"


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Use the bare codec on the chunks of all levels."""
    volume = volume_of(folder)
    values = volume[...]
    plain = [
        chunk for level in range(LEVELS) for chunk in chunks_of(means(values, level), volume.chunks)
    ]
    return codec_limit(chunk_files(volume), plain, decode=ZSTD.decode)


def ours(
    codecs: str, name: str = "volume.zarr", compressors: Any = None
) -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `write_multiscale`."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        os.environ["DATA_HELPERS_CODECS"] = codecs

        def run() -> Path:
            write_multiscale(
                volume_of(folder, name),
                output,
                axes="zyx",
                voxel_size=VOXEL_SIZE,
                levels=LEVELS,
                compressors=compressors,
                n_jobs=THREADS,
            )
            return output

        return run

    return setup


def ngff_zarr(folder: Path, output: Path) -> Callable[[], Path]:
    """Use ngff-zarr with its mean over bins."""
    import dask.array as da
    import ngff_zarr as ngff

    def run() -> Path:
        volume = volume_of(folder)
        image = ngff.to_ngff_image(
            da.from_zarr(volume), dims=("z", "y", "x"), scale=dict.fromkeys("zyx", VOXEL_SIZE)
        )
        pyramid = ngff.to_multiscales(
            image,
            scale_factors=[2**level for level in range(1, LEVELS)],
            chunks=volume.chunks[0],
            method=ngff.Methods.ITKWASM_BIN_SHRINK,
        )
        ngff.to_ngff_zarr(str(output), pyramid, version="0.5", consolidate_metadata=False)
        return output

    return run


def ome_zarr_py(folder: Path, output: Path) -> Callable[[], Path]:
    """Use ome-zarr-py with its local mean."""
    import dask.array as da
    from ome_zarr.scale import Methods
    from ome_zarr.writer import write_image

    def run() -> Path:
        volume = volume_of(folder)
        options = {"chunks": volume.chunks, "compressors": ZstdCodec(level=3)}
        write_image(
            da.from_zarr(volume),
            str(output),
            axes="zyx",
            scale_factors=[2**level for level in range(1, LEVELS)],
            method=Methods.LOCAL_MEAN,
            storage_options=[dict(options) for _ in range(LEVELS)],
        )
        return output

    return run


def coarsen(folder: Path, output: Path) -> Callable[[], Path]:
    """Use Dask's coarsen, all levels in one graph."""
    import dask
    import dask.array as da

    def run() -> Path:
        volume = volume_of(folder)
        levels = [da.from_zarr(volume)]
        for _ in range(LEVELS - 1):
            half = da.coarsen(np.mean, levels[-1], dict.fromkeys(range(3), 2))
            levels.append(half.astype(volume.dtype))
        zarr.create_group(output)
        tasks = []
        for number, level in enumerate(levels):
            chunks = tuple(min(pair) for pair in zip(volume.chunks, level.shape, strict=True))
            target = create_like(volume, output / str(number), shape=level.shape, chunks=chunks)
            tasks.append(da.store(level.rechunk(chunks), target, compute=False, lock=False))
        dask.compute(*tasks)
        return output

    return run


def zoom(order: int) -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `scipy.ndimage.zoom` per level, as tutorials have it: all in memory, and resampled."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        from scipy.ndimage import zoom

        def run() -> Path:
            volume = volume_of(folder)
            values = volume[...]
            zarr.create_group(output)
            for number in range(LEVELS):
                chunks = tuple(min(pair) for pair in zip(volume.chunks, values.shape, strict=True))
                target = create_like(
                    volume, output / str(number), shape=values.shape, chunks=chunks
                )
                target[...] = values
                if number < LEVELS - 1:
                    values = zoom(values, 0.5, order=order)
            return output

        return run

    return setup


# Threads x (chunk read + chunk written) x 3 and a chunk per level, for chunks of 4 MiB.
MEMORY = 80e6
WORKS = (
    Work(
        "pyramid",
        "A volume to four levels",
        cases=(
            Case("codec alone", limit, "limit"),
            Case(
                "write_multiscale",
                ours("zarrs", compressors=OTHER),
                "ours",
                ("zarrs",),
                {"ratio": 1.3, "bytes": MEMORY},
            ),
            Case(
                "write_multiscale, level 0 copied as stored",
                ours("zarrs"),
                "ours",
                ("zarrs",),
                {"ratio": 0.65, "bytes": MEMORY},
            ),
            Case(
                "write_multiscale, zarr-python codecs",
                ours("zarr-python", compressors=OTHER),
                "ours",
            ),
            Case("ngff-zarr", ngff_zarr, packages=("ngff-zarr",)),
            Case("ome-zarr-py", ome_zarr_py, packages=("ome-zarr",)),
            Case("Dask coarsen", coarsen, packages=("dask",)),
            Case("SciPy zoom, linear", zoom(1), packages=("scipy",)),
        ),
        check=check,
    ),
    Work(
        "pyramid_cubic",
        "The same by zoom as it is by default",
        cases=(
            Case("codec alone", limit, "limit"),
            Case("SciPy zoom, cubic", zoom(3), packages=("scipy",)),
        ),
        check=check,
        once=True,
    ),
    Work(
        "pyramid_larger",
        "A volume four times as large to four levels",
        cases=tuple(
            Case(
                f"write_multiscale, {name}",
                ours("zarrs", f"{name}.zarr", OTHER),
                "ours",
                ("zarrs",),
                {"bytes": MEMORY},
            )
            for name in LARGER
        ),
        check=check,
        once=True,
    ),
)
