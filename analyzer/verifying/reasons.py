"""Why the two do not agree: what was looked at to say so, or that nothing is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.units import ConnectionId, PacketId
from analyzer.verifying.asking import Row

Again: TypeAlias = Callable[[], list[Row]]
"""Asks tshark once more, with segments put into order."""
SKIPPED = "a dissector of Wireshark's opened a conversation of its own (SOCKS, FTP and their like), which takes a number that no packet has"
CLOSE = "the content lasts until the connection closes: Wireshark ends it with the FIN, here its last byte does"
UNKNOWN = "no reason is known: one of the two is wrong here"
SCATTERED = "segments came out of order: Wireshark puts them into order only with tcp.reassemble_out_of_order, and then agrees"
PORT = "Wireshark does not look for HTTP on port {port} (Analyze, Decode As)"


def packet(time: int | None, row: Row | None) -> str:
    """Say why a packet is in one answer only, or has another time."""
    if row is None:
        return "tshark stopped before it: the file is damaged there"
    if time is None:
        return "it could not be read here: the file is damaged, or its interface is not described"
    return "its time is finer than a nanosecond, or the fraction of its second is none (more than a second)"


def stream(number: ConnectionId | None, row: Row, *, skipped: bool) -> str:
    """Say why a packet belongs to another connection."""
    if number is None:
        return f"the packet is not decoded down to TCP here ({row.protocols})"
    if row.stream is None:
        return f"Wireshark finds no TCP of its own in the packet ({row.protocols})"
    return SKIPPED if skipped else UNKNOWN


def connection(row: Connection | None, analysis: Analysis, *, skipped: bool) -> str:
    """Say what of a connection may lead to other counts."""
    if skipped:
        return SKIPPED
    if row is not None and row.packets_sent + row.packets_received <= 1:
        return "Wireshark reads the packet another way"
    if row is None:
        return "the connection was not followed here"
    if row.duplicates:
        return "the connection was captured in several places at once: copies are told from repeats here"
    if row.cut_packets:
        return "the snapshot length cut its packets"
    if analysis.capture.backwards:
        return "the times of the capture step back"
    return UNKNOWN


def hello(row: Connection | None) -> str:
    """Say why a ClientHello was not seen."""
    if row is None:
        return "the connection was not followed here"
    if row.lost_before_capture or row.gap_bytes or row.cut_packets:
        return "a part of the handshake is not in the capture"
    if row.protocol is None:
        return "the connection does not begin with TLS: it switches to it later, or its first record is no handshake"
    return UNKNOWN


class Http:
    """Says why messages are seen by one only, or end in another frame."""

    def __init__(self, rows: Sequence[Row], connections: Mapping[ConnectionId, Connection], again: Again) -> None:
        self._connections = connections
        self._again = again
        self._ordered: dict[str, set[PacketId]] | None = None
        self._scattered: set[ConnectionId] = set()
        self._speaking: set[ConnectionId] = set()
        self._closing = {row.number for row in rows if row.closing}
        self._at_close = {row.stream for row in rows if row.closing and row.responses}
        """Connections with an answer that Wireshark completes with a FIN."""
        for row in rows:
            if row.stream is None:
                continue
            if row.flags & {"out_of_order", "retransmissions", "lost_segments"}:
                self._scattered.add(row.stream)
            if row.requests or row.responses:
                self._speaking.add(row.stream)

    def ours(self, exchange: Exchange, kind: str) -> str:
        """Say why Wireshark does not complete a message in the frame in which it is complete here."""
        number = exchange.request_packet_id if kind == "request" else exchange.response_packet_id
        under = self._connections.get(exchange.connection_id)
        if under is not None and under.connection_id in self._scattered and number in self._with_order(kind):
            return SCATTERED
        if under is not None and (under.gap_bytes or under.cut_packets or under.lost_before_capture):
            return "a part of the message is not in the capture: it is counted here from its head, in Wireshark only when it is whole"
        if under is not None and under.connection_id not in self._speaking:
            return PORT.format(port=under.server_port)
        if under is not None and under.duplicates:
            return "the connection was captured in several places at once: the copy nearest to the client counts here"
        if kind == "response" and under is not None and (under.connection_id in self._at_close or self._until_close(under, exchange)):
            return CLOSE
        if exchange.outcome in ("cut", "no-response") or (kind == "request" and exchange.request_end_packet_id != number):
            return "the message does not end in the capture: Wireshark shows only whole ones"
        if under is not None and under.connection_id in self._scattered:
            return "a segment was repeated or came late: Wireshark completes the message in another frame"
        return UNKNOWN

    def theirs(self, number: PacketId, stream: ConnectionId | None, kind: str) -> str:
        """Say why a message that Wireshark completes in a frame is not complete there here."""
        under = self._connections.get(stream) if stream is not None else None
        if under is None:
            return "the connection was not followed here"
        if under.connection_id in self._scattered and number not in self._with_order(kind):
            return SCATTERED
        if under.gap_bytes or under.cut_packets or under.lost_before_capture:
            return "a part of the message is not in the capture"
        if kind == "response" and number in self._closing:
            return CLOSE
        if under.protocol == "tls":
            return "the connection is not decrypted here, or only after lost records"
        if under.protocol != "http/1.1":
            return f"the connection does not begin like HTTP (it speaks {under.protocol or 'something else'})"
        if under.duplicates:
            return "the connection was captured in several places at once: the copy nearest to the client counts here"
        if under.connection_id in self._scattered:
            return "a segment was repeated or came late: the message is complete here in another frame"
        return UNKNOWN

    def time(self, exchange: Exchange, row: Row) -> str:
        """Say why the time between two frames is another."""
        if row.requests_in and exchange.request_packet_id not in row.requests_in:
            return (
                f"Wireshark takes packet {row.requests_in[-1]} for the end of the request, here it is packet {exchange.request_packet_id}"
            )
        return UNKNOWN

    def _until_close(self, under: Connection, exchange: Exchange) -> bool:
        """Tell whether an answer was the connection's last and the server closed behind it."""
        end = exchange.response_end_ns
        last = exchange.index_on_connection + 1 >= under.exchanges
        return last and end is not None and under.server_closed_ns is not None and under.server_closed_ns >= end

    def _with_order(self, kind: str) -> set[PacketId]:
        """Return the frames in which messages are complete once segments are in order."""
        if self._ordered is None:
            rows = self._again()
            self._ordered = {
                "request": {row.number for row in rows if row.requests},
                "response": {row.number for row in rows if row.responses},
            }
        return self._ordered[kind]
