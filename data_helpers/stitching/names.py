"""The indices in a file name: a template or regular expression, and where a name departs."""

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import TypeAlias

__all__ = ["FieldValue", "NamePattern", "compile_pattern", "parse_tile_name"]

FieldValue: TypeAlias = int | float | str

_INTEGER = r"[+-]?[0-9]"
_FLOAT = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
AGAIN = "_again"  # begins the name of a group that repeats a field
_TYPE = re.compile(r"0?(?P<width>[0-9]*)(?P<kind>[dfs]?)\Z")


def _number_or_text(text: str) -> FieldValue:
    """Read a group of a regular expression, which has no type: an integer if it looks like one."""
    return int(text) if re.fullmatch(_INTEGER + "+", text) else text


@dataclass(frozen=True)
class NamePattern:
    """A template or a regular expression, made ready to match many names.

    Attributes
    ----------
    text : str
        As it was given.
    regex : re.Pattern
        What a whole name must match.
    readers : dict of str to callable
        For each field, what turns its text into a value, in the order of the pattern.
    pieces : tuple of (str, str)
        Regular expressions of ever longer beginnings of a name, and what each adds, in words: to
        find where a name departs from the pattern.
    depth : int
        How many folders above the file the pattern describes.
    """

    text: str
    regex: re.Pattern[str]
    readers: dict[str, Callable[[str], FieldValue]]
    pieces: tuple[tuple[str, str], ...]
    depth: int

    def match(self, path: str | os.PathLike[str]) -> dict[str, FieldValue]:
        """Give the fields of one name; see `parse_tile_name`."""
        name = self.part_of(path)
        found = self.regex.fullmatch(name)
        if found is None:
            raise ValueError(self.explain(name))
        # A group of a regular expression that took no part in the match counts as empty.
        return {field: read(found[field] or "") for field, read in self.readers.items()}

    def part_of(self, path: str | os.PathLike[str]) -> str:
        """Cut the part of a path that the pattern describes: the name, and folders it mentions."""
        parts = os.fspath(path).replace(os.sep, "/").rsplit("/", self.depth + 1)
        return "/".join(parts[-self.depth - 1 :])

    def explain(self, name: str) -> str:
        """Say where a name that does not match departs from the pattern."""
        position, wanted = self._parting(name)
        found = repr(name[position]) if position < len(name) else "the end of the name"
        indent = len("  name     ")
        return (
            f"the name does not match the pattern at character {position}: "
            f"found {found}, expected {wanted}\n"
            f"  name     {name}\n"
            f"{' ' * (indent + position)}^\n"
            f"  pattern  {self.text}"
        )

    def _parting(self, name: str) -> tuple[int, str]:
        """Find the longest beginning of the pattern that fits, where it ends, what comes next."""
        wanted = "the end of the name"
        with warnings.catch_warnings():
            # A regular expression cut in the middle may mean something odd; it is only tried.
            warnings.simplefilter("ignore")
            for beginning, piece in reversed(self.pieces):
                try:
                    found = re.match(beginning, name, self.regex.flags)
                except re.error:
                    continue
                if found is not None:
                    return found.end(), wanted
                wanted = piece
        return 0, wanted


def parse_tile_name(
    name: str | os.PathLike[str], pattern: str | re.Pattern[str]
) -> dict[str, FieldValue]:
    r"""Read the indices in a file name.

    Parameters
    ----------
    name
        A file name or path. Only its last part is matched, and as many folders above it as the
        pattern has slashes.
    pattern
        A template, or a regular expression with named groups (an `re.Pattern`, or text that
        contains ``(?P<``), which must match the whole name.

        In a template, ``{field:d}`` stands for an integer, ``{field:f}`` for a decimal number and
        ``{field}`` for text, as short as possible but not empty and without a slash. A width, as
        in ``{t:03d}``, asks for at least that many digits. ``{}`` stands for text that is ignored.
        A field that comes twice must have the same text both times. ``{{`` and ``}}`` are braces.

    Returns
    -------
    dict
        Field to value, in the order of the pattern: ``int``, ``float`` or ``str`` as the template
        says. A group of a regular expression that holds an integer is an ``int``, any other text.

    Raises
    ------
    ValueError
        If the name does not match: shows both, and a caret under the first character where they
        part. Also if the pattern itself cannot be understood or has no fields.

    Examples
    --------
    >>> parse_tile_name("run/CamA_ch1_stack0042.tif", "{camera}_ch{channel:d}_stack{stack:d}.tif")
    {'camera': 'CamA', 'channel': 1, 'stack': 42}
    >>> parse_tile_name("t10_c2.tif", r"t(?P<t>\d+)_(?P<channel>\w+)\.tif")
    {'t': 10, 'channel': 'c2'}
    >>> parse_tile_name("CamA_ch1.tif", "{camera}_ch{channel:d}_stack{stack:d}.tif")
    Traceback (most recent call last):
    ValueError: the name does not match the pattern at character 8: found '.', expected '_'
      name     CamA_ch1.tif
                       ^
      pattern  {camera}_ch{channel:d}_stack{stack:d}.tif
    """
    return compile_pattern(pattern).match(name)


@lru_cache(maxsize=64)
def compile_pattern(pattern: str | re.Pattern[str]) -> NamePattern:
    """Make a template or regular expression ready to match many names.

    Parameters
    ----------
    pattern
        As `parse_tile_name`.

    Returns
    -------
    NamePattern
        Remembered, so that the same pattern is compiled once.

    Raises
    ------
    ValueError
        If the pattern cannot be understood or has no fields.

    Examples
    --------
    >>> list(compile_pattern("x{x:d}_y{y:d}.tif").readers)
    ['x', 'y']
    """
    if isinstance(pattern, re.Pattern) or "(?P<" in pattern:
        return _from_regex(pattern)
    return _from_template(pattern)


def _from_regex(pattern: str | re.Pattern[str]) -> NamePattern:
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the regular expression {pattern!r} is not valid: {error}") from error
    if not regex.groupindex:
        raise ValueError(
            f"the regular expression {regex.pattern!r} has no named groups; expected some, such as "
            r"(?P<channel>\d+)"
        )
    text = regex.pattern
    # Python cannot match a name in part, so ever shorter beginnings of the expression are tried,
    # with the groups closed that are still open.
    cuts = [(text[:end], f"what {text[end - 1 :]!r} allows") for end in range(1, len(text) + 1)]
    pieces = [
        (beginning + ")" * closing, wanted)
        for beginning, wanted in cuts
        for closing in range(beginning.count("(") + 1)
    ]
    fields = sorted(regex.groupindex, key=regex.groupindex.__getitem__)
    readers: dict[str, Callable[[str], FieldValue]] = dict.fromkeys(fields, _number_or_text)
    return NamePattern(text, regex, readers, tuple(pieces), text.count("/"))


def _from_template(template: str) -> NamePattern:
    readers: dict[str, Callable[[str], FieldValue]] = {}
    pieces, whole = [], ""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the template {template!r} is not valid: {error}") from error
    for part in parts:
        for character in part[0]:
            whole += re.escape(character)
            pieces.append((whole, repr(character)))
        if part[1] is not None:
            group, wanted = _field(template, part, len(pieces), readers)
            whole += group
            pieces.append((whole, wanted))
    if not readers:
        raise ValueError(
            f"the template {template!r} has no fields; expected some, such as 'ch{{channel:d}}.tif'"
        )
    return NamePattern(
        template, re.compile(whole, re.DOTALL), readers, tuple(pieces), template.count("/")
    )


def _field(
    template: str,
    part: tuple[str, str | None, str | None, str | None],
    position: int,
    readers: dict[str, Callable[[str], FieldValue]],
) -> tuple[str, str]:
    """Turn one field of a template into a regular expression and into words."""
    field, kind, conversion = part[1] or "", part[2] or "", part[3]
    known = _TYPE.match(kind)
    if known is None or conversion or not (field == "" or field.isidentifier()):
        raise ValueError(
            f"the template {template!r} has the field {{{field}:{kind}}}; expected a name, and a "
            "type d (integer), f (decimal number) or s (text), such as {stack:d} or {camera}"
        )
    digits = int(known["width"] or 1)
    many = f" of at least {digits} digits" if digits > 1 else ""
    text, read, words = {
        "d": (rf"{_INTEGER}{{{digits},}}", int, "an integer" + many),
        "f": (_FLOAT, float, "a number"),
    }.get(known["kind"], (r"[^/]+?", str, "text"))
    if field == "":
        # A group without a reader: no value, but `index_tiles` can tell whether its text varies.
        return f"(?P<_ignored{position}>{text})", words
    if field in readers:
        again = f"(?P<{AGAIN}{position}_{field}>(?P={field}))"
        return again, f"{{{field}}} with the same text as before"
    readers[field] = read
    return f"(?P<{field}>{text})", f"{words} for {{{field}}}"
