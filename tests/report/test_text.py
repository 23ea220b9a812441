"""Nothing that a packet says can move a cursor, hide text, be a formula or be markup."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.text import HIDDEN, csv, markdown, plain


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
        ("[x](http://evil)", "\\[x\\]\\(http\\://evil\\)"),
        ("<b>", "\\<b\\>"),
        ("`*_~#", "\\`\\*\\_\\~\\#"),
        ("!&lt;", "\\!\\&lt;"),
        ("www.evil.example", "www\\.evil.example"),
        ("me@evil.example", "me\\@evil.example"),
        ("10.0.1.23", "10.0.1.23"),
        ("a\nb", "a\\\\x0ab"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    assert markdown(text) == shown


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
