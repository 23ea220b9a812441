"""A call's phases in one line: in words with their times, and as a bar of letters."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model.rows import Call
from analyzer.report.ledger import split
from analyzer.units import DurationNs, milliseconds

LETTERS = {
    "credentials": "k", "dns": "d", "connect": "c", "tls": "t", "client": ".", "send": ">", "stall": "!", "network": "n", "server": "s",
    "wait": "w", "receive": "r", "failed": "x", "backoff": "b", "unexplained": "?",
}  # fmt: skip
"""What stands for a phase in a bar."""
BAR = 24
"""Cells of a bar."""
LEAST_NS: DurationNs = 50_000
"""Less than 0.05 ms is shown as 0.0, and left out."""


def parts(call: Call) -> Iterator[tuple[str, DurationNs]]:
    """Yield the phases of a call that took time, in the order of the report, `wait` in its parts."""
    stall, network, server, rest = split(call.wait_ns, call.wait_stall_ns, call.network_ns, call.server_ns)
    known = {
        "credentials": call.credentials_ns, "dns": call.dns_ns, "connect": call.connect_ns, "tls": call.tls_ns, "client": call.client_ns,
        "send": call.send_ns, "stall": stall, "network": network, "server": server, "wait": rest, "receive": call.receive_ns,
        "failed": call.failed_ns, "backoff": call.backoff_ns, "unexplained": call.unexplained_ns,
    }  # fmt: skip
    for name, value in known.items():
        if value:
            yield name, value


def words(call: Call) -> str:
    """Write the phases of a call with their times in ms: `connect 90.5 network 90.2 server 4.1`; those too short to show are left out."""
    return " ".join(f"{name} {milliseconds(value)}" for name, value in parts(call) if value >= LEAST_NS)


def bar(call: Call, width: int = BAR) -> list[tuple[str, str]]:
    """Return the bar of a call as pieces (phase, letters), `width` cells together: what share of its time each phase took."""
    found = list(parts(call))
    total = sum(value for _, value in found)
    if not total:
        return []
    sizes = [value * width / total for _, value in found]
    shown = [int(size) for size in sizes]
    # The cells that are left go to whoever lost most by rounding.
    for index in sorted(range(len(found)), key=lambda at: shown[at] - sizes[at])[: width - sum(shown)]:
        shown[index] += 1
    return [(name, LETTERS[name] * cells) for (name, _), cells in zip(found, shown, strict=True) if cells]
