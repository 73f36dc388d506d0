"""The process in which answers run: started early, kept warm, ended when an answer is stuck.

Answers do not run in the notebook itself, where an endless loop could only be stopped by hand and
a crash would take the notebook with it. They travel, with the names they use, to a second Python
process that has already imported what checks need. The two talk through the process's standard
input and output, which works alike on Linux, macOS and Windows::

    notebook                                   worker
    Worker.ask(request)  ---- pickled ---->    main(): for each request
      waits, with a limit                        run_request
      "call"             <----             ---   before each call of the answer
      "verdict"          <----             ---   at the end
"""

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from data_helpers.checks.verdict import Verdict

__all__ = ["Request", "Stopped", "Worker", "main"]

_START_LIMIT = 120.0  # seconds for a cold start of Python and its imports on a slow disk
_MEMORY_LIMIT = 8 * 2**30  # bytes an answer may take beyond what the imports took


@dataclass(frozen=True)
class Request:
    """What the worker needs to mark one answer."""

    task: str
    answer: bytes  # pickled by value, with the names of the notebook that it uses
    seed: int
    path: list[str]
    folder: str


class Stopped(Exception):  # noqa: N818 (it becomes a verdict)
    """The worker was ended, or ended itself, before there was a verdict."""

    def __init__(self, call: str, exit_code: int | None) -> None:
        super().__init__(call)
        self.call, self.exit_code = call, exit_code


class Worker:
    """A warm process that marks one answer at a time.

    Examples
    --------
    >>> worker = Worker()
    >>> worker.alive
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, unless it runs; it imports in the background."""
        if self.alive:
            return
        self.stop()
        # temporary files of answers go here, so that they vanish even when the worker is killed
        self._folder = tempfile.TemporaryDirectory(prefix="checks-", ignore_cleanup_errors=True)
        folder = self._folder.name
        with (Path(folder) / "stderr.txt").open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from data_helpers.checks.worker import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "TMPDIR": folder, "TEMP": folder, "TMP": folder}
                | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
                # an interrupt of the notebook is for the notebook: it then ends the worker
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        assert self._process.stdout
        self._ready = False
        self._replies = queue.SimpleQueue()
        arguments = (self._process.stdout, self._replies)
        threading.Thread(target=_listen, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what was still buffered has no reader any more
                    stream.close()  # type: ignore[union-attr]
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def ask(self, request: Request, limit: float) -> Verdict:
        """Have an answer marked.

        Parameters
        ----------
        request
            The answer and what belongs to it.
        limit
            Seconds the marking may take; waiting for a cold start is not counted.

        Returns
        -------
        Verdict
            What was found.

        Raises
        ------
        Stopped
            If there was no verdict in time, or the process ended. A fresh one is started.
        RuntimeError
            If the process cannot be started.
        """
        with self._lock:
            try:
                self._be_ready()
                return self._converse(request, limit)
            except BaseException:  # an interrupt by the user ends the worker, too
                self.stop()
                self.start()
                raise

    def _be_ready(self) -> None:
        """Start the process if need be and wait until it has imported everything."""
        self.start()
        if not self._ready:
            kind, _ = self._next(time.monotonic() + _START_LIMIT)
            if kind != "ready":
                raise RuntimeError(f"the process for checks did not start: {self._last_words()}")
            self._ready = True

    def _last_words(self) -> str:
        """Give what the process wrote to its error stream."""
        assert self._folder
        text = (Path(self._folder.name) / "stderr.txt").read_text(errors="replace")
        return text[-2000:] or "it said nothing"

    def _converse(self, request: Request, limit: float) -> Verdict:
        """Send a request and listen until there is a verdict."""
        assert self._process
        assert self._process.stdin
        with suppress(OSError):  # a worker that has just ended says so below
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        deadline, call = time.monotonic() + limit, ""
        while True:
            kind, content = self._next(deadline)
            if kind == "verdict":
                verdict: Verdict = content
                return verdict
            if kind in ("late", "ended"):
                raise Stopped(call, self._process.wait() if kind == "ended" else None)
            if kind == "failed":
                raise RuntimeError(f"the check failed, which is not your fault:\n{content}")
            call = content

    def _next(self, deadline: float) -> tuple[str, Any]:
        """Wait for the worker's next message, but not beyond a point in time."""
        try:
            return self._replies.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            return "late", ""


def _listen(stream: BinaryIO, replies: "queue.SimpleQueue[tuple[str, Any]]") -> None:
    """Pass on what the worker says until it ends."""
    # cut off in the middle of a message, or closed by `stop`: both are the end
    with suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
        while True:
            replies.put(pickle.load(stream))  # noqa: S301 (from the process we started)
    replies.put(("ended", ""))


def main() -> None:
    """Be the worker: mark what is asked for until the notebook ends."""
    requests, replies = _take_streams()
    from data_helpers.checks.tasks import TASKS

    for task in TASKS:
        task.load()
    _limit_memory()

    def say(kind: str, content: object) -> None:
        pickle.dump((kind, content), replies)
        replies.flush()

    say("ready", "")
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_wait_for_requests, args=(requests, waiting), daemon=True).start()
    while True:
        try:
            say("verdict", run_request(waiting.get(), lambda call: say("call", call)))
        except Exception:
            say("failed", traceback.format_exc())


def run_request(request: Request, report: Callable[[str], None]) -> Verdict:
    """Mark one answer in this process.

    Parameters
    ----------
    request
        The answer and what belongs to it.
    report
        Told of each call of the answer before it happens.

    Returns
    -------
    Verdict
        What was found.
    """
    from data_helpers.checks.marking import Answer, mark
    from data_helpers.checks.tasks import find_task

    sys.path[:] = request.path
    os.chdir(request.folder)
    task = find_task(request.task)
    value = pickle.loads(request.answer)  # noqa: S301 (from the notebook that started us)
    return mark(task, Answer(value, seed=request.seed, report=report), request.seed)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep standard input and output for our own messages, away from what answers read or print."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what compiled code prints goes to the error stream
    return requests, replies


def _wait_for_requests(stream: BinaryIO, waiting: "queue.SimpleQueue[Request]") -> None:
    """Take requests; when the notebook is gone, go as well, even from the middle of an answer."""
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            waiting.put(pickle.load(stream))  # noqa: S301 (from the notebook that started us)
    os._exit(0)


def _limit_memory() -> None:
    """Make an answer that grows without end fail, where the system can do that (Linux)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        import resource

        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        limit = used + _MEMORY_LIMIT
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
