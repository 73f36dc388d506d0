"""Chunk geometry on plain integers.

Every function takes shapes, chunks and indices and gives back tuples of integers or slices. None
touches an array or a store, so that each can be checked against brute force in microseconds.

An *index* here is a tuple with one ``slice`` per axis, which NumPy, Zarr and Dask all understand.
*Chunks* are given per axis, either as one size (the last chunk may be cut short by the edge of the
array), or, as Dask does, as the list of all sizes along that axis::

    shape (10, 6), chunks (4, 3)                 chunks ((4, 4, 2), (3, 3))

         0     3     6
       0 +-----+-----+
         |     |     |   one size per axis: 4 and 3
       4 +-----+-----+
         |     |     |   all sizes: (4, 4, 2) and (3, 3)
       8 +-----+-----+
         |     |     |   cut short
      10 +-----+-----+
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, product
from operator import index as as_int
from typing import TypeAlias

__all__ = [
    "Chunks",
    "Index",
    "aligned",
    "chunk_borders",
    "chunk_slices",
    "expand",
    "grid_shape",
    "index_bounds",
    "index_shape",
]

Index: TypeAlias = tuple[slice, ...]
Chunks: TypeAlias = Sequence[int | Sequence[int]]


def chunk_borders(shape: Sequence[int], chunks: Chunks) -> tuple[tuple[int, ...], ...]:
    """Where chunks begin and end, along each axis.

    Parameters
    ----------
    shape
        Shape of the array.
    chunks
        One size per axis, or all sizes along an axis.

    Returns
    -------
    tuple of tuple of int
        For each axis the borders from 0 to its length, both included. An axis of length zero has
        the one border 0, and so no chunk.

    Raises
    ------
    ValueError
        If `shape` and `chunks` differ in dimensions, a size is below one, or a list of sizes does
        not add up to the length of its axis.

    Examples
    --------
    >>> chunk_borders((10, 6), (4, 3))
    ((0, 4, 8, 10), (0, 3, 6))
    >>> chunk_borders((10, 6), ((7, 3), 6))
    ((0, 7, 10), (0, 6))
    """
    shape = _checked_shape(shape)
    _check_same_dimensions("shape", shape, "chunks", chunks)
    return tuple(
        _axis_borders(axis, *pair) for axis, pair in enumerate(zip(shape, chunks, strict=True))
    )


def grid_shape(shape: Sequence[int], chunks: Chunks) -> tuple[int, ...]:
    """Count the chunks along each axis.

    Parameters
    ----------
    shape
        Shape of the array.
    chunks
        One size per axis, or all sizes along an axis.

    Returns
    -------
    tuple of int
        Number of chunks along each axis.

    Raises
    ------
    ValueError
        As `chunk_borders`.

    Examples
    --------
    >>> grid_shape((10, 6), (4, 3))
    (3, 2)
    """
    return tuple(len(borders) - 1 for borders in chunk_borders(shape, chunks))


def chunk_slices(shape: Sequence[int], chunks: Chunks) -> Iterator[Index]:
    """Go through all chunks of an array, the last axis fastest.

    Together the slices cover every element exactly once.

    Parameters
    ----------
    shape
        Shape of the array.
    chunks
        One size per axis, or all sizes along an axis.

    Returns
    -------
    iterator of tuple of slice
        One index per chunk. An array without elements has none.

    Raises
    ------
    ValueError
        As `chunk_borders`; at the call, not at the first chunk.

    Examples
    --------
    >>> list(chunk_slices((5,), (2,)))
    [(slice(0, 2, None),), (slice(2, 4, None),), (slice(4, 5, None),)]
    """
    borders = chunk_borders(shape, chunks)
    per_axis = [[slice(*pair) for pair in pairwise(axis_borders)] for axis_borders in borders]
    return product(*per_axis)


def index_bounds(index: Index, shape: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Start and stop of an index along each axis, as plain integers.

    Parameters
    ----------
    index
        One slice per axis, without steps. ``slice(None)`` is a whole axis.
    shape
        Shape of the array.

    Returns
    -------
    tuple of (int, int)
        Start and stop along each axis, so that ``0 <= start < stop <= length``.

    Raises
    ------
    ValueError
        If the dimensions differ, or a slice has a step, is empty or leaves the array.

    Examples
    --------
    >>> index_bounds((slice(2, 4), slice(None)), (10, 6))
    ((2, 4), (0, 6))
    """
    shape = _checked_shape(shape)
    _check_same_dimensions("index", index, "shape", shape)
    return tuple(
        _axis_bounds(axis, *pair) for axis, pair in enumerate(zip(index, shape, strict=True))
    )


def index_shape(index: Index, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of the region an index selects.

    Parameters
    ----------
    index
        One slice per axis, without steps.
    shape
        Shape of the array.

    Returns
    -------
    tuple of int
        Shape of the region.

    Raises
    ------
    ValueError
        As `index_bounds`.

    Examples
    --------
    >>> index_shape((slice(2, 4), slice(None)), (10, 6))
    (2, 6)
    """
    return tuple(stop - start for start, stop in index_bounds(index, shape))


def expand(index: Index, depth: int | Sequence[int], shape: Sequence[int]) -> tuple[Index, Index]:
    """Add a halo to an index, clipped at the edges of the array.

    ::

        array   0 . . . . . . . . 9       index 3:6, depth 2
        outer     . [ . . . . . . ]       outer 1:8   what to read
        inner         [ . . ]             inner 2:5   where the index lies in what was read

    Parameters
    ----------
    index
        One slice per axis, without steps.
    depth
        Elements to add on both sides: one number for all axes, or one per axis.
    shape
        Shape of the array.

    Returns
    -------
    outer : tuple of slice
        The region with its halo, in coordinates of the array.
    inner : tuple of slice
        The region without its halo, in coordinates of `outer`:
        ``array[outer][inner]`` equals ``array[index]``.

    Raises
    ------
    ValueError
        If dimensions differ, `depth` is negative, or as `index_bounds`.

    Examples
    --------
    >>> expand((slice(3, 6),), 2, (10,))
    ((slice(1, 8, None),), (slice(2, 5, None),))
    >>> expand((slice(0, 6),), 2, (7,))
    ((slice(0, 7, None),), (slice(0, 6, None),))
    """
    bounds = index_bounds(index, shape)
    depths = _checked_depths(depth, len(bounds))
    outer = tuple(
        slice(max(start - margin, 0), min(stop + margin, as_int(length)))
        for (start, stop), margin, length in zip(bounds, depths, shape, strict=True)
    )
    inner = tuple(
        slice(start - out.start, stop - out.start)
        for (start, stop), out in zip(bounds, outer, strict=True)
    )
    return outer, inner


def aligned(index: Index, unit: Chunks, shape: Sequence[int]) -> bool:
    """Tell whether an index begins and ends where units do.

    Only such a region can be written without reading, changing and writing back a unit that
    somebody else may be writing to at the same time.

    Parameters
    ----------
    index
        One slice per axis, without steps.
    unit
        What is written as a whole: shards where an array has them, else chunks. One size per
        axis, or all sizes along an axis.
    shape
        Shape of the array. Its edge counts as the end of a unit.

    Returns
    -------
    bool
        True when every start and every stop is a border of a unit.

    Raises
    ------
    ValueError
        As `chunk_borders` and `index_bounds`.

    Examples
    --------
    >>> aligned((slice(4, 10),), (4,), (10,))
    True
    >>> aligned((slice(4, 6),), (4,), (10,))
    False
    """
    bounds = index_bounds(index, shape)
    _check_same_dimensions("shape", shape, "chunks", unit)
    return all(
        _is_border(axis, place, as_int(length), size)
        for axis, (pair, length, size) in enumerate(zip(bounds, shape, unit, strict=True))
        for place in pair
    )


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Give a shape as plain integers, none of them negative."""
    lengths = tuple(as_int(length) for length in shape)
    if any(length < 0 for length in lengths):
        raise ValueError(f"shape {lengths} has a negative length; expected lengths of 0 or more")
    return lengths


def _check_same_dimensions(
    name_1: str, value_1: Sequence[object], name_2: str, value_2: Sequence[object]
) -> None:
    """Refuse two descriptions of one array that differ in their number of axes."""
    if len(value_1) != len(value_2):
        raise ValueError(
            f"{name_1} {tuple(value_1)} has {len(value_1)} dimensions, but "
            f"{name_2} {tuple(value_2)} has {len(value_2)}; give one entry per axis in both"
        )


def _axis_borders(axis: int, length: int, size: int | Sequence[int]) -> tuple[int, ...]:
    """Borders along one axis, from one size or from all of them."""
    if isinstance(size, Sequence):
        return _borders_from_sizes(axis, length, size)
    return (*range(0, length, _checked_size(axis, length, size)), length)


def _is_border(axis: int, place: int, length: int, size: int | Sequence[int]) -> bool:
    """Tell whether a chunk begins or ends at a place, without listing all borders if need be."""
    if isinstance(size, Sequence):
        return place in _borders_from_sizes(axis, length, size)
    return place % _checked_size(axis, length, size) == 0 or place == length


def _checked_size(axis: int, length: int, size: int) -> int:
    """Give a chunk size as a plain integer, at least one."""
    if (plain := as_int(size)) < 1:
        raise ValueError(
            f"chunk size {plain} on axis {axis} of length {length}; expected a size of 1 or more"
        )
    return plain


def _borders_from_sizes(axis: int, length: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Borders along one axis from all its sizes; chunks of size zero hold nothing and go."""
    if any(size != size for size in sizes):  # only NaN, an unknown size in Dask
        raise ValueError(
            f"the chunk sizes on axis {axis} of length {length} are unknown; "
            "call compute_chunk_sizes() on the Dask array first"
        )
    plain = [as_int(size) for size in sizes]
    if any(size < 0 for size in plain) or sum(plain) != length:
        raise ValueError(
            f"chunk sizes {tuple(plain)} add up to {sum(plain)} on axis {axis} of length "
            f"{length}; expected sizes of 0 or more that add up to {length}"
        )
    return (0, *accumulate(size for size in plain if size))


def _axis_bounds(axis: int, part: slice, length: int) -> tuple[int, int]:
    """Start and stop of a slice that must be a stretch inside its axis."""
    if not isinstance(part, slice) or part.step not in (None, 1):
        raise ValueError(f"{part!r} on axis {axis}; expected a slice without a step")
    start = 0 if part.start is None else as_int(part.start)
    stop = length if part.stop is None else as_int(part.stop)
    if not 0 <= start < stop <= length:
        problem = "is empty" if start >= stop else "leaves the array"
        raise ValueError(
            f"slice({start}, {stop}) {problem} on axis {axis} of length {length}; "
            f"expected 0 <= start < stop <= {length}"
        )
    return start, stop


def _checked_depths(depth: int | Sequence[int], dimensions: int) -> tuple[int, ...]:
    """One depth per axis, none of them negative."""
    if not isinstance(depth, Sequence):
        depth = (depth,) * dimensions
    depths = tuple(as_int(margin) for margin in depth)
    if len(depths) != dimensions:
        raise ValueError(
            f"depth {depths} has {len(depths)} entries for an index of {dimensions} dimensions; "
            "give one number, or one per axis"
        )
    if any(margin < 0 for margin in depths):
        raise ValueError(f"depth {depths} is negative; expected 0 or more elements")
    return depths
