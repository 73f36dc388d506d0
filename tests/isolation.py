"""What holds for every test and doctest: no network, no cache of the reader, no figure left."""

import copy
import os
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test touches the network or the reader's own cache unless it says so."""
    for name in [name for name in os.environ if name.startswith("DATA_HELPERS_")]:
        if name != "DATA_HELPERS_TEST_HEART":
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_HELPERS_OFFLINE", "1")
    monkeypatch.setenv("DATA_HELPERS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _zarr_settings_put_back() -> Iterator[None]:
    """Settings of Zarr that a test changes, or a library that it imports, end with the test."""
    if "zarr" not in sys.modules:
        yield
        return
    import zarr

    before = copy.deepcopy(zarr.config.config)
    yield
    zarr.config.config.clear()
    zarr.config.config.update(before)


@pytest.fixture(autouse=True)
def _no_figures_left_open() -> Iterator[None]:
    """Figures made by a test are closed after it."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
