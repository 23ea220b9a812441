"""Hears of new connections at once: a packet socket that lets SYNs only through.

The capturing program hands packets over a millisecond or two later, when a short-lived connection may be over and its process gone.
"""

from __future__ import annotations

import ctypes
import select
import socket
import struct
from collections.abc import Iterator
from typing import TypeAlias

ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
PACKET_OUTGOING = 4
LATE_MS = 1000

Ends: TypeAlias = tuple[tuple[bytes, int], tuple[bytes, int]]

# Classic BPF over a socket that shows packets from their network header on (packet(7), bpf(2)): a TCP segment with SYN and without ACK.
_PROGRAM = (
    (0x30, 0, 0, 0),  # A = byte 0
    (0x74, 0, 0, 4),  # A >>= 4
    (0x15, 0, 6, 4),  # IPv4, else look at IPv6
    (0x30, 0, 0, 9),  # A = protocol
    (0x15, 0, 11, 6),  # TCP, else drop
    (0xB1, 0, 0, 0),  # X = length of the header
    (0x50, 0, 0, 13),  # A = flags
    (0x54, 0, 0, 0x12),
    (0x15, 6, 7, 2),
    (0x15, 0, 6, 6),  # IPv6, else drop
    (0x30, 0, 0, 6),  # A = next header
    (0x15, 0, 4, 6),  # TCP, else drop
    (0x30, 0, 0, 53),  # A = flags
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 2),
    (0x06, 0, 0, 96),  # keep so many bytes
    (0x06, 0, 0, 0),  # drop
)


class Syns:
    """Hears of each connection that this host opens. Raises OSError where packet sockets are not allowed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        code = b"".join(struct.pack("HBBI", *step) for step in _PROGRAM)
        held = ctypes.create_string_buffer(code, len(code))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_PROGRAM), ctypes.addressof(held)))

    def heard(self) -> Iterator[Ends | tuple[None, None]]:
        """Yield the two ends of each new connection, and (None, None) now and then while there is none."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while True:
            try:
                if not poll.poll(LATE_MS):
                    yield None, None
                    continue
                data, address = self._socket.recvfrom(128)
            except OSError:
                continue  # an interface went down
            if address[2] == PACKET_OUTGOING:
                ends = ends_of(data)
                if ends is not None:
                    yield ends


def ends_of(data: bytes) -> Ends | None:
    """Return source and target (address, port) of a TCP segment that begins with its IP header; None where it is too short."""
    if len(data) < 40:
        return None
    if data[0] >> 4 == 4:
        at, source, target = (data[0] & 15) * 4, data[12:16], data[16:20]
    else:
        at, source, target = 40, data[8:24], data[24:40]
    if len(data) < at + 4:
        return None
    ports = struct.unpack_from(">HH", data, at)
    return (source, ports[0]), (target, ports[1])
