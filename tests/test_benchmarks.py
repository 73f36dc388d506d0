"""The benchmarks at tiny size: every result is right, and what breaks is reported by name."""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, require

sys.path.insert(0, str(ROOT))

from benchmarks._case import Case, Work, load, missing_packages
from benchmarks._child import measure
from benchmarks._memory import forget_peak, peak_bytes

HERE = ROOT / "benchmarks"
BENCHMARKS = sorted(HERE.glob("[!_]*.py"))
RESULTS = sorted((HERE / "results").glob("*.json"))
FIELDS = {"name", "role", "seconds_each", "seconds", "ratio", "bytes", "targets", "error"}

TOY = """
import os
import time
from pathlib import Path
from benchmarks._case import Case, Work

def prepare(folder, size):
    (folder / "size").write_text(size)
    return {"letters": len(size)}

def check(folder, found):
    assert found == "tiny", f"other values: {found}"

def sound(folder, output):
    return (folder / "size").read_text

def slow(folder, output):
    return lambda: time.sleep(0.2) or "tiny"

def wrong(folder, output):
    return lambda: "huge"

def raises(folder, output):
    return lambda: (folder / "nothing").read_text()

def dies(folder, output):
    return lambda: os._exit(9)

def hungry(folder, output):
    return lambda: len(bytearray(os.urandom(30_000_000))) and "tiny"

def fails_to_import(folder, output):
    import no_such_package
"""
EVERY_FAULT = """
CASES = (
    Case("bare", slow, "limit"),
    Case("ours", sound, "ours", targets={"ratio": 1.5}),
    Case("wrong", wrong),
    Case("raises", raises),
    Case("dies", dies),
    Case("import", fails_to_import),
    Case("absent", sound, packages=("no-such-package",)),
    Case("hungry", hungry),
)
WORKS = (
    Work("toy", "A toy", CASES, check),
    Work("single", "Once", (Case("ours", sound, "ours"),), check, once=True),
)
"""
OURS_IS_WRONG = 'WORKS = (Work("toy", "A toy", (Case("ours", wrong, "ours"),), check),)'

Run = tuple[int, dict[str, Any], str]


def cases() -> Iterator[Any]:
    """Every case of every benchmark; one worker has all of a benchmark, and prepares its inputs."""
    for path in BENCHMARKS:
        together = pytest.mark.xdist_group(f"benchmark {path.stem}")
        for work in load(path).WORKS:
            for case in work.cases:
                name = f"{path.stem}-{work.name}-{case.name}"
                yield pytest.param(path, work, case, id=name, marks=together)


def each_benchmark() -> Iterator[Any]:
    """Every benchmark, for the worker that has its cases."""
    for path in BENCHMARKS:
        together = pytest.mark.xdist_group(f"benchmark {path.stem}")
        yield pytest.param(path, id=path.stem, marks=together)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """A function that gives the folder with the tiny inputs of a benchmark."""

    @cache
    def prepared(path: Path) -> Path:
        folder = tmp_path_factory.mktemp(path.stem)
        (folder / "inputs").mkdir()
        load(path).prepare(folder / "inputs", "tiny")
        return folder

    return prepared


# The real ones


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # peers may warn
@pytest.mark.parametrize(("path", "work", "case"), list(cases()))
def test_every_case_gives_what_numpy_gives(
    path: Path,
    work: Work,
    case: Case,
    inputs: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA_HELPERS_CODECS", "zarr-python")  # cases set it: put back afterwards
    require(not missing_packages(case), f"not installed: {missing_packages(case)}")
    found = measure(work, case, inputs(path))
    assert len(found["seconds"]) == work.loops


@pytest.mark.slow
@pytest.mark.parametrize("path", list(each_benchmark()))
def test_every_check_refuses_a_result_with_one_other_value(
    path: Path, inputs: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import zarr

    work = load(path).WORKS[-1]  # the last one writes an array, larger than its inputs
    monkeypatch.setenv("DATA_HELPERS_CODECS", "zarr-python")
    measure(work, work.cases[0], inputs(path))
    output = inputs(path) / "outputs" / "output"
    written = zarr.open(output)
    array: Any = written["1"] if isinstance(written, zarr.Group) else written
    array[(-1,) * array.ndim] = array[(-1,) * array.ndim] + 100
    with pytest.raises(AssertionError, match=r"other values|off by"):
        work.check(inputs(path) / "inputs", output)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_has_committed_results_and_a_place_on_the_page(path: Path) -> None:
    report = json.loads((HERE / "results" / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert report["size"] == "full"
    assert f'"{path.stem}"' in (ROOT / "book" / "benchmarks.md").read_text(encoding="utf-8")
    described = [(w.name, c.name, dict(c.targets)) for w in load(path).WORKS for c in w.cases]
    kept = [(w["name"], c["name"], c["targets"]) for w in report["works"] for c in w["cases"]]
    assert kept == described, "run make bench: the results are of other cases"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_committed_results_tell_the_machine_and_no_names_of_people_or_places(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    report = json.loads(text)
    assert set(report["machine"]) == {"processor", "cores", "memory_bytes", "system", "python"}
    assert "numpy" in report["versions"]
    assert platform.node() not in text.split('"')
    assert not re.search(r"[/\\](home|opt|private|tmp|Users|usr|var|work)[/\\]", text)


# The harness


def run_toy(folder: Path, works: str, repeats: int) -> Run:
    """Exit status, JSON and printed text of a benchmark made for the test."""
    (folder / "toy.py").write_text(TOY + works, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks", str(folder / "toy.py"), "--size", "tiny"]
    done = subprocess.run(
        [*command, "--repeats", str(repeats), "--results", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "toy.json").exists(), done.stderr
    return done.returncode, json.loads((folder / "toy.json").read_text()), done.stdout


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What comes of a benchmark with every kind of broken peer."""
    return run_toy(tmp_path_factory.mktemp("toy"), EVERY_FAULT, 2)


def by_name(toy: Run) -> dict[str, dict[str, Any]]:
    """The cases of the toy's first work."""
    return {case["name"]: case for case in toy[1]["works"][0]["cases"]}


@pytest.mark.slow
def test_the_results_have_every_field(toy: Run) -> None:
    _, report, _ = toy
    assert set(report) == {
        *("benchmark", "date", "size", "repeats", "threads", "load_before", "machine"),
        *("versions", "inputs", "works"),
    }
    assert report["inputs"] == {"letters": 4}
    assert all(set(case) == FIELDS for work in report["works"] for case in work["cases"])
    assert (report["benchmark"], report["size"], report["repeats"]) == ("toy", "tiny", 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wrong", "AssertionError: other values: huge"),
        ("raises", "FileNotFoundError: [Errno 2] No such file or directory: 'FOLDER/inputs/noth"),
        ("dies", "its process ended with status 9"),
        ("import", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("absent", "not installed: no-such-package"),
    ],
)
def test_a_broken_peer_is_reported_by_name_and_has_no_time(
    toy: Run, name: str, reason: str
) -> None:
    case = by_name(toy)[name]
    assert case["error"].startswith(reason)
    assert case["seconds"] is None
    assert case["ratio"] is None
    line = next(line for line in toy[2].splitlines() if f" {name} " in line)
    assert f"FAILED: {reason}" in line


def test_broken_peers_stop_neither_the_others_nor_the_command(toy: Run) -> None:
    status, _, _ = toy
    assert status == 0
    assert len(by_name(toy)["ours"]["seconds_each"]) == 2
    assert len(by_name(toy)["hungry"]["seconds_each"]) == 2, "it comes after the broken ones"


@pytest.mark.slow
def test_the_command_fails_when_ours_is_wrong(tmp_path: Path) -> None:
    status, report, _ = run_toy(tmp_path, OURS_IS_WRONG, 1)
    assert status == 1
    assert "other values" in report["works"][0]["cases"][0]["error"]


def test_cases_run_in_turn_and_once_means_once(toy: Run) -> None:
    lines = [line.split()[:3] for line in toy[2].splitlines() if " toy " in f" {line} "]
    order = [(repeat, name) for repeat, work, name in lines if work == "toy"]
    assert [name for repeat, name in order if repeat == "2/2"] == ["bare", "ours", "hungry"]
    assert [repeat for repeat, _ in order] == sorted(repeat for repeat, _ in order)
    (single,) = toy[1]["works"][1]["cases"]
    assert len(single["seconds_each"]) == 1


def test_ratios_are_to_the_limit_measured_beside_it(toy: Run) -> None:
    cases = by_name(toy)
    limit, ours = cases["bare"]["seconds_each"], cases["ours"]["seconds_each"]
    ratios = sorted(own / bare for own, bare in zip(ours, limit, strict=True))
    assert cases["bare"]["ratio"] == 1
    assert cases["ours"]["ratio"] == pytest.approx(sum(ratios) / 2)
    assert min(limit) >= 0.2, "the time is that of the call"


def test_the_peak_is_what_the_call_takes(toy: Run) -> None:
    require(forget_peak() is not None, "this system does not tell the peak")
    # os.urandom's bytes and their copy
    assert 55e6 < by_name(toy)["hungry"]["bytes"] < 75e6
    assert by_name(toy)["bare"]["bytes"] < 3e6


def test_a_peak_that_has_passed_is_forgotten() -> None:
    require(Path("/proc/self/clear_refs").exists(), "only Linux forgets a peak")
    block = bytearray(b"x") * 80_000_000
    high = peak_bytes()
    del block
    assert high is not None
    held = forget_peak()
    assert held is not None
    assert held < high - 70e6


@pytest.mark.slow
def test_an_unknown_benchmark_is_refused_with_the_names_of_those_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks", "stiching"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert (
        "no benchmark 'stiching'; expected some of: " + ", ".join(p.stem for p in BENCHMARKS)
        in done.stderr
    )
