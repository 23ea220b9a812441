"""Connections that are one on the wire: copies (seen on both sides of a NAT, or at two capture points), and two halves of one (NAT before
the capture point).

The initial sequence numbers pass a translation unchanged, and two of 32 bits are not equal by chance. Of captures of several points the
clocks were aligned before; which of the copies is nearest to the client is told by what no clock is needed for (`nearness.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from analyzer.tcp.nearness import Nearness
from analyzer.tcp.opening import Mark
from analyzer.tcp.outline import Opened
from analyzer.tcp.overlap import overlaps
from analyzer.units import SECOND, ConnectionId, DurationNs, TimeNs

if TYPE_CHECKING:
    from analyzer.tcp.flow import Flow

VIEWS_NS: DurationNs = SECOND
"""Views of one connection see its first SYN within this time: a capture on one interface may lag behind that on another."""
UNANSWERED_NS: DurationNs = 5_000_000
"""The same where one initial sequence number alone is known; a host forwards in microseconds."""
MOST_VIEWS = 8
"""More SYNs with the same number are no views of one but a scan, whose tool numbers them all alike."""
ANSWER_NS: DurationNs = 60 * SECOND
"""How long after the first SYN its answer may come: Linux gives up after two minutes, programs sooner."""

NO_STREAMS: Mapping[ConnectionId, ConnectionId] = MappingProxyType({})

Ends: TypeAlias = tuple[tuple[bytes, int], tuple[bytes, int]]


class Views:
    """One connection, as it was seen in one or several places."""

    __slots__ = ("answer", "first", "flows", "syn_ns")

    def __init__(self, first: Opened, syn_ns: TimeNs) -> None:
        self.first = first
        self.syn_ns = syn_ns
        self.flows = [first]
        self.answer = first.syn_ack_seq

    def fits(self, flow: Opened, syn_ns: TimeNs, within: DurationNs) -> bool:
        """Tell whether a connection with the same client's number may be another view of this one."""
        return (
            syn_ns - self.syn_ns <= within
            and (flow.syn_ack_seq is None or self.answer is None or flow.syn_ack_seq == self.answer)
            and (_ends(flow) != _ends(self.first) or flow.point != self.first.point)
        )

    def add(self, flow: Opened) -> None:
        """Take another view."""
        self.flows.append(flow)
        if self.answer is None:
            self.answer = flow.syn_ack_seq


def twins(flows: Sequence[Opened], streams: Mapping[ConnectionId, ConnectionId] = NO_STREAMS) -> dict[ConnectionId, ConnectionId]:
    """Return for each copy of a connection the connection whose SYN came first; of three hops both later ones name the first.

    A copy has other addresses or ports, and its SYN and SYN-ACK carry the same two initial sequence numbers within a second. Where a
    view lacks the SYN-ACK (it was lost between, or nobody answered), the client's number, the SYN's timestamp or IP identification,
    and 5 ms decide. At another capture point the addresses may be the same (`streams` names the connection of each such view), and where
    no SYN was captured the bytes that both carried decide. Of copies at several points the first is the one nearest to the client.
    """
    found = _by_syn(flows)
    if any(flow.point for flow in flows):
        whole = cast("Sequence[Flow]", flows)  # only whole connections have several points
        found = _across(whole, found, streams)
        Nearness(cast("list[Flow]", views.flows) for views in found).sort()
        for views in found:
            views.first = views.flows[0]
    return {copy.connection_id: views.first.connection_id for views in found for copy in views.flows if copy is not views.first}


def _by_syn(flows: Iterable[Opened]) -> list[Views]:
    """Return the connections that were seen in several places, by their SYNs."""
    opened = sorted(((flow.syn_ns, flow.connection_id, flow) for flow in flows if flow.syn_ns is not None), key=lambda item: item[:2])
    alike = Counter(flow.syn_seq for _, _, flow in opened)
    by_numbers: dict[tuple[int | None, int], Views] = {}
    by_syn: dict[tuple[int | None, Mark], Views] = {}
    several: list[Views] = []
    for syn_ns, _, flow in opened:
        numbers = (flow.syn_seq, flow.syn_ack_seq) if flow.syn_ack_seq is not None else None
        syn = (flow.syn_seq, flow.syn_mark) if flow.syn_mark is not None and alike[flow.syn_seq] <= MOST_VIEWS else None
        views = by_numbers.get(numbers) if numbers is not None else None
        if views is None or not views.fits(flow, syn_ns, VIEWS_NS):
            views = by_syn.get(syn) if syn is not None else None
            if views is not None and not views.fits(flow, syn_ns, UNANSWERED_NS):
                views = None
        if views is None:
            views = Views(flow, syn_ns)
        else:
            if len(views.flows) == 1:
                several.append(views)
            views.add(flow)
        if numbers is not None:
            by_numbers[numbers] = views
        if syn is not None:
            by_syn[syn] = views
    return several


def _across(flows: Sequence[Flow], found: list[Views], streams: Mapping[ConnectionId, ConnectionId]) -> list[Views]:
    """Return the connections that were seen in several places, also those that only their addresses or bytes tell."""
    of: dict[ConnectionId, Views] = {flow.connection_id: views for views in found for flow in views.flows}
    pairs = overlaps(flows)
    numbers = {flow.connection_id: flow for flow in flows}
    pairs += [(numbers[stream], numbers[view]) for view, stream in streams.items() if stream in numbers and view in numbers]
    for first, second in pairs:
        one, other = of.get(first.connection_id), of.get(second.connection_id)
        if one is not None and one is other:
            continue
        one = one or Views(first, first.first_ns)
        one.flows += [flow for flow in (other.flows if other is not None else [second]) if flow not in one.flows]
        for flow in one.flows:
            of[flow.connection_id] = one
    return list({id(views): views for views in of.values() if len(views.flows) > 1}.values())


def one_way(flows: Iterable[Opened]) -> dict[ConnectionId, ConnectionId]:
    """Return for each connection that holds only a client's packets the one that holds only the server's answers to it.

    The client's address and port are the same, the server's are not; the SYN-ACK acknowledges the number of the SYN, and where the
    client's ACK was captured that acknowledges the number of the SYN-ACK. So a capture between the two ends of a translation sees a
    connection to the address before it and one from the address after it (ECS: requests to 127.0.0.1:51679, answers from 169.254.170.2).
    """
    asked: dict[tuple[bytes, int, int | None], Opened] = {}
    answered: list[Opened] = []
    for flow in sorted(flows, key=lambda flow: (flow.first_ns, flow.connection_id)):
        client = flow.client_half
        if client is None:
            continue
        if flow.syn_ns is not None and not client.other.seen:
            asked[(*flow.client(), flow.syn_seq)] = flow
        elif flow.syn_ns is None and flow.syn_ack_ns is not None and not client.seen:
            answered.append(flow)
    pairs: dict[ConnectionId, ConnectionId] = {}
    for flow in answered:
        client = flow.client_half
        if client is None or client.base_seq is None:
            continue
        key = (*flow.client(), client.base_seq)
        request = asked.get(key)
        if request is None or request.syn_ns is None or flow.syn_ack_ns is None or request.client_half is None:
            continue
        told = request.client_half.other.base_seq
        late = flow.syn_ack_ns - request.syn_ns
        if -UNANSWERED_NS <= late <= ANSWER_NS and told in (None, flow.syn_ack_seq) and request.server() != flow.server():
            pairs[request.connection_id] = flow.connection_id
            del asked[key]
    return pairs


def _ends(flow: Opened) -> Ends:
    return flow.client(), flow.server()
