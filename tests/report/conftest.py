"""The browser that tests of report pages share, and a page of a real capture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from tests.report.browser import Browser, chromium
from tests.report.pages import written


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    with Browser(program) as made:
        yield made


@pytest.fixture(scope="session")
def cold(bundled: Path) -> Analysis:
    return analyzer.read(bundled / "cold-start.pcap")


@pytest.fixture(scope="session")
def cold_page(cold: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(cold, tmp_path_factory.mktemp("cold"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs a browser in one worker: one browser serves all."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))
