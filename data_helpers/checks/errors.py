"""What to say of an error that an answer raised: only what lies in the learner's own code."""

import os
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_helpers.checks.verdict import Frame

__all__ = ["explain_error", "is_stub", "learner_frames"]

# Where code lies that the learner did not write: installed packages, and this one.
_PATHS = sysconfig.get_paths()
_NOT_THEIRS = tuple(
    str(Path(folder).resolve()) + os.sep
    for folder in (
        *(_PATHS[name] for name in ("stdlib", "purelib", "platlib")),
        str(Path(__file__).parent.parent),
    )
)


def explain_error(error: BaseException) -> tuple[str, str]:
    """Summarise an error that an answer raised, with advice where there is some.

    Parameters
    ----------
    error
        The error.

    Returns
    -------
    summary, advice : str
        What a call did, in Python's words or ours; what to do about it, or nothing.

    Examples
    --------
    >>> explain_error(ZeroDivisionError("division by zero"))
    ('raised ZeroDivisionError: division by zero', '')
    """
    text = "raised " + "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SystemExit):
        return "ended the program (`sys.exit` or `exit`).", "Use `return` instead."
    if isinstance(error, EOFError):
        return text, "A check cannot type: take what you need from the arguments, not `input()`."
    if isinstance(error, NameError):
        return text, "Names that your function uses must be defined in a cell that has been run."
    if isinstance(error, RecursionError):
        return text.splitlines()[0], "Your function calls itself without end."
    return text, ""


def learner_frames(error: BaseException) -> tuple[Frame, ...]:
    """Keep the steps to an error that lie in the learner's code, the last few of them.

    Parameters
    ----------
    error
        The error, with its traceback.

    Returns
    -------
    tuple of Frame
        At most three, the innermost last.
    """
    steps = traceback.extract_tb(error.__traceback__)
    kept = [Frame(step.filename, step.lineno or 0, step.name) for step in _outside(steps)]
    return tuple(kept[-3:])


def is_stub(error: BaseException) -> bool:
    """Whether the learner's own code, not a library below it, says that it is not written yet.

    Parameters
    ----------
    error
        The error, with its traceback.

    Returns
    -------
    bool
        True for a `NotImplementedError` raised in the learner's own lines.
    """
    steps = traceback.extract_tb(error.__traceback__)
    return isinstance(error, NotImplementedError) and bool(list(_outside(steps[-1:])))


def _outside(steps: Iterable[traceback.FrameSummary]) -> Iterator[traceback.FrameSummary]:
    """Yield the steps outside the standard library, installed packages and this package."""
    for step in steps:
        generated = step.filename.startswith(("<frozen", "<__array_function__"))
        file = str(Path(step.filename).resolve())
        if not generated and not file.startswith(_NOT_THEIRS):
            yield step
