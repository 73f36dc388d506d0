"""What the modules of planted wrong answers share."""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple


class Planted(NamedTuple):
    """A wrong answer and words that its verdict must contain."""

    task: str
    answer: Any
    advice: str


# Counting the chunks of a region, right and wrong, for 01.3 and 03.3.


def counts(rule: Callable[[slice, int], int]) -> Callable[[Any, Any], int]:
    def count(region, chunks):
        return prod(rule(part, size) for part, size in zip(region, chunks, strict=True))

    return count


RULES = {
    "right": counts(lambda part, size: (part.stop - 1) // size - part.start // size + 1),
    "by length": counts(lambda part, size: -(-(part.stop - part.start) // size)),
    "one less": counts(lambda part, size: part.stop // size - part.start // size),
    "one more": counts(lambda part, size: part.stop // size - part.start // size + 1),
}


def requested(region):
    return prod(part.stop - part.start for part in region)
