"""Many small TIFFs as one array: built lazily, asked for one voxel, written to Zarr."""

import os
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import codec_limit
from data_helpers.jobs import create_like
from data_helpers.phantoms import phantom_heart
from data_helpers.stitching import lazy_stitch, stitched_view, tiles_to_zarr

# Channels, time points, and rows and columns of a tile: 600 tiles of 0.5 MB at full size.
SHAPES: dict[Size, tuple[int, int, int, int]] = {
    "tiny": (2, 3, 32, 24),
    "small": (2, 60, 512, 512),
    "full": (2, 300, 512, 512),
}
NAME = "ch{channel}_t{t:03}.tif"
PATTERN = "ch{channel:d}_t{t:d}.tif"
AXES = ("channel", "t", "y", "x")
LONGER = 4
VOXELS = 10

Get = Callable[[tuple[int, ...]], Any]


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write planes of a heart as tiles, and keep the image they were cut from.

    Further files are links to these: one series that is `LONGER` times as long.
    """
    channels, times, rows, columns = SHAPES[size]
    planes = phantom_heart((rows, columns, 16)).transpose(2, 0, 1).astype(np.uint16) * 100
    image = np.empty((channels, times, rows, columns), np.uint16)
    (folder / "tiles").mkdir()
    (folder / "longer").mkdir()
    for channel, t in product(range(channels), range(times)):
        image[channel, t] = np.roll(planes[t % len(planes)], 7 * t, axis=1) + channel
        path = folder / "tiles" / NAME.format(channel=channel, t=t)
        tifffile.imwrite(path, image[channel, t])
        for repeat in range(LONGER):
            name = NAME.format(channel=channel, t=t + repeat * times)
            os.link(path, folder / "longer" / name)
    np.save(folder / "image.npy", image)
    return {
        "files": channels * times,
        "file_bytes": path.stat().st_size,
        "channels": channels,
        "times": times,
        "longer": LONGER,
    }


def files(folder: Path) -> list[str]:
    """Give the tiles in order."""
    return sorted(entry.path for entry in os.scandir(folder / "tiles"))


def places(image: Any) -> Iterator[tuple[int, ...]]:
    """Choose voxels in different tiles: the first is for warming up, the others are timed."""
    channels, times, rows, columns = image.shape
    for number in range(VOXELS + 1):
        t = number * times // (VOXELS + 1)
        yield number % channels, t, (31 * number) % rows, (17 * number) % columns


def image_of(folder: Path) -> NDArray[Any]:
    """Open the image that the tiles were cut from."""
    image: NDArray[Any] = np.load(folder / "image.npy", mmap_mode="r")
    return image


# Ways to see the files as one array


def ours_lazy(folder: Path) -> Any:
    """Build our Dask array."""
    return lazy_stitch(files(folder), PATTERN, AXES)


def ours_view(folder: Path) -> Any:
    """Build our view, which needs no graph."""
    return stitched_view(files(folder), PATTERN, AXES)


def delayed_blocks(folder: Path) -> Any:
    """Follow the usual recipe: delayed + from_delayed + da.block."""
    import dask
    import dask.array as da

    paths = files(folder)
    sample = tifffile.imread(paths[0])
    read = dask.delayed(tifffile.imread)
    index = [(int(Path(path).stem[2]), int(Path(path).stem[-3:])) for path in paths]
    blocks = np.empty((*(1 + max(along) for along in zip(*index, strict=True)), 1, 1), object)
    for place, path in zip(index, paths, strict=True):
        blocks[(*place, 0, 0)] = da.from_delayed(read(path), sample.shape, sample.dtype)
    return da.block(blocks.tolist())


def tifffile_zarr(folder: Path) -> Any:
    """Use tifffile's Zarr view of a sequence of files."""
    pattern = r"ch(?P<channel>\d+)_t(?P<t>\d+)\.tif"
    return zarr.open(tifffile.imread(files(folder), pattern=pattern, aszarr=True), mode="r")


def dask_image(folder: Path) -> Any:
    """Use dask-image; it knows one axis of files, so the channels come from a reshape."""
    from dask_image.imread import imread

    planes = imread(folder / "tiles" / "*.tif")
    return planes.reshape(2, -1, *planes.shape[1:])


Build = Callable[[Path], Any]


def build(make: Build) -> Callable[[Path, Path], Callable[[], Any]]:
    """Time the building of the array, from a folder of files; what it imports is loaded before."""

    def setup(folder: Path, _output: Path) -> Callable[[], Any]:
        import dask.array  # noqa: F401

        return lambda: make(folder)

    return setup


def check_build(folder: Path, array: Any) -> None:
    """Compare shape, dtype and one tile."""
    image = image_of(folder)
    assert array.shape == image.shape, f"shape {array.shape}, expected {image.shape}"
    assert array.dtype == image.dtype, f"dtype {array.dtype}, expected {image.dtype}"
    assert np.array_equal(np.asarray(array[1, 2]), image[1, 2]), "other values in one tile"


def voxels(
    make: Build, get: Callable[[Any], Get], *, opened: bool
) -> Callable[[Path, Path], Callable[[], list[int]]]:
    """Time voxels, each of another file, which has been read from before or not."""

    def setup(folder: Path, _output: Path) -> Callable[[], list[int]]:
        first, *timed = places(image_of(folder))
        value = get(make(folder))
        for t, place in enumerate(timed if opened else [first]):
            value((*place[:2], t, 0))  # another voxel of these files
        return lambda: [int(value(place)) for place in timed]

    return setup


def computed(array: Any) -> Get:
    """Get a voxel of a Dask array."""
    return lambda place: array[place].compute()


def sliced(array: Any) -> Get:
    """Get a voxel of an array that reads when it is sliced."""
    return lambda place: array[place]


def check_voxels(folder: Path, found: list[int]) -> None:
    """Compare with the image."""
    image = image_of(folder)
    _, *timed = places(image)
    expected = [int(image[place]) for place in timed]
    assert found == expected, f"{found}, expected {expected}"


# Ways to write them


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Use the bare codec: tiles are not compressed, so to decode them is to read them."""
    image = np.load(folder / "image.npy")
    chunks = image.reshape(-1, *image.shape[2:])
    return codec_limit(map(Path, files(folder)), chunks, decode=bytes)


def ours_to_zarr(tiles: str) -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `tiles_to_zarr`, which looks at every header first."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        def run() -> Path:
            paths = (folder / tiles).iterdir()
            tiles_to_zarr(paths, PATTERN, AXES, output, n_jobs=THREADS)
            return output

        return run

    return setup


def to_zarr(make: Build) -> Callable[[Path, Path], Callable[[], Path]]:
    """Write a peer's array with Dask, one chunk per tile, with the codec that ours has."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        import dask.array as da

        def run() -> Path:
            array = make(folder)
            lazy = array if isinstance(array, da.Array) else da.from_zarr(array)
            target = create_like(lazy, output, chunks=(1, 1, *lazy.shape[2:]))
            da.to_zarr(lazy, target)
            return output

        return run

    return setup


def check_zarr(folder: Path, output: Path) -> None:
    """Compare all values with the image; a longer series repeats it."""
    image, found = image_of(folder), zarr.open_array(output, mode="r")
    times = image.shape[1]
    assert found.shape[1] in (times, LONGER * times), f"shape {found.shape}"
    for channel, t in product(range(len(image)), range(found.shape[1])):
        same = np.array_equal(found[channel, t], image[channel, t % times])
        assert same, f"other values at channel {channel}, time {t}"


RECIPE, VIEW, IMAGE = "delayed + da.block", "tifffile's Zarr view", "dask-image"


def voxel_work(name: str, title: str, *, opened: bool) -> Work:
    """Compare how a voxel is got."""
    return Work(
        name,
        title,
        cases=(
            Case(
                "stitched_view",
                voxels(ours_view, sliced, opened=opened),
                "ours",
                targets={"seconds": 0.2e-3},
            ),
            Case("lazy_stitch", voxels(ours_lazy, computed, opened=opened), "ours"),
            Case(RECIPE, voxels(delayed_blocks, computed, opened=opened), packages=("dask",)),
            Case(VIEW, voxels(tifffile_zarr, sliced, opened=opened), packages=("tifffile",)),
            Case(IMAGE, voxels(dask_image, computed, opened=opened), packages=("dask-image",)),
        ),
        check=check_voxels,
        items=VOXELS,
        loops=3,
        once=True,
    )


WORKS = (
    Work(
        "build",
        "TIFFs to one lazy array",
        cases=(
            Case("lazy_stitch", build(ours_lazy), "ours", targets={"seconds": 5e-3}),
            Case("stitched_view", build(ours_view), "ours"),
            Case(RECIPE, build(delayed_blocks), packages=("dask",)),
            Case(VIEW, build(tifffile_zarr), packages=("tifffile",)),
            Case(IMAGE, build(dask_image), packages=("dask-image",)),
        ),
        check=check_build,
        loops=9,
        once=True,
    ),
    voxel_work("voxel", "One voxel of a file not opened yet", opened=False),
    voxel_work("voxel_again", "One voxel of a file opened before", opened=True),
    Work(
        "to_zarr",
        "TIFFs to Zarr",
        cases=(
            Case("codec alone", limit, "limit"),
            Case(
                "tiles_to_zarr",
                ours_to_zarr("tiles"),
                "ours",
                targets={"ratio": 1.6, "bytes": 30e6},
            ),
            Case(RECIPE, to_zarr(delayed_blocks), packages=("dask",)),
            Case(VIEW, to_zarr(tifffile_zarr), packages=("tifffile",)),
            Case(IMAGE, to_zarr(dask_image), packages=("dask-image",)),
        ),
        check=check_zarr,
    ),
    Work(
        "to_zarr_longer",
        f"{LONGER} times as many TIFFs to Zarr",
        cases=(Case("tiles_to_zarr", ours_to_zarr("longer"), "ours", targets={"bytes": 30e6}),),
        check=check_zarr,
        once=True,
    ),
)
