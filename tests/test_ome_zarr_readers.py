"""What is written is what others read: values, positions, and a bead where it was put.

Independent readers open images of two to five axes, in both versions, plain and sharded.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import pytest
import zarr
from conftest import require
from numpy.typing import NDArray

from data_helpers import open_multiscale, reduce_region, write_labels, write_multiscale

AXES = ("yx", "zyx", "tyx", "czyx", "tczyx")
KINDS = ("0.4", "0.5", "0.5 with shards")
VOXEL = {"z": 0.9, "y": 0.4, "x": 0.3}
BEAD = {"z": 6.4, "y": 6.1, "x": 5.2}  # physical position of its centre, from the first voxel's
LENGTHS = {"t": 2, "c": 2, "z": 15, "y": 31, "x": 35}


class Level(NamedTuple):
    """A level as a reader gives it; without positions where the reader knows none."""

    values: NDArray[Any]
    scale: Sequence[float] | None = None
    translation: Sequence[float] | None = None


def by_ome_zarr_py(path: Path) -> list[Level]:
    require(find_spec("ome_zarr"), "ome-zarr-py is not installed: install the extra bench")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    location = parse_url(str(path))
    assert location
    (image, *_) = Reader(location)()
    levels = []
    for data, (scale, translation) in zip(
        image.data, image.metadata["coordinateTransformations"], strict=True
    ):
        levels.append(Level(data.compute(), scale["scale"], translation["translation"]))
    return levels


def by_ngff_zarr(path: Path) -> list[Level]:
    require(find_spec("ngff_zarr"), "ngff-zarr is not installed: install the extra bench")
    import ngff_zarr

    def in_order(level: Any, by_name: dict[str, float]) -> list[float]:
        return [by_name[name] for name in level.dims]

    images = ngff_zarr.from_ngff_zarr(str(path)).images
    return [
        Level(i.data.compute(), in_order(i, i.scale), in_order(i, i.translation)) for i in images
    ]


def by_tensorstore(path: Path) -> list[Level]:
    require(find_spec("tensorstore"), "tensorstore is not installed: install the extra bench")
    import tensorstore

    driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
    levels = []
    for folder in sorted(p for p in path.iterdir() if p.name.isdigit()):
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(folder)}}
        levels.append(Level(tensorstore.open(spec, read=True).result().read().result()))
    return levels


def by_dask(path: Path) -> list[Level]:
    count = sum(p.name.isdigit() for p in path.iterdir())
    return [Level(da.from_zarr(str(path), component=str(k)).compute()) for k in range(count)]


def by_plain_zarr(path: Path) -> list[Level]:
    group = zarr.open_group(path, mode="r")
    attributes: dict[str, Any] = group.attrs.asdict()
    levels = []
    for dataset in attributes.get("ome", attributes)["multiscales"][0]["datasets"]:
        scale, translation = dataset["coordinateTransformations"]
        array = group[dataset["path"]]
        assert isinstance(array, zarr.Array)
        levels.append(Level(array[...], scale["scale"], translation["translation"]))
    return levels


def by_ours(path: Path) -> list[Level]:
    image = open_multiscale(path)
    return [
        Level(level[...], scale, translation)
        for level, scale, translation in zip(
            image.levels, image.scales, image.translations, strict=True
        )
    ]


READERS: dict[str, Callable[[Path], list[Level]]] = {
    "ome-zarr-py": by_ome_zarr_py,
    "ngff-zarr": by_ngff_zarr,
    "tensorstore": by_tensorstore,
    "dask": by_dask,
    "zarr": by_plain_zarr,
    "ours": by_ours,
}
KNOWS_NO_POSITIONS = ("tensorstore", "dask")


def with_a_bead(axes: str) -> NDArray[np.uint16]:
    """A bead of Gaussian shape in all time points and channels, brighter from one to the next."""
    image = np.ones((1,) * len(axes))
    for axis, name in enumerate(axes):
        length = LENGTHS[name]
        if name in VOXEL:
            distance = np.arange(length) * VOXEL[name] - BEAD[name]
            profile = np.exp(-0.5 * (distance / (2.5 * VOXEL[name])) ** 2)
        else:
            profile = 1 + np.arange(length) / length
        image = image * profile.reshape([-1 if a == axis else 1 for a in range(len(axes))])
    return np.round(image * 30000).astype("uint16")


def centroid(level: Level, axes: str) -> dict[str, float]:
    """Centre of all intensity, in physical units, by what the reader says of scale and place."""
    assert level.scale is not None
    assert level.translation is not None
    weights, found = level.values.astype("f8"), {}
    for axis, name in enumerate(axes):
        if name in VOXEL:
            others = tuple(a for a in range(len(axes)) if a != axis)
            profile = weights.sum(axis=others)
            place = (profile * np.arange(len(profile))).sum() / profile.sum()
            found[name] = place * level.scale[axis] + level.translation[axis]
    return found


@pytest.fixture(scope="module", params=[(axes, kind) for axes in AXES for kind in KINDS])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, NDArray[np.uint16], Path]:
    """Axes, the full resolution, and where it was written with its pyramid."""
    axes, kind = request.param
    image, path = with_a_bead(axes), tmp_path_factory.mktemp("written") / "image.ome.zarr"
    write_multiscale(
        image,
        path,
        axes=axes,
        voxel_size=[VOXEL[name] for name in axes if name in VOXEL],
        version=kind[:3],  # type: ignore[arg-type]
        chunks=[8 if name in VOXEL else 1 for name in axes],
        shards=[16 if name in VOXEL else 1 for name in axes] if "shards" in kind else None,
        levels=3,
    )
    return axes, image, path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("reader", READERS)
def test_readers_agree_on_values_and_positions(
    reader: str, written: tuple[str, NDArray[np.uint16], Path]
) -> None:
    axes, image, path = written
    truth = open_multiscale(path)
    levels = READERS[reader](path)
    assert len(levels) == 3
    for k, level in enumerate(levels):
        factors = [round(a / b) for a, b in zip(truth.scales[k], truth.scales[0], strict=True)]
        everything = tuple(slice(0, n) for n in level.values.shape)
        expected = reduce_region(everything, source=image, factors=factors)
        np.testing.assert_array_equal(level.values, expected)
        if reader in KNOWS_NO_POSITIONS:
            continue
        assert level.scale == pytest.approx(truth.scales[k])
        assert level.translation == pytest.approx(truth.translations[k])
        for name, place in centroid(level, axes).items():
            # Half a voxel of the full resolution is what a forgotten translation costs.
            assert place == pytest.approx(BEAD[name], abs=0.1 * VOXEL[name]), (k, name)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_ome_zarr_py_finds_the_labels_beside_the_image(kind: str, tmp_path: Path) -> None:
    require(find_spec("ome_zarr"), "ome-zarr-py is not installed: install the extra bench")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    image = with_a_bead("zyx")
    path = tmp_path / "image.ome.zarr"
    voxel = list(VOXEL.values())
    write_multiscale(image, path, axes="zyx", voxel_size=voxel, version=kind, levels=3)  # type: ignore[arg-type]
    write_labels((image > 9000).astype("u1"), path, name="beads", colours={1: (255, 0, 0, 128)})
    location = parse_url(str(path))
    assert location
    nodes = {str(node.zarr.basename()): node for node in Reader(location)()}
    labels = nodes["beads"]
    assert [data.shape for data in labels.data] == [lv.shape for lv in open_multiscale(path).levels]
    np.testing.assert_array_equal(labels.data[0].compute(), image > 9000)
    assert labels.metadata["color"][1] == pytest.approx([1.0, 0.0, 0.0, 0.5], abs=0.01)
