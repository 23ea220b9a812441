"""The capture lacks something: packets were dropped, cut, came in one direction only or twice, or connections began before it.

It says which numbers that touches. A capture that holds everything of the requests it shows gives no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.rule import Rule
from analyzer.findings.view import View
from analyzer.model.rows import Connection, Finding
from analyzer.units import bytes_, count

UNSEEN_START = frozenset({"port", "request", "first-payload", "first-packet"})

RULE = Rule(
    code="capture-incomplete",
    name="The capture is incomplete",
    severity="info",
    summary="Something is missing from the capture",
    remedy="Capture with a large buffer and whole packets (dumpcap -B 64 -s 0), start before the program does, and wait for its end.",
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
        missing.append(f"{count(dropped)} packets were dropped while capturing: any count may be too low")
    begun = [row for row in read if row.client_rule in UNSEEN_START]
    note(begun, f"{_connections(begun)} began before it: no connect or TLS time is known for them")
    lost = [row for row in read if row.lost_before_capture]
    gaps = bytes_(sum(row.gap_bytes for row in lost))
    note(lost, f"{gaps} of {_connections(lost)} were never captured: requests may be missing, receive times are lower bounds")
    cut = [row for row in read if row.cut_packets]
    packets = count(sum(row.cut_packets for row in cut))
    note(cut, f"{packets} packets are cut by the snapshot length: operations, sizes and names may be unknown")
    # SYNs alone are a peer that is silent, not a direction that was not captured.
    talking = [row for row in read if row.packets_sent + row.packets_received > 2 and (row.syn_ns is None or row.bytes_sent)]
    single = [row for row in talking if not (row.packets_sent and row.packets_received)]
    note(single, f"{_connections(single)} seen in one direction only: no round trip and no answer is known for them")
    if info.backwards:
        missing.append(f"{count(info.backwards)} packets have an earlier time than the one before: times may be off by that much")
    if missing:
        yield RULE.finding(
            missing[0][0].upper() + "; ".join(missing)[1:] + ".",
            cost_ns=0,
            confidence="proven",
            connections=[row.connection_id for row in touched],
            packet_ids=[row.first_packet_id for row in touched],
        )


def _connections(rows: list[Connection]) -> str:
    return "1 connection" if len(rows) == 1 else f"{count(len(rows))} connections"
