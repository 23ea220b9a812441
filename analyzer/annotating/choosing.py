"""Which packets belong to a part of an answer: those of some calls, or of a finding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter

from analyzer.annotating.comments import Part
from analyzer.errors import UsageError
from analyzer.model.analysis import Analysis
from analyzer.model.intervals import union
from analyzer.model.rows import Call
from analyzer.model.seams import Block, IcmpError, Segment
from analyzer.packets import Decoder
from analyzer.streams import Streams
from analyzer.units import ConnectionId, PacketId, TimeNs


def part_of(analysis: Analysis, calls: Iterable[int], codes: Iterable[str]) -> Part:
    """Return the part that calls and findings name; a finding brings its calls. Raises UsageError for what the answer does not have."""
    wanted, named = frozenset(calls), frozenset(codes)
    if not wanted and not named:
        return Part()
    known = {call.call_id for call in analysis.calls}
    if wanted - known:
        raise UsageError(f"there is no call {min(wanted - known)}", hint="analyzer calls CAPTURE lists them")
    found = [row for row in analysis.findings if row.code in named]
    missing = named.difference(row.code for row in found)
    if missing:
        there = ", ".join(dict.fromkeys(row.code for row in analysis.findings)) or "there are none"
        raise UsageError(f"there is no finding {min(missing)} in this capture", hint=f"its findings: {there}")
    wanted |= {number for row in found for number in row.calls}
    return Part(wanted, named)


class Chosen:
    """Tells whether a packet belongs to a part."""

    def __init__(self, analysis: Analysis, part: Part) -> None:
        self.streams = Streams(analysis.connections)
        self._decoder = Decoder()
        self._packets: set[PacketId] = set()
        self._windows: dict[ConnectionId, list[tuple[TimeNs, TimeNs]]] = {}
        self._whole: set[ConnectionId] = set()
        calls = [call for call in analysis.calls if part.calls is not None and call.call_id in part.calls]
        waited = {row.dialogue_id for row in analysis.spans if part.calls is not None and row.call_id in part.calls}
        for call in (*calls, *(row for row in analysis.calls if row.call_id in waited)):
            self._add(call)
        for row in analysis.findings:
            if part.findings is not None and row.code in part.findings:
                self._packets.update(row.packet_ids)
                if not row.calls:
                    self._whole.update(row.connections)
        # A connection may carry very many calls: of each packet is asked which of the windows it may lie in, by one search.
        self._windows = {number: union(times) for number, times in self._windows.items()}
        used = self._whole | set(self._windows)
        for lookup in analysis.lookups:
            if used.intersection(lookup.connection_ids):
                self._packets.update(lookup.packet_ids)

    def _add(self, call: Call) -> None:
        self._packets |= {call.first_packet_id, call.last_packet_id}
        for number in call.connection_ids or ((call.connection_id,) if call.connection_id is not None else ()):
            self._windows.setdefault(number, []).append((call.start_ns, call.end_ns))

    def of(self, block: Block) -> Iterator[bool]:
        """Tell of each packet of a block whether it belongs to the part."""
        for index, time in enumerate(block.times):
            packet_id = block.first_packet_id + index
            number = self._connection(block, index, packet_id)
            yield packet_id in self._packets or (number is not None and self._has(number, time))

    def _connection(self, block: Block, index: int, packet_id: PacketId) -> ConnectionId | None:
        packet = self._decoder.decode(block, index)
        if isinstance(packet, Segment):
            return self.streams.of(packet.key, packet_id)
        if isinstance(packet, IcmpError):
            return self.streams.of(packet.quoted_key, packet_id)
        return None

    def _has(self, number: ConnectionId, time: TimeNs) -> bool:
        if number in self._whole:
            return True
        windows = self._windows.get(number, [])
        at = bisect_right(windows, time, key=itemgetter(0)) - 1
        return at >= 0 and time <= windows[at][1]
