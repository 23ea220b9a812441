"""HAR 1.2: what an entry is, and what other exporters got wrong."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import analyzer
from tests.factory import MS, START, analysis, call, connection, exchange, later, spans, warm
from tests.report.exports.readers import document, har, schema_errors, timing_errors, unsafe_texts
from tests.report.made import nasty, waited


def entry(log: dict[str, Any], number: int, attempt: int = 1) -> dict[str, Any]:
    (found,) = (one for one in log["entries"] if one["_call"] == number and one["_attempt"] == attempt)
    return dict(found)


def cold(**changes: Any) -> dict[str, Any]:
    """The entry of a call that opened its connection."""
    opened = connection()
    row = call(0, opened, **changes)
    return entry(har(analysis([opened], calls=[row], spans=spans(row))), 0)


def test_a_call_that_opens_its_connection() -> None:
    made = cold()
    assert made["timings"] == {"blocked": 1, "dns": -1, "connect": 10, "ssl": -1, "send": 1, "wait": 14, "receive": 2}
    assert (made["time"], made["startedDateTime"]) == (28, "2026-11-18T11:06:40.000000000Z")
    assert (made["connection"], made["serverIPAddress"], made["response"]["status"]) == ("0", "3.218.180.10", 200)
    assert made["_phases"] == {"connect_ns": 10 * MS, "client_ns": MS, "send_ns": MS, "wait_ns": 14 * MS, "receive_ns": 2 * MS}
    assert made["_components"]["network_ns"] == 10 * MS
    assert made["_frames"] == {"request": [4, 5], "response": [7, 9]}


def test_the_handshake_of_tls_is_inside_connect() -> None:
    made = cold(tls_ns=7 * MS, dns_ns=3 * MS, end_ns=START + 38 * MS, duration_ns=38 * MS)
    assert (made["timings"]["dns"], made["timings"]["connect"], made["timings"]["ssl"]) == (3, 17, 7)
    assert timing_errors(made) == []
    assert made["time"] == 38


def test_on_a_reused_connection_set_up_does_not_apply() -> None:
    opened = connection()
    row = warm(1, opened, 1)
    log = har(analysis([opened], [exchange(0, opened), later(1, opened, 1)], calls=[row], spans=spans(row)))
    times = entry(log, 1)["timings"]
    assert [times[name] for name in ("blocked", "dns", "connect", "ssl")] == [-1, -1, -1, -1]


def test_what_a_call_did_before_is_blocked() -> None:
    log = har(waited())
    made = entry(log, 0)
    assert made["timings"]["blocked"] == 4031  # 4030 ms of credentials, and 1 ms of its own
    assert made["_spans"][0]["dialogue_id"] == 9
    page = next(one for one in log["pages"] if one["_call"] == 0)
    assert (page["pageTimings"]["onLoad"], made["pageref"]) == (4058, page["id"])
    assert page["title"] == "call 0: s3 PutObject 4058 ms"


def retried(**changes: Any) -> dict[str, Any]:
    """A call whose first attempt was refused (20 ms), which waited 50 ms and asked again on the same connection."""
    opened = connection(last_ns=START + 500 * MS)
    first = exchange(0, opened, status=400, outcome="error", error_type="ThrottlingException")
    second = later(1, opened, 1, attempt=2)._replace(request_start_ns=START + 81 * MS, first_packet_id=30)
    row = call(0, opened, attempts=2, exchange_ids=(0, 1), duration_ns=98 * MS, end_ns=START + 98 * MS)
    parts = [
        ("connect", 10 * MS),
        ("client", MS),
        ("failed", MS),
        ("failed", 19 * MS),
        ("backoff", 50 * MS),
        ("send", MS),
        ("wait", 16 * MS),
    ]
    rows = spans(row, *parts)
    attempts = (1, 1, 1, 1, 2, 2, 2)
    inner = (None, None, "send", "wait", None, None, None)
    packets = (1, None, 4, 5, None, 30, 31)
    rows = [
        one._replace(attempt=attempt, inner_phase=within, first_packet_id=packet)
        for one, attempt, within, packet in zip(rows, attempts, inner, packets, strict=True)
    ]
    return har(analysis([opened], [first, second], calls=[row._replace(**changes)], spans=rows))


def test_each_attempt_is_an_entry_and_back_off_blocks_the_next() -> None:
    log = retried()
    first, second = entry(log, 0, 1), entry(log, 0, 2)
    assert (first["time"], second["time"]) == (31, 67)
    assert first["_phases"] == {"connect_ns": 10 * MS, "client_ns": MS, "failed_ns": 20 * MS}
    assert (first["timings"]["send"], first["timings"]["wait"], first["response"]["status"]) == (1, 19, 400)
    assert (second["timings"]["blocked"], second["timings"]["connect"]) == (50, -1)
    assert first["_errorType"] == "ThrottlingException"
    assert {"name": "_operation", "value": "Query"} in second["response"]["headers"]


def test_a_connection_that_never_opened_is_an_entry_with_status_0() -> None:
    dead = connection(0, established_ns=None, connect_ns=None, exchanges=0, closed_by="server-reset", closed_ns=START + 3 * MS)
    row = call(0, dead, ok=False, exchange_ids=(), connect_ns=3 * MS, duration_ns=3 * MS, end_ns=START + 3 * MS)
    made = entry(har(analysis([dead], [], calls=[row], spans=spans(row, ("connect", 3 * MS)))), 0)
    assert (made["response"]["status"], made["response"]["_error"]) == (0, "connection-refused")
    assert (made["timings"]["connect"], made["timings"]["send"], made["timings"]["wait"]) == (3, 0, 0)
    assert schema_errors({"log": har(analysis([dead], [], calls=[row], spans=spans(row, ("connect", 3 * MS))))}) == []


def test_a_request_of_no_call_is_there_too_and_a_copy_is_not() -> None:
    rows = [connection(0, service=None), connection(1, copy_of=0)]
    answer_only = exchange(2, rows[0], request_start_ns=None, request_end_ns=None, outcome="cut", status=None, index_on_connection=1)
    log = har(analysis(rows, [exchange(0, rows[0]), exchange(1, rows[1], copy_of=0), answer_only]))
    assert [one["_exchange"] for one in log["entries"]] == [0, 2]
    assert [one["_call"] for one in log["entries"]] == [None, None]
    assert log["entries"][0]["timings"]["connect"] == 10
    assert (log["entries"][1]["timings"]["receive"], log["entries"][1]["response"]["_error"]) == (2, "cut")


@pytest.mark.parametrize(
    "facts,url",
    [
        ({}, "http://dynamodb.us-east-1.amazonaws.com/"),
        ({"host": "localhost:8000"}, "http://localhost:8000/"),
        ({"evidence": "decrypted", "host": "a.example:443", "target": "/x?y=1"}, "https://a.example/x?y=1"),
        ({"target": "/a b#c%zz%20é"}, "http://dynamodb.us-east-1.amazonaws.com/a%20b%23c%25zz%20%C3%A9"),
        ({"host": "a b/c@d"}, "http://dynamodb.us-east-1.amazonaws.com/"),
        ({"host": "s3.example", "target_form": "absolute"}, "http://s3.example/"),
        ({"target": "s3.example:443", "target_form": "authority", "method": "CONNECT"}, "https://s3.example/"),
        ({"target": "*", "target_form": "asterisk"}, "http://dynamodb.us-east-1.amazonaws.com/*"),
    ],
)
def test_urls_are_absolute(facts: dict[str, Any], url: str) -> None:
    port = 3128 if facts.get("target_form") in ("absolute", "authority") else 443 if "evidence" in facts else 80
    opened = connection(0, server_port=port)
    (made,) = har(analysis([opened], [exchange(0, opened, **facts)]))["entries"]
    assert made["request"]["url"] == url


def test_an_address_of_ipv6_has_brackets() -> None:
    opened = connection(0, server_address="fd00:ec2::254", server_name=None)
    (made,) = har(analysis([opened], [exchange(0, opened, host=None)]))["entries"]
    assert made["request"]["url"] == "http://[fd00:ec2::254]/"


def test_inferred_requests_have_what_is_known() -> None:
    opened = connection(0, server_port=443, protocol="tls")
    row = exchange(0, opened, evidence="inferred", method=None, target=None, host=None, http_version=None, status=None, operation=None)
    log = har(analysis([opened], [row]))
    assert schema_errors({"log": log}) == []
    (made,) = log["entries"]
    assert (made["request"]["method"], made["request"]["url"]) == ("", "https://dynamodb.us-east-1.amazonaws.com/")


def test_hostile_text_stays_text() -> None:
    text = document(nasty(), "har")
    assert text.isascii()
    log = json.loads(text)["log"]
    assert schema_errors({"log": log}) == []
    assert unsafe_texts(json.loads(text)) == []
    assert all(re.fullmatch(r"[!-~]+", one["request"]["url"]) for one in log["entries"])


def test_times_out_of_reach_become_the_nearest() -> None:
    late = connection(0, first_ns=1 << 70, last_ns=1 << 70, syn_ns=None)
    row = exchange(0, late, index_on_connection=1)
    (made,) = har(analysis([late], [row]))["entries"]
    assert made["startedDateTime"] == "9999-12-31T23:59:59.999999999Z"


@pytest.mark.parametrize("name", ["cold-start", "throttling", "imds-hop-limit-container", "keep-alive"])
def test_bundled_captures_are_read_by_haralyzer(bundled: Path, name: str) -> None:
    reader = pytest.importorskip("haralyzer")
    keys = bundled / f"{name}.keys"
    whole = analyzer.read(bundled / f"{name}.pcap", keys=keys if keys.exists() else None)
    text = document(whole, "har")
    log = json.loads(text)["log"]
    assert schema_errors({"log": log}) == []
    read = reader.HarParser(json.loads(text))
    assert len(read.pages) == len(whole.calls)
    for page, row in zip(read.pages, sorted(whole.calls, key=lambda one: (one.start_ns, one.call_id)), strict=True):
        assert sum(one.time for one in page.entries) == pytest.approx(row.duration_ns / 1e6)
        assert isinstance(page.entries[0].startTime, datetime)
        assert page.entries[-1].response.status == (row.status or 0)


def test_the_throttled_call_shows_its_attempts(bundled: Path) -> None:
    whole = analyzer.read(bundled / "throttling.pcap")
    row = max(whole.calls, key=lambda one: one.attempts)
    found = [one for one in har(whole)["entries"] if one["_call"] == row.call_id]
    assert [one["_attempt"] for one in found] == list(range(1, row.attempts + 1))
    assert [one["response"]["status"] for one in found[:-1]] == [400] * (row.attempts - 1)
    assert sum(one["timings"]["blocked"] for one in found[1:]) == pytest.approx((row.backoff_ns) / 1e6)
