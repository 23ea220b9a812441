"""The JSON document keeps the contract `analyzer/1`: tables, columns and their types, links that lead somewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer import findings
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile, Interface
from analyzer.model.rows import Anomaly
from analyzer.report.document import JsonRenderer, analyzer_version
from tests.factory import START, analysis, connection, exchange, info, lookup

CONTRACT = {
    "connections": """
        connection_id:int client_address:str client_port:int server_address:str server_port:int server_name:str?
        service:str? region:str? first_ns:int last_ns:int syn_ns:int? established_ns:int? connect_ns:int? min_rtt_ns:int?
        client_rtt_ns:int? initial_rtt_ns:int? packets_sent:int packets_received:int bytes_sent:int bytes_received:int
        retransmissions:int fast_retransmissions:int spurious_retransmissions:int out_of_order:int duplicate_acks:int
        keep_alives:int zero_windows:int lost_segments:int completeness:int lost_before_capture:bool closed_by:str
        opened_ahead:bool copy_of:int? exchanges:int first_packet_id:int last_packet_id:int
    """,
    "lookups": """
        lookup_id:int client_address:str resolver:str name:str type:str start_ns:int end_ns:int? tries:int answers:list
        rcode:str? connection_ids:list packet_ids:list
    """,
    "handshakes": """
        connection_id:int start_ns:int end_ns:int? duration_ns:int? version:str? cipher:str? server_name:str? alpn:str?
        resumed:bool? round_trips:int? ja4:str? decrypted:bool
    """,
    "exchanges": """
        exchange_id:int connection_id:int copy_of:int? call_id:int? index_on_connection:int idle_before_ns:int? method:str?
        target:str? host:str? http_version:str? service:str? operation:str? status:int? error_type:str? aws_request_id:str?
        invocation_id:str? attempt:int? sdk:str? sdk_version:str? request_start_ns:int? request_end_ns:int?
        response_start_ns:int? response_end_ns:int? request_bytes:int response_bytes:int wait_stall_ns:int? network_ns:int?
        server_ns:int? stall_ns:int? evidence:str request_packet_id:int? response_packet_id:int? outcome:str table_name:str?
        count:int? scanned_count:int? has_more:bool?
    """,
    "calls": """
        call_id:int chain_id:int? service:str? operation:str? sdk:str? start_ns:int end_ns:int duration_ns:int attempts:int
        ok:bool? error_type:str? credentials_ns:int dns_ns:int connect_ns:int tls_ns:int send_ns:int wait_ns:int
        receive_ns:int failed_ns:int backoff_ns:int client_ns:int unexplained_ns:int stall_ns:int? wait_stall_ns:int?
        network_ns:int? server_ns:int? reused:bool truncated:str? connection_id:int? client_address:str client_port:int?
        first_packet_id:int last_packet_id:int evidence:str
    """,
    "spans": """
        span_id:int call_id:int attempt:int? phase:str inner_phase:str? start_ns:int end_ns:int connection_id:int?
        dialogue_id:int? first_packet_id:int? last_packet_id:int? causes:list evidence:str shared:bool
    """,
    "findings": """
        code:str severity:str title:str summary:str cost_ns:int share:float? calls:list connections:list packet_ids:list
        display_filter:str confidence:str decides:str? remedy:str references:list
    """,
    "anomalies": """
        code:str packet_id:int? connection_id:int? detail:str
    """,
}
"""The output contract: name and type of each column; a question mark where null means unknown."""
TYPES: dict[str, type] = {"int": int, "str": str, "bool": bool, "list": list, "float": float}


def document(about: Analysis) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads("".join(JsonRenderer().render(about)))
    return parsed


def full() -> Analysis:
    return analysis(
        [connection(0), connection(1)],
        [exchange(0), exchange(1, connection(1), status=None, network_ns=None, server_ns=None, has_more=None)],
        lookups=[lookup()],
        anomalies=[Anomaly("cut-packet", 7, 0, "x"), Anomaly("kernel-drops", None, None, "y")],
        check=findings.check,
    )


def is_a(value: object, wanted: str) -> bool:
    if value is None:
        return wanted.endswith("?")
    kind = TYPES[wanted.rstrip("?")]
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


@pytest.mark.parametrize("name", CONTRACT)
def test_each_table_has_the_columns_of_the_contract(name: str) -> None:
    (table,) = [table for table in full().tables() if table.name == name]
    wanted = dict(part.split(":") for part in CONTRACT[name].split())
    kinds = {column.name: column.kind for column in table.columns}
    assert list(wanted)[:3] == list(kinds)[:3]
    assert set(wanted) <= set(kinds)
    same = {"time": "int", "duration": "int", "text": "str"}
    assert {column: same.get(kinds[column], kinds[column]) for column in wanted} == {
        column: kind.rstrip("?") for column, kind in wanted.items()
    }


@pytest.mark.parametrize("name", ["connections", "lookups", "exchanges", "findings", "anomalies"])
def test_values_have_the_types_of_the_contract(name: str) -> None:
    rows = document(full())[name]
    assert rows
    for row in rows:
        wrong = {
            column: row[column] for column, kind in (part.split(":") for part in CONTRACT[name].split()) if not is_a(row[column], kind)
        }
        assert wrong == {}


def test_head() -> None:
    files = [CaptureFile("a.pcap", 1, 60, "pcap"), CaptureFile("b.pcap.gz", 61, 40, "pcap+gzip")]
    made = document(
        analysis(
            capture=info(
                files=files,
                interfaces=[Interface(0, 0, 113, 0), Interface(1, 1, 1, 96), Interface(2, 1, 1, 96)],
                complete=False,
                notes=["cut"],
            )
        )
    )
    assert made["schema"] == "analyzer/1"
    assert made["analyzer_version"] == analyzer_version()
    capture = made["capture"]
    assert [(file["name"], file["first_packet_id"]) for file in capture["files"]] == [("a.pcap", 1), ("b.pcap.gz", 61)]
    assert {name: capture[name] for name in ("packets", "bytes", "first_ns", "last_ns", "link_types", "vantage", "complete", "notes")} == {
        "packets": 100, "bytes": 20_000, "first_ns": START, "last_ns": START + 2_000_000_000, "link_types": [1, 113], "vantage": "client",
        "complete": False, "notes": ["cut"],
    }  # fmt: skip


def test_an_empty_capture_is_a_document_too() -> None:
    made = document(analysis([], [], vantage=None, capture=info(files=[], interfaces=[], packets=0, bytes=0, first_ns=None, last_ns=None)))
    assert set(CONTRACT) <= set(made)
    assert all(made[name] == [] for name in CONTRACT)
    assert made["capture"]["vantage"] is None


def test_secrets_of_the_capture_stay_out() -> None:
    assert "CLIENT_RANDOM" not in "".join(JsonRenderer().render(analysis(capture=info(secrets=[b"CLIENT_RANDOM 00 11"]))))


def test_links_lead_to_rows() -> None:
    made = document(full())
    connections = {row["connection_id"] for row in made["connections"]}
    exchanges = {row["exchange_id"] for row in made["exchanges"]}
    assert {row["connection_id"] for row in made["exchanges"]} <= connections
    for row in made["findings"]:
        assert set(row["connections"]) <= connections
        assert set(row["exchanges"]) <= exchanges


def test_it_comes_in_pieces_one_row_a_line() -> None:
    many = analysis([connection()], [exchange(number, connection()) for number in range(3500)])
    pieces = list(JsonRenderer().render(many))
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 3
    lines = "".join(pieces).splitlines()
    assert sum(line.startswith('{"exchange_id":') for line in lines) == 3500


def test_text_on_a_terminal_is_harmless_and_read_back_whole() -> None:
    nasty = "\x1b[2J\x9b\u202e世界\udcff"
    written = "".join(
        JsonRenderer().render(analysis(anomalies=[Anomaly("x", None, None, nasty)], capture=info(files=[CaptureFile(nasty)])))
    )
    assert written.isascii()
    assert "\x1b" not in written
    parsed = json.loads(written)
    assert (parsed["anomalies"][0]["detail"], parsed["capture"]["files"][0]["name"]) == (nasty, nasty)
