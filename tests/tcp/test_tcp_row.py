"""A connection's row: each column holds what its name says, though the row is made by position."""

from __future__ import annotations

from analyzer.model.rows import Connection
from analyzer.model.seams import Process
from analyzer.tcp import analysis
from analyzer.tcp.table import row
from tests.tcp.script import START, run

MS = 1_000_000
OPENED_AND_CLOSED = """
0    C S   0 0  ttl=63
10   S SA  0 1  ttl=50
15   C A   1 1
16   C PA  1 1 10
17   C PA  1 1 10            # sent again
30   S A   1 11
40   S PA  1 11 20
90   C A   11 21
100  S PA  31 11 5           # ten bytes before it never came
110  C FA  11 21
120  S FA  36 12
"""
COLUMNS = {
    "connection_id": 0, "client_address": "10.0.0.1", "client_port": 40000, "server_address": "10.0.0.2", "server_port": 8000,
    "server_name": None, "service": None, "region": None,
    "first_ns": START, "last_ns": START + 120 * MS, "syn_ns": START, "established_ns": START + 15 * MS, "connect_ns": 15 * MS,
    "min_rtt_ns": 10 * MS, "client_rtt_ns": 5 * MS, "initial_rtt_ns": 15 * MS,
    "packets_sent": 6, "packets_received": 5, "bytes_sent": 10, "bytes_received": 25,
    "retransmissions": 1, "fast_retransmissions": 2, "spurious_retransmissions": 3, "out_of_order": 4, "duplicate_acks": 5,
    "keep_alives": 6, "zero_windows": 7, "lost_segments": 8,
    "completeness": 31, "lost_before_capture": True, "closed_by": "client", "opened_ahead": False, "copy_of": None, "exchanges": 0,
    "first_packet_id": 1, "last_packet_id": 11, "client_rule": "syn", "protocol": "everything",
    "duplicates": 21, "gap_bytes": 10, "cut_packets": 22, "icmp_errors": 23,
    "closed_ns": START + 110 * MS, "closed_packet_id": 10, "client_closed_ns": START + 110 * MS, "server_closed_ns": START + 120 * MS,
    "established_packet_id": 3, "syn_retransmissions": 0, "syn_stall_ns": 0, "server_ttl": 50, "icmp_ns": START + 24,
    "client_ttl": 63, "unseen_packets": 0, "process_id": 25, "process": "python3",
}  # fmt: skip
"""Of that trace, with what it does not have put in by hand, so that no two counters are alike."""


def test_each_column_holds_what_its_name_says() -> None:
    (flow,) = run(OPENED_AND_CLOSED).flows
    flow.counts = {
        analysis.RETRANSMISSION: 1, analysis.FAST: 2, analysis.SPURIOUS: 3, analysis.OUT_OF_ORDER: 4, analysis.DUPLICATE_ACK: 5,
        analysis.KEEP_ALIVE: 6, analysis.ZERO_WINDOW: 7, analysis.LOST_SEGMENT: 8,
    }  # fmt: skip
    flow.duplicates, flow.icmp_errors, flow.process = 21, 23, Process(25, "python3")
    flow.first_half.stream.cut, flow.first_half.icmp_ns = 22, START + 24
    columns = row(flow)._asdict()
    (again,) = columns.pop("repeats")
    assert (again.packet_id, again.original_packet_id, again.sender) == (5, 4, "client")
    assert columns == COLUMNS
    assert len(Connection._fields) == len(COLUMNS) + 1


def test_the_server_may_have_been_seen_first() -> None:
    (flow,) = run("0 S SA 0 1 ttl=50\n5 C A 1 1 ttl=63\n9 C PA 1 1 7").flows
    made = row(flow)
    assert (made.client_port, made.server_port, made.client_ttl, made.server_ttl) == (40000, 8000, 63, 50)
    assert (made.client_rule, made.bytes_sent, made.bytes_received, made.last_ns) == ("syn-ack", 7, 0, START + 9 * MS)


def test_of_a_direction_that_was_not_seen_nothing_counts() -> None:
    (flow,) = run("3 C S 0 0 ttl=63\n8 C S 0 0").flows
    made = row(flow)
    assert (made.last_ns, made.last_packet_id, made.server_ttl, made.packets_received) == (START + 8 * MS, 2, None, 0)
