"""Zarr arrays that are read and written on the thread that asks.

Zarr-python does all its work on one event loop, in a thread of its own, and hands each chunk to the
threads of a pool to be coded. Where every job has a thread already, that is a detour: jobs queue
for the loop, which copies the chunks of all of them, and each chunk changes threads several times.
Here each read or write has a loop of its own and runs from its first line to its last on the
thread of its job. The code that runs is the same.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple, cast

import zarr
from zarr.abc.store import Store
from zarr.core.sync import sync
from zarr.storage import LocalStore

__all__ = ["inline", "wait_for"]

AnyArray = TypeVar("AnyArray")
Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


def inline(array: AnyArray) -> AnyArray:
    """Open a Zarr array on a local disk so that regions are read and written on the asking thread.

    Parameters
    ----------
    array
        Any array.

    Returns
    -------
    array
        The same array, or, when it is not one of Zarr on a local disk, the array as it came.

    Examples
    --------
    >>> in_memory = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u1")
    >>> inline(in_memory) is in_memory
    True
    """
    # Stores that reach over a network live on the loop they were opened on.
    if not isinstance(array, zarr.Array) or type(array.store) is not LocalStore:
        return array
    return cast(AnyArray, _InlineArray(array.async_array))


def wait_for(store: Store, work: Coroutine[Any, Any, Any]) -> Any:
    """Run work with a store to its end: on this thread, if the store is a local disk.

    Parameters
    ----------
    store
        A store of Zarr.
    work
        What one of its methods gave.

    Returns
    -------
    object
        What the work gives.

    Examples
    --------
    >>> store = zarr.storage.MemoryStore()
    >>> wait_for(store, store.exists("a"))
    False
    """
    return _run(work) if type(store) is LocalStore and not _in_a_loop() else sync(work)


class _InlineArray(zarr.Array[Any]):
    """A Zarr array whose regions are read and written on the thread that asks."""

    def __getitem__(self, index: Any) -> Any:
        if _is_region(index) and not _in_a_loop():
            return _run(self.async_array.getitem(index))
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _is_region(index) and not _in_a_loop():
            _run(self.async_array.setitem(index, value))
        else:
            super().__setitem__(index, value)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that runs at once, on its own thread, what is meant for another one."""

    def run_in_executor(
        self, executor: Any, func: Callable[[*Arguments], Result], *args: *Arguments
    ) -> asyncio.Future[Result]:
        done: asyncio.Future[Result] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run asynchronous work to its end on this thread."""
    loop = _Loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _is_region(index: Any) -> bool:
    """Tell whether an index is one slice per axis, and not one of Zarr's other selections."""
    return isinstance(index, tuple) and index != () and all(isinstance(i, slice) for i in index)


def _in_a_loop() -> bool:
    """Tell whether this thread runs a loop already, as the main thread of a notebook does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
