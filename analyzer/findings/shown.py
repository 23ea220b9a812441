"""Display filters that show the proof, also where Wireshark sees the packets otherwise than they were sent."""

from __future__ import annotations

import re

from analyzer.findings.service_words import frames_filter
from analyzer.findings.view import View
from analyzer.model.rows import Connection, Exchange, Finding

JUDGED = re.compile(r"\bhttp\b|\btls\b|\btcp\.analysis\b|\btcp\.len\b")
"""What Wireshark finds out by itself: it marks a message at another packet, or not at all, where packets were lost, repeated or late."""


def shown(view: View, finding: Finding) -> Finding:
    """Return a finding whose display filter names its packets beside what Wireshark may judge otherwise."""
    proof = finding.packet_ids
    if not proof or not JUDGED.search(finding.display_filter) or "frame.number in" in finding.display_filter.rpartition("||")[2]:
        return finding
    rows = [view.connections[stream] for stream in finding.connections if stream in view.connections]
    asked = [view.exchanges[number] for number in finding.exchanges if number in view.exchanges]
    if not (any(map(_untidy, rows)) or any(row.first_packet_id in proof and _in_parts(row) for row in asked)):
        return finding
    return finding._replace(display_filter=f"({finding.display_filter}) || {frames_filter(proof)}")


def _in_parts(row: Exchange) -> bool:
    """Tell whether a request came in several packets: Wireshark calls the last of them the request, which began with the first."""
    return row.first_packet_id != row.request_packet_id


def _untidy(row: Connection) -> bool:
    """Tell whether packets of a connection were lost, repeated, late or cut, here or on their way."""
    return bool(row.duplicates or row.retransmissions or row.out_of_order or row.lost_segments or row.gap_bytes or row.cut_packets)
