"""Chunks: predicted costs are counted costs, advice keeps its own rule."""

import asyncio
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import indices_in, shapes, shapes_and_chunks
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import LocalStore, MemoryStore

from data_helpers.chunking import (
    CountingStore,
    chunks_touched,
    halo_overhead,
    read_amplification,
    read_cost,
    suggest_chunks,
)
from data_helpers.grid import chunk_slices, expand, index_shape

IMAGE = (60, 256, 256)


@st.composite
def views(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[slice, ...]]:
    """A shape, chunks, and a region inside."""
    shape, chunks = draw(shapes_and_chunks())
    return shape, chunks, draw(indices_in(shape))


def full_of_ones(
    store: Any, shape: tuple[int, ...], chunks: tuple[int, ...], **options: Any
) -> zarr.Array[Any]:
    """An uncompressed array in which no chunk is empty."""
    image = zarr.create_array(
        store,
        shape=shape,
        chunks=chunks,
        dtype="uint16",
        compressors=None,
        filters=None,
        config={"write_empty_chunks": True},
        **options,
    )
    image[...] = 1
    return image


# --- geometry ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(views())
def test_the_chunks_touched_are_those_that_share_a_voxel_with_the_region(view: Any) -> None:
    shape, chunks, region = view
    wanted = np.zeros(shape, bool)
    wanted[region] = True
    grid = [range(-(-length // size)) for length, size in zip(shape, chunks, strict=True)]
    brute = [
        place
        for place, part in zip(product(*grid), chunk_slices(shape, chunks), strict=True)
        if wanted[part].any()
    ]
    assert chunks_touched(region, chunks) == brute
    assert read_cost(shape, chunks, region).chunks == len(brute)


@settings(deadline=None)
@given(views())
def test_what_is_decoded_is_whole_chunks_padding_included(view: Any) -> None:
    shape, chunks, region = view
    cost = read_cost(shape, chunks, region)
    assert cost.decoded == len(chunks_touched(region, chunks)) * prod(chunks)
    assert cost.requested == prod(index_shape(region, shape))
    assert read_amplification(shape, chunks, region) == cost.decoded / cost.requested >= 1


def test_a_plane_of_planes_is_read_without_waste_and_a_plane_across_them_reads_everything() -> None:
    across = (slice(None), slice(100, 101), slice(None))
    along = (slice(30, 31), slice(None), slice(None))
    assert read_amplification(IMAGE, (1, 256, 256), along) == 1
    assert read_amplification(IMAGE, (1, 256, 256), across) == 256


def test_chunks_at_the_edge_count_full_size() -> None:
    everything = (slice(None),) * 3
    assert read_cost(IMAGE, (64, 100, 100), everything).decoded == 64 * 300 * 300


@pytest.mark.parametrize(
    ("region", "chunks", "message"),
    [
        ((slice(0, 4),), (4, 4), "chunks .* has 2 dimensions, expected 1"),
        ((slice(3, 3),), (4,), "empty"),
        ((slice(0, 4, 2),), (4,), "without a step"),
        ((slice(2, None),), (4,), "no stop on axis 0"),
        ((slice(0, 4),), (0,), "size below 1"),
        ((slice(-2, 4),), (4,), "leaves"),
    ],
)
def test_a_region_that_makes_no_sense_is_refused(region: Any, chunks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chunks_touched(region, chunks)


def test_shards_that_are_no_multiple_of_the_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shards \(6,\) are not multiples of chunks \(4,\)"):
        read_cost((12,), (4,), (slice(None),), shards=(6,))


# --- halo -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(shapes_and_chunks(), st.integers(0, 5))
def test_the_halo_overhead_of_an_array_is_what_reading_every_chunk_with_its_halo_adds(
    grid: Any, depth: int
) -> None:
    shape, chunks = grid
    outers = [expand(part, depth, shape)[0] for part in chunk_slices(shape, chunks)]
    read = sum(prod(index_shape(outer, shape)) for outer in outers)
    assert halo_overhead(chunks, depth, shape=shape) == pytest.approx(read / prod(shape) - 1)


@settings(deadline=None)
@given(shapes(), st.integers(0, 3), st.data())
def test_the_halo_overhead_without_a_shape_is_that_of_a_chunk_in_the_middle(
    chunks: tuple[int, ...], depth: int, data: st.DataObject
) -> None:
    depths = data.draw(st.tuples(*(st.integers(0, depth) for _ in chunks)))
    shape = tuple(size + 2 * d for size, d in zip(chunks, depths, strict=True))
    middle = tuple(slice(d, d + size) for size, d in zip(chunks, depths, strict=True))
    outer, _ = expand(middle, depths, shape)
    added = prod(index_shape(outer, shape)) / prod(chunks) - 1
    assert halo_overhead(chunks, depths) == pytest.approx(added)


def test_a_radius_of_fifty_on_chunks_of_256_costs_more_than_it_seems() -> None:
    assert halo_overhead((256, 256), 50) == pytest.approx((356 / 256) ** 2 - 1)
    assert halo_overhead((500, 500), 50) == pytest.approx(0.44)
    assert halo_overhead((500, 500, 500), 50) == pytest.approx(0.728)


@pytest.mark.parametrize(
    ("depth", "message"), [(-1, "negative"), ((1, 1), "2 entries for chunks of 3 dimensions")]
)
def test_a_halo_that_makes_no_sense_is_refused(depth: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        halo_overhead((4, 4, 4), depth)


def test_an_array_without_voxels_has_no_overhead() -> None:
    assert halo_overhead((4, 4), 1, shape=(0, 5)) == 0


# --- advice -----------------------------------------------------------------------------------

LARGE_SHAPES = st.lists(st.integers(1, 3000), min_size=1, max_size=5).map(tuple)
WORDS = st.sampled_from(["plane", "line", "cube", "time series"])


@settings(deadline=None)
@given(
    LARGE_SHAPES, st.sampled_from(["uint8", "uint16", "float64"]), st.integers(8, 2**24), st.data()
)
def test_advice_keeps_its_own_rule(
    shape: tuple[int, ...], dtype: str, target: int, data: st.DataObject
) -> None:
    regions = st.tuples(*(st.integers(1, length + 9) for length in shape))
    access = data.draw(st.one_of(WORDS, regions))
    chunks = suggest_chunks(shape, dtype, access=access, target_bytes=target)
    itemsize = np.dtype(dtype).itemsize
    assert prod(chunks) * itemsize <= target
    assert all(1 <= size <= length for size, length in zip(chunks, shape, strict=True))
    # Equal parts: a chunk one voxel smaller would need one chunk more.
    for size, length in zip(chunks, shape, strict=True):
        parts = -(-length // size)
        assert size == -(-length // parts)


@settings(deadline=None)
@given(LARGE_SHAPES, st.integers(8, 2**24), WORDS)
def test_advice_uses_the_budget_as_far_as_equal_parts_allow(
    shape: tuple[int, ...], target: int, access: str
) -> None:
    chunks = suggest_chunks(shape, "uint8", access=access, target_bytes=target)
    # One part less along every axis that is cut would be too much.
    parts = [-(-length // size) for size, length in zip(chunks, shape, strict=True)]
    fewer = [-(-n // max(p - 1, 1)) for n, p in zip(shape, parts, strict=True)]
    assert chunks == shape or prod(fewer) > target


@pytest.mark.parametrize(
    ("access", "target", "chunks"),
    [
        ("plane", 2**17, (1, 256, 256)),  # exactly one plane of uint16
        ("plane", 2**20, (8, 256, 256)),  # what is left goes to z
        ("plane", 2**15, (1, 128, 128)),  # a quarter of a plane
        ("line", 2**9, (1, 1, 256)),
        ("time series", 2 * 60 * 64, (60, 8, 8)),
        ("cube", 2 * 30**3, (30, 29, 29)),  # 256 in nine parts of 29 rather than of 30
        ((10, 40, 40), 2 * 10 * 40 * 40, (10, 37, 37)),
        ((1, 1, 1), 2 * 8**3, (8, 8, 8)),
        ("cube", 2**30, (60, 256, 256)),
    ],
)
def test_advice_has_the_shape_of_the_view(
    access: Any, target: int, chunks: tuple[int, ...]
) -> None:
    assert suggest_chunks(IMAGE, "uint16", access=access, target_bytes=target) == chunks


@pytest.mark.parametrize(
    ("shape", "access", "target", "message"),
    [
        (IMAGE, "planes", 2**20, "'planes' is not known; expected one of .*'plane'"),
        (IMAGE, (1, 2), 2**20, "access .* has 2 dimensions, expected 3"),
        (IMAGE, "cube", 1, "target_bytes 1 is less than one voxel of uint16"),
        ((0, 5), "cube", 2**20, "shape .* size below 1"),
    ],
)
def test_advice_that_cannot_be_given_is_refused(
    shape: Any, access: Any, target: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        suggest_chunks(shape, "uint16", access=access, target_bytes=target)


# --- counting ---------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Stores of two kinds."""
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "image.zarr")


@settings(deadline=None)
@given(views(), st.sampled_from([2, 3]))
def test_the_predicted_cost_is_the_counted_cost(view: Any, zarr_format: int) -> None:
    shape, chunks, region = view
    store = CountingStore(MemoryStore())
    image = full_of_ones(store, shape, chunks, zarr_format=zarr_format)
    store.reset()
    _ = image[region]
    cost = read_cost(shape, chunks, region)
    assert store.requests == cost.requests == len(store.keys_read) == cost.objects
    assert store.bytes_read == cost.bytes_uncompressed(2)
    assert store.bytes_read / (cost.requested * 2) == read_amplification(shape, chunks, region)
    assert store.ranged_requests == 0


@settings(deadline=None)
@given(views(), st.data())
def test_the_predicted_cost_is_the_counted_cost_inside_shards(
    view: Any, data: st.DataObject
) -> None:
    shape, chunks, region = view
    many = data.draw(st.tuples(*(st.integers(1, 3) for _ in chunks)))
    shards = tuple(size * n for size, n in zip(chunks, many, strict=True))
    store = CountingStore(MemoryStore())
    # Newer versions of zarr-python join ranges that are close; here each is to be counted.
    with zarr.config.set({"array.sharding_coalesce_max_bytes": 0}):
        image = full_of_ones(store, shape, chunks, shards=shards)
        store.reset()
        _ = image[region]
    cost = read_cost(shape, chunks, region, shards=shards)
    assert len(store.keys_read) == cost.objects
    assert store.requests == cost.requests
    assert store.bytes_read == cost.bytes_uncompressed(2)


def test_a_region_of_a_shard_is_read_by_ranges_and_a_whole_shard_is_not() -> None:
    store = CountingStore(MemoryStore())
    image = full_of_ones(store, (8, 8), (2, 2), shards=(4, 4))
    store.reset()
    _ = image[0:4, 0:4]
    assert (store.requests, store.ranged_requests) == (1, 0)
    store.reset()
    _ = image[0:2, 0:2]
    assert (store.requests, store.ranged_requests) == (2, 2)
    assert store.bytes_read == 2 * 2 * 2 + 4 * 16 + 4


def test_a_missing_chunk_is_a_request_that_finds_nothing(store: Any) -> None:
    counting = CountingStore(store)
    image = zarr.create_array(counting, shape=(4,), chunks=(2,), dtype="uint8", fill_value=7)
    image[0:2] = 1
    counting.reset()
    assert image[:].tolist() == [1, 1, 7, 7]
    assert counting.requests == 2
    assert [read.found for read in sorted(counting.reads)] == [True, False]


def test_writes_are_counted_with_their_bytes(store: Any) -> None:
    counting = CountingStore(store)
    image = full_of_ones(counting, (4, 4), (2, 4))
    counting.reset()
    image[0:2] = 5
    assert counting.keys_written == {"c/0/0": 1}
    assert (counting.bytes_written, counting.requests) == (16, 0)
    image[0:1] = 6  # a part of a chunk is read, changed and written back
    assert (counting.bytes_written, counting.bytes_read) == (32, 16)


def test_the_read_only_view_zarr_makes_goes_on_counting_in_the_same_place(store: Any) -> None:
    full_of_ones(store, (4, 4), (2, 2))
    counting = CountingStore(store)
    image = zarr.open_array(counting, mode="r")
    assert counting.requests > 0  # metadata
    counting.reset()
    _ = image[0, 0]
    assert counting.keys_read == {"c/0/0": 1}


def test_a_path_is_a_directory_on_this_computer(tmp_path: Path) -> None:
    full_of_ones(CountingStore(tmp_path / "image.zarr"), (4,), (2,))
    assert (tmp_path / "image.zarr" / "c" / "1").exists()
    counting = CountingStore(str(tmp_path / "image.zarr"))
    _ = zarr.open_array(counting, mode="r")[:]
    assert {"c/0", "c/1"} <= set(counting.keys_read)


def test_no_way_in_passes_uncounted(store: Any) -> None:
    counting = CountingStore(store)
    buffer = default_buffer_prototype()
    data = buffer.buffer.from_bytes(b"chunk")

    async def every_way() -> list[Any]:
        await counting.set_if_not_exists("a", data)
        await counting.set_if_not_exists("a", data)
        await counting._set_many([("b", data)])
        parts = await counting.get_partial_values(buffer, [("a", None), ("none", None)])
        many = [pair async for pair in counting._get_many([("b", buffer, None)])]
        return [*parts, *many]

    got = asyncio.run(every_way())
    assert got[0].to_bytes() == b"chunk"
    assert got[1] is None
    assert [read.key for read in counting.reads] == ["a", "none", "b"]
    assert counting.keys_written == {"a": 1, "b": 1}
    assert (counting.bytes_read, counting.bytes_written) == (10, 10)


def test_reading_without_an_event_loop_is_counted(store: Any) -> None:
    counting = CountingStore(store)
    prototype = default_buffer_prototype()
    counting.set_sync("a", prototype.buffer.from_bytes(b"chunk"))
    assert counting.get_sync("a", prototype=prototype) is not None
    assert (counting.bytes_read, counting.bytes_written) == (5, 5)


def test_ranges_that_zarr_joins_count_as_one_request() -> None:
    store = CountingStore(MemoryStore())
    image = full_of_ones(store, (8,), (2,), shards=(8,))
    store.reset()
    assert image[0:4].tolist() == [1] * 4
    joins = hasattr(MemoryStore, "get_ranges")
    assert store.requests == (2 if joins else 3)  # the index and two chunks
    assert store.keys_read.keys() == {"c/0"}
