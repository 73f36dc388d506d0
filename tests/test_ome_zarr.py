"""OME-Zarr: the numbers of every level against brute force, metadata, errors."""

import json
import re
from collections import Counter
from fractions import Fraction
from itertools import product
from math import floor
from pathlib import Path
from typing import Any

import dask.array as da
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from strategies import images
from zarr.codecs import ZstdCodec

from data_helpers import (
    Channel,
    CountingStore,
    image_attributes,
    image_spec,
    level_factors,
    level_shapes,
    open_multiscale,
    reduce_region,
    stitched_view,
    validate,
    write_labels,
    write_multiscale,
)
from data_helpers.jobs import fast_to_read

AXES = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}
INTEGERS = ("uint8", "uint16", "uint32", "int16")


# ---- the oracle: one window at a time, in plain Python numbers


def one_value(window: NDArray[Any], method: str) -> Any:
    if method == "nearest":
        return window[tuple((n - 1) // 2 for n in window.shape)]
    values = window.ravel().tolist()
    if method == "mode":
        counts = Counter(values)
        return min(value for value in counts if counts[value] == max(counts.values()))
    if window.dtype.kind == "f":
        return sum(values) / len(values)
    return floor(Fraction(sum(values), len(values)) + Fraction(1, 2))


def brute_force(image: NDArray[Any], factors: tuple[int, ...], method: str) -> NDArray[Any]:
    shape = tuple(-(-n // f) for n, f in zip(image.shape, factors, strict=True))
    level = np.empty(shape, image.dtype)
    for place in np.ndindex(*shape):
        window = tuple(slice(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True))
        level[place] = one_value(image[window], method)
    return level


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any]]:
    """An image of two to five axes, and how to write it: ragged everything."""
    ndim = draw(st.integers(2, 5))
    method = draw(st.sampled_from(["mean", "mode", "nearest"]))
    dtype = draw(st.sampled_from(INTEGERS if method == "mode" else (*INTEGERS, "float32")))
    side = {2: 20, 3: 9, 4: 6, 5: 4}[ndim]
    image = draw(images(min_dims=ndim, max_dims=ndim, max_side=side, dtype=dtype))
    if method == "mode":
        image %= 3  # so that values repeat
    space = [name in "zyx" for name in AXES[ndim]]
    per_axis = [draw(st.integers(1, 4)) if is_space else 1 for is_space in space]
    chunks = tuple(draw(st.integers(1 if ndim < 4 else 2, 6)) for _ in space)
    version = draw(st.sampled_from(["0.4", "0.5"]))
    sharded = version == "0.5" and draw(st.booleans())
    return image, {
        "axes": AXES[ndim],
        "voxel_size": draw(st.sampled_from([0.5, 0.3])),
        "method": method,
        "factors": draw(st.sampled_from([2, 3, tuple(per_axis)])),
        "chunks": chunks,
        "shards": tuple(c * draw(st.integers(1, 3)) for c in chunks) if sharded else None,
        "version": version,
        "n_jobs": draw(st.sampled_from([1, 3])),
    }


@pytest.mark.slow
@settings(max_examples=50)
@given(cases())
def test_every_level_is_what_brute_force_says(case: tuple[NDArray[Any], dict[str, Any]]) -> None:
    image, options = case
    store: dict[str, Any] = {}
    pyramid = write_multiscale(image, store, **options)
    for level, scale in zip(pyramid.levels, pyramid.scales, strict=True):
        factors = tuple(round(s / s0) for s, s0 in zip(scale, pyramid.scales[0], strict=True))
        np.testing.assert_array_equal(level[...], brute_force(image, factors, options["method"]))
    assert validate(store) == []


# ---- the fast pass equals the reference in every bit


@pytest.mark.slow
@given(cases(), st.integers(0, 2**32 - 1))
def test_one_pass_equals_the_reference_bit_for_bit(
    case: tuple[NDArray[Any], dict[str, Any]], seed: int
) -> None:
    """Also for floats over a wide range, where the order of additions shows."""
    image, options = case
    if image.dtype.kind == "f":
        image = np.random.default_rng(seed).standard_cauchy(image.shape).astype("float64")
    pyramid = write_multiscale(image, {}, **options)
    for level, scale in zip(pyramid.levels, pyramid.scales, strict=True):
        factors = [round(s / s0) for s, s0 in zip(scale, pyramid.scales[0], strict=True)]
        everything = tuple(slice(0, n) for n in level.shape)
        method = options["method"]
        expected = reduce_region(everything, source=image, factors=factors, method=method)
        assert level.dtype == image.dtype
        assert level[...].tobytes() == expected.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", INTEGERS)
def test_the_largest_numbers_do_not_overflow(name: str) -> None:
    """The window of the last level has more voxels than 32 bits hold numbers of 16."""
    limits = np.iinfo(name)
    for value in (limits.min, limits.max):
        image = np.full((64, 64, 33), value, name)
        pyramid = write_multiscale(
            image, {}, axes="zyx", voxel_size=1, chunks=(32, 24, 33), levels=7
        )
        for level in pyramid.levels:
            assert (level[...] == value).all()


@pytest.mark.slow
@pytest.mark.parametrize("shards", [None, (5, 10)])
def test_windows_that_straddle_chunks_are_added_up(shards: Any) -> None:
    image = np.random.default_rng(3).integers(0, 60000, (23, 31), dtype="uint16")
    pyramid = write_multiscale(
        image, {}, axes="yx", voxel_size=1, chunks=(5, 5), shards=shards, factors=(2, 3), levels=3
    )
    for level, factors in zip(pyramid.levels, [(1, 1), (2, 3), (4, 9)], strict=True):
        np.testing.assert_array_equal(level[...], brute_force(image, factors, "mean"))


@pytest.mark.slow
def test_each_chunk_of_the_source_is_read_once() -> None:
    inside = zarr.storage.MemoryStore()
    image = np.arange(24**3, dtype="uint16").reshape(24, 24, 24)
    zarr.create_array(inside, data=image, chunks=(6, 6, 6), compressors=None)
    store = CountingStore(inside)
    write_multiscale(zarr.open_array(store, mode="r"), {}, axes="zyx", voxel_size=1, levels=4)
    read = {key: count for key, count in store.keys_read.items() if key.startswith("c/")}
    assert len(read) == 4**3
    assert set(read.values()) == {1}


@pytest.mark.slow
def test_each_chunk_of_each_level_is_written_once() -> None:
    store = CountingStore(zarr.storage.MemoryStore())
    image = np.arange(20 * 24 * 28, dtype="uint16").reshape(20, 24, 28)
    write_multiscale(
        image, store, axes="zyx", voxel_size=1, chunks=(4,) * 3, shards=(8,) * 3, levels=3
    )
    written = {key: count for key, count in store.keys_written.items() if "/c/" in key}
    assert len(written) == 3 * 3 * 4 + 2 * 2 * 2 + 1
    assert set(written.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_chunks_that_would_not_change_are_copied_as_stored(version: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 9, (20, 33), dtype="uint16")
    options: dict[str, Any] = {"axes": "yx", "voxel_size": 1, "version": version, "levels": 2}
    first = write_multiscale(image, tmp_path / "a", chunks=(8, 8), **options)
    key = "0/0/0" if version == "0.4" else "0/c/0/0"
    # The same values in other bytes, as another writer's encoder may choose them.
    codec = numcodecs.Zstd(level=19, checksum=version == "0.5")
    other = codec.encode(np.ascontiguousarray(image[:8, :8]))
    assert other != (tmp_path / "a" / key).read_bytes()
    (tmp_path / "a" / key).write_bytes(other)
    second = write_multiscale(first[0], tmp_path / "b", **options)
    assert (tmp_path / "b" / key).read_bytes() == other
    third = write_multiscale(first[0], tmp_path / "c", **options, chunks=(16, 8))
    for pyramid in (second, third):
        np.testing.assert_array_equal(pyramid[0][...], image)
        np.testing.assert_array_equal(pyramid[1][...], brute_force(image, (2, 2), "mean"))


def test_a_chunk_the_source_leaves_out_is_written_nevertheless() -> None:
    source = zarr.create_array({}, shape=(8, 8), chunks=(4, 4), shards=(8, 4), dtype="u2")
    source[:4, :4] = 7  # the other chunk of this shard is left out, and all of the other shard
    store: dict[str, Any] = {}
    codec = source.compressors[0]
    pyramid = write_multiscale(
        source, store, axes="yx", voxel_size=1, shards=(8, 4), levels=2, compressors=codec
    )
    np.testing.assert_array_equal(pyramid[0][...], source[...])
    assert validate(store) == []


# ---- sources


def as_source(kind: str, image: NDArray[Any]) -> Any:
    if kind == "zarr":
        return zarr.create_array({}, data=image, chunks=(5, 7, 9))
    if kind == "dask":
        return da.from_array(image, chunks=(4, (3, 20), 11))
    if kind == "big endian":
        return image.astype(">u2")
    return image


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numpy", "zarr", "dask", "big endian"])
def test_every_kind_of_source_gives_the_same(kind: str) -> None:
    image = np.random.default_rng(1).integers(0, 60000, (12, 23, 31), dtype="uint16")
    source = as_source(kind, image)
    pyramid = write_multiscale(
        source, {}, axes="zyx", voxel_size=1, chunks=(8, 8, 8), levels=3, n_jobs=2
    )
    np.testing.assert_array_equal(pyramid[0][...], image)
    np.testing.assert_array_equal(pyramid[2][...], brute_force(image, (4, 4, 4), "mean"))


def test_a_stitched_view_is_a_source(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30), dtype="uint8")
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        tile = image[y * 10 : (y + 1) * 10, x * 15 : (x + 1) * 15]
        tifffile.imwrite(tmp_path / f"y{y}_x{x}.tif", tile)
    view = stitched_view(tmp_path.glob("*.tif"), "y{y:d}_x{x:d}.tif", ("y", "x"))
    pyramid = write_multiscale(view, {}, axes="yx", voxel_size=1, chunks=(8, 8), levels=2)
    np.testing.assert_array_equal(pyramid[0][...], image)
    np.testing.assert_array_equal(pyramid[1][...], brute_force(image, (2, 2), "mean"))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_with_and_without_the_fast_codecs_the_same_files_are_written(
    version: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Level 0 has other chunks than the source, so that it is decoded, not copied."""
    pytest.importorskip("zarrs")
    image = np.random.default_rng(6).integers(0, 60000, (12, 23, 31), dtype="uint16")
    stored = {
        2: zarr.create_array(tmp_path / "2", data=image, chunks=(5, 7, 9), zarr_format=2),
        3: zarr.create_array(tmp_path / "3", data=image, chunks=(2, 4, 4), shards=(4, 8, 8)),
    }
    written, decoders = [], []
    for codecs, source in product(("zarrs", "zarr-python"), stored.values()):
        monkeypatch.setenv("DATA_HELPERS_CODECS", codecs)
        pipeline = type(fast_to_read(source).async_array.codec_pipeline).__name__
        decoders.append(pipeline)
        place = tmp_path / f"{codecs} {source.metadata.zarr_format}"
        options: dict[str, Any] = {"axes": "zyx", "voxel_size": 1, "chunks": (8, 8, 8)}
        write_multiscale(source, place, **options, levels=3, version=version)
        found = (path for path in sorted(place.rglob("*")) if path.is_file())
        written.append({str(path.relative_to(place)): path.read_bytes() for path in found})
    assert decoders == ["ZarrsCodecPipeline"] * 2 + ["BatchedCodecPipeline"] * 2
    assert written[0]
    assert all(files == written[0] for files in written)


# ---- levels


def test_long_voxels_wait_until_the_others_are_as_long() -> None:
    assert level_factors((64, 256, 256), voxel_size=(2.0, 0.5, 0.5), levels=4) == [
        (1, 1, 1),
        (1, 2, 2),
        (1, 4, 4),
        (2, 8, 8),
    ]
    # 0.29 and 0.26 are about the same: all axes are halved together.
    assert level_factors((60, 256, 256), voxel_size=(0.29, 0.26, 0.26), levels=2)[1] == (2, 2, 2)


def test_time_and_channel_are_never_reduced() -> None:
    shapes = level_shapes((9, 4, 20, 33, 40), axes="tczyx", until=8)
    assert shapes == [(9, 4, 20, 33, 40), (9, 4, 10, 17, 20), (9, 4, 5, 9, 10), (9, 4, 3, 5, 5)]
    with pytest.raises(ValueError, match=r"reduce axis 'c' by 2; expected 1"):
        level_shapes((4, 20, 20), (2, 2, 2), axes="cyx")


def test_an_axis_of_one_voxel_keeps_its_voxel_size() -> None:
    pyramid = write_multiscale(np.ones((1, 8, 8)), {}, axes="zyx", voxel_size=1, levels=3)
    assert pyramid.scales[2] == (1.0, 4.0, 4.0)
    assert pyramid.translations[2] == (0.0, 1.5, 1.5)


@given(st.integers(1, 300), st.integers(2, 5))
def test_levels_cover_the_image_and_stop_when_small_enough(length: int, factor: int) -> None:
    factors = level_factors((length, length), factor, until=16)
    shapes = level_shapes((length, length), factor, until=16)
    assert shapes[-1][0] <= 16
    assert all(shape[0] > 16 for shape in shapes[:-1])
    for (n, _), (f, _) in zip(shapes, factors, strict=True):
        assert (n - 1) * f < length <= n * f


# ---- metadata


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_scale_and_translation_are_those_of_the_averaged_windows(version: Any) -> None:
    """Of a ramp of positions, each level holds the positions of its own voxels."""
    size = (0.5, 0.25)
    ramps = np.meshgrid(np.arange(40) * size[0], np.arange(64) * size[1], indexing="ij")
    for axis, ramp in enumerate(ramps):
        pyramid = write_multiscale(
            ramp, {}, axes="yx", voxel_size=size, chunks=(8, 8), version=version, factors=(2, 4)
        )
        for k, level in enumerate(pyramid.levels):
            places = np.argwhere(np.ones(level.shape, bool))
            positions = pyramid.to_physical(places, level=k)[:, axis].reshape(level.shape)
            whole = tuple(slice(0, n // f) for n, f in zip(ramp.shape, (2**k, 4**k), strict=True))
            np.testing.assert_allclose(level[whole], positions[whole])
            np.testing.assert_allclose(pyramid.to_voxel(pyramid.to_physical(places, k), k), places)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_no_member_of_the_metadata_is_null(version: Any, tmp_path: Path) -> None:
    write_multiscale(np.ones((8, 8)), tmp_path, axes="yx", voxel_size=1, version=version, unit=None)
    write_labels(np.ones((8, 8), "u1"), tmp_path, colours={1: (255, 0, 0, 255)})
    groups = [tmp_path, tmp_path / "labels", tmp_path / "labels/labels"]
    for group in groups:
        text = (group / (".zattrs" if version == "0.4" else "zarr.json")).read_text()
        attributes = json.loads(text) if version == "0.4" else json.loads(text)["attributes"]
        assert "null" not in json.dumps(attributes)


def test_version_04_is_zarr_2_with_slashes_and_plain_zstd(tmp_path: Path) -> None:
    write_multiscale(
        np.ones((8, 8)), tmp_path, axes="yx", voxel_size=1, version="0.4", chunks=(4, 4)
    )
    stored = json.loads((tmp_path / "0/.zarray").read_text())
    assert (stored["zarr_format"], stored["dimension_separator"]) == (2, "/")
    assert stored["compressor"] == {"id": "zstd", "level": 3}
    assert (tmp_path / "0/1/1").is_file()
    assert json.loads((tmp_path / ".zattrs").read_text())["multiscales"][0]["version"] == "0.4"


def test_version_05_has_checksums_names_and_shards(tmp_path: Path) -> None:
    write_multiscale(
        np.ones((8, 8)), tmp_path, axes="yx", voxel_size=1, chunks=(2, 2), shards=(4, 8)
    )
    stored = json.loads((tmp_path / "0/zarr.json").read_text())
    assert stored["dimension_names"] == ["y", "x"]
    assert stored["chunk_grid"]["configuration"]["chunk_shape"] == [4, 8]
    inner = stored["codecs"][0]["configuration"]["codecs"]
    assert inner[-1] == {"name": "zstd", "configuration": {"level": 3, "checksum": True}}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_description_is_what_is_written_and_writes_nothing(
    version: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hints = [Channel(label="gel", colour="FF00FF", limits=(0, 9))]
    options: dict[str, Any] = {"axes": "yx", "voxel_size": 0.5, "channels": hints}
    spec = image_spec(np.ones((9, 8)), version=version, chunks=(4, 4), levels=2, **options)
    assert not list(tmp_path.iterdir())
    write_multiscale(np.ones((9, 8)), "a", version=version, chunks=(4, 4), levels=2, **options)
    found = type(spec).from_zarr(zarr.open_group("a", mode="r"))
    assert found.members == spec.members
    attributes = zarr.open_group("a", mode="r").attrs.asdict()
    assert attributes == image_attributes(spec)
    assert attributes.get("ome", attributes)["omero"]["channels"][0]["color"] == "FF00FF"


# ---- what is refused, before anything is written

REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"axes": "yx"}, ValueError, r"name 2 axes, but the array has 3 dimensions"),
    ({"axes": "zyq"}, ValueError, r"contain \['q'\]; expected names among"),
    ({"axes": "zyy"}, ValueError, "name an axis twice"),
    ({"axes": "zct"}, ValueError, "fewer than two axes of space"),
    ({"axes": "ytx"}, ValueError, "expected time, then channel, then space"),
    ({"unit": "um"}, ValueError, "'um'.*write 'micrometer'"),
    ({"unit": "micrometre"}, ValueError, "write 'micrometer'"),
    ({"unit": {"t": "second"}}, ValueError, r"unit has \['t'\], but the axes are"),
    ({"voxel_size": (1, 1)}, ValueError, "has 2 numbers for the axes"),
    ({"voxel_size": (1, 0, 1)}, ValueError, "not above zero"),
    ({"voxel_size": float("nan")}, ValueError, "not above zero"),
    ({"chunks": (4, 4)}, ValueError, r"chunks are \(4, 4\) for 3 axes"),
    ({"chunks": (4, 4, 0)}, ValueError, "at least 1 per axis"),
    ({"chunks": (4, 4, 4), "shards": (4, 2, 4)}, ValueError, r"larger than shards .* on axis 1"),
    ({"chunks": (4, 4, 4), "shards": (4, 6, 4)}, ValueError, "expected for example 4 there"),
    ({"shards": (8, 8, 8), "version": "0.4"}, ValueError, "Zarr 2, without shards"),
    ({"version": "0.3"}, ValueError, r"expected one of \('0.4', '0.5'\)"),
    ({"factors": 1}, ValueError, "expected 2 or more"),
    ({"factors": (2, 2)}, ValueError, "do not fit 3 axes"),
    ({"factors": [(2, 2, 2)], "levels": 4}, ValueError, "make 2 levels"),
    ({"levels": 9}, ValueError, "expected at most 5 levels"),
    ({"method": "median"}, ValueError, "expected one of 'mean', 'mode', 'nearest'"),
    ({"compressors": numcodecs.Zstd()}, TypeError, "expected a codec of zarr.codecs"),
    ({"compressors": ZstdCodec(), "version": "0.4"}, TypeError, "expected a codec of numcodecs"),
    ({"channels": [Channel(label="a", limits=(0, 1))] * 2}, ValueError, "for 2 channels"),
    ({"channels": [Channel(label="a", limits=(1, 0))]}, ValueError, "a lower and a higher"),
    ({"channels": [Channel(label="a", limits=(0, 1), colour="red")]}, ValueError, "hexadecimal"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    wrong: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"axes": "zyx", "voxel_size": 1, "chunks": (2, 2, 2), **wrong}
    if "shards" in wrong and wrong.get("version") == "0.4":
        options["chunks"] = (8, 8, 8)
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        write_multiscale(np.ones((16, 16, 16), "u2"), tmp_path / "image", **options)
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize(
    ("source", "method", "message"),
    [
        (np.ones((4, 4), "f4"), "mode", "'mode' for dtype float32; expected whole numbers"),
        (np.ones((4, 4), "i8"), "mean", "'mean' for dtype int64.*convert with astype"),
        (np.ones((4, 4), bool), "mean", "use method='mode'"),
        (np.ones((4, 4), "c8"), "mean", "store complex data as two channels"),
        ([[1, 2], [3, 4]], "mean", "the source is a list; expected an array"),
    ],
)
def test_types_that_would_give_wrong_numbers_are_refused(
    source: Any, method: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        write_multiscale(source, {}, axes="yx", voxel_size=1, method=method)


def test_an_image_without_voxels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(0, 4\); expected at least one voxel"):
        write_multiscale(np.ones((0, 4)), {}, axes="yx", voxel_size=1)


# ---- labels


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_have_the_levels_and_places_of_their_image(version: Any) -> None:
    store: dict[str, Any] = {}
    image = write_multiscale(
        np.ones((2, 12, 21), "u1"),
        store,
        axes="cyx",
        voxel_size=(2, 0.5),
        version=version,
        levels=3,
    )
    labels = np.random.default_rng(0).integers(0, 4, (12, 21), dtype="uint32")
    cells = write_labels(labels, store, name="cells", colours={1: (255, 0, 0, 255)})
    assert open_multiscale(store).labels == ("cells",)
    assert cells.version == version
    assert cells.axes == ("y", "x")
    assert cells.units == image.units[1:]
    assert cells.scales == tuple(scale[1:] for scale in image.scales)
    assert cells.translations == tuple(place[1:] for place in image.translations)
    for level, scale in zip(cells.levels, cells.scales, strict=True):
        factors = (round(scale[0] / 2), round(scale[1] / 0.5))
        np.testing.assert_array_equal(level[...], brute_force(labels, factors, "mode"))
    assert validate(store) == []


def test_labels_that_do_not_suit_their_image_are_refused() -> None:
    store: dict[str, Any] = {}
    write_multiscale(np.ones((2, 8, 8)), store, axes="cyx", voxel_size=1)
    before = dict(store)
    with pytest.raises(TypeError, match=r"dtype float64; expected whole numbers"):
        write_labels(np.ones((8, 8)), store)
    with pytest.raises(ValueError, match=r"\(8, 9\); expected the image's.*without the channels"):
        write_labels(np.ones((8, 9), "u1"), store)
    with pytest.raises(ValueError, match=r"which would make labels up"):
        write_labels(np.ones((8, 8), "u1"), store, method="mean")
    with pytest.raises(ValueError, match=r"red, green, blue and opacity"):
        write_labels(np.ones((8, 8), "u1"), store, colours={1: (255, 0, 0)})
    with pytest.raises(ValueError, match=r"expected a plain name"):
        write_labels(np.ones((8, 8), "u1"), store, name="../image")
    assert store == before


def test_labels_of_a_name_are_not_replaced_unless_asked() -> None:
    store: dict[str, Any] = {}
    write_multiscale(np.ones((8, 8)), store, axes="yx", voxel_size=1)
    write_labels(np.ones((8, 8), "u1"), store, name="a")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_labels(np.zeros((8, 8), "u1"), store, name="a")
    write_labels(np.zeros((8, 8), "u1"), store, name="a", overwrite=True)
    write_labels(np.ones((8, 8), "u1"), store, name="b")
    assert open_multiscale(store).labels == ("a", "b")
    assert not open_multiscale(store).open_labels("a")[0][...].any()
    with pytest.raises(KeyError, match=r"expected one of \['a', 'b'\]"):
        open_multiscale(store).open_labels("c")


# ---- memory


@pytest.mark.slow
def test_memory_follows_the_formula_and_not_the_size_of_the_image() -> None:
    code = """
import tempfile
import numpy as np
from data_helpers import write_multiscale

class Endless:
    # noise made as it is read, so that no input is held
    dtype = np.dtype("uint16")
    def __init__(self, shape): self.shape = shape
    def __getitem__(self, index):
        shape = [part.stop - part.start for part in index]
        return np.random.default_rng(index[0].start).integers(0, 4096, shape, dtype="uint16")

def write(shape):
    with tempfile.TemporaryDirectory() as folder:
        write_multiscale(Endless(shape), folder + "/a", axes="zyx", voxel_size=1,
                         chunks=(64, 64, 64), n_jobs=2)

write((64, 64, 64))
start()
write(SHAPE)
report()
"""
    chunk = 64**3 * 2
    peaks = [
        peak_of(code.replace("SHAPE", str(shape)))[0]
        for shape in ((128, 256, 256), (256, 512, 256))
    ]
    for peak in peaks:
        # threads x (unit + chunk) x 3, a chunk per level, and what the interpreter needs
        assert peak < 2 * 2 * chunk * 3 + 4 * chunk + 8e6
    assert peaks[1] < peaks[0] + 4e6
