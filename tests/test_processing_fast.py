"""The fast ways of processing: equal to the clear ones, and every chunk decoded once."""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage as ndi
import zarr
from conftest import require
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from strategies import EDGE_MODES, chunks_for, images
from zarr.storage import MemoryStore

from data_helpers import ChunkError, CountingStore, convolve, gaussian, map_with_halo
from data_helpers.grid import Index, chunk_slices
from data_helpers.processing import read_with_halo
from data_helpers.processing.halo import block_with_halo
from data_helpers.processing.kernels import Convolution, Gaussian, gaussian_weights, kernels_in_use
from data_helpers.processing.sweep import SharedReads, plan_sweep
from data_helpers.processing.values import as_output, half_up


def counted(image: NDArray[Any], chunks: tuple[int, ...], **options: Any) -> tuple[Any, Any]:
    """An array whose store counts what is read."""
    store = CountingStore(MemoryStore())
    array = zarr.create_array(store, shape=image.shape, chunks=chunks, dtype=image.dtype, **options)
    array[...] = image
    store.reset()
    return array, store


def times_read(store: Any) -> list[int]:
    return [times for key, times in store.keys_read.items() if "c/" in key]


IMAGE = np.random.default_rng(0).integers(0, 2**16, (40, 33, 25), dtype="u2")
SMOOTH = ndi.gaussian_filter(IMAGE.astype("f8"), 1, mode="nearest")


# --- each chunk is decoded once -------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("units", [(8, 8, 8), (16, 12, 9), (5, 33, 25)])
def test_every_chunk_is_read_once(n_jobs: int, units: tuple[int, ...]) -> None:
    array, store = counted(IMAGE, (8, 8, 8))
    output = np.zeros(IMAGE.shape)
    gaussian(array, output, 1, mode="nearest", chunks=units, n_jobs=n_jobs)
    assert times_read(store) == [1] * (5 * 5 * 4)
    np.testing.assert_allclose(output, SMOOTH, rtol=1e-5)


def test_around_the_edges_chunks_are_read_once_more() -> None:
    array, store = counted(IMAGE[:, :8, :8], (8, 8, 8))
    output = np.zeros(array.shape)
    map_with_halo(np.asarray, array, output, depth=(4, 0, 0), mode="wrap", chunks=(8, 8, 8))
    assert sorted(times_read(store)) == [1, 1, 1, 2, 2]
    array, store = counted(IMAGE[:, :16, :16], (8, 8, 8))
    output = np.zeros(array.shape)
    map_with_halo(np.asarray, array, output, depth=(3, 3, 0), mode="wrap", chunks=(8, 8, 8))
    assert sum(times_read(store)) == (5 + 2) * (2 + 2) * 2


@pytest.mark.slow
def test_tiles_read_again_only_what_lies_along_their_borders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array, store = counted(IMAGE, (8, 8, 8))
    monkeypatch.setattr("data_helpers.processing.sweep.HELD_BYTES", 20_000)
    output = np.zeros(IMAGE.shape)
    plan = plan_sweep(array, (4, 4, 4), (8, 8, 8))
    assert plan is not None
    assert plan.tile == (5, 2, 2)
    gaussian(array, output, 1, mode="nearest", chunks=(8, 8, 8), n_jobs=3)
    # Of 5 chunks along y tiles of 2, 2 and 1 read 3, 4 and 2; of 4 along x both tiles read 3.
    assert sum(times_read(store)) == 5 * (3 + 4 + 2) * (3 + 3)
    np.testing.assert_allclose(output, SMOOTH, rtol=1e-5)


def test_small_chunks_are_read_together_and_shards_by_their_chunks() -> None:
    small = zarr.create_array({}, shape=(512,) * 3, chunks=(16,) * 3, dtype="u2")
    plan = plan_sweep(small, (8, 8, 8), (128, 128, 128))
    assert plan is not None
    assert plan.cell == (128, 128, 128)
    sharded = zarr.create_array(
        {}, shape=(1024,) * 3, chunks=(128,) * 3, shards=(512,) * 3, dtype="u2"
    )
    plan = plan_sweep(sharded, (8, 8, 8), (512, 512, 512))
    assert plan is not None
    assert plan.cell == (128, 128, 128)


def shared_reads(array: Any) -> SharedReads:
    return SharedReads(array, plan_sweep(array, (1, 1, 1), (8, 8, 8)))


def read_in_turn(reads: SharedReads, region: Index) -> None:
    with reads.for_region(region) as read:
        shape = reads.array.shape
        block_with_halo(read, region, (1,) * 3, shape=shape, dtype="u2", mode="nearest", cval=0)


@pytest.mark.parametrize("late", [7, 21, 50, 77, 94])
def test_chunks_are_kept_for_a_region_whose_thread_is_late(late: int) -> None:
    array, store = counted(IMAGE, (8, 8, 8))
    reads = shared_reads(array)
    regions = list(chunk_slices(array.shape, array.chunks))
    regions.insert(late + 5, regions.pop(late))
    for region in regions:
        read_in_turn(reads, region)
    assert times_read(store) == [1] * (5 * 5 * 4)


def test_chunks_are_not_kept_for_ever_for_regions_that_never_come() -> None:
    """As in a run that goes on, where every other region was done before."""
    array = zarr.create_array({}, shape=(800, 8, 8), chunks=(8, 8, 8), dtype="u2")
    reads = shared_reads(array)
    for region in list(chunk_slices(array.shape, array.chunks))[::2]:
        read_in_turn(reads, region)
        assert len(reads._kept) <= 72  # of 16 regions and those between, in two parts each


@pytest.mark.slow
def test_what_is_kept_is_a_plane_of_chunks_and_halos_however_long_the_array() -> None:
    chunk, row, plane = 1, 8, 64  # in chunks
    for length in (48, 160):
        array = zarr.create_array({}, shape=(length, 64, 64), chunks=(8, 8, 8), dtype="u1")
        reads = SharedReads(array, plan_sweep(array, (1, 1, 1), (8, 8, 8)))
        most = 0.0
        for region in chunk_slices(array.shape, array.chunks):
            with reads.for_region(region) as read:
                block_with_halo(
                    read, region, (1,) * 3, shape=array.shape, dtype="u1", mode="nearest", cval=0
                )
            most = max(most, sum(kept.result().nbytes for kept in reads._kept.values()) / 8**3)
            assert all(kept.result().base is None for kept in reads._kept.values())
        # A chunk's last reader is its neighbour along all three axes, so some more are kept.
        whole = plane + 2 * row + 4 * chunk
        assert plane * 9 / 8 <= most <= whole + (whole + plane) / 8 < 2 * plane


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data(), images(max_side=8, dtype="uint16"))
def test_shared_reads_give_what_every_region_reads_alone(
    data: st.DataObject, image: NDArray[Any]
) -> None:
    """In any order, through tiles of any size, around all edges."""
    chunks = tuple(data.draw(st.integers(-(-n // 3), n + 1)) for n in image.shape)
    array = zarr.create_array({}, shape=image.shape, chunks=chunks, dtype="u2")
    array[...] = image
    unit = data.draw(chunks_for(image.shape))
    depths = data.draw(st.tuples(*(st.integers(0, 5) for _ in image.shape)))
    mode = data.draw(st.sampled_from(EDGE_MODES))
    plan = plan_sweep(array, depths, unit, held_bytes=data.draw(st.integers(1, 2000)))
    reads = SharedReads(array, plan)
    regions = list(chunk_slices(image.shape, unit))[:12]
    if data.draw(st.booleans(), "a run is resumed"):
        regions = [region for region in regions if data.draw(st.booleans())]
    if plan is not None and data.draw(st.booleans()):
        regions.sort(key=plan.place_of)
    for region in regions:
        with reads.for_region(region) as read:
            block = block_with_halo(
                read, region, depths, shape=image.shape, dtype="i4", mode=mode, cval=-1
            )
        alone = read_with_halo(image, region, depths, mode=mode, cval=-1, dtype="i4")
        np.testing.assert_array_equal(block, alone)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_every_reader_of_a_cell_comes_no_later_than_its_last(data: st.DataObject) -> None:
    """Brute force over all regions: a cell that is dropped is needed by none that comes."""
    shape = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    chunks, unit = (data.draw(st.tuples(st.integers(2, 9), st.integers(2, 9))) for _ in "12")
    depths = data.draw(st.tuples(st.integers(0, 12), st.integers(0, 12)))
    array = zarr.create_array({}, shape=shape, chunks=chunks, dtype="u1")
    plan = plan_sweep(array, depths, unit, held_bytes=data.draw(st.integers(1, 900)))
    assume(plan is not None)
    assert plan is not None
    for region in chunk_slices(shape, unit):
        tile, place = plan.tile_of(region), plan.place_of(region)
        for cell in chunk_slices(shape, plan.cell):
            apart = any(
                c.start >= r.stop + d or c.stop <= r.start - d
                for c, r, d in zip(cell, region, depths, strict=True)
            )
            if not apart:
                assert plan.last_reader(tile, [c.stop for c in cell]) >= place
                # Regions that need more than the last planes come no later than those' beginning.
                if region[plan.slowest].start < cell[plan.slowest].stop:
                    stops = [c.stop for c in cell]
                    stops[plan.slowest] -= depths[plan.slowest]
                    assert plan.last_reader(tile, stops) >= place


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_chunk_that_cannot_be_decoded_is_an_error_for_all_that_need_it(n_jobs: int) -> None:
    store = MemoryStore()
    array = zarr.create_array(store, shape=(32, 32), chunks=(8, 8), dtype="u2")
    array[...] = 1
    key = "c/2/2"
    store._store_dict[key] = store._store_dict["zarr.json"]
    with pytest.raises(ChunkError, match="failed while computing"):
        gaussian(array, np.zeros((32, 32)), 1, mode="nearest", chunks=(8, 8), n_jobs=n_jobs)


# --- kernels --------------------------------------------------------------------------------------


def block_of(image: NDArray[Any], depths: tuple[int, ...]) -> NDArray[np.float32]:
    whole = tuple(slice(0, n) for n in image.shape)
    return read_with_halo(image, whole, depths, mode="reflect", dtype="f4")


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["numba", "numpy"])
@settings(max_examples=40)
@given(data=st.data())
def test_other_gaussians_are_scipys_but_for_the_last_bits(
    kernels: str, data: st.DataObject
) -> None:
    require(kernels_in_use() == "numba", "numba is in the extra fast")
    dtype = data.draw(st.sampled_from(["uint8", "uint16", "float32"]))
    image = data.draw(images(max_side=10, dtype=dtype))
    depths = data.draw(st.tuples(*(st.integers(0, 10) for _ in image.shape)))
    sigmas = tuple(depth / 4 for depth in depths)
    smooth = Gaussian(sigmas, depths, dtype)
    block = block_of(image, depths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_HELPERS_KERNELS", "scipy")
        expected = smooth(block.copy())
        patch.setenv("DATA_HELPERS_KERNELS", kernels)
        found = smooth(block.copy())
    exact = block.astype("f8")
    for axis, (sigma, depth) in enumerate(zip(sigmas, depths, strict=True)):
        if depth:
            exact = ndi.correlate1d(exact, gaussian_weights(sigma, depth), axis=axis)
    exact = exact[tuple(slice(d, n - d) for d, n in zip(depths, exact.shape, strict=True))]
    tolerance = 2e-6 * max(np.abs(exact).max(), 1)
    assert found.dtype == expected.dtype == image.dtype
    if dtype == "float32":
        np.testing.assert_allclose(found, exact, atol=tolerance)
        np.testing.assert_allclose(found, expected, atol=tolerance)
    else:
        away = np.abs(exact - np.floor(exact) - 0.5) > tolerance
        np.testing.assert_array_equal(found[away], half_up(exact)[away])
        np.testing.assert_array_equal(expected[away], half_up(exact)[away])
        assert np.abs(found.astype("i4") - expected).max() <= 1


@pytest.mark.slow
@settings(max_examples=40)
@given(st.data())
def test_compiled_convolutions_are_scipys_in_every_bit(data: st.DataObject) -> None:
    require(kernels_in_use() == "numba", "numba is in the extra fast")
    image = data.draw(images(max_side=8, dtype="float32"))
    kernel = data.draw(images(min_dims=image.ndim, max_dims=image.ndim, max_side=4, dtype="f8"))
    kernel[np.abs(kernel) < 0.3] = 0
    work = Convolution(kernel, "float32")
    block = block_of(image, tuple(n // 2 for n in kernel.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_HELPERS_KERNELS", "scipy")
        expected = work(block)
    np.testing.assert_array_equal(work(block), expected)


@pytest.mark.slow
def test_with_scipys_kernels_chunks_give_scipys_result_in_every_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA_HELPERS_KERNELS", "scipy")
    array, _ = counted(IMAGE, (8, 16, 9))
    for mode in EDGE_MODES:
        output = np.zeros_like(IMAGE)
        gaussian(array, output, (2, 0, 1.3), mode=mode, chunks=(16, 10, 25))  # type: ignore[arg-type]
        expected = ndi.gaussian_filter(IMAGE.astype("f4"), (2, 0, 1.3), mode=mode)
        np.testing.assert_array_equal(output, half_up(expected))


@pytest.mark.parametrize("kernels", ["scipy", "numba", "numpy"])
def test_a_gaussian_that_does_not_fit_is_refused_by_all_kernels(
    kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_HELPERS_KERNELS", kernels)
    image = np.full((4, 4), 300, "u2")
    with pytest.raises(ChunkError, match="from 300 to 300, but the output's uint8") as caught:
        gaussian(image, np.zeros((4, 4), "u1"), 1, mode="nearest", chunks=(4, 4))
    assert isinstance(caught.value.__cause__, OverflowError)
    nan = np.full((4, 4), np.nan, "f4")
    with pytest.raises(ChunkError, match="holds NaN, which the output's uint8 cannot") as caught:
        gaussian(nan, np.zeros((4, 4), "u1"), 1, mode="nearest", chunks=(4, 4))
    assert isinstance(caught.value.__cause__, ValueError)


def test_gaussians_of_numpy_do_not_depend_on_the_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HELPERS_KERNELS", "numpy")
    smooth, block = Gaussian((1, 2, 1), (3, 6, 4), "f4"), block_of(IMAGE, (3, 6, 4))
    expected = smooth(block.copy())
    for voxels in (1, 1000):
        monkeypatch.setattr("data_helpers.processing.values._SLAB", voxels)
        np.testing.assert_array_equal(smooth(block.copy()), expected)


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize(("value", "error"), [(-1, OverflowError), (np.nan, ValueError)])
def test_what_does_not_fit_is_seen_in_every_slab(
    at: int, value: float, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_helpers.processing.values._SLAB", 3)
    values = np.arange(15, dtype="f4").reshape(5, 3)
    np.testing.assert_array_equal(as_output(values, "u1"), values)
    values[at, 1] = value
    with pytest.raises(error):
        as_output(values, "u1")


def test_rounding_takes_arrays_without_axes_and_without_voxels() -> None:
    assert as_output(np.array(2.5), "u1") == 3
    assert as_output(np.zeros((3, 0)), "u1").shape == (3, 0)


def test_without_numba_gaussians_are_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_helpers.processing.kernels.find_spec", lambda name: None)
    assert kernels_in_use() == "numpy"


def test_unknown_kernels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HELPERS_KERNELS", "cuda")
    with pytest.raises(ChunkError, match="'cuda'; expected 'numba', 'numpy' or 'scipy'"):
        convolve(np.zeros(4), np.zeros(4), [1], mode="nearest", chunks=(2,))


# --- memory ---------------------------------------------------------------------------------------

MEMORY = """
import sys, tempfile, zarr, numpy as np
from pathlib import Path
from data_helpers import create_like, gaussian
folder = Path(tempfile.mkdtemp())
rows = {rows}
image = zarr.create_array(folder / "in", shape=(64 * rows, 256, 256), chunks=(64,) * 3, dtype="u2")
block = np.random.default_rng(0).integers(0, 999, (64, 256, 32), dtype="u2").repeat(8, axis=2)
for row in range(rows):
    image[64 * row : 64 * row + 64] = block
output = create_like(image, folder / "out")
gaussian(block[:20, :20, :20], np.zeros((20,) * 3, "u2"), 2, mode="nearest", chunks=(20,) * 3)
start()
gaussian(image, output, 2, mode="nearest", n_jobs=2)
report(int(output[64 * rows - 1].max()))
import shutil
shutil.rmtree(folder)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_array() -> None:
    (short, _), (long, _) = (peak_of(MEMORY.format(rows=rows)) for rows in (6, 20))
    array = 20 * 64 * 256 * 256 * 2
    assert long < short + 0.1 * array
    assert long < 0.4 * array
