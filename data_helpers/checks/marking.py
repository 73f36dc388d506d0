"""How an answer is put to the test: called on fresh data, watched, and told why it fails.

A task's mark is a plain function: it calls the answer, raises `Wrong` with a finding and advice
at the first thing that is not right, and otherwise returns a sentence that says what was tested.
It runs in a process of its own (`data_helpers.checks.worker`), so that it may be stopped.
"""

import contextlib
import copy
import io
import itertools
import os
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np

from data_helpers.checks.verdict import Frame, Outcome, Verdict

__all__ = [
    "Answer",
    "Stub",
    "Task",
    "Wrong",
    "describe",
    "mark",
    "mark_numbers",
    "refuse_hard_coded",
    "short",
]

_PRINT_LIMIT = 600  # characters of what an answer printed that are shown
# Where code lies that the learner did not write: installed packages, and this one.
_PATHS = sysconfig.get_paths()
_NOT_THEIRS = tuple(
    str(Path(folder).resolve()) + os.sep
    for folder in (
        *(_PATHS[name] for name in ("stdlib", "purelib", "platlib")),
        str(Path(__file__).parent.parent),
    )
)


class Wrong(Exception):  # noqa: N818 (a finding about an answer, not an error of ours)
    """An answer is not right: what was found, and what to look at next."""

    def __init__(self, summary: str, advice: str = "", picture: str = "") -> None:
        super().__init__(summary)
        self.summary, self.advice, self.picture = summary, advice, picture


class Stub(Exception):  # noqa: N818
    """An answer has not been started."""


class LearnerError(Exception):
    """The answer itself raised an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Task:
    """A task of an exercise and how its answers are marked.

    Attributes
    ----------
    number : str
        Chapter and place, such as ``"03.2"``.
    title : str
        What the task asks for.
    mark : callable
        Puts an `Answer` to the test; raises `Wrong`, or returns a sentence for a right answer.
    wants : str
        ``"function"``, or in words the value that is asked for.
    """

    number: str
    title: str
    mark: Callable[["Answer"], str]
    wants: str = "function"


class Answer:
    """A learner's answer: call it, and what it does is watched.

    Parameters
    ----------
    value
        The answer: a function, or a plain value.
    seed
        What random data is made from.
    report
        Called with a description of each call before it happens, so that somebody outside this
        process can say where an answer got stuck.
    """

    def __init__(self, value: Any, *, seed: int, report: Callable[[str], None]) -> None:
        self.value = value
        self.rng = np.random.default_rng(seed)
        self.name = getattr(value, "__name__", "answer")
        self._report = report
        self._printed = io.StringIO()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the answer and give back what it returns; its input must stay as it was.

        Arrays and lists are handed over as copies, so that the next call gets whole ones.
        """
        return self._run(lambda *a, **k: self.value(*a, **k), args, kwargs)

    def listed(self, *args: Any, at_most: int, **kwargs: Any) -> list[Any]:
        """Call an answer that returns an iterator and collect its items, but not without end."""

        def collect(*args: Any, **kwargs: Any) -> list[Any]:
            items = self.value(*args, **kwargs)
            if not isinstance(items, Iterable):
                raise Wrong(
                    f"`{describe(self.name, args, kwargs)}` gave {_kind(items)}, which one cannot "
                    "go through with a `for` loop.",
                    "Return a list, or `yield` the items one by one."
                    + (" Is there a `return` at the end?" if items is None else ""),
                )
            return list(itertools.islice(items, at_most + 1))

        items: list[Any] = self._run(collect, args, kwargs)
        if len(items) > at_most:
            raise Wrong(
                f"`{describe(self.name, args, kwargs)}` gave more than {at_most} items and was "
                "cut off.",
                "Does your loop end at the end of the array?",
            )
        return items

    def _run(self, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        question = describe(self.name, args, kwargs)
        self._report(question)
        given, given_by_name = copy.deepcopy((args, kwargs), _never_copied((args, kwargs)))
        with contextlib.redirect_stdout(self._printed), np.errstate(all="ignore"):
            try:
                result = call(*given, **given_by_name)
            except Wrong:
                raise
            except BaseException as error:
                raise (Stub() if _is_stub(error) else LearnerError(error)) from error
        before = [*args, *kwargs.values()]
        after = [*given, *given_by_name.values()]
        if any(_changed(*pair) for pair in zip(before, after, strict=True)):
            raise Wrong(
                f"`{question}` changes its input: after the call the array that was passed in is "
                "a different one.",
                "Whoever calls your function still needs their data. Work on a copy, or write "
                "into a new array made with `np.empty_like`.",
            )
        return result

    @property
    def printed(self) -> str:
        """What the answer has printed so far, cut to a readable length."""
        text = self._printed.getvalue().rstrip()
        return text if len(text) <= _PRINT_LIMIT else text[:_PRINT_LIMIT] + " ... (cut)"


def _never_copied(values: Any) -> dict[int, Any]:
    """Make a memo for `copy.deepcopy` that lets whatever is not plain data pass as it is."""
    plain = (np.ndarray, list, tuple, dict, set, Number, str, bytes, slice, type(None))
    args, kwargs = values
    return {id(value): value for value in (*args, *kwargs.values()) if not isinstance(value, plain)}


def _changed(before: Any, after: Any) -> bool:
    """Whether an argument was changed during a call."""
    if isinstance(before, np.ndarray):
        same_kind = before.shape == after.shape and before.dtype == after.dtype
        return not (same_kind and before.tobytes() == after.tobytes())
    if isinstance(before, (list, dict, set)):
        return bool(before != after)
    return False


def mark(task: Task, answer: Answer, seed: int) -> Verdict:
    """Put an answer to the test and say what was found.

    Parameters
    ----------
    task
        The task.
    answer
        The answer to it.
    seed
        What the random data of the answer was made from; it is only reported.

    Returns
    -------
    Verdict
        What was found. Errors of the answer are part of it and are not raised.
    """

    def verdict(outcome: Outcome, summary: str, advice: str = "", **more: Any) -> Verdict:
        return Verdict(
            *(task.number, task.title, outcome, summary, advice),
            **more,
            printed=answer.printed,
            seed=seed,
        )

    try:
        _check_kind(task, answer)
        return verdict("right", task.mark(answer))
    except Stub:
        return verdict(
            "stub",
            "This is still the empty stub, so there is nothing to mark yet.",
            "Write your answer in the cell above, run it, then run this cell again. The hints "
            "under the task help, one at a time.",
        )
    except Wrong as wrong:
        return verdict("wrong", wrong.summary, wrong.advice, picture=wrong.picture)
    except LearnerError as wrapped:
        error = wrapped.error
        return verdict("error", *_explain(error), frames=_learner_frames(error))


def _check_kind(task: Task, answer: Answer) -> None:
    """Refuse a value where a function is asked for, and the other way round."""
    value = answer.value
    if value is None or value is Ellipsis:
        raise Stub
    if task.wants == "function" and not callable(value):
        raise Wrong(
            f"This task asks for a function; you handed in {_kind(value)}, {short(value)}.",
            "Hand in the function itself, without calling it: `check(..., my_function)`, not "
            "`check(..., my_function(...))`.",
        )
    if task.wants != "function" and callable(value):
        raise Wrong(f"This task asks for {task.wants}; you handed in a function.")


def mark_numbers(
    answer: Answer,
    cases: Iterable[tuple[tuple[Any, ...], float]],
    slip: Callable[..., str],
    *,
    exact: bool = True,
) -> int:
    """Mark an answer that gives one number for each question.

    Parameters
    ----------
    answer
        The answer, called with the arguments of each case.
    cases
        For each case the arguments and the right number.
    slip
        Called with the arguments and the wrong number; gives advice if it knows the mistake.
    exact
        Whether the number is an integer; otherwise it may differ by one part in a billion.

    Returns
    -------
    int
        How many cases were asked.

    Raises
    ------
    Wrong
        At the first wrong number.
    """
    cases = list(cases)
    for args, expected in cases:
        question = describe(answer.name, args)
        found = _number(answer(*args), question, exact=exact)
        if found == expected if exact else np.isclose(found, expected, rtol=1e-9, atol=0):
            continue
        refuse_hard_coded(answer, [args for args, _ in cases])
        raise Wrong(
            f"`{question}` gave {short(found)}; expected {short(expected)}.", slip(*args, found)
        )
    return len(cases)


def _number(value: Any, question: str, *, exact: bool) -> Any:
    """Take a number, or say what came instead of it."""
    if value is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Number):
        raise Wrong(f"`{question}` gave {_kind(value)}; expected one number.")
    if exact and not isinstance(value, (int, np.integer)):
        raise Wrong(
            f"`{question}` gave {_kind(value)}, {short(value)}; expected an integer.",
            "Count with integers: `/` always gives a float, which is inexact for large numbers. "
            "`//` divides integers and rounds down; `-(-a // b)` rounds up.",
        )
    return value


def refuse_hard_coded(
    answer: Answer,
    questions: Sequence[tuple[Any, ...]],
    ask: Callable[..., Any] | None = None,
) -> None:
    """Say so when an answer gives the same, whatever it is asked.

    Meant to be called when an answer has been found wrong, to give the better reason.

    Parameters
    ----------
    answer
        The answer.
    questions
        At least three sets of arguments whose right results are not all the same.
    ask
        How the answer is called; by default directly.

    Raises
    ------
    Wrong
        If all its results are the same.
    """
    given = {repr((ask or answer)(*args)) for args in questions}
    if len(given) == 1:
        raise Wrong(
            f"Your function gives `{_cut(given.pop())}`, whatever it is asked.",
            "It looks hard-coded. Compute it from the arguments: the check asks with other "
            "arguments than the example.",
        )


def describe(name: str, args: Iterable[Any], kwargs: dict[str, Any] | None = None) -> str:
    """Write a call as one would type it, with arrays cut down to shape and dtype.

    Parameters
    ----------
    name
        Name of the function.
    args, kwargs
        Its arguments.

    Returns
    -------
    str
        The call.

    Examples
    --------
    >>> describe("count", [(7, 5), (2, 2)], {"depth": 1})
    'count((7, 5), (2, 2), depth=1)'
    """
    named = [f"{key}={short(value)}" for key, value in (kwargs or {}).items()]
    return f"{name}({', '.join([*map(short, args), *named])})"


def short(value: Any) -> str:
    """Write a value in a few words.

    Parameters
    ----------
    value
        Any value.

    Returns
    -------
    str
        The value as one would type it; an array as its dtype and shape.

    Examples
    --------
    >>> short((slice(0, 2), np.zeros((2, 3), "uint8")))
    '(slice(0, 2), <uint8 array of shape (2, 3)>)'
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return f"<{value.dtype} array of shape {value.shape}>"
    if isinstance(value, np.dtype):
        return repr(value.str if value.byteorder == ">" else value.name)
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, np.generic):
        return str(value)
    if isinstance(value, slice) and value.step is None:
        return f"slice({value.start}, {value.stop})"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(short(item) for item in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        text = f"({inner}{comma})" if isinstance(value, tuple) else f"[{inner}]"
    else:
        text = repr(value)
    return _cut(text)


def _cut(text: str) -> str:
    """Cut a text to what fits in a sentence."""
    return text if len(text) <= 90 else text[:87] + "..."


def _kind(value: Any) -> str:
    """Say what sort of thing a value is."""
    if value is None:
        return "`None`"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _explain(error: BaseException) -> tuple[str, str]:
    """Summary and advice for an error that an answer raised."""
    text = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SystemExit):
        return "Your code ended the program (`sys.exit` or `exit`).", "Use `return` instead."
    if isinstance(error, EOFError):
        return text, "A check cannot type: take what you need from the arguments, not `input()`."
    if isinstance(error, NameError):
        return text, "Names that your function uses must be defined in a cell that has been run."
    if isinstance(error, RecursionError):
        return text.splitlines()[0], "Your function calls itself without end."
    return text, ""


def _learner_frames(error: BaseException) -> tuple[Frame, ...]:
    """Keep the steps to an error that lie in the learner's code, the last few of them."""
    steps = traceback.extract_tb(error.__traceback__)
    kept = [Frame(step.filename, step.lineno or 0, step.name) for step in _outside(steps)]
    return tuple(kept[-3:])


def _is_stub(error: BaseException) -> bool:
    """Whether the learner's own code, not a library below it, says that it is not written yet."""
    steps = traceback.extract_tb(error.__traceback__)
    return isinstance(error, NotImplementedError) and bool(list(_outside(steps[-1:])))


def _outside(steps: Iterable[traceback.FrameSummary]) -> Iterator[traceback.FrameSummary]:
    """Yield the steps outside the standard library, installed packages and this package."""
    for step in steps:
        generated = step.filename.startswith(("<frozen", "<__array_function__"))
        file = str(Path(step.filename).resolve())
        if not generated and not file.startswith(_NOT_THEIRS):
            yield step
