"""What a notebook shows: whole, without scripts, nothing from packets is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from analyzer.report.explained import Explanation
from analyzer.report.html import card, safe
from tests.factory import analysis, call, connection, finding
from tests.report.made import nasty, waited

ALLOWED = {"div", "p", "b", "code", "table", "thead", "tbody", "tr", "th", "td"}


class Reader(HTMLParser):
    """Collects tags, attributes and text; fails where they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert reader.open == []
    return reader


def test_the_card_holds_headline_findings_and_operations() -> None:
    found = read(card(waited()))
    assert found.seen <= ALLOWED
    assert found.attributes <= {"style"}
    for part in ("PutObject took 4058 ms; 4030 ms of it waited for credentials (96 % of all call time).", "IMDS hop limit", "s3 PutObject"):
        assert part in found.text
    assert "slowest" in found.text
    assert "fix: Raise the hop limit to 2." in found.text
    assert "<b>fix:</b>" in card(waited())


def test_the_card_says_what_it_leaves_out() -> None:
    rows = [call(number, operation=f"Operation{number}") for number in range(12)]
    found = read(card(analysis([connection()], calls=rows, check=lambda _: [finding(code=f"code-{number}") for number in range(7)])))
    assert "and 2 more findings" in found.text
    assert "and 4 more operations" in found.text


def test_an_empty_answer_has_a_card() -> None:
    assert "No HTTP requests here." in read(card(analysis([], []))).text


def test_hostile_text_is_no_markup() -> None:
    about = nasty()
    for markup in (card(about), Explanation(about, 1)._repr_html_()):
        found = read(markup)
        assert found.seen <= ALLOWED
        assert found.attributes <= {"style"}
        assert "<script>" in found.text
        assert "\x1b" not in markup
        assert "\u202e" not in markup


def test_safe() -> None:
    assert safe('<a href="x">&\'\x1b') == "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;\\x1b"
