"""The traffic of `traffic.py` as a second capture point sees it, and answers without what depends on numbers and clocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from struct import pack, unpack_from
from typing import Any

from analyzer.model.analysis import Analysis
from tests.capture.writer import pcap
from tests.pipeline.traffic import Frame

MS = 1_000_000
HOUR = 3600 * 1000 * MS
OFFSETS = (0, 3 * MS, -2000 * MS, HOUR)
"""Clocks that agree, that differ by less and by more than the second within which copies follow each other, and by hours."""
AT = 14
"""Where IP begins in a frame."""
NUMBERS = frozenset({
    "call_id", "chain_id", "connection_id", "connection_ids", "exchange_ids", "first_packet_id", "last_packet_id", "start_ns", "end_ns",
})  # fmt: skip
"""Columns of a call that tell nothing of its ledger."""


def is_up(frame: Frame) -> bool:
    """Whether a client of the made-up traffic sent it."""
    return frame.data[AT + 12 : AT + 15] == b"\x0a\0\1"


def beyond(
    frames: Sequence[Frame],
    *,
    delay: int = 20_000,
    offset: int = 0,
    router: str | None = None,
    lost: Callable[[int, Frame], bool] = lambda index, frame: False,
) -> list[Frame]:
    """Return what a capture point one hop nearer to the servers sees, `delay` ns later or earlier, by a clock that is `offset` ns ahead.

    A `router` puts its own address in place of the clients' (masquerading, with the ports kept).
    """
    out = []
    for index, frame in enumerate(frames):
        up = is_up(frame)
        if lost(index, frame):
            continue
        data = bytearray(frame.data)
        data[AT + 8] += -1 if up else 1
        if router is not None:
            at = AT + (12 if up else 16)
            data[at + 3] = int(router.rpartition(".")[2]) + data[at + 3] % 2  # one address a client
            data[at : at + 3] = bytes(map(int, router.split(".")[:3]))
        out.append(Frame(frame.time + (delay if up else -delay) + offset, bytes(data)))
    return sorted(out, key=lambda frame: frame.time)


def shifted(frames: Sequence[Frame], offset: int) -> list[Frame]:
    """Return the same packets by a clock that is `offset` ns ahead."""
    return [Frame(frame.time + offset, frame.data) for frame in frames]


def write(path: Path, frames: Sequence[Frame], *, nano: bool = True) -> Path:
    """Write frames as a capture."""
    path.write_bytes(pcap(((frame.time, frame.data) for frame in frames), nano=nano))
    return path


def moved(source: Path, target: Path, offset: int) -> Path:
    """Copy a classic pcap (little-endian) with all times `offset` ns later."""
    data = source.read_bytes()
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[unpack_from("<I", data)[0]]
    out, at = bytearray(data[:24]), 24
    while at + 16 <= len(data):
        seconds, rest, captured, wire = unpack_from("<4I", data, at)
        time = seconds * 1000 * MS + rest * unit + offset
        out += pack("<4I", time // (1000 * MS), time % (1000 * MS) // unit, captured, wire) + data[at + 16 : at + 16 + captured]
        at += 16 + captured
    target.write_bytes(out)
    return target


def ledger(analysis: Analysis) -> list[tuple[Any, ...]]:
    """Return all calls by what their ledger says, with their starts counted from the first."""
    calls = list(analysis.calls)
    first = calls[0].start_ns if calls else 0
    return [
        (call.start_ns - first, *(value for name, value in zip(call._fields, call, strict=True) if name not in NUMBERS)) for call in calls
    ]


def diagnoses(analysis: Analysis) -> list[tuple[object, ...]]:
    """Return all findings by code, confidence, cost and the calls that they name."""
    return [(row.code, row.confidence, row.cost_ns, row.calls) for row in analysis.findings]


def asked(analysis: Analysis) -> list[tuple[object, ...]]:
    """Return all lookups by what was asked, how often and how long it took."""
    rows = list(analysis.lookups)
    first = rows[0].start_ns if rows else 0
    return [
        (row.client_address, row.name, row.type, row.tries, row.start_ns - first, row.end_ns and row.end_ns - row.start_ns) for row in rows
    ]
