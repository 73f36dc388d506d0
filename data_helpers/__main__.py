"""The commands of the package: ``python -m data_helpers COMMAND``."""

import argparse
import importlib.metadata
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]

_GIB = 2**30
_MEMORY_WANTED, _DISK_WANTED = 2 * _GIB, 2 * _GIB
# What became of a notebook, in words for the terminal.
_STATES = {
    "new": "written",
    "refreshed": "replaced by a newer version (nobody had worked in it)",
    "unchanged": "unchanged",
    "kept": "kept as it is, since it holds your work",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        The words after ``python -m data_helpers``; by default those of the command line.

    Returns
    -------
    int
        0 if it worked, 1 if not; why is on the error stream.
    """
    parser = argparse.ArgumentParser(prog="python -m data_helpers", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True)
    _add_check(commands)
    _add_fetch(commands)
    _add_exercises(commands)
    chosen = parser.parse_args(arguments)
    try:
        sound: bool = chosen.run(chosen)
    except (OSError, ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if sound else 1


def _add_exercises(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command that writes the exercise notebooks."""
    command = commands.add_parser(
        "exercises",
        help="write the exercise notebooks into a directory",
        description="Write the exercise notebooks. A notebook that somebody has worked in is kept; "
        "a newer version of it goes beside it.",
    )
    command.add_argument("directory", type=Path, help="where to; made if it is not there")
    command.add_argument(
        "--instructor", action="store_true", help="the notebooks with solutions instead"
    )
    command.set_defaults(run=_write_exercises)


def _write_exercises(chosen: argparse.Namespace) -> bool:
    """Write the notebooks and say what became of each."""
    from data_helpers.checks.notebooks import write_notebooks

    for written in write_notebooks(chosen.directory, instructor=chosen.instructor):
        print(f"{written.path}: {_STATES[written.state]}")
    return True


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "fetch",
        help="download and verify the data",
        description="Download what is missing, verify all, and say where it is. "
        "DATA_HELPERS_CACHE decides where; DATA_HELPERS_BASE_URL names a mirror.",
    )
    command.set_defaults(run=_fetch)


def _fetch(_: argparse.Namespace) -> bool:
    """Fetch all datasets and say where each is."""
    from data_helpers.samples import fetch_all

    for name, path in fetch_all(progress=True).items():
        print(f"{name:<10} {path}")
    return True


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "check",
        help="see whether this machine is ready for a workshop",
        description="Look at Python, the packages, the data, memory and disk. "
        "Run it the day before a workshop.",
    )
    command.set_defaults(run=_check)


def _check(_: argparse.Namespace) -> bool:
    """Print a line for each thing looked at."""
    failed = False
    for looks in (_look_at_python, _look_at_packages, _look_at_data, _look_at_room):
        for verdict, text in looks():
            failed |= verdict == "FAIL"
            print(f"{verdict:<5} {text}", flush=True)
    print("Not ready yet: see the lines with FAIL." if failed else "This machine is ready.")
    return not failed


def _look_at_python() -> Iterator[tuple[str, str]]:
    enough = sys.version_info >= (3, 11)
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield ("ok", text) if enough else ("FAIL", f"{text}; 3.11 or later is needed")


def _look_at_packages() -> Iterator[tuple[str, str]]:
    """Compare what is installed with what this package says it needs, the data extra included."""
    from packaging.requirements import Requirement

    found = 0
    for line in importlib.metadata.requires("chunk-by-chunk") or []:
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": "data"}):
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield "FAIL", f"{wanted.name} is not installed: pip install '{wanted.name}'"
            continue
        if wanted.specifier.contains(version, prereleases=True):
            found += 1
        else:
            yield "FAIL", f"{wanted.name} is {version}, expected {wanted.specifier}"
    yield "ok", f"{found} packages as needed"


def _look_at_data() -> Iterator[tuple[str, str]]:
    """Load everything, as the book does."""
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
        except Exception as error:  # whatever it is, the participant is to hear of it
            yield "FAIL", f"{name}: {error}"
            continue
        yield "ok", f"{name}: {array.shape} {array.dtype}"
        for warning in said:
            yield "note", f"{name}: {warning.message}"


def _look_at_room() -> Iterator[tuple[str, str]]:
    from data_helpers.samples.settings import cache_folder

    memory = _free_memory()
    if memory is None:
        yield "note", "how much memory is free cannot be told on this system; 2 GiB are enough"
    else:
        text = f"{memory / _GIB:.1f} GiB of memory free, {os.cpu_count()} processors"
        yield ("ok", text) if memory >= _MEMORY_WANTED else ("note", f"{text}; 2 GiB are better")
    folder = cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    disk = shutil.disk_usage(existing).free
    text = f"{disk / _GIB:.1f} GiB of disk free for {folder}"
    yield ("ok", text) if disk >= _DISK_WANTED else ("note", f"{text}; 2 GiB are better")


def _free_memory() -> int | None:
    """Return the bytes that new programs can have, where the system tells."""
    table = Path("/proc/meminfo")
    if not table.exists():
        return None
    for line in table.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


if __name__ == "__main__":
    sys.exit(main())
