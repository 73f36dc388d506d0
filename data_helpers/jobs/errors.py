"""The error of a job: it names the chunk and keeps its cause, also between processes."""

import copyreg
import pickle
import traceback
from itertools import pairwise
from typing import Any

from data_helpers.grid import Index
from data_helpers.jobs.guards import index_text

__all__ = ["ChunkError"]


class ChunkError(RuntimeError):
    """A job failed: which chunk, doing what, and why.

    Attributes
    ----------
    index : tuple of slice
        The region the job was to fill.
    doing : str
        What it was doing: "computing" (reading and applying the function) or "writing".
    cause : BaseException
        The error itself, also when it was raised in another process.
    """

    def __init__(self, index: Index, doing: str, cause: BaseException) -> None:
        self.index = index
        self.doing = doing
        self.cause = cause
        super().__init__(
            f"chunk {index_text(index)} failed while {doing}: {type(cause).__name__}: {cause}"
        )
        # Raising with `from` does this too, but pickle forgets it.
        self.__cause__ = cause
        # Dask, where tblib is installed, has all errors pickled in its own way, which fails for
        # causes that cannot be pickled. This error knows better.
        copyreg.pickle(ChunkError, ChunkError.__reduce__)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.index, self.doing, _packed(self.cause))


def _rebuild(index: Index, doing: str, chain: list[BaseException]) -> ChunkError:
    """Put an error that was pickled together again, each error linked to the next."""
    for error, its_cause in pairwise(chain):
        error.__cause__ = its_cause
    return ChunkError(index, doing, chain[0])


def _packed(error: BaseException | None) -> list[BaseException]:
    """List an error and its causes, each made fit for pickling."""
    chain: list[BaseException] = []
    while error is not None and len(chain) < 100:
        chain.append(_picklable(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _picklable(error: BaseException) -> BaseException:
    """Copy an error with its traceback as a note, or only its text if it cannot be pickled."""
    lines = "".join(traceback.format_tb(error.__traceback__))
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    if lines:
        copy.add_note(f"Traceback where it was raised:\n{lines}")
    return copy
