"""All tasks of all chapters, by number."""

from data_helpers.checks import (
    chunking,
    dask_operations,
    objects,
    ome_zarr,
    processing,
    stitching,
    storage,
)
from data_helpers.checks.marking import Task

__all__ = ["TASKS", "find_task"]

TASKS: tuple[Task, ...] = (
    *storage.TASKS,
    *stitching.TASKS,
    *chunking.TASKS,
    *ome_zarr.TASKS,
    *processing.TASKS,
    *dask_operations.TASKS,
    *objects.TASKS,
)


def find_task(number: str) -> Task:
    """Find a task by its number.

    Parameters
    ----------
    number
        Chapter and place, such as ``"03.2"``.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    ValueError
        If there is none of that number; the message lists those there are.

    Examples
    --------
    >>> find_task("03.2").title
    'Go through all chunks'
    """
    for task in TASKS:
        if task.number == number:
            return task
    known = ", ".join(task.number for task in TASKS)
    raise ValueError(f"there is no task {number!r}; expected one of {known}")
