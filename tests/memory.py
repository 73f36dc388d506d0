"""Peak memory of a piece of work, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import require

_PREAMBLE = """
import json
from pathlib import Path

def memory(kind):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))

def start():
    global before
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far

def report(*results):
    print(json.dumps([memory("VmHWM") - before, *results]))
"""


def peak_of(code: str) -> tuple[int, list[Any]]:
    """Run code that calls `start()` before and `report(*results)` after what is measured.

    Returns the peak of the resident memory above what it was at the start, in bytes, and the
    results.
    """
    require(Path("/proc/self/clear_refs").exists(), "the peak of a process is read from /proc")
    done = subprocess.run(
        [sys.executable, "-c", _PREAMBLE + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    peak, *results = json.loads(done.stdout.splitlines()[-1])
    return peak, results
