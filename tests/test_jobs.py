"""Jobs: what they do, what they refuse, and how they are run."""

import asyncio
import gc
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import joblib
import numpy as np
import pytest
import scipy.ndimage as ndi
import tqdm
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import chunks_for, dtypes, edge_modes, images, shapes_and_chunks
from zarr.storage import FsspecStore, LocalStore, MemoryStore, WrapperStore, ZipStore

from data_helpers import jobs
from data_helpers.grid import chunk_slices
from data_helpers.jobs.codecs import fast_to_read
from data_helpers.jobs.inline import inline
from data_helpers.jobs.job import FillChunk

KINDS = ("numpy", "zarr 2", "zarr 3", "sharded", "memory")


def make(kind: str, path: Path, data: NDArray[Any], chunks: tuple[int, ...]) -> Any:
    """An array of each kind that jobs may read or write."""
    if kind == "numpy":
        return data.copy()
    array = zarr.create_array(
        {} if kind == "memory" else path,
        shape=data.shape,
        chunks=chunks,
        shards=tuple(2 * size for size in chunks) if kind == "sharded" else None,
        dtype=data.dtype,
        zarr_format=2 if kind == "zarr 2" else 3,
    )
    array[...] = data
    return array


@pytest.fixture
def image() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 2**16, (19, 14), dtype="u2")


@pytest.fixture
def on_disk(tmp_path: Path, image: NDArray[np.uint16]) -> Any:
    return make("zarr 3", tmp_path / "input", image, (5, 4))


def double(chunk: NDArray[Any]) -> NDArray[Any]:
    return chunk.astype("u4") * 2


# --- all_chunk_indices, check_same_shape ----------------------------------------------------------


@given(shapes_and_chunks(min_side=1))
def test_the_unit_of_work_is_the_chunk(
    shape_and_chunks: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    shape, chunks = shape_and_chunks
    array = zarr.create_array({}, shape=shape, chunks=chunks, dtype="u1")
    assert jobs.all_chunk_indices(array) == list(chunk_slices(shape, chunks))


def test_the_unit_of_work_is_the_shard_where_there_are_shards() -> None:
    array = zarr.create_array({}, shape=(20, 9), chunks=(3, 2), shards=(6, 4), dtype="u1")
    assert jobs.all_chunk_indices(array) == list(chunk_slices((20, 9), (6, 4)))


def test_irregular_chunks_of_dask_are_units_too() -> None:
    array = da.zeros((10, 6), chunks=((1, 7, 2), (4, 2)))
    assert jobs.all_chunk_indices(array) == list(chunk_slices((10, 6), ((1, 7, 2), (4, 2))))


def test_an_array_without_chunks_has_no_units() -> None:
    with pytest.raises(ValueError, match=r"ndarray of shape \(4, 4\) has no chunks"):
        jobs.all_chunk_indices(np.zeros((4, 4)))


def test_different_shapes_are_refused_with_both(image: NDArray[np.uint16]) -> None:
    other = np.zeros((19, 13), "u2")
    with pytest.raises(ValueError, match=r"\(19, 14\) and \(19, 13\)"):
        jobs.check_same_shape(image, other)
    with pytest.raises(ValueError, match=r"\(19, 14\) and \(19, 13\)"):
        jobs.chunkwise_jobs(double, input_array=image, output_array=other, chunks=(5, 5))
    with pytest.raises(ValueError, match=r"\(19, 14\) and \(19, 13\)"):
        jobs.apply_to_chunk(double, image, other, (slice(0, 5), slice(0, 5)))


# --- chunkwise_jobs: chunked equals whole ---------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("output_kind", KINDS)
@pytest.mark.parametrize("input_kind", KINDS)
def test_chunk_by_chunk_equals_whole_for_every_kind_of_array(
    input_kind: str, output_kind: str, image: NDArray[np.uint16], tmp_path: Path
) -> None:
    source = make(input_kind, tmp_path / "in", image, (5, 4))
    target = make(output_kind, tmp_path / "out", np.zeros(image.shape, "u4"), (3, 7))
    chunks = (6, 14) if input_kind == output_kind == "numpy" else None
    jobs.run_jobs(
        jobs.chunkwise_jobs(double, input_array=source, output_array=target, chunks=chunks)
    )
    np.testing.assert_array_equal(target[...], double(image))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.data(), images(max_dims=4, max_side=7))
def test_chunk_by_chunk_equals_whole_for_any_shape_chunks_and_dtype(
    data: st.DataObject, image: NDArray[Any]
) -> None:
    chunks = data.draw(chunks_for(image.shape))
    dtype = data.draw(dtypes().filter(lambda kind: np.can_cast(image.dtype, kind)))
    target = zarr.create_array({}, shape=image.shape, chunks=chunks, dtype=dtype)
    jobs.run_jobs(jobs.chunkwise_jobs(np.copy, input_array=image, output_array=target), n_jobs=1)
    np.testing.assert_array_equal(target[...], image.astype(dtype))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_joblib_runs_the_list_as_it_is(n_jobs: int, on_disk: Any) -> None:
    target = jobs.create_like(on_disk, dtype="u4")
    listed = jobs.chunkwise_jobs(double, input_array=on_disk, output_array=target)
    assert isinstance(listed, list)
    assert len(listed) == 4 * 4
    joblib.Parallel(n_jobs=n_jobs, backend="threading")(listed)
    np.testing.assert_array_equal(target[...], double(on_disk[...]))


def test_dask_runs_the_same_list(on_disk: Any) -> None:
    target = jobs.create_like(on_disk, dtype="u4")
    listed = jobs.chunkwise_jobs(double, input_array=on_disk, output_array=target)
    dask.compute(*(dask.delayed(f)(*args, **kwargs) for f, args, kwargs in listed))
    np.testing.assert_array_equal(target[...], double(on_disk[...]))


def test_a_lazy_input_is_computed_chunk_by_chunk(image: NDArray[np.uint16]) -> None:
    lazy = da.from_array(image, chunks=((7, 12), (9, 5)))
    target = np.zeros(image.shape, "u4")
    listed = jobs.chunkwise_jobs(double, input_array=lazy, output_array=target)
    assert len(listed) == 4
    jobs.run_jobs(listed)
    np.testing.assert_array_equal(target, double(image))


@pytest.mark.slow
@pytest.mark.parametrize("output_kind", ["zarr 2", "zarr 3", "sharded"])
def test_processes_fill_an_output_on_disk(output_kind: str, on_disk: Any, tmp_path: Path) -> None:
    target = make(output_kind, tmp_path / "out", np.zeros(on_disk.shape, "u4"), (5, 7))
    listed = jobs.chunkwise_jobs(
        lambda chunk: chunk.astype("u4") + 1, input_array=on_disk, output_array=target
    )
    jobs.run_jobs(listed, n_jobs=2, backend="loky")
    np.testing.assert_array_equal(target[...], on_disk[...].astype("u4") + 1)


def test_a_function_that_changes_its_chunk_does_not_reach_the_input(
    image: NDArray[np.uint16],
) -> None:
    def in_place(chunk: NDArray[Any]) -> NDArray[Any]:
        chunk[...] = 7
        return chunk

    before, target = image.copy(), np.zeros_like(image)
    jobs.run_jobs(
        jobs.chunkwise_jobs(in_place, input_array=image, output_array=target, chunks=(4, 4))
    )
    np.testing.assert_array_equal(image, before)
    assert (target == 7).all()


def test_regions_may_be_several_units(on_disk: Any) -> None:
    target = jobs.create_like(on_disk)
    listed = jobs.chunkwise_jobs(
        np.invert, input_array=on_disk, output_array=target, chunks=(10, 8)
    )
    assert len(listed) == 2 * 2
    jobs.run_jobs(listed)
    np.testing.assert_array_equal(target[...], ~on_disk[...])


def test_chunks_of_nothing_but_the_fill_value_are_stored(on_disk: Any, tmp_path: Path) -> None:
    target = make("zarr 3", tmp_path / "out", np.zeros((19, 14), "u2"), (5, 4))
    jobs.run_jobs(
        jobs.chunkwise_jobs(np.zeros_like, input_array=on_disk, output_array=target), n_jobs=1
    )
    assert len(list((tmp_path / "out" / "c").rglob("*/*"))) == 16


def test_without_any_chunks_they_must_be_given(image: NDArray[np.uint16]) -> None:
    with pytest.raises(ValueError, match=r"ndarray without chunks.*expected chunks="):
        jobs.chunkwise_jobs(double, input_array=image, output_array=np.zeros_like(image))


# --- guards ---------------------------------------------------------------------------------------


def same_array(path: Path) -> tuple[Any, Any]:
    array = np.zeros((8, 8), "u1")
    return array, array


def views_that_share_memory(path: Path) -> tuple[Any, Any]:
    array = np.zeros((9, 8), "u1")
    return array[:-1], array[1:]


def the_same_path_twice(path: Path) -> tuple[Any, Any]:
    array = zarr.create_array(path / "a", shape=(8, 8), chunks=(4, 4), dtype="u1")
    return array, zarr.open_array(path / "a")


def the_same_path_by_another_name(path: Path) -> tuple[Any, Any]:
    array = zarr.create_array(path / "a", shape=(8, 8), chunks=(4, 4), dtype="u1")
    (path / "link").symlink_to(path / "a")
    return array, zarr.open_array(path / "link")


def through_a_group(path: Path) -> tuple[Any, Any]:
    group = zarr.create_group(path / "g")
    array = group.create_array("a", shape=(8, 8), chunks=(4, 4), dtype="u1")
    return array, zarr.open_array(path / "g" / "a")


def through_a_wrapping_store(path: Path) -> tuple[Any, Any]:
    array = zarr.create_array(path / "a", shape=(8, 8), chunks=(4, 4), dtype="u1")
    return array, zarr.open_array(WrapperStore(LocalStore(path / "a")))


def through_one_memory(path: Path) -> tuple[Any, Any]:
    memory: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(memory), name="a", shape=(8, 8), chunks=(4, 4), dtype="u1"
    )
    return array, zarr.open_array(MemoryStore(memory), path="a")


def through_one_zip_file(path: Path) -> tuple[Any, Any]:
    with ZipStore(path / "a.zip", mode="w") as store:
        zarr.create_array(store, shape=(8, 8), chunks=(4, 4), dtype="u1")
    one, other = (ZipStore(path / "a.zip", mode="r") for _ in range(2))
    return zarr.open_array(one), zarr.open_array(other)


@pytest.mark.parametrize(
    "two",
    [
        same_array,
        views_that_share_memory,
        the_same_path_twice,
        the_same_path_by_another_name,
        through_a_group,
        through_a_wrapping_store,
        through_one_memory,
        through_one_zip_file,
    ],
)
def test_in_place_is_refused_however_the_array_was_opened(
    two: Callable[[Path], tuple[Any, Any]], tmp_path: Path
) -> None:
    source, target = two(tmp_path)
    with pytest.raises(ValueError, match=r"same array, or share elements.*create_like"):
        jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target, chunks=(4, 4))
    with pytest.raises(ValueError, match=r"same array, or share elements"):
        jobs.apply_to_chunk(np.invert, source, target, (slice(0, 4), slice(0, 4)))
    assert not target[...].any()


def test_arrays_beside_each_other_are_not_the_same(tmp_path: Path) -> None:
    whole = np.zeros((8, 16), "u1")
    pairs = [(whole[:, :8], whole[:, 8:]), (whole[:, ::2], whole[:, 1::2])]
    group = zarr.create_group(tmp_path / "g")
    a, b = (group.create_array(n, shape=(8, 8), chunks=(4, 4), dtype="u1") for n in "ab")
    memory = [zarr.create_array({}, shape=(8, 8), chunks=(4, 4), dtype="u1") for _ in range(2)]
    for source, target in [*pairs, (a, b), (memory[0], memory[1])]:
        jobs.run_jobs(
            jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target, chunks=(4, 4))
        )
        assert (target[...] == 255).all()
        target[...] = 0


@pytest.mark.parametrize(
    ("kind", "chunks", "word"),
    [
        ("zarr 2", (3, 4), r"chunks \(5, 4\)"),
        ("zarr 3", (5, 2), r"chunks \(5, 4\)"),
        ("sharded", (5, 4), r"shards \(10, 8\)"),
    ],
)
def test_regions_that_cut_a_unit_are_refused_when_the_jobs_are_made(
    kind: str, chunks: tuple[int, ...], word: str, image: NDArray[np.uint16], tmp_path: Path
) -> None:
    target = make(kind, tmp_path / "out", np.zeros_like(image), (5, 4))
    with pytest.raises(ValueError, match=rf"not aligned to the output's {word}.*all_chunk_indices"):
        jobs.chunkwise_jobs(np.invert, input_array=image, output_array=target, chunks=chunks)


def test_the_guard_holds_a_job_with_an_index_of_ones_own(on_disk: Any) -> None:
    target = jobs.create_like(on_disk)
    fill, _, _ = jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=target)[0]
    with pytest.raises(ValueError, match=r"region \[0:3, 0:4\] is not aligned"):
        fill((slice(0, 3), slice(0, 4)))
    with pytest.raises(ValueError, match=r"not aligned"):
        jobs.run_jobs([(fill, ((slice(0, 3), slice(0, 4)),), {})])
    with pytest.raises(ValueError, match=r"not aligned"):
        jobs.apply_to_chunk(np.invert, on_disk, target, (slice(0, 3), slice(0, 4)))
    assert not target[...].any()


def outputs_in_memory(path: Path) -> list[Any]:
    layout: dict[str, Any] = {"shape": (19, 14), "chunks": (5, 4), "dtype": "u2"}
    return [
        np.zeros((19, 14), "u2"),
        np.zeros((38, 14), "u2")[::2],
        zarr.create_array({}, **layout),
        zarr.create_array(WrapperStore(MemoryStore()), **layout),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_an_output_in_memory_does_not_travel(number: int, on_disk: Any, tmp_path: Path) -> None:
    target = outputs_in_memory(tmp_path)[number]
    listed = jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=target)
    reason = r"in the memory of this process; another process would fill a copy"
    with pytest.raises(TypeError, match=reason):
        pickle.dumps(listed[0])
    with pytest.raises(TypeError, match=reason):
        jobs.run_jobs(listed, n_jobs=2, backend="loky")
    with pytest.raises(pickle.PicklingError) as caught:
        joblib.Parallel(n_jobs=2, backend="loky")(listed)
    assert "another process would fill a copy" in str(caught.value.__cause__)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sent = pool.submit(listed[0][0], *listed[0][1])
        with pytest.raises(TypeError, match=reason):
            sent.result()
    assert not target[...].any()
    # Threads share memory: the same list is right with them, and with one job at a time.
    jobs.run_jobs(listed)
    np.testing.assert_array_equal(target[...], ~on_disk[...])
    jobs.run_jobs(listed, n_jobs=1, backend="loky")


def test_an_output_in_a_zip_file_does_not_travel(on_disk: Any, tmp_path: Path) -> None:
    with ZipStore(tmp_path / "a.zip", mode="w") as store:
        target = zarr.create_array(store, shape=(19, 14), chunks=(5, 4), dtype="u2")
        listed = jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=target)
        with pytest.raises(TypeError, match=r"zip file, which one process alone can write"):
            pickle.dumps(listed[0])


def test_an_output_on_disk_does_travel(on_disk: Any, tmp_path: Path) -> None:
    target = jobs.create_like(on_disk, tmp_path / "out")
    job = jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=target)[0]
    fill, args, kwargs = pickle.loads(pickle.dumps(job))
    fill(*args, **kwargs)
    np.testing.assert_array_equal(target[:5, :4], ~on_disk[:5, :4])
    assert not target[5:].any()


def test_memory_and_disk_are_told_apart_behind_fsspec(on_disk: Any, tmp_path: Path) -> None:
    layout: dict[str, Any] = {"shape": (19, 14), "chunks": (5, 4), "dtype": "u2"}
    held = zarr.create_array(FsspecStore.from_url("memory://held"), **layout)
    with pytest.raises(TypeError, match=r"in the memory of this process"):
        pickle.dumps(jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=held))
    again = zarr.open_array(FsspecStore.from_url("memory://held"))
    with pytest.raises(ValueError, match=r"the same array"):
        jobs.chunkwise_jobs(np.invert, input_array=held, output_array=again)
    kept = zarr.create_array(
        FsspecStore.from_url(f"file://{tmp_path}/kept", storage_options={"auto_mkdir": True}),
        **layout,
    )
    pickle.dumps(jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=kept))
    with pytest.raises(ValueError, match=r"the same array"):
        jobs.chunkwise_jobs(
            np.invert, input_array=kept, output_array=zarr.open_array(tmp_path / "kept")
        )


# --- results and errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x[1:], r"returned shape \((4|9), \d\); expected \((5|10), \d\)"),
        (lambda x: x[None], r"returned shape \(1, \d+, \d\); expected \(\d+, \d\)"),
        (lambda x: x.astype("f8"), r"returned float64, which the output's uint16 cannot hold"),
        (lambda x: x.astype("i4"), r"returned int32, which the output's uint16 cannot hold"),
        (lambda x: x.astype("u4"), r"returned uint32, which the output's uint16 cannot hold"),
        (lambda x: x.tolist(), r"returned list; expected a NumPy array"),
        (lambda x: np.ma.masked_less(x, 9), r"returned MaskedArray.*fill the masked values"),
        (lambda x: None, r"returned NoneType; expected a NumPy array"),
    ],
)
@pytest.mark.parametrize("kind", ["numpy", "zarr 2", "zarr 3", "sharded"])
def test_a_result_that_does_not_fit_is_refused_and_not_written(
    f: Any, message: str, kind: str, on_disk: Any, tmp_path: Path
) -> None:
    before = np.full(on_disk.shape, 3, "u2")
    target = make(kind, tmp_path / "out", before, (5, 4))
    listed = jobs.chunkwise_jobs(f, input_array=on_disk, output_array=target)
    with pytest.raises(jobs.ChunkError, match=message):
        jobs.run_jobs(listed, n_jobs=1)
    np.testing.assert_array_equal(target[...], before)


def fails_at_one(chunk: NDArray[Any]) -> NDArray[Any]:
    if chunk.shape == (4, 2):  # the last chunk alone is cut short on both axes
        try:
            raise KeyError("the reason behind")
        except KeyError as error:
            raise ZeroDivisionError("the reason") from error
    return chunk


class StubbornError(Exception):
    """An error that cannot be pickled, as many are."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def fails_stubbornly(chunk: NDArray[Any]) -> NDArray[Any]:
    raise StubbornError("one", "two")


@pytest.mark.parametrize("backend", [None, pytest.param("loky", marks=pytest.mark.slow)])
def test_an_error_names_the_chunk_and_keeps_its_cause(
    backend: str | None, on_disk: Any, tmp_path: Path
) -> None:
    target = jobs.create_like(on_disk, tmp_path / "out")
    listed = jobs.chunkwise_jobs(fails_at_one, input_array=on_disk, output_array=target)
    with pytest.raises(jobs.ChunkError) as caught:
        jobs.run_jobs(listed, n_jobs=2, backend=backend)
    error = caught.value
    assert str(error) == (
        "chunk [15:19, 12:14] failed while computing: ZeroDivisionError: the reason"
    )
    assert error.index == (slice(15, 19), slice(12, 14))
    assert isinstance(error.cause, ZeroDivisionError)
    assert error.__cause__ is error.cause
    assert isinstance(error.cause.__cause__, KeyError)
    assert str(error.cause.__cause__) == "'the reason behind'"
    if backend:
        assert any("in fails_at_one" in note for note in error.cause.__notes__)
    # Every other chunk was written, by jobs that were under way or came before.
    np.testing.assert_array_equal(target[:15], on_disk[:15])


def test_a_pickled_error_is_the_same_error(on_disk: Any) -> None:
    target = jobs.create_like(on_disk)
    # With tblib, which comes with dask.distributed, most errors can be pickled after all.
    any_of = {fails_at_one: [ZeroDivisionError], fails_stubbornly: [RuntimeError, StubbornError]}
    for f, causes in any_of.items():
        listed = jobs.chunkwise_jobs(f, input_array=on_disk, output_array=target)
        with pytest.raises(jobs.ChunkError) as caught:
            jobs.run_jobs(listed, n_jobs=1)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (type(copy), copy.index) == (jobs.ChunkError, caught.value.index)
        assert type(copy.cause) in causes
        assert copy.__cause__ is copy.cause
        assert f"in {f.__name__}" in copy.cause.__notes__[0]
        assert str(caught.value.cause) in str(copy)
        reason = caught.value.cause.__cause__
        assert repr(copy.cause.__cause__) == repr(reason)


@pytest.mark.slow
def test_an_error_that_cannot_be_pickled_arrives_as_text(on_disk: Any, tmp_path: Path) -> None:
    target = jobs.create_like(on_disk, tmp_path / "out")
    listed = jobs.chunkwise_jobs(fails_stubbornly, input_array=on_disk, output_array=target)
    with pytest.raises(jobs.ChunkError, match=r"StubbornError: one and two"):
        jobs.run_jobs(listed, n_jobs=2, backend="loky")


@pytest.mark.slow
def test_plain_joblib_shows_the_chunk_across_processes(on_disk: Any, tmp_path: Path) -> None:
    target = jobs.create_like(on_disk, tmp_path / "out")
    listed = jobs.chunkwise_jobs(fails_at_one, input_array=on_disk, output_array=target)
    with pytest.raises(jobs.ChunkError, match=r"\[15:19, 12:14\].*the reason") as caught:
        joblib.Parallel(n_jobs=2, backend="loky")(listed)
    assert isinstance(caught.value.cause, ZeroDivisionError)


def test_after_an_error_no_further_job_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise OSError(f"job {number}")

    with pytest.raises(OSError, match="job 0"):
        jobs.run_jobs([joblib.delayed(work)(number) for number in range(100)], n_jobs=1)
    assert begun == [0]


def test_any_jobs_of_joblib_can_be_run() -> None:
    seen: list[int] = []
    jobs.run_jobs((joblib.delayed(seen.append)(number) for number in range(20)), n_jobs=3)
    assert sorted(seen) == list(range(20))
    jobs.run_jobs([])


def test_progress_counts_chunks(on_disk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    listed = jobs.chunkwise_jobs(
        np.invert, input_array=on_disk, output_array=jobs.create_like(on_disk)
    )
    jobs.run_jobs(listed)
    assert capsys.readouterr().err == ""
    jobs.run_jobs(listed, progress=True)
    assert "16/16" in capsys.readouterr().err


@pytest.mark.slow
def test_results_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when results are collected slowly, no more are alive than jobs are under way."""
    everything_done = threading.Event()
    alive: list[weakref.ref[NDArray[Any]]] = []
    most: list[int] = []

    def work(number: int) -> NDArray[Any]:
        if number == 39:
            gc.collect()
            most.append(sum(ref() is not None for ref in alive))
            everything_done.set()
        result = np.zeros(1000)
        alive.append(weakref.ref(result))
        return result

    # Whoever collects results waits with the first of them until the last job is done.
    monkeypatch.setattr(tqdm.tqdm, "update", lambda self, n=1: everything_done.wait(60))
    jobs.run_jobs([joblib.delayed(work)(number) for number in range(40)], n_jobs=2)
    assert len(alive) == 40
    assert most[0] <= 2


# --- create_like ----------------------------------------------------------------------------------


def test_an_output_is_like_its_input_and_safe(tmp_path: Path) -> None:
    source = zarr.create_array(
        {},
        shape=(20, 12),
        chunks=(5, 3),
        shards=(10, 6),
        dtype="i2",
        dimension_names=("y", "x"),
    )
    made = jobs.create_like(source, tmp_path / "out")
    assert (made.shape, made.chunks, made.shards, made.dtype) == ((20, 12), (5, 3), (10, 6), "i2")
    assert made.metadata.zarr_format == 3
    assert made.metadata.dimension_names == ("y", "x")
    [codec] = made.compressors
    assert codec.to_dict() == {"name": "zstd", "configuration": {"level": 3, "checksum": True}}
    assert made.config.write_empty_chunks
    assert not made[...].any()


def test_an_output_may_differ_where_told() -> None:
    source = da.zeros((20, 12), chunks=((7, 13), 12), dtype="i2")
    assert jobs.create_like(source).chunks == (13, 12)
    made = jobs.create_like(source, shape=(6, 6, 6), chunks=(2, 2, 2), shards=(4, 2, 2), dtype="f4")
    assert (made.shape, made.chunks, made.shards, made.dtype) == (
        (6, 6, 6),
        (2, 2, 2),
        (4, 2, 2),
        "f4",
    )
    assert jobs.create_like(made, shape=(6, 6, 6), chunks=(3, 3, 3)).shards is None
    assert jobs.create_like(np.zeros((4, 4), "u1")).shape == (4, 4)


def test_names_of_axes_come_along_from_zarr_2(tmp_path: Path) -> None:
    source = zarr.create_array(
        tmp_path / "in",
        shape=(4, 4),
        dtype="u1",
        zarr_format=2,
        attributes={"_ARRAY_DIMENSIONS": ["y", "x"]},
    )
    assert jobs.create_like(source).metadata.dimension_names == ("y", "x")  # type: ignore[union-attr]
    assert jobs.create_like(source, shape=(4,), chunks=(2,)).metadata.dimension_names is None  # type: ignore[union-attr]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("what", ["array", "group"])
def test_nothing_is_overwritten(zarr_format: Any, what: str, tmp_path: Path) -> None:
    if what == "array":
        there = zarr.create_array(tmp_path / "out", shape=(4,), dtype="u1", zarr_format=zarr_format)
        there[...] = 9
    else:
        zarr.create_group(tmp_path / "out", zarr_format=zarr_format)
    files = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileExistsError, match=rf"Zarr {zarr_format} {what} at .*out"):
        jobs.create_like(np.zeros(4, "u1"), tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == files


# --- codecs ---------------------------------------------------------------------------------------


def pipeline(array: Any) -> str:
    return type(array._async_array.codec_pipeline).__name__


def test_inputs_on_disk_are_read_by_zarrs_where_it_is_installed(
    on_disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("zarrs")
    assert pipeline(fast_to_read(on_disk)) == "ZarrsCodecPipeline"
    np.testing.assert_array_equal(fast_to_read(on_disk)[...], on_disk[...])
    monkeypatch.setenv("DATA_HELPERS_CODECS", "zarr-python")
    assert pipeline(fast_to_read(on_disk)) == "BatchedCodecPipeline"
    monkeypatch.setenv("DATA_HELPERS_CODECS", "zars")
    with pytest.raises(ValueError, match="'zars'; expected 'zarrs' or 'zarr-python'"):
        fast_to_read(on_disk)


def test_without_zarrs_zarr_python_reads(on_disk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarrs", None)
    monkeypatch.setattr("data_helpers.jobs.codecs.find_spec", lambda name: None)
    assert pipeline(fast_to_read(on_disk)) == "BatchedCodecPipeline"


def test_a_store_that_watches_is_not_bypassed(on_disk: Any, image: NDArray[np.uint16]) -> None:
    watching = zarr.open_array(WrapperStore(on_disk.store))
    assert pipeline(fast_to_read(watching)) == "BatchedCodecPipeline"
    assert fast_to_read(image) is image
    in_memory = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u1")
    assert fast_to_read(in_memory) is in_memory


def test_a_job_reads_codes_and_writes_on_its_own_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs.zstd import Zstd

    seen = []

    def watch(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            seen.append((name, threading.get_ident()))
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    class Noted(Zstd):  # a compiled class takes no patches
        pass

    monkeypatch.setattr("zarr.codecs.zstd.Zstd", Noted)
    for name in ("encode", "decode"):
        watch(Noted, name)
    for name in ("get", "set"):
        watch(LocalStore, name)
    array = inline(zarr.create_array(tmp_path / "a", shape=(8, 6), chunks=(4, 4), dtype="u2"))
    seen.clear()
    values = np.arange(48, dtype="u2").reshape(8, 6)
    array[:, :] = values
    np.testing.assert_array_equal(array[0:8, 1:5], values[:, 1:5])
    # chunks at an edge are read before they are written, and hold nothing yet
    assert {name for name, _ in seen} == {"get", "set", "encode", "decode"}
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_where_a_loop_runs_already_and_for_other_selections_zarr_does_as_always(
    tmp_path: Path,
) -> None:
    array = inline(zarr.create_array(tmp_path / "a", shape=(4, 4), chunks=(2, 2), dtype="u1"))

    async def as_in_a_notebook() -> Any:
        array[0:2, 0:4] = 1
        return array[0:4, 0:4]

    assert asyncio.run(as_in_a_notebook()).sum() == 8
    array[3] = 2
    array[2, 2] = 3
    assert array[...].tolist() == [[1] * 4, [1] * 4, [0, 0, 3, 0], [2] * 4]
    assert array[[2], [2]].tolist() == [3]
    assert pickle.loads(pickle.dumps(array))[2:3, 2:3] == 3


def test_codecs_that_zarrs_does_not_know_are_left_to_zarr_python(tmp_path: Path) -> None:
    import numcodecs

    array = zarr.create_array(
        tmp_path / "a",
        shape=(8,),
        chunks=(4,),
        dtype="f4",
        zarr_format=2,
        filters=[numcodecs.Quantize(digits=3, dtype="f4")],
    )
    array[...] = np.arange(8)
    np.testing.assert_array_equal(fast_to_read(array)[...], array[...])


def test_outputs_are_written_by_zarr_python(on_disk: Any, tmp_path: Path) -> None:
    target = jobs.create_like(on_disk, tmp_path / "out")
    fill = jobs.chunkwise_jobs(np.invert, input_array=on_disk, output_array=target)[0][0]
    assert isinstance(fill, FillChunk)
    assert pipeline(fill.output_array) == "BatchedCodecPipeline"


# --- edge modes -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(edge_modes(), images(max_dims=2, max_side=6, dtype="float64"), st.integers(0, 7))
def test_a_halo_holds_what_scipy_takes_to_be_outside(
    mode: Any, image: NDArray[Any], depth: int
) -> None:
    # SciPy's shift by whole elements reads exactly one element from outside.
    if mode == "mirror":  # SciPy cannot mirror an axis of one element more than once
        depth = min(depth, *(length - 1 for length in image.shape))
    padded = jobs.pad_halo(image, depth, mode, cval=5.0)
    for axis in range(image.ndim):
        weights = np.zeros(2 * depth + 1)
        weights[0] = 1  # the element `depth` before
        inner = tuple(
            slice(0, length) if i == axis else slice(depth, depth + length)
            for i, length in enumerate(image.shape)
        )
        scipy_sees = ndi.correlate1d(image, weights, axis=axis, mode=mode, cval=5.0)
        np.testing.assert_array_equal(padded[inner], scipy_sees)


@pytest.mark.parametrize("mode", ["reflect", "nearest", "wrap", "constant"])
def test_dask_takes_the_same_to_be_outside(mode: Any) -> None:
    image = np.random.default_rng(0).random((11, 9))
    result = da.map_overlap(
        partial(ndi.uniform_filter, size=5),
        da.from_array(image, chunks=(4, 3)),
        depth=2,
        boundary=jobs.dask_boundary(mode, cval=3.0),
        dtype=float,
    )
    expected = ndi.uniform_filter(image, 5, mode=mode, cval=3.0)
    np.testing.assert_allclose(result.compute(scheduler="synchronous"), expected)


def test_dask_has_no_mirror() -> None:
    with pytest.raises(ValueError, match=r"no boundary that means 'mirror'.*numpy\.pad"):
        jobs.dask_boundary("mirror")


@pytest.mark.parametrize("call", [jobs.pad_mode, jobs.dask_boundary])
def test_words_scipy_does_not_know_are_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r"'symmetric' is not known; expected one of reflect, mi"):
        call("symmetric")


# --- imports --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_the_engine_room_stays_light() -> None:
    code = (
        "import sys, data_helpers.jobs; heavy = ('distributed', 'numba', 'zarrs', 'dask.array'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
