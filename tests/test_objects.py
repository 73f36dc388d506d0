"""Objects across chunks: labels, sizes, tables and agreement, against SciPy and scikit-image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import scipy.ndimage as ndi
import skimage.measure
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from strategies import chunks_for, irregular_chunks_for, shapes
from zarr.storage import MemoryStore

from data_helpers.chunking import CountingStore
from data_helpers.jobs import ChunkError, create_like, verify
from data_helpers.objects import (
    depth_needed,
    fill_holes,
    label,
    label_zarr,
    match_objects,
    measure,
    overlaps,
    remove_small_objects,
    renumber,
    split_touching,
)


@st.composite
def masks(draw: st.DrawFn, max_dims: int = 3) -> NDArray[np.bool_]:
    """Random objects of all densities."""
    shape = draw(shapes(max_dims=max_dims, max_side=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.random(shape) < draw(st.sampled_from([0.2, 0.4, 0.6, 0.8]))


@st.composite
def label_images(draw: st.DrawFn) -> NDArray[np.int64]:
    """Labels that are neither consecutive nor connected, some of them large."""
    shape = draw(shapes(max_dims=3, max_side=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    known = np.array([0, 0, 1, 2, 5, 70, 2**40])
    return known[rng.integers(0, len(known), shape)]


def whole(mask: NDArray[Any], connectivity: int) -> NDArray[np.int32]:
    """The oracle: SciPy, all at once."""
    structure = ndi.generate_binary_structure(mask.ndim, connectivity)
    labels: NDArray[np.int32] = ndi.label(mask, structure)[0]
    return labels


# Labels


@pytest.mark.slow
@settings(max_examples=50)
@given(masks(max_dims=4), st.data())
def test_labels_are_those_of_scikit_image_in_memory_lazily_and_from_zarr_to_zarr(
    mask: NDArray[np.bool_], data: st.DataObject
) -> None:
    connectivity = data.draw(st.integers(1, mask.ndim))
    expected = skimage.measure.label(mask, connectivity=connectivity)
    np.testing.assert_array_equal(label(mask, connectivity), expected)
    chunks = data.draw(irregular_chunks_for(mask.shape))
    lazy = label(da.from_array(mask, chunks), connectivity)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)
    source = create_like(mask, chunks=data.draw(chunks_for(mask.shape)))
    source[...] = mask
    target = create_like(mask, chunks=data.draw(chunks_for(mask.shape)), dtype="int32")
    count = label_zarr(source, target, connectivity=connectivity, n_jobs=1)
    np.testing.assert_array_equal(target[...], expected)
    assert count == expected.max(initial=0)


@given(label_images(), st.integers(0, 40), st.data())
def test_small_objects_are_those_of_few_voxels_in_the_whole_image(
    labels: NDArray[np.int64], min_size: int, data: st.DataObject
) -> None:
    values, counts = np.unique(labels, return_counts=True)
    expected = np.where(np.isin(labels, values[counts >= min_size]), labels, 0)
    lazy = da.from_array(labels, data.draw(irregular_chunks_for(labels.shape)))
    for found in (
        remove_small_objects(labels, min_size),
        remove_small_objects(lazy, min_size).compute(scheduler="sync"),
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == labels.dtype


@given(label_images(), st.data())
def test_new_numbers_are_consecutive_and_keep_the_order(
    labels: NDArray[np.int64], data: st.DataObject
) -> None:
    values = np.unique(labels[labels > 0])
    expected = np.searchsorted(values, labels) + 1
    expected[labels == 0] = 0
    lazy = da.from_array(labels, data.draw(irregular_chunks_for(labels.shape)))
    np.testing.assert_array_equal(renumber(labels), expected)
    np.testing.assert_array_equal(renumber(lazy).compute(scheduler="sync"), expected)


@given(masks(), st.data())
def test_holes_are_those_of_scipy(mask: NDArray[np.bool_], data: st.DataObject) -> None:
    expected = ndi.binary_fill_holes(mask)
    lazy = da.from_array(mask, data.draw(irregular_chunks_for(mask.shape)))
    np.testing.assert_array_equal(fill_holes(mask), expected)
    np.testing.assert_array_equal(fill_holes(lazy).compute(scheduler="sync"), expected)


def test_a_ring_around_a_chunk_border_is_filled_whole() -> None:
    ring = np.zeros((6, 6), bool)
    ring[1:5, 1:5] = True
    ring[2:4, 2:4] = False
    per_chunk = da.map_blocks(ndi.binary_fill_holes, da.from_array(ring, 3), dtype=bool)
    assert not per_chunk.compute()[2:4, 2:4].any(), "chunk by chunk the hole stays open"
    assert fill_holes(da.from_array(ring, 3)).compute()[2:4, 2:4].all()


# From Zarr to Zarr


def stored(data: NDArray[Any], path: Path, **layout: Any) -> Any:
    """A Zarr array on disk."""
    array = create_like(data, path, **layout)
    array[...] = data
    return array


@pytest.fixture
def mask() -> NDArray[np.bool_]:
    """Objects of all sizes, many across chunks."""
    noise = ndi.gaussian_filter(np.random.default_rng(5).random((30, 30, 30)), 1)
    return np.asarray(noise > 0.52)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_threads_and_processes_give_the_same_labels(
    backend: str, mask: NDArray[np.bool_], tmp_path: Path
) -> None:
    source = stored(mask, tmp_path / "mask", chunks=(8, 8, 8))
    target = create_like(mask, tmp_path / "labels", chunks=(7, 10, 30), dtype="uint16")
    count = label_zarr(source, target, connectivity=2, n_jobs=2, backend=backend)
    np.testing.assert_array_equal(target[...], whole(mask, 2))
    assert count == whole(mask, 2).max()
    assert verify(target).ok


@pytest.mark.slow
def test_shards_are_written_whole(mask: NDArray[np.bool_], tmp_path: Path) -> None:
    target = create_like(
        mask, tmp_path / "labels", chunks=(4, 5, 6), shards=(12, 20, 12), dtype="int32"
    )
    label_zarr(mask, target, n_jobs=2)
    np.testing.assert_array_equal(target[...], whole(mask, 1))


@pytest.mark.slow
def test_zarr_2_serves_as_source_and_target(mask: NDArray[np.bool_], tmp_path: Path) -> None:
    layout: dict[str, Any] = {"shape": mask.shape, "chunks": (8, 9, 10), "zarr_format": 2}
    source = zarr.create_array(tmp_path / "mask", dtype=bool, **layout)
    source[...] = mask
    target = zarr.create_array(tmp_path / "labels", dtype="int32", **layout)
    label_zarr(source, target)
    np.testing.assert_array_equal(target[...], whole(mask, 1))


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_what_is_missing(
    mask: NDArray[np.bool_], tmp_path: Path
) -> None:
    source = stored(mask, tmp_path / "mask", chunks=(10, 10, 10))
    target = create_like(mask, tmp_path / "labels", chunks=(10, 10, 10), dtype="int32")
    manifest = tmp_path / "manifest.json"
    broken = target.store.root / "c" / "2"
    broken.parent.mkdir()
    broken.write_text("a file where chunks should go")
    with pytest.raises(ChunkError):
        label_zarr(source, target, n_jobs=1, manifest=manifest)
    broken.unlink()
    first = target.store.root / "c" / "0" / "0" / "0"
    written = first.stat().st_mtime_ns
    count = label_zarr(source, target, n_jobs=1, manifest=manifest)
    assert first.stat().st_mtime_ns == written, "what was done is not done again"
    assert count == whole(mask, 1).max()
    np.testing.assert_array_equal(target[...], whole(mask, 1))
    assert verify(target, manifest).ok


@pytest.mark.slow
def test_other_work_does_not_continue_a_manifest(mask: NDArray[np.bool_], tmp_path: Path) -> None:
    source = stored(mask, tmp_path / "mask", chunks=(10, 10, 10))
    target = create_like(mask, tmp_path / "labels", chunks=(10, 10, 10), dtype="int32")
    manifest = tmp_path / "manifest.json"
    label_zarr(source, target, manifest=manifest)
    with pytest.raises(ValueError, match=r"connectivity: \d instead of \d"):
        label_zarr(source, target, connectivity=3, manifest=manifest)


def test_a_target_that_is_the_source_is_refused(tmp_path: Path) -> None:
    array = stored(np.ones((4, 4), "int32"), tmp_path / "a", chunks=(2, 2))
    with pytest.raises(ValueError, match="same array"):
        label_zarr(array, zarr.open_array(tmp_path / "a"))
    assert (array[...] == 1).all()


def test_a_target_too_narrow_for_the_labels_is_refused_before_it_is_written() -> None:
    mask = np.zeros(600, bool)
    mask[::2] = True
    target = np.zeros(600, "u1")
    with pytest.raises(OverflowError, match=r"300 objects, but the target's uint8 holds .* 255"):
        label_zarr(mask, target, chunks=(100,))
    assert not target.any()
    target[:] = 7
    mask[:512] = False
    assert label_zarr(mask, target, chunks=(100,)) == 44


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_a_target_of_other_things_than_integers_is_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"the target's dtype is {dtype}; expected integers"):
        label_zarr(np.ones(4, bool), np.zeros(4, dtype), chunks=(2,))


def test_a_target_of_another_shape_and_arrays_without_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(4,\) and \(5,\)"):
        label_zarr(np.ones(4, bool), np.zeros(5, int), chunks=(2,))
    with pytest.raises(ValueError, match=r"neither source \(ndarray\).*expected chunks="):
        label_zarr(np.ones(4, bool), np.zeros(4, int))


LABEL_ZARR = """
import numpy as np
from data_helpers.jobs import create_like
from data_helpers.objects import label_zarr

shape, chunks = (1024, 256, 256), (16, 128, 128)
source = create_like(np.zeros(0, bool), FOLDER + "/mask", shape=shape, chunks=chunks)
for first in range(0, 1024, 16):
    z, y, x = np.ogrid[first : first + 16, :256, :256]
    source[first : first + 16] = (z // 3 % 2) & (y // 3 % 2) & (x // 3 % 2) > 0
target = create_like(source, FOLDER + "/labels", dtype="int32")
label_zarr(np.ones(4, bool), np.zeros(4, int), chunks=(2,))
start()
count = label_zarr(source, target, n_jobs=2)
report(count, target.nbytes)
"""


@pytest.mark.slow
def test_memory_holds_chunks_at_work_and_a_few_numbers_per_object(tmp_path: Path) -> None:
    peak, (count, size) = peak_of(LABEL_ZARR.replace("FOLDER", repr(str(tmp_path))))
    # 268 MB of labels, 67 MB of objects; two chunks of 0.26 MB are worked on, with their labels.
    assert (count, size) == (171 * 43 * 43, 1024 * 256 * 256 * 4)
    assert peak < 60e6


# Measurements


def regionprops(
    labels: NDArray[Any], intensity: NDArray[Any], sides: Sequence[float]
) -> pd.DataFrame:
    """The oracle: scikit-image, all at once."""
    names = (
        "label",
        "num_pixels",
        "area",
        "bbox",
        "centroid",
        *("intensity_" + n for n in ("mean", "min", "max")),
    )
    return pd.DataFrame(
        skimage.measure.regionprops_table(labels, intensity, names, spacing=sides)
    ).set_index("label")


@pytest.mark.slow
@given(st.data())
def test_measurements_are_those_of_scikit_image(data: st.DataObject) -> None:
    shape = data.draw(shapes(min_dims=2, max_dims=3, max_side=8))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, 5, shape)
    intensity = rng.integers(0, 2**16, shape).astype("u2")
    sides = tuple(data.draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in shape)
    expected = regionprops(labels, intensity, sides)
    chunks = data.draw(irregular_chunks_for(shape))
    stored = create_like(labels, chunks=data.draw(chunks_for(shape)))
    stored[...] = labels
    for given_labels, given_intensity in (
        (labels, intensity),
        (da.from_array(labels, chunks), da.from_array(intensity, chunks)),
        (stored, intensity),
    ):
        found = measure(given_labels, given_intensity, voxel_size=sides, n_jobs=1)
        assert list(found.index) == list(expected.index)
        assert found.index.name == "label"
        ours = ["area", "volume"]
        ours += [f"bbox_{a}_{e}" for e in ("min", "max") for a in "zyx"[-len(shape) :]]
        ours += [f"centroid_{a}" for a in "zyx"[-len(shape) :]] + ["mean", "min", "max"]
        np.testing.assert_allclose(found[ours].to_numpy(), expected.to_numpy(), rtol=1e-12)


def test_an_object_that_lies_in_many_chunks_is_one_row_with_exact_sums() -> None:
    labels = np.full((9, 9, 9), 3, "u1")
    intensity = np.full(labels.shape, 2**32 - 1, "u4")  # float32 would round this
    table = measure(da.from_array(labels, 2), da.from_array(intensity, 2), axes="abc")
    assert list(table.index) == [3]
    assert table.loc[3, "area"] == 729
    assert table.loc[3, "mean"] == 2**32 - 1
    assert table.loc[3, ["centroid_a", "centroid_b", "centroid_c"]].tolist() == [4, 4, 4]
    assert table.loc[3, ["bbox_a_min", "bbox_c_max"]].tolist() == [0, 9]
    assert table["max"].dtype == np.uint32


@pytest.mark.parametrize("dtype", ["int8", "int64", "bool", "uint32", "int16"])
def test_sums_of_integers_are_exact_for_every_dtype(dtype: str) -> None:
    rng = np.random.default_rng(0)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = rng.integers(low, high, 1000, dtype="i8", endpoint=True).astype(dtype)
    if dtype == "int64":
        values //= 10**4  # so that the sum itself fits
    labels = rng.integers(1, 3, 1000)
    table = measure(da.from_array(labels, 77), da.from_array(values, 77))
    for number in (1, 2):
        exact = sum(int(value) for value in values[labels == number])
        assert table.loc[number, "mean"] == exact / int((labels == number).sum())
        assert table.loc[number, "min"] == values[labels == number].min()


def test_floats_are_measured_and_nan_shows_in_its_own_object_only() -> None:
    labels = np.array([1, 1, 2, 2, 0])
    values = np.array([0.5, 1.5, np.nan, 1.0, np.nan], "f4")
    table = measure(da.from_array(labels, 3), da.from_array(values, 3))
    assert table.loc[1, ["mean", "min", "max"]].tolist() == [1.0, 0.5, 1.5]
    assert table.loc[2, ["mean", "min", "max"]].isna().all()


def test_a_zarr_array_names_the_columns(tmp_path: Path) -> None:
    labels = zarr.create_array(
        tmp_path / "labels", shape=(4, 4), chunks=(2, 2), dtype="u1", dimension_names=("t", "x")
    )
    labels[...] = 1
    table = measure(labels, None, (1.0, 0.5), n_jobs=2)
    assert list(table.columns) == [
        *("area", "volume", "bbox_t_min", "bbox_t_max", "bbox_x_min", "bbox_x_max"),
        *("centroid_t", "centroid_x"),
    ]
    assert table.loc[1, ["volume", "centroid_t", "centroid_x"]].tolist() == [8.0, 1.5, 0.75]


def test_an_image_without_objects_gives_a_table_without_rows() -> None:
    table = measure(np.zeros((4, 4), int), np.ones((4, 4)))
    assert len(table) == 0
    assert list(table.columns)[-3:] == ["mean", "min", "max"]


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_an_image_without_voxels_gives_a_table_without_rows(kind: str) -> None:
    empty = np.zeros((0, 5), int)
    image = {
        "numpy": lambda: empty,
        "dask": lambda: da.from_array(empty),
        "zarr": lambda: zarr.create_array({}, data=empty, chunks=(2, 2)),
    }[kind]()
    assert list(measure(image, image).columns) == list(
        measure(np.ones((1, 5), int), np.ones((1, 5)))
    )
    assert len(measure(image, image)) == len(overlaps(image, image)) == 0
    assert label_zarr(empty, np.zeros((0, 5), int), chunks=(2, 2)) == 0


@pytest.mark.parametrize("function", [measure, overlaps])
def test_unknown_chunks_are_refused_with_what_to_do(function: Any) -> None:
    labels = da.ones((6, 4), chunks=2, dtype=int)
    some = labels[labels.sum(axis=1) > 3]
    with pytest.raises(ValueError, match=r"shape \(nan, 4\) is not known yet; call compute_chunk"):
        function(some, some)


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
)
def test_chunks_of_labels_and_intensities_are_read_once_however_they_are_cut(
    shape: tuple[int, int], chunks: tuple[int, int], others: tuple[int, int]
) -> None:
    labels = np.random.default_rng(3).integers(1, 4, shape)
    stores = [CountingStore(MemoryStore()) for _ in range(2)]
    images = [
        zarr.create_array(store, data=labels, chunks=cut)
        for store, cut in zip(stores, (chunks, others), strict=True)
    ]
    for store in stores:
        store.reset()
    table = measure(*images, n_jobs=1)
    pd.testing.assert_frame_equal(table, measure(labels, labels))
    assert {count for store in stores for count in store.keys_read.values()} == {1}


def test_labelling_reads_the_source_twice() -> None:
    mask = np.random.default_rng(3).random((12, 10)) < 0.5
    store = CountingStore(MemoryStore())
    source = zarr.create_array(store, data=mask, chunks=(4, 5))
    store.reset()
    label_zarr(source, zarr.create_array({}, shape=mask.shape, chunks=(4, 5), dtype="i4"))
    assert set(store.keys_read.values()) == {2}


@pytest.mark.parametrize("size", [(1.0, 1.0), (1.0, 0.0, 1.0), (1, -1, 1), (1, np.nan, 1), 0])
def test_a_voxel_size_that_does_not_fit_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=r"voxel_size .*(expected one per axis|lengths above 0)"):
        measure(np.ones((2, 2, 2), int), voxel_size=size)


def test_other_inputs_that_do_not_fit_are_refused_with_what_to_do() -> None:
    labels = da.ones((4, 4), chunks=2, dtype=int)
    with pytest.raises(ValueError, match=r"chunks .* and \(\(4,\), \(4,\)\).*rechunk"):
        measure(labels, labels.rechunk(4))
    with pytest.raises(ValueError, match=r"shapes \(4, 4\) and \(4, 5\)"):
        measure(labels, np.ones((4, 5)))
    with pytest.raises(TypeError, match="the labels are float64; expected integers"):
        measure(np.ones((4, 4)))
    with pytest.raises(TypeError, match=r"the intensities are complex128; expected"):
        measure(labels, np.ones((4, 4), complex))
    with pytest.raises(ValueError, match=r"expected axes=..., one name per axis"):
        measure(np.ones((2,) * 5, int))
    with pytest.raises(ValueError, match=r"expected axes=..., one name per axis"):
        measure(labels, axes="yy")


@pytest.mark.parametrize("min_size", [-1, 2.5, True, np.nan, np.inf])
def test_a_smallest_size_that_is_none_is_refused(min_size: Any) -> None:
    with pytest.raises(ValueError, match=f"min_size is {min_size}; expected a whole number"):
        remove_small_objects(np.ones(3, int), min_size)


@pytest.mark.parametrize("function", [label, renumber, fill_holes, measure])
def test_floats_are_refused(function: Any) -> None:
    for image in (np.array([0.5, np.nan]), da.from_array(np.array([0.5, np.nan]), 1)):
        with pytest.raises(TypeError, match=r"float64; expected .*integers"):
            function(image)


@pytest.mark.parametrize(
    "function", [label, renumber, fill_holes, lambda labels: remove_small_objects(labels, 2)]
)
def test_a_zarr_array_is_refused_with_what_to_do(function: Any) -> None:
    array = create_like(np.zeros((4, 4), "int32"), chunks=(2, 2))
    with pytest.raises(TypeError, match=r"a Array; expected a NumPy or Dask array: .*from_zarr"):
        function(array)


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    def fail(_block: NDArray[Any]) -> NDArray[Any]:
        raise RuntimeError("the source was computed")

    source: Any = da.map_blocks(
        fail, da.zeros((8, 8), chunks=4, dtype=int), dtype=int, meta=np.empty((0, 0), int)
    )
    for lazy in (
        label(source),
        remove_small_objects(source, 2),
        renumber(source),
        fill_holes(source),
        renumber(remove_small_objects(label(source), 3)),
    ):
        assert lazy.chunks == source.chunks
        with pytest.raises(RuntimeError, match="the source was computed"):
            lazy.compute(scheduler="sync")


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "u8"])
def test_declared_dtypes_are_those_computed(dtype: str) -> None:
    labels = da.from_array(np.array([[0, 1, 1], [2, 2, 2]], dtype), 2)
    for lazy in (
        label(labels),
        remove_small_objects(labels, 3),
        renumber(labels),
        fill_holes(labels),
    ):
        assert lazy.dtype == lazy.compute(scheduler="sync").dtype


def test_chunk_by_chunk_counting_and_cleaning_would_be_wrong_here() -> None:
    """One bar through four chunks: the mistake that this module is there to avoid."""
    bar = np.zeros((2, 16), bool)
    bar[0] = True
    lazy = da.from_array(bar, (2, 4))
    per_chunk = sum(
        int(ndi.label(lazy.blocks[0, at].compute())[1]) for at in range(lazy.numblocks[1])
    )
    assert per_chunk == 4
    labels = label(lazy)
    assert labels.max().compute() == 1
    assert (remove_small_objects(labels, 16) == labels).all().compute()
    assert not remove_small_objects(labels, 17).any().compute()


# Agreement


@pytest.mark.slow
@given(st.data())
def test_agreement_is_that_of_counting_by_hand(data: st.DataObject) -> None:
    shape = data.draw(shapes(max_dims=3, max_side=6))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    reference = rng.integers(0, 4, shape)
    changed = rng.random(shape) < 0.3
    found = np.where(changed, rng.integers(0, 4, shape), reference * 2**35)
    chunks = data.draw(irregular_chunks_for(shape))
    pairs = {}
    for one in set(found[found > 0].tolist()):
        for two in set(reference[reference > 0].tolist()):
            both = int(((found == one) & (reference == two)).sum())
            if both:
                either = int(((found == one) | (reference == two)).sum())
                pairs[one, two] = both / either
    for images in ((found, reference), (da.from_array(found, chunks), reference)):
        listed = overlaps(*images)
        assert dict(
            zip(zip(listed.found, listed.reference, strict=True), listed.iou, strict=True)
        ) == pytest.approx(pairs)
        table = match_objects(*images, iou=(0.5, 0.7))
        for threshold in (0.5, 0.7):
            row = table.loc[threshold]
            assert row["matched"] == sum(value > threshold for value in pairs.values())
            assert row["found"] == len(set(found[found > 0].tolist()))
            assert row["reference"] == len(set(reference[reference > 0].tolist()))


def test_an_image_agrees_with_itself_and_nothing_with_nothing() -> None:
    labels = np.array([[1, 1, 0], [2, 0, 3]])
    table = match_objects(labels, labels * 10)
    assert (table["precision"] == 1).all()
    assert (table["recall"] == 1).all()
    empty = match_objects(labels * 0, labels)
    assert empty["precision"].isna().all()
    assert (empty["recall"] == 0).all()


def test_two_halves_do_not_both_match_one_object() -> None:
    table = match_objects(np.array([1, 1, 2, 2]), np.array([7, 7, 7, 7]), iou=(0.5,))
    assert table["matched"].tolist() == [0], "their IoU is 0.5, which is not above 0.5"


@pytest.mark.parametrize("iou", [(0.4,), (0.5, 1.0), (-1,)])
def test_thresholds_at_which_matches_would_not_be_unique_are_refused(iou: Any) -> None:
    with pytest.raises(ValueError, match=r"expected thresholds of at least 0.5 and below 1"):
        match_objects(np.ones(3, int), np.ones(3, int), iou=iou)


# Other machines


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the cluster's own machinery
def test_a_cluster_of_processes_gives_the_same_objects(mask: NDArray[np.bool_]) -> None:
    from dask.distributed import Client, LocalCluster

    intensity = np.random.default_rng(1).integers(0, 2**16, mask.shape, dtype="u2")
    settings: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **settings) as cluster,
        Client(cluster),
    ):
        lazy = da.from_array(mask, (11, 16, 30))
        labels = label(lazy, 3).compute()
        large = renumber(remove_small_objects(label(lazy), 5))
        table = measure(large, da.from_array(intensity, (11, 16, 30)))
        filled = fill_holes(lazy).compute()
        split = split_touching(lazy, prominence=1.0, depth=depth_needed(lazy)).compute()
    np.testing.assert_array_equal(labels, whole(mask, 3))
    expected = renumber(remove_small_objects(whole(mask, 1), 5))
    pd.testing.assert_frame_equal(table, measure(expected, intensity))
    np.testing.assert_array_equal(filled, ndi.binary_fill_holes(mask))
    np.testing.assert_array_equal(split, split_touching(mask, prominence=1.0))
