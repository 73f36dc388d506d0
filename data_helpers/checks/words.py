"""Calls and values in words, short enough for a sentence."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["cut", "describe", "kind", "short"]


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
        The value as one would type it; an array, lazy or not, as its dtype and shape.

    Examples
    --------
    >>> short((slice(0, 2), np.zeros((2, 3), "uint8")))
    '(slice(0, 2), <uint8 array of shape (2, 3)>)'
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return f"<{value.dtype} array of shape {value.shape}>"
    if hasattr(value, "__dask_graph__") and hasattr(value, "chunks"):
        return f"<lazy {value.dtype} array of shape {value.shape}>"
    if isinstance(value, np.dtype):
        return repr(value.str if value.byteorder == ">" else value.name)
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, np.generic):
        return str(value)
    if isinstance(value, Path):
        return f"Path('{value.name}')"
    if isinstance(value, slice) and value.step is None:
        return f"slice({value.start}, {value.stop})"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(short(item) for item in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        text = f"({inner}{comma})" if isinstance(value, tuple) else f"[{inner}]"
    else:
        text = repr(value)
    return cut(text)


def cut(text: str) -> str:
    """Cut a text to what fits in a sentence.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        At most 90 characters of it.

    Examples
    --------
    >>> len(cut("x" * 1000))
    90
    """
    return text if len(text) <= 90 else text[:87] + "..."


def kind(value: Any) -> str:
    """Say what sort of thing a value is.

    Parameters
    ----------
    value
        Any value.

    Returns
    -------
    str
        Its type with an article; an array with its shape and dtype.

    Examples
    --------
    >>> kind(3), kind([1])
    ('an int', 'a list')
    """
    if value is None:
        return "`None`"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
