"""Sections and interfaces of a pcapng file: byte order, time resolution, options (draft-ietf-opsawg-pcapng sections 4.1, 4.2 and 4.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct

from analyzer.capture._records import BIG_BLOCK, LITTLE_BLOCK
from analyzer.capture.formats import PCAPNG_MAGIC
from analyzer.capture.limits import LARGEST_BLOCK, LARGEST_OPTIONS, LARGEST_PACKET, MOST_PROCESSES, packet_bound
from analyzer.model.capture import Interface
from analyzer.model.seams import Process
from analyzer.units import SECOND

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, PACKET, SECRETS = 0x0A0D0D0A, 1, 2, 3, 5, 6, 10
PROCESS = 0x80000001
"""A process of the capturing host, which packets then name by its place in the section (macOS: libpcap's pcap-ng.h)."""

TLS_KEY_LOG = 0x544C534B
"""Secrets type of a key log (section 4.7)."""

NUMBERED = frozenset({9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD})
"""Blocks that are no packets and still get a `frame.number`: journal entries, sysdig events, custom blocks (tried with tshark 4.0.17)."""

_NAME, _RESOLUTION, _OFFSET = 2, 9, 14
_RECEIVED, _DROPPED, _DROPPED_BY_SYSTEM = 4, 5, 7
_PROCESS_NAME, _HOLDER, _PRINCIPAL = 2, 0x8001, 0x8003
"""Options of a process, and of a packet: the process that holds the socket, and the one for which it acts."""
_LONGEST_NAME = 256


class Source:
    """An interface as packets refer to it: where it stands in the answer and how its times are read."""

    __slots__ = ("described", "link_type", "number", "offset", "resolution", "snaplen", "tick")

    def __init__(self, described: Interface, resolution: int, offset: int) -> None:
        self.described = described
        self.number = described.number
        self.link_type = described.link_type
        self.snaplen = described.snaplen
        self.resolution = resolution
        """Units of time in a second."""
        self.offset = offset
        """Nanoseconds to add."""
        self.tick = SECOND // resolution if SECOND % resolution == 0 else 0
        """Nanoseconds of one unit; 0 where that is no whole number."""

    def time(self, high: int, low: int) -> int:
        """Turn the two halves of a time into nanoseconds since the epoch."""
        return ((high << 32) | low) * SECOND // self.resolution + self.offset


class Section:
    """One section: its byte order, its interfaces, and what a believable block looks like in it."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.head = Struct(order + "II").unpack_from
        self.word = Struct(order + "I").unpack_from
        self.short = Struct(order + "HH").unpack_from
        self.packet = Struct(order + "5I").unpack_from
        self.chained = LITTLE_BLOCK if order == "<" else BIG_BLOCK
        self.sources: list[Source] = []
        self.processes: list[Process | None] = []
        self.packet_limit = LARGEST_BLOCK
        kinds = rb"[\x01-\x06\x09\x0a]\0\0\0" if order == "<" else rb"\0\0\0[\x01-\x06\x09\x0a]"
        self.beginnings = re.compile(kinds + rb"|\n\r\r\n")
        """Where a block may begin, for a search through damage."""

    def announce(self, snaplen: int) -> None:
        """Learn the snapshot length of an interface: packets may be that long."""
        self.packet_limit = max(self.packet_limit, min(packet_bound(snaplen) + LARGEST_OPTIONS, LARGEST_PACKET))

    def source(self, number: int) -> Source | None:
        """Return the section's interface of that number, None where it was not described."""
        return self.sources[number] if number < len(self.sources) else None

    def options(self, data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield (code, value) of the options in `data[at:end]`; stops at their end mark or where one does not fit."""
        while at + 4 <= end:
            code, size = self.short(data, at)
            at += 4
            if code == 0 or at + size > end:
                return
            yield code, data[at : at + size]
            at += (size + 3) & ~3

    def integer(self, value: bytes, *, signed: bool = False) -> int:
        """Read an integer option."""
        return int.from_bytes(value, "little" if self.order == "<" else "big", signed=signed)

    def describe(self, described: Interface, data: bytes, at: int, end: int) -> Source:
        """Read the options of an interface description into `described`; return how its packets are read."""
        resolution, offset = 1_000_000, 0
        for code, value in self.options(data, at, end):
            if code == _NAME:
                described.name = value.rstrip(b"\0").decode("utf-8", "replace")[:_LONGEST_NAME]
            elif code == _RESOLUTION and len(value) == 1:
                power = value[0] & 0x7F
                resolution = 2**power if value[0] & 0x80 else 10**power
            elif code == _OFFSET and len(value) == 8:
                offset = self.integer(value, signed=True) * SECOND
        return Source(described, resolution, offset)

    def process(self, data: bytes, at: int, end: int) -> None:
        """Read the description of a process; of very many the rest stays unknown."""
        if len(self.processes) >= MOST_PROCESSES:
            return
        names = [value for code, value in self.options(data, at + 4, end) if code == _PROCESS_NAME]
        name = names[0].rstrip(b"\0").decode("utf-8", "replace")[:_LONGEST_NAME] if names else ""
        self.processes.append(Process(self.word(data, at)[0], name) if name else None)

    def process_of(self, data: bytes, at: int, end: int) -> Process | None:
        """Return whose a packet was by the options that follow its bytes: the process for which another acts goes before that one."""
        found: Process | None = None
        for code, value in self.options(data, at, end):
            if code in (_HOLDER, _PRINCIPAL) and len(value) == 4 and (found is None or code == _PRINCIPAL):
                number = self.integer(value)
                found = (self.processes[number] if number < len(self.processes) else None) or found
        return found

    def statistics(self, described: Interface, data: bytes, at: int, end: int) -> None:
        """Read the options of interface statistics; they count from the start of the capture, so that the last block wins."""
        dropped: int | None = None
        for code, value in self.options(data, at, end):
            if len(value) != 8:
                continue
            if code == _RECEIVED:
                described.received = self.integer(value)
            elif code in (_DROPPED, _DROPPED_BY_SYSTEM):
                dropped = (dropped or 0) + self.integer(value)
        if dropped is not None:
            described.dropped = dropped


def byte_order(data: bytes, at: int) -> str | None:
    """Tell the byte order of the section header at `at` by its byte-order magic; None where there is none."""
    if data[at : at + 4] != PCAPNG_MAGIC:
        return None
    magic = data[at + 8 : at + 12]
    return {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(magic)
