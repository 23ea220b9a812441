"""The report page in a real browser: quiet, complete, nothing leaves it, hostile text stays text; on screen, on paper, without scripts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from tests.factory import MS, analysis, call, connection, exchange, finding, info, spans
from tests.report.browser import Browser
from tests.report.made import nasty
from tests.report.pages import chosen, place_of, seen, written

MARK = "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'>\"'`&{a|b}\u202e\x1b[31m"


@pytest.mark.parametrize(
    "capture,dark",
    [
        ("cold-start.pcap", True),
        ("filter-scan.pcap", False),
        ("imds-hop-limit-container.pcap", True),
        ("imds-hop-limit-uplink.pcap", False),
    ],
)
def test_real_captures_draw_quietly(browser: Browser, bundled: Path, tmp_path: Path, capture: str, dark: bool) -> None:
    path = written(analyzer.read(bundled / capture), tmp_path)
    with browser.page(path, dark=dark) as page:
        for chart in ("waterfall", "latency", "phases", "pool"):
            assert seen(page, chart) >= 3, chart
        page.run("scrollTo(0, document.body.scrollHeight)")
        page.frame()
        assert page.complaints() == []
        assert page.requests() == [path.as_uri()], "something was asked for outside of the page"


def test_the_page_says_what_the_report_says(browser: Browser, cold: Analysis, cold_page: Path) -> None:
    with browser.page(cold_page) as page:
        text = page.run("document.getElementById('findings').textContent")
        for found in cold.findings:
            assert found.title in text
            assert found.summary.split(": ")[0] in text
        assert "= the duration to the nanosecond" in page.run("document.body.innerText")
        slowest = max(cold.calls, key=lambda row: row.duration_ns)
        assert chosen(page).startswith(f"Call {slowest.call_id}: ")
        rows = page.run("[...document.querySelectorAll('#list .row')].map(row => Number(row.firstChild.textContent))")
        ordered = [row.call_id for row in sorted(cold.calls, key=lambda row: (-row.duration_ns, row.call_id))]
        assert sorted(rows) == sorted(ordered[: len(rows)])


def test_nothing_is_wider_than_a_small_screen(browser: Browser, cold_page: Path) -> None:
    with browser.page(cold_page, width=380, height=700) as page:
        assert page.run("document.documentElement.scrollWidth") <= 380


def hostile() -> Analysis:
    """An answer in which every text tries to become markup or script."""
    rows = [connection(number, server_name=MARK, protocol="http/1.1") for number in range(3)]
    asked = [exchange(n, row, operation=MARK, service=MARK, host=MARK, target=MARK, sdk=MARK) for n, row in enumerate(rows)]
    calls = [call(n, row, operation=MARK, service=MARK, sdk=MARK, table_name=MARK, error_type=MARK, ok=False) for n, row in enumerate(rows)]
    parts = [one._replace(causes=(MARK,)) for n, row in enumerate(calls) for one in spans(row, first=10 * n)]
    found = finding(title=MARK, summary=MARK, remedy=MARK, display_filter=MARK, severity=MARK, calls=(0, 1), share=0.4)
    capture = info(notes=[MARK], files=[CaptureFile(MARK, 1, 1)])
    return analysis(rows, asked, calls=calls, spans=parts, capture=capture, check=lambda _: [found])


@pytest.mark.parametrize("make", [hostile, nasty])
def test_hostile_text_stays_text(browser: Browser, tmp_path: Path, make: Callable[[], Analysis]) -> None:
    path = written(make(), tmp_path, operation=MARK)
    with browser.page(path) as page:
        for chart in ("waterfall", "latency", "phases"):
            seen(page, chart)
        left, top = place_of(page, "waterfall", 10 * MS, 0)
        page.click(left, top)
        page.press("ArrowRight", "Enter")
        assert page.run("window.owned === undefined")
        assert page.run("document.querySelectorAll('img, iframe, object, embed, link, base, form').length") == 0
        assert page.run("document.scripts.length") == 3  # the facts, the library, ours; the columns are taken out once they are read
        text = page.run("document.body.innerText")
        assert "<script>" in text
        assert not {"\x1b", "\u202e"} & set(text)
        assert page.complaints() == []
        assert page.requests() == [path.as_uri()]


def test_light_dark_and_the_switch(browser: Browser, cold_page: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with browser.page(cold_page) as page:
        light = page.run(ground)
        page.run("document.getElementById('theme').click()")
        dark = page.run(ground)
        assert light != dark
        assert page.run("document.getElementById('theme').textContent") == "light"
        assert page.complaints() == []
    with browser.page(cold_page, dark=True) as page:
        assert page.run(ground) == dark


def test_reduced_motion_is_respected(browser: Browser, cold_page: Path) -> None:
    with browser.page(cold_page) as page:
        for wish, behaviour in (("no-preference", "smooth"), ("reduce", "auto")):
            page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": wish}])
            assert page.run("getComputedStyle(document.documentElement).scrollBehavior") == behaviour


def test_paper_gets_the_tables_and_the_charts(browser: Browser, cold_page: Path) -> None:
    with browser.page(cold_page, dark=True) as page:
        page.ask("Emulation.setEmulatedMedia", media="print")
        shown = "getComputedStyle(document.querySelector('{}')).display"
        assert page.run(shown.format(".printed")) == "block"
        assert page.run(shown.format(".split")) == "none"
        assert page.run(shown.format("nav")) == "none"
        made = base64.b64decode(page.ask("Page.printToPDF", printBackground=True)["data"])
        assert made.startswith(b"%PDF-")
        assert len(made) > 20_000


def test_without_scripts_it_is_still_a_report(browser: Browser, cold: Analysis, cold_page: Path) -> None:
    with browser.page(cold_page, scripts=False) as page:
        text = page.run("document.body.innerText")
        assert cold.findings[0].title in text
        assert "The slowest calls, times in ms" in text
        assert "need scripts" in text
        assert page.run("document.querySelector('.split').offsetParent === null"), "what needs scripts is not there"


def test_captures_without_calls(browser: Browser, tmp_path: Path) -> None:
    roads = [connection(0, service=None), connection(1, service=None)]
    plain = [exchange(number, row, service=None, operation=None, host="example.org") for number, row in enumerate(roads)]
    for about, charts in ((analysis(roads, plain), 2), (analysis([], []), 0)):
        with browser.page(written(about, tmp_path)) as page:
            assert page.complaints() == []
            assert page.run("document.querySelectorAll('#waterfall canvas, #latency canvas').length > 0") == (charts > 0)
            if charts:
                assert chosen(page).startswith("Request ")


@pytest.mark.parametrize("only", ["waterfall", "pool", "tail"])
def test_each_picture_stands_alone(browser: Browser, cold: Analysis, tmp_path: Path, only: str) -> None:
    path = written(cold, tmp_path, only=only)
    with browser.page(path) as page:
        assert page.run("[...document.querySelectorAll('section')].map(s => s.id)") == [only]
        if only != "tail":
            assert seen(page, only) >= 3
        assert page.complaints() == []
