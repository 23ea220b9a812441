"""One call explained: its head, the ledger that closes, filters that can be pasted, in all forms."""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from analyzer.report.explain import explain, find, in_ms
from analyzer.report.explained import Explanation
from analyzer.report.layout import WIDTH, cells
from analyzer.report.text import HIDDEN
from analyzer.units import milliseconds
from tests.factory import MS, analysis, call, connection, dialogue, exchange, finding, info, span, spans, warm
from tests.report.made import nasty, waited

UNDER = connection()


def one(**changes: Any) -> Analysis:
    row = call(0)._replace(**changes)
    return analysis([UNDER], [exchange(0, UNDER)], calls=[row], spans=spans(row))


def test_the_text_of_an_ordinary_call() -> None:
    assert str(Explanation(one(), 0)).splitlines()[:19] == [
        "call 0: dynamodb Query on Orders, by python-boto3: ok, 1 attempt, 28.0 ms.",
        "2026-11-18 11:06:40.000Z, 0.000 s into the capture; 10.0.1.23:40000 ->",
        "dynamodb.us-east-1.amazonaws.com (3.218.180.10:80), stream 0 (opened for it).",
        "",
        "attempt  phase         at ms    took  what happened",
        "      1  connect         0.0    10.0  TCP handshake with 3.218.180.10:80",
        "         packets 1-9: frame.number >= 1 && frame.number <= 9 && tcp.stream == 0",
        "      1  client         10.0     1.0  the program's own time, between connect and send",
        "         packets 1-9: frame.number >= 1 && frame.number <= 9 && tcp.stream == 0",
        "      1  send           11.0     1.0  request POST /, 800 B",
        "         packets 1-9: frame.number >= 1 && frame.number <= 9 && tcp.stream == 0",
        "      1  wait           12.0    14.0  until the first byte of the answer (200)",
        "           - network            10.0  one round trip to the server and back",
        "           - server              4.0  the service itself",
        "         packets 1-9: frame.number >= 1 && frame.number <= 9 && tcp.stream == 0",
        "      1  receive        26.0     2.0  answer, 600 B",
        "         packets 1-9: frame.number >= 1 && frame.number <= 9 && tcp.stream == 0",
        "         sum                    28.0  = the call's duration to the nanosecond: 28 000 000 ns",
        "",
    ]


def test_each_time_is_rounded_as_everywhere_else() -> None:
    row = call(0, duration_ns=33_370_001, end_ns=call().start_ns + 33_370_001)
    parts = spans(row, ("client", 12_050_000), ("wait", 12_150_000), ("unexplained", 9_170_001))
    made = explain(analysis([UNDER], [], calls=[row], spans=parts), 0)
    text = str(Explanation(analysis([UNDER], [], calls=[row], spans=parts), 0))
    shown = [line.split()[3] for line in text.splitlines() if re.match(r" +1  \w", line)]
    assert shown == ["12.1", "12.2", "9.2"] == [milliseconds(bar.duration_ns) for bar in made.bars()]
    assert all(f"{took} ms" in text for took in shown)
    assert "sum                    33.4" in text


@given(st.integers(0, 10**12), st.integers(10**7, 10**12))
def test_times_are_rounded_half_up_from_the_integer(value: int, total: int) -> None:
    exact = Decimal(value) / 10**6
    assert Decimal(in_ms(value, total)) == exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert Decimal(in_ms(value, 1)) == exact.quantize(Decimal("0.001"), ROUND_HALF_UP)


def test_a_connection_that_never_opened_is_not_said_to_be_open() -> None:
    dead = connection(0, established_ns=None, connect_ns=None, bytes_sent=0, bytes_received=0, exchanges=0, protocol=None)
    row = call(0, dead, reused=True, evidence="inferred", ok=False, status=None)
    text = " ".join(str(Explanation(analysis([dead], [], calls=[row], spans=spans(row, ("connect", row.duration_ns))), 0)).split())
    assert "stream 0 (never opened)." in text
    assert "Inferred: the connection of its last attempt never opened, so no request says what it was for" in text
    assert "encrypted" not in text
    secret = dead._replace(protocol="tls", established_ns=1, bytes_sent=9)
    row = row._replace(ok=None)
    assert "Inferred: the call is encrypted" in str(Explanation(analysis([secret], [], calls=[row], spans=spans(row)), 0))


def test_the_network_time_of_a_long_request_is_no_round_trip() -> None:
    row = call(0, network_ns=12 * MS, server_ns=2 * MS)
    sizes = {
        100: "one round trip to the server and back; the shortest seen took",
        1_000_000: "last bytes were still under way until they were",
    }
    for size, said in sizes.items():
        asked = exchange(0, UNDER, request_bytes=size, network_ns=12 * MS, server_ns=2 * MS)
        text = " ".join(str(Explanation(analysis([UNDER], [asked], calls=[row], spans=spans(row)), 0)).split())
        assert said in text
        assert "took 10.0 ms" in text


def test_short_calls_are_shown_to_the_microsecond() -> None:
    row = call(0, duration_ns=123_456, end_ns=call().start_ns + 123_456)
    text = str(Explanation(analysis([UNDER], calls=[row], spans=spans(row, ("wait", 123_456))), 0))
    assert "      1  wait          0.000   0.123  until" in text
    assert "0.123  = the call's duration to the nanosecond: 123 456 ns" in text


def test_a_ledger_that_does_not_close_says_so() -> None:
    row = call(0)
    text = str(Explanation(analysis([UNDER], calls=[row], spans=spans(row)[:-1]), 0))
    assert "the call's duration, 28 000 000 ns; its lines add up to 26 000 000 ns" in text
    assert not explain(analysis([UNDER], calls=[row], spans=spans(row)[:-1]), 0).closed
    gap = [*spans(row, ("connect", 10 * MS)), span(row, "wait", 11 * MS, 17 * MS)]
    assert not explain(analysis([UNDER], calls=[row], spans=gap), 0).closed


def test_the_head_says_what_must_be_known() -> None:
    assert "Its end is not in the capture: it took longer than this." in str(Explanation(one(truncated="end", ok=None), 0))
    assert ": end not captured, 1 attempt" in str(Explanation(one(truncated="end", ok=None, status=None), 0))
    assert ": ThrottlingException, 3 attempts" in str(Explanation(one(ok=False, error_type="ThrottlingException", attempts=3), 0))
    assert "Inferred: times and addresses say" in str(Explanation(one(evidence="inferred"), 0))
    assert "encrypted" not in str(Explanation(one(evidence="inferred"), 0))
    assert "call 0: dynamodb call on Orders" in str(Explanation(one(operation=None), 0))
    assert "stream 0 (open before)." in str(Explanation(one(reused=True), 0))
    rows = [call(0, chain_id=0), warm(1, UNDER, 1, chain_id=0)]
    pages = analysis([UNDER], calls=rows, spans=spans(rows[1]))
    assert "Page 2 of 2 of one logical Query: 78.0 ms from the first to the end of the last." in str(Explanation(pages, 1))
    files = [CaptureFile("a.pcap", 1, 5), CaptureFile("b.pcap", 6, 5)]
    several = analysis([UNDER], calls=[call(0)], spans=spans(call(0)), capture=info(files=files))
    assert "Packet and stream numbers are those of the files merged by time (mergecap)." in str(Explanation(several, 0))


def test_findings_that_name_the_call_or_its_dialogue_are_told() -> None:
    text = str(Explanation(waited(), 0))
    assert "IMDS hop limit: PutObject took 4058 ms; 4030 ms of it waited for credentials. The answers" in text
    assert "Cold connections: 1 of 3 calls opened a connection. It took 10.0 ms." in text
    assert "IMDS" not in str(Explanation(waited(), 1)).split("took  what")[1]
    about = waited()
    about.check = lambda _: [finding(title="About the dialogue", calls=(9,)), finding(code="capture-incomplete", calls=(0,))]
    assert "About the dialogue" in str(Explanation(about, 0))
    assert "Cold" not in str(Explanation(about, 0))


def test_what_weighs_on_the_call_comes_first() -> None:
    about = waited()
    shared = finding(title="Of many", cost_ns=5_000 * MS, calls=tuple(range(500)))
    own = finding(title="Of this one", cost_ns=900 * MS, calls=(0,))
    about.check = lambda _: [shared, own]
    text = str(Explanation(about, 0))
    assert text.index("Of this one") < text.index("Of many")


def test_the_slowest_is_a_whole_service_call_if_there_is_one() -> None:
    rows = [call(0), call(1, duration_ns=90 * MS, truncated="both"), warm(2, UNDER, 1), dialogue(3, duration_ns=900 * MS)]
    assert find(analysis([UNDER], calls=rows), "slowest").call_id == 0
    assert find(analysis([UNDER], calls=rows[1:2]), "slowest").call_id == 1
    assert find(analysis([UNDER], calls=rows[3:]), "slowest").call_id == 3


@pytest.mark.parametrize("wanted", [7, "7", -1, "fastest", ""])
def test_a_call_that_is_not_there(wanted: int | str) -> None:
    with pytest.raises(UsageError, match=f"there is no call {wanted}: 2 calls, numbered from 3 to 5"):
        find(analysis([UNDER], calls=[call(3), call(5)]), wanted)


def test_without_calls_there_is_nothing_to_explain() -> None:
    with pytest.raises(UsageError, match="no calls to explain: nothing here is a call"):
        find(analysis(), "slowest")
    with pytest.raises(UsageError, match="no calls to explain: there is no traffic"):
        find(analysis([], []), 0)


def test_a_call_of_very_many_lines_is_shortened_and_whole_in_json() -> None:
    row = call(0, attempts=300, duration_ns=300 * MS, end_ns=call().start_ns + 300 * MS)
    parts = spans(row, *[("client", MS)] * 300)
    made = Explanation(analysis([UNDER], calls=[row], spans=parts), 0)
    text = str(made)
    assert "240 lines of 240.0 ms in all not shown (--format json has them)" in text
    assert "and 240 more" in text
    assert len(text.splitlines()) < 220
    assert len(json.loads(made.json())["steps"]) == 300


def test_json() -> None:
    document = json.loads(Explanation(waited(), 0).json())
    assert document["schema"] == "analyzer/1"
    assert document["call"]["call_id"] == 0
    assert document["call"]["exchange_ids"] == [0]
    assert document["closed"] is True
    assert sum(step["duration_ns"] for step in document["steps"]) == document["call"]["duration_ns"] == 4_058 * MS
    assert [step["phase"] for step in document["steps"]] == ["credentials", "connect", "client", "send", "wait", "receive"]
    assert document["steps"][0]["offset_ns"] == 0
    assert document["steps"][4]["parts"] == [
        {"name": "network", "duration_ns": 10 * MS, "text": "one round trip to the server and back"},
        {"name": "server", "duration_ns": 4 * MS, "text": "the service itself"},
    ]
    assert [row["code"] for row in document["findings"]] == ["imds-hop-limit", "cold-connection"]


def test_markdown() -> None:
    shown = Explanation(waited(), 0).markdown()
    assert shown.startswith("## call 0: s3 PutObject on Orders, by python-boto3: ok, 1 attempt, 4058 ms.\n")
    assert "| 1 | wait | 4042.0 | 14.0 | until the first byte of the answer (200) | 1-9 |\n|  | - network |  | 10.0 |" in shown
    assert "- wait: `frame.number >= 1 && frame.number <= 9 && tcp.stream == 0`" in shown
    assert "### IMDS hop limit" in shown
    assert "\n```text\n" in shown


def test_it_shows_itself() -> None:
    made = Explanation(one(), 0)
    assert repr(made) == str(made)
    assert made.call_id == 0
    assert "<table>" in made._repr_html_()
    assert "\u2588" in made.text()
    assert made.text(unicode=False).isascii()


def test_hostile_text_moves_no_cursor_and_keeps_to_the_width() -> None:
    for number in range(3):
        made = Explanation(nasty(), number)
        lines = str(made).split("\n")
        assert max(map(cells, lines)) <= WIDTH
        for text in (*lines, *made.markdown().split("\n")):
            assert not [char for char in text if unicodedata.category(char) in HIDDEN]
        assert made.json().isascii()


def test_real_calls_close(bundled: Path) -> None:
    for name in ("cold-start.pcap", "filter-scan.pcap", "imds-hop-limit-container.pcap"):
        answer = analyzer.read(bundled / name)
        assert len(answer.calls)
        for row in answer.calls:
            made = explain(answer, row.call_id)
            assert made.closed
            assert sum(step.duration_ns for step in made.steps) == row.duration_ns
            assert all(sum(part.duration_ns for part in step.parts) in (0, step.duration_ns) for step in made.steps)


@pytest.mark.parametrize("name", ["imds-hop-limit-container.pcap", "cold-start.pcap"])
def test_wireshark_takes_the_filters(name: str, bundled: Path, tshark: str) -> None:
    path = bundled / name
    made = explain(analyzer.read(path), "slowest")
    filters = [step.display_filter for step in made.steps] + [claim.lines["filter"] for claim in made.claims]
    for text in filters:
        done = subprocess.run([tshark, "-n", "-r", str(path), "-Y", text], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        assert done.stdout, text
