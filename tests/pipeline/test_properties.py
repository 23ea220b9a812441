"""What holds for any capture: the ledger closes, blocks change nothing, the order of segments within a window changes no message."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.latency.callrow import PHASES
from analyzer.model.rows import Call, Exchange, Finding, Span
from tests.pipeline.traffic import MS, Frame, Net, answer, damaged

seeds = st.integers(0, 2**32 - 1)
SERVICES = {"imds", "ecs-credentials", "eks-pod-identity", "sts"}


def check(tables: dict[str, list[Any]]) -> None:
    """Every call's spans are contiguous and add up; every link leads somewhere; no finding charges more than there is."""
    calls, spans = cast("list[Call]", tables["calls"]), cast("list[Span]", tables["spans"])
    exchanges, findings = cast("list[Exchange]", tables["exchanges"]), cast("list[Finding]", tables["findings"])
    assert [call.call_id for call in calls] == list(range(len(calls)))
    assert [span.span_id for span in spans] == list(range(len(spans)))
    own: dict[int, list[Span]] = {call.call_id: [] for call in calls}
    for span in spans:
        own[span.call_id].append(span)
    claimed: set[int] = set()
    for call in calls:
        assert call.duration_ns == call.end_ns - call.start_ns >= 0
        assert sum(getattr(call, f"{phase}_ns") for phase in PHASES) == call.duration_ns
        reached = call.start_ns
        for span in own[call.call_id]:
            assert span.start_ns == reached <= span.end_ns
            assert span.phase in PHASES
            assert span.dialogue_id is None or calls[span.dialogue_id].service in SERVICES
            reached = span.end_ns
        assert reached == call.end_ns
        assert 0 <= (call.stall_ns or 0) <= call.duration_ns
        assert claimed.isdisjoint(call.exchange_ids)
        claimed.update(call.exchange_ids)
        assert all(exchanges[number].call_id == call.call_id for number in call.exchange_ids)
    asked = {row.exchange_id for row in exchanges if row.service and row.request_start_ns is not None and row.copy_of is None}
    assert claimed == asked
    total = sum(call.duration_ns for call in calls if call.service not in SERVICES)
    assert sum(finding.share or 0 for finding in findings) <= 1 + 1e-9
    for finding in findings:
        assert finding.cost_ns >= 0
        assert finding.share is None or abs(finding.share * total - finding.cost_ns) < 1000


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_ledger_closes_for_any_capture(seed: int) -> None:
    frames = damaged(Net(seed).frames, Random(seed))
    check(answer(frames))


@settings(max_examples=30, deadline=None)
@given(seeds, st.sets(st.integers(1, 400), max_size=30))
def test_one_block_or_many_give_the_same_tables(seed: int, cuts: set[int]) -> None:
    frames = damaged(Net(seed, calls=8).frames, Random(seed))
    assert answer(frames) == answer(frames, cuts) == answer(frames, set(range(len(frames))))


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_the_order_of_segments_within_a_window_changes_no_message(seed: int) -> None:
    """Data segments of one direction between two segments of the other swap places; their times stay where they were."""
    net = Net(seed, calls=6, lossy=False)
    random = Random(seed)
    shuffled = list(net.frames)
    at = 0
    while at < len(shuffled):
        end = at
        while end < len(shuffled) and _flight(shuffled[end]) == _flight(shuffled[at]) is not None:
            end += 1
        if end - at > 1:
            times = [frame.time for frame in shuffled[at:end]]
            data = [frame.data for frame in shuffled[at:end]]
            random.shuffle(data)
            shuffled[at:end] = [Frame(time, body) for time, body in zip(times, data, strict=True)]
        at = max(end, at + 1)
    assert _messages(answer(net.frames)) == _messages(answer(shuffled))


def _flight(frame: Frame) -> bytes | None:
    """Addresses and ports of a data segment; None for any other packet."""
    data = frame.data
    if data[23] != 6 or len(data) == 54 or data[47] & 7:
        return None
    return data[26:38]


def _messages(tables: dict[str, list[Any]]) -> list[tuple[object, ...]]:
    """What the messages say, without the times and packets that carried them."""
    rows = cast("list[Exchange]", tables["exchanges"])
    return sorted(
        (row.connection_id, row.index_on_connection, row.method, row.operation, row.status, row.error_type, row.aws_request_id,
         row.invocation_id, row.attempt, row.request_bytes, row.response_bytes, row.outcome, row.table_name, row.count, row.scanned_count,
         row.has_more)
        for row in rows
    )  # fmt: skip


def test_the_made_up_program_does_what_it_should() -> None:
    """Or the properties hold for nothing: over some seeds there are retries, failures, dialogues that were waited for, and stalls."""
    seen = {"retried": 0, "failed": 0, "waited": 0, "stalled": 0, "truncated": 0, "dns": 0, "never opened": 0, "calls": 0}
    for seed in range(25):
        tables = answer(Net(seed).frames)
        for call in cast("list[Call]", tables["calls"]):
            seen["calls"] += 1
            seen["retried"] += call.attempts > 1
            seen["failed"] += call.ok is False
            seen["waited"] += call.credentials_ns > 0
            seen["stalled"] += (call.stall_ns or 0) > MS
            seen["truncated"] += call.truncated is not None
            seen["dns"] += call.dns_ns > 0
            seen["never opened"] += not call.exchange_ids
    assert min(seen.values()) > 0, seen
