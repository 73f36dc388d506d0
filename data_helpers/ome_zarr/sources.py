"""What a source reads from, also a lazy one: what must not be deleted before it is read."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import zarr

from data_helpers.jobs.arrays import ZarrArray

__all__ = ["arrays_read_by"]


def arrays_read_by(source: Any) -> Iterator[ZarrArray]:
    """Find the Zarr arrays that a source reads from.

    Parameters
    ----------
    source
        Any array. A lazy one is searched through its graph, without computing anything.

    Yields
    ------
    zarr.Array
        The source itself if it is one, or each one that a task of the graph is given.

    Examples
    --------
    >>> import dask.array as da
    >>> stored = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u1")
    >>> [array is stored for array in arrays_read_by(da.from_zarr(stored) * 2)]
    [True]
    """
    waiting, seen = [source], dict[int, Any]()  # values stay referenced: their ids stay theirs
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, zarr.Array):
            yield value
        else:
            waiting += _parts(value)


def _parts(value: Any) -> list[Any]:
    """List what a graph, a task, a container or a wrapper around an array holds."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if hasattr(value, "__dask_graph__"):
        return [value.__dask_graph__()]
    if type(value).__module__.startswith("dask."):  # nodes of a graph
        names: tuple[str, ...] = ("func", "args", "kwargs", "value")
    else:  # wrappers, such as xarray's
        names = ("array", "_array")
    return [getattr(value, name) for name in names if hasattr(value, name)]
