"""What goes wrong with chunked data, done for real: an error each time, and nothing lost."""

import contextlib
import errno
import functools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from conftest import require
from numpy.typing import NDArray
from zarr.storage import FsspecStore, LocalStore, WrapperStore

from data_helpers import jobs
from data_helpers.jobs.codecs import fast_to_read
from data_helpers.jobs.identity import identity_of
from data_helpers.jobs.manifest import Manifest

FORMATS = ("zarr 2", "zarr 3", "sharded")
SHAPE = (40, 33)


def pixels(shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(1, 2**16, shape, dtype="u2")


def make_output(kind: str, path: Path, shape: tuple[int, ...] = SHAPE) -> Any:
    like = np.zeros(shape, "u2")
    if kind == "zarr 2":
        return zarr.create_array(path, shape=shape, chunks=(8, 8), dtype="u2", zarr_format=2)
    return jobs.create_like(
        like, path, chunks=(4, 4) if kind == "sharded" else (8, 8),
        shards=(8, 8) if kind == "sharded" else None,
    )  # fmt: skip


def chunk_files(path: Path) -> dict[str, bytes]:
    """All files of an array, but its metadata, and their bytes."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in ("zarr.json", ".zarray", ".zattrs")
    }


def add(number: int, chunk: NDArray[Any]) -> NDArray[Any]:
    return chunk + np.uint16(number)


def run_script(code: str, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """Start a Python process of its own, as a user would."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# --- lost writes ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_two_processes_on_regions_that_share_a_chunk_are_refused(kind: str, tmp_path: Path) -> None:
    target = make_output(kind, tmp_path / "out")
    source = zarr.create_array(tmp_path / "in", data=pixels(), chunks=(8, 8))
    code = """
        import sys, numpy as np, zarr
        from data_helpers import apply_to_chunk
        first, last = map(int, sys.argv[2:])
        source, target = (zarr.open_array(f"{sys.argv[1]}/{name}") for name in ("in", "out"))
        apply_to_chunk(np.invert, source, target, (slice(first, last), slice(0, 33)))
    """
    both = [run_script(code, tmp_path, *rows) for rows in ((0, 20), (20, 40))]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "ValueError: region [" in errors
        assert "not aligned to the output's" in errors
    assert source[0, 0]
    assert not target[...].any()
    assert chunk_files(tmp_path / "out") == {}


# --- killed, and resumed --------------------------------------------------------------------------

SLOW_RUN = """
    import os, sys, time
    import numpy as np, zarr
    from data_helpers import chunkwise_jobs, run_jobs

    folder = sys.argv[1]

    def slowly_invert(chunk):
        time.sleep(0.004)
        return ~chunk

    def run():
        source, target = (zarr.open_array(f"{folder}/{name}") for name in ("in", "out"))
        listed = chunkwise_jobs(slowly_invert, input_array=source, output_array=target)
        run_jobs(listed, n_jobs=2, manifest=f"{folder}/manifest.jsonl")

    # Importing takes longer than a run: import once, and fork a process for each run.
    for line in sys.stdin:
        if not (pid := os.fork()):
            run()
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of POSIX")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_run_killed_at_random_moments_resumes_to_identical_bytes(
    kind: str, tmp_path: Path
) -> None:
    """Seven kills per format, more than twenty in all, each run going on where one was killed."""
    shape, units = (96, 72), 12 * 9
    source = zarr.create_array(tmp_path / "in", data=pixels(shape), chunks=(24, 40))
    target = make_output(kind, tmp_path / "out", shape)
    reference = make_output(kind, tmp_path / "reference", shape)
    jobs.run_jobs(jobs.chunkwise_jobs(np.invert, input_array=source, output_array=reference))
    manifest = tmp_path / "manifest.jsonl"
    moments = random.Random(FORMATS.index(kind))
    server = run_script(SLOW_RUN, tmp_path, stdin=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    done = 0
    for _ in range(7):
        print("run", file=server.stdin, flush=True)
        pid = int(server.stdout.readline())
        enough = done + moments.randint(0, 12)
        while not manifest.exists() or len(manifest.read_bytes().splitlines()) - 1 < enough:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        assert int(server.stdout.readline()) == signal.SIGKILL
        state = Manifest(manifest)
        assert len(state.done) >= enough  # nothing that was done is forgotten
        assert not state.finished
        done = len(state.done)
        # What the manifest says is done is done, and right.
        found = jobs.verify(target, manifest)
        assert not found.unreadable
        assert len(found.missing) == units - done
    assert 0 < done < units
    print("run", file=server.stdin, flush=True)
    _, errors = server.communicate(timeout=120)
    assert Manifest(manifest).finished, errors
    assert chunk_files(tmp_path / "out") == chunk_files(tmp_path / "reference")
    assert jobs.verify(target, manifest).ok


def test_a_resumed_run_does_only_what_is_missing(tmp_path: Path) -> None:
    source, target = pixels(), make_output("zarr 3", tmp_path / "out")
    listed = jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target)
    manifest = tmp_path / "manifest.jsonl"
    jobs.run_jobs(listed[:7], manifest=manifest)
    assert len(Manifest(manifest).done) == 7
    assert not Manifest(manifest).finished  # a part of the list is not the whole work
    for number in (0, 3):  # two chunks vanish: done, but no longer there
        region = listed[number][1][0]
        (tmp_path / "out/c" / str(region[0].start // 8) / str(region[1].start // 8)).unlink()
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out/c").rglob("*/*")}
    assert len(before) == 5
    jobs.run_jobs(listed, manifest=manifest)
    assert all(file.stat().st_mtime_ns == then for file, then in before.items())
    np.testing.assert_array_equal(target[...], ~source)
    assert Manifest(manifest).finished


def test_a_manifest_is_written_line_by_line_and_done_last(tmp_path: Path) -> None:
    target = make_output("zarr 3", tmp_path / "out")
    manifest = tmp_path / "deep" / "manifest.jsonl"
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
    jobs.run_jobs(listed, manifest=manifest)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert list(lines[0]) == ["manifest", "identity"]
    assert all(list(line) == ["done", "crc32"] for line in lines[1:-1])
    assert lines[-1] == {"finished": True}
    assert len(lines) == 25 + 2
    text = manifest.read_text()
    jobs.run_jobs(listed, manifest=manifest)  # nothing is left to do, nothing is added
    assert manifest.read_text() == text


@pytest.mark.parametrize("cut", [1, 20, -1, -10, -40])
def test_a_line_cut_short_by_a_kill_is_dropped(cut: int, tmp_path: Path) -> None:
    source, target = pixels(), make_output("zarr 3", tmp_path / "out")
    manifest = tmp_path / "manifest.jsonl"
    listed = jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target)
    jobs.run_jobs(listed[:9], manifest=manifest)
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:cut])
    kept = Manifest(manifest).done
    assert len(kept) == {1: 0, 20: 0, -1: 8, -10: 8, -40: 8}[cut]
    jobs.run_jobs(listed, manifest=manifest)
    assert Manifest(manifest).finished
    assert all(json.loads(line) for line in manifest.read_text().splitlines())
    np.testing.assert_array_equal(target[...], ~source)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: [lines[0], b"{", *lines[2:]], 2),
        (lambda lines: [lines[0], b"{}", *lines[2:]], 2),
        (lambda lines: [b'{"manifest": 2}', *lines[1:]], 1),
        (lambda lines: [b"name, age"], 1),
        (lambda lines: [b"[1, 2]"], 1),
    ],
)
def test_a_file_that_is_no_manifest_is_refused_and_kept(
    damage: Any, line: int, tmp_path: Path
) -> None:
    target = make_output("zarr 3", tmp_path / "out")
    manifest = tmp_path / "manifest.jsonl"
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
    jobs.run_jobs(listed[:3], manifest=manifest)
    damaged = b"\n".join(damage(manifest.read_bytes().splitlines())) + b"\n"
    manifest.write_bytes(damaged)
    with pytest.raises(ValueError, match=rf"line {line} of .*manifest.jsonl is not that of a man"):
        jobs.run_jobs(listed, manifest=manifest)
    assert manifest.read_bytes() == damaged


@pytest.mark.slow
def test_two_runs_on_one_manifest_are_refused(tmp_path: Path) -> None:
    source = zarr.create_array(tmp_path / "in", data=pixels(), chunks=(24, 40))
    target = make_output("zarr 3", tmp_path / "out")
    code = """
        import sys, numpy as np, zarr
        from data_helpers import chunkwise_jobs, run_jobs

        def wait(chunk):
            print("holding", flush=True)
            sys.stdin.readline()
            return ~chunk

        source, target = (zarr.open_array(f"{sys.argv[1]}/{name}") for name in ("in", "out"))
        listed = chunkwise_jobs(wait, input_array=source, output_array=target)
        run_jobs(listed, n_jobs=1, manifest=f"{sys.argv[1]}/manifest.jsonl")
    """
    first = run_script(code, tmp_path, stdin=subprocess.PIPE)
    assert first.stdout is not None
    assert first.stdout.readline() == "holding\n"
    listed = jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target)
    with pytest.raises(RuntimeError, match=r"another run holds the manifest .*one run at a time"):
        jobs.run_jobs(listed, manifest=tmp_path / "manifest.jsonl")
    assert not target[...].any()
    _, errors = first.communicate("\n" * 25, timeout=60)
    assert first.returncode == 0, errors
    np.testing.assert_array_equal(target[...], ~source[...])


def test_a_manifest_is_read_again_once_it_is_held(tmp_path: Path) -> None:
    target = make_output("zarr 3", tmp_path / "out")
    early = Manifest(tmp_path / "manifest")
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
    jobs.run_jobs(listed, manifest=tmp_path / "manifest")  # comes in between
    identity = Manifest(tmp_path / "manifest").identity
    assert identity is not None
    with early.writing(identity):
        assert len(early.done) == 25
        assert early.finished
    assert Manifest(tmp_path / "manifest").finished


def test_leftovers_of_killed_writers_are_swept(tmp_path: Path) -> None:
    target = make_output("zarr 3", tmp_path / "out")
    leftover = tmp_path / "out/c/0/0.a1b2c3.partial"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a chunk")
    beside = tmp_path / "mine.partial"
    beside.write_bytes(b"not the array's")
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
    jobs.run_jobs(listed, manifest=tmp_path / "manifest.jsonl")
    assert not leftover.exists()
    assert beside.exists()


def test_a_manifest_serves_one_output_that_outlives_the_process(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    chunks = (8, 8)
    for target in (np.zeros(SHAPE, "u2"), jobs.create_like(pixels(), chunks=chunks)):
        listed = jobs.chunkwise_jobs(
            np.invert, input_array=pixels(), output_array=target, chunks=chunks
        )
        with pytest.raises(ValueError, match=r"outlives the process, but the output is a \w+ in"):
            jobs.run_jobs(listed, manifest=manifest)
    two = [
        job
        for name in "ab"
        for job in jobs.chunkwise_jobs(
            np.invert, input_array=pixels(), output_array=make_output("zarr 3", tmp_path / name)
        )
    ]
    with pytest.raises(ValueError, match=r"one output, but got 50 jobs of 2 functions"):
        jobs.run_jobs(two, manifest=manifest)
    with pytest.raises(ValueError, match=r"one output, but got 1 jobs of 1 functions"):
        jobs.run_jobs([(print, (), {})], manifest=manifest)
    assert not manifest.exists()


# --- other work on an old manifest ----------------------------------------------------------------

FACTOR = 3


def with_a_closure(number: int) -> Any:
    return lambda chunk: chunk * np.uint16(number)


def with_a_global(chunk: NDArray[Any]) -> NDArray[Any]:
    return chunk * np.uint16(FACTOR)


class WithAttributes:
    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, chunk: NDArray[Any]) -> NDArray[Any]:
        return chunk * np.uint16(self.number)

    def method(self, chunk: NDArray[Any]) -> NDArray[Any]:
        return self(chunk)


def with_a_default(chunk: NDArray[Any], number: int = 3) -> NDArray[Any]:
    return chunk * np.uint16(number)


def with_another_default(chunk: NDArray[Any], number: int = 4) -> NDArray[Any]:
    return chunk * np.uint16(number)


with_another_default.__qualname__ = with_a_default.__qualname__


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (np.invert, np.negative, r"f\.name: numpy\.negative instead of numpy\.invert"),
        (partial(add, 1), partial(add, 2), r"f\.arguments: \[2\] instead of \[1\]"),
        (with_a_closure(1), with_a_closure(2), r"f\.uses\.number: 2 instead of 1"),
        (WithAttributes(1), WithAttributes(2), r"f\.attributes\.number: 2 instead of 1"),
        (WithAttributes(1).method, WithAttributes(2).method, r"of\.attributes\.number: 2 inst"),
        (with_a_default, with_another_default, r"f\.defaults: .*4.* instead of .*3"),
        (lambda x: x + 1, lambda x: x + 2, r"f\.code: "),
        (partial(np.add, pixels((8, 8))), partial(np.add, pixels((8, 8)) + 1), r"sha256"),
        (partial(add, float("inf")), partial(add, float("nan")), r"\['nan'\] instead of \['inf'"),
    ],
)
def test_another_function_on_an_old_manifest_is_refused_with_both(
    old: Any, new: Any, difference: str, tmp_path: Path
) -> None:
    target = make_output("zarr 3", tmp_path / "out", (8, 8))
    manifest = tmp_path / "manifest.jsonl"

    def listed(f: Any) -> Any:
        return jobs.chunkwise_jobs(f, input_array=pixels((8, 8)), output_array=target)

    with contextlib.suppress(jobs.ChunkError):  # adding infinity fails, after the first line
        jobs.run_jobs(listed(old), manifest=manifest)
    kept, text = target[...], manifest.read_bytes()
    with pytest.raises(ValueError, match=rf"belongs to other work:\n.*{difference}"):
        jobs.run_jobs(listed(new), manifest=manifest)
    np.testing.assert_array_equal(target[...], kept)
    assert manifest.read_bytes() == text


def test_another_global_value_is_another_function(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity_of(with_a_global)
    assert before["uses"]["FACTOR"] == 3
    monkeypatch.setitem(globals(), "FACTOR", 4)
    assert identity_of(with_a_global) != before


def test_the_same_function_defined_again_is_the_same() -> None:
    code = "def f(x):\n    return x + 1 if x in {'a', 'b', 'c'} else len([y for y in x])\n"
    one: dict[str, Any] = {"__name__": "m"}
    other: dict[str, Any] = {"__name__": "m"}
    exec(code, one)
    exec("# a comment\n\n" + code, other)
    assert identity_of(one["f"]) == identity_of(other["f"])
    assert identity_of(with_a_closure(1)) == identity_of(with_a_closure(1))


@pytest.mark.slow
def test_identities_do_not_depend_on_the_process() -> None:
    code = """
        import json, functools, numpy as np, scipy.ndimage as ndi
        from data_helpers.jobs.identity import identity_of
        def f(x, words={"a", "b", "c"}):
            return ndi.gaussian_filter(x, 1) if x in {"p", "q", "r", "s"} else words
        print(json.dumps(identity_of(functools.partial(f, np.arange(3)))))
    """
    outputs = set()
    for seed in ("1", "2", "3"):
        process = run_script(code, env={**os.environ, "PYTHONHASHSEED": seed})
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        outputs.add(output)
    assert len(outputs) == 1


def test_a_function_that_calls_itself_has_an_identity() -> None:
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    assert identity_of(factorial)["uses"]["factorial"] == "itself"


def test_a_lazy_array_and_a_wrapped_function_have_identities() -> None:
    one, same, other = (da.from_array(pixels() + n, chunks=(8, 8)) for n in (0, 0, 1))
    assert identity_of(one) == identity_of(same) != identity_of(other)
    cached, again, another = (functools.cache(with_a_closure(n)) for n in (1, 1, 2))
    assert identity_of(cached) == identity_of(again) != identity_of(another)
    assert identity_of(slice(1, 2)) == identity_of(slice(1, 2)) != identity_of(slice(1, 3))
    assert identity_of({3, 1, 2}) == identity_of({1, 2, 3}) == [1, 2, 3]


def test_an_input_that_changed_is_other_work(tmp_path: Path) -> None:
    source = zarr.create_array(tmp_path / "in", data=pixels(), chunks=(8, 8))
    target = make_output("zarr 3", tmp_path / "out")
    manifest = tmp_path / "manifest.jsonl"
    listed = jobs.chunkwise_jobs(np.invert, input_array=source, output_array=target)
    jobs.run_jobs(listed[:5], manifest=manifest)
    source[:8, :8] = 0
    with pytest.raises(ValueError, match=r"input_array\.files: \w+ instead of \w+"):
        jobs.run_jobs(listed, manifest=manifest)
    in_memory = source[...]
    other = tmp_path / "other.jsonl"
    jobs.run_jobs(
        jobs.chunkwise_jobs(np.invert, input_array=in_memory, output_array=target)[:5],
        manifest=other,
    )
    in_memory[0, 0] += 1
    with pytest.raises(ValueError, match=r"input_array\.sha256: \w+ instead of \w+"):
        jobs.run_jobs(
            jobs.chunkwise_jobs(np.invert, input_array=in_memory, output_array=target),
            manifest=other,
        )


def test_another_output_is_other_work(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    for name in ("one", "two"):
        target = make_output("zarr 3", tmp_path / name)
        listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
        if name == "one":
            jobs.run_jobs(listed, manifest=manifest)
    with pytest.raises(ValueError, match=r"output\.place: file: .*two instead of file: .*one"):
        jobs.run_jobs(listed, manifest=manifest)
    with pytest.raises(ValueError, match=r"belongs to another array:\n  place: .*two instead of"):
        jobs.verify(target, manifest)
    assert not target[...].any()


# --- stores that fail, disks that are full --------------------------------------------------------


class FailingStore(WrapperStore):  # type: ignore[type-arg]
    """A store whose n-th write of a chunk fails, as that of a network drive does."""

    left = 10**9

    async def set(self, key: str, value: Any) -> None:
        if not key.endswith((".json", ".zarray", ".zattrs")):
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.EIO, "the drive went away")
        await super().set(key, value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("number", [1, 2, 13, 25])
def test_a_store_that_fails_on_the_nth_write_loses_nothing(
    kind: str, number: int, tmp_path: Path
) -> None:
    source, path, manifest = pixels(), tmp_path / "out", tmp_path / "manifest.jsonl"
    make_output(kind, path)
    store = FailingStore(LocalStore(path))
    listed = jobs.chunkwise_jobs(
        np.invert, input_array=source, output_array=zarr.open_array(store, mode="r+")
    )
    store.left = number
    with pytest.raises(
        jobs.ChunkError, match=r"failed while writing: OSError: .*the drive went away"
    ) as caught:
        jobs.run_jobs(listed, n_jobs=2, manifest=manifest)
    assert isinstance(caught.value.cause, OSError)
    state = Manifest(manifest)
    assert len(state.done) == len(chunk_files(path)) >= number - 1
    assert not state.finished
    assert caught.value.index in jobs.verify(zarr.open_array(path), manifest).missing
    jobs.run_jobs(listed, n_jobs=2, manifest=manifest)
    assert jobs.verify(zarr.open_array(path), manifest).ok
    np.testing.assert_array_equal(zarr.open_array(path)[...], ~source)


FULL_DISK = """
    import os, resource, sys
    from pathlib import Path
    import numpy as np
    from data_helpers import ChunkError, chunkwise_jobs, create_like, run_jobs, verify

    folder, how = Path(sys.argv[1]), sys.argv[2]
    rng = np.random.default_rng(0)
    source = rng.integers(0, 2**16, (256, 256), dtype="u2")  # 128 kB that do not compress
    source[:64] //= 256  # chunks that compress well come first
    target = create_like(source, folder / "out", chunks=(32, 256))
    listed = chunkwise_jobs(np.invert, input_array=source, output_array=target)
    filler = folder / "filler"
    if how == "disk":
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        filler.write_bytes(bytes(free - 60_000))
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (14_000, resource.RLIM_INFINITY))
    try:
        run_jobs(listed, n_jobs=2, manifest=folder / "manifest.jsonl")
    except (ChunkError, OSError) as error:
        print(type(error).__name__, getattr(error, "cause", error).errno)
    found = verify(target, folder / "manifest.jsonl")
    print(len(found.missing), len(found.unreadable))
    filler.unlink(missing_ok=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    run_jobs(listed, n_jobs=2, manifest=folder / "manifest.jsonl")
    print(verify(target, folder / "manifest.jsonl").ok, (target[...] == ~source).all())
    print(len(list(folder.rglob("*.partial"))))
"""


def check_full_disk(output: str, errors: str, error_number: int) -> None:
    assert output, errors
    first, second, *rest = output.splitlines()
    assert first in (f"ChunkError {error_number}", f"OSError {error_number}")
    missing, unreadable = map(int, second.split())
    assert 0 < missing < 8
    assert unreadable == 0
    assert rest == ["True True", "0"], errors


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_limit_on_file_size_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    output, errors = run_script(FULL_DISK, tmp_path, "limit").communicate(timeout=60)
    check_full_disk(output, errors, errno.EFBIG)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system of a given size")
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    small = f"mount -t tmpfs -o size=400k tmpfs {tmp_path} && exec "
    possible = subprocess.run([*mount, small + "true"], capture_output=True, check=False)
    require(possible.returncode == 0, "this user may not mount a small file system")
    process = subprocess.run(
        [*mount, small + '"$@"', "sh", sys.executable, "-c", textwrap.dedent(FULL_DISK),
         str(tmp_path), "disk"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    check_full_disk(process.stdout, process.stderr, errno.ENOSPC)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_manifest_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    code = """
        import resource, sys
        import numpy as np
        from data_helpers import chunkwise_jobs, create_like, run_jobs, verify

        folder = sys.argv[1]
        source = np.ones((64, 512), "u1")  # compresses to nothing, so that the manifest is longest
        target = create_like(source, folder + "/out", chunks=(1, 512))
        listed = chunkwise_jobs(np.invert, input_array=source, output_array=target)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        try:
            run_jobs(listed, n_jobs=2, manifest=folder + "/manifest")
        except OSError as error:
            print(type(error).__name__, error.errno)
        found = verify(target, folder + "/manifest")
        print(0 < len(found.missing) < 64, len(found.unreadable))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        run_jobs(listed, n_jobs=2, manifest=folder + "/manifest")
        print(verify(target, folder + "/manifest").ok, (target[...] == ~source).all())
    """
    output, errors = run_script(code, tmp_path).communicate(timeout=60)
    assert output == f"OSError {errno.EFBIG}\nTrue 0\nTrue True\n", errors


def test_a_manifest_must_be_a_file(tmp_path: Path) -> None:
    listed = jobs.chunkwise_jobs(
        np.invert, input_array=pixels(), output_array=make_output("zarr 3", tmp_path / "out")
    )
    for place in (tmp_path, Path(os.devnull)):
        with pytest.raises(ValueError, match="is not a file; expected the path of one"):
            jobs.run_jobs(listed, manifest=place)


# --- what verify finds ----------------------------------------------------------------------------


def written(
    kind: str, path: Path, manifest: Path | None = None, shape: tuple[int, ...] = SHAPE
) -> Any:
    target = make_output(kind, path, shape)
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(shape), output_array=target)
    jobs.run_jobs(listed, manifest=manifest)
    return zarr.open_array(path)


def file_of(kind: str, path: Path, row: int, column: int) -> Path:
    return path / (f"{row}.{column}" if kind == "zarr 2" else f"c/{row}/{column}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_sound_array_is_reported_sound(kind: str, tmp_path: Path) -> None:
    array = written(kind, tmp_path / "out", tmp_path / "manifest")
    assert jobs.verify(array).ok
    report = jobs.verify(array, tmp_path / "manifest")
    assert report.ok
    assert str(report) == "25 of 25 units of work are sound"


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_missing_chunk_is_reported_by_index(kind: str, tmp_path: Path) -> None:
    array = written(kind, tmp_path / "out", tmp_path / "manifest")
    file_of(kind, tmp_path / "out", 1, 4).unlink()
    index = (slice(8, 16), slice(32, 33))
    assert not array[index].any()  # reading says nothing
    report = jobs.verify(array, tmp_path / "manifest")
    assert (report.missing, report.unreadable, report.undecidable) == ([index], [], [])
    key = "1.4" if kind == "zarr 2" else "c/1/4"
    assert f"[8:16, 32:33] ({key}) missing: the store has no such key" in str(report)
    alone = jobs.verify(array)
    # An array of our own says of itself that it stores all chunks; one of Zarr 2 does not.
    assert (alone.undecidable if kind == "zarr 2" else alone.missing) == [index]
    if kind == "zarr 2":
        assert "absent: empty or lost, cannot tell" in str(alone)


def test_a_chunk_the_manifest_does_not_know_is_missing_though_there_is_a_file(
    tmp_path: Path,
) -> None:
    target = make_output("zarr 3", tmp_path / "out")
    listed = jobs.chunkwise_jobs(np.invert, input_array=pixels(), output_array=target)
    jobs.run_jobs(listed[:-1], manifest=tmp_path / "manifest")
    target[32:, 32:] = 1
    report = jobs.verify(target, tmp_path / "manifest")
    assert report.missing == [(slice(32, 40), slice(32, 33))]
    assert "the manifest does not say that it was written" in str(report)


@pytest.mark.slow
def test_an_empty_shard_file_is_reported(tmp_path: Path) -> None:
    array = written("sharded", tmp_path / "out")
    file_of("sharded", tmp_path / "out", 0, 0).write_bytes(b"")
    report = jobs.verify(array)
    assert report.missing == [(slice(0, 8), slice(0, 8))]
    assert "the shard has 0 bytes; expected at least 68, its index" in str(report)


@pytest.mark.parametrize("index_location", ["start", "end"])
@pytest.mark.parametrize("ours", [True, False])
def test_a_chunk_missing_inside_a_shard_is_reported(
    index_location: Any, ours: bool, tmp_path: Path
) -> None:
    from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec

    codec = ShardingCodec(
        chunk_shape=(4, 4), codecs=[BytesCodec(), ZstdCodec()], index_location=index_location
    )
    array = zarr.create_array(
        tmp_path / "out", shape=(11, 16), chunks=(8, 8), dtype="u2", fill_value=0,
        serializer=codec, compressors=None, filters=None,
        attributes={"data_helpers": {"write_empty_chunks": True}} if ours else {},
    )  # fmt: skip
    values = pixels((11, 16))
    values[4:8, 8:12] = 0
    values[8:11, 12:16] = 0
    array[...] = values  # without write_empty_chunks: two chunks are left out
    report = jobs.verify(array)
    lost = [(slice(4, 8), slice(8, 12)), (slice(8, 11), slice(12, 16))]
    assert (report.missing if ours else report.undecidable) == lost
    assert len(report.findings) == 2
    assert report.units == 4


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zarr 3", "sharded"])
@pytest.mark.parametrize("codecs", ["zarr-python", "zarrs"])
def test_a_flipped_bit_is_an_error_when_read(
    kind: str, codecs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if codecs == "zarrs":
        pytest.importorskip("zarrs")
    array = written(kind, tmp_path / "out", shape=(8, 16))
    monkeypatch.setenv("DATA_HELPERS_CODECS", codecs)
    reader = fast_to_read(array)
    file = file_of(kind, tmp_path / "out", 0, 1)
    sound = file.read_bytes()
    right = array[...]
    index = (slice(0, 8), slice(8, 16))
    for bit in random.Random(0).sample(range(8 * len(sound)), 60):
        file.write_bytes(flip(sound, bit))
        report = jobs.verify(array)
        assert [*report.missing, *report.unreadable] == [index], f"bit {bit}: {report}"
        try:
            values = reader[index]
        except Exception:
            continue
        # Bits of the frame's header that mean nothing may flip: then the values are right.
        np.testing.assert_array_equal(values, right[index], err_msg=f"bit {bit}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_flipped_bit_is_found_by_the_manifest(kind: str, tmp_path: Path) -> None:
    array = written(kind, tmp_path / "out", tmp_path / "manifest", (8, 16))
    file = file_of(kind, tmp_path / "out", 0, 1)
    sound = file.read_bytes()
    right = array[...]
    silent = 0
    for bit in random.Random(0).sample(range(8 * len(sound)), 60):
        file.write_bytes(flip(sound, bit))
        report = jobs.verify(array, tmp_path / "manifest")
        try:
            same = np.array_equal(array[...], right)
        except Exception:
            assert not report.ok
            continue
        assert report.ok == same, f"bit {bit}: {report}"
        silent += not same
    if kind == "zarr 2":  # where reading raises nothing, only the manifest knows
        assert silent > 0


def test_a_torn_chunk_is_unreadable(tmp_path: Path) -> None:
    array = written("zarr 3", tmp_path / "out")
    file = file_of("zarr 3", tmp_path / "out", 0, 0)
    file.write_bytes(file.read_bytes()[:-20])
    report = jobs.verify(array)
    assert report.unreadable == [(slice(0, 8), slice(0, 8))]
    assert not report.ok


def test_verify_wants_a_zarr_array_and_a_manifest_with_something_in_it(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a Zarr array stores, but got ndarray"):
        jobs.verify(np.zeros(3))
    array = make_output("zarr 3", tmp_path / "out")
    with pytest.raises(ValueError, match="is empty or not there"):
        jobs.verify(array, tmp_path / "nothing")


def test_a_long_report_is_cut(tmp_path: Path) -> None:
    text = str(jobs.verify(make_output("zarr 3", tmp_path / "out")))
    assert text.splitlines()[0].startswith("25 units of work: 25 regions missing")
    assert text.endswith("and 5 more")


@pytest.mark.slow
def test_verify_works_behind_fsspec(tmp_path: Path) -> None:
    written("zarr 3", tmp_path / "out", tmp_path / "manifest")
    file_of("zarr 3", tmp_path / "out", 2, 2).unlink()
    array = zarr.open_array(FsspecStore.from_url(f"file://{tmp_path}/out"), mode="r")
    for manifest in (None, tmp_path / "manifest"):
        assert jobs.verify(array, manifest).missing == [(slice(16, 24), slice(16, 24))]


@pytest.mark.slow
def test_larger_regions_are_verified_unit_by_unit(tmp_path: Path) -> None:
    target = make_output("zarr 2", tmp_path / "out")
    listed = jobs.chunkwise_jobs(
        np.invert, input_array=pixels(), output_array=target, chunks=(16, 24)
    )
    jobs.run_jobs(listed, manifest=tmp_path / "manifest")
    assert jobs.verify(target, tmp_path / "manifest").ok
    file_of("zarr 2", tmp_path / "out", 1, 1).unlink()
    assert jobs.verify(target, tmp_path / "manifest").missing == [(slice(8, 16), slice(8, 16))]
    jobs.run_jobs(listed, manifest=tmp_path / "manifest")
    assert jobs.verify(target, tmp_path / "manifest").ok
