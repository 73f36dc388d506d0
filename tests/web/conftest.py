"""A browser that can reach one host only, and servers for the sites it visits."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import SITE
from playwright.sync_api import Browser, Page, sync_playwright
from tinybook import HEADER, TinyBook

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the argument `page_name` once for every page of the built site."""
    if "page_name" in metafunc.fixturenames:
        built = sorted(
            path.relative_to(SITE).as_posix()
            for path in SITE.rglob("*.html")
            if "_static" not in path.relative_to(SITE).parts
        )
        # Without a site the test still exists; the fixture `site` then says why it is skipped.
        metafunc.parametrize("page_name", built or ["no site"])


class Quiet(SimpleHTTPRequestHandler):
    """Serve files without a line on the terminal for each."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this computer only, and give its address."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The address of the served site."""
    with serving(site) as url:
        yield url


@contextmanager
def loop_running(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Mark an event loop, or none, as the one that this thread runs."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


@pytest.fixture(scope="session")
def hidden_browser(chromium: str) -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """A headless Chromium, and the loop that has to be marked as running to work with it.

    Playwright leaves that mark until the browser is closed. All that comes later on this thread,
    tests of other things too, would then take the way of code within a loop, or fail.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        loop = asyncio.get_running_loop()
        with loop_running(None):
            yield browser, loop
        browser.close()


@pytest.fixture
def browser(hidden_browser: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """A headless Chromium, to work with in one test."""
    browser, loop = hidden_browser
    with loop_running(loop):
        yield browser


class Visit:
    """A page in the browser that writes down what it should not do."""

    def __init__(self, page: Page, host: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"error on the page: {error}"))
        page.route(lambda url: not url.startswith((host, "data:", "blob:")), self._refuse)

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(f"error in the console: {text}")

    def _refuse(self, route: Any) -> None:
        self.faults.append(f"request to another host: {route.request.url}")
        route.abort()

    def open(self, url: str) -> Page:
        """Go to a page, wait until it has settled, and unfold everything that is folded."""
        self.page.goto(url)
        # The front page forwards by itself; its target is a page of its own in the list.
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(
            "document.querySelectorAll('details').forEach("
            "fold => { fold.open = true; fold.hidden = false })"
        )
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    """Make a function that opens a page: `visit(url, width=..., theme=..., script=...)`."""
    contexts = []

    def new(url: str, *, width: int = 1280, theme: Any = "light", script: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        context.set_default_timeout(120_000)  # other workers may keep both cores busy
        contexts.append(context)
        host = "/".join(url.split("/")[:3]) + "/"
        visited = Visit(context.new_page(), host)
        if script:
            visited.open(url)
        else:
            visited.page.goto(url)
        return visited

    yield new
    for context in contexts:
        context.close()


WIDE_PAGE = f"""{HEADER}
# A page with everything

Maths: $c^3$ voxels, and

$$\\prod_i (1 + 2 d_i / c_i) - 1$$

:::{{question}} How many bytes has a `uint16`?
:answer: b

One
: That is a `uint8`.

Two
: Sixteen bits.
:::

```{{code-cell}}
import pandas as pd
pd.DataFrame({{f"a long column name {{i}}": [1.5, 2.5] for i in range(12)}})
```

```{{code-cell}}
a_very_long_line_of_code = "{"x" * 120}"  # a comment, and the number 1.5
print(a_very_long_line_of_code)
```
"""


@pytest.fixture(scope="session")
def tiny(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a small book whose root page holds maths, a question and wide output."""
    book = TinyBook(tmp_path_factory.mktemp("web"))
    book.pages(index=WIDE_PAGE)
    result = book.build()
    assert result.returncode == 0, result.stdout
    with serving(book.html) as url:
        yield f"{url}book/index.html"
