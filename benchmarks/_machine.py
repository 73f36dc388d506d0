"""What the results depend on besides the code: the machine and the versions of packages."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

__all__ = ["load_now", "machine", "versions"]


def machine() -> dict[str, Any]:
    """Describe the machine, without its name."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of those distributions that are installed."""
    found = {}
    for name in sorted(set(names)):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def load_now() -> float:
    """Watch for some seconds how many cores other programs use."""
    return round(psutil.cpu_percent(3) / 100 * (os.cpu_count() or 1), 2)


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
