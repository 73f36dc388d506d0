"""Marks the depth and the boundary of an overlap: run for real, and seen where they are wrong."""

from collections.abc import Callable, Iterator, Mapping
from numbers import Number
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.words import cut

__all__ = ["mark_options"]

Array: TypeAlias = npt.NDArray[Any]
Depths: TypeAlias = tuple[int, ...]
Boundaries: TypeAlias = tuple[Any, ...]

_AXES = "tyx"
_SIGMA = (0, 2, 1.3)
_MODES = ("nearest", "nearest", "wrap")
_DEPTH: Depths = (0, 8, 5)
_BOUNDARY: Boundaries = ("none", "nearest", "periodic")
_ALSO = {1: ("none",), 2: ()}  # with these, too, the filter's own mode is at work
_CHUNKS = (1, 24, 20)
_KNOWN = ("none", "reflect", "nearest", "periodic")
_TRANSLATED = {
    "wrap": "periodic",
    "symmetric": "reflect",
    "edge": "nearest",
    "circular": "periodic",
}


def mark_options(answer: Answer) -> str:
    """Mark 06.1: the smallest depth, and the boundary that is the filter's own."""
    depth, boundary = _read(answer.value)
    image = answer.rng.random((2, 48, 40)).astype("f4")
    for axis, name in enumerate(_AXES):
        if depth[axis] < _DEPTH[axis]:
            _explain_seam(image, depth, axis, name)
    for axis, name in enumerate(_AXES[1:], start=1):
        _check_edge(image, boundary, axis, name)
    if depth[0]:
        raise Wrong(
            f"With a depth of {depth[0]} along t the result is right. But no halo is larger than a "
            "chunk: to have it, Dask joins chunks of one time, silently, and takes more memory.",
            "Along t the sigma is 0: the filter sees one time only, and needs no halo there.",
        )
    for axis, name in enumerate(_AXES):
        if depth[axis] > _DEPTH[axis]:
            raise Wrong(
                f"With a depth of {depth[axis]} along {name} the result is right, but a smaller "
                "one would do.",
                _slip_along(depth[axis], axis)
                or "Each voxel of halo is copied and filtered for nothing. A Gaussian of SciPy "
                "reaches `int(4 * sigma + 0.5)` voxels.",
            )
    assert not _differs(image, depth, boundary).any(), "depth and boundary are right, and must do"
    return (
        "On a random image, chunk by chunk, the result is that of the whole image to the last bit; "
        "with less depth it is not."
    )


def _smooth(block: Array) -> Array:
    filtered: Array = ndimage.gaussian_filter(block, _SIGMA, mode=_MODES)
    return filtered


def _filtered(image: Array, depth: Depths, boundary: Boundaries) -> da.Array:
    lazy = da.from_array(image, chunks=_CHUNKS)  # type: ignore[no-untyped-call]
    options = {"depth": depth, "boundary": boundary, "dtype": image.dtype}
    filtered: da.Array = da.map_overlap(_smooth, lazy, **options)  # type: ignore[no-untyped-call]
    return filtered


def _differs(image: Array, depth: Depths, boundary: Boundaries) -> Array:
    found = _filtered(image, depth, boundary).compute(scheduler="synchronous")  # type: ignore[no-untyped-call]
    return np.asarray(found != _smooth(image))


# --- what was handed in ---------------------------------------------------------------------------


def _read(value: Any) -> tuple[Depths, Boundaries]:
    """Take depth and boundary of each axis, or say what came instead."""
    if not isinstance(value, Mapping) or set(value) != {"depth", "boundary"}:
        raise Wrong(
            f"The answer is `{cut(repr(value))}`; expected a dictionary with `depth` and "
            "`boundary`.",
            'Such as `{"depth": (1, 1, 1), "boundary": "reflect"}`: what stands behind `**` '
            "becomes keywords of `map_overlap`.",
        )
    depth = _per_axis(value["depth"], "depth", _is_depth, 0)
    boundary = "none" if value["boundary"] is None else value["boundary"]  # but not in a tuple
    return depth, _per_axis(boundary, "boundary", _is_boundary, "none")


def _is_depth(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0


def _is_boundary(value: Any) -> bool:
    return isinstance(value, (str, Number))


def _per_axis(value: Any, name: str, fits: Callable[[Any], bool], left_out: Any) -> tuple[Any, ...]:
    """Spread out what may be given once, for each axis, or by the number of the axis."""
    if isinstance(value, Mapping):
        parts = tuple(value.get(axis, left_out) for axis in range(len(_AXES)))
        known = set(value) <= set(range(len(_AXES)))
    else:
        parts = tuple(value) if isinstance(value, (tuple, list)) else (value,) * len(_AXES)
        known = len(parts) == len(_AXES)
    if not known or not all(map(fits, parts)):
        wanted = "a whole number" if name == "depth" else "a word or a number"
        raise Wrong(
            f"`{name}` is `{cut(repr(value))}`; expected {wanted} for each of the three axes.",
            "For nothing outside there is the word `none`. "
            * (None in parts)
            + "One for all axes, a tuple of three for t, y and x, or a dictionary by axis: "
            "`{0: ..., 1: ..., 2: ...}`.",
        )
    if name == "boundary":
        for word in parts:
            _check_word(word)
    return parts


def _check_word(word: Any) -> None:
    """Refuse a word that is not one of Dask's."""
    if not isinstance(word, str) or word in _KNOWN:
        return
    advice = f"Dask's words are {', '.join(f'`{known}`' for known in _KNOWN)}, or it is a number."
    if word == "mirror":
        advice += " It knows no `mirror`."
    elif word == "constant":
        advice += " For a constant outside, give the number itself."
    elif word in _TRANSLATED:
        advice = f"What others call `{word}` is `{_TRANSLATED[word]}` in Dask. {advice}"
    raise Wrong(
        f"`boundary` has the word `{word}`, which Dask does not know: it takes it for the value "
        "outside, and fails much later.",
        advice,
    )


# --- what is wrong with it ------------------------------------------------------------------------


def _explain_seam(image: Array, depth: Depths, axis: int, name: str) -> None:
    """Show what a depth does that is too small along one axis only."""
    alone = tuple(depth[n] if n == axis else need for n, need in enumerate(_DEPTH))
    wrong = _differs(image, alone, _BOUNDARY)
    raise Wrong(
        f"With a depth of {depth[axis]} along {name} the chunks show: {wrong.mean():.1%} of the "
        "voxels are wrong, all of them near a border between chunks.",
        _slip_along(depth[axis], axis)
        or f"How far does a Gaussian with a sigma of {_SIGMA[axis]:g} see? SciPy cuts it off at "
        "`int(4 * sigma + 0.5)` voxels.",
        error_map(wrong[0], _CHUNKS[1:]),
    )


def _check_edge(image: Array, boundary: Boundaries, axis: int, name: str) -> None:
    """See whether the boundary along one axis is that of the filter."""
    given = boundary[axis]
    if given == _BOUNDARY[axis] or given in _ALSO[axis]:
        return
    alone = tuple(given if n == axis else fits for n, fits in enumerate(_BOUNDARY))
    wrong = _differs(image, _DEPTH, alone)
    if _MODES[axis] == "wrap":
        advice = (
            "Along x the image goes round: what lies beside the last column is the first. SciPy "
            "calls that `wrap`, Dask `periodic`."
        )
        if given == "none":
            advice += (
                " With `none`, the filter wraps each block at the edge of the image onto itself."
            )
    elif given == "periodic":
        advice = "Only x goes round. At the top of the image nothing of its bottom is seen."
    else:
        advice = (
            "Outside there must be what the filter itself takes: `mode='nearest'` is `nearest` in "
            "Dask, too. Or nothing, `none`: the filter then fills in what it needs."
        )
    raise Wrong(
        f"With the boundary `{given}` along {name}, {wrong.mean():.1%} of the voxels are wrong, "
        f"all of them near the edges of the image along {name}.",
        advice,
        error_map(wrong[0], _CHUNKS[1:]),
    )


def _slip_along(found: int, axis: int) -> str:
    """Name the slip that gives a depth along one axis, if it is a known one."""
    return next((advice for number, advice in _slips(axis) if number == found), "")


def _slips(axis: int) -> Iterator[tuple[int, str]]:
    """List what usual slips give along an axis, in voxels."""
    sigma, need = _SIGMA[axis], _DEPTH[axis]
    yield 0, "Without a halo, what is at a border sees nothing of the next chunk."
    yield (
        _DEPTH[3 - axis],
        "That is the depth of the other axis: the order is t, y, x, as in `sigma`.",
    )
    yield 2 * need, "That is both sides together. Depth is counted on one side."
    yield 2 * need + 1, "That is the whole window of the filter. Depth is counted on one side."
    for times in (1, 2, 3):
        for depth in {int(times * sigma + 0.5), int(np.ceil(times * sigma))}:
            yield (
                depth,
                (
                    f"That is {times} sigma, but SciPy cuts a Gaussian off at 4: "
                    "`int(4 * sigma + 0.5)`."
                ),
            )
    yield (
        int(np.ceil(4 * sigma)),
        f"4 times {sigma:g} is {4 * sigma:g}, which SciPy rounds to the nearest whole number.",
    )
