"""Nothing that a packet says can move a cursor, hide text, be a formula or be markup."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analyzer.report.text import HIDDEN, csv, inline, markdown, plain


@pytest.mark.parametrize(
    "text, shown",
    [
        ("dynamodb.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"),
        ("Grüße, 世界 µs", "Grüße, 世界 µs"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("a\u2028b\u200bc", "a\\u2028b\\u200bc"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a|b", "a\\|b"),
        ("[x](http://evil)", "\\[x](http\\://evil)"),
        ("<b>", "\\<b>"),
        ("`*_~#", "\\`\\*\\_\\~\\#"),
        ("!&lt;", "!\\&lt;"),
        ("www.evil.example", "www\\.evil.example"),
        ("me@evil.example", "me\\@evil.example"),
        ("10.0.1.23", "10.0.1.23"),
        ("a\nb", "a\\x0ab"),
        ("4 connections (4 http/1.1)", "4 connections (4 http/1.1)"),
        ("4058 ms -> 58.0 ms, < 3 & more, 5 @ 2!", "4058 ms -> 58.0 ms, < 3 & more, 5 @ 2!"),
        ("tcp.analysis.ack_rtt", "tcp.analysis.ack_rtt"),
        ("_a_", "\\_a\\_"),
        ("> quoted", "\\> quoted"),
        ("- item", "\\- item"),
        ("-5.0", "-5.0"),
        ("1. item", "1\\. item"),
        ("1.5 ms", "1.5 ms"),
        ("---", "\\---"),
        ("===", "\\==="),
        ("end\\", "end\\\\"),
        ("\\<b>", "\\\\\\<b>"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    assert markdown(text) == shown


MARKUP = st.text(alphabet=st.sampled_from("ab1 \\`*_{}[]()<>#+-.!|~&;:/@=\"'w\n\t\u0301") | st.characters(), max_size=30)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
AROUND = {"paragraph": "{}", "list": "- {}", "heading": "### {}", "label": "- fix: {}", "cell": "| {} |\n|---|\n| {} |"}


@given(MARKUP)
@example("<script>alert(1)</script>")
@example("![a](b) [c]: d <http://e> <f@g> &#65; &copy;")
@example("__a__ _b_ *c* ~~d~~ `e` ``f``")
@example("a _-b- c_ d")
@example("- - -")
@example("#")
@example("12) x")
def test_a_reader_of_markdown_finds_nothing_but_text(raw: str) -> None:
    text = plain(raw).strip()
    for where, form in AROUND.items():
        write = inline if where in ("label", "cell") else markdown
        tokens = READER.parse(form.format(*[write(raw)] * form.count("{}")))
        parts = [token for token in tokens if token.type == "inline"]
        kinds = {"paragraph": set(), "list": LIST, "label": LIST, "heading": {"h3"}, "cell": TABLE}[where]
        if text:
            assert {token.tag for token in tokens if token.nesting == 1} - {"p"} == kinds, where
        for token in parts:
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}, where
            said = "".join(child.content for child in token.children or ())
            assert said.strip() == (f"fix: {plain(raw)}".strip() if where == "label" else text), where


LIST = {"ul", "li"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize(
    "text, shown",
    [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "\\x09=1"), ("Query", "Query"), ("", "")],
)
def test_csv(text: str, shown: str) -> None:
    assert csv(text) == shown


@given(st.text())
def test_no_text_is_dangerous(text: str) -> None:
    for write in (plain, markdown, csv):
        assert not any(unicodedata.category(char) in HIDDEN for char in write(text))
    assert not csv(text).startswith(("=", "+", "-", "@"))
