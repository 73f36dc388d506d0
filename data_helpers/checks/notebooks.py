"""Make the exercise notebooks from their Markdown sources, and never touch somebody's work.

A source holds everything: tasks, stubs, hints, solutions, checks. The student's notebook leaves
out the cells tagged ``solution``; the instructor's keeps them. A notebook carries a fingerprint of
itself in its metadata: as long as it fits, nobody has worked in the notebook and a newer version
may take its place; otherwise it is kept, and the newer version is put beside it.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

__all__ = ["Written", "exercise_sources", "make_notebook", "write_notebooks"]

Notebook: TypeAlias = dict[str, Any]

_OURS = "chunk_by_chunk"  # our entry in a notebook's metadata
_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# a link to another page of the book leads nowhere from a notebook on its own
_LINK_TO_A_PAGE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\.md[^)]*\)")


@dataclass(frozen=True)
class Written:
    """What became of one notebook.

    Attributes
    ----------
    path : Path
        The notebook.
    state : str
        ``"new"``, ``"refreshed"`` (nobody had worked in it), ``"unchanged"``, or ``"kept"``
        (it holds somebody's work).
    """

    path: Path
    state: Literal["new", "refreshed", "unchanged", "kept"]


def exercise_sources() -> list[Path]:
    """Find the Markdown sources of all exercises, in the order of the chapters.

    Returns
    -------
    list of Path
        From the installed package, or from the checkout it is used from.

    Raises
    ------
    FileNotFoundError
        If the package was installed without them.
    """
    package = Path(__file__).parent.parent
    folders = (package / "_exercises", package.parent / "exercises")
    for folder in folders:
        found = sorted(folder.glob("[0-9][0-9]_*.md"))
        if found:
            return found
    raise FileNotFoundError(
        f"no exercises in {folders[0]} or {folders[1]}: install the package again from its "
        "wheel, or use a checkout of the repository"
    )


def make_notebook(source: Path, *, instructor: bool = False) -> Notebook:
    """Turn an exercise's Markdown into a notebook.

    Parameters
    ----------
    source
        MyST Markdown as Jupytext writes it.
    instructor
        Keep the solutions.

    Returns
    -------
    dict
        The notebook as nbformat 4.5, without outputs, and with cell ids that stay the same as long
        as the text of a cell does.

    Raises
    ------
    ImportError
        If Jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise ImportError(
            "making notebooks needs jupytext: pip install 'chunk-by-chunk[dev]'"
        ) from error
    parsed = jupytext.reads(source.read_text(encoding="utf-8"), fmt="md:myst")
    cells = [cell for cell in parsed.cells if instructor or "solution" not in _tags(cell)]
    ids: Counter[str] = Counter()
    notebook: Notebook = {
        "cells": [_clean_cell(cell, ids) for cell in cells],
        "metadata": {**_KERNEL, _OURS: {"exercise": source.stem}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    notebook["metadata"][_OURS]["fingerprint"] = _fingerprint(notebook)
    return notebook


def write_notebooks(directory: str | Path, *, instructor: bool = False) -> list[Written]:
    """Write the notebooks of all exercises into a directory.

    A notebook that somebody has worked in, or that did not come from here, is never changed: if
    there is a newer version it goes beside it, with a number in its name.

    Parameters
    ----------
    directory
        Where to; made if it is not there.
    instructor
        Write the notebooks with solutions instead, named ``..._solutions.ipynb``.

    Returns
    -------
    list of Written
        What became of each notebook.

    Raises
    ------
    NotADirectoryError
        If `directory` is a file.
    """
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file; expected a directory for the notebooks")
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Written] = []
    for source in exercise_sources():
        notebook = make_notebook(source, instructor=instructor)
        stem = f"{source.stem}_solutions" if instructor else source.stem
        written += _write_beside(directory, stem, notebook)
    return written


def _write_beside(directory: Path, stem: str, notebook: Notebook) -> Iterator[Written]:
    """Write a notebook under the first name that is free or not worked in."""
    fingerprint = notebook["metadata"][_OURS]["fingerprint"]
    for number in range(1, 1000):
        path = directory / (f"{stem}.ipynb" if number == 1 else f"{stem}_{number}.ipynb")
        if not os.path.lexists(path):
            _replace(path, notebook)
            yield Written(path, "new")
            return
        start, worked_in = _began_as(path)
        if worked_in:
            yield Written(path, "kept")
        elif start != fingerprint:
            _replace(path, notebook)
            yield Written(path, "refreshed")
            return
        else:
            yield Written(path, "unchanged")
        if start == fingerprint:  # this is the newest version, worked in or not
            return


def _began_as(path: Path) -> tuple[str, bool]:
    """Fingerprint of what a notebook was when it was written, and whether it was changed since."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        start = str(found["metadata"][_OURS]["fingerprint"])
        return start, _fingerprint(found) != start
    except (OSError, ValueError, KeyError, TypeError):  # not one of ours: hands off
        return "", True


def _replace(path: Path, notebook: Notebook) -> None:
    """Write a notebook so that an interruption leaves the old one or the new one."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)


def _fingerprint(notebook: Notebook) -> str:
    """Hash everything in a notebook but the fingerprint itself."""
    metadata = dict(notebook["metadata"])
    metadata[_OURS] = {k: v for k, v in metadata[_OURS].items() if k != "fingerprint"}
    text = json.dumps({**notebook, "metadata": metadata}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _tags(cell: Any) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def _clean_cell(cell: Any, ids: "Counter[str]") -> dict[str, Any]:
    """Keep what a notebook needs of a cell; its id comes from its text."""
    text = cell.source
    if cell.cell_type == "markdown":
        text = _LINK_TO_A_PAGE.sub(r"\1", text)
    name = hashlib.sha256(f"{cell.cell_type}\0{text}".encode()).hexdigest()[:12]
    ids[name] += 1
    metadata: dict[str, Any] = {"tags": _tags(cell)} if _tags(cell) else {}
    if "solution" in _tags(cell):
        metadata["jupyter"] = {"source_hidden": True}  # folded until one looks
    clean = {
        "cell_type": cell.cell_type,
        "id": name if ids[name] == 1 else f"{name}-{ids[name]}",
        "metadata": metadata,
        "source": text.splitlines(keepends=True),
    }
    return (
        clean if cell.cell_type == "markdown" else {**clean, "execution_count": None, "outputs": []}
    )
