"""What was lost between two capture points: messages that one of them shows and the other, which was still capturing, does not."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import PurePath
from typing import NamedTuple

from analyzer.model.analysis import Elsewhere
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.rows import Anomaly, Connection, Exchange
from analyzer.units import ConnectionId, PacketId, TimeNs, moment

ANSWER_LOST, REQUEST_LOST = "answer-lost-between", "request-lost-between"
ANSWERED = frozenset({"ok", "error", "undelivered"})


class View(NamedTuple):
    """A connection as one capture point saw it, with its exchanges by their index."""

    connection: Connection
    exchanges: Mapping[int, Exchange]


def note_lost(
    info: CaptureInfo,
    connections: Sequence[Connection],
    exchanges: Iterable[Exchange],
    elsewhere: Iterable[Elsewhere],
    emit: Callable[[Anomaly], None],
) -> None:
    """Add a row for each request, and each answer, that passed one capture point and did not reach the other.

    It is said only of connections whose opening both points saw, whose bytes neither lacks otherwise, and while both were capturing.
    """
    copies = {row.connection_id: row.copy_of for row in connections if row.copy_of is not None}
    sought = set(copies) | set(copies.values()) | {view.connection.connection_id for view in elsewhere}
    asked: dict[ConnectionId, dict[int, Exchange]] = defaultdict(dict)
    for row in exchanges:
        if row.connection_id in sought:
            asked[row.connection_id][row.index_on_connection] = row
    known = {row.connection_id: row for row in connections if row.connection_id in sought}
    views = [View(known[number], asked[number]) for number in copies]
    views += [View(one.connection, {row.index_on_connection: row for row in one.exchanges}) for one in elsewhere]
    for far in views:
        number = far.connection.connection_id
        near_id = copies.get(number, number)
        near = known.get(near_id)
        if near is None or not _whole(near) or not _whole(far.connection):
            continue
        here, there = _file(info, near.first_packet_id), _file(info, far.connection.first_packet_id)
        if here.clock.point == there.clock.point:
            continue
        for index, row in asked[near_id].items():
            lost = _lost(row, far.exchanges.get(index), near, far.connection, here, there)
            if lost is not None:
                emit(Anomaly(*lost))


def _lost(
    row: Exchange, other: Exchange | None, near: Connection, far: Connection, here: CaptureFile, there: CaptureFile
) -> tuple[str, PacketId | None, ConnectionId, str] | None:
    """Return the anomaly of an exchange of which the point far from the client shows more, or less; None where both show the same."""
    what = f"{row.method or 'a request'} {row.target or ''}".strip()
    names = PurePath(here.name).name, PurePath(there.name).name
    if other is None:
        # Of what was sent on a new connection, nothing came as far.
        end = row.request_end_ns
        if end is None or far.bytes_sent or far.established_ns is None or not near.bytes_sent or not _was_capturing(there, end):
            return None
        text = f"{what} passed {names[0]} at {moment(end)} and never reached {names[1]}"
        return REQUEST_LOST, row.request_packet_id, near.connection_id, text
    first = other.response_start_ns
    if row.outcome != "no-response" or other.outcome not in ANSWERED or first is None or not _was_capturing(here, first):
        return None
    text = f"the answer to {what} passed {names[1]} at {moment(first)} and never reached {names[0]}"
    return ANSWER_LOST, other.response_start_packet_id, near.connection_id, text


def _whole(row: Connection) -> bool:
    """Tell whether a view has the connection's opening, and no bytes that the capture itself failed to hold."""
    return row.syn_ns is not None and not row.gap_bytes and not row.cut_packets


def _was_capturing(file: CaptureFile, time: TimeNs) -> bool:
    """Tell whether a file goes on after a time of the common clock."""
    return file.last_ns is not None and file.last_ns - file.clock.shift_ns > time


def _file(info: CaptureInfo, packet_id: PacketId) -> CaptureFile:
    at = bisect_right(info.runs, packet_id, key=itemgetter(0)) - 1
    return info.files[info.runs[max(at, 0)][1]]
