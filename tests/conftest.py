"""What all tests share: an isolated, offline cache, and skips that CI turns into failures."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"


def require(present: object, reason: str) -> None:
    """Skip with a reason when a component is missing; where all must be there (CI), it fails."""
    if not present:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn every skip into a failure under CBC_REQUIRE=all, but for bytes not ours to pass on."""
    report = yield
    needs_heart = "real_heart" in getattr(item, "fixturenames", ())
    if report.skipped and os.environ.get("CBC_REQUIRE") == "all" and not needs_heart:
        report.outcome = "failed"
        reason = call.excinfo.value if call.excinfo else "no reason given"
        report.longrepr = f"CBC_REQUIRE=all, but this test was skipped: {reason}"
    return report


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test touches the network or the reader's own cache unless it says so."""
    for name in [name for name in os.environ if name.startswith("DATA_HELPERS_")]:
        if name != "DATA_HELPERS_TEST_HEART":
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", "1")
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _no_figures_left_open() -> Iterator[None]:
    """Figures made by a test are closed after it."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site."""
    require((SITE / "index.html").exists(), "the site is not built: run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium browser's executable."""
    found = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    require(found, "no Chromium browser was found: install the package chromium")
    assert found
    return found


@pytest.fixture(scope="session")
def real_heart() -> Path:
    """A folder with the real heart's bytes, as published."""
    folder = os.environ.get("DATA_HELPERS_TEST_HEART", "")
    present = bool(folder) and (Path(folder) / ".zarray").exists()
    # The bytes may not be passed on with the project, so even CI can be without them.
    if not present:
        pytest.skip(
            "the real heart's bytes are not here: set DATA_HELPERS_TEST_HEART to their folder"
        )
    return Path(folder)
