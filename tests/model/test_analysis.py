"""The answer as a whole: its tables, its findings made once, and which file holds a packet."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from analyzer.model.rows import Finding
from tests.factory import analysis, finding, info


def test_findings_are_made_when_asked_and_once() -> None:
    made: list[Analysis] = []

    def check(about: Analysis) -> Iterator[Finding]:
        made.append(about)
        yield finding()

    answer = analysis(check=check)
    assert made == []
    assert [row.code for row in answer.findings] == ["cold-connection"]
    assert answer.findings is answer.findings
    assert made == [answer]


def test_without_rules_there_are_no_findings() -> None:
    assert len(analysis().findings) == 0


def test_tables_come_in_the_order_of_the_contract() -> None:
    names = [table.name for table in analysis().tables()]
    assert names == ["connections", "lookups", "handshakes", "exchanges", "calls", "spans", "findings", "anomalies"]


def test_a_packet_is_found_in_its_file() -> None:
    files = [CaptureFile("a.pcap", 1, 12), CaptureFile("b.pcap", 11, 5)]
    several = analysis(capture=info(files=files, runs=[(1, 0, 1, 10), (11, 1, 1, 5), (16, 0, 11, 2)]))
    assert [several.frame(packet) for packet in (1, 10, 11, 15, 16, 17)] == [
        ("a.pcap", 1), ("a.pcap", 10), ("b.pcap", 1), ("b.pcap", 5), ("a.pcap", 11), ("a.pcap", 12),
    ]  # fmt: skip
    assert analysis().frame(7) == ("made-up.pcap", 7)
