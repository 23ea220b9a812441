"""The capture lacks something: packets were dropped, cut, came in one direction only or twice, or connections began before it.

It says which numbers that touches. A capture that holds everything of the requests it shows gives no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.rule import Rule
from analyzer.findings.view import View
from analyzer.findings.words import plural
from analyzer.model.cut import cut_at, headers_only
from analyzer.model.rows import Connection, Finding
from analyzer.units import MILLISECOND, DurationNs, bytes_, count, duration

COARSE_NS: DurationNs = MILLISECOND
"""Times that are multiples of this or more hide what is measured."""
LEAST_TIMES = 16
"""Packets whose times tell how fine the clock is."""
UNSEEN_START = frozenset({"port", "request", "first-payload", "first-packet"})

READABLE = frozenset({"tls", "http/1.1"})
"""Protocols whose messages the rest of a cut packet would have told."""
FINS = 2
"""Sequence numbers that an acknowledged FIN takes, one each way: where it was not captured, no byte of a message is missing."""

RULE = Rule(
    code="capture-incomplete",
    name="The capture is incomplete",
    severity="info",
    summary="Something is missing from the capture",
    remedy="Capture with a large buffer and whole packets (tcpdump -s 0, dumpcap -B 64 -s 0), start before the program does, and wait "
    "for its end.",
    references=("Wireshark User's Guide, section 4.5",),
    rank=90,
)


def check(view: View) -> Iterator[Finding]:
    """Yield one finding that lists all that is missing where it matters: on connections whose requests are read, or in the whole file."""
    analysis = view.analysis
    info = analysis.capture
    read = [row for row in analysis.connections if row.exchanges or row.service is not None]
    missing: list[str] = []
    touched: list[Connection] = []

    def note(rows: list[Connection], text: str) -> None:
        if rows:
            missing.append(text)
            touched.extend(rows)

    if not info.complete:
        missing.append("the file is cut short or damaged")
    dropped = sum(interface.dropped or 0 for interface in info.interfaces)
    if dropped:
        missing.append(f"{_were(dropped, 'packet')} dropped while capturing: any count may be too low")
    begun = [row for row in read if row.client_rule in UNSEEN_START]
    note(begun, f"{_connections(begun)} began before the capture: no connect or TLS time is known for {_them(begun)}")
    lost = [row for row in read if row.gap_bytes > FINS]
    gaps = bytes_(sum(row.gap_bytes for row in lost))
    note(lost, f"{gaps} of {_connections(lost)} were never captured: requests may be missing, receive times are lower bounds")
    unseen = [row for row in read if row.unseen_packets]
    packets = sum(row.unseen_packets for row in unseen)
    text = f"{_were(packets, 'packet')} lost before the capture point (missing ip.id)"
    note(unseen, f"{text}: a late answer may have been lost and sent again")
    bare = headers_only(info, analysis.connections)
    if bare:
        known = cut_at(info)
        where = f" after {plural(known, 'byte')}" if known is not None else ""
        note(
            [row for row in analysis.connections if row.cut_packets],
            f"packets are cut{where}, so that only headers are left of {count(info.cut_packets)}: how connections open and close, round "
            "trips, losses and bytes are known; names, TLS, requests, calls and the service's time are not",
        )
    cut = [row for row in analysis.connections if row.cut_packets and _was_readable(row) and not bare]
    packets = sum(row.cut_packets for row in cut)
    verb = "is" if packets == 1 else "are"
    note(cut, f"{plural(packets, 'packet')} {verb} cut by the snapshot length: operations, sizes and names may be unknown")
    # SYNs alone are a peer that is silent, not a direction that was not captured.
    talking = [row for row in read if row.packets_sent + row.packets_received > 2 and (row.syn_ns is None or row.bytes_sent)]
    single = [row for row in talking if not (row.packets_sent and row.packets_received)]
    note(single, f"{_were(len(single), 'connection')} seen in one direction only: no round trip and no answer is known for {_them(single)}")
    coarse = [file for file in info.files if file.tick_ns >= COARSE_NS and file.packets >= LEAST_TIMES]
    if coarse:
        missing.append(f"times are whole multiples of {duration(max(file.tick_ns for file in coarse))}: every phase may be off by as much")
    if info.backwards:
        have = "has" if info.backwards == 1 else "have"
        missing.append(f"{plural(info.backwards, 'packet')} {have} an earlier time than the one before: times may be off by that much")
    if missing:
        yield RULE.finding(
            missing[0][0].upper() + "; ".join(missing)[1:] + ".",
            cost_ns=0,
            confidence="proven",
            connections=[row.connection_id for row in touched],
            packet_ids=[row.first_packet_id for row in touched],
        )


def _was_readable(row: Connection) -> bool:
    """Tell whether a connection could be read but for the cut: also one without exchanges, because it may be the cut that hid them."""
    return bool(row.exchanges) or row.service is not None or row.protocol in READABLE


def _connections(rows: list[Connection]) -> str:
    return plural(len(rows), "connection")


def _were(number: int, noun: str) -> str:
    return f"{plural(number, noun)} {'was' if number == 1 else 'were'}"


def _them(rows: list[Connection]) -> str:
    return "it" if len(rows) == 1 else "them"
