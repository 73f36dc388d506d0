"""Lazy arrays handed to answers, and what comes back: lazy, truthful, in chunks, and right."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.base import compute, tokenize
from dask.callbacks import Callback

from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.targets import expect_values
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import describe, kind
from data_helpers.grid import Index

__all__ = ["LazyImage", "ask_lazily", "expect_lazy_values"]

Array: TypeAlias = npt.NDArray[Any]
Chunks: TypeAlias = tuple[tuple[int, ...], ...]


class LazyImage:
    """A Dask array over values in memory that takes note of what is computed of it.

    Parameters
    ----------
    values
        The image.
    chunks
        Size of a chunk along each axis.

    Examples
    --------
    >>> image = LazyImage(np.arange(6), (4,))
    >>> image.array.chunks, image.computed
    (((4, 2),), 0)
    >>> int(image.array[5].compute()), image.computed
    (5, 1)
    """

    def __init__(self, values: Array, chunks: Sequence[int]) -> None:
        self.values = values
        self._source = WatchedArray(values, chunks)
        self.array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
            self._source,
            chunks=tuple(chunks),
            name=f"image-{tokenize(values, chunks)}",
            asarray=False,
            meta=np.empty((0,) * values.ndim, values.dtype),
        )

    @property
    def computed(self) -> int:
        """How many voxels were computed so far, each time anew."""
        return self._source.read


class _Sizes(Callback):
    """Takes note of how many elements the results of all tasks have."""

    def __init__(self) -> None:
        super().__init__(posttask=self._note)  # type: ignore[no-untyped-call]
        self.found: set[int] = set()

    def _note(self, key: Any, result: Any, *_: Any) -> None:
        if isinstance(result, np.ndarray):
            self.found.add(result.size)


def ask_lazily(answer: Answer, *arguments: Any) -> tuple[da.Array, str]:
    """Call an answer with lazy images, and refuse what is not lazy.

    Parameters
    ----------
    answer
        The answer.
    *arguments
        What it is called with; for a `LazyImage` it gets the Dask array.

    Returns
    -------
    array
        What it gave.
    question : str
        The call, for messages.

    Raises
    ------
    Wrong
        If it is no Dask array, if something was computed on the way, or if an argument was changed.
    """
    given = [
        one.array.copy() if isinstance(one, LazyImage) else one  # type: ignore[no-untyped-call]
        for one in arguments
    ]
    images = [one for one in arguments if isinstance(one, LazyImage)]
    before = sum(image.computed for image in images)
    question = describe(answer.name, given)
    found = answer(*given)
    computed = sum(image.computed for image in images) - before
    _refuse_unlazy(found, computed, question)
    for argument, copy in zip(arguments, given, strict=True):
        if isinstance(argument, LazyImage) and copy.name != argument.array.name:
            raise Wrong(
                f"`{question}` changes its input: the lazy array that was passed in now stands "
                "for something else.",
                "Assigning to a part of a Dask array changes it for whoever passed it in. "
                "`da.where` makes a new one.",
            )
    return found, question


def _refuse_unlazy(found: Any, computed: int, question: str) -> None:
    """Refuse what is not a Dask array, or one for which something was computed already."""
    if found is None:
        raise Wrong(f"`{question}` gave `None`.", "Does your function end with `return ...`?")
    later = (
        "Whoever calls your function decides when to compute, and how much of it. `.compute()`, "
        "`float(...)`, `np.asarray(...)` and an `if` on a lazy value all compute at once; "
        "arithmetic, comparisons, `.min()` and `map_blocks` only write down what is to be done."
    )
    if hasattr(found, "__dask_graph__") and not isinstance(found, da.Array):
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected a Dask array.",
            "It is lazy, but knows neither shape nor chunks. `map_blocks` applies a function to "
            "every block of an array and gives an array; so does arithmetic.",
        )
    if not isinstance(found, da.Array):
        raise Wrong(
            f"`{question}` gave {kind(found)}; expected a Dask array, which is lazy.", later
        )
    if computed:
        raise Wrong(
            f"`{question}` computed {computed} voxels while the graph was built, before anybody "
            "asked for the result.",
            later,
        )


def expect_lazy_values(
    answer: Answer,
    arguments: Sequence[Any],
    expected: Array,
    *,
    chunks: Chunks,
    advice: Mapping[str, str],
    explain: Callable[[Array], str] = lambda found: "",
    errors: Mapping[str, str] = MappingProxyType({}),
    rtol: float = 0.0,
) -> None:
    """Call an answer with lazy images, and refuse what is not lazy, truthful, frugal and right.

    Parameters
    ----------
    answer
        The answer.
    arguments
        What it is called with; for a `LazyImage` it gets the Dask array.
    expected
        What computing the result must give.
    chunks
        How the result must be cut, as Dask writes it.
    advice
        What to say for other ``"chunks"``, another ``"dtype"``, a `Difference.clue`, and
        ``"everywhere"`` for clues that are not listed.
    explain
        Called with values of the right shape that are wrong: gives better advice if it knows the
        mistake.
    errors
        What to say when the answer raises an error with these words in it.
    rtol
        How far a value may be off, as a share of the largest expected value.

    Raises
    ------
    Wrong
        At the first fault.
    """
    try:
        array, question = ask_lazily(answer, *arguments)
        _expect_cut(array, expected.shape, chunks, question, advice["chunks"])
        found, sizes = _truthful_values(answer, array, question)
    except LearnerError as wrapped:
        for words, hint in errors.items():
            if words in str(wrapped.error):
                raise Wrong(f"`{wrapped.question}` raised: {wrapped.error}", hint) from wrapped
        raise
    other = Wrong(
        f"`{question}` is {found.dtype}; expected {expected.dtype}.", advice.get("dtype", "")
    )
    if found.dtype.kind != expected.dtype.kind:
        raise other
    whole = max(one.values.size for one in arguments if isinstance(one, LazyImage))
    _expect_frugal(sizes, whole, question)
    result = WatchedArray(found.astype(expected.dtype), [max(along) for along in chunks])
    try:
        expect_values(result, expected, f"{question}.compute()", advice, rtol=rtol)
    except Wrong as wrong:
        raise Wrong(wrong.summary, explain(found) or wrong.advice, wrong.picture) from None
    if found.dtype != expected.dtype:  # floats of another size: first of all, are they right?
        raise other


def _expect_cut(
    array: da.Array, shape: tuple[int, ...], chunks: Chunks, question: str, advice: str
) -> None:
    """Refuse a lazy array of another shape, or cut in another way."""
    if array.shape != shape:  # NaN, an unknown length, equals nothing
        raise Wrong(
            f"`{question}` says its shape is {array.shape}; expected {shape}.",
            "Dask does not look at what your function gives. Where blocks change their shape, say "
            "so: `map_blocks(..., chunks=..., drop_axis=..., new_axis=...)`.",
        )
    if array.chunks != chunks:
        raise Wrong(
            f"`{question}` has chunks {array.chunks}; expected {chunks}: silently, the image was "
            "cut in another way.",
            advice,
        )


def _truthful_values(answer: Answer, array: da.Array, question: str) -> tuple[Array, set[int]]:
    """Compute block by block; give the whole, and the sizes of the results of all tasks."""
    delayed = array.to_delayed(optimize_graph=False)  # type: ignore[no-untyped-call]
    noted = _Sizes()

    def compute_blocks() -> Any:
        with noted:  # unfused, so that each step of the graph is seen
            options = {"scheduler": "synchronous", "optimize_graph": False}
            return compute(*delayed.ravel(), **options)  # type: ignore[no-untyped-call]

    part = answer.part(compute_blocks)
    part.name = f"{question}.compute"
    values = np.empty(array.shape, array.dtype)
    for index, block in zip(_regions(array.chunks), part(), strict=True):
        values[index] = _truthful(block, array, values[index].shape, question)
    return values, noted.found


def _regions(chunks: Chunks) -> list[Index]:
    """List where the blocks lie, in the order of `to_delayed`."""
    ends = [np.cumsum(along) for along in chunks]
    return [
        tuple(
            slice(int(end[at] - along[at]), int(end[at]))
            for end, along, at in zip(ends, chunks, block, strict=True)
        )
        for block in np.ndindex(*(len(along) for along in chunks))
    ]


def _truthful(block: Any, array: da.Array, shape: tuple[int, ...], question: str) -> Array:
    """Give a block, or say how it differs from what was declared."""
    found = np.asarray(block)
    if found.shape != shape:
        raise Wrong(
            f"`{question}` says that a block has shape {shape}, but computing it gave "
            f"{found.shape}.",
            "Dask believes what it is told. Where your function changes the shape of a block, "
            "`map_blocks` must hear of it: `chunks=`, `drop_axis=`, `new_axis=`. Where it should "
            "not, did you leave a halo on, or take only a part?",
        )
    if found.dtype != array.dtype:
        raise Wrong(
            f"`{question}` says its dtype is {array.dtype}, but its blocks are {found.dtype}.",
            "Dask believes what `dtype=` says and does not look. Whoever writes this into an array "
            f"of {array.dtype} gets other values, without an error. Say what your function gives, "
            "and convert in it with `.astype(...)` if something else is asked for.",
        )
    return found


def _expect_frugal(sizes: set[int], whole: int, question: str) -> None:
    """Refuse a graph in which one task holds a whole image."""
    if whole in sizes:
        raise Wrong(
            f"`{question}` is lazy, but one of its tasks holds the whole image at once, {whole} "
            "voxels.",
            "The image could be larger than your memory. Chunks of -1 along all axes, as in "
            "`rechunk(-1)`, make one chunk of everything: work chunk by chunk, or join chunks "
            "only along the axis that needs it.",
        )
