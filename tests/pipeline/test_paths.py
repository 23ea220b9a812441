"""The loop's shortcuts change nothing: every packet through the plain code gives the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer.model.analysis import Analysis
from analyzer.pipeline import read
from analyzer.tcp.flow import Flow

SCENARIOS = (
    "any-sll1", "cold-start-http", "conditional-errors", "filter-scan-http", "idle-blackhole-boto3", "large-upload", "loopback",
    "loss-2pct",
    "imds-hoplimit1-noack-js2",
    "loss-5pct", "midstream-http", "reordering", "request-loss", "service-pause", "slow-receiver", "throttle-retry-http",
)  # fmt: skip
TABLES = ("connections", "exchanges", "lookups", "anomalies")


def told(row: Any) -> dict[str, Any]:
    """A row, without what looking at every packet knows better: how many packets nobody saw, and why one was sent again."""
    fields: dict[str, Any] = row._asdict()
    for name in ("unseen_packets", "unseen_before_response"):
        fields.pop(name, None)
    if "repeats" in fields:
        fields["repeats"] = [(one.packet_id, one.flag) for one in fields["repeats"]]
    if fields.get("code") == "lost-before-capture":
        del fields["detail"]
    return fields


def slowly(capture: Path, patch: pytest.MonkeyPatch) -> Analysis:
    """Read a capture with the loop's shortcut closed."""
    settle = Flow.settle

    def never_quiet(self: Flow) -> None:
        settle(self)
        for half in self.halves:
            half.quiet = False

    patch.setattr(Flow, "settle", never_quiet)
    return read(capture)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_plain_code_says_the_same(scenario: str, shared: Path) -> None:
    capture = max((shared / scenario).glob("*.pcap*"))
    quick = read(capture)
    with pytest.MonkeyPatch.context() as patch:
        slow = slowly(capture, patch)
    for name in TABLES:
        for one, other in zip(getattr(quick, name), getattr(slow, name), strict=True):
            assert told(one) == told(other)
    for row, other in zip(quick.connections, slow.connections, strict=True):
        assert row.unseen_packets <= other.unseen_packets, "of packets that the loop only counts the identifications are a lower bound"
        assert bool(row.unseen_packets) == bool(other.unseen_packets)
        for repeat, known in zip(row.repeats, other.repeats, strict=True):
            assert repeat.cause is None or known.cause is None or repeat.cause == known.cause
