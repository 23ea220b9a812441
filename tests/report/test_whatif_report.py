"""The answer to a what-if as people read it, and its short form in reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.model.whatif import Replay, Replayed, WhatIf
from analyzer.report.document import JsonRenderer
from analyzer.report.layout import WIDTH, cells
from analyzer.report.markdown import MarkdownRenderer
from analyzer.report.terminal import TerminalRenderer
from analyzer.report.whatif import document, html, markdown, text
from analyzer.report.worth import short, worthwhile
from tests.factory import MS
from tests.factory import analysis as made_up


def row(**changes: Any) -> WhatIf:
    made = WhatIf(
        "keep-alive", "connections kept and reused", True, 30, 30, 29,
        47 * MS, 41_200_000, 39_800_000, 44 * MS, 55 * MS, 50 * MS, 50 * MS, 50 * MS, 55 * MS, 50 * MS, 49 * MS, 51 * MS,
        1_400 * MS, 700 * MS, 650 * MS, 760 * MS, 700 * MS, 0.5, "29 of 30 find a connection open",
    )  # fmt: skip
    return made._replace(**changes)


def answer(*rows: WhatIf, queue_ns: int = 0) -> Replay:
    calls = [Replayed(0, "Query", 47 * MS, 41 * MS, 40 * MS, 44 * MS, queue_ns)]
    return Replay(Table("whatif", WhatIf, rows), Table("replayed", Replayed, calls))


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Analysis:
    return analyzer.read(bundled / "cold-start.pcap")


def test_a_time_stands_with_its_range() -> None:
    lines = list(text(answer(row())))
    assert lines[0] == "30 calls, 1400 ms in all. With connections kept and reused: 700 ms (650 ms to 760 ms)."
    now, change = (line for line in lines if line.startswith(("now", "keep-alive ")))
    assert now.split() == ["now", "30", "47.0", "55.0", "55.0", "1400"]
    assert "41.2 (39.8-44.0)" in change
    assert " 50.0  " in change, "where nothing is open there is no range"
    assert change.endswith("50 %")


def test_a_change_that_does_not_apply_is_a_line_and_no_row() -> None:
    lines = list(text(answer(row(), row(change="tls13", applies=False, note="no call waited for a TLS handshake", gain_ns=0, share=0.0))))
    assert [line for line in lines if "tls13" in line] == ["tls13 changes nothing: no call waited for a TLS handshake."]
    only = list(text(answer(row(applies=False, note="no call waited for a connection", gain_ns=0, share=0.0))))
    assert only[-1] == "keep-alive changes nothing: no call waited for a connection."
    assert not any(line.startswith("now") for line in only)


def test_several_together_have_a_short_name() -> None:
    both = row(change="tls13 + keep-alive", title="TLS 1.3 + connections kept and reused")
    lines = list(text(answer(row(), both)))
    assert any(line.startswith("together  ") for line in lines)
    assert "together: tls13 + keep-alive, in this order, each on what the one before left." in lines


def test_queueing_is_said_to_lie_outside() -> None:
    assert "before a call's first packet" in " ".join(text(answer(row(), queue_ns=MS)))
    assert "before a call's first packet" not in " ".join(text(answer(row())))


def test_it_says_what_totals_are() -> None:
    assert "not wall clock" in " ".join(text(answer(row())))


def test_nothing_to_gain_is_said_once() -> None:
    assert list(text(answer())) == ["None of the changes would make these calls shorter."]
    empty = Replay(Table("whatif", WhatIf, []), Table("replayed", Replayed, []))
    assert list(text(empty)) == list(markdown(empty)) == ["There are no calls to replay."]
    assert "no calls to replay" in html(empty)


def test_no_line_is_wider_than_a_terminal() -> None:
    wide = {name: 123_456 * MS for name in WhatIf._fields if name.endswith("_ns")}
    low = {name: 12_345 * MS for name in WhatIf._fields if name.endswith("_low_ns")}
    lines = list(text(answer(row(change="credentials ready", note="x" * 300, **{**wide, **low}))))
    assert max(map(cells, lines)) <= WIDTH
    assert any("p50" in line for line in lines)


def test_all_forms_say_the_same(cold: Analysis) -> None:
    replay = cold.whatif(rtt="1ms")
    for made in ("\n".join(text(replay)), "\n".join(markdown(replay)), html(replay), str(replay), repr(replay), replay._repr_html_() or ""):
        assert "94.5" in made
        assert "5.2" in made
        assert "rtt 1.0 ms" in made
    assert any(line.startswith("| now | 20 | 94.5 |") for line in markdown(replay))


def test_the_document_has_every_call_in_nanoseconds(cold: Analysis) -> None:
    told = json.loads("".join(document(cold.whatif(rtt="1ms", warm_pool=True))))
    assert [one["change"] for one in told["whatif"]] == ["rtt 1.0 ms", "warm-pool", "rtt 1.0 ms + warm-pool"]
    assert told["schema"] == "analyzer/1"
    assert len(told["replayed"]) == 20
    assert sum(one["after_ns"] for one in told["replayed"]) == told["whatif"][-1]["total_ns"]


def test_tables_become_data_frames(cold: Analysis) -> None:
    replay = cold.whatif(warm_pool=True)
    frame = replay.calls.to_pandas()
    assert len(frame) == 20
    assert str(frame["after_ns"].dtype) == "timedelta64[ns]"
    assert (frame["after_ns"] <= frame["duration_ns"]).all()


def test_the_report_has_a_short_form(cold: Analysis) -> None:
    lines = list(TerminalRenderer().render(cold))
    at = next(index for index, line in enumerate(lines) if line.startswith("what if"))
    assert lines[at].split() == ["what", "if", "p50", "p95", "total", "gain"]
    assert [line for line in lines[at + 1 : at + 3] if "94.5 -> " in line and line.endswith("%")] == lines[at + 1 : at + 3]
    assert lines[at + 3] == ""
    assert max(map(cells, lines)) <= WIDTH
    paper = list(MarkdownRenderer().render(cold))
    assert "## What if" in paper
    assert sum(line.count(" -> ") == 3 for line in paper if line.startswith("| ")) == 2


def test_no_more_than_three_lines_and_only_what_gains() -> None:
    assert worthwhile(made_up()) == [], "an answer made by hand cannot replay"
    assert [line[0] for line in short([row(), row(title="TLS 1.3")]).body] == ["connections kept and reused", "TLS 1.3"]
    assert "what if" not in "\n".join(TerminalRenderer().render(made_up()))


def test_the_document_of_a_report_has_the_table(cold: Analysis) -> None:
    told = json.loads("".join(JsonRenderer().render(cold)))
    assert [one["change"] for one in told["whatif"]] == ["rtt 1.0 ms", "warm-pool"]
    assert "whatif" not in json.loads("".join(JsonRenderer().render(made_up())))


@pytest.mark.parametrize("by", ["pool 3", "warm-pool"])
def test_why_keep_alive_is_not_together_with_a_pool(by: str) -> None:
    pool = row(change=by, title="a pool")
    near = row(change="rtt 1.0 ms", title="near")
    both = row(change=f"rtt 1.0 ms + {by}", title="both")
    lines = " ".join(" ".join(text(answer(near, row(), pool, both))).split())
    assert (
        f"together: rtt 1.0 ms + {by}, in this order, each on what the one before left; keep-alive is left out, since {by} keeps" in lines
    )
    assert "left out" not in " ".join(text(answer(near, pool, both))), "nobody asked for it"
    every = row(change="rtt 1.0 ms + keep-alive", title="both")
    assert "left out" not in " ".join(text(answer(near, row(), every)))


@pytest.mark.parametrize("wrong", [{"rtt": "soon"}, {"rtt": "5"}, {"rtt": "-1ms"}, {"pool": 0}, {"credentials": "luck"}])
def test_values_that_cannot_be_are_refused(cold: Analysis, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        cold.whatif(**wrong)  # type: ignore[arg-type]


def test_an_answer_made_by_hand_cannot_replay() -> None:
    with pytest.raises(UsageError, match="without a replay"):
        made_up().whatif()


def test_the_report_ends_with_the_question_to_ask_next(bundled: Path, cold: Analysis) -> None:
    waited = list(TerminalRenderer(names=("x.pcap",)).render(analyzer.read(bundled / "imds-hop-limit-container.pcap")))
    assert waited[-1].split() == ["analyzer", "whatif", "x.pcap"]
    assert "explain" in list(TerminalRenderer(names=("x.pcap",)).render(cold))[-1], "a second call to look at comes before it"


def test_a_column_has_one_unit() -> None:
    long = row(total_before_ns=9_000 * MS, total_ns=14_700 * MS, total_low_ns=14_500 * MS, total_high_ns=94_100 * MS)
    lines = list(text(answer(long, row(change="rtt 1.0 ms"))))
    head, now, first, second = (line for line in lines if line.startswith(("change", "now", "keep-alive ", "rtt 1.0 ms  ")))
    assert head.split()[-3:] == ["total", "s", "gain"]
    assert now.endswith("9.000")
    assert "14.7 (14.5-94.1)" in first
    assert "0.700 (0.650-0.760)" in second
    assert not any(" s " in line or " s)" in line for line in (now, first, second)), "the heading says the unit"
    assert "in s where the heading says so" in " ".join(lines)
    assert "total s" not in "\n".join(text(answer(row())))
