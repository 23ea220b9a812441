"""Findings as they are told: proof, filter, fix, gain, doubt."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.capture import CaptureFile
from analyzer.report.claims import claims
from tests.factory import MS, analysis, call, connection, dialogue, finding, info

UNDER = connection()


def told(row: Any, calls: Any = (), **options: Any) -> dict[str, str]:
    (claim,) = claims(analysis([UNDER], calls=calls or [call(0)], check=lambda _: [row], **options))
    return claim.lines


def test_proof_names_calls_packets_and_streams() -> None:
    row = finding(calls=(0, 1, 2), packet_ids=(812, 813, 814, 900), connections=(15,))
    assert told(row)["proof"] == "calls 0-2; packets 812-814, 900; stream 15"
    assert told(finding(calls=(), exchanges=(3,), packet_ids=()))["proof"] == "request 3; stream 0"
    assert "proof" not in told(finding(calls=(), exchanges=(), packet_ids=(), connections=()))


def test_packets_of_several_files_are_found_in_them() -> None:
    files = [CaptureFile("x/a.pcap", 1, 12), CaptureFile("b.pcap", 11, 5)]
    capture = info(files=files, runs=[(1, 0, 1, 10), (11, 1, 1, 5), (16, 0, 11, 2)])
    assert told(finding(packet_ids=(1, 12)), capture=capture)["proof"].endswith("(a.pcap: 1; b.pcap: 2)")
    assert told(finding(packet_ids=tuple(range(1, 12))), capture=capture)["proof"].endswith("(a.pcap: 1-8 ...)")


@pytest.mark.parametrize(
    "row, calls, words",
    [
        (finding(cost_ns=8 * MS, calls=(0,)), [call(0)], "call 0: 28.0 ms -> 20.0 ms"),
        (finding(cost_ns=20 * MS, share=0.5, calls=(0, 1)), [call(0), call(1)],
         "20.0 ms in all (50 % of all call time), 10.0 ms for each of 2 calls (mean)"),
        (finding(cost_ns=8 * MS, calls=(0, 9)), [call(0), dialogue(9)], "call 0: 28.0 ms -> 20.0 ms"),
        (finding(cost_ns=20 * MS, share=None, calls=(9,)), [dialogue(9)], "call 9: 30.0 ms -> 10.0 ms"),
        (finding(cost_ns=20 * MS, share=None, calls=()), [call(0)], "20.0 ms in all"),
        (finding(cost_ns=90 * MS, share=None, calls=(0,)), [call(0)], "90.0 ms in all"),
        (finding(cost_ns=0, calls=(0,)), [call(0)], None),
    ],
)  # fmt: skip
def test_gain(row: Any, calls: Any, words: str | None) -> None:
    assert told(row, calls).get("gain") == words


def test_doubt_says_what_decides() -> None:
    assert "doubt" not in told(finding())
    assert told(finding(confidence="likely", decides="A capture on the host."))["doubt"] == (
        "likely, not proven; what decides: A capture on the host."
    )
    assert told(finding(confidence="possible", decides=None))["doubt"] == "possible, not proven"


@pytest.mark.parametrize(
    "changes, small",
    [
        ({"share": 0.05}, False),
        ({"share": 0.04}, True),
        ({"share": None, "severity": "info", "cost_ns": 0}, True),
        ({"share": None, "severity": "warning", "cost_ns": 0}, False),
        ({"share": None, "severity": "info", "cost_ns": 1}, False),
    ],
)
def test_what_costs_next_to_nothing_is_small(changes: dict[str, Any], small: bool) -> None:
    (claim,) = claims(analysis(check=lambda _: [finding(**changes)]))
    assert claim.small is small


def test_the_finding_about_the_capture_is_told_elsewhere() -> None:
    assert claims(analysis(check=lambda _: [finding(code="capture-incomplete")])) == []
