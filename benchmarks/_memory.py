"""Peak memory of this process, as the operating system counts it."""

import sys
from pathlib import Path

__all__ = ["forget_peak", "peak_bytes"]

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def forget_peak() -> int | None:
    """Begin a new peak, where that can be done, and give the bytes held now.

    Linux forgets the peak so far. macOS cannot: the peak of the imports is what is given there,
    so that work which needs less than importing did counts as nothing. Windows gives None.
    """
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    return peak_bytes()


def peak_bytes() -> int | None:
    """Give the most bytes that were resident at one time.

    All pages count that are in memory and mapped: of the process's own, and of files it has mapped.
    What the system keeps of files that were read or written (its cache) does not count.
    """
    if _CLEAR.exists():  # on Linux ru_maxrss begins at the peak of the parent process
        line = next(s for s in _STATUS.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
