"""Connections at rest: all that the row of one that has ended, and its late packets, need, in a tenth of the memory.

It is one string of bytes and a few references. A packet that comes late wakes it, and finds it as it would have been; so does the end of
the capture, which makes its row. What is forgotten is only what nobody can ask for any more: where its last packets were
seen (copies come within milliseconds), and what was in the way of exchanges that are over.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Final, NamedTuple

from analyzer.model.seams import Opener, Process, Segment
from analyzer.tcp._half import Half
from analyzer.tcp.analysis import ACK, SYN
from analyzer.tcp.copies import Copies
from analyzer.tcp.flow import Flow
from analyzer.tcp.holding import LateAck
from analyzer.tcp.identifications import NOTHING
from analyzer.tcp.opening import SynAgain
from analyzer.tcp.ranges import RangeSet
from analyzer.tcp.repeating import Repeats
from analyzer.tcp.sniffer import Sniffer
from analyzer.tcp.waiting import Room
from analyzer.units import TimeNs

UNKNOWN: Final = -(1 << 62)
"""Stands for a number that is not known."""
FLOW: Final = Struct("<14qIBB5?")
SIDE: Final = Struct("<12q3I2i2B4?8qI4?")
"""The numbers of a connection, and of each direction: sequence numbers take four bytes."""
NOBODY: Final = Flow(-1, bytes(12), (), Room(), 0, 0).first_half
"""Takes the place of what the parts of a connection refer to, when it is dissolved."""


class Odd(NamedTuple):
    """What few connections have."""

    first_half: Half
    """The direction that `repeats` knows as that of the first segment."""
    repeats: Repeats | None
    syn_again: SynAgain | None
    late_acks: tuple[LateAck | None, LateAck | None]
    gaps: tuple[RangeSet | None, RangeSet | None]
    early: tuple[RangeSet | None, RangeSet | None]
    process: Process | None
    counts: dict[int, int] | None
    shut: tuple[tuple[int, TimeNs] | None, tuple[int, TimeNs] | None]


class Resting:
    """A connection at rest."""

    __slots__ = (
        "_base", "_other_base", "_syn_seq", "client_rule", "closer", "connection_id", "ended", "first_ended", "key", "odd", "protocol",
        "second_ended", "state", "syn_mark",
    )  # fmt: skip

    def __init__(self, flow: Flow, odd: Odd | None, state: bytes) -> None:
        first, second = flow.halves
        self.connection_id = flow.connection_id
        self.key = flow.key
        self._base = _number(first.base_seq)
        self._other_base = _number(second.base_seq)
        self._syn_seq = _number(flow.syn_seq)
        # What others share, and need not be written.
        self.client_rule, self.protocol, self.closer, self.ended = flow.client_rule, flow.protocol, flow.closer, flow.ended
        self.syn_mark = flow.syn_mark
        self.first_ended, self.second_ended = first.stream.ended, second.stream.ended
        self.odd = odd
        self.state = state

    @property
    def syn_seq(self) -> int | None:
        """The sequence number of its first SYN."""
        return _known(self._syn_seq)

    @property
    def bases(self) -> tuple[int | None, int | None]:
        """The base sequence number of the direction of `key`, and of the other."""
        return _known(self._base), _known(self._other_base)

    def begins_anew(self, segment: Segment) -> bool:
        """Tell whether a segment on its endpoints opens a new connection, like `Flow.starts_anew`."""
        base = self._base if segment.key == self.key else self._other_base
        return segment.flags & (SYN | ACK) == SYN and base != UNKNOWN and segment.seq != base


def rest(flow: Flow) -> Resting | None:
    """Put a connection to rest that was finished and released, and `may_rest`; None where a number is too large, as no honest one is.

    What is left of the flow is of no use to anybody.
    """
    first, second = flow.halves
    first.stream.sync()
    second.stream.sync()
    try:
        state = _of_flow(flow) + _of_side(first) + _of_side(second)
    except error:
        return None
    made = Resting(flow, _odd(flow, first, second), state)
    dissolve(flow)
    return made


def wake(resting: Resting, openers: tuple[Opener, ...], room: Room, opened: Callable[[Flow], None] | None) -> Flow:
    """Return a connection as it was when it was put to rest; but for the first the arguments are those of `Flow`."""
    state = resting.state
    flow = Flow(resting.connection_id, resting.key, openers, room, 0, 0, opened)
    first, second = flow.halves
    _take_flow(flow, state)
    _take_side(first, state, FLOW.size)
    _take_side(second, state, FLOW.size + SIDE.size)
    flow.client_rule, flow.protocol, flow.closer, flow.ended = resting.client_rule, resting.protocol, resting.closer, resting.ended
    flow.syn_mark, flow.syn_seq = resting.syn_mark, resting.syn_seq
    first.stream.ended, second.stream.ended = resting.first_ended, resting.second_ended
    first.base_seq, second.base_seq = resting.bases
    odd = resting.odd
    if odd is not None:
        first.late_ack, second.late_ack = odd.late_acks
        first.stream.gaps, second.stream.gaps = odd.gaps
        first.stream.early, second.stream.early = odd.early
        flow.syn_again = odd.syn_again
        first.stream.shut, second.stream.shut = odd.shut
        flow.process, flow.counts = odd.process, odd.counts
        flow.repeats = odd.repeats
        if odd.repeats is not None:
            for one in odd.repeats.all:
                one.half = first if one.half is odd.first_half else second
    return flow


def dissolve(flow: Flow) -> None:
    """Let go of the parts of a connection that nobody needs any more: they refer to each other, and no collector looks for such."""
    nobody, first = NOBODY, flow.first_half
    second = first.other
    first.stream.release()
    second.stream.release()
    first.flow = second.flow = nobody.flow
    first.stream = second.stream = nobody.stream
    first.other = second.other = nobody


def is_dissolved(flow: Flow) -> bool:
    """Tell whether a connection was dissolved."""
    return flow.first_half.flow is not flow


def may_rest(flow: Flow) -> bool:
    """Tell whether all of a connection can be kept in a few bytes: nobody reads it, and nothing of it waits."""
    first = flow.first_half
    second = first.other
    return (
        flow.merged is None
        and (flow.copies is None or flow.copies.empty())
        and _is_idle(first)
        and _is_idle(second)
        # Those that only one side of was seen, without payload, are dropped where they are too many (`crowd`).
        and ((first.seen and second.seen) or first.stream.unique_bytes() + second.stream.unique_bytes() > 0)
    )


def _is_idle(half: Half) -> bool:
    """Tell whether nobody reads a direction, nothing waits in it, and no packet of it is known to be lost."""
    stream, numbers = half.stream, half.numbers
    sink = stream.sink
    return (
        stream.waiting is None
        and (sink is None or (isinstance(sink, Sniffer) and sink.untouched()))
        and (numbers is None or not numbers.passed)
    )


def _odd(flow: Flow, first: Half, second: Half) -> Odd | None:
    up, down = first.stream, second.stream
    if (
        flow.repeats is None
        and flow.syn_again is None
        and first.late_ack is None
        and second.late_ack is None
        and up.gaps is None
        and down.gaps is None
        and up.early is None
        and down.early is None
        and flow.process is None
        and flow.counts is None
        and up.shut is None
        and down.shut is None
    ):
        return None
    late, shut = (first.late_ack, second.late_ack), (up.shut, down.shut)
    gaps, early = (up.gaps, down.gaps), (up.early, down.early)
    return Odd(first, flow.repeats, flow.syn_again, late, gaps, early, flow.process, flow.counts, shut)


# What is written and what is read stand beside each other, in the same order.


def _of_flow(flow: Flow) -> bytes:
    client = flow.client_half
    return FLOW.pack(
        flow.first_ns, flow.first_id, _number(flow.closed_id), _number(flow.closed_ns), flow.duplicates, _number(flow.established_id),
        _number(flow.established_ns), flow.icmp_errors, _number(flow.initial_rtt_ns), flow.mss, _number(flow.syn_ack_ns),
        _number(flow.syn_ack_seq), _number(flow.syn_last_ns), _number(flow.syn_ns), flow.last_seen_ack, flow.completeness, flow.packet_ttl,
        flow.syn_ack_repeated, flow.whole_start,
        client is not None, client is flow.first_half, flow.copies is not None,
    )  # fmt: skip


def _take_flow(flow: Flow, state: bytes) -> None:
    (
        flow.first_ns, flow.first_id, closed_id, closed_ns, flow.duplicates, established_id,
        established_ns, flow.icmp_errors, initial_rtt_ns, flow.mss, syn_ack_ns,
        syn_ack_seq, syn_last_ns, syn_ns, flow.last_seen_ack, flow.completeness, flow.packet_ttl,
        flow.syn_ack_repeated, flow.whole_start,
        has_client, first_is_client, copied,
    ) = FLOW.unpack_from(state, 0)  # fmt: skip
    flow.closed_id, flow.closed_ns = _known(closed_id), _known(closed_ns)
    flow.established_id, flow.established_ns = _known(established_id), _known(established_ns)
    flow.initial_rtt_ns = _known(initial_rtt_ns)
    flow.syn_ack_ns, flow.syn_ack_seq = _known(syn_ack_ns), _known(syn_ack_seq)
    flow.syn_last_ns, flow.syn_ns = _known(syn_last_ns), _known(syn_ns)
    first = flow.first_half
    if has_client:
        flow.client_half = first if first_is_client else first.other
    if copied:
        flow.copies = Copies()


def _of_side(half: Half) -> bytes:
    stream = half.stream
    return SIDE.pack(
        _number(half.bare_ack), _number(half.closed_ns), half.dup_acks, _number(half.hole_at), _number(half.icmp_ns), half.last_id,
        half.last_time, half.next_time, half.packets, half.probe_time, half.sack_time, half.skip, half.last_ack, half.next_seq,
        half.probe_seq, half.step, half.window, half.last_probe, half.ttl, half.acked, half.asks, half.seen, half.sure,
        stream.cut, _number(stream.fin_offset), stream.need, stream.offset, _number(stream.rtt_ns), _number(stream.syn_id),
        _number(stream.unseen_since), stream.unseen_to, stream.seq, stream.finished, stream.started,
        stream.sink is not None, half.numbers is not None,
    )  # fmt: skip


def _take_side(half: Half, state: bytes, at: int) -> None:
    stream = half.stream
    (
        bare_ack, closed_ns, half.dup_acks, hole_at, icmp_ns, half.last_id,
        half.last_time, half.next_time, half.packets, half.probe_time, half.sack_time, half.skip, half.last_ack, half.next_seq,
        half.probe_seq, half.step, half.window, half.last_probe, half.ttl, half.acked, half.asks, half.seen, half.sure,
        stream.cut, fin_offset, stream.need, stream.offset, rtt_ns, syn_id,
        unseen_since, stream.unseen_to, stream.seq, stream.finished, stream.started,
        sniffs, numbered,
    ) = SIDE.unpack_from(state, at)  # fmt: skip
    half.bare_ack, half.closed_ns, half.hole_at, half.icmp_ns = _known(bare_ack), _known(closed_ns), _known(hole_at), _known(icmp_ns)
    stream.fin_offset, stream.rtt_ns, stream.syn_id = _known(fin_offset), _known(rtt_ns), _known(syn_id)
    stream.unseen_since = _known(unseen_since)
    if not sniffs:
        stream.sink = None
    if numbered:
        half.numbers = NOTHING


def _number(value: int | None) -> int:
    return UNKNOWN if value is None else value


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value
