"""What lies outside an array: SciPy's words, and what NumPy and Dask call the same.

::

                 outside | inside  | outside      NumPy's pad    Dask's boundary
    reflect      c b a   | a b c d |  d c b       symmetric      reflect
    mirror       d c b   | a b c d |  c b a       reflect        (none)
    nearest      a a a   | a b c d |  d d d       edge           nearest
    wrap         b c d   | a b c d |  a b c       wrap           periodic
    constant     k k k   | a b c d |  k k k       constant       the number k
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["EdgeMode", "dask_boundary", "pad_halo", "pad_mode"]

EdgeMode: TypeAlias = Literal["reflect", "mirror", "nearest", "wrap", "constant"]
PadMode: TypeAlias = Literal["symmetric", "reflect", "edge", "wrap", "constant"]

_NUMPY_WORDS: dict[str, PadMode] = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}
_DASK_WORDS = {"reflect": "reflect", "nearest": "nearest", "wrap": "periodic"}


def pad_mode(mode: EdgeMode) -> PadMode:
    """Say which ``mode`` of `numpy.pad` means the same as SciPy's.

    Parameters
    ----------
    mode
        SciPy's word: reflect, mirror, nearest, wrap or constant.

    Returns
    -------
    str
        NumPy's word.

    Raises
    ------
    ValueError
        If `mode` is none of SciPy's words.

    Examples
    --------
    >>> pad_mode("mirror")
    'reflect'
    """
    _check_mode(mode)
    return _NUMPY_WORDS[mode]


def dask_boundary(mode: EdgeMode, cval: float = 0.0) -> str | float:
    """Say which ``boundary`` of `dask.array.map_overlap` means the same as SciPy's mode.

    Parameters
    ----------
    mode
        SciPy's word: reflect, nearest, wrap or constant.
    cval
        The value outside, for ``constant``.

    Returns
    -------
    str or float
        Dask's word, or the constant itself.

    Raises
    ------
    ValueError
        If `mode` is none of SciPy's words, or is ``mirror``, which Dask does not have.

    Examples
    --------
    >>> dask_boundary("wrap")
    'periodic'
    >>> dask_boundary("constant", cval=7.0)
    7.0
    """
    _check_mode(mode)
    if mode == "mirror":
        raise ValueError(
            "Dask has no boundary that means 'mirror'; expected reflect, nearest, wrap or "
            "constant, or pad the array with numpy.pad(mode='reflect') first"
        )
    return cval if mode == "constant" else _DASK_WORDS[mode]


def pad_halo(
    array: NDArray[Any],
    depth: int | Sequence[int | tuple[int, int]],
    mode: EdgeMode,
    cval: float = 0.0,
) -> NDArray[Any]:
    """Surround an array with a halo, filled as SciPy would.

    Parameters
    ----------
    array
        The array, with any number of dimensions.
    depth
        Elements to add on both sides: one number for all axes, or one per axis, or, per axis, one
        before and one behind.
    mode, cval
        SciPy's word for what lies outside, and the value for ``constant``.

    Returns
    -------
    ndarray
        A new array, longer by what was added along each axis, of the same dtype.

    Raises
    ------
    ValueError
        If `mode` is none of SciPy's words.

    Examples
    --------
    >>> pad_halo(np.array([1, 2, 3]), 2, "reflect")
    array([2, 1, 1, 2, 3, 3, 2])
    >>> pad_halo(np.array([1, 2, 3]), [(0, 2)], "constant", cval=9)
    array([1, 2, 3, 9, 9])
    """
    depths = (depth,) * array.ndim if isinstance(depth, int) else depth
    widths = [margin if isinstance(margin, tuple) else (margin, margin) for margin in depths]
    if mode == "constant":
        return np.pad(array, widths, mode="constant", constant_values=cval)
    return np.pad(array, widths, mode=pad_mode(mode))


def _check_mode(mode: str) -> None:
    """Refuse what SciPy does not know."""
    if mode not in get_args(EdgeMode):
        raise ValueError(
            f"mode {mode!r} is not known; expected one of {', '.join(get_args(EdgeMode))} "
            "(the words of scipy.ndimage)"
        )
