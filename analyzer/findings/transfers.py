"""How long messages took to cross, repairs apart, and what messages of that size usually take: tells size from pauses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from analyzer.findings.view import View
from analyzer.findings.words import median
from analyzer.model.intervals import union
from analyzer.model.rows import Call, Exchange
from analyzer.units import DurationNs, TimeNs

PEERS = 4
"""Messages of one size that tell what is usual, the one in question among them; of three one odd one is a third."""
FAR_FROM_USUAL = 3
"""A transfer that took this many times the usual one of its size was not slow because of its size."""


class Transfer(NamedTuple):
    """One message of the final attempt of a call."""

    call: Call
    exchange: Exchange
    upload: bool
    """Whether it is the request."""
    size: int
    """Bytes."""
    took_ns: DurationNs
    """First byte to last (of a request to the ACK of it, one round trip apart, where that was seen), repairs left out."""
    usual_ns: DurationNs | None = None
    """The median of the other messages of that size, odd ones left out; None where there are too few."""

    @property
    def explained_ns(self) -> DurationNs:
        """How much of it the size explains: all, unless messages of that size usually take far less."""
        if self.usual_ns is None or self.took_ns <= FAR_FROM_USUAL * self.usual_ns:
            return self.took_ns
        return self.usual_ns


def transfers(view: View, least_bytes: int, least_ns: DurationNs) -> list[Transfer]:
    """Return the requests and responses of at least so many bytes that took so long, in order of their calls, with what is usual.

    Sizes are alike within a factor of two; messages are compared with those of the same client, operation and direction only, the quick
    ones among them.
    """
    long: list[tuple[_Group, Call, Exchange, DurationNs]] = []
    groups: dict[_Group, list[DurationNs]] = defaultdict(list)
    for call, row in view.answered:
        up, down = row.request_bytes, row.response_bytes
        if (up < least_bytes and down < least_bytes) or call.truncated is not None:
            continue
        for upload, size in ((True, up), (False, down)):
            if size < least_bytes:
                continue
            took = _upload_ns(view, call, row) if upload else _download_ns(call, row)
            key = (call.client_address, call.service, call.operation, upload, size.bit_length())
            groups[key].append(took)
            if took >= least_ns:
                long.append((key, call, row, took))
    usual = {key: _usual(groups[key]) for key in {one[0] for one in long} if len(groups[key]) >= PEERS}
    return [
        Transfer(call, row, key[3], row.request_bytes if key[3] else row.response_bytes, took, usual[key](took) if key in usual else None)
        for key, call, row, took in long
    ]


_Group: TypeAlias = tuple[str, str | None, str | None, bool, int]
"""Client address, service, operation, whether it is the request, and the bits of its size."""


def _usual(times: list[DurationNs]) -> Callable[[DurationNs], DurationNs]:
    """Return what tells, for one of some times, the median of the others, those left out that are far from the median of all."""
    ordered = sorted(times)
    far = FAR_FROM_USUAL * median(ordered)
    normal = ordered[: bisect_right(ordered, far)]

    def of_others(took: DurationNs) -> DurationNs:
        at = bisect_left(normal, took)
        inside = at < len(normal) and normal[at] == took
        others = len(normal) - inside
        middle = others // 2
        return normal[middle + (inside and at <= middle)] if others else took

    return of_others


def _upload_ns(view: View, call: Call, row: Exchange) -> DurationNs:
    """Return how long a request was under way, its repairs and one round trip apart (an upload's last bytes are acknowledged after it)."""
    under = view.connections.get(row.connection_id)
    near = under.min_rtt_ns if under is not None and under.min_rtt_ns is not None else 0
    queued = max(0, (call.network_ns or 0) - near)
    return max(0, call.send_ns + queued - _stalled(row, row.request_start_ns, row.request_end_ns))


def _download_ns(call: Call, row: Exchange) -> DurationNs:
    return max(0, call.receive_ns - _stalled(row, row.response_start_ns, row.response_end_ns)) if row.stalls else call.receive_ns


def _stalled(row: Exchange, start: TimeNs | None, end: TimeNs | None) -> DurationNs:
    """Return how much of a time the message stood still for a repair or a closed window."""
    if start is None or end is None or not row.stalls:
        return 0
    inside: Iterable[tuple[TimeNs, TimeNs]] = (
        (max(stall.start_ns, start), min(stall.end_ns, end)) for stall in row.stalls if stall.start_ns < end and stall.end_ns > start
    )
    return sum(last - first for first, last in union(inside))
