"""OTLP JSON: the shape of traces, ids, conventions; and a round trip through OpenTelemetry's own protobuf."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.stalls import Stall
from tests.factory import MS, START, analysis, call, connection, exchange, info, lookup, spans
from tests.report.exports.readers import as_protobuf, document, otlp_spans, plain_attributes, unsafe_texts
from tests.report.made import nasty, waited

Json = dict[str, Any]


def made(whole: Analysis) -> list[Json]:
    return [
        {**span, "about": plain_attributes(span["attributes"]), "resource": resource}
        for resource, span in otlp_spans(document(whole, "otlp"))
    ]


def simple(**changes: Any) -> Analysis:
    opened = connection()
    row = call(0, opened)
    return analysis([opened], [exchange(0, opened, **changes)], calls=[row], spans=spans(row), lookups=[lookup()])


def test_a_call_is_a_tree() -> None:
    rows = [one for one in made(simple()) if "analyzer.call_id" in one["about"] or "analyzer.phase" in one["about"]]
    root, *below = rows
    assert (root["name"], root["kind"], "parentSpanId" in root) == ("DynamoDB.Query", 3, False)
    (asked,) = (one for one in below if one["kind"] == 3)
    assert (asked["name"], asked["parentSpanId"]) == ("POST", root["spanId"])
    phases = [one for one in below if one["kind"] == 1]
    assert [one["name"] for one in phases] == ["connect", "client", "send", "wait", "receive"]
    assert {one["parentSpanId"] for one in phases} == {asked["spanId"]}
    assert {one["traceId"] for one in rows} == {root["traceId"]}
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == (str(START), str(START + 28 * MS))


def test_names_are_those_of_the_conventions() -> None:
    rows = made(simple())
    root = next(one for one in rows if one["name"] == "DynamoDB.Query")["about"]
    expected = {
        "rpc.system": "aws-api", "rpc.system.name": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "Query",
        "aws.request_id": "REQUEST0", "cloud.region": "us-east-1", "db.system.name": "aws.dynamodb",
        "aws.dynamodb.table_names": ["Orders"], "aws.dynamodb.count": 3,
        "server.address": "dynamodb.us-east-1.amazonaws.com", "server.port": 80,
    }  # fmt: skip
    assert expected.items() <= root.items()
    asked = next(one for one in rows if one["name"] == "POST")["about"]
    expected = {
        "http.request.method": "POST", "http.response.status_code": 200, "url.full": "http://dynamodb.us-east-1.amazonaws.com/",
        "network.peer.address": "3.218.180.10", "network.peer.port": 80, "network.protocol.version": "1.1", "network.type": "ipv4",
        "tcp.stream": 0,
    }  # fmt: skip
    assert expected.items() <= asked.items()
    assert "http.request.resend_count" not in asked


def test_set_up_is_a_trace_of_its_own_to_which_requests_link() -> None:
    rows = made(simple())
    (setup,) = (one for one in rows if one["name"].startswith("HTTP connection_setup"))
    assert setup["name"] == "HTTP connection_setup dynamodb.us-east-1.amazonaws.com:80"
    below = [one for one in rows if one.get("parentSpanId") == setup["spanId"]]
    assert [one["name"] for one in below] == ["DNS lookup dynamodb.us-east-1.amazonaws.com", "socket connect 3.218.180.10:80"]
    assert int(setup["startTimeUnixNano"]) == START - 5 * MS
    asked = next(one for one in rows if one["name"] == "POST")
    (link,) = asked["links"]
    assert (link["traceId"], link["spanId"]) == (setup["traceId"], setup["spanId"])
    assert setup["traceId"] != asked["traceId"]


def test_waiting_for_credentials_links_to_the_dialogue() -> None:
    rows = made(waited())
    dialogue = next(one for one in rows if one["about"].get("analyzer.call_id") == 9 and "parentSpanId" not in one)
    waits = [one for one in rows if one["name"] == "credentials"]
    assert dialogue["name"] == "imds.GetCredentials"
    assert "rpc.system" not in dialogue["about"]
    assert [(one["links"][0]["traceId"], one["links"][0]["spanId"]) for one in waits] == [(dialogue["traceId"], dialogue["spanId"])]


def test_an_error_has_a_status_and_a_type() -> None:
    opened = connection()
    row = call(0, opened, ok=False, error_type="ValidationException", status=400)
    asked = exchange(0, opened, status=400, outcome="error", error_type="ValidationException")
    rows = made(analysis([opened], [asked], calls=[row], spans=spans(row)))
    failed = [one for one in rows if one["status"]]
    assert [one["name"] for one in failed] == ["DynamoDB.Query", "POST"]
    assert {(one["status"]["code"], one["about"]["error.type"]) for one in failed} == {(2, "ValidationException")}


def test_a_refused_connection_is_an_error_of_its_set_up() -> None:
    dead = connection(0, established_ns=None, connect_ns=None, exchanges=0, closed_by="server-reset", closed_ns=START + 3 * MS)
    row = call(0, dead, ok=False, exchange_ids=(), status=None, connect_ns=3 * MS, duration_ns=3 * MS, end_ns=START + 3 * MS)
    rows = made(analysis([dead], [], calls=[row], spans=spans(row, ("connect", 3 * MS))))
    faults = [(one["name"], one["kind"], one["about"].get("error.type")) for one in rows]
    assert faults == [
        ("HTTP connection_setup dynamodb.us-east-1.amazonaws.com:80", 1, "connection-refused"),
        ("socket connect 3.218.180.10:80", 1, "connection-refused"),
        ("DynamoDB.Query", 3, "no answer"),
        ("connect", 3, "connection-refused"),
        ("connect", 1, None),
    ]


def test_what_stood_still_is_an_event() -> None:
    stall = Stall("request-repeated", START + 12 * MS, START + 20 * MS, 6)
    asked = next(one for one in made(simple(stalls=(stall,))) if one["name"] == "POST")
    (event,) = asked["events"]
    assert (event["name"], event["timeUnixNano"]) == ("tcp.retransmission", str(START + 20 * MS))
    assert plain_attributes(event["attributes"]) == {"analyzer.stall_ns": 8 * MS, "analyzer.packet_id": 6}


def test_requests_of_no_call_and_lookups_without_connection_are_there() -> None:
    opened = connection(0, service=None)
    lost = lookup(1, connection_ids=(), answers=(), rcode=None, end_ns=None, name="lost.example")
    rows = made(analysis([opened], [exchange(0, opened, service=None, operation=None)], lookups=[lost]))
    roots = [one for one in rows if "parentSpanId" not in one]
    assert [one["name"] for one in roots] == [
        "HTTP connection_setup dynamodb.us-east-1.amazonaws.com:80",
        "DNS lookup lost.example",
        "POST",
    ]
    assert roots[1]["about"]["error.type"] == "timeout"


def test_ids_are_hex_and_the_same_each_time() -> None:
    text = document(waited(), "otlp")
    assert text == document(waited(), "otlp")
    for _, span in otlp_spans(text):
        assert re.fullmatch(r"[0-9a-f]{32}", span["traceId"])
        assert re.fullmatch(r"[0-9a-f]{16}", span["spanId"])
    other = replace(waited(), capture=info(packets=101))
    assert not {one["traceId"] for one in made(other)} & {one["traceId"] for one in made(waited())}


def test_lines_hold_the_same_spans() -> None:
    lines = document(waited(), "otlp", lines=True)
    assert [span for _, span in otlp_spans(lines)] == [span for _, span in otlp_spans(document(waited(), "otlp"))]
    assert all(set(json.loads(line)) == {"resourceSpans"} for line in lines.splitlines())


def test_nothing_is_still_an_answer() -> None:
    assert json.loads(document(analysis([], []), "otlp")) == {"resourceSpans": []}
    assert document(analysis([], []), "otlp", lines=True) == ""


def test_times_beyond_64_bits_are_bounded() -> None:
    late = connection(0, first_ns=1 << 70, last_ns=1 << 70, syn_ns=None)
    rows = made(analysis([late], [exchange(0, late, index_on_connection=1)]))
    assert {one["startTimeUnixNano"] for one in rows} == {str((1 << 64) - 1)}


def test_hostile_text_stays_text() -> None:
    text = document(nasty(), "otlp")
    assert text.isascii()
    assert unsafe_texts(json.loads(text)) == []


@pytest.mark.parametrize("name", ["cold-start", "throttling", "imds-hop-limit-container", "no-keep-alive", "nasty", "waited"])
def test_protobuf_takes_every_field(bundled: Path, name: str) -> None:
    pytest.importorskip("opentelemetry.proto.trace.v1.trace_pb2")
    keys = bundled / f"{name}.keys"
    made_up = {"nasty": nasty, "waited": waited}
    whole = made_up[name]() if name in made_up else analyzer.read(bundled / f"{name}.pcap", keys=keys if keys.exists() else None)
    text = document(whole, "otlp")
    read = [span for group in as_protobuf(text).resource_spans for scope in group.scope_spans for span in scope.spans]
    wrote = [span for _, span in otlp_spans(text)]
    assert len(read) == len(wrote) > 0
    for one, other in zip(read, wrote, strict=True):
        assert (one.trace_id.hex(), one.span_id.hex()) == (other["traceId"], other["spanId"])
        assert one.parent_span_id.hex() == other.get("parentSpanId", "")
        assert (str(one.start_time_unix_nano), str(one.end_time_unix_nano)) == (other["startTimeUnixNano"], other["endTimeUnixNano"])
        assert (one.name, one.kind, len(one.attributes), len(one.links)) == (
            other["name"], other["kind"], len(other["attributes"]), len(other.get("links", [])),
        )  # fmt: skip
        assert len(one.trace_id) == 16
        assert len(one.span_id) == 8
