"""What can be said of connections whose requests cannot be read, and of a capture in which there is little else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection
from analyzer.report.ledger import percentile
from analyzer.report.sentences import plural
from analyzer.units import count, duration

MOST_KINDS = 6


def without_requests(analysis: Analysis) -> Iterator[str]:
    """Say what TCP, DNS and ICMP tell where no request can be read."""
    connections = [row for row in analysis.connections if row.copy_of is None]
    opened = sorted(row.connect_ns for row in connections if row.connect_ns is not None)
    if opened:
        middle = duration(percentile(opened, 50))
        yield f"{plural(len(opened), 'connection')} opened: median {middle}, slowest {duration(opened[-1])} from SYN to ACK."
    failed = list(filter(never_opened, connections))
    if failed:
        targets = Counter(f"{row.server_name or row.server_address}:{row.server_port}" for row in failed)
        listed = ", ".join(f"{count(number)} to {name}" for name, number in targets.most_common(MOST_KINDS))
        yield f"{plural(len(failed), 'connection')} never opened: {listed}."
    repeated = sum(row.retransmissions for row in connections)
    if repeated:
        yield f"{plural(repeated, 'packet')} retransmitted (analyzer connections --where 'retransmissions>0')."
    tried = [row for row in analysis.lookups if row.tries > 1 or row.end_ns is None]
    took = [(row.end_ns - row.start_ns, row.name) for row in analysis.lookups if row.end_ns is not None]
    if took:
        longest, name = max(took)
        again = f"; {count(len(tried))} asked more than once or never answered" if tried else ""
        yield f"{plural(len(analysis.lookups), 'DNS lookup')}: slowest {duration(longest)} ({name}){again}."


def never_opened(row: Connection) -> bool:
    """Tell whether a connection was asked for and never came about: a SYN, and no byte in either direction."""
    return row.syn_ns is not None and row.established_ns is None and not row.bytes_sent and not row.bytes_received


def odd(analysis: Analysis) -> Iterator[str]:
    """Say how many anomalies of which kind there are."""
    kinds = Counter(row.code for row in analysis.anomalies)
    if kinds:
        listed = ", ".join(f"{count(number)} {code}" for code, number in kinds.most_common(MOST_KINDS))
        yield f"Anomalies: {listed} (analyzer anomalies shows them)."
