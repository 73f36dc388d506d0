"""What a benchmark is made of: works, and the cases that do each of them."""

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

__all__ = ["THREADS", "Case", "Size", "Work", "empty_folder", "load", "missing_packages"]

THREADS = 2  # what every case may use

Size = Literal["tiny", "small", "full"]


@dataclass(frozen=True)
class Case:
    """One way to do a work.

    Attributes
    ----------
    name : str
        How it is called in the report.
    setup : callable
        Takes the folder of the inputs and a path for the output, which does not exist yet. It
        imports and opens what is needed, untimed, and gives the function without arguments that
        is timed.
    role : str
        "ours", "peer", or "limit": the codec alone, of which the others are multiples.
    packages : tuple of str
        Distributions it needs; it is left out, by name, where one is not installed.
    targets : mapping
        The most that is aimed at: "seconds", "ratio" (to the limit) or "bytes" (peak memory).
    """

    name: str
    setup: Callable[[Path, Path], Callable[[], Any]]
    role: Literal["ours", "peer", "limit"] = "peer"
    packages: tuple[str, ...] = ()
    targets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """Something to be done, and all the ways to do it.

    Attributes
    ----------
    name : str
        Its key in the results.
    title : str
        What is done, in words.
    cases : tuple of Case
        The ways to do it.
    check : callable
        Takes the folder of the inputs and what a case returned; raises AssertionError if that is
        not what NumPy says it should be.
    items : int
        How many there are in one call: seconds are given for one of them.
    loops : int
        How often the call is repeated in one process, each time after `setup`. More than once for
        calls of milliseconds: their median leaves out what only a first call does.
    once : bool
        Whether one process per case is enough: for a peak of memory, or where there are loops.
    """

    name: str
    title: str
    cases: tuple[Case, ...]
    check: Callable[[Path, Any], None]
    items: int = 1
    loops: int = 1
    once: bool = False


def load(path: Path) -> ModuleType:
    """Import a benchmark, a file that has `prepare` and `WORKS`.

    `prepare` takes an empty folder and a `Size`, writes the inputs, and gives a dict of numbers
    about them, for the page.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def missing_packages(case: Case) -> list[str]:
    """Name the distributions that a case needs and that are not installed."""

    def installed(name: str) -> bool:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True

    return [name for name in case.packages if not installed(name)]


def empty_folder(path: Path) -> Path:
    """Make a folder, without what it held."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
