"""What becomes of connections: who follows them, when they are let go, and every packet that is not usual, in plain code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Datagram, Emit, IcmpError, Layout, Oddity, Opener, Packet, Segment
from analyzer.model.sharing import Moment, Share
from analyzer.tcp._half import Half
from analyzer.tcp.conflicts import Conflicts
from analyzer.tcp.crowd import crowded, drop, told
from analyzer.tcp.dormitory import LINGER_NS, Dormitory, Heap
from analyzer.tcp.flow import Flow
from analyzer.tcp.icmp import take_error
from analyzer.tcp.identifications import settle, unseen
from analyzer.tcp.outline import alike
from analyzer.tcp.points import Points, turned, unlink
from analyzer.tcp.resting import dissolve, is_dissolved
from analyzer.tcp.steps import AFTER_ALL, CLEARING, ENDING, TAKING, USUAL
from analyzer.tcp.waiting import Room
from analyzer.units import ConnectionId, PacketId, TimeNs

SYN: Final = 0x02
TCP: Final = 6
SHARED_PORT: Final = 53
"""Connections to this port are read in every share: what DNS says over TCP names servers of any."""


class Following:
    """The connections of a capture, and what is done with each packet that the loop does not take."""

    def __init__(
        self,
        layouts: Mapping[int, Sequence[Layout]],
        decode: Callable[[Block, int], Packet | None],
        openers: Sequence[Opener],
        emit: Emit,
        *,
        datagram: Callable[[Datagram, TimeNs, PacketId], None],
        datagram_ports: frozenset[int],
        opened: Callable[[Flow], None] | None = None,
        points: Points | None = None,
        share: Share | None = None,
        listeners: Sequence[Opener] = (),
        rests: bool = False,
    ) -> None:
        """Follow the connections of `share` only, None all; `listeners` read what is said to SHARED_PORT on the others."""
        self._share = share
        self._listeners = tuple(listeners)
        self._at: PacketId = 0
        self._step: tuple[int, int, int] = USUAL
        self._layouts = layouts
        self._decode = decode
        self._openers = tuple(openers)
        self._emit = emit
        self._datagram = datagram
        self._heard = bytes(port in datagram_ports for port in range(1 << 16))
        """For each port whether its datagrams are wanted."""
        self._opened = opened
        self._halves: dict[bytes, Half] = {}
        self._room = Room(Conflicts(decode, emit))
        self._over: Heap = []
        """Connections that have ended, by when they may be let go."""
        # Where it `rests`, `flows` lack those connections that have ended and were put to rest: `each` tells of all.
        self._dormitory = Dormitory(self._halves, self._openers, self._room, opened) if rests and points is None else None
        self._unknown_links: set[int] = set()
        self._points = points
        self._opened_so_far = 0
        self._joined = False
        """Whether any packet was larger than an ordinary frame."""
        self.flows: list[Flow] = []
        """All connections, by `connection_id`; without those that were forgotten or are at rest."""

    @property
    def joined(self) -> bool:
        """Whether any packet so far was larger than an ordinary frame; after `finish`, whether any segment was joined by offload."""
        return self._joined

    def moment(self) -> Moment:
        """Return the place in the order of the pass that was reached."""
        return self._at, *self._step

    def finish(self) -> None:
        """Deliver and settle what is open at the end of the capture."""
        self._at = AFTER_ALL
        if self._dormitory is not None:
            self.flows = self._dormitory.awake(self.flows, most=0)
        for flow in self.flows:
            self._step = (TAKING, 0, flow.connection_id)
            flow.finish()
        self._joined = settle((half for flow in self.flows for half in flow.halves), joined=self._joined)

    def each(self) -> Iterator[Flow]:
        """Yield, after `finish`, all connections by their numbers; where the engine rests, each is gone when the next is asked for."""
        return iter(self.flows) if self._dormitory is None else self._dormitory.each(self.flows)

    def alike(self) -> frozenset[int]:
        """Return the initial sequence numbers that the SYNs of several connections carry."""
        return alike(self.flows if self._dormitory is None else self._dormitory.all(self.flows))

    def join(self) -> list[Flow]:
        """Learn, after `finish`, that segments were joined by offload on connections of other shares; return those that changes."""
        doubted = [flow for flow in self.flows if any(unseen(half) for half in flow.halves)]
        settle((half for flow in doubted for half in flow.halves), joined=True)
        return doubted

    def forget(self, flows: Iterable[Flow]) -> None:
        """Settle connections and forget them: a pass without end keeps no rows. A later packet of theirs begins a new connection."""
        gone = set()
        for flow in flows:
            flow.finish()
            flow.release()
            gone.add(flow.connection_id)
            unlink(self._halves, flow)
        self.flows = [flow for flow in self.flows if flow.connection_id not in gone]

    def _slow(self, block: Block, index: int, time: TimeNs, packet_id: PacketId) -> None:
        """Take one packet through the full decoders."""
        self._at = packet_id
        packet = self._decode(block, index)
        if packet is None:
            return
        if type(packet) is Segment:
            self._segment(packet, time, packet_id)
        elif type(packet) is Datagram:
            self._datagram(packet, time, packet_id)
        elif type(packet) is IcmpError:
            self._icmp(packet, time, packet_id)
        elif type(packet) is Oddity:
            if packet.code == "unknown-link-type":
                if block.link_type in self._unknown_links:
                    return
                self._unknown_links.add(block.link_type)
            self._emit(Anomaly(packet.code, packet_id, None, packet.detail))

    def _segment(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
        key = segment.key
        half = self._halves.get(key)
        back = b"" if half is not None else turned(key)
        if half is None and self._dormitory is not None:
            half = self._dormitory.wake(key, back, self.flows, segment)
        if half is None or half.flow.starts_anew(half, segment):
            before = half.flow if half is not None and not half.flow.elsewhere else None
            if before is not None:
                self._step = (ENDING, 0, 0)
                if before.ended is None:
                    self._note_end(before, time)
                before.finish()
                before.release()
                del self._halves[key]  # should it be put to rest now, then not where packets of its successor would look
            self._clear(time)
            if before is not None and half is not None and not is_dissolved(before):
                self._halves[key] = half  # the crowd of those that nobody answered counts it until its successor takes its place
            flow = self._begin(segment, time, packet_id)
            half, other = flow.halves
            self._halves[back or turned(key)] = other
            self._halves[key] = half
        elif half.elsewhere and not segment.flags & SYN:
            return
        flow = half.flow
        over = flow.ended
        flow.take(half, segment, time, packet_id)
        if flow.elsewhere:
            flow.leave()
        elif over is None and flow.ended is not None:
            self._note_end(flow, time)

    def _note_end(self, flow: Flow, time: TimeNs) -> None:
        heappush(self._over, (time + LINGER_NS, flow.connection_id, flow))

    def _begin(self, segment: Segment, time: TimeNs, packet_id: PacketId) -> Flow:
        """Number a connection, and follow it if it is of this share."""
        number = self._opened_so_far if self._points is None else self._points.number(segment)
        self._opened_so_far += 1
        if crowded(number) and self._points is None:
            self._drop(number)
        if self._share is not None and not self._share.owns(number):
            heard = SHARED_PORT in (int.from_bytes(segment.key[-4:-2], "big"), int.from_bytes(segment.key[-2:], "big"))
            flow = Flow(number, segment.key, self._listeners if heard else (), self._room, time, packet_id, self._opened)
            flow.elsewhere, flow.heard = True, heard
            return flow
        flow = Flow(number, segment.key, self._openers, self._room, time, packet_id, self._opened)
        if self._points is not None:
            self._points.opened(flow)
        self.flows.append(flow)
        return flow

    def _drop(self, number: ConnectionId) -> None:
        """Drop the connections that nobody answered, if there are too many."""
        gone = drop(self._halves, number)
        for flow in gone:
            if not flow.elsewhere:
                self._step = (CLEARING, AFTER_ALL, flow.connection_id)
                flow.finish()
                self._emit(told(flow))
                dissolve(flow)
        self._step = USUAL
        self.flows = [flow for flow in self.flows if not is_dissolved(flow)]

    def _clear(self, now: TimeNs) -> None:
        """Let go of what connections keep that have ended long ago: each at the same packet, however they are shared out."""
        over, dormitory = self._over, self._dormitory
        while over and over[0][0] <= now:
            due, number, flow = heappop(over)
            later = flow.last_ns() + LINGER_NS
            if later > now:
                heappush(over, (later, number, flow))
                continue
            self._step = (CLEARING, due, number)
            flow.finish()
            flow.release()
            if dormitory is not None:
                dormitory.let_go(flow)
        self._step = USUAL
        if dormitory is not None:
            self.flows = dormitory.awake(self.flows)

    def _icmp(self, error: IcmpError, time: TimeNs, packet_id: PacketId) -> None:
        """Join an ICMP error to the connection and packet that it quotes."""
        key = error.quoted_key if error.quoted_protocol == TCP else b""
        half = self._halves.get(key)
        if half is None and self._dormitory is not None:
            half = self._dormitory.wake(key, turned(key), self.flows)
        if half is None or not half.flow.elsewhere:
            self._emit(take_error(half, error, time, packet_id))
