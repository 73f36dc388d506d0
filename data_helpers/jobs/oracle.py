"""The oracle: a function run chunk by chunk must give what it gives for the whole array."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Chunks, chunk_slices
from data_helpers.jobs.difference import describe_difference
from data_helpers.jobs.edges import EdgeMode, pad_halo

__all__ = ["assert_chunk_invariant", "run_in_chunks"]


def run_in_chunks(
    f: Callable[[NDArray[Any]], NDArray[Any]],
    array: NDArray[Any],
    *,
    chunks: Chunks,
    depth: int = 0,
    mode: EdgeMode = "nearest",
) -> NDArray[Any]:
    """Apply a function to each chunk of an array with its halo: the plainest loop there is.

    Parameters
    ----------
    f
        Takes an array, returns an array of the same shape.
    array
        The array.
    chunks
        How to cut it.
    depth
        Elements each chunk sees of its neighbours, on all sides.
    mode
        SciPy's word for what a chunk sees outside the array.

    Returns
    -------
    ndarray
        The results, put together again.

    Raises
    ------
    ValueError
        If the function changes the shape.

    Examples
    --------
    >>> run_in_chunks(lambda x: x - x.min(), np.array([1, 2, 3, 4]), chunks=(2,))
    array([0, 1, 0, 1])
    """
    padded = pad_halo(array, depth, mode)
    blocks = []
    for index in chunk_slices(array.shape, chunks):
        # The padded array begins `depth` before the array: its indices are larger by `depth`.
        with_halo = tuple(slice(part.start, part.stop + 2 * depth) for part in index)
        result = np.asarray(f(padded[with_halo].copy()))
        if result.shape != padded[with_halo].shape:
            raise ValueError(
                f"the function turned shape {padded[with_halo].shape} into {result.shape}; "
                "expected the same shape"
            )
        inner = tuple(slice(depth, length - depth) for length in result.shape)
        blocks.append((index, result[inner]))
    whole = np.empty(array.shape, np.result_type(*(block.dtype for _, block in blocks)))
    for index, block in blocks:
        whole[index] = block
    return whole


def assert_chunk_invariant(
    f: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    depth: int = 0,
    mode: EdgeMode = "nearest",
    shape: Sequence[int] = (23, 22, 21),
    chunks: Chunks | None = None,
    dtype: Any = "uint16",
    rtol: float = 0.0,
    seed: int = 0,
) -> None:
    """Check that a function may be run chunk by chunk.

    The function is applied to a random image as a whole and in chunks, and the two results are
    compared. Random values use the whole range of an integer dtype, or 0 to 1 for floats.

    Parameters
    ----------
    f
        Takes an array, returns an array of the same shape.
    depth
        Halo: elements each chunk sees of its neighbours.
    mode
        What a chunk sees outside the array, in SciPy's words. It should be what the function
        itself takes to be there.
    shape, chunks, dtype
        Of the image. By default the chunks do not divide the shape: 10 along each axis.
    rtol
        How far a value may be off, as a share of the largest absolute value. 0 means equal.
    seed
        Seed of the random image.

    Raises
    ------
    AssertionError
        If the results differ: how many values, the first of them, how far from the nearest border
        the errors lie, and what that suggests.

    Examples
    --------
    >>> assert_chunk_invariant(np.invert)
    >>> assert_chunk_invariant(lambda x: x - x.min())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: ... a statistic of the chunk ...
    """
    image = _random_image(shape, np.dtype(dtype), seed)
    sizes = chunks if chunks is not None else (10,) * len(image.shape)
    expected = np.asarray(f(image.copy()))
    result = run_in_chunks(f, image, chunks=sizes, depth=depth, mode=mode)
    difference = describe_difference(result, expected, chunks=sizes, depth=depth, rtol=rtol)
    if difference.clue != "none":
        raise AssertionError(f"in chunks the result is another one: {difference.message}")


def _random_image(shape: Sequence[int], dtype: np.dtype[Any], seed: int) -> NDArray[Any]:
    """Random values over the whole range of a dtype."""
    rng = np.random.default_rng(seed)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, tuple(shape), dtype=dtype, endpoint=True)
    if dtype.kind == "b":
        return rng.integers(0, 2, tuple(shape)).astype(dtype)
    return rng.random(tuple(shape)).astype(dtype)
