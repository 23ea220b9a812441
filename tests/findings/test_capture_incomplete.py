"""capture-incomplete: each thing that may lack, and whole captures that say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.capture_incomplete import check
from analyzer.findings.view import View
from analyzer.model.capture import CaptureFile, Interface
from tests.factory import analysis, connection, info


def summary(change: dict[str, Any] | None = None, facts: dict[str, Any] | None = None) -> str | None:
    found = list(check(View(analysis([connection(0, **(change or {})), connection(1)], capture=info(**(facts or {}))))))
    assert len(found) <= 1
    return found[0].summary if found else None


@pytest.mark.parametrize(
    "change, facts, words",
    [
        ({}, {"complete": False}, "The file is cut short or damaged."),
        ({}, {"interfaces": [Interface(0, 0, 1, 0, dropped=1200), Interface(1, 0, 1, 0, dropped=34)]}, "1 234 packets were dropped"),
        ({}, {"backwards": 3}, "3 packets have an earlier time"),
        ({"client_rule": "port"}, {}, "1 connection began before the capture: no connect or TLS time"),
        ({"lost_before_capture": True, "gap_bytes": 2896}, {}, "2.9 KB of 1 connection were never captured"),
        ({"unseen_packets": 2}, {}, "2 packets were lost before the capture point (missing ip.id)"),
        ({}, {"files": [CaptureFile("old.pcap", 1, 16, "pcap", tick_ns=1_000_000)]}, "Times are whole multiples of 1.0 ms"),
        ({"cut_packets": 7}, {}, "7 packets are cut by the snapshot length"),
        ({"cut_packets": 7, "exchanges": 0, "service": None, "protocol": "tls"}, {}, "7 packets are cut by the snapshot length"),
        ({"packets_received": 0}, {}, "1 connection was seen in one direction only"),
        ({}, {"backwards": 1}, "1 packet has an earlier time"),
    ],
)
def test_what_lacks_is_named(change: dict[str, Any], facts: dict[str, Any], words: str) -> None:
    text = summary(change, facts)
    assert text is not None
    assert words in text


@pytest.mark.parametrize(
    "change, facts",
    [
        ({}, {}),
        ({"client_rule": "syn-ack"}, {}),
        ({"packets_sent": 2, "packets_received": 0}, {}),
        ({"cut_packets": 7, "exchanges": 0, "service": None, "protocol": None}, {}),
        ({"lost_before_capture": True, "exchanges": 0, "service": None}, {}),
        ({}, {"interfaces": [Interface(0, 0, 1, 96, dropped=0)]}),
        ({}, {"cut_packets": 5}),
        ({"lost_before_capture": True, "gap_bytes": 2}, {}),
    ],
    ids=[
        "whole",
        "opened by SYN-ACK",
        "unanswered SYNs",
        "cut on a connection that nobody reads",
        "lost there",
        "no drops",
        "cut elsewhere",
        "a FIN each way",
    ],
)
def test_what_matters_to_nobody_is_not(change: dict[str, Any], facts: dict[str, Any]) -> None:
    assert summary(change, facts) is None


def test_all_in_one_finding_that_costs_nothing() -> None:
    rows = [connection(0, cut_packets=1, client_rule="port"), connection(1, cut_packets=2)]
    (row,) = check(View(analysis(rows, capture=info(complete=False))))
    assert row.summary.startswith("The file is cut short or damaged; 1 connection began before the capture: ")
    assert "3 packets are cut" in row.summary
    assert (row.cost_ns, row.share, row.connections, row.packet_ids) == (0, None, (0, 1), (1, 21))
