"""An object store on this machine that answers byte ranges and keeps a log of every request."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from data_helpers.storage.files import _directory

__all__ = ["ObjectServer", "Request"]


@dataclass(frozen=True)
class Request:
    """One line of an object server's log.

    Attributes
    ----------
    method
        ``GET`` fetches bytes, ``HEAD`` only asks for the size.
    key
        Name of the object: its path below the folder that is served.
    status
        200 whole object, 206 a range of it, 404 there is none, 416 the range lies outside.
    start, nbytes
        Position of the first byte sent and the number of bytes sent.
    """

    method: str
    key: str
    status: int
    start: int
    nbytes: int


class ObjectServer:
    """Serve a folder on the loopback address as an object store would, and log the requests.

    Use it in a ``with`` statement: the server starts there and is gone afterwards. It is
    read-only, does not list, and honours single byte ranges (RFC 9110, section 14), which
    Python's own `http.server` ignores.

    Parameters
    ----------
    folder
        The directory whose files are the objects.
    latency
        Seconds to wait before each answer, as a distant server would.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        `folder` is not a directory.
    ValueError
        `latency` is negative.

    Examples
    --------
    Ask for the last two bytes of an object of five:

    >>> import tempfile, urllib.request
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "letters").write_bytes(b"abcde")
    >>> with ObjectServer(folder) as server:
    ...     ask = urllib.request.Request(server.url + "/letters", headers={"Range": "bytes=-2"})
    ...     with urllib.request.urlopen(ask) as answer:
    ...         print(answer.read())
    b'de'
    >>> server.requests
    [Request(method='GET', key='letters', status=206, start=3, nbytes=2)]
    """

    def __init__(self, folder: str | PathLike[str], *, latency: float = 0.0) -> None:
        if latency < 0:
            raise ValueError(f"latency is {latency} s: expected 0 or more")
        self.folder = _directory(folder).resolve()
        self.latency = latency
        self._requests: list[Request] = []
        self._lock = Lock()

    def __enter__(self) -> Self:
        handler = type("_Handler", (_Handler,), {"objects": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Address of the folder, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> list[Request]:
        """The log so far, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def nbytes(self) -> int:
        """Bytes of objects sent so far (headers are not counted)."""
        return sum(request.nbytes for request in self.requests)

    def clear(self) -> None:
        """Start an empty log."""
        with self._lock:
            self._requests.clear()

    def _log(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with the usual 5, the sixth simultaneous client waits a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, as object stores do
    disable_nagle_algorithm = True  # else the body waits 40 ms for the headers' receipt
    timeout = 10
    objects: ObjectServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Keep the terminal quiet: the log is `ObjectServer.requests`."""

    def _answer(self) -> None:
        time.sleep(self.objects.latency)
        key = unquote(urlsplit(self.path).path).lstrip("/")
        path = (self.objects.folder / key).resolve()
        if not path.is_file() or not path.is_relative_to(self.objects.folder):
            self._send(key, 404, range(0), None, 0)
            return
        size = path.stat().st_size
        wanted = _byte_range(self.headers.get("Range"), size)
        if wanted is None:
            self._send(key, 200, range(size), path, size)
        elif not wanted:
            self._send(key, 416, wanted, None, size)
        else:
            self._send(key, 206, wanted, path, size)

    def _send(self, key: str, status: int, wanted: range, path: Path | None, size: int) -> None:
        body = path if self.command == "GET" else None
        # Logged first, so that a client that has its answer finds it in the log.
        sent = len(wanted) if body else 0
        self.objects._log(Request(self.command, key, status, wanted.start, sent))
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(wanted)))
        if status == 206:
            last = wanted.stop - 1
            self.send_header("Content-Range", f"bytes {wanted.start}-{last}/{size}")
        if status == 416:
            self.send_header("Content-Range", f"bytes */{size}")
        self.end_headers()
        if body is not None:
            for block in _blocks(body, wanted):
                self.wfile.write(block)


def _byte_range(header: str | None, size: int) -> range | None:
    """Read a Range header: None means the whole object, an empty range lies outside it."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if match is None or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:  # "-n": the last n bytes
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):  # not a range: RFC 9110 says to ignore it
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def _blocks(path: Path, wanted: range, block: int = 1 << 20) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(wanted.start)
        for start in range(wanted.start, wanted.stop, block):
            yield file.read(min(block, wanted.stop - start))
