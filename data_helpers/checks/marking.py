"""How an answer is put to the test: called on fresh data, watched, and told why it fails.

A task's mark is a plain function: it calls the answer, raises `Wrong` with a finding and advice
at the first thing that is not right, and otherwise returns a sentence that says what was tested.
It runs in a process of its own (`data_helpers.checks.worker`), so that it may be stopped.
"""

import contextlib
import copy
import importlib
import io
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from data_helpers.checks.errors import explain_error, is_stub, learner_frames
from data_helpers.checks.verdict import Outcome, Verdict
from data_helpers.checks.words import cut, describe, kind, short

__all__ = [
    "Answer",
    "LearnerError",
    "Stub",
    "Task",
    "Wrong",
    "advice_on",
    "mark",
    "mark_numbers",
    "refuse_hard_coded",
]

_PRINT_LIMIT = 600  # characters of what an answer printed that are shown


class Wrong(Exception):  # noqa: N818 (a finding about an answer, not an error of ours)
    """An answer is not right: what was found, and what to look at next."""

    def __init__(self, summary: str, advice: str = "", picture: str = "") -> None:
        super().__init__(summary)
        self.summary, self.advice, self.picture = summary, advice, picture


class Stub(Exception):  # noqa: N818
    """An answer has not been started."""


class LearnerError(Exception):
    """The answer itself raised an error."""

    def __init__(self, error: BaseException, question: str) -> None:
        super().__init__(str(error))
        self.error, self.question = error, question


@dataclass(frozen=True)
class Task:
    """A task of an exercise and how its answers are marked.

    Attributes
    ----------
    number : str
        Chapter and place, such as ``"03.2"``.
    title : str
        What the task asks for.
    mark : str
        Module and name of the function that puts an `Answer` to the test. It raises `Wrong`, or
        returns a sentence for a right answer. It is loaded where it is needed, in the worker:
        the notebook stays light.
    wants : str
        ``"function"``, or in words the value that is asked for.
    """

    number: str
    title: str
    mark: str
    wants: str = "function"

    def load(self) -> Callable[["Answer"], str]:
        """Import the function that marks this task."""
        module, name = self.mark.split(".")
        function: Callable[[Answer], str] = getattr(
            importlib.import_module(f"data_helpers.checks.{module}"), name
        )
        return function


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
                    f"`{describe(self.name, args, kwargs)}` gave {kind(items)}, which one cannot "
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
                if is_stub(error):
                    raise Stub from error
                raise LearnerError(error, question) from error
        before = [*args, *kwargs.values()]
        after = [*given, *given_by_name.values()]
        for given_value, kept in zip(after, before, strict=True):
            if _changed(kept, given_value):
                _refuse_changed(kept, question)
        return result

    def part(self, value: Any) -> "Answer":
        """Take one function of an answer that consists of several."""
        part = copy.copy(self)
        part.value, part.name = value, getattr(value, "__name__", "answer")
        return part

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
    if isinstance(before, (list, tuple)):
        return len(before) != len(after) or any(map(_changed, before, after))
    if isinstance(before, (dict, set, Number, str)):
        return bool(before != after)
    return False


def _refuse_changed(value: Any, question: str) -> None:
    """Refuse an answer that has changed one of its arguments."""
    what, instead = "array", "or write into a new array made with `np.empty_like`"
    if isinstance(value, list):
        what, instead = "list", "such as `sorted(names)`: `names.sort()` changes the list itself"
    raise Wrong(
        f"`{question}` changes its input: after the call the {what} that was passed in is a "
        "different one.",
        f"Whoever calls your function still needs their data. Work on a copy, {instead}.",
    )


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
        _check_answer_kind(task, answer)
        return verdict("right", task.load()(answer))
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
        what, advice = explain_error(wrapped.error)
        frames = learner_frames(wrapped.error)
        return verdict("error", f"`{wrapped.question}` {what}", advice, frames=frames)


def _check_answer_kind(task: Task, answer: Answer) -> None:
    """Refuse a value where a function is asked for, and the other way round."""
    value = answer.value
    if value is None or value is Ellipsis:
        raise Stub
    if task.wants == "function" and not callable(value):
        raise Wrong(
            f"This task asks for a function; you handed in {kind(value)}, {short(value)}.",
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
        raise Wrong(f"`{question}` gave {kind(value)}; expected one number.")
    if exact and not isinstance(value, (int, np.integer)):
        raise Wrong(
            f"`{question}` gave {kind(value)}, {short(value)}; expected an integer.",
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
            f"Your function gives `{cut(given.pop())}`, whatever it is asked.",
            "It looks hard-coded. Compute it from the arguments: the check asks with other "
            "arguments than the example.",
        )


def advice_on(found: float, slips: Iterable[tuple[float, str]], otherwise: str) -> str:
    """Choose advice by the number that a slip would have given.

    Parameters
    ----------
    found
        The wrong number.
    slips
        Numbers that usual slips give, and what to say of each.
    otherwise
        What to say when none fits.

    Returns
    -------
    str
        The advice.

    Examples
    --------
    >>> advice_on(16.0, [(2, "Those are bytes."), (16, "Those are bits.")], "Count again.")
    'Those are bits.'
    """
    fits = (advice for value, advice in slips if math.isclose(found, value, rel_tol=1e-9))
    return next(fits, otherwise)
