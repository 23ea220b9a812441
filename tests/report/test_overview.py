"""What the report says where no request can be read."""

from __future__ import annotations

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Anomaly
from analyzer.report.overview import odd, without_requests
from tests.factory import MS, START, analysis, connection, lookup


def said(about: Analysis) -> str:
    return " ".join(without_requests(about))


def test_opened_and_failed_connections_are_told_apart() -> None:
    opened = [connection(number, protocol="tls", connect_ns=(10 + number) * MS) for number in range(3)]
    failed = connection(3, server_name="db.example", server_port=443, connect_ns=None, established_ns=None, syn_ns=START)
    failed = failed._replace(bytes_sent=0, bytes_received=0)
    text = said(analysis(connections=[*opened, failed]))
    assert "3 connections opened: median 11.0 ms, slowest 12.0 ms from SYN to ACK." in text
    assert "1 connection never opened: 1 to db.example:443." in text


def test_retransmissions_and_slow_names_are_said() -> None:
    slow = lookup(0, name="db.example", start_ns=START, end_ns=START + 5006 * MS, tries=2)
    fast = lookup(1, name="other.example", start_ns=START, end_ns=START + MS, tries=1)
    text = said(analysis(connections=[connection(0, retransmissions=2)], lookups=[slow, fast]))
    assert "2 packets retransmitted" in text
    assert "2 DNS lookups: slowest 5006 ms (db.example); 1 asked more than once or never answered." in text


def test_nothing_is_said_of_nothing() -> None:
    assert said(analysis(connections=[])) == ""


def test_anomalies_are_counted_by_kind() -> None:
    rows = [
        Anomaly("icmp-time-exceeded", 1, None, "x"),
        Anomaly("icmp-time-exceeded", 2, None, "x"),
        Anomaly("kernel-drops", None, None, "x"),
    ]
    assert list(odd(analysis(connections=[], anomalies=rows))) == [
        "Anomalies: 2 icmp-time-exceeded, 1 kernel-drops (analyzer anomalies shows them)."
    ]
