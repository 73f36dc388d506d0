"""Mark the answers to the exercises, and say why one is not right yet.

In an exercise notebook::

    from data_helpers.checks import check

    check("03.2", chunk_slices)     # as the last line of a cell: shows a verdict
    check.progress()                # what is done and what is left

An answer is called on fresh random data, in a second process that can be stopped, so an endless
loop costs seconds and a crash costs nothing. Marking needs no network and changes no file.
"""

import atexit
import secrets
import sys
from pathlib import Path
from typing import Any

import cloudpickle

from data_helpers.checks.record import Progress
from data_helpers.checks.verdict import Verdict
from data_helpers.checks.worker import Request, Stopped, Worker

__all__ = ["Progress", "Verdict", "check", "progress"]

_worker = Worker()
atexit.register(_worker.stop)
_record: dict[str, list[Verdict]] = {}
_LIMIT = 10.0  # seconds; right answers take well under one


def check(
    task: str, answer: Any, seed: int | None = None, *, time_limit: float = _LIMIT
) -> Verdict:
    """Mark an answer to a task of an exercise.

    Parameters
    ----------
    task
        Number of the task, such as ``"03.2"``.
    answer
        The function you wrote (not its result), or the value a task asks for.
    seed
        Repeats the random data of an earlier check; by default the data is new each time.
    time_limit
        Seconds after which the answer is stopped.

    Returns
    -------
    Verdict
        Whether the answer is right and, if not, what was found and what to look at next. An error
        that the answer raises is part of the verdict.

    Raises
    ------
    ValueError
        If there is no such task.

    Examples
    --------
    >>> def chunk_slices(shape, chunks):
    ...     raise NotImplementedError
    >>> print(check("03.2", chunk_slices).heading)
    Not started
    """
    from data_helpers.checks.tasks import find_task

    title = find_task(task).title
    seed = secrets.randbits(32) if seed is None else seed
    verdict = _ask(task, title, answer, seed, time_limit)
    _record.setdefault(task, []).append(verdict)
    return verdict


def progress() -> Progress:
    """Show which tasks are done, in this session of Python.

    Nothing is kept in a file: after a restart, run the check cells again.

    Returns
    -------
    Progress
        A table with one line per task of the chapters worked on; shows itself in a notebook.

    Examples
    --------
    >>> from data_helpers.checks import check
    >>> table = check.progress()
    """
    return Progress.of(_record)


check.progress = progress  # type: ignore[attr-defined]


def _ask(task: str, title: str, answer: Any, seed: int, limit: float) -> Verdict:
    """Send an answer to the worker; what goes wrong on the way becomes a verdict."""
    try:
        pickled = _pickled_by_value(answer)
    except Exception as error:  # pickling runs code of whatever the answer refers to
        return Verdict(
            task,
            title,
            "error",
            f"Your answer could not be sent to the process that marks it: {error}",
            "Does it use an open file, a lock or a similar object from another cell? Open it "
            "inside the function, or pass it as an argument.",
            seed=seed,
        )
    try:
        return _worker.ask(Request(task, pickled, seed, sys.path.copy(), str(Path.cwd())), limit)
    except Stopped as stopped:
        return Verdict(task, title, "stopped", *_why_stopped(stopped, limit), seed=seed)


def _pickled_by_value(answer: Any) -> bytes:
    """Pickle an answer so that a process without its notebook or script can use it."""
    module = sys.modules.get(getattr(answer, "__module__", None) or "")
    name = getattr(module, "__name__", "__main__")
    by_reference = name in ("__main__", "builtins") or name.split(".")[0] == "data_helpers"
    if module is None or by_reference or name in cloudpickle.list_registry_pickle_by_value():
        return bytes(cloudpickle.dumps(answer))
    # from a file beside the notebook: the worker may hold an older version of it
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(answer))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _why_stopped(stopped: Stopped, limit: float) -> tuple[str, str]:
    """Summary and advice for an answer that took too long or ended its process."""
    where = f"`{stopped.call}`" if stopped.call else "the check"
    if stopped.exit_code is None:
        summary = f"{where} had not come back after {limit:g} seconds and was stopped."
        advice = "Is there a loop that never ends? Try the call by hand, with small numbers."
    else:
        summary = f"{where} ended the whole Python process (exit code {stopped.exit_code})."
        advice = "Did it run out of memory, or end the process on purpose?"
    return summary, advice


def _in_a_notebook() -> bool:
    """Whether somebody is likely to check an answer soon."""
    ipython = sys.modules.get("IPython")
    return bool(ipython and ipython.get_ipython())


if _in_a_notebook():  # while the first task is being read, the worker warms up
    _worker.start()
