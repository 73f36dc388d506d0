"""Downloads that are verified, done once, and give up in good time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import gaierror
from typing import TYPE_CHECKING

from data_helpers.samples.lock import Turn, locked
from data_helpers.samples.registry import Registry, file_sha256

if TYPE_CHECKING:
    from data_helpers.samples.settings import Network

__all__ = ["CorruptCacheError", "FetchError", "fetch"]

# Addresses that failed in this process, and how: nobody waits for the same silence twice.
_FAILED: dict[str, str] = {}
# Answers of a server that asks for patience.
_BUSY = {408, 425, 429}


class FetchError(OSError):
    """A dataset could not be obtained; nothing unverified is in use."""


class CorruptCacheError(FetchError):
    """The cache holds a damaged file that could not be replaced."""


class _GiveUpError(Exception):
    """A download failed in a way that another try would not mend."""


def fetch(registry: Registry, cache: Path, network: Network, *, progress: bool = False) -> Path:
    """Return the folder that holds all files of a registry, each verified by its hash.

    Only files that are missing or damaged are downloaded, each into a temporary file that is
    moved into place when its hash is right. Two processes that fetch at once download once.

    Parameters
    ----------
    registry : Registry
        The files, their hashes, and where they are.
    cache : Path
        The folder in which the dataset's own folder is kept.
    network : Network
        Whether to download, and how long to try.
    progress : bool
        Show a progress bar that counts files.

    Raises
    ------
    CorruptCacheError
        If a file in the cache is damaged and cannot be replaced.
    FetchError
        If files are missing and cannot be obtained. The first failure of an address is
        remembered: later calls in the same process fail at once.
    ImportError
        If a download is needed and pooch is not installed.
    """
    folder = cache / registry.name
    if not _unusable(folder, registry):
        return folder
    try:
        _obtain(registry, folder, network, progress)
    except FetchError as error:
        damaged = [name for name in _unusable(folder, registry) if (folder / name).exists()]
        if damaged:
            raise CorruptCacheError(
                f"{folder / damaged[0]} does not match its hash and could not be replaced "
                f"({error}); {len(damaged)} of {len(registry.files)} files are damaged. Go online "
                "and call this again, or delete the folder"
            ) from error
        raise
    return folder


def _unusable(folder: Path, registry: Registry) -> list[str]:
    """Return the names of files that are missing or do not match their hash."""
    return [
        name
        for name, digest in registry.files.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    ]


def _obtain(registry: Registry, folder: Path, network: Network, progress: bool) -> None:
    if network.offline:
        raise FetchError(
            f"{registry.name} is not complete in {folder.parent}, and DATA_HELPERS_OFFLINE forbids "
            "to download it; set it to 0 to allow that"
        )
    if registry.base_url in _FAILED:
        raise FetchError(
            f"{_FAILED[registry.base_url]} (remembered from the first try; "
            "restart Python, or the notebook's kernel, to try again)"
        )
    with _turn(folder) as turn:
        if turn.exclusive:
            _sweep(folder)
        # Another process may have fetched, or failed, while we waited.
        names = _unusable(folder, registry)
        if names and turn.waited and turn.note:
            _FAILED[registry.base_url] = turn.note
            turn.leave(turn.note)  # those behind us wait no longer than we did
            raise FetchError(turn.note)
        _download_all(registry, names, folder, network, progress, turn)


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[Turn]:
    """Wait for our turn to write into the cache."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            turn = stack.enter_context(locked(folder.with_name(folder.name + ".lock")))
            # An existing folder may still be closed to us.
            probe = folder / "tmp-probe"
            probe.touch()
            probe.unlink()
        except TimeoutError as error:
            raise FetchError(str(error)) from error
        except OSError as error:
            raise FetchError(
                f"{folder} lacks files of the dataset and cannot be written ({error.strerror}); "
                "set DATA_HELPERS_CACHE to a folder that can"
            ) from error
        yield turn


def _sweep(folder: Path) -> None:
    """Remove what killed downloads left: we hold the lock, so no living one owns them."""
    for leftover in folder.glob("tmp*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _download_all(
    registry: Registry,
    names: list[str],
    folder: Path,
    network: Network,
    progress: bool,
    turn: Turn,
) -> None:
    from tqdm.auto import tqdm

    bar = tqdm(names, desc=registry.name, unit="file", disable=not progress)
    for name in bar:
        download = _downloader(registry, name, folder, network)
        try:
            _try_often(download, network)
        except OSError as error:  # the cache's disk, not the network
            raise FetchError(f"{folder / name} cannot be written: {error}") from error
        except _GiveUpError as error:
            reason = f"{registry.base_url}{name}: {error}"
            _FAILED[registry.base_url] = reason
            turn.leave(reason)
            raise FetchError(reason) from error


def _try_often(download: Callable[[_Pulse], None], network: Network) -> None:
    """Try, and try again after a pause where that can help."""
    last: Exception | None = None
    for attempt in range(network.tries):
        if attempt:
            time.sleep(network.backoff * 2 ** (attempt - 1))
        try:
            return _watched(download, network.timeout)
        except Exception as error:
            if not _is_network(error):
                raise
            if _is_final(error):
                raise _GiveUpError(_in_words(error)) from error
            last = error
    raise _GiveUpError(f"{_in_words(last)} ({network.tries} tries)") from last


def _is_network(error: Exception) -> bool:
    """Tell failures of the network, wrong content included, from those of our own disk."""
    from requests.exceptions import RequestException

    return isinstance(error, RequestException | TimeoutError | ValueError)


def _is_final(error: Exception) -> bool:
    """Tell failures that another try would not mend."""
    from requests import exceptions as failures

    if isinstance(error, failures.HTTPError) and error.response is not None:
        status = error.response.status_code
        return status < 500 and status not in _BUSY
    hopeless = (failures.SSLError, failures.InvalidURL, failures.MissingSchema)
    if isinstance(error, (*hopeless, failures.InvalidSchema)):
        return True
    # Nobody listens at the address, or it has no such name: the answer came at once.
    return any(isinstance(cause, ConnectionRefusedError | gaierror) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _in_words(error: Exception | None) -> str:
    """Say in a few words what failed; the whole chain stays attached to the exception."""
    from requests import exceptions as failures

    if isinstance(error, failures.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, ValueError) and not isinstance(error, failures.RequestException):
        return "what arrived does not match the SHA-256 in the registry, and was thrown away"
    causes = list(_causes(error))
    # A socket that falls silent inside a body is a ConnectionError, by a TimeoutError.
    if any(isinstance(cause, failures.Timeout | TimeoutError) for cause in causes):
        return "no answer in time"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "the connection was refused"
    if any(isinstance(cause, gaierror) for cause in causes):
        return "the host's name could not be looked up"
    return str(error)


class _Pulse:
    """What pooch takes for a progress bar; it notes when bytes last arrived."""

    total = 0

    def __init__(self) -> None:
        self.last = time.monotonic()

    def update(self, _: int) -> None:
        self.last = time.monotonic()

    def reset(self) -> None:
        """Do nothing: pooch calls it at the end of a file."""

    def close(self) -> None:
        """Do nothing: pooch calls it at the end of a file."""


def _watched(download: Callable[[_Pulse], None], timeout: float) -> None:
    """Run a download in a thread, and leave it alone once no byte came for `timeout` seconds.

    The time-outs of sockets are not enough: they do not cover the look-up of names, they
    start again for each address of a host, and for each byte that trickles in. A thread left
    alone cannot harm: what it may still finish is verified before it is moved into place.
    """
    pulse = _Pulse()
    outcome: list[Exception | None] = []

    def work() -> None:
        try:
            download(pulse)
        except Exception as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=work, name="data-helpers-download", daemon=True)
    thread.start()
    while thread.is_alive() and (left := pulse.last + timeout - time.monotonic()) > 0:
        thread.join(left)
    if not outcome:
        raise TimeoutError(f"no answer within {timeout:g} s")
    if outcome[0] is not None:
        raise outcome[0]


def _downloader(
    registry: Registry, name: str, folder: Path, network: Network
) -> Callable[[_Pulse], None]:
    """Return what downloads one file; all imports happen here, outside the watched time."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise ImportError(
            "downloads need the package pooch; "
            "install the extra `data`: pip install 'chunk-by-chunk[data]'"
        ) from error
    pooch.get_logger().setLevel("WARNING")
    files = pooch.create(
        path=folder, base_url=registry.base_url, registry={name: registry.files[name]}
    )

    def download(pulse: _Pulse) -> None:
        answers: list[requests.Response] = []
        get = pooch.HTTPDownloader(
            progressbar=pulse,
            timeout=(network.timeout, network.timeout),
            hooks={"response": lambda answer, **_: answers.append(answer)},
        )
        try:
            files.fetch(name, downloader=get)
        finally:
            for answer in answers:  # pooch leaves the connection open when a download fails
                answer.close()

    return download
