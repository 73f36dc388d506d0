"""Execute several pages at once, before Sphinx reads them one after the other.

Sphinx has a page executed when it reads it, and reads one at a time, so all cores but one would
wait. Here the pages to be read are executed into the notebook cache first, where Sphinx then
finds them. A page that measures time is executed alone, since what runs beside it would show in
its numbers. A page that fails leaves nothing in the cache: it is executed again when Sphinx
reads it, and reported there.
"""

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from jupyter_cache import get_cache
from myst_nb.core.execute import create_client
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

CLOCK = "perf_counter"  # how a page measures time


class Silent(logging.LoggerAdapter):
    """Say nothing, as Sphinx says it later."""

    def log(self, *_: object, **__: object) -> None:
        """Drop a message."""


def execute(path: Path, env: BuildEnvironment) -> None:
    """Execute a page if it has code that the cache does not know."""
    text = path.read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
    if reader:
        notebook, logger = reader.read(text), Silent(logging.getLogger(__name__))
        with create_client(notebook, str(path), env.mystnb_config, logger, reader.read_fmt):
            pass  # entering it executes


def execute_ahead(_: Sphinx, env: BuildEnvironment, names: Sequence[str]) -> None:
    """Fill the cache with the pages about to be read: those with a clock first, one by one."""
    if env.mystnb_config.execution_mode != "cache":
        return
    _ = get_cache(env.mystnb_config.execution_cache_path).db  # made once, before many ask for it
    paths = [Path(env.doc2path(name)) for name in names]
    timed = [path for path in paths if CLOCK in path.read_text(encoding="utf-8")]
    for path in timed:
        execute(path, env)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(partial(execute, env=env), [path for path in paths if path not in timed]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Execute when Sphinx knows which pages it will read."""
    app.connect("env-before-read-docs", execute_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
