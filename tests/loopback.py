"""A small HTTP server on this machine that fails in chosen ways. Real sockets, nothing mocked."""

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = (
    "hang",  # the request is read and never answered
    "half",  # half of the body, though the header promised all of it
    "half-unannounced",  # half of the body, without a header that says how long it is
    "wrong",  # status 200, and another content of the same length
    "portal",  # status 200, and a page that asks to log in
    "reset",  # the connection is cut
    "stall",  # half of the body, then silence
    "trickle",  # a byte now and then
    "slow",  # the right answer after a while
)


class Loopback:
    """Serves named bytes, and meets chosen requests with faults.

    Attributes
    ----------
    url
        Where it serves; another path for each server, so that no two share an address.
    requests
        The names asked for, in turn.
    """

    _numbers = itertools.count()

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.requests: list[str] = []
        self.half_sent = threading.Event()
        self.closing = threading.Event()
        self._faults: dict[str, list[str | int]] = defaultdict(list)
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/{next(self._numbers)}/"

    def fail(self, name: str, *faults: str | int) -> None:
        """Meet the next requests for a file with these faults or status codes, in turn."""
        assert all(fault in FAULTS or isinstance(fault, int) for fault in faults)
        self._faults[name] = list(faults)

    def next_fault(self, name: str) -> str | int | None:
        return self._faults[name].pop(0) if self._faults[name] else None

    def __enter__(self) -> "Loopback":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    loopback: Loopback

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        server = self.loopback
        name = self.path.rsplit("/", 1)[1]
        server.requests.append(name)
        body = server.files.get(name)
        fault = server.next_fault(name)
        with contextlib.suppress(ConnectionError):  # the client may have gone
            if body is None or fault == 404:
                self.send_error(404)
            elif isinstance(fault, int):
                self.send_error(fault)
            elif fault == "hang":
                server.closing.wait()
            elif fault == "reset":
                self._reset()
            else:
                self._send(body, fault)

    def _reset(self) -> None:
        # With this option, closing sends RST instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, body: bytes, fault: str | None) -> None:
        half = body[: len(body) // 2]
        if fault == "slow":
            time.sleep(0.3)
        if fault == "portal":
            body = b"<html>Please log in to use this network.</html>"
        elif fault == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(200)
        if fault != "half-unannounced":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault in {"half", "half-unannounced"}:
            self.wfile.write(half)
        elif fault == "stall":
            self.wfile.write(half)
            self.wfile.flush()
            self.loopback.half_sent.set()
            self.loopback.closing.wait()
        elif fault == "trickle":
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.loopback.closing.wait(0.05):
                    return
        else:
            self.wfile.write(body)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Yield an address at which nobody listens, and nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, never listening
        yield f"http://127.0.0.1:{held.getsockname()[1]}/"


@contextlib.contextmanager
def swallowing() -> Iterator[str]:
    """Yield an address whose packets vanish: even a connection is never made.

    The queue of a socket that nobody accepts from is filled; the system then drops the packets
    of whoever comes next.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(16):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.1)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                break
        else:
            raise OSError("this system does not drop packets of a full queue")
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def varied(size: int, seed: int) -> bytes:
    """Bytes that are unlike those of another seed at every place that matters."""
    return bytes((seed * 31 + i * i * 7 + i) % 251 for i in range(size))


__all__: Sequence[str] = ["FAULTS", "Loopback", "refusing", "swallowing", "varied"]
