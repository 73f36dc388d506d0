"""The manifest of a run: a text file that says which chunks are done.

The manifest, not the presence of a chunk's file, is the truth. It holds one line of JSON per
event, is only ever appended to, and survives a kill at any moment: a last line that was cut short
is dropped. The lines are::

    {"manifest": 1, "identity": {...}}                       the work, written first
    {"done": "[0:64, 0:64]", "crc32": 2774132510}            one region, after it was written
    {"finished": true}                                       all regions, written last
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from data_helpers.grid import Index
from data_helpers.jobs.guards import index_text
from data_helpers.jobs.identity import differences

__all__ = ["Manifest", "parse_index"]


class Manifest:
    """What a manifest file says.

    Parameters
    ----------
    path
        The file. One that does not exist, or whose first line was cut short, says nothing yet.

    Attributes
    ----------
    identity : dict or None
        The identity of the work; None when nothing was written yet.
    done : dict
        CRC-32 of the values of each region that is done, by the region's text.
    finished : bool
        Whether all regions were done.

    Raises
    ------
    ValueError
        If it is not a file, not a manifest, or is damaged before its last line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.identity: dict[str, Any] | None = None
        self.done: dict[str, int] = {}
        self.finished = False
        self._file: BinaryIO | None = None
        self._read()

    @contextmanager
    def writing(self, identity: dict[str, Any]) -> Iterator[None]:
        """Hold the manifest for one run, and check that it is the same work.

        Parameters
        ----------
        identity
            The identity of the work.

        Raises
        ------
        RuntimeError
            If another run holds the manifest.
        ValueError
            If the manifest belongs to other work, with both.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            _lock(file, self.path)
            self._read()  # again: another run may have written since
            file.truncate(self._good_bytes)
            if self.identity is None:
                self._file = file
                self._append({"manifest": 1, "identity": identity})
                self.identity = identity
            self._check_same_work(identity)
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def add(self, index: Index, crc32: int) -> None:
        """Note that a region is done: after its values were written, never before.

        Parameters
        ----------
        index
            The region.
        crc32
            Checksum of its values.
        """
        self._append({"done": index_text(index), "crc32": crc32})
        self.done[index_text(index)] = crc32

    def finish(self) -> None:
        """Note that all regions are done."""
        if not self.finished:
            self._append({"finished": True})
            self.finished = True

    def _append(self, line: dict[str, Any]) -> None:
        """Write one line and hand it to the operating system."""
        assert self._file is not None
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def _read(self) -> None:
        """Read all whole lines; what follows the last line break was cut short by a kill."""
        if self.path.exists() and not self.path.is_file():
            raise ValueError(f"the manifest {self.path} is not a file; expected the path of one")
        data = self.path.read_bytes() if self.path.exists() else b""
        self._good_bytes = data.rfind(b"\n") + 1
        for number, text in enumerate(data[: self._good_bytes].splitlines(), start=1):
            try:
                self._take(json.loads(text), number)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"line {number} of {self.path} is not that of a manifest: {text[:80]!r}; "
                    "expected a manifest that run_jobs wrote: name another file, or delete this "
                    "one to start anew"
                ) from error

    def _take(self, line: dict[str, Any], number: int) -> None:
        """Take in one line."""
        if number == 1:
            if line["manifest"] != 1:
                raise ValueError(f"version {line['manifest']}")
            self.identity = line["identity"]
        elif "finished" in line:
            self.finished = True
        else:
            self.done[line["done"]] = line["crc32"]

    def _check_same_work(self, identity: dict[str, Any]) -> None:
        """Refuse to continue other work, and say what differs."""
        lines = differences(json.loads(json.dumps(identity)), self.identity)
        if lines:
            raise ValueError(
                f"the manifest {self.path} belongs to other work:\n  "
                + "\n  ".join(lines)
                + "\nexpected the same function, parameters and arrays; name another manifest and "
                "another output for new work, or delete the manifest to do all of it again"
            )


def parse_index(text: str) -> Index:
    """Read an index from its text.

    Parameters
    ----------
    text
        As `index_text` writes it.

    Returns
    -------
    tuple of slice
        The index.

    Examples
    --------
    >>> parse_index("[0:64, 64:100]")
    (slice(0, 64, None), slice(64, 100, None))
    """
    parts = [part.split(":") for part in text.strip("[]").split(", ") if part]
    return tuple(slice(int(start), int(stop)) for start, stop in parts)


def _lock(file: BinaryIO, path: Path) -> None:
    """Take the lock of an open file; the operating system frees it when the process ends."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            file.seek(2**30)  # Windows locks bytes, and other readers need those in use
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RuntimeError(
            f"another run holds the manifest {path}; expected one run at a time: wait for it to "
            "end, or give each run an output and a manifest of its own"
        ) from error
