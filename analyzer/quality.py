"""How far a capture can be trusted, and where it was taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly, Connection
from analyzer.units import MILLISECOND, DurationNs, bytes_, count, duration

NEAR = 4
"""A side whose round trip is this many times shorter than the other's is the one where the capture was taken."""
NEGLIGIBLE_RTT_NS = MILLISECOND // 2
"""Below this a round trip is within one host or one switch."""
FIRST_TTLS = frozenset({64, 128, 255})
"""What packets set out with (Linux and macOS, Windows, routers and Solaris): with one of these no router has seen them yet."""
STEP_NS: DurationNs = 10 * MILLISECOND
"""Several queues of one network card give packets that are out of order by less; a clock that was set goes back by more."""
COARSE_NS: DurationNs = MILLISECOND
"""Times that are multiples of this or more hide what is measured."""
LEAST_TIMES = 16
"""Packets whose times tell how fine the clock is: of fewer that many round times are chance."""
MOST_PROCESSES = 10
"""Processes that a remark names."""
UNSEEN_START = frozenset({"port", "request", "first-payload", "first-packet"})
"""Rules that name the client where no opening was captured."""


def vantage_of(connections: Sequence[Connection]) -> str | None:
    """Say where the capture was taken: client, server, between or mixed; None where too little is known.

    The two round trips of each connection tell; where none does, how far the packets of the two sides had come by their TTLs.
    """
    seen = set()
    for row in connections:
        client, server = row.client_rtt_ns, row.min_rtt_ns
        if client is None or server is None or row.copy_of is not None:
            continue
        if row.duplicates:
            seen.add("between")
        elif client * NEAR <= server:
            seen.add("client")
        elif server * NEAR <= client:
            seen.add("server")
        elif client < NEGLIGIBLE_RTT_NS and server < NEGLIGIBLE_RTT_NS:
            continue  # both ends are near: the connection tells nothing
        else:
            seen.add("between")
    if not seen:
        seen = {place for row in connections if row.copy_of is None and (place := _by_ttl(row)) is not None}
    if not seen:
        return None
    return seen.pop() if len(seen) == 1 else "mixed"


def _by_ttl(row: Connection) -> str | None:
    """Say where a connection was captured by the TTLs of its two sides; None where both sides are as near, or one was not seen.

    A hop limit that was set low on purpose (IMDS) is no distance: only packets that set out with a usual one tell. Where round trips are
    known and short on both sides, both ends are on this host or next to it, and a router more or less says nothing.
    """
    if row.min_rtt_ns is not None and row.client_rtt_ns is not None:
        return None
    client, server = row.client_ttl, row.server_ttl
    if client is None or server is None:
        return None
    if client in FIRST_TTLS:
        return None if server in FIRST_TTLS else "client"
    return "server" if server in FIRST_TTLS else None


def one_way(row: Connection) -> bool:
    """Tell whether a connection was captured in one direction only; a peer that is silent (SYNs alone) is not that."""
    talking = row.packets_sent + row.packets_received > 2 and (row.syn_ns is None or bool(row.bytes_sent))
    return talking and not (row.packets_sent and row.packets_received)


def note_processes(info: CaptureInfo, connections: Sequence[Connection]) -> None:
    """Add a sentence to `info.remarks` that says whose the connections are, where the capture does."""
    whose = Counter((row.process, row.process_id) for row in connections if row.process is not None and row.copy_of is None)
    if whose:
        named = [f"{name} ({number}) {count(rows)}" for (name, number), rows in whose.most_common(MOST_PROCESSES)]
        more = f" and {count(len(whose) - MOST_PROCESSES)} more" if len(whose) > MOST_PROCESSES else ""
        info.remarks.append(f"connections by process (process id), as the capture names it: {', '.join(named)}{more}")


def note_capture(info: CaptureInfo, connections: Sequence[Connection], emit: Callable[[Anomaly], None]) -> None:
    """Add rows, and sentences to `info.audit`, for what the capture as a whole lacks."""
    note_processes(info, connections)
    for code, text, touched in _of_file(info):
        emit(Anomaly(code, None, None, text))
        info.audit.append(f"{text}: {touched}")
    for row in connections:
        if row.gap_bytes:
            missing = f"{row.gap_bytes} bytes were acknowledged or passed over that the capture does not hold"
            emit(Anomaly("bytes-not-captured", row.first_packet_id, row.connection_id, missing))
        if row.unseen_packets:
            verb = "were" if row.unseen_packets > 1 else "was"
            lost = f"{_packets(row.unseen_packets)} {verb} lost before the capture point: identifications (ip.id) that no packet carries"
            emit(Anomaly("lost-before-capture", row.first_packet_id, row.connection_id, lost))
        if row.duplicates:
            copies = f"{row.duplicates} packets are copies seen on another interface, VLAN or hop"
            emit(Anomaly("duplicate-packets", row.first_packet_id, row.connection_id, copies))
        if one_way(row):
            side = "client" if row.packets_sent else "server"
            emit(Anomaly("one-direction", row.first_packet_id, row.connection_id, f"only packets of the {side} were captured"))
        if row.client_rule in UNSEEN_START:
            opening = f"the connection's opening is not in the capture; client told by {row.client_rule}"
            emit(Anomaly("start-not-captured", row.first_packet_id, row.connection_id, opening))
    info.audit += _of_connections(connections)


def _of_file(info: CaptureInfo) -> list[tuple[str, str, str]]:
    """Return anomaly codes, what is the matter with the file, and which numbers that touches."""
    found = []
    for interface in info.interfaces:
        if interface.dropped:
            name = interface.name or interface.number
            text = f"{_packets(interface.dropped)} were dropped on interface {name}"
            found.append(("kernel-drops", text, "any count may be too low, and missing packets may look lost"))
    if info.backwards:
        text = f"{_packets(info.backwards)} have an earlier time than the packet before them, by {duration(info.backwards_ns)} at most"
        found.append(("time-backwards", text, "times may be off by that much"))
        if info.backwards_ns >= STEP_NS:
            text = f"the clock seems to have been set back by {duration(info.backwards_ns)} while capturing"
            found.append(("clock-step", text, "times across that moment are wrong, and phases that span it too"))
    if info.cut_packets:
        text = f"{_packets(info.cut_packets)} are cut by the snapshot length"
        found.append(("snapshot-length", text, "names, operations and message sizes may be unknown; times and TCP counts are not touched"))
    for file in info.files:
        if file.tick_ns >= COARSE_NS and file.packets >= LEAST_TIMES:
            text = f"the times of {file.name} are whole multiples of {duration(file.tick_ns)}"
            found.append(("coarse-times", text, "every phase may be off by as much"))
    return found


def _of_connections(connections: Sequence[Connection]) -> list[str]:
    """Return sentences on what the connections lack, each with the numbers that it touches."""
    own = [row for row in connections if row.copy_of is None]
    kinds: list[tuple[list[Connection], Callable[[list[Connection]], str], str]] = [
        (
            [row for row in own if row.gap_bytes],
            lambda rows: f"{bytes_(sum(row.gap_bytes for row in rows))} of {_connections(rows)} were never captured",
            "requests may be missing, receive times are lower bounds",
        ),
        (
            [row for row in own if row.unseen_packets],
            lambda rows: (
                f"{_packets(sum(row.unseen_packets for row in rows))} of {_connections(rows)} were lost before the capture point (ip.id)"
            ),
            "a wait may be a lost answer and not the server's time",
        ),
        (
            [row for row in own if row.client_rule in UNSEEN_START],
            lambda rows: f"{_connections(rows)} began before the capture",
            "no connect or TLS time is known",
        ),
        (
            [row for row in own if one_way(row)],
            lambda rows: f"{_connections(rows)} were seen in one direction only",
            "no round trip and no answer is known",
        ),
        (
            [row for row in own if row.duplicates],
            lambda rows: f"{_packets(sum(row.duplicates for row in rows))} of {_connections(rows)} are copies seen at another place",
            "Wireshark's counts include them, times and losses do not",
        ),
    ]
    return [f"{text(rows)}: {touched}" for rows, text, touched in kinds if rows]


def _packets(number: int) -> str:
    return f"{count(number)} packet{'' if number == 1 else 's'}"


def _connections(rows: list[Connection]) -> str:
    return f"{count(len(rows))} connection{'' if len(rows) == 1 else 's'}"
