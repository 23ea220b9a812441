"""Words of the rules about services: which calls, which service, and filters for the very packets that prove it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from analyzer.findings.rule import MOST_PACKETS, streams_filter
from analyzer.findings.view import View
from analyzer.model.rows import Call, Finding
from analyzer.units import ConnectionId, PacketId, count

SERVICE_NAMES = {"dynamodb": "DynamoDB", "dynamodbstreams": "DynamoDB Streams", "s3": "S3", "sqs": "SQS", "sns": "SNS", "lambda": "Lambda"}

MOST_MESSAGES = 12
"""Messages whose packets a display filter shows: proofs of two packets each fill `MOST_PACKETS`."""
MOST_FINDINGS = 20
"""Findings of one rule; nobody reads more, and each further one is cheaper."""


def service_name(service: str | None) -> str:
    """Return what people call a service; its id where we know no better, `the service` where it is unknown."""
    return SERVICE_NAMES.get(service, service) if service is not None else "the service"


def some_calls(chosen: Sequence[Call], of: Collection[Call]) -> str:
    """Say how many calls, of how many: `All 20 Query calls`, `3 of 20 Query calls`, `1 of 9 calls`, `The only Query call`.

    Calls of one operation are counted out of the calls of that operation; of several operations only the number is named.
    """
    operations = {call.operation for call in chosen}
    only = next(iter(operations)) if len(operations) == 1 else None
    return some_of(chosen, only, len(of) if only is None else sum(call.operation == only for call in of))


def some_of(chosen: Sequence[Call], only: str | None, total: int) -> str:
    """Say the same where the operation of all of them, and how many calls there are of it, is known."""
    total = max(len(chosen), total)
    noun = f"{only} call" if only is not None else "call"
    if total == 1:
        return f"The only {noun}"
    if len(chosen) == total == 2:
        return f"Both {noun}s"
    if len(chosen) == total:
        return f"All {count(total)} {noun}s"
    return f"{count(len(chosen))} of {count(total)} {noun}s"


def dearest(findings: Iterable[Finding]) -> list[Finding]:
    """Return the dearest findings of a rule; names of tables and servers come from the wire, and there may be very many."""
    return sorted(findings, key=lambda finding: -finding.cost_ns)[:MOST_FINDINGS]


def is_one(chosen: Sequence[object]) -> bool:
    """Tell whether a verb after `some_calls` stands in the singular."""
    return len(chosen) == 1


def listed(names: Iterable[str], most: int = 3) -> str:
    """Write names as a list: `a, b and c`; of very many the first."""
    known = list(dict.fromkeys(names))
    if len(known) > most:
        return f"{', '.join(known[:most])} and {count(len(known) - most)} more"
    return " and ".join((", ".join(known[:-1]), known[-1])) if len(known) > 1 else "".join(known)


def frames_filter(packets: Iterable[PacketId | None]) -> str:
    """Return a Wireshark display filter for single packets, for the first of very many."""
    numbers = sorted({packet for packet in packets if packet is not None})[:MOST_PACKETS]
    if not numbers:
        return ""
    return f"frame.number == {numbers[0]}" if len(numbers) == 1 else f"frame.number in {{{', '.join(map(str, numbers))}}}"


def with_copies(view: View, display_filter: str, streams: Iterable[ConnectionId], packets: Iterable[PacketId | None]) -> str:
    """Return a filter by HTTP that shows the given packets too where packets were captured twice: Wireshark reads no HTTP in the second."""
    if not display_filter or not any(row.duplicates for stream in streams if (row := view.connections.get(stream)) is not None):
        return display_filter
    return f"({display_filter}) || {frames_filter(list(packets)[:MOST_PACKETS])}"


def messages_filter(messages: Iterable[tuple[ConnectionId, PacketId | None, PacketId | None]]) -> str:
    """Return a Wireshark display filter for all packets with data of some messages, each its connection, first and last packet.

    Of more than `MOST_MESSAGES` it shows the first given; a message of which no packet is known is shown with its whole connection.
    """
    shown = list(messages)[:MOST_MESSAGES]
    known = sorted({(first, last) for _, first, last in shown if first is not None and last is not None and first <= last})
    streams = streams_filter(stream for stream, _, _ in shown)
    if len(known) < len({(first, last) for _, first, last in shown}):
        return f"{streams} && tcp.len > 0"
    return f"{streams} && tcp.len > 0 && frame.number in {{{', '.join(f'{first}..{last}' for first, last in known)}}}"
