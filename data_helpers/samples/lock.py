"""One process at a time: a lock that the operating system releases when its holder dies."""

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["Turn", "locked"]

_NO_LOCKS_HERE = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
_POLL = 0.05


class Turn:
    """What the holder of a lock knows.

    Attributes
    ----------
    waited : bool
        Whether another process held the lock first.
    note : str
        What the holder before left for those who waited; empty when all went well.
    exclusive : bool
        False on a file system that has no locks: two processes may then do the same work
        twice. They still cannot harm each other, since files are moved into place whole.
    """

    def __init__(self, file: IO[bytes], *, waited: bool, exclusive: bool) -> None:
        self._file = file
        self.waited = waited
        self.exclusive = exclusive
        file.seek(1)  # byte 0 is the one that Windows locks
        self.note = file.read().decode(errors="replace")
        self.leave("")

    def leave(self, note: str) -> None:
        """Leave a word for those who wait."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(b" " + note.encode())
        self._file.flush()


@contextmanager
def locked(path: Path, *, patience: float = 600.0) -> Iterator[Turn]:
    """Hold a lock file; wait for it at most `patience` seconds.

    The lock belongs to the open file, not to the file's presence: a process that is killed
    loses it at once, so no stale lock can keep anybody out, and the file itself stays.

    Raises
    ------
    TimeoutError
        If another process still holds the lock when patience runs out.
    OSError
        If the lock file cannot be written.
    """
    with path.open("a+b") as file:
        waited, exclusive = _acquire(file, path, patience)
        try:
            yield Turn(file, waited=waited, exclusive=exclusive)
        finally:
            if exclusive:
                _release(file)


def _acquire(file: IO[bytes], path: Path, patience: float) -> tuple[bool, bool]:
    waited = False
    deadline = time.monotonic() + patience
    while True:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                return waited, False
            if error.errno not in {errno.EACCES, errno.EAGAIN, errno.EDEADLK}:
                raise
        else:
            return waited, True
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"another process has held {path} for {patience:g} s; end it, then try again"
            )
        waited = True
        time.sleep(_POLL)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
