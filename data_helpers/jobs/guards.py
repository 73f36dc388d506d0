"""What a job refuses, and why. Each guard says what was found, what is expected, what to do."""

from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import ZipStore

from data_helpers.grid import Index, aligned
from data_helpers.jobs.arrays import in_memory, innermost_store, location, unit_of_work

__all__ = [
    "check_aligned",
    "check_block",
    "check_can_travel",
    "check_not_in_place",
    "index_text",
]


def index_text(index: Index) -> str:
    """Write an index as one would type it.

    Parameters
    ----------
    index
        One slice per axis.

    Returns
    -------
    str
        The index in brackets.

    Examples
    --------
    >>> index_text((slice(0, 64), slice(64, 100)))
    '[0:64, 64:100]'
    """
    return f"[{', '.join(f'{part.start}:{part.stop}' for part in index)}]"


def check_not_in_place(input_array: Any, output_array: Any) -> None:
    """Refuse an output that is its own input.

    A job that is run again (after a kill, or by a cluster that lost a worker) would read what it
    has already changed, and so apply the function twice.

    Parameters
    ----------
    input_array, output_array
        NumPy arrays, Zarr arrays, or others. Two arrays are the same when they share memory, or
        were opened from the same place. A lazy array is not looked into.

    Raises
    ------
    ValueError
        If both are the same array, or share elements.

    Examples
    --------
    >>> check_not_in_place(np.zeros(3), np.zeros(3))
    """
    if not _same_elements(input_array, output_array):
        return
    raise ValueError(
        "input and output are the same array, or share elements; expected two arrays, since a job "
        "that is run again would read what it has changed: create_like(array) makes a new one"
    )


def _same_elements(input_array: Any, output_array: Any) -> bool:
    """Tell whether writing to one array changes the other."""
    if input_array is output_array:
        return True
    if isinstance(input_array, np.ndarray) and isinstance(output_array, np.ndarray):
        return np.shares_memory(input_array, output_array)
    place = location(input_array)
    return place is not None and place == location(output_array)


def check_aligned(index: Index, output_array: Any) -> None:
    """Refuse a region that cuts through a shard or chunk of the output.

    ::

        chunks   |       |       |       Two jobs that each write half of a chunk read all of it,
        regions      |       |           change their half, and write all of it back: whoever
        shared     ^   ^   ^             comes last undoes the other's half, without an error.

    Parameters
    ----------
    index
        The region to write, one slice per axis.
    output_array
        Where to write it.

    Raises
    ------
    ValueError
        If the region does not begin and end at borders of the output's unit of work.

    Examples
    --------
    >>> output = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="u1")
    >>> check_aligned((slice(4, 8),), output)
    """
    unit = unit_of_work(output_array)
    if unit is None or aligned(index, unit, output_array.shape):
        return
    word = "shards" if getattr(output_array, "shards", None) else "chunks"
    raise ValueError(
        f"region {index_text(index)} is not aligned to the output's {word} {tuple(unit)}; expected "
        f"regions that begin and end at borders of {word}, since jobs that share one would "
        "overwrite each other: all_chunk_indices(output_array) lists such regions"
    )


def check_block(block: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a result that does not fit the place it is meant for.

    Parameters
    ----------
    block
        What the function returned.
    shape
        Shape of the region to fill.
    dtype
        Type of the output. The result's must be one it can hold exactly.

    Raises
    ------
    TypeError
        If `block` is not a plain array, or its dtype cannot be cast safely.
    ValueError
        If its shape differs.

    Examples
    --------
    >>> check_block(np.zeros((2, 3), "u1"), (2, 3), np.dtype("u2"))
    """
    # To ask for masked arrays imports their module, while all other jobs wait: only if need be.
    plain = type(block) is np.ndarray
    if not plain and (not isinstance(block, np.ndarray) or isinstance(block, np.ma.MaskedArray)):
        raise TypeError(
            f"the function returned {type(block).__name__}; expected a NumPy array"
            + (" (fill the masked values first)" if isinstance(block, np.ndarray) else "")
        )
    if block.shape != shape:
        raise ValueError(
            f"the function returned shape {block.shape}; expected {shape}, the shape of the region"
        )
    if not np.can_cast(block.dtype, dtype, casting="safe"):
        raise TypeError(
            f"the function returned {block.dtype}, which the output's {dtype} cannot hold; "
            f"round and cast in the function, or create the output with dtype {block.dtype}"
        )


def check_can_travel(output_array: Any) -> None:
    """Refuse to send an output to another process when only this one can write to it.

    The other process would fill a copy, which is then thrown away: all zeros, and no error. (From
    one megabyte on joblib hands arrays over as read-only files, and the job fails.)

    Parameters
    ----------
    output_array
        The output of a job.

    Raises
    ------
    TypeError
        If the output is in the memory of this process, or in a zip file.

    Examples
    --------
    >>> check_can_travel(np.zeros(3))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: the output is a ndarray in the memory of this process; ...
    """
    if in_memory(output_array):
        raise TypeError(
            f"the output is a {type(output_array).__name__} in the memory of this process; another "
            "process would fill a copy that is then lost: use threads, or an output on disk, such "
            "as create_like(array, path)"
        )
    if isinstance(output_array, zarr.Array) and isinstance(
        innermost_store(output_array.store), ZipStore
    ):
        raise TypeError(
            "the output is in a zip file, which one process alone can write; use threads, or an "
            "output in a directory, such as create_like(array, path)"
        )
