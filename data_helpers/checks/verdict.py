"""What a check says, for a notebook and for a terminal."""

import html
import linecache
import sys
from dataclasses import dataclass
from textwrap import indent
from typing import Literal, TypeAlias

from data_helpers.checks.pictures import COLOURS

__all__ = ["Frame", "Outcome", "Verdict"]

Outcome: TypeAlias = Literal["right", "wrong", "stub", "error", "stopped"]

# What is said of each outcome, and the role of its colour.
_WORDS: dict[Outcome, tuple[str, str]] = {
    "right": ("Right", "right"),
    "wrong": ("Not yet", "wrong"),
    "stub": ("Not started", "chunk"),
    "error": ("Your code raised an error", "wrong"),
    "stopped": ("Stopped", "wrong"),
}


@dataclass(frozen=True)
class Frame:
    """One step of the way to an error, in the code of the learner."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """Say where, as a notebook numbers its cells, and quote the line."""
        place = f"{_cell_name(self.file) or self.file}, line {self.line}"
        quoted = linecache.getline(self.file, self.line).strip()
        return f"{place}, in {self.function}" + (f"\n    {quoted}" if quoted else "")


def _cell_name(file: str) -> str:
    """Give a notebook cell's name as Jupyter shows it, ``Cell In[3]``; nothing for other files."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    named = shell.compile.format_code_name(file) if shell else None
    return " ".join(named) if named else ""


@dataclass(frozen=True)
class Verdict:
    """What a check found out about an answer.

    Show it as the last line of a notebook cell, or print it.

    Attributes
    ----------
    task : str
        Number of the task, such as ``"03.2"``.
    title : str
        What the task is about.
    outcome : str
        ``"right"``, ``"wrong"``, ``"stub"`` (not started), ``"error"`` (the answer raised one) or
        ``"stopped"`` (it took too long, or ended the process it ran in).
    summary : str
        What was found, in one or two sentences.
    advice : str
        What to look at next; empty when the answer is right.
    picture : str
        A small drawing as SVG, or nothing.
    frames : tuple of Frame
        The way to an error through the learner's own code.
    printed : str
        What the answer printed while it was checked.
    seed : int
        What the random data was made from: pass it to `check` to repeat exactly this check.

    Examples
    --------
    >>> print(Verdict("03.2", "Go through all chunks", "right", "6 random arrays."))
    03.2 Go through all chunks: Right
      6 random arrays.
    """

    task: str
    title: str
    outcome: Outcome
    summary: str
    advice: str = ""
    picture: str = ""
    frames: tuple[Frame, ...] = ()
    printed: str = ""
    seed: int = 0

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.outcome == "right"

    @property
    def heading(self) -> str:
        """The outcome in words."""
        return _WORDS[self.outcome][0]

    def __str__(self) -> str:
        """Show the verdict on a terminal."""
        parts = [self.summary, self.advice, "\n".join(map(str, self.frames))]
        parts += [f"Your code printed:\n{indent(self.printed, '  ')}" if self.printed else ""]
        parts += [self._repeat() if self.outcome in ("wrong", "error") else ""]
        body = "\n".join(part for part in parts if part)
        return f"{self.task} {self.title}: {self.heading}\n{indent(body, '  ')}"

    __repr__ = __str__

    def _repeat(self) -> str:
        """Say how to see exactly this again."""
        return f'`check("{self.task}", ..., seed={self.seed})` repeats this check exactly.'

    def _repr_html_(self) -> str:
        """Show the verdict in a notebook; text takes the colour of the page, light or dark."""
        colour = COLOURS[_WORDS[self.outcome][1]]
        heading = f"<strong>{_text(self.heading)}.</strong> {_text(f'{self.task} {self.title}')}"
        parts = [f"<p style='margin:.2em 0'>{heading}</p>"]
        parts += [_paragraph(text) for text in (self.summary, self.advice) if text]
        parts += [self.picture] if self.picture else []
        parts += [_block("\n".join(map(str, self.frames)))] if self.frames else []
        parts += [_paragraph("Your code printed:"), _block(self.printed)] if self.printed else []
        if self.outcome in ("wrong", "error"):
            parts += [f"<p style='margin:.2em 0;font-size:.85em'>{_text(self._repeat())}</p>"]
        style = f"border-left:5px solid {colour};padding:.1em 1em;margin:.4em 0"
        return f"<div class='verdict verdict-{self.outcome}' style='{style}'>{''.join(parts)}</div>"


def _text(text: str) -> str:
    """Escape text for HTML; what stands between backticks becomes code."""
    pieces = html.escape(text, quote=False).split("`")
    if len(pieces) % 2 == 0:  # an unpaired backtick is a backtick
        return "`".join(pieces)
    coded = [f"<code>{piece}</code>" if odd % 2 else piece for odd, piece in enumerate(pieces)]
    return "".join(coded)


def _paragraph(text: str) -> str:
    """Lay out a paragraph, keeping its line breaks."""
    return f"<p style='margin:.3em 0'>{_text(text).replace(chr(10), '<br>')}</p>"


def _block(text: str) -> str:
    """Lay out preformatted text."""
    escaped = html.escape(text, quote=False)
    return f"<pre style='margin:.3em 0;white-space:pre-wrap'>{escaped}</pre>"
