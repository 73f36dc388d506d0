"""The harness that marks answers: it says why, survives everything, and shows itself."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from data_helpers import checks, grid
from data_helpers.checks import check, pictures
from data_helpers.checks.record import Progress
from data_helpers.checks.tasks import TASKS
from data_helpers.checks.verdict import Frame, Verdict


def right(shape, chunks):
    steps = [range(0, length, size) for length, size in zip(shape, chunks, strict=True)]
    for starts in product(*steps):
        ends = zip(starts, chunks, shape, strict=True)
        yield tuple(slice(start, min(start + size, length)) for start, size, length in ends)


@pytest.fixture(autouse=True)
def _nothing_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_record", {})


@pytest.fixture(scope="module", autouse=True)
def _worker_ended_after_these_tests() -> Iterator[None]:
    yield
    checks._worker.stop()


@pytest.mark.slow
def test_a_right_answer_passes() -> None:
    verdict = check("03.2", right)
    assert verdict.passed, verdict
    assert str(verdict).startswith("03.2 Go through all chunks: Right")


def test_a_stub_is_refused_politely() -> None:
    def chunk_slices(shape, chunks):
        raise NotImplementedError

    verdict = check("03.2", chunk_slices)
    assert verdict.outcome == "stub"
    assert "hints" in verdict.advice
    assert not verdict.frames


@pytest.mark.parametrize("nothing", [None, ...])
def test_a_value_not_filled_in_is_a_stub_as_well(nothing: object) -> None:
    assert check("03.2", nothing).outcome == "stub"


def test_a_library_that_is_not_implemented_is_no_stub() -> None:
    def answer(shape, chunks):
        return Executor().submit(print)

    verdict = check("03.2", answer)
    assert verdict.outcome == "error"
    assert "NotImplementedError" in verdict.summary


def test_the_result_in_place_of_the_function_is_refused() -> None:
    verdict = check("03.2", list(right((4,), (2,))))
    assert verdict.outcome == "wrong"
    assert "without calling it" in verdict.advice


def test_an_unknown_task_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no task '99\.9'; expected one of .*03\.2"):
        check("99.9", right)


def test_an_error_of_the_answer_is_shown_down_to_its_own_lines(tmp_path: Path) -> None:
    source = tmp_path / "cell.py"
    source.write_text(
        textwrap.dedent("""
        import numpy as np
        def inner(size):
            return np.zeros(3).reshape(size)
        def answer(shape, chunks):
            return inner(99)
        """)
    )
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(source.read_text(), str(source), "exec"), names)
    verdict = check("03.2", names["answer"])
    assert verdict.outcome == "error"
    assert "cannot reshape array of size 3 into shape (99,)" in verdict.summary
    assert [(frame.line, frame.function) for frame in verdict.frames] == [
        (6, "answer"),
        (4, "inner"),
    ]
    assert "return np.zeros(3).reshape(size)" in str(verdict)
    assert "site-packages" not in str(verdict)


def test_an_error_inside_a_generator_is_shown_as_well() -> None:
    def answer(shape, chunks):
        yield (slice(0, 3),)
        raise KeyError("lost")

    verdict = check("03.2", answer)
    assert "KeyError: 'lost'" in verdict.summary
    assert len(verdict.frames) == 1


def test_what_an_answer_prints_is_shown_and_cut() -> None:
    def answer(shape, chunks):
        print("x" * 5000)
        os.write(1, b"from compiled code")
        return []

    verdict = check("03.2", answer)
    assert "Your code printed:" in str(verdict)
    assert 500 < len(verdict.printed) < 700


def test_an_answer_that_asks_for_typing_does_not_hang() -> None:
    verdict = check("03.2", lambda shape, chunks: input("size? "))
    assert verdict.outcome == "error"
    assert "A check cannot type" in verdict.advice


@pytest.mark.slow
def test_a_stuck_answer_is_stopped_and_the_next_check_works() -> None:
    def answer(shape, chunks):
        while True:
            pass

    verdict = check("03.2", answer, time_limit=0.5)
    assert verdict.outcome == "stopped"
    assert "`answer((7, 10), (3, 4))` had not come back after 0.5 seconds" in verdict.summary
    assert check("03.2", right).passed


@pytest.mark.slow
def test_an_answer_stuck_in_compiled_code_is_stopped() -> None:
    verdict = check("03.2", lambda shape, chunks: 7 ** (7**8) // 3, time_limit=0.5)
    assert verdict.outcome == "stopped"


@pytest.mark.slow
def test_an_iterator_without_end_is_cut_off() -> None:
    def answer(shape, chunks):
        while True:
            yield (slice(0, 1),) * len(shape)

    verdict = check("03.2", answer)
    assert verdict.outcome == "wrong"
    assert "Does your loop end" in verdict.advice


@pytest.mark.slow
def test_an_answer_that_kills_its_process_costs_nothing() -> None:
    verdict = check("03.2", lambda shape, chunks: os._exit(3))
    assert verdict.outcome == "stopped"
    assert "exit code 3" in verdict.summary
    assert check("03.2", right).passed


@pytest.mark.slow
def test_an_answer_that_exits_is_an_error_of_the_answer() -> None:
    verdict = check("03.2", lambda shape, chunks: sys.exit(0))
    assert verdict.outcome == "error"
    assert "sys.exit" in verdict.summary


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux only")
def test_an_answer_that_eats_memory_is_refused_it() -> None:
    # less than most machines promise when asked, more than a check allows
    verdict = check("03.2", lambda shape, chunks: np.empty(10 * 2**30, "uint8"))
    assert verdict.outcome == "error"
    assert "Unable to allocate" in verdict.summary


def test_an_answer_that_cannot_travel_says_what_to_do(tmp_path: Path) -> None:
    with (tmp_path / "open.txt").open("w") as file:
        verdict = check("03.2", lambda shape, chunks: file.write("x"))
    assert verdict.outcome == "error"
    assert "could not be sent" in verdict.summary
    assert "pass it as an argument" in verdict.advice


@pytest.mark.slow
def test_an_interrupt_ends_the_worker_and_the_next_check_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:

        def interrupt(worker: object, deadline: float) -> None:
            raise KeyboardInterrupt

        check("03.2", right)
        before = checks._worker._process
        patch.setattr(checks.Worker, "_next", interrupt)
        with pytest.raises(KeyboardInterrupt):
            check("03.2", right)
    assert before is not None
    assert before.poll() is not None
    assert check("03.2", right).passed


@pytest.mark.slow
def test_the_worker_ends_with_the_process_that_started_it_even_when_it_is_stuck() -> None:
    code = """
        import os, threading, time
        from data_helpers import checks
        def stuck(shape, chunks):
            while True: pass
        thread = threading.Thread(target=checks.check, args=("03.2", stuck), daemon=True)
        thread.start()
        while not checks._worker._ready: time.sleep(0.05)
        time.sleep(0.3)
        print(checks._worker._process.pid, flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    worker = int(done.stdout)
    for _ in range(100):
        if not _running(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its notebook")


def _running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_worker_uses_the_newest_version_of_a_file_beside_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    beside = tmp_path / "my_chunks.py"
    for body, passed in (("return []", False), ("return chunk_slices(shape, chunks)", True)):
        beside.write_text(
            f"from data_helpers.grid import chunk_slices\ndef mine(shape, chunks):\n    {body}\n"
        )
        monkeypatch.delitem(sys.modules, "my_chunks", raising=False)
        sys.path_importer_cache.clear()
        (tmp_path / "__pycache__").exists() and [p.unlink() for p in tmp_path.rglob("*.pyc")]
        import my_chunks

        assert check("03.2", my_chunks.mine).passed is passed


def test_names_of_the_notebook_travel_with_the_answer() -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    code = """
        from itertools import product
        limit = min
        def part(start, size, length): return slice(start, limit(start + size, length))
        def answer(shape, chunks):
            starts = product(*(range(0, n, c) for n, c in zip(shape, chunks)))
            return [tuple(map(part, s, chunks, shape)) for s in starts]
    """
    exec(textwrap.dedent(code), names)
    assert check("03.2", names["answer"]).passed


def test_a_seed_repeats_a_check_and_without_one_the_data_is_new() -> None:
    def answer(shape, chunks):
        print(shape, chunks)
        return list(right(shape, chunks))

    first, again, other = check("03.2", answer, 5), check("03.2", answer, 5), check("03.2", answer)
    assert first.printed == again.printed
    assert first.printed != other.printed
    wrong = check("03.2", lambda shape, chunks: [], 77)
    assert 'check("03.2", ..., seed=77)' in str(wrong)


def test_progress_shows_the_last_state_of_each_task_of_the_chapters_begun() -> None:
    assert str(check.progress()) == "No task has been checked yet."  # type: ignore[attr-defined]
    check("03.2", None)
    check("03.2", right)
    table = checks.progress()
    assert ("03.2", "Go through all chunks", "Right", 2) in table.rows
    assert {row[0][:2] for row in table.rows} == {"03"}
    assert table.done == 1
    assert table.summary in table._repr_html_()
    assert "Go through all chunks" in str(table)
    check("03.2", None)
    assert checks.progress().done == 0


def test_progress_escapes_what_it_shows() -> None:
    assert "<b>" not in Progress((("1", "<b>", "Right", 1),))._repr_html_()


def test_a_verdict_in_a_notebook_is_well_formed_and_escapes_what_comes_from_the_answer() -> None:
    frames = (Frame("<stdin>", 3, "f"),)
    verdict = Verdict(
        "03.2", "T", "error", "a < b & `x<1` ", "see `y`", frames=frames, printed="<script>"
    )
    shown = verdict._repr_html_()
    ElementTree.fromstring(shown)
    assert "<script>" not in shown
    assert "<code>x&lt;1</code>" in shown
    assert "color:" not in shown.replace("font-", ""), "text takes the colour of the page"


def test_a_single_backtick_is_kept() -> None:
    assert "one ` only" in Verdict("1", "T", "wrong", "one ` only")._repr_html_()


def test_the_colours_are_those_of_the_book() -> None:
    from data_helpers import plotting

    assert pictures.COLOURS.items() <= dict(plotting.COLOURS).items()


def test_a_map_shows_each_element_in_the_colour_of_its_role(tmp_path: Path) -> None:
    import base64
    import io
    import re

    from matplotlib.image import imread

    roles = np.array([["right", "wrong", "right"], ["unneeded", "right", "right"]])
    words = {"right": "r & r", "wrong": "w", "requested": "does not occur"}
    svg = pictures.cell_map(roles, words, ((0, 2), (0, 3)), title="a 'title'")
    ElementTree.fromstring(svg)
    assert "does not occur" not in svg
    data = re.search(r"base64,([^']+)'", svg)
    assert data
    pixels = imread(io.BytesIO(base64.b64decode(data[1])))[..., :3]
    for position, role in np.ndenumerate(roles):
        expected = [int(pictures.COLOURS[role][at : at + 2], 16) / 255 for at in (1, 3, 5)]
        np.testing.assert_allclose(pixels[position], expected, atol=1e-6)


def test_tasks_have_different_numbers_in_order() -> None:
    numbers = [task.number for task in TASKS]
    assert numbers == sorted(set(numbers))


def test_the_reference_is_right() -> None:
    assert check("03.2", grid.chunk_slices).passed
