"""Which tasks are done: the table that `check.progress()` shows."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_helpers.checks.verdict import Verdict

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """A table of tasks with how far each is.

    Attributes
    ----------
    rows : tuple of (str, str, str, int)
        Number and title of a task, how far it is, and how often it was checked.

    Examples
    --------
    >>> verdict = Verdict("03.2", "Go through all chunks", "right", "")
    >>> table = Progress.of({"03.2": [verdict]})
    >>> next(row for row in table.rows if row[0] == "03.2")
    ('03.2', 'Go through all chunks', 'Right', 1)
    """

    rows: tuple[tuple[str, str, str, int], ...]

    @classmethod
    def of(cls, record: Mapping[str, Sequence[Verdict]]) -> "Progress":
        """Make the table from all verdicts so far.

        A task that was right once and is not right now shows as it is now.

        Parameters
        ----------
        record
            For each task its verdicts, the oldest first.

        Returns
        -------
        Progress
            The table, with all tasks of each chapter that was begun.
        """
        from data_helpers.checks.tasks import TASKS

        begun = {number.split(".")[0] for number in record}
        return cls(
            tuple(
                (task.number, task.title, _state(record.get(task.number, ())), tries)
                for task in TASKS
                if task.number.split(".")[0] in begun
                for tries in [len(record.get(task.number, ()))]
            )
        )

    @property
    def done(self) -> int:
        """How many tasks are right."""
        return sum(state == "Right" for _, _, state, _ in self.rows)

    @property
    def summary(self) -> str:
        """One line that says how many tasks are right."""
        if not self.rows:
            return "No task has been checked yet."
        return f"{self.done} of {len(self.rows)} tasks are right."

    def __str__(self) -> str:
        """Show the table on a terminal."""
        width = max((len(title) for _, title, _, _ in self.rows), default=0)
        lines = [
            f"{number}  {title:{width}}  {state:12} {tries or ''}".rstrip()
            for number, title, state, tries in self.rows
        ]
        return "\n".join([*lines, self.summary])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        left = " style='text-align:left'"
        head = "".join(f"<th{left}>{name}</th>" for name in ("task", "about", "state", "checks"))
        body = "".join(
            "<tr>" + "".join(f"<td{left}>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        rows = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        table = f"<table style='color:inherit'>{rows}</table>" if self.rows else ""
        return f"{table}<p>{self.summary}</p>"


def _state(verdicts: Sequence[Verdict]) -> str:
    """How far a task is, from its last verdict."""
    return verdicts[-1].heading if verdicts else "Not started"
