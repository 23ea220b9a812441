"""Where a capture was taken, and what it lacks."""

from __future__ import annotations

import pytest

from analyzer.model.capture import CaptureFile, Interface
from analyzer.model.rows import Anomaly, Connection
from analyzer.quality import note_capture, vantage_of
from tests.factory import MS, connection, info


def seen(client: int | None, server: int | None, **changes: object) -> Connection:
    return connection(0, client_rtt_ns=client, min_rtt_ns=server, **changes)


@pytest.mark.parametrize(
    "connections, place",
    [
        ([], None),
        ([seen(MS // 10, 10 * MS)], "client"),
        ([seen(10 * MS, MS // 10)], "server"),
        ([seen(5 * MS, 6 * MS)], "between"),
        ([seen(4 * MS, 16 * MS)], "client"),
        ([seen(5 * MS, 16 * MS)], "between"),
        ([seen(MS // 10, MS // 10)], None),
        ([seen(None, 10 * MS), seen(10 * MS, None)], None),
        ([seen(MS // 10, 10 * MS, duplicates=3)], "between"),
        ([seen(MS // 10, 10 * MS), seen(10 * MS, MS // 10)], "mixed"),
        ([seen(MS // 10, 10 * MS), seen(10 * MS, MS // 10, copy_of=0)], "client"),
        ([seen(MS // 10, 10 * MS), seen(MS // 10, MS // 10)], "client"),
    ],
)
def test_vantage(connections: list[Connection], place: str | None) -> None:
    assert vantage_of(connections) == place


def notes(connections: list[Connection], **facts: object) -> list[Anomaly]:
    rows: list[Anomaly] = []
    note_capture(info(**facts), connections, rows.append)
    return rows


def test_a_whole_capture_gives_no_row() -> None:
    assert notes([connection()]) == []


def test_each_lack_is_a_row() -> None:
    interfaces = [Interface(0, 0, 1, 0, name="eth0", dropped=12), Interface(1, 0, 1, 0, dropped=0), Interface(2, 0, 1, 0, dropped=3)]
    rows = notes(
        [connection(0, lost_before_capture=True, gap_bytes=1448), connection(1, duplicates=2), connection(2, client_rule="port")],
        interfaces=interfaces, backwards=2, backwards_ns=3_000, cut_packets=7,
    )  # fmt: skip
    assert [(row.code, row.packet_id, row.connection_id) for row in rows] == [
        ("kernel-drops", None, None), ("kernel-drops", None, None), ("time-backwards", None, None), ("snapshot-length", None, None),
        ("bytes-not-captured", 1, 0), ("duplicate-packets", 21, 1), ("start-not-captured", 41, 2),
    ]  # fmt: skip
    assert "12 packets were dropped on interface eth0" in rows[0].detail
    assert "3 packets were dropped on interface 2" in rows[1].detail
    assert rows[4].detail.startswith("1448 bytes")


@pytest.mark.parametrize("rule", ["syn", "syn-ack"])
def test_a_captured_opening_is_no_lack(rule: str) -> None:
    assert notes([connection(client_rule=rule)]) == []


@pytest.mark.parametrize(
    "client, server, place",
    [(64, 52, "client"), (57, 255, "server"), (64, 64, None), (60, 50, None), (None, 64, None), (128, 241, "client")],
)
def test_without_round_trips_the_hops_tell(client: int | None, server: int | None, place: str | None) -> None:
    assert vantage_of([seen(None, None, client_ttl=client, server_ttl=server)]) == place
    # A round trip says more than a TTL, which may be set low on purpose.
    assert vantage_of([seen(10 * MS, MS // 10, client_ttl=client, server_ttl=server)]) == "server"


def test_what_the_sender_numbered_and_nobody_saw_is_a_row() -> None:
    (row,) = notes([connection(0, lost_before_capture=True, unseen_packets=2)])
    assert (row.code, row.connection_id) == ("lost-before-capture", 0)
    assert row.detail == "2 packets were lost before the capture point: identifications (ip.id) that no packet carries"


@pytest.mark.parametrize(
    "changes, side",
    [({"packets_sent": 0}, "server"), ({"packets_received": 0}, "client"), ({"packets_sent": 2, "packets_received": 0}, None), ({}, None)],
)
def test_one_direction_is_a_row_and_a_silent_peer_is_none(changes: dict[str, int], side: str | None) -> None:
    rows = notes([connection(0, **changes)])
    assert [row.detail for row in rows] == ([f"only packets of the {side} were captured"] if side else [])


def test_a_clock_that_was_set_back_is_more_than_queues_that_disagree() -> None:
    assert [row.code for row in notes([], backwards=1, backwards_ns=9 * MS)] == ["time-backwards"]
    rows = notes([], backwards=1, backwards_ns=1_500 * MS)
    assert [row.code for row in rows] == ["time-backwards", "clock-step"]
    assert "set back by 1500 ms" in rows[1].detail


@pytest.mark.parametrize("tick, packets, coarse", [(MS, 100, True), (1000 * MS, 16, True), (1000, 100, False), (MS, 15, False)])
def test_coarse_times_are_a_row(tick: int, packets: int, coarse: bool) -> None:
    rows = notes([], files=[CaptureFile("old.pcap", 1, packets, "pcap", tick_ns=tick)])
    assert [row.code for row in rows] == ["coarse-times"] * coarse


def test_the_audit_says_which_numbers_are_touched() -> None:
    about = info(backwards=1, backwards_ns=2_000, cut_packets=3)
    rows = [connection(0, gap_bytes=1448), connection(1, unseen_packets=1), connection(2, client_rule="port"), connection(3, duplicates=2)]
    note_capture(about, [*rows, connection(4, packets_sent=0), connection(5, copy_of=0, gap_bytes=9)], lambda row: None)
    assert [sentence.split(": ")[1] for sentence in about.audit] == [
        "times may be off by that much",
        "names, operations and message sizes may be unknown; times and TCP counts are not touched",
        "requests may be missing, receive times are lower bounds",
        "a wait may be a lost answer and not the server's time",
        "no connect or TLS time is known",
        "no round trip and no answer is known",
        "Wireshark's counts include them, times and losses do not",
    ]
    assert about.audit[2].startswith("1.4 KB of 1 connection were never captured")
