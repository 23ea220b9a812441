"""How a connection opened: who is the client, when the handshake was where, what was offered (RFC 9293 section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from analyzer.model.seams import Segment
from analyzer.tcp.analysis import ACK, FIN, RST, SYN
from analyzer.tcp.options import mss, timestamp
from analyzer.tcp.seq import HALF, MASK
from analyzer.units import DurationNs, PacketId, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp._half import Half
    from analyzer.tcp.flow import Flow

WELL_KNOWN_PORTS: Final = frozenset({443, 80, 53, 8000})
"""Ports that tell the server where no SYN does (8000: DynamoDB local)."""
Mark: TypeAlias = int | bytes | None
MOST_SYNS: Final = 16
"""Repeated SYNs of one connection whose times are remembered; Linux sends six."""
MOST_OPENING: Final = 16
"""Segments after which the end of the handshake is no longer waited for (one direction only in the capture)."""


class SynAgain:
    """The SYNs of a connection after its first."""

    __slots__ = ("_first", "_sent", "count", "proven_ns")

    def __init__(self, first: Mark) -> None:
        self._first = first
        self._sent: list[tuple[TimeNs, Mark]] = []
        self.count = 0
        self.proven_ns: TimeNs | None = None
        """When the one was sent whose timestamp the SYN-ACK echoes."""

    def take(self, segment: Segment, time: TimeNs) -> None:
        """Note a repeated SYN."""
        self.count += 1
        if len(self._sent) >= MOST_SYNS:
            del self._sent[0]
        self._sent.append((time, mark(segment)))

    def answered(self, options: bytes) -> None:
        """Note a SYN-ACK. That it echoes the first SYN's timestamp proves nothing: a server that repeats it does that too."""
        stamps = timestamp(options)
        echo = stamps[4:] if stamps is not None else None
        self.proven_ns = None
        if echo is not None and echo != self._first:
            self.proven_ns = next((time for time, sent in reversed(self._sent) if sent == echo), None)

    def stall(self, first: TimeNs, answer: TimeNs | None, rtt: DurationNs | None) -> DurationNs:
        """Return the time from the first SYN to the one that was answered, or to the last where none was.

        Where no timestamp tells, the answered one is the last that came early enough before the answer: half a round trip, because what
        is known of the round trip may be a little, or with a slow answer much, longer than the handshake took.
        """
        if self.proven_ns is not None:
            return max(0, self.proven_ns - first)
        times = [time for time, _ in self._sent]
        if answer is not None:
            latest = answer - (rtt or 0) // 2
            times = [time for time in times if time <= latest]
        return max(0, times[-1] - first) if times else 0


def syn_stall(flow: Flow) -> DurationNs | None:
    """Return how long the connection waited for the repair of its SYN; None where none was captured."""
    if flow.syn_ns is None or flow.syn_again is None:
        return None if flow.syn_ns is None else 0
    client = flow.client_half or flow.halves[0]
    return flow.syn_again.stall(flow.syn_ns, flow.syn_ack_ns, client.stream.rtt_ns)


def mark(segment: Segment) -> Mark:
    """Return what translated copies of a SYN share and other SYNs have not: the TCP timestamp, else the IP identification."""
    stamps = timestamp(segment.options) if segment.options else None
    return stamps[:4] if stamps is not None else segment.ip_id


def is_opening(flow: Flow) -> bool:
    """Tell whether the end of the handshake may still come."""
    if (flow.syn_ns is None and flow.syn_ack_ns is None) or flow.established_ns is not None:
        return False
    first, second = flow.halves
    return first.packets + second.packets < MOST_OPENING


def take_syn(flow: Flow, half: Half, segment: Segment, time: TimeNs) -> None:
    """Take a SYN or SYN-ACK."""
    if segment.options:
        offered = mss(segment.options)
        if offered:
            flow.mss = min(flow.mss, offered) if flow.mss else offered
    if segment.flags & ACK:
        if flow.client_half is None:
            flow.set_client(half.other, "syn-ack")
        if half is not flow.client_half:
            if flow.syn_ack_ns is None:
                flow.syn_ack_ns, flow.syn_ack_seq = time, segment.seq
                flow.whole_start = True
                answers = flow.syn_seq is not None and segment.ack == flow.syn_seq + 1 & MASK
                if answers and flow.syn_again is None and flow.syn_ns is not None and time >= flow.syn_ns:
                    half.other.stream.rtt_ns = time - flow.syn_ns
            else:
                flow.syn_ack_repeated = True
                if flow.established_ns is None:
                    flow.syn_ack_ns, flow.syn_ack_seq = time, segment.seq
            if flow.syn_again is not None and flow.established_ns is None:
                flow.syn_again.answered(segment.options)
        return
    if flow.client_half is None:
        flow.set_client(half, "syn")
    if half is flow.client_half:
        if flow.syn_ns is None:
            flow.syn_ns, flow.syn_seq, flow.syn_mark = time, segment.seq, mark(segment)
            flow.whole_start = True
            if flow.on_syn is not None:
                flow.on_syn(flow)
        else:
            if flow.syn_again is None:
                flow.syn_again = SynAgain(flow.syn_mark)
            flow.syn_again.take(segment, time)


def take_handshake_ack(flow: Flow, half: Half, segment: Segment, time: TimeNs, packet_id: PacketId) -> None:
    """Take the segment with which the client acknowledges the SYN-ACK; any other changes nothing."""
    if half is not flow.client_half or flow.established_ns is not None or flow.syn_ack_ns is None or segment.flags & (SYN | RST):
        return
    if flow.syn_ack_seq is not None and (segment.ack - flow.syn_ack_seq - 1) & MASK < HALF:
        flow.established_ns, flow.established_id = time, packet_id
        server = half.other.stream
        if not flow.syn_ack_repeated and server.rtt_ns is None and time >= flow.syn_ack_ns:
            server.rtt_ns = time - flow.syn_ack_ns


def guess_client(flow: Flow, half: Half, size: int) -> None:
    """Tell the client where no SYN did: by a well-known port, else by who sends the first payload."""
    known = [port in WELL_KNOWN_PORTS for port in flow.ports]
    if known[0] != known[1]:
        flow.set_client(flow.first_half.other if known[0] else flow.first_half, "port")
    elif size:
        flow.set_client(half, "first-payload")


def complete(flow: Flow, segment: Segment, packet_id: PacketId) -> None:
    """Carry `tcp.completeness` forward: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST."""
    flags = segment.flags
    if flags & (SYN | ACK) == SYN:
        if packet_id == flow.first_id:
            flow.completeness |= 1
        if segment.size:
            flow.completeness |= 8
    elif flags & (SYN | ACK) == SYN | ACK:
        flow.completeness |= 2
    elif flags & ACK:
        flow.completeness |= 8 if segment.size else 4
    if flags & (FIN | ACK) == FIN | ACK:
        flow.completeness |= 16
    if flags & RST:
        flow.completeness |= 32
