"""What-ifs against captures in which the change was really made: the second predicted from the first.

Both captures of a pair are runs of a program in a laboratory whose service and machine differ from run to run by some tenths of a
millisecond a call, and whose first call differs by ten and more: a program that starts is as quick as the machine lets it. So the median
is held to a tenth (2 ms where that is more), and single slow calls only as far as the change explains them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.whatif import Replay, WhatIf
from analyzer.report.ledger import percentile
from analyzer.units import MILLISECOND

NOTICED_NS = 2 * MILLISECOND
KEYS = ("keys.log", "tls-keys.log")
VIEWS = ("container.pcap", "uplink.pcap", "bridge.pcapng")


class Pair(NamedTuple):
    """Two runs of which the second had the change made."""

    before: str
    after: str
    change: dict[str, Any]


REUSE = (
    Pair("js2-no-keepalive", "js2-keepalive", {"keep_alive": True}),
    Pair("boto3-connection-close", "boto3-keepalive", {"keep_alive": True}),
    Pair("js2-no-keepalive", "js2-no-keepalive-resumed", {"resumption": True}),
)
HOPS = tuple(Pair(f"imds-hoplimit1-{sdk}", f"imds-hoplimit2-fixed-{sdk}", {"hop_limit": True}) for sdk in ("boto3", "js2", "js3"))
NEARER = (
    # The same SDK and the same kinds of calls at another distance, given as the round trip of the second.
    Pair("boto3-keepalive", "ipv6-keepalive", {}),
    Pair("ipv6-keepalive", "boto3-keepalive", {}),
    Pair("js3-default", "any-sll2", {}),
    Pair("cold-start-http", "conditional-errors", {}),
)


@pytest.fixture(scope="module")
def captures(shared: Path) -> Iterator[Any]:
    """Reads captures, each once."""

    @cache
    def read(name: str, view: str = "*.pcap*", keyed: bool = False) -> Analysis:
        folder = shared / name
        found = sorted(folder.glob(view))
        if not found:
            pytest.skip(f"{folder / view} is missing")
        keys = next((folder / key for key in KEYS if (folder / key).exists()), None)
        return analyzer.read(found[0], keys=keys if keyed else None)

    yield read
    read.cache_clear()


def measured(analysis: Analysis) -> list[int]:
    """Return what the service calls took, those that the capture cuts left out, in ascending order."""
    return sorted(row.duration_ns for row in analysis.calls if row.service == "dynamodb" and row.truncated is None)


def asked(analysis: Analysis, change: dict[str, Any]) -> tuple[WhatIf, Replay]:
    replay = analysis.whatif(**change)
    (row,) = replay.changes
    assert row.applies, row.note
    return row, replay


def close(predicted: int | None, real: int, share: float = 0.1) -> bool:
    return predicted is not None and abs(predicted - real) <= max(share * real, NOTICED_NS)


@pytest.mark.parametrize("keyed", [False, True], ids=["without keys", "with keys"])
@pytest.mark.parametrize("pair", REUSE, ids=lambda pair: f"{pair.before} to {pair.after}")
def test_connections_and_sessions(captures: Any, pair: Pair, keyed: bool) -> None:
    row, _ = asked(captures(pair.before, keyed=keyed), pair.change)
    real = measured(captures(pair.after, keyed=keyed))
    assert close(row.p50_ns, percentile(real, 50)), (row.p50_ns, percentile(real, 50))
    assert close(row.p95_ns, percentile(real, 95), 0.25), (row.p95_ns, percentile(real, 95))
    assert close(row.total_ns // row.calls, sum(real) // len(real), 0.15)
    # It says something: what was before is far outside of what is predicted.
    assert row.p50_before_ns is not None
    assert not close(row.p50_before_ns, percentile(real, 50), 0.25)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("pair", HOPS, ids=lambda pair: pair.before)
def test_hop_limit(captures: Any, pair: Pair, view: str) -> None:
    before, after = captures(pair.before, view), captures(pair.after, view)
    row, replay = asked(before, pair.change)
    real = measured(after)
    assert close(row.p50_ns, percentile(real, 50))
    # The dialogue itself: 1 s and 4 s become about as much as it really took with the limit raised.
    slowest = max(before.calls, key=lambda call: call.credentials_ns)
    spared = next(one for one in replay.calls if one.call_id == slowest.call_id)
    assert spared.after_ns is not None
    dialogue = next(call.duration_ns for call in after.calls if call.service == "imds")
    predicted = spared.after_ns - (slowest.duration_ns - slowest.credentials_ns)
    assert slowest.credentials_ns > 1000 * MILLISECOND
    assert close(predicted, dialogue, 0.4), (predicted, dialogue)
    # The call that waited is the p95 of four; beside the dialogue it is a program that starts, on a machine with others.
    assert close(row.p95_ns, percentile(real, 95), 0.5), (row.p95_ns, percentile(real, 95))


@pytest.mark.parametrize("pair", NEARER, ids=lambda pair: f"{pair.before} to {pair.after}")
def test_another_distance(captures: Any, pair: Pair) -> None:
    after = captures(pair.after)
    trips = sorted(row.min_rtt_ns for row in after.connections if row.service == "dynamodb" and row.min_rtt_ns)
    row, _ = asked(captures(pair.before), {"rtt": trips[len(trips) // 2]})
    real = percentile(measured(after), 50)
    assert close(row.p50_ns, real, 0.05), (row.p50_ns, real)
    assert not close(row.p50_before_ns, real, 0.15)


def test_tls13_handshakes_are_as_long_as_real_ones(captures: Any) -> None:
    old, new = captures("boto3-connection-close"), captures("boto3-keepalive")
    _, replay = asked(old, {"tls13": True})
    gains = sorted(row.duration_ns - (row.after_ns or 0) for row in replay.calls)
    took = sorted(row.duration_ns for row in old.handshakes)[len(old.handshakes) // 2] - gains[len(gains) // 2]
    (real,) = [row.duration_ns for row in new.handshakes]
    assert close(took, real, 0.2), (took, real)


@pytest.mark.parametrize("scheme, keyed", [("http", False), ("https", True)])
def test_filter_scan(captures: Any, scheme: str, keyed: bool) -> None:
    before, after = captures(f"filter-scan-{scheme}", keyed=keyed), captures(f"filter-fixed-{scheme}", keyed=keyed)
    row, replay = asked(before, {"no_filter_scan": True})
    assert (row.calls, row.calls_after) == (10, 4)
    # Two logical queries of four pages each: two reads. The service of this run answers any Query over a partition late, also one that
    # reads five items; in the other run it answers none late. What a read by key takes can therefore only lie within the range.
    real = percentile(measured(after), 50)
    reads = [one for one in replay.calls if one.low_ns != one.high_ns]
    assert len(reads) == 2
    warm = reads[1]
    assert warm.low_ns is not None
    assert warm.high_ns is not None
    assert warm.low_ns <= real <= warm.high_ns
    assert "for another reason than the filter" in row.note


def test_a_filter_scan_needs_plaintext(captures: Any) -> None:
    replay = captures("filter-scan-https").whatif(no_filter_scan=True)
    (row,) = replay.changes
    assert not row.applies
    assert "--keys" in row.note
    assert str(replay).count("changes nothing") == 1


def test_a_server_that_ends_idle_connections_is_no_matter_of_keep_alive(captures: Any) -> None:
    replay = captures("cold-start-http").whatif(keep_alive=True)
    (row,) = replay.changes
    assert not row.applies
    assert "came too late" in row.note
