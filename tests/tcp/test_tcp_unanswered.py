"""A scan of millions of addresses takes no more memory than its last connections."""

from __future__ import annotations

import gc
from struct import pack

import pytest

from analyzer import tcp
from analyzer.model.capture import CaptureInfo
from analyzer.model.seams import Block
from analyzer.model.sharing import Share
from analyzer.pipeline import Pipeline
from analyzer.tcp import crowd
from tests.pipeline.traffic import ACK, SYN, ip


def segment(source: int, port: int, flags: int, seq: int = 0, ack: int = 0, *, back: bool = False) -> bytes:
    ports = (80, port) if back else (port, 80)
    ends = ("10.9.9.9", f"10.0.{source >> 8}.{source & 255}")
    header = pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 500, 0, 0)
    return ip(*(ends if back else (ends[1], ends[0])), 6, header, 0)


def block(frames: list[bytes]) -> Block:
    starts = [sum(map(len, frames[:index])) for index in range(len(frames))]
    sizes = [len(frame) for frame in frames]
    return Block(b"".join(frames), starts, sizes, list(sizes), [10**18 + index * 1000 for index in range(len(frames))], 1, 0, 1, 0, 1)


@pytest.mark.parametrize("share", [None, Share(0, 2)])
def test_only_the_last_unanswered_connections_are_kept(monkeypatch: pytest.MonkeyPatch, share: Share | None) -> None:
    monkeypatch.setattr(crowd, "MOST_UNANSWERED", 100)
    monkeypatch.setattr(crowd, "CHECKED", 50)
    frames = [segment(0, 1000, SYN, 7), segment(0, 1000, SYN | ACK, 9, 8, back=True), segment(0, 1000, ACK, 8, 10)]
    frames += [segment(1 + number % 200, 2000 + number // 200, SYN, number) for number in range(999)]
    running = Pipeline(share=share)
    running.feed(block(frames))
    owned = [number for number in range(1000) if share is None or share.owns(number)]
    kept = [flow.connection_id for flow in running.engine.flows]
    assert kept == [number for number in owned if number == 0 or number >= 850]
    assert len(running.engine._halves) <= 2 * 151
    if share is None:
        analysis = running.finish(CaptureInfo())
        dropped = [row for row in analysis.anomalies if row.code == "connection-dropped"]
        assert [row.connection_id for row in dropped] == list(range(1, 850))


def test_the_dropped_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing collects what refers to itself while a capture is read: who drops connections takes them apart."""
    monkeypatch.setattr(crowd, "MOST_UNANSWERED", 100)
    monkeypatch.setattr(crowd, "CHECKED", 50)
    running = Pipeline()
    gc.disable()
    try:
        running.feed(block([segment(1 + number % 200, 2000 + number // 200, SYN, number) for number in range(999)]))
        alive = {flow.connection_id for flow in gc.get_objects() if isinstance(flow, tcp.Flow) and flow.on_syn == running._opened}
    finally:
        gc.enable()
    assert len(running.engine.flows) == 149
    assert len(alive) == 149
