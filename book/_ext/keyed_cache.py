"""Execute the pages again whenever the code behind them has changed.

Jupyter Book's cache is keyed on the text of a page alone: after an edit of `data_helpers`
the page would keep showing what the old code did. Here the cache's folder carries a hash of
everything else that decides what a page shows, so a change leads to an empty cache, and, as
the folder is part of the configuration, Sphinx reads every page again. When nothing has
changed the folder is the same and nothing is executed.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

SOURCES = (
    "data_helpers/**/*.py",
    "data_helpers/**/*.mplstyle",
    "benchmarks/results/*.json",
    "requirements.txt",
)
# The settings that choose between the real data and their stand-ins.
SETTINGS = ("DATA_HELPERS_OFFLINE", "DATA_HELPERS_SOURCE")


def sources(root: Path) -> Iterator[Path]:
    """Yield the files whose content decides what a page shows, in a fixed order."""
    for pattern in SOURCES:
        yield from sorted(root.glob(pattern))


def execution_key(root: Path) -> str:
    """Return a short hash of the code, the pinned packages, the settings and the Python version."""
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    for name in SETTINGS:
        digest.update(f"{name}={os.environ.get(name, '')}\0".encode())
    for path in sources(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def use_keyed_cache(app: Sphinx, config: Config) -> None:
    """Point the notebook cache at the folder for the present key and drop those of older keys.

    Pages are executed offline, unless whoever builds the book says otherwise.
    """
    os.environ.setdefault("DATA_HELPERS_OFFLINE", "1")
    caches = Path(app.outdir).parent / ".jupyter_cache"
    current = caches / execution_key(Path(app.srcdir))
    for old in caches.glob("*"):
        if old != current:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    config.nb_execution_cache_path = str(current)


def forget_a_bad_build(app: Sphinx, exception: Exception | None) -> None:
    """Make the next build read every page again when this one had warnings.

    Sphinx warns about a page when it reads it, so a second run of a build with warnings would
    find nothing to read and pass.
    """
    if exception or app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the two ends of a build."""
    app.connect("config-inited", use_keyed_cache)
    app.connect("build-finished", forget_a_bad_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
