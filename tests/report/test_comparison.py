"""What a comparison looks like: the answer first, nothing wider than a terminal, nothing from packets as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from analyzer.comparing import compared
from analyzer.model.comparison import Comparison
from analyzer.report.comparison import markdown_lines, text
from analyzer.report.comparison_document import document
from analyzer.report.comparison_page import card, page
from analyzer.report.layout import cells
from tests.comparing.sides import noisy, side
from tests.factory import MS, finding
from tests.report.made import NASTY, nasty, waited

REUSE = finding(code="connection-not-reused", severity="warning", title="Connections are not reused", cost_ns=900 * MS, share=0.6)


def fixed() -> Comparison:
    """A comparison in which connections came to be reused."""
    warmed = noisy(30, 2, connect=lambda n: 9.0 * (n == 0), tls=lambda n: 20.0 * (n == 0))
    return compared(side(noisy(30, 1, connect=9.0, tls=20.0), found=[REUSE]), side(warmed))


def hostile() -> Comparison:
    return compared(nasty(), nasty())


def other() -> Comparison:
    return compared(waited(), side(noisy(12, 1)))


def test_the_answer_comes_first() -> None:
    lines = list(text(fixed()))
    assert lines[0].startswith("Query is ")
    assert "".join(markdown_lines(fixed())).startswith("**Query is ")


def test_the_tables_say_before_after_change_and_interval() -> None:
    shown = "\n".join(text(fixed()))
    assert re.search(r"^Query +before +after +change +95 % interval +sure$", shown, re.MULTILINE)
    assert re.search(r"^p50 +\d\d\.\d +\d\d\.\d +-\d\d\.\d +-\d\d\.\d to -\d\d\.\d +faster$", shown, re.MULTILINE)
    assert re.search(r"^p95 .* needs 72 calls$", shown, re.MULTILINE)
    assert re.search(r"^connect +9\.0 +0\.3 +-8\.7 +-9\.0 to -8\.\d +faster$", shown, re.MULTILINE)
    assert re.search(r"^gone +Connections are not reused +900 ms \(60 %\)$", shown, re.MULTILINE)


def test_phases_that_took_no_time_are_left_out() -> None:
    assert "backoff" not in "\n".join(text(fixed()))


def test_what_is_the_same_is_shown_where_all_is_asked_for() -> None:
    same = compared(side(noisy(30, 1), found=[REUSE]), side(noisy(30, 2), found=[REUSE]))
    assert "Connections are not reused" not in "\n".join(text(same))
    assert "same  Connections are not reused" in "\n".join(text(same, verbose=True))


@pytest.mark.parametrize("make", [fixed, hostile, other])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_a_terminal_and_none_moves_its_cursor(make: Callable[[], Comparison], verbose: bool) -> None:
    for line in text(make(), verbose=verbose):
        assert cells(line) <= 100, line
        assert line.isprintable(), line


def test_markdown_holds_no_markup_from_packets() -> None:
    made = "\n".join(markdown_lines(hostile()))
    assert "\x1b" not in made
    assert "\\<script>" in made
    assert not re.search(r"(?<!\\)<script>", made)
    for line in made.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


class Tags(HTMLParser):
    """Counts what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("make", [fixed, hostile, other])
def test_the_page_loads_nothing_and_runs_nothing(make: Callable[[], Comparison]) -> None:
    made = "".join(page(make()))
    tags = Tags()
    tags.feed(made)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    attributes = {name for _, attributes in tags.seen for name in attributes}
    assert not attributes & {"style", "src", "href", "onclick", "onload"}, "the policy forbids inline style, and nothing is loaded"
    (policy,) = [found["content"] for tag, found in tags.seen if found.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert NASTY not in made
    assert "\x1b" not in made


def test_the_policy_allows_just_the_style_of_the_page() -> None:
    from base64 import b64encode
    from hashlib import sha256

    made = "".join(page(fixed()))
    found = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert found is not None
    assert b64encode(sha256(found[1].encode()).digest()).decode() in made


def test_the_picture_is_to_scale_and_has_words() -> None:
    made = "".join(page(fixed()))
    bars = [(float(width), label) for width, label in re.findall(r'width="([\d.]+)" height="22"[^>]*><title>([^<]+)', made)]
    before = [(width, label) for width, label in bars if "9.0 ms" in label or "20.0 ms" in label]
    assert before[1][0] == pytest.approx(before[0][0] * 20 / 9, rel=0.01)
    assert 'role="img" aria-label="connect 9.0 ms before' in made


def test_a_card_shows_the_answer_in_a_notebook() -> None:
    made = fixed()
    shown = made._repr_html_()
    assert shown is not None
    assert shown == card(made)
    assert "connections are reused now" in shown
    assert str(made).startswith("Query is ")
    assert NASTY not in card(hostile())


def test_the_document_is_json_with_all_tables() -> None:
    made = json.loads("".join(document(fixed(), [{"rule": "p50 +1%", "met": False}])))
    assert made["schema"] == "analyzer/compare/1"
    assert made["verdict"][0].startswith("Query is ")
    assert made["gates"] == [{"rule": "p50 +1%", "met": False}]
    row = next(row for row in made["differences"] if row["measure"] == "p50")
    assert row["change_ns"] == row["after_ns"] - row["before_ns"] < 0
    assert (row["changed"], row["calls_before"]) == (True, 30)
    assert made["findings"][0]["what"] == "gone"
    assert made["changed"] is True


def test_the_tables_are_data_frames() -> None:
    frame = fixed().differences.to_pandas()
    assert str(frame["change_ns"].dtype) == "timedelta64[ns]"
    assert set(frame["operation"]) == {"Query"}
