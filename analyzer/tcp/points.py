"""Several capture points: each keeps its own connections, and all share Wireshark's numbering of the merged capture.

A connection seen at two points with the same addresses is one `tcp.stream`. It is followed twice, each time with the packets of one point
alone, so that neither clocks nor delays mix; only the flags that Wireshark would show are counted over both, in the order of the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.model.seams import Segment
from analyzer.tcp._half import Half
from analyzer.tcp.analysis import ACK, SYN, classify, count
from analyzer.units import ConnectionId, DurationNs, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp.flow import Flow

VIEWS = 1 << 40
"""Further views of connections are numbered from here on until the end of the pass."""


class Points:
    """What the engine keeps apart by capture point, and what it must not."""

    def __init__(self, of_file: Sequence[int], shifts: Sequence[DurationNs]) -> None:
        """Take each file's capture point and what was taken off its times."""
        self._of_file, self._shifts = of_file, shifts
        self._kept: list[tuple[dict[bytes, Half], list[tuple[TimeNs, ConnectionId, Flow]]]] = [({}, []) for _ in range(max(of_file) + 1)]
        self._latest: dict[bytes, Flow] = {}
        self._connections = 0
        self._first: Flow | None = None
        self.streams: dict[ConnectionId, ConnectionId] = {}
        """The connection of each further view of one."""
        self.point = 0
        self.shift: DurationNs = 0

    def enter(self, file: int) -> tuple[dict[bytes, Half], list[tuple[TimeNs, ConnectionId, Flow]]]:
        """Go to the point of a file; return its directions by key, and its connections that have ended."""
        self.point, self.shift = self._of_file[file], self._shifts[file]
        return self._kept[self.point]

    def shift_at(self, point: int) -> DurationNs:
        """Return what was taken off the times of a point's files; they have one clock."""
        return self._shifts[self._of_file.index(point)]

    def number(self, segment: Segment) -> ConnectionId:
        """Return the number of the connection or view that begins with a segment: by the rule of `tcp.stream`, over all points."""
        latest = self._first = self._latest.get(segment.key)
        if latest is not None:
            half = latest.first_half if latest.key == segment.key else latest.first_half.other
            if latest.point != self.point and not latest.starts_anew(half, segment):
                number = VIEWS + len(self.streams)
                self.streams[number] = self.streams.get(latest.connection_id, latest.connection_id)
                return number
        self._first = None
        self._connections += 1
        return self._connections - 1

    def opened(self, flow: Flow) -> None:
        """Take the flow to which the number was given."""
        flow.point = self.point
        if self._first is not None:
            flow.merged = self._first.merged = self._first.merged or Merged(self, self._first)
        self._latest[flow.key] = self._latest[turned(flow.key)] = flow


def turned(key: bytes) -> bytes:
    """Return the key of the other direction."""
    width = (len(key) - 4) // 2
    return key[width : 2 * width] + key[:width] + key[-2:] + key[-4:-2]


def unlink(halves: dict[bytes, Half], flow: Flow) -> None:
    """Let no packet find a connection any more."""
    for key, half in zip((flow.key, turned(flow.key)), flow.halves, strict=True):
        if halves.get(key) is half:
            del halves[key]


class Merged:
    """The flags that Wireshark shows in the merged capture on a connection that was captured at several points."""

    __slots__ = ("_first", "_key", "_points", "_syn_ns", "counts", "initial_rtt_ns")

    def __init__(self, points: Points, flow: Flow) -> None:
        """Go on from what one point saw alone."""
        self._points = points
        self._key = flow.key
        first, second = Half(), Half()
        first.other, second.other = second, first
        shift = points.shift_at(flow.point)
        for half, seen in ((first, flow.first_half), (second, flow.first_half.other)):
            half.next_seq, half.last_ack, half.dup_acks = seen.next_seq, seen.last_ack, seen.dup_acks
            half.next_time, half.last_time = seen.next_time + shift, seen.last_time + shift
            half.window, half.seen, half.sure = seen.window, seen.seen, seen.sure
            half.hole_at, half.last_probe = seen.hole_at, seen.last_probe
            seen.stream.sync()
            seen.quiet = False
        self._first = first
        self._syn_ns: TimeNs | None = flow.syn_last_ns + shift if flow.syn_last_ns is not None else None
        self.initial_rtt_ns = flow.initial_rtt_ns
        self.counts = dict(flow.counts or {})

    def take(self, segment: Segment, time: TimeNs) -> None:
        """Count the flags of a segment of any of the points; `time` is that of the first file's clock."""
        time += self._points.shift
        half = self._first if segment.key == self._key else self._first.other
        half.seen = True
        flags = segment.flags & (SYN | ACK)
        if flags == ACK and self.initial_rtt_ns is None and self._syn_ns is not None:
            self.initial_rtt_ns = time - self._syn_ns
        if flags == SYN:
            self._syn_ns = time
        count(self.counts, classify(half, segment, time, self.initial_rtt_ns))
