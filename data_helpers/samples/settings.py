"""What the environment decides: where the cache is, whether and where to download."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from data_helpers.samples.registry import Registry

__all__ = ["Network", "cache_folder", "network", "with_base_url"]

_YES = {"1", "true", "yes", "on"}
_NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True)
class Network:
    """How long to try.

    Attributes
    ----------
    offline : bool
        Never ask the network.
    tries : int
        How often a file is asked for before giving up.
    timeout : float
        Seconds without any byte after which a try is given up.
    backoff : float
        Seconds of pause after the first failure; doubled after each further one.
    """

    offline: bool = False
    tries: int = 3
    timeout: float = 4.0
    backoff: float = 0.5

    @property
    def worst_case(self) -> float:
        """Seconds that a network costs which swallows every packet.

        Examples
        --------
        Three tries of 4 s with pauses of 0.5 and 1 s between them:

        >>> Network().worst_case
        13.5
        """
        pauses = self.backoff * float(2 ** (self.tries - 1) - 1)
        return self.tries * self.timeout + pauses


def cache_folder() -> Path:
    """Return the folder for downloads and derived stores, which may not exist yet.

    `DATA_HELPERS_CACHE` decides; without it, the operating system's place for caches.
    """
    chosen = os.environ.get("DATA_HELPERS_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        parent = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        parent = Path.home() / "Library" / "Caches"
    else:
        parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return parent / "chunk-by-chunk"


def network() -> Network:
    """Return the default patience, offline if `DATA_HELPERS_OFFLINE` says so.

    Raises
    ------
    ValueError
        If the variable holds neither a yes nor a no.
    """
    word = os.environ.get("DATA_HELPERS_OFFLINE", "").strip().lower()
    if word not in _YES | _NO:
        allowed = ", ".join(sorted((_YES | _NO) - {""}))
        raise ValueError(f"DATA_HELPERS_OFFLINE is {word!r}, expected one of: {allowed}")
    return Network(offline=word in _YES)


def with_base_url(registry: Registry) -> Registry:
    """Return the registry as `DATA_HELPERS_BASE_URL` redirects it (a mirror in a classroom)."""
    url = os.environ.get("DATA_HELPERS_BASE_URL", "").strip()
    return replace(registry, base_url=url.rstrip("/") + "/") if url else registry
