"""One case in a process of its own: set up, timed, its memory watched, its result checked.

Started by the runner as ``python -m benchmarks._child FILE FOLDER RESULT WORK CASE``; without a
work it writes the inputs, and takes the size instead. What came of it goes to the file RESULT.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks._case import THREADS, Case, Work, empty_folder, load
from benchmarks._memory import forget_peak, peak_bytes

__all__ = ["measure"]

# What our package imports at its first use. Peers import theirs before they are timed.
_IMPORTED_LATE = ("joblib", "zarrs", "numba")


def measure(work: Work, case: Case, folder: Path) -> dict[str, Any]:
    """Run one case and check what it gives.

    Returns
    -------
    dict
        "seconds" per item of each loop, and "bytes": the peak of memory during the timed calls
        above what was held before, None where the system does not tell.
    """
    seconds: list[float] = []
    growth: list[int] = []
    for _ in range(work.loops):
        run = case.setup(folder / "inputs", empty_folder(folder / "outputs") / "output")
        held = forget_peak()
        begin = time.perf_counter()
        result = run()
        seconds.append((time.perf_counter() - begin) / work.items)
        peak = peak_bytes()
        growth += [max(0, peak - held)] if peak is not None and held is not None else []
        if case.role != "limit":
            work.check(folder / "inputs", result)
    return {"seconds": seconds, "bytes": max(growth, default=None)}


def _pin() -> None:
    """Keep to as many cores as there are threads, where the system can be told so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def _main(arguments: Sequence[str]) -> None:
    path, folder, result, *which = arguments
    _pin()
    try:
        benchmark = load(Path(path))
        if len(which) == 1:
            answer: Any = benchmark.prepare(empty_folder(Path(folder) / "inputs"), which[0])
        else:
            work = next(work for work in benchmark.WORKS if work.name == which[0])
            case = next(case for case in work.cases if case.name == which[1])
            for name in filter(find_spec, _IMPORTED_LATE):
                import_module(name)
            answer = measure(work, case, Path(folder))
    except Exception as error:
        text = f"{type(error).__name__}: {error}".replace(str(folder), "FOLDER")
        answer = {"error": " ".join(text.split())[:300]}
    Path(result).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
