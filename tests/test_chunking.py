"""Chunks: predicted costs are counted costs, advice keeps its rule, rechunking its budget."""

import asyncio
import re
import subprocess
import sys
from collections import Counter
from itertools import product
from math import prod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import zarr
from conftest import require
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import chunks_for, indices_in, shapes, shapes_and_chunks
from zarr.buffer import default_buffer_prototype
from zarr.storage import LocalStore, MemoryStore

from data_helpers.chunking import (
    CountingStore,
    RechunkPlan,
    chunks_touched,
    halo_overhead,
    plan_rechunk,
    read_amplification,
    read_cost,
    rechunk_zarr,
    suggest_chunks,
)
from data_helpers.chunking import plan as planning
from data_helpers.grid import aligned, chunk_slices, expand, index_shape

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


# --- rechunking -------------------------------------------------------------------------------


@st.composite
def tasks(
    draw: st.DrawFn, *, max_dims: int = 3, max_side: int = 12
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
    """A shape, source chunks, target units, and a budget from too little to more than enough."""
    shape, source = draw(shapes_and_chunks(max_dims=max_dims, max_side=max_side))
    return shape, source, draw(chunks_for(shape)), draw(st.integers(1, 16 * prod(shape) + 400))


def small_world() -> Any:
    """Leave out what only matters for arrays too large for a test: the reserve, joined chunks."""
    return patch.multiple(planning, PIECE=1, RESERVE=0)


def planned(task: Any, *, itemsize: int = 2) -> RechunkPlan | None:
    """A plan, or None where the budget is too small; then the least that is named must do."""
    shape, source, target, budget = task
    with small_world():
        try:
            return plan_rechunk(shape, source, target, itemsize=itemsize, max_memory=budget)
        except ValueError as error:
            least = least_named(error)
            assert least > budget
            plan = plan_rechunk(shape, source, target, itemsize=itemsize, max_memory=least)
            assert plan.memory == least
            with pytest.raises(ValueError, match="too little"):
                plan_rechunk(shape, source, target, itemsize=itemsize, max_memory=least - 1)
            return None


def least_named(error: BaseException) -> int:
    """The budget that a refusal says would do."""
    found = re.search(r"give at least ([\d,]+) bytes", str(error))
    assert found
    return int(found[1].replace(",", ""))


def clipped(sizes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes no larger than the array."""
    return tuple(min(pair) for pair in zip(sizes, shape, strict=True))


@settings(deadline=None)
@given(tasks(max_dims=2, max_side=60))
def test_a_plan_keeps_its_budget_or_names_the_least_that_does(task: Any) -> None:
    plan = planned(task)
    if plan is None:
        return
    assert plan.memory <= task[-1]
    for stage in plan.stages:
        pieces = [prod(clipped(sizes, task[0])) for sizes in (stage.read, stage.write)]
        assert stage.memory >= 2 * (prod(stage.block) + 3 * max(pieces))


@settings(deadline=None)
@given(tasks(max_dims=2, max_side=60))
def test_a_plan_cuts_no_unit_it_writes_and_no_source_chunk_into_more_than_two(task: Any) -> None:
    plan = planned(task)
    assume(plan is not None)
    assert plan is not None
    shape, source, target, _ = task
    written = [target] if plan.temporary is None else [plan.temporary, target]
    for stage, unit in zip(plan.stages, written, strict=True):
        blocks = list(chunk_slices(shape, stage.block))
        assert all(aligned(block, clipped(unit, shape), shape) for block in blocks)
    blocks = list(chunk_slices(shape, plan.stages[0].block))
    times = Counter(place for block in blocks for place in chunks_touched(block, source))
    assert max(times.values()) <= plan.reads <= 2


@pytest.mark.parametrize(
    ("source", "target", "budget", "along_y"),
    [
        ((10, 1), (8, 400), 28_900, 5),  # 10 and 8 share only 2: halves rather than crumbs
        ((7, 1), (5, 400), 18_900, 7),  # 7 is prime: whole, rather than chunks of one voxel
    ],
)
def test_temporary_chunks_divide_the_blocks_that_write_them_and_are_no_crumbs(
    source: Any, target: Any, budget: int, along_y: int
) -> None:
    with small_world():
        plan = plan_rechunk((400, 400), source, target, itemsize=1, max_memory=budget)
    assert plan.temporary is not None
    assert plan.temporary[0] == along_y


def test_a_generous_budget_is_one_pass_and_a_tight_one_two() -> None:
    sizes: Any = {"source": (1, 512, 512), "target": (64, 64, 64), "itemsize": 2}
    plans = [plan_rechunk((512,) * 3, **sizes, max_memory=m * 10**6) for m in (60, 30)]
    assert [plan.temporary is None for plan in plans] == [True, False]
    assert all(plan.reads == 1 for plan in plans)


def test_a_budget_between_lets_blocks_cut_source_chunks_along_one_axis() -> None:
    # Chunks of 48 into units of 64 along z: blocks of 192 cut none, blocks of 64 cut some.
    sizes: Any = {"source": (48, 256, 256), "target": (64, 256, 256), "itemsize": 2}
    block = 2 * 64 * 256 * 256
    plan = plan_rechunk((960, 256, 256), **sizes, max_memory=11 * block)
    assert plan.reads == 2
    assert plan.stages[0].block[0] in (64, 128)
    assert plan_rechunk((960, 256, 256), **sizes, max_memory=20 * block).reads == 1


def make_source(
    store: Any, shape: tuple[int, ...], chunks: tuple[int, ...], seed: int, **options: Any
) -> zarr.Array[Any]:
    """An array of random numbers, with no chunk left out."""
    image = zarr.create_array(
        store,
        shape=shape,
        chunks=chunks,
        dtype="uint16",
        config={"write_empty_chunks": True},
        **options,
    )
    image[...] = np.random.default_rng(seed).integers(0, 2**16, shape, dtype="uint16")
    return image


def chunk_reads(store: CountingStore) -> Counter[tuple[str, str]]:
    """How often each chunk was read: objects, or ranges of shards without their indices."""
    wanted = [read for read in store.reads if "Suffix" not in read.byte_range]
    return Counter((read.key, read.byte_range) for read in wanted)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(tasks(), st.sampled_from([2, 3]), st.integers(0, 99))
def test_rechunking_equals_the_source_reads_at_most_twice_and_writes_once(
    task: Any, zarr_format: int, seed: int
) -> None:
    plan = planned(task)
    assume(plan is not None)
    shape, source_chunks, target_chunks, budget = task
    source_store, target_store = CountingStore(MemoryStore()), CountingStore(MemoryStore())
    source = make_source(source_store, shape, source_chunks, seed, zarr_format=zarr_format)
    target = full_of_ones(target_store, shape, target_chunks)
    source_store.reset()
    target_store.reset()
    with small_world():
        done = rechunk_zarr(source, target, max_memory=budget)
    assert done == plan
    assert max(source_store.keys_read.values()) <= done.reads
    assert set(target_store.keys_written.values()) == {1}
    assert len(target_store.keys_written) == len(list(chunk_slices(shape, target_chunks)))
    assert target_store.requests == 0  # a unit written in part would be read first
    assert np.array_equal(target[...], source[...])


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(tasks(), st.data())
def test_rechunking_from_shards_into_shards_keeps_the_same_promises(
    task: Any, data: st.DataObject
) -> None:
    shape, source_chunks, target_chunks, budget = task
    times = st.tuples(*(st.integers(1, 3) for _ in shape))

    def shards(chunks: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(size * n for size, n in zip(chunks, data.draw(times), strict=True))

    source_shards, target_shards = shards(source_chunks), shards(target_chunks)
    assume(planned((shape, source_chunks, target_shards, budget)) is not None)
    source_store, target_store = CountingStore(MemoryStore()), CountingStore(MemoryStore())
    target = full_of_ones(target_store, shape, target_chunks, shards=target_shards)
    with small_world(), zarr.config.set({"array.sharding_coalesce_max_bytes": 0}):
        source = make_source(source_store, shape, source_chunks, 0, shards=source_shards)
        source_store.reset()
        target_store.reset()
        plan = rechunk_zarr(source, target, max_memory=budget)
    assert max(chunk_reads(source_store).values()) <= plan.reads
    assert set(target_store.keys_written.values()) == {1}
    assert len(target_store.keys_written) == len(list(chunk_slices(shape, target_shards)))
    assert np.array_equal(target[...], source[...])


def test_small_chunks_are_handled_together() -> None:
    plan = plan_rechunk((64, 64, 64), (1, 64, 64), (64, 1, 64), itemsize=1, max_memory=2**25)
    assert plan.stages[0].read == plan.stages[0].write == (64, 64, 64)
    large = plan_rechunk((64, 512, 512), (4, 512, 512), (4, 512, 512), itemsize=2, max_memory=2**27)
    assert large.stages[0].read == large.stages[0].write == (4, 512, 512)


def test_arrays_without_axes_and_without_voxels_are_copied_too() -> None:
    for shape in [(), (0, 4)]:
        source = zarr.create_array({}, shape=shape, chunks=(1,) * len(shape), dtype="uint8")
        source[...] = 3
        target = zarr.create_array({}, shape=shape, chunks=(2,) * len(shape), dtype="uint8")
        plan = rechunk_zarr(source, target, max_memory=10**8)
        assert plan.memory <= 10**8
        assert np.array_equal(target[...], source[...])


def test_negative_zeros_and_nans_survive_two_passes() -> None:
    values = np.array([[-0.0, 0.0, np.nan, -0.0]] * 4, "float32")
    source = zarr.create_array({}, shape=(4, 4), chunks=(1, 4), dtype="float32")
    source[:] = values
    config: Any = {"write_empty_chunks": True}
    target = zarr.create_array({}, shape=(4, 4), chunks=(4, 1), dtype="float32", config=config)
    with small_world():
        plan = rechunk_zarr(source, target, max_memory=160)
    assert plan.temporary is not None
    assert np.asarray(target[:]).tobytes() == np.asarray(source[:]).tobytes()


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((4, 5), "uint8", r"shapes \(4, 4\) and \(4, 5\)"),
        ((4, 4), "int8", "source has dtype uint8, target int8"),
    ],
)
def test_a_target_that_cannot_hold_the_source_is_refused(
    shape: Any, dtype: str, message: str
) -> None:
    source = zarr.create_array({}, shape=(4, 4), chunks=(2, 2), dtype="uint8")
    target = zarr.create_array({}, shape=shape, chunks=(2, 2), dtype=dtype)
    with pytest.raises(ValueError, match=message):
        rechunk_zarr(source, target, max_memory=10**8)


def test_rechunking_an_array_onto_itself_is_refused(store: Any) -> None:
    source = full_of_ones(store, (4, 4), (2, 2))
    target = zarr.open_array(store, mode="r+")
    with pytest.raises(ValueError, match="are the same array"):
        rechunk_zarr(source, target, max_memory=10**8)


@pytest.mark.slow
def test_a_budget_that_cannot_work_is_refused_with_the_least_that_can(store: Any) -> None:
    source = full_of_ones({}, (16, 16), (1, 16))
    target = zarr.create_array(store, shape=(16, 16), chunks=(16, 1), dtype="uint16")
    with pytest.raises(ValueError, match="max_memory of 1,000 bytes is too little") as refused:
        rechunk_zarr(source, target, max_memory=1000)
    assert target.nchunks_initialized == 0
    plan = rechunk_zarr(source, target, max_memory=least_named(refused.value))
    assert plan.memory == least_named(refused.value)
    assert np.array_equal(target[...], source[...])


def test_the_temporary_array_lies_where_it_is_told_and_goes_away(tmp_path: Path) -> None:
    source = full_of_ones({}, (8, 8), (1, 8))
    target = zarr.create_array({}, shape=(8, 8), chunks=(8, 1), dtype="uint16")
    with small_world():
        plan = rechunk_zarr(source, target, max_memory=200, temp_dir=tmp_path)
        assert plan.temporary
        assert not list(tmp_path.iterdir())
        with pytest.raises(FileNotFoundError):
            rechunk_zarr(source, target, max_memory=200, temp_dir=tmp_path / "none")


MEASURE = """
import sys
import zarr
from data_helpers.chunking import rechunk_zarr

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))

source = zarr.open_array(sys.argv[1], mode="r")
target = zarr.open_array(sys.argv[2], mode="r+")
before = memory("VmRSS")
plan = rechunk_zarr(source, target, max_memory=int(sys.argv[3]), temp_dir=sys.argv[4])
print(len(plan.stages), memory("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source_chunks", "target_chunks", "shards", "passes"),
    [
        ((1, 512, 512), (64, 64, 64), None, 2),
        ((64, 64, 64), (1, 512, 512), None, 2),
        ((48, 128, 128), (32, 64, 64), (64, 64, 128), 1),
        ((4, 256, 256), (8, 128, 512), None, 1),
    ],
)
def test_ten_times_the_budget_is_rechunked_within_the_budget(
    tmp_path: Path, source_chunks: Any, target_chunks: Any, shards: Any, passes: int
) -> None:
    require(Path("/proc/self/status").exists(), "the peak of a process is read from /proc")
    budget, shape = 30_000_000, (600, 512, 512)
    paths = [str(tmp_path / name) for name in ("source.zarr", "target.zarr")]
    source = zarr.create_array(paths[0], shape=shape, chunks=source_chunks, dtype="uint16")
    noise = np.repeat(np.random.default_rng(0).integers(0, 2**10, 2**16, dtype="uint16"), 32)
    whole_chunks = 192  # planes
    for z in range(0, shape[0], whole_chunks):  # begins elsewhere in the noise on every plane
        planes = (min(whole_chunks, shape[0] - z), *shape[1:])
        source[z : z + whole_chunks] = np.resize(np.roll(noise, z)[:-977], planes)
    target = zarr.create_array(
        paths[1], shape=shape, chunks=target_chunks, shards=shards, dtype="uint16"
    )
    assert source.nbytes > 10 * budget
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths, str(budget), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    stages, peak = map(int, done.stdout.split())
    assert stages == passes
    assert peak <= budget
    for part in chunk_slices(shape, (64, 512, 512)):
        assert np.array_equal(target[part], source[part])
