"""Marks what is done with the names of tiles: read, put in order, and checked for faults."""

import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from data_helpers.checks.marking import Answer, Wrong, refuse_hard_coded
from data_helpers.checks.words import cut, describe, kind, short
from data_helpers.stitching import parse_tile_name

__all__ = ["mark_find_faults", "mark_sort_tiles", "mark_template"]

Place: TypeAlias = tuple[int, int]  # time, column

_AS_TEXT = (
    "As text, '10' comes before '2': characters are compared one by one. Read the numbers from the "
    "name, make them integers with `int(...)`, and sort by these."
)
_WHOLE_NUMBERS = (
    r"Your key looks at digits one by one. In a regular expression `\d` is one digit, and `\d+` "
    "all that follow one another."
)


def mark_template(answer: Answer) -> str:
    """Mark 02.1: a template that reads four indices from every name."""
    pattern = answer.value
    if not isinstance(pattern, (str, re.Pattern)):
        raise Wrong(
            f"This task asks for a template; you handed in {kind(pattern)}.",
            "A template is a text in quotation marks, with fields in braces.",
        )
    names = [_microscope_name(answer.rng, number) for number in range(20)]
    for name, wanted in names:
        try:
            found = parse_tile_name(name, pattern)
        except ValueError as error:
            raise Wrong(f"`{name}`: {_first_line(error)}.", _advice_on_text(error)) from None
        for field, expected in wanted.items():
            _check_field(name, field, found, expected)
    return f"{len(names)} names of three channels: all four indices are read as integers."


def _microscope_name(rng: np.random.Generator, number: int) -> tuple[str, dict[str, int]]:
    """Make a name as a microscope writes it, and the indices in it."""
    channel, stack = number % 3, int(rng.integers(0, 200))
    x, y = (int(n) for n in rng.choice(np.arange(1, 30), 2, replace=False))
    camera, nanometre = "ABA"[channel], (488, 560, 642)[channel]
    name = (
        f"ex6_Cam{camera}_ch{channel}_stack{stack:04}_{nanometre}nm_"
        f"{int(rng.integers(0, 10**7)):07}msec_{x:03}x_{y:03}y.tif"
    )
    return name, {"channel": channel, "stack": stack, "x": x, "y": y}


def _first_line(error: ValueError) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _advice_on_text(error: ValueError) -> str:
    """Advice on a template that does not match, or is not one."""
    if "does not match" not in str(error):
        return "A field is a name in braces, with `:d` for an integer, such as `{stack:d}`."
    return (
        "What is the same in all names is written as it is. What changes from file to file is a "
        "field: `{camera}` for text, `{stack:d}` for an integer, or `{}` for text you do not need."
    )


def _check_field(name: str, field: str, found: dict[str, Any], expected: int) -> None:
    """Refuse a field that is not there, is text, or holds another number of the name."""
    if field not in found:
        fields = ", ".join(map(repr, found))
        raise Wrong(
            f"Your template has no field {field!r}; its fields are {fields}.",
            f"Write `{{{field}:d}}` where the number of `{field}` stands in the name.",
        )
    value = found[field]
    if isinstance(value, str) and value.isdecimal():
        raise Wrong(
            f"From `{name}` the field {field!r} is the text {value!r}; expected the integer "
            f"{expected}.",
            f"`{{{field}:d}}` reads an integer. As text, '10' would be sorted before '2'.",
        )
    if value != expected:
        raise Wrong(
            f"From `{name}` the field {field!r} is {value!r}; expected {expected}.",
            "Each number belongs to the letters beside it. In `003x` the number comes before its "
            "letter, in `stack0042` after it.",
        )


def mark_sort_tiles(answer: Answer) -> str:
    """Mark 02.2: names sorted by time, then column, as numbers."""
    cases = [_shuffled_names(answer.rng, prefix) for prefix in ("cells", "plate7", "day10", "b2")]
    for names, places in cases:
        question = describe(answer.name, (names,))
        found = answer.listed(names, at_most=len(names))
        expected = sorted(names, key=places.__getitem__)
        if found == expected:
            continue
        refuse_hard_coded(
            answer, [(others,) for others, _ in cases], lambda n: answer.listed(n, at_most=len(n))
        )
        _check_same_names(found, names, question)
        raise Wrong(
            f"`{question}` is out of order: {_first_out_of_order(found, expected)}.",
            _advice_on_order(found, names, places),
        )
    return f"{len(cases)} folders, whatever order the file system gave them in."


def _shuffled_names(rng: np.random.Generator, prefix: str) -> tuple[list[str], dict[str, Place]]:
    """Make names in no order, and the place of each: numbers with one, two and three digits."""
    times = [2, 10, 109, *rng.choice(np.arange(11, 100), 2, replace=False).tolist()]
    # 109 and the nineties tell text and single digits apart: 10, 109 and 1, 0, 9, 5
    columns = [9, 10, int(rng.integers(92, 99))]
    places = {f"{prefix}_t{t}_x{x}.tif": (t, x) for t, x in product(times, columns)}
    names = sorted(places)
    while names in (sorted(places), sorted(places, key=places.__getitem__)):
        names = [names[i] for i in rng.permutation(len(names))]
    return names, places


def _check_same_names(found: list[Any], names: list[str], question: str) -> None:
    """Refuse a list that does not hold just the names that were given."""
    strangers = [item for item in found if item not in names]
    if strangers:
        raise Wrong(
            f"`{question}` gave `{short(strangers[0])}`, which is none of the names.",
            "Give back the names themselves. `sorted(names, key=...)` sorts by what the key says, "
            "and gives the names.",
        )
    lost = [name for name in names if name not in found]
    if lost or len(found) != len(names):
        raise Wrong(
            f"`{question}` gave {len(found)} names of {len(names)}"
            + (f"; `{lost[0]}` is missing." if lost else "."),
            "Every name comes back exactly once.",
        )


def _first_out_of_order(found: list[str], expected: list[str]) -> str:
    place = next(i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
    return f"number {place} is `{found[place]}`; expected `{expected[place]}`"


def _advice_on_order(found: list[str], names: list[str], places: dict[str, Place]) -> str:
    """Name the order that was found, if it is a usual one."""

    def time(name: str) -> int:
        return places[name][0]

    def column(name: str) -> int:
        return places[name][1]

    only_one = "Sort by both: a key may be a tuple, `(time, column)`. The first counts first."
    orders: list[tuple[Callable[[str], Any] | None, str]] = [
        (None, _AS_TEXT),
        (lambda n: (time(n), str(column(n))), _AS_TEXT),
        (lambda n: (str(time(n)), column(n)), _AS_TEXT),
        (lambda n: (str(time(n)), str(column(n))), _AS_TEXT),
        (lambda n: (str(column(n)), str(time(n))), _AS_TEXT),
        (lambda n: str(time(n)), _AS_TEXT),
        (lambda n: [int(digit) for digit in re.findall(r"\d", n)], _WHOLE_NUMBERS),
        (lambda n: re.findall(r"\d", n), _WHOLE_NUMBERS),
        (lambda n: (len(n), n), "A shorter name need not have the smaller time. " + _AS_TEXT),
        (lambda n: (column(n), time(n)), "You sort by column first; the time comes first."),
        (time, only_one),
        (column, only_one),
        (lambda n: time(n) + column(n), only_one),
        (lambda n: (-time(n), -column(n)), "The order is backwards: the smallest comes first."),
    ]
    if found == names:
        return (
            "They are in the order in which they came: that of the file system, which may be any. "
            "If you did sort, your key is the same for every name: which number does it read? "
            "There may be one before the time, as in `plate7`."
        )
    fits = (advice for key, advice in orders if found == sorted(names, key=key))
    return next(
        fits, "Print the key of a few names: is it a tuple of two integers, (time, column)?"
    )


def mark_find_faults(answer: Answer) -> str:
    """Mark 02.3: places without a tile and places with several, all of them."""
    cases = [_faulty_names(answer.rng, *counts) for counts in ((0, 0), (3, 0), (0, 2), (3, 2))]
    cases += [_faulty_names(answer.rng, *answer.rng.integers(1, 5, 2).tolist()) for _ in range(2)]
    for names, missing, twice in cases:
        question = describe(answer.name, (names,))
        found = _two_lists(answer(names), question)
        if (sorted(found[0]), sorted(found[1])) == (missing, twice):
            continue
        refuse_hard_coded(answer, [(others,) for others, _, _ in cases])
        _explain_swapped(found, missing, twice, question)
        _explain_missing(found[0], missing, names, question)
        _explain_twice(found[1], twice, question)
    return f"{len(cases)} folders: all gaps and all duplicates were reported at once."


def _faulty_names(
    rng: np.random.Generator, n_missing: int, n_twice: int
) -> tuple[list[str], list[Place], list[Place]]:
    """Make the names of a folder, of which some lack and some places are taken twice."""
    first = int(rng.integers(3, 9))
    times = [first, *(first + rng.choice(np.arange(1, 90), 4, replace=False)).tolist()]
    columns = (50 * (int(rng.integers(1, 3)) + np.array([0, 1, 2, 4]))).tolist()
    # the first row and column stay whole, so that every time and column occurs
    inner = list(product(times[1:], columns[1:]))
    struck = [inner[i] for i in rng.permutation(len(inner))[: n_missing + n_twice]]
    missing, twice = sorted(struck[:n_missing]), sorted(struck[n_missing:])
    present = [place for place in product(times, columns) if place not in missing]
    names = [_timed_name(place, 0) for place in present]
    names += [
        _timed_name(place, again) for n, place in enumerate(twice) for again in range(1, 2 + n % 2)
    ]
    return [names[i] for i in rng.permutation(len(names))], missing, twice


def _timed_name(place: Place, again: int) -> str:
    time, column = place
    return f"cells_t{time:03}_x{column:03}_{4300 * time + again:07}msec.tif"


def _two_lists(found: Any, question: str) -> tuple[list[Place], list[Place]]:
    """Take a pair of collections of places."""
    if not (isinstance(found, (tuple, list)) and len(found) == 2):
        what = f"{len(found)} items" if isinstance(found, (tuple, list)) else kind(found)
        raise Wrong(
            f"`{question}` gave {what}; expected a pair of lists, `missing, twice`.",
            "End with `return missing, twice`, even where both are empty.",
        )
    return _places(found[0], "missing", question), _places(found[1], "twice", question)


def _places(items: Any, which: str, question: str) -> list[Place]:
    """Take a collection of places, or say what came instead of one."""
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise Wrong(f"`{question}`: {which!r} is {kind(items)}; expected a list.")
    places = []
    for item in items:
        is_pair = isinstance(item, (tuple, list)) and len(item) == 2
        if not is_pair or not all(isinstance(n, (int, np.integer)) for n in item):
            raise Wrong(
                f"`{question}`: {which!r} holds `{short(item)}`; expected pairs of integers, "
                "(time, column).",
                "For the name `cells_t012_x050_0051600msec.tif` that is (12, 50).",
            )
        places.append((int(item[0]), int(item[1])))
    return places


def _explain_swapped(
    found: tuple[list[Place], list[Place]],
    missing: list[Place],
    twice: list[Place],
    question: str,
) -> None:
    """Refuse lists, or pairs, the wrong way round."""
    if (sorted(found[1]), sorted(found[0])) == (missing, twice):
        raise Wrong(f"`{question}` has the two lists swapped.", "Return `missing, twice`.")
    turned = [sorted((t, x) for x, t in places) for places in found]
    if turned == [missing, twice]:
        raise Wrong(f"`{question}` gave (column, time).", "In each pair the time comes first.")


def _explain_missing(found: list[Place], missing: list[Place], names: list[str], q: str) -> None:
    """Refuse gaps that are none, and gaps that were not reported."""
    places = [_place_of(name) for name in names]
    times, columns = {t for t, _ in places}, {x for _, x in places}
    for time, column in found:
        if (time, column) in missing:
            continue
        at = f"`{q}`: {(time, column)} is reported as missing"
        if (time, column) in places:
            raise Wrong(
                f"{at}, but there is a tile.", "Remove the places of all names from all places."
            )
        axis, value = ("time", time) if time not in times else ("column", column)
        raise Wrong(
            f"{at}, but no tile at all has {axis} {value}.",
            "Indices need not start at 0, nor follow one another: columns 50, 100 and 150 are "
            "three columns. Take the values that occur in the names, not a `range`.",
        )
    left = [place for place in missing if place not in found]
    if left and not found and len(names) >= len(times) * len(columns):
        raise Wrong(
            f"`{q}` reports nothing missing, but {short(left)} are.",
            f"There are {len(times) * len(columns)} places and {len(names)} names: duplicates "
            "make up for the gaps. Compare places, not counts.",
        )
    if left:
        raise Wrong(
            f"`{q}` reports {len(found)} places as missing; expected {len(missing)}. "
            f"Left out: {short(left)}.",
            "Report all of them at once: every time that occurs should be there with every column "
            "that occurs. `itertools.product` goes through all pairs.",
        )
    if len(found) > len(missing):
        raise Wrong(f"`{q}` reports a missing place more than once.", "List each place once.")


def _explain_twice(found: list[Place], twice: list[Place], question: str) -> None:
    """Refuse duplicates that are none, and duplicates that were not reported."""
    extra = [place for place in found if place not in twice]
    if extra:
        raise Wrong(
            f"`{question}`: {extra[0]} is reported as there twice, but one tile has it.",
            "Count how often each place occurs; more than once is twice or more.",
        )
    left = [place for place in twice if place not in found]
    if left:
        raise Wrong(
            f"`{question}` reports {len(found)} places as taken twice; expected {len(twice)}. "
            f"Left out: {short(left)}.",
            "A set or a dict keeps one of several without a word, and names that differ may have "
            "the same place. Count the places: `collections.Counter`.",
        )
    if len(found) > len(twice):
        raise Wrong(
            f"`{question}` lists {cut(str(max(found, key=found.count)))} more than once.",
            "List each place once, however many tiles it has.",
        )


def _place_of(name: str) -> Place:
    fields = parse_tile_name(name, "cells_t{t:d}_x{x:d}_{msec:d}msec.tif")
    return int(fields["t"]), int(fields["x"])
