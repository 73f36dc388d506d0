"""The commands of the package: ``python -m data_helpers COMMAND``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

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
    """Fetch all datasets and say where each is, and on which terms."""
    from data_helpers.samples import fetch_all, sample_info

    found = fetch_all(progress=True)
    for name, path in found.items():
        print(f"{name:<10} {path}")
    for name in found:
        print(f"{name:<10} licence: {sample_info(name).licence}")
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
    from data_helpers.machine import findings

    ready = True
    for finding in findings():
        ready &= finding.verdict != "FAIL"
        print(finding, flush=True)
    print("This machine is ready." if ready else "Not ready yet: see the lines with FAIL.")
    return ready


if __name__ == "__main__":
    sys.exit(main())
