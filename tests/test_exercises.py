"""The exercises: solutions pass, stubs fail politely, wrong answers are told the right thing."""

import json
import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import nbformat
import pytest
import wrong_answers
from conftest import ROOT
from nbclient import NotebookClient
from wrong_answers import PLANTED, Planted, chunking

from data_helpers.__main__ import main
from data_helpers.checks.notebooks import exercise_sources, make_notebook, write_notebooks
from data_helpers.checks.tasks import TASKS
from data_helpers.checks.verdict import Verdict
from data_helpers.checks.worker import Request, run_request

SOURCES = sorted((ROOT / "exercises").glob("*.md"))
# `make quick` tries less
SEEDS = (1,) if os.environ.get("HYPOTHESIS_PROFILE") == "quick" else (1, 2, 3)


def marked(task: str, answer: object, seed: int) -> Verdict:
    """Mark an answer in this process, as the worker does."""
    cloudpickle.register_pickle_by_value(wrong_answers)
    try:
        pickled = cloudpickle.dumps(answer)
    finally:
        cloudpickle.unregister_pickle_by_value(wrong_answers)
    request = Request(task, pickled, seed, sys.path.copy(), str(Path.cwd()))
    return run_request(request, lambda call: None)


def stem(source: Path) -> str:
    return source.stem


def executed(notebook: nbformat.NotebookNode, folder: Path) -> list[tuple[str, str]]:
    """Run a notebook in a folder; the code and the output of each of its cells."""
    nbformat.validate(notebook)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=200, resources=resources).execute()
    return [(cell.source, shown(cell)) for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> str:
    return "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def verdicts(cells: list[tuple[str, str]]) -> dict[str, str]:
    """What each check found, by task."""
    texts = [text for code, text in cells if re.search(r'\bcheck\("', code)]
    found = [re.match(r"(\d\d\.\d) .*: ([\w ]+)\n", text) for text in texts]
    return {match[1]: match[2] for match in found if match}


def tasks_of(source: Path) -> list[str]:
    return [task.number for task in TASKS if task.number[:2] == source.stem[:2]]


@dataclass
class Ran:
    """What the cells of a chapter's notebooks printed: with its solutions, then with its stubs."""

    source: Path
    solutions: list[tuple[str, str]]
    stubs: list[tuple[str, str]]


@pytest.fixture(scope="module", params=SOURCES, ids=stem)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run both notebooks of a chapter, in a copy of their folder that holds nothing else.

    One process runs both, to start it only once. The stubs come second and take the place of the
    solutions; whatever else the student's notebook has, the instructor's has as well.
    """
    source: Path = request.param
    folder = tmp_path_factory.mktemp(source.stem)
    for instructor in (True, False):
        write_notebooks(folder / "generated", instructor=instructor)
    shutil.copytree(folder / "generated", folder / "copy")
    shutil.rmtree(folder / "generated")
    solved, open_ = (folder / "copy" / f"{source.stem}{end}.ipynb" for end in ("_solutions", ""))
    both = nbformat.read(solved, 4)
    count = sum(cell.cell_type == "code" for cell in both.cells)
    for cell in nbformat.read(open_, 4).cells:
        both.cells.append(nbformat.from_dict({**cell, "id": f"again-{cell.id}"}))
    cells = executed(both, folder / "copy")
    return Ran(source, cells[:count], cells[count:])


@pytest.mark.slow
def test_with_solutions_every_check_passes_from_a_copy_of_the_folder_alone(ran: Ran) -> None:
    assert verdicts(ran.solutions) == dict.fromkeys(tasks_of(ran.source), "Right")
    done = len(tasks_of(ran.source))
    assert f"{done} of {done} tasks are right." in ran.solutions[-1][1]


@pytest.mark.slow
def test_every_stub_fails_politely_and_the_notebook_runs_to_its_end(ran: Ran) -> None:
    assert verdicts(ran.stubs) == dict.fromkeys(tasks_of(ran.source), "Not started")
    assert not any("Error" in text or "Traceback" in text for _, text in ran.stubs)
    assert f"0 of {len(tasks_of(ran.source))} tasks are right." in ran.stubs[-1][1]


def solved(source: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The names an instructor's notebook defines, and for each task the answer it checks."""
    names: dict[str, Any] = {"__name__": "__main__", "check": lambda *_: None}
    answers: dict[str, str] = {}
    for cell in make_notebook(source, instructor=True)["cells"]:
        code = "".join(cell["source"])
        checked = re.search(r'check\("(.+?)", (.+)\)', code)
        if checked:
            answers[checked[1]] = checked[2]
        elif code.startswith(("from ", "import ")) or "solution" in cell["metadata"].get(
            "tags", []
        ):
            exec(code, names)
    return names, answers


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_a_right_answer_is_right_whatever_the_random_data(source: Path) -> None:
    names, answers = solved(source)
    assert list(answers) == tasks_of(source)
    for task, answer in answers.items():
        for seed in range(12):
            verdict = marked(task, eval(answer, names), seed)
            assert verdict.passed, verdict


def named(planted: Planted) -> str:
    name = getattr(planted.answer, "__name__", "value")
    return f"{planted.task} {planted.advice[:30]} {name}"


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED, ids=named)
def test_a_wrong_answer_is_told_the_right_thing(planted: Planted) -> None:
    for seed in SEEDS:
        verdict = marked(planted.task, planted.answer, seed)
        assert verdict.outcome == "wrong", verdict
        assert planted.advice in str(verdict)
        assert "<svg" not in str(verdict)
        assert not verdict.frames


def test_every_task_has_at_least_two_planted_wrong_answers() -> None:
    counts = Counter(planted.task for planted in PLANTED)
    assert all(counts[task.number] >= 2 for task in TASKS), counts


def test_where_a_picture_helps_there_is_one() -> None:
    seam = marked("03.5", chunking.smooth(depth=lambda sigma: 0), 1)
    gaps = marked("03.2", chunking.floor_division, 1)
    assert "differs" in seam.picture
    assert "in no chunk" in gaps.picture


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_each_task_has_what_a_task_needs(source: Path) -> None:
    cells = make_notebook(source, instructor=True)["cells"]
    text = source.read_text(encoding="utf-8")
    titles = re.findall(r"^## (\d\d\.\d) (.*) \((\d+) minutes\)$", text, re.M)
    assert [(number, title) for number, title, _ in titles] == [
        (task.number, task.title) for task in TASKS if task.number[:2] == source.stem[:2]
    ]
    assert 5 <= len(titles) <= 7
    assert titles[-1][1].startswith("Stretch")
    minutes = sum(int(number) for _, _, number in titles[:-1])
    assert f"{minutes} minutes in all" in text
    for task in tasks_of(source):
        part = text.split(f"## {task} ")[1].split("\n## ")[0]
        assert part.count("<details>") == part.count("</details>") == 2, task
        assert part.count(f'check("{task}", ') == 1 or task == "01.7", task
        assert part.count(":tags: [stub]") == part.count("tags: [solution,") == 1, task
    tags = [tag for cell in cells for tag in cell["metadata"].get("tags", [])]
    assert tags.count("stub") == tags.count("solution") == len(titles)


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_a_stub_has_the_signature_and_the_docstring_and_does_nothing(source: Path) -> None:
    for cell in make_notebook(source)["cells"]:
        code = "".join(cell["source"])
        if "stub" in cell["metadata"].get("tags", []) and "def " in code:
            assert code.count("def ") == code.count("raise NotImplementedError")
            assert code.count('"""') == 2 * code.count("def ")
            assert "Parameters" in code


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_what_a_learner_reads_is_plain_markdown(source: Path) -> None:
    cells = make_notebook(source)["cells"]
    text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    outside_code = re.sub("`[^`]*`", "", text)  # where templates of file names have braces
    assert "{" not in outside_code, "a role shows as raw text in Jupyter"
    assert "```{" not in text, "a directive shows as raw text in Jupyter"
    assert ".md)" not in text, "links to pages lead nowhere from a notebook"
    assert ":::" not in text


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_the_students_notebook_has_no_solutions_and_the_instructors_has(source: Path) -> None:
    student = json.dumps(make_notebook(source))
    instructor = json.dumps(make_notebook(source, instructor=True))
    assert '"solution"' not in student
    assert '"solution"' in instructor
    assert "<details>" in student


@pytest.mark.slow
def test_notebooks_are_valid_have_no_outputs_and_stable_ids() -> None:
    for source in SOURCES:
        notebook, again = make_notebook(source), make_notebook(source)
        nbformat.validate(notebook)
        assert notebook == again
        ids = [cell["id"] for cell in notebook["cells"]]
        assert len(set(ids)) == len(ids)
        assert all(not cell.get("outputs") for cell in notebook["cells"])
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert "jupytext" not in notebook["metadata"]
        instructor = {cell["id"] for cell in make_notebook(source, instructor=True)["cells"]}
        assert set(ids) < instructor


def states(written: list[Any]) -> dict[str, str]:
    return {entry.path.name: entry.state for entry in written}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source of ours that a test may change."""
    folder = tmp_path / "sources"
    folder.mkdir()
    shutil.copy(SOURCES[0], folder / "01_storage.md")
    monkeypatch.setattr(
        "data_helpers.checks.notebooks.exercise_sources", lambda: sorted(folder.glob("*.md"))
    )
    return folder / "01_storage.md"


def work_in(path: Path) -> str:
    """Do what a participant does: answer a task and save."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][3]["source"] = ["my = 'answer'"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def change(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("# Exercises: storage", "# Exercises: more"), encoding="utf-8")


def test_notebooks_nobody_worked_in_are_refreshed(sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    assert states(write_notebooks(out)) == {"01_storage.ipynb": "new"}
    assert states(write_notebooks(str(out))) == {"01_storage.ipynb": "unchanged"}
    change(sources)
    assert states(write_notebooks(out)) == {"01_storage.ipynb": "refreshed"}
    assert "Exercises: more" in (out / "01_storage.ipynb").read_text()
    assert len(list(out.iterdir())) == 1


def test_a_participants_work_is_never_overwritten(sources: Path, tmp_path: Path) -> None:
    write_notebooks(tmp_path)
    mine = tmp_path / "01_storage.ipynb"
    work = work_in(mine)
    assert states(write_notebooks(tmp_path)) == {"01_storage.ipynb": "kept"}
    change(sources)
    assert states(write_notebooks(tmp_path)) == {
        "01_storage.ipynb": "kept",
        "01_storage_2.ipynb": "new",
    }
    more = work_in(tmp_path / "01_storage_2.ipynb")
    change(sources)
    sources.write_text(sources.read_text().replace("Exercises: more", "Exercises: third"))
    assert states(write_notebooks(tmp_path))["01_storage_3.ipynb"] == "new"
    assert mine.read_text() == work
    assert (tmp_path / "01_storage_2.ipynb").read_text() == more


@pytest.mark.parametrize("content", ["", "not json", "[]", "{}", '{"metadata": {}, "cells": []}'])
def test_a_file_that_is_not_ours_is_never_overwritten(
    sources: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "01_storage.ipynb").write_text(content)
    assert states(write_notebooks(tmp_path)) == {
        "01_storage.ipynb": "kept",
        "01_storage_2.ipynb": "new",
    }
    assert (tmp_path / "01_storage.ipynb").read_text() == content


def test_a_directory_or_a_dead_link_of_that_name_is_left_alone(
    sources: Path, tmp_path: Path
) -> None:
    (tmp_path / "01_storage.ipynb").mkdir()
    (tmp_path / "01_storage_2.ipynb").symlink_to(tmp_path / "nowhere")
    assert states(write_notebooks(tmp_path))["01_storage_3.ipynb"] == "new"
    assert not (tmp_path / "nowhere").exists()


def test_only_running_a_notebook_counts_as_work_as_well(sources: Path, tmp_path: Path) -> None:
    write_notebooks(tmp_path)
    path = tmp_path / "01_storage.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    path.write_text(json.dumps(notebook))
    assert states(write_notebooks(tmp_path)) == {"01_storage.ipynb": "kept"}


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="expected a directory"):
        write_notebooks(tmp_path / "file")


def test_sources_are_found_in_the_checkout_and_travel_with_the_wheel() -> None:
    import tomllib

    assert exercise_sources() == SOURCES
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"exercises": "data_helpers/_exercises"}


def test_without_sources_the_message_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = tmp_path / "package" / "checks" / "notebooks.py"
    monkeypatch.setattr("data_helpers.checks.notebooks.__file__", str(lonely))
    with pytest.raises(FileNotFoundError, match=r"no exercises in .*_exercises"):
        exercise_sources()


def test_without_jupytext_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(ImportError, match=r"chunk-by-chunk\[dev\]"):
        make_notebook(SOURCES[0])


def test_the_command_writes_the_notebooks_and_says_what_it_kept(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(sources, sources.with_name("03_chunking.md"))
    out = tmp_path / "out"
    assert main(["exercises", str(out)]) == 0
    assert f"{out / '01_storage.ipynb'}: written" in capsys.readouterr().out
    work = work_in(out / "01_storage.ipynb")
    assert main(["exercises", str(out)]) == 0
    again = capsys.readouterr().out
    assert "01_storage.ipynb: kept as it is, since it holds your work" in again
    assert "03_chunking.ipynb: unchanged" in again
    assert (out / "01_storage.ipynb").read_text(encoding="utf-8") == work
    assert main(["exercises", str(out), "--instructor"]) == 0
    assert "01_storage_solutions.ipynb: written" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_reports_an_error_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["exercises", str(tmp_path / "file")]) == 1
    assert "is a file; expected a directory" in capsys.readouterr().err
    assert main(["exercises", str(tmp_path / "new")]) == 0
