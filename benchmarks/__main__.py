"""Run benchmarks: every case in turn, each in its own process, several times; write JSON.

``python -m benchmarks [--repeats 3] [--size full] [--results FOLDER] [stitching ...]``
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._case import THREADS, Case, Size, Work, load, missing_packages
from benchmarks._machine import load_now, machine, versions

HERE = Path(__file__).parent
# Every library that has a setting for threads is told.
SETTINGS = {
    "DASK_NUM_WORKERS": str(THREADS),
    "DASK_SCHEDULER": "threads",
    "DATA_HELPERS_OFFLINE": "1",
    "NUMBA_NUM_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "RAYON_NUM_THREADS": str(THREADS),
    "ZARR_THREADING__MAX_WORKERS": str(THREADS),
}
# Versions of these are noted always, those of peers where they are compared.
NOTED = ("chunk-by-chunk", "dask", "joblib", "numcodecs", "numpy", "tifffile", "zarr", "zarrs")
LONGEST_S = 300


def run_benchmark(path: Path, size: Size, repeats: int, load_before: float) -> dict[str, Any]:
    """Run all cases of one benchmark in turn, `repeats` times, and put the results together."""
    works: tuple[Work, ...] = load(path).WORKS
    report: dict[str, Any] = {
        "benchmark": path.stem,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "size": size,
        "repeats": repeats,
        "threads": THREADS,
        "load_before": load_before,
        "machine": machine(),
        "versions": versions(
            [*NOTED, *(name for work in works for case in work.cases for name in case.packages)]
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        print(f"{path.stem}: writing the inputs", flush=True)
        report["inputs"] = _in_a_process(path, Path(folder), size)
        if problem := report["inputs"].get("error"):
            raise RuntimeError(f"the inputs of {path.stem} cannot be written: {problem}")
        runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for repeat in range(repeats):
            for work in works:
                for case in work.cases:
                    done = runs.setdefault((work.name, case.name), [])
                    if not _finished(work, done):
                        done.append(_run_case(path, Path(folder), work, case))
                        print(f"  {repeat + 1}/{repeats} {_line(work, case, done[-1])}", flush=True)
    report["works"] = [
        _summary(work, [runs[work.name, case.name] for case in work.cases]) for work in works
    ]
    return report


def _finished(work: Work, done: list[dict[str, Any]]) -> bool:
    """Whether there is no need to run a case again: once was enough, or it has failed."""
    return bool(done) and (work.once or "error" in done[-1])


def _run_case(path: Path, folder: Path, work: Work, case: Case) -> dict[str, Any]:
    missing = missing_packages(case)
    if missing:
        return {"error": f"not installed: {', '.join(missing)}"}
    result: dict[str, Any] = _in_a_process(path, folder, work.name, case.name)
    return result


def _in_a_process(path: Path, folder: Path, *which: str) -> Any:
    """Have the child write inputs or measure a case, and read what it says."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks._child", path, folder, result, *which]
    try:
        child = subprocess.run(
            list(map(str, command)),
            cwd=HERE.parent,
            env=os.environ | SETTINGS,
            capture_output=True,
            check=False,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {LONGEST_S} s"}
    if not result.exists():
        return {"error": f"its process ended with status {child.returncode}"}
    return json.loads(result.read_text(encoding="utf-8"))


def _summary(work: Work, runs: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of one work, and ratios to the limit that was measured beside each of them."""
    roles = [case.role for case in work.cases]
    limit = _medians(runs[roles.index("limit")]) if "limit" in roles else []
    cases = []
    for case, done in zip(work.cases, runs, strict=True):
        seconds = _medians(done)
        peaks = [run["bytes"] for run in done if run.get("bytes") is not None]
        pairs = list(zip(seconds, limit, strict=False))
        cases.append(
            {
                "name": case.name,
                "role": case.role,
                "seconds_each": seconds,
                "seconds": median(seconds) if seconds else None,
                "ratio": median(own / bare for own, bare in pairs) if pairs else None,
                "bytes": max(peaks, default=None),
                "targets": dict(case.targets),
                "error": done[-1].get("error"),
            }
        )
    return {"name": work.name, "title": work.title, "cases": cases}


def _medians(runs: list[dict[str, Any]]) -> list[float]:
    """Seconds of each process that came to its end."""
    return [median(run["seconds"]) for run in runs if "seconds" in run]


def _line(work: Work, case: Case, run: dict[str, Any]) -> str:
    """Say on one line what came of a case."""
    name = f"{work.name:<16} {case.name:<36}"
    if "error" in run:
        return f"{name} FAILED: {run['error']}"
    peak = "" if run["bytes"] is None else f"{run['bytes'] / 1e6:8.0f} MB"
    return f"{name} {median(run['seconds']) * 1e3:10.2f} ms {peak}"


def _found(name: str) -> Path:
    """Find a benchmark by the name of its file here, or by a path."""
    path = HERE / f"{name}.py" if name.isidentifier() else Path(name).resolve()
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in HERE.glob("[!_]*.py")))
        raise SystemExit(f"there is no benchmark {name!r}; expected some of: {known}")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if ours or the limit failed, whatever peers did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of files here, all by default")
    parser.add_argument("--repeats", type=int, default=3, help="processes per case")
    parser.add_argument("--size", choices=("tiny", "small", "full"), default="full")
    parser.add_argument(
        "--results", type=Path, help="where JSON goes; by default only full size goes to results/"
    )
    chosen = parser.parse_args(arguments)
    usual = HERE / "results" if chosen.size == "full" else HERE.parent / "_build" / "benchmarks"
    results: Path = chosen.results or usual
    results.mkdir(parents=True, exist_ok=True)
    load_before = load_now()  # once: later it would be the load of the benchmarks
    if load_before > 0.5:
        print(f"other programs keep this machine busy ({load_before} cores): ratios will be unsure")
    failed = False
    paths = [_found(name) for name in chosen.only] or sorted(HERE.glob("[!_]*.py"))
    for path in paths:
        report = run_benchmark(path, chosen.size, chosen.repeats, load_before)
        cases = [case for work in report["works"] for case in work["cases"]]
        failed |= any(case["error"] and case["role"] != "peer" for case in cases)
        written = results / f"{path.stem}.json"
        written.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"  written: {written}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
