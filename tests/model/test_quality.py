"""Where a capture was taken, and what it lacks."""

from __future__ import annotations

import pytest

from analyzer.model.capture import Interface
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
        interfaces=interfaces, backwards=2, cut_packets=7,
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
