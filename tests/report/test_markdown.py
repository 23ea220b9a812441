"""The Markdown report: the same content, and nothing from packets is markup."""

from __future__ import annotations

import re
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.report.markdown import MarkdownRenderer, code, fenced
from tests.factory import analysis, call, connection, dialogue, finding
from tests.report.made import NASTY, nasty, waited


def text(about: Analysis, **options: Any) -> str:
    return "\n".join(MarkdownRenderer(**options).render(about)) + "\n"


def test_it_says_what_the_terminal_says() -> None:
    shown = text(waited(), names=("x y.pcap",))
    assert shown.startswith("**PutObject took 4058 ms; 4030 ms of it waited for credentials (96 % of all call time).**\n")
    for part in (
        "### IMDS hop limit\n\nPutObject took 4058 ms; 4030 ms of it waited for credentials. The answers die one hop before",
        "\n- proof: call 0; packets 21-23, 30; stream 1\n- filter: `tcp.stream == 1`\n- fix: Raise the hop limit to 2.\n",
        "- gain: call 0: 4058 ms -> 58.0 ms\n- doubt: likely, not proven; what decides: a capture on the host's uplink\n",
        "| s3 PutObject | 1 | 4058 | 4058 | 4058 | 99 % |",
        "## Slowest calls",
        "| 2 | Query | 0.111 | 70.0 |",
        "## Dialogues that no call waited for",
        "```sh\nanalyzer explain 0 'x y.pcap'\nanalyzer calls 'x y.pcap'\n```\n",
    ):
        assert part in shown


def test_tables_are_whole() -> None:
    rows = [line for line in text(waited(), verbose=True).splitlines() if line.startswith("|")]
    tables = [rows[at : at + 2] for at, line in enumerate(rows) if at + 1 < len(rows) and set(rows[at + 1]) <= set("|:-")]
    assert len(tables) == 3
    for head, rule in tables:
        assert head.count("|") == rule.count("|")


def test_what_is_left_out_is_said() -> None:
    rows = [call(0), *(call(number, operation=f"Operation{number}") for number in range(1, 12))]
    beside = [dialogue(20 + number) for number in range(6)]
    made = [finding(code=f"code-{number}") for number in range(7)]
    shown = text(analysis([connection()], calls=[*rows, *beside], check=lambda _: made))
    assert "And 2 more findings." in shown
    assert "And 4 more operations." in shown
    assert "And 2 more dialogues." in shown


def test_nothing_to_tell() -> None:
    assert "No HTTP requests here." in text(analysis([], []))


def test_hostile_text_is_no_markup() -> None:
    shown = text(nasty(), names=(NASTY,), verbose=True)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    body = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)|^```+sh\n.*?^```+$", "", shown, flags=re.MULTILINE | re.DOTALL)
    unescaped = re.sub(r"\\.", "", body)
    assert "<" not in unescaped
    assert "`" not in unescaped
    rows = [re.sub(r"\\.", "", line) for line in shown.splitlines() if line.startswith("|")]
    widths = {row.count("|") for row in rows}
    assert len(widths) <= 2  # those of the two tables: no pipe of a name made a cell


@pytest.mark.parametrize(
    "raw, written",
    [("a == 1", "`a == 1`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\nb", "`a\\x0ab`"), ("``x", "``` ``x ```")],
)
def test_code(raw: str, written: str) -> None:
    assert code(raw) == written


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced(["a", "```` b"], "sh") == ["`````sh", "a", "```` b", "`````"]
    assert fenced(["a"], "text") == ["```text", "a", "```"]
