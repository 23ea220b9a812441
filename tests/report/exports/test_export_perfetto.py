"""Trace events: tracks, nesting, arrows, and times that survive a reader that cuts them off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.stalls import Stall
from analyzer.report.exports.trace_events.events import micros
from analyzer.report.exports.trace_events.lanes import Lanes
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, later, lookup, spans, warm
from tests.report.exports.readers import document, nanoseconds, trace_errors, unsafe_texts
from tests.report.made import nasty


def made(whole: Analysis) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document(whole, "perfetto"))
    assert trace_errors(found) == []
    return found


def of(found: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    return [event for event in found["traceEvents"] if wanted.items() <= event.items()]


def reused() -> Analysis:
    """Two calls one after the other on one connection."""
    opened = connection(last_ns=START + 200 * MS)
    calls = [call(0, opened), warm(1, opened, 1)]
    rows = [span for number, row in enumerate(calls) for span in spans(row, first=10 * number)]
    return analysis([opened], [exchange(0, opened), later(1, opened, 1, first_packet_id=14)], calls=calls, spans=rows)


def names(found: dict[str, Any], what: str) -> dict[tuple[int, int], str]:
    return {(event["pid"], event["tid"]): event["args"]["name"] for event in of(found, ph="M", name=what)}


def test_tracks_are_clients_calls_and_connections() -> None:
    found = made(reused())
    assert set(names(found, "process_name").values()) == {"client 10.0.1.23"}
    assert list(names(found, "thread_name").values()) == ["calls", "tcp 0 → dynamodb.us-east-1.amazonaws.com:80"]


def test_phases_nest_in_attempts_in_calls() -> None:
    found = made(reused())
    (track,) = {(event["pid"], event["tid"]) for event in of(found, cat="call")}
    listed = [(event["cat"], event["name"], event["ts"], event["dur"]) for event in of(found, ph="X", pid=track[0], tid=track[1])]
    assert listed[:7] == [
        ("call", "Query", 0, 28_000),
        ("attempt", "attempt 1: POST /", 0, 28_000),
        ("phase", "connect", 0, 10_000),
        ("phase", "client", 10_000, 1000),
        ("phase", "send", 11_000, 1000),
        ("phase", "wait", 12_000, 14_000),
        ("phase", "receive", 26_000, 2000),
    ]


def test_a_connection_shows_its_requests_and_what_they_waited_for() -> None:
    found = made(reused())
    (track,) = {event["tid"] for event in of(found, cat="connection")}
    listed = [(event["name"], event["ts"]) for event in of(found, ph="X", tid=track)]
    assert listed[:7] == [
        ("connection 0", 0), ("connect", 0), ("Query", 11_000), ("send", 11_000), ("wait", 12_000), ("network", 12_000), ("server", 22_000),
    ]  # fmt: skip


def test_reuse_is_an_arrow_along_the_connection() -> None:
    arrows = of(made(reused()), cat="reuse")
    assert [(event["ph"], event["ts"]) for event in arrows] == [("s", 11_000), ("f", 61_000)]
    assert len(of(made(reused()), cat="request")) == 4


def test_a_dialogue_has_an_arrow_to_the_call_that_waited() -> None:
    metadata = connection(1, server_address="169.254.169.254", server_name=None, service="imds", first_ns=START)
    asked = dialogue(1, metadata)
    opened = connection(0, last_ns=START + 200 * MS)
    row = call(0, opened, start_ns=START, duration_ns=58 * MS, end_ns=START + 58 * MS, credentials_ns=30 * MS)
    waiting = [span._replace(dialogue_id=1 if span.phase == "credentials" else None) for span in spans(row)]
    found = made(analysis([opened, metadata], [], calls=[row, asked], spans=[*waiting, *spans(asked, first=10)]))
    arrow = of(found, cat="credentials")
    assert [(event["ph"], event["ts"]) for event in arrow] == [("s", 29_999.999), ("f", 29_999.999)]
    assert arrow[0]["tid"] != arrow[1]["tid"]


def test_calls_at_the_same_time_have_lanes() -> None:
    rows = [connection(0), connection(1, first_ns=START + 5 * MS)]
    calls = [call(0, rows[0]), call(1, rows[1])]
    whole = analysis(rows, calls=calls, spans=[*spans(calls[0]), *spans(calls[1], first=10)])
    found = made(whole)
    assert sorted(name for name in names(found, "thread_name").values() if name.startswith("calls")) == ["calls", "calls (2)"]


def test_pipelined_requests_have_a_track_beside() -> None:
    opened = connection(last_ns=START + 200 * MS)
    first = exchange(0, opened, response_end_ns=START + 70 * MS)
    found = made(analysis([opened], [first, later(1, opened, 1)]))
    assert [name[-8:] for name in names(found, "thread_name").values()] == ["s.com:80", "(beside)"]


def test_repairs_and_resets_are_instants() -> None:
    stall = Stall("request-repeated", START + 12 * MS, START + 20 * MS, 6)
    opened = connection(
        closed_by="server-reset", client_closed_ns=None, server_closed_ns=START + 60 * MS, syn_retransmissions=1, syn_stall_ns=5 * MS
    )
    found = made(analysis([opened], [exchange(0, opened, stalls=(stall,))]))
    assert [(event["name"], event["ts"]) for event in of(found, ph="i")] == [
        ("SYN sent again", 5000), ("retransmission", 20_000), ("RST of the server", 60_000),
    ]  # fmt: skip


def test_lookups_at_the_same_time_have_lanes() -> None:
    found = made(analysis(lookups=[lookup(0), lookup(1, type="AAAA")]))
    assert [event["name"].partition(" ")[0] for event in of(found, cat="dns")] == ["A", "AAAA"]
    assert len({event["tid"] for event in of(found, cat="dns")}) == 2


def test_the_start_is_in_the_metadata() -> None:
    found = made(reused())
    assert found["metadata"]["start_ns"] == str(START)
    assert found["metadata"]["start"] == "2026-11-18T11:06:40.000000000Z"


def test_hostile_text_stays_text() -> None:
    text = document(nasty(), "perfetto")
    assert text.isascii()
    assert trace_errors(json.loads(text)) == []
    assert unsafe_texts(json.loads(text)) == []


@given(st.integers(0, 10**15))
def test_no_reader_loses_a_nanosecond(duration: int) -> None:
    text = json.dumps(micros(duration))
    assert nanoseconds(json.loads(text)) == duration
    # Perfetto reads the digits before and after the point by themselves.
    whole, _, rest = text.partition(".")
    assert int(whole) * 1000 + int(float(f"0.{rest or 0}") * 1000) == duration


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20))))
def test_lanes_never_overlap_and_are_no_more_than_needed(drawn: list[tuple[int, int]]) -> None:
    lanes, taken = Lanes(), []
    for start, length in sorted(drawn):
        taken.append((lanes.take(start, start + length), start, max(start + length, start + 1)))
    for index, (lane, start, end) in enumerate(taken):
        assert all(other != lane or start >= before or end <= after for other, after, before in taken[:index])
    most = max((sum(after <= at < before for _, after, before in taken) for at in range(80)), default=0)
    assert lanes.count == most


@pytest.mark.parametrize("name", ["cold-start", "throttling", "imds-hop-limit-container", "keep-alive"])
def test_bundled_captures_keep_the_rules(bundled: Path, name: str) -> None:
    keys = bundled / f"{name}.keys"
    whole = analyzer.read(bundled / f"{name}.pcap", keys=keys if keys.exists() else None)
    found = made(whole)
    assert len(of(found, cat="call")) == len(whole.calls)
    assert len(of(found, cat="connection")) == len(whole.connections)
    assert len(of(found, cat="request", ph="s")) == sum(len(row.exchange_ids) for row in whole.calls)
