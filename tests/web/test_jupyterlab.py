"""JupyterLab: pages open as notebooks, and a learner does a task wrong, broken, then right."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
from conftest import ROOT
from playwright.sync_api import Browser, Locator, Page, expect

from data_helpers.checks.notebooks import write_notebooks

# All cells in the page at once, no question about news, and the harder of the two themes.
SETTINGS = {
    "apputils-extension/themes": {"theme": "JupyterLab Dark"},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

WRONG = """\
def chunk_slices(shape, chunks):
    counts = [length // size for length, size in zip(shape, chunks)]
    for place in np.ndindex(*counts):
        yield tuple(slice(i * size, i * size + size) for i, size in zip(place, chunks))
"""
BROKEN = """\
def chunk_slices(shape, chunks):
    return product(slices_of(shape))
"""
RIGHT = """\
def chunk_slices(shape, chunks):
    axes = [
        [slice(i, min(i + size, length)) for i in range(0, length, size)]
        for length, size in zip(shape, chunks)
    ]
    return product(*axes)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on this computer, in a folder that holds nothing but the generated notebooks."""
    notebooks, runtime = tmp_path / "notebooks", tmp_path / "runtime"
    write_notebooks(notebooks)
    for name, values in SETTINGS.items():
        file = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=learner", f"--ServerApp.root_dir={notebooks}"]
    with (tmp_path / "log.txt").open("w") as log:
        server = subprocess.Popen(
            command,
            env=os.environ | {name: str(tmp_path / folder) for name, folder in places.items()},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield f"{_address(server, runtime)}lab/tree/03_chunking.ipynb?token=learner"
        finally:
            server.terminate()
            server.wait(30)


def _address(server: "subprocess.Popen[bytes]", runtime: Path) -> str:
    """Wait until the server says where it listens."""
    for _ in range(600):
        for file in runtime.glob("jpserver-*.json"):
            if file.read_text().endswith("}"):
                return str(json.loads(file.read_text())["url"])
        assert server.poll() is None, "JupyterLab did not start"
        time.sleep(0.1)
    raise TimeoutError("JupyterLab did not say where it listens")


def run(page: Page, where: Locator) -> Locator:
    """Run a cell as a learner does and wait until it is done; what it shows."""
    prompt = where.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    where.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(prompt).not_to_have_text(before)
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=120_000)
    return where.locator(".jp-OutputArea-output")


def answer(page: Page, where: Locator, code: str) -> None:
    """Replace the text of a cell and run it."""
    where.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    run(page, where)


def contrast(element: Locator) -> float:
    """Ratio of the lightness of text and what lies behind it, from 1 to 21."""
    return float(
        element.evaluate("""element => {
            const numbers = text => text.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => [r, g, b]
                .map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            let behind = element;
            const background = e => numbers(getComputedStyle(e).backgroundColor);
            while (behind.parentElement && background(behind)[3] === 0)
                behind = behind.parentElement;
            const pair = [numbers(getComputedStyle(element).color), background(behind)].map(light);
            return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        }""")
    )


def test_the_environment_opens_markdown_as_notebooks(tmp_path: Path) -> None:
    """The Makefile's own line is run, into another folder."""
    (line,) = re.findall(
        r"JUPYTER_CONFIG_DIR=(\S+) \$\(BIN\)/(\S+) (.+)", (ROOT / "Makefile").read_text()
    )
    folder, program, arguments = line
    assert folder == "$(VENV)/etc/jupyter"
    subprocess.run(
        [Path(sys.executable).parent / program, *arguments.split()],
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path)},
        check=True,
    )
    settings = json.loads((tmp_path / "labconfig" / "default_setting_overrides.json").read_text())
    viewers = settings["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]
    assert viewers == {"markdown": "Jupytext Notebook"}


@pytest.mark.parametrize("folder", ["book", "exercises"])
def test_a_numbered_page_is_a_notebook_with_a_kernel(folder: str) -> None:
    pages = sorted((ROOT / folder).glob("[0-9][0-9]_*.md"))
    assert pages
    for page in pages:
        notebook = jupytext.read(page)
        kinds = {cell.cell_type for cell in notebook.cells}
        assert kinds >= {"code", "markdown"}, page.name
        assert notebook.metadata.kernelspec.name == "python3", page.name


@pytest.mark.web
@pytest.mark.slow
def test_a_task_is_done_wrong_then_broken_then_right(
    lab: str, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 1500})
    try:
        page.goto(lab)
        expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=120_000)
        cells = page.locator(".jp-CodeCell")
        first, stub, check, progress = cells.first, cells.nth(3), cells.nth(4), cells.last
        expect(stub).to_contain_text("Go through all chunks of an array")
        run(page, first)

        run(page, stub)
        expect(run(page, check)).to_contain_text("Not started.")

        answer(page, stub, WRONG)
        verdict = run(page, check)
        expect(verdict).to_contain_text("Only the edges are missing")
        expect(verdict.locator("svg image")).to_be_visible()
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        assert contrast(verdict.locator("p").first) > 7
        page.screenshot(path=tmp_path / "wrong.png")

        answer(page, stub, BROKEN)
        verdict = run(page, check)
        expect(verdict).to_contain_text("raised NameError: name 'slices_of' is not defined")
        steps = verdict.locator("pre")
        expect(steps).to_contain_text(
            re.compile(r"Cell In\[\d+\], line 2, in chunk_slices\s+return product\(slices_of")
        )
        expect(steps).not_to_contain_text("data_helpers")
        page.screenshot(path=tmp_path / "broken.png")

        answer(page, stub, RIGHT)
        expect(run(page, check)).to_contain_text("Right.")
        expect(run(page, progress)).to_contain_text("1 of 7 tasks are right.")
        page.screenshot(path=tmp_path / "right.png")
    finally:
        page.close()
