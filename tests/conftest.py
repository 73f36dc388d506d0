"""What all tests share: an isolated, offline cache, and skips that CI turns into failures."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import isolation
import matplotlib as mpl
import pytest

mpl.use("Agg")

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"


def require(present: object, reason: str) -> None:
    """Skip with a reason when a component is missing; where all must be there (CI), it fails."""
    if not present:
        pytest.skip(reason)


def pytest_configure(config: pytest.Config) -> None:
    """Isolate the doctests of the package as well: they stand outside this folder."""
    config.pluginmanager.register(isolation)


# Slow tests in which coverage is watched, since no quick ones reach what they do.
WATCHED = {"test_checks", "test_exercises"}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests of what is dear to make, so that it is made once.

    To watch which lines run makes a test take up to twice as long: of slow ones, only some are.
    """
    for item in items:
        needed = set(getattr(item, "fixturenames", ()))
        if needed & {"pages", "toy"}:  # to read all pages, or to run a benchmark, takes a while
            item.add_marker("slow")
        for made in {"tiny", "question", "pages", "ran", "toy"} & needed:
            callspec = getattr(item, "callspec", None)
            chapter = callspec.params.get("ran", "") if callspec else ""
            item.add_marker(pytest.mark.xdist_group(f"{made} {chapter}"))
        if item.get_closest_marker("slow") and item.path.stem not in WATCHED:
            item.add_marker("no_cover")


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
