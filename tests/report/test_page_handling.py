"""The report page under mouse and keyboard: zoom, selection, the list, and very many calls."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from analyzer.model.analysis import Analysis
from analyzer.report.page.renderer import asset
from analyzer.units import count, duration, milliseconds, percent, seconds
from tests.factory import MS, analysis, connection, info, spans, warm
from tests.report.browser import Browser
from tests.report.made import waited
from tests.report.pages import chosen, place_of, seen, window, written

LISTED = """
[...document.querySelectorAll('#list .row')].sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map(row => row.firstChild.textContent)
"""
PUT = """
(element => {
  if (element.type === 'checkbox') element.checked = VALUE === 'on';
  else element.value = VALUE;
  element.dispatchEvent(new Event('EVENT'));
})(document.getElementById('NAME'))
"""
BARS = "echarts.getInstanceByDom(document.getElementById('waterfall-chart')).getOption().series.find(s => s.id === 'bars').data.length"
LINES = "[...document.querySelectorAll('#detail tr.step:not(.words) td:last-child')].map(cell => Number(cell.textContent))"
CTRL = 2


def test_buttons_keys_and_wheel_zoom(browser: Browser, cold_page: Path) -> None:
    with browser.page(cold_page) as page:
        seen(page, "waterfall")
        whole = window(page)
        assert whole[0] == 0
        page.run("document.getElementById('zoom-in').click()")
        page.frame()
        half = window(page)
        assert half[1] - half[0] == pytest.approx((whole[1] - whole[0]) / 2)
        page.run("document.getElementById('zoom-out').click()")
        page.frame()
        assert window(page) == pytest.approx(whole)
        left, top = place_of(page, "waterfall", whole[1] / 4, 1)
        page.click(left, top, wheel=-240, modifiers=CTRL)
        page.wait("true")
        page.frame()
        turned = window(page)
        assert turned[1] - turned[0] < whole[1] - whole[0]
        assert turned[0] < whole[1] / 4 < turned[1], "the wheel zooms to where it is turned"
        page.run("document.getElementById('waterfall-chart').focus()")
        page.press("0")
        assert window(page) == pytest.approx(whole)
        page.press("Enter")
        first = page.run("location.hash")
        start, end = window(page)
        assert (end - start) < (whole[1] - whole[0]) / 10, first
        seen(page, "latency")
        assert window(page, "latency") == pytest.approx((start, end)), "all charts show the same time"
        assert page.complaints() == []


def test_a_click_selects_and_shows_the_ledger(browser: Browser, cold: Analysis, cold_page: Path) -> None:
    wanted = next(row for row in cold.calls if row.connection_id == 2)
    at = wanted.start_ns + wanted.duration_ns // 2 - (cold.capture.first_ns or 0)
    with browser.page(cold_page) as page:
        left, top = place_of(page, "waterfall", at, 2)
        page.click(left, top)
        assert chosen(page).startswith(f"Call {wanted.call_id}: ")
        assert page.run("location.hash") == f"#call={wanted.call_id}"
        around = "(box => [box.left, box.right, box.top, box.bottom])(document.querySelector('.marks div').getBoundingClientRect())"
        box = page.run(around)
        assert box[0] < left < box[1], "the outline is where the call is drawn"
        assert box[2] < top < box[3]
        lines = page.run(LINES)
        assert sum(lines) == pytest.approx(wanted.duration_ns / MS, abs=0.05 * len(lines))
        text = page.run("document.getElementById('detail').innerText")
        assert f"= the duration to the nanosecond: {count(wanted.duration_ns)} ns" in text
        assert "frame.number >= " in text
        assert "tcp.stream == 2" in text
        assert f"analyzer explain {wanted.call_id} 'a b.pcap'" in text
        page.run("document.querySelector('#detail button.copy').click()")
        page.wait("document.getElementById('said').textContent.startsWith('copied: frame.number')")
        assert page.run("document.querySelector('#list [aria-selected=true]').firstChild.textContent") == str(wanted.call_id)


def test_everything_can_be_done_by_keyboard(browser: Browser, cold: Analysis, cold_page: Path) -> None:
    ordered = sorted(cold.calls, key=lambda row: (row.start_ns, row.call_id))
    slow = sorted(cold.calls, key=lambda row: (-row.duration_ns, row.call_id))
    with browser.page(cold_page, fragment=f"#call={ordered[0].call_id}") as page:
        reached = []
        for _ in range(120):
            page.press("Tab")
            reached.append(page.run("document.activeElement.id || document.activeElement.className"))
            if reached[-1] == "detail":
                break
        for stop in ("skip", "theme", "copy", "zoom-in", "waterfall-chart", "sort", "find", "list", "detail"):
            assert stop in reached, reached
        page.run("document.getElementById('waterfall-chart').focus()")
        page.press("ArrowRight")
        assert chosen(page).startswith(f"Call {ordered[1].call_id}: ")
        page.press("ArrowLeft")
        assert chosen(page).startswith(f"Call {ordered[0].call_id}: ")
        page.press("ArrowDown")
        below = int(chosen(page).split()[1].rstrip(":"))
        assert cold.calls.where(call_id=below)[0].connection_id == (ordered[0].connection_id or 0) + 1
        page.press("Escape")
        assert chosen(page) == ""
        page.run("document.getElementById('list').focus()")
        page.press("Home", "ArrowDown")
        assert chosen(page).startswith(f"Call {slow[1].call_id}: ")
        page.press("End")
        assert chosen(page).startswith(f"Call {slow[-1].call_id}: ")
        active = page.run("document.getElementById('list').getAttribute('aria-activedescendant')")
        assert page.run(f"document.getElementById('{active}').getAttribute('aria-selected')") == "true"
        page.press("Enter")
        assert page.run("document.activeElement.id") == "detail"
        outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "the focus is visible"


def test_the_list_finds_sorts_and_narrows(browser: Browser, tmp_path: Path) -> None:
    with browser.page(written(waited(), tmp_path)) as page:

        def listed() -> list[str]:
            page.frame()
            return list(page.run(LISTED))

        def put(name: str, value: str, event: str) -> None:
            page.run(PUT.replace("NAME", name).replace("VALUE", json.dumps(value)).replace("EVENT", event))

        assert listed()[:2] == ["0", "9"]
        put("find", "putob", "input")
        assert listed() == ["0"]
        put("find", "2", "input")
        assert listed() == ["2"]
        put("find", "", "input")
        put("sort", "start", "change")
        starts = {row.call_id: row.start_ns for row in waited().calls}
        assert [starts[int(number)] for number in listed()] == sorted(starts.values())
        page.run("document.querySelector('button.only').click()")
        assert listed() == ["0"]
        page.run("document.getElementById('chip').click()")
        assert len(listed()) == len(starts)
        put("failed", "on", "change")
        assert listed() == []


def many(size: int) -> Analysis:
    """Calls on few connections, drawn from a seed."""
    random = Random(5)
    roads = [connection(number, exchanges=size // 40) for number in range(40)]
    calls = []
    for number in range(size):
        on = roads[number % 40]
        took = 2 * MS + int(random.expovariate(1 / (6 * MS)))
        start = on.first_ns + 20 * MS + number // 40 * 30 * MS
        times = {"start_ns": start, "end_ns": start + took, "duration_ns": took, "wait_ns": took - MS, "server_ns": took - 2 * MS}
        row = warm(number, on, 0, send_ns=MS, receive_ns=0, **times)
        calls.append(row._replace(network_ns=MS, first_packet_id=1 + 4 * number, last_packet_id=4 + 4 * number, exchange_ids=()))
    parts = [one for number, row in enumerate(calls) for one in spans(row, ("send", row.send_ns), ("wait", row.wait_ns), first=2 * number)]
    last = max(row.end_ns for row in calls)
    roads = [row._replace(last_ns=last, closed_ns=last) for row in roads]
    return analysis(roads, [], calls=calls, spans=parts, capture=info(last_ns=last))


def test_many_calls_are_drawn_together_and_listed_in_part(browser: Browser, tmp_path: Path) -> None:
    about = many(6_000)
    path = written(about, tmp_path)
    with browser.page(path) as page:
        page.run("document.getElementById('waterfall').scrollIntoView({behavior: 'instant'})")
        page.frame()
        assert 100 < page.run(BARS) <= 14_000
        assert "Zoomed out" in page.run("document.getElementById('density').textContent")
        assert page.run("document.querySelectorAll('#list .row').length") < 80
        page.run("document.getElementById('list').focus()")
        page.press("End")
        fastest = min(about.calls, key=lambda row: (row.duration_ns, -row.call_id))
        assert page.run("document.querySelector('#list [aria-selected=true]').firstChild.textContent") == str(fastest.call_id)
        assert page.run("document.querySelectorAll('#list .row').length") < 80
        page.run("document.getElementById('waterfall-chart').focus()")
        page.press("Enter")
        assert "Zoomed out" not in page.run("document.getElementById('density').textContent")
        assert page.run(BARS) < 5_000
        text = page.run("document.getElementById('detail').innerText")
        assert f"{count(fastest.duration_ns)} ns" in text
        shown = f"frame.number >= {fastest.first_packet_id} && frame.number <= {fastest.last_packet_id}"
        assert f"{shown} && tcp.stream == {fastest.connection_id}" in text
        assert seen(page, "latency") >= 2
        assert page.complaints() == []


def test_numbers_read_as_everywhere_else(browser: Browser, cold_page: Path) -> None:
    values = [0, 1, 999, 1000, 1499, 1500, 99_999, 100_000, 12_250_000, 99_949_999, 99_950_000, 9_999_499_999, 10**10, 119_949_999_999]
    values += [120 * 10**9, 3_599 * 10**9, 3_600 * 10**9, 90_061_500_000_000, -1_500_000]
    values += [Random(1).randrange(10**13) for _ in range(200)]
    shares = [0.0, 0.001, 0.0049, 0.005, 0.3349, 0.994, 0.995, 0.9999, 1.0]
    with browser.page(cold_page) as page:
        calls = ", ".join(f"values.map({name})" for name in ("duration", "milliseconds", "seconds"))
        numbers = f"const values = {json.dumps(values)}, shares = {json.dumps(shares)}"
        made = f"[{calls}, values.map(Math.abs).map(count), shares.map(percent)]"
        said = page.run(f"(() => {{ {asset('base.js')}; {numbers}; return {made} }})()")
    assert said[0] == [duration(value) for value in values]
    assert said[1] == [milliseconds(value) for value in values]
    assert said[2] == [seconds(value) for value in values]
    assert said[3] == [count(abs(value)) for value in values]
    assert said[4] == [percent(share) for share in shares]
