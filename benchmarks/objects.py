"""Objects of a volume labelled from Zarr to Zarr, and measured: what crosses chunk borders.

The mask has no object in its first plane, so that a volume that is repeated along its first axis
has the same objects again, and the labels of a repeat are those of the volume plus a number.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.ndimage as ndi
import zarr
from numpy.typing import NDArray

from benchmarks._case import THREADS, Case, Size, Work
from benchmarks._codec import chunk_files, chunks_of, codec_limit
from benchmarks._volume import facts, longer, write_volume
from data_helpers.jobs import create_like
from data_helpers.objects import label, label_zarr, measure

TIMES: dict[Size, int] = {"tiny": 4, "small": 4, "full": 8}  # labels of 4 GB at full size
# Chunks along each axis; dask-image needs half a minute for the 64 of a cube, however small.
COUNT: dict[Size, int] = {"tiny": 2, "small": 4, "full": 4}
THRESHOLD = 9000  # of grey values: a few large objects, and hundreds of small ones


def prepare(folder: Path, size: Size) -> dict[str, int]:
    """Write the volume, its mask, one that is longer, and SciPy's labels of the mask."""
    volume = write_volume(folder / "volume.zarr", size, COUNT[size])
    smooth = ndi.uniform_filter(volume[...], 3)
    mask = smooth > THRESHOLD
    mask[0] = False
    stored = create_like(volume, folder / "mask.zarr", dtype="bool")
    stored[...] = mask
    longer(stored, folder / "longer.zarr", TIMES[size])
    labels = create_like(volume, folder / "labels.zarr", dtype="int32")
    labels[...], count = ndi.label(mask)
    return facts(stored) | {"objects": int(count), "longer": TIMES[size]}


def check_labels(folder: Path, output: Path) -> None:
    """Compare with SciPy: the same objects, whatever their numbers."""
    found, expected = zarr.open_array(output), zarr.open_array(folder / "labels.zarr")
    together = 2**32  # both labels of a voxel as one number: 33 million pairs are sorted too slowly
    pairs = [np.empty(0, np.int64)]
    for start in range(0, expected.shape[0], expected.chunks[0]):
        rows = slice(start, start + expected.chunks[0])
        one, two = (np.asarray(labels[rows]).ravel().astype("i8") for labels in (found, expected))
        pairs.append(pd.unique(one * together + two))
    known = np.stack(np.divmod(np.unique(np.concatenate(pairs)), together))
    one, two = (len(np.unique(numbers)) for numbers in known)
    assert known.shape[1] == one == two, f"other values: {one} labels, expected {two}"
    assert not known[:, (known == 0).any(axis=0)].any(), "other values: background is not 0"


def check_repeated_labels(folder: Path, output: Path) -> None:
    """Compare with SciPy's labels of one repeat: the same in each, but for what came before."""
    found, expected = zarr.open_array(output), zarr.open_array(folder / "labels.zarr")
    planes, step = expected.shape[0], expected.chunks[0]
    count = max(int(expected[start : start + step].max()) for start in range(0, planes, step))
    for start in range(0, planes, step):
        once = expected[start : start + step]
        for repeat in range(found.shape[0] // planes):
            at = repeat * planes + start
            labels = np.where(once > 0, once + repeat * count, 0)
            assert np.array_equal(found[at : at + step], labels), f"other values from plane {at}"


def check_sizes(folder: Path, table: pd.DataFrame) -> None:
    """Compare voxels and sums of grey values of all objects with NumPy's."""
    labels, volume = (zarr.open_array(folder / f"{n}.zarr")[...] for n in ("labels", "volume"))
    area = np.bincount(labels.ravel())[1:]
    sums = np.bincount(labels.ravel(), weights=volume.ravel())[1:]
    assert np.array_equal(table["area"], area), "other values of area"
    assert np.allclose(table["mean"], sums / area, rtol=1e-12), "other values of mean"


def limit(folder: Path, _output: Path) -> Callable[[], None]:
    """Decode the mask and encode the labels, with the bare codec."""
    mask, labels = (zarr.open_array(folder / f"{name}.zarr") for name in ("mask", "labels"))
    return codec_limit(chunk_files(mask), chunks_of(labels[...], labels.chunks))


def ours(name: str = "mask.zarr") -> Callable[[Path, Path], Callable[[], Path]]:
    """Use `label_zarr`."""

    def setup(folder: Path, output: Path) -> Callable[[], Path]:
        def run() -> Path:
            mask = zarr.open_array(folder / name, mode="r")
            label_zarr(mask, create_like(mask, output, dtype="int32"), n_jobs=THREADS)
            return output

        return run

    return setup


def ours_lazy(folder: Path, output: Path) -> Callable[[], Path]:
    """Use `label` on a Dask array."""
    import dask.array as da

    def run() -> Path:
        mask = zarr.open_array(folder / "mask.zarr", mode="r")
        labels = label(da.from_zarr(mask))
        # not to_zarr, whose writers wait for one another while labels pile up
        da.store(labels, create_like(mask, output, dtype="int32"), lock=False)
        return output

    return run


def dask_image(folder: Path, output: Path) -> Callable[[], Path]:
    """Use dask-image, as its documentation has it."""
    import dask.array as da
    from dask_image.ndmeasure import label as label_with_dask_image

    def run() -> Path:
        mask = zarr.open_array(folder / "mask.zarr", mode="r")
        labels, _ = label_with_dask_image(da.from_zarr(mask))
        da.to_zarr(labels, create_like(mask, output, dtype=labels.dtype))
        return output

    return run


def at_once(folder: Path, output: Path) -> Callable[[], Path]:
    """Read all, label all with SciPy, write all."""

    def run() -> Path:
        mask = zarr.open_array(folder / "mask.zarr", mode="r")
        create_like(mask, output, dtype="int32")[...] = ndi.label(mask[...])[0]
        return output

    return run


def measured(folder: Path, _output: Path) -> Callable[[], pd.DataFrame]:
    """Use `measure`, which also finds boxes, centroids and extremes."""

    def run() -> pd.DataFrame:
        labels, volume = (
            zarr.open_array(folder / f"{name}.zarr", mode="r") for name in ("labels", "volume")
        )
        return measure(labels, volume, n_jobs=THREADS)

    return run


def measured_at_once(folder: Path, _output: Path) -> Callable[[], pd.DataFrame]:
    """Read all, and use SciPy for area and mean only."""

    def run() -> pd.DataFrame:
        labels, volume = (
            np.asarray(zarr.open_array(folder / f"{name}.zarr", mode="r")[...])
            for name in ("labels", "volume")
        )
        index = np.arange(1, int(labels.max()) + 1)
        area: NDArray[Any] = ndi.sum_labels(np.ones(labels.shape, "u1"), labels, index)
        return pd.DataFrame({"area": area, "mean": ndi.mean(volume, labels, index)})

    return run


MEMORY = {"bytes": 150e6}
WORKS = (
    Work(
        "measure",
        "All objects of a volume measured",
        cases=(
            Case("measure, all columns", measured, "ours", targets=MEMORY),
            # dask-image takes minutes for hundreds of objects: it reads the volume for each of them
            Case("whole array, SciPy, area and mean", measured_at_once, packages=("scipy",)),
        ),
        check=check_sizes,
    ),
    Work(
        "label",
        "A mask labelled, from Zarr to Zarr",
        cases=(
            Case("codec alone", limit, "limit"),
            Case("label_zarr", ours(), "ours", targets=MEMORY),
            Case("label, lazily with Dask", ours_lazy, "ours", ("dask",)),
            Case("dask-image", dask_image, packages=("dask-image",)),
            Case("whole array in memory, SciPy", at_once, packages=("scipy",)),
        ),
        check=check_labels,
    ),
    Work(
        "label_longer",
        "The same, many times as long",
        cases=(Case("label_zarr", ours("longer.zarr"), "ours", targets=MEMORY),),
        check=check_repeated_labels,
        once=True,
    ),
)
