"""Under which conditions two captures were taken, as far as it is no time of a call: what differs, and what forbids comparing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median_low
from typing import NamedTuple

from analyzer.comparing.matching import Pairs, Sample
from analyzer.model.analysis import Analysis
from analyzer.model.comparison import Fact
from analyzer.report.calls import is_dialogue
from analyzer.report.trust import PLACES
from analyzer.units import SECOND, DurationNs, bytes_, duration, percent

MUCH = 0.2
"""Lengths and sizes that differ by less of the smaller, and shares that differ by less of one by half of it, are not listed."""
MOST_NAMES = 3


class Conditions(NamedTuple):
    """The conditions of one side, over the calls that are compared and their connections."""

    calls: int
    opened: float
    """Share of calls that waited for a connection to be opened."""
    retried: float
    """Share of calls with more than one attempt."""
    failed: float
    lost: float
    """Packets sent again by all packets of the connections."""
    rtt_ns: DurationNs | None
    """Median over the connections of the shortest round trip to the server."""
    resumed: float | None
    """Share of TLS handshakes; None without one."""
    tls: str | None
    """Most usual version."""
    encrypted: bool
    request_bytes: int | None
    """Median."""
    response_bytes: int | None
    connections: int
    sdks: tuple[str, ...]
    servers: tuple[str, ...]
    rate: float | None
    """Calls a second, from the first start to the last end."""


def conditions(side: Analysis, pairs: Pairs, samples: Sequence[Sample]) -> Conditions:
    """Return the conditions of one side."""
    numbers = set().union(*(sample.numbers for sample in samples)) if samples else set()
    calls = [] if pairs.noun == "request" else [call for call in side.calls if call.call_id in numbers]
    if pairs.noun == "request":
        exchanges = [row for row in side.exchanges if row.exchange_id in numbers]
    else:
        of = {number for call in calls for number in call.exchange_ids}
        exchanges = [row for row in side.exchanges if row.exchange_id in of]
    used = {row.connection_id for row in exchanges} | {number for call in calls for number in call.connection_ids}
    under = [row for row in side.connections if row.connection_id in used]
    shaken = [row for row in side.handshakes if row.connection_id in used]
    told = [row.resumed for row in shaken if row.resumed is not None]
    rows = sum(sample.calls for sample in samples)
    packets = sum(row.packets_sent + row.packets_received for row in under)
    times = [(row.start_ns, row.start_ns + row.total_ns) for sample in samples for row in sample.rows]
    span = max(end for _, end in times) - min(start for start, _ in times) if times else 0
    return Conditions(
        calls=rows,
        opened=sum(sample.opened for sample in samples) / rows if rows else 0.0,
        retried=sum(call.attempts > 1 for call in calls) / rows if rows else 0.0,
        failed=sum(sample.failed for sample in samples) / rows if rows else 0.0,
        lost=sum(row.retransmissions for row in under) / packets if packets else 0.0,
        rtt_ns=_middle(row.min_rtt_ns for row in under),
        resumed=sum(told) / len(told) if told else None,
        tls=_usual(row.version for row in shaken),
        encrypted=bool(shaken) or any(row.protocol == "tls" for row in under),
        request_bytes=_middle(row.request_bytes for row in exchanges),
        response_bytes=_middle(row.response_bytes for row in exchanges),
        connections=len(under),
        sdks=_names(call.sdk for call in calls) or _names(row.sdk for row in exchanges),
        servers=_names(row.server_name or row.server_address for row in under),
        rate=rows * SECOND / span if span and rows > 1 else None,
    )


def _middle(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return median_low(known) if known else None


def _usual(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    return min(counted, key=lambda name: (-counted[name], name)) if counted else None


def _names(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value is not None}))


def facts(was: Conditions, now: Conditions) -> Iterator[Fact]:
    """Yield what differs enough to be named."""

    def listed(names: Sequence[str]) -> str:
        return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "") or "unknown"

    for name, one, other in (("SDK", was.sdks, now.sdks), ("endpoint", was.servers, now.servers)):
        if one != other:
            yield Fact(name, listed(one), listed(other))
    if was.encrypted != now.encrypted:
        yield Fact("encryption", *("TLS" if side.encrypted else "none" for side in (was, now)))
    elif was.tls != now.tls and was.tls is not None and now.tls is not None:
        yield Fact("TLS version", was.tls, now.tls)
    for name, one_share, other_share in (
        ("calls on a new connection", was.opened, now.opened),
        ("TLS handshakes resumed", was.resumed, now.resumed),
        ("calls retried", was.retried, now.retried),
        ("calls failed", was.failed, now.failed),
    ):
        if one_share is not None and other_share is not None and abs(one_share - other_share) >= MUCH / 2:
            yield Fact(name, percent(one_share), percent(other_share))
    if abs(was.lost - now.lost) >= 0.005:
        yield Fact("packets sent again", f"{100 * was.lost:.1f} %", f"{100 * now.lost:.1f} %")
    if _differ(was.rtt_ns, now.rtt_ns):
        yield Fact("round trip to the server", duration(was.rtt_ns or 0), duration(now.rtt_ns or 0))
    for name, size, other_size in (
        ("request size (median)", was.request_bytes, now.request_bytes),
        ("answer size (median)", was.response_bytes, now.response_bytes),
    ):
        if _differ(size, other_size):
            yield Fact(name, bytes_(size or 0), bytes_(other_size or 0))
    if was.rate is not None and now.rate is not None and max(was.rate, now.rate) >= (1 + MUCH) * min(was.rate, now.rate):
        yield Fact("calls a second", f"{was.rate:.3g}", f"{now.rate:.3g}")


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and abs(one - other) > MUCH * min(one, other)


def warnings(before: Analysis, after: Analysis, was: Conditions, now: Conditions) -> Iterator[str]:
    """Yield sentences: why numbers of the two cannot be compared."""
    if before.vantage != after.vantage and before.vantage is not None and after.vantage is not None:
        here, there = (PLACES.get(side.vantage or "", "captured elsewhere") for side in (before, after))
        yield (
            f"Before was {here}, after {there}: each sees another part of the path, so network and server time are not told apart here "
            "(wait is their sum), and connect, tls and wait may differ by the place alone."
        )
    if _overlap(before, after):
        yield "The two captures overlap in time: they may show the same calls from two places, not a change."
    for name, side in (("before", before), ("after", after)):
        if not side.capture.complete:
            yield f"The capture {name} is damaged or cut short."
    if was.sdks and now.sdks and not set(was.sdks) & set(now.sdks):
        yield f"The SDKs differ ({', '.join(was.sdks)}; {', '.join(now.sdks)}): what differs may be theirs."


def vantages_differ(before: Analysis, after: Analysis) -> bool:
    """Tell whether the two were captured at different places of the path, as far as is known."""
    return before.vantage != after.vantage and before.vantage is not None and after.vantage is not None


def _overlap(before: Analysis, after: Analysis) -> bool:
    starts = [{row.start_ns for row in side.calls if not is_dialogue(row)} for side in (before, after)]
    if starts[0] and starts[0] == starts[1]:
        return False  # the very same calls, which is said by itself
    sides = [(side.capture.first_ns, side.capture.last_ns) for side in (before, after)]
    (a, b), (c, d) = sides
    if a is None or b is None or c is None or d is None or min(b, d) <= max(a, c):
        return False
    return (min(b, d) - max(a, c)) > 0.5 * min(b - a, d - c)
