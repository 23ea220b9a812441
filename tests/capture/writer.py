"""Writes small captures byte by byte, and reads them back as plain rows."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from analyzer.capture import Capture, open_captures
from analyzer.model.rows import Anomaly

SECOND = 1_000_000_000


class Row(NamedTuple):
    """One packet as it was read back."""

    time: int
    data: bytes
    wire: int
    link_type: int
    interface: int
    packet_id: int
    file: int
    frame: int


def pcap(
    packets: Iterable[tuple[int, bytes]],
    *,
    order: str = "<",
    nano: bool = False,
    modified: bool = False,
    network: int = 1,
    snaplen: int = 262144,
    version: tuple[int, int] = (2, 4),
    wire: int | None = None,
) -> bytes:
    """Write a classic pcap of (time in ns, bytes)."""
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, network)]
    for time, data in packets:
        fraction = time % SECOND // (1 if nano else 1000)
        out.append(struct.pack(order + "4I", time // SECOND, fraction, len(data), len(data) if wire is None else wire))
        out.append((bytes(8) if modified else b"") + data)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<", *, opening: int | None = None, closing: int | None = None) -> bytes:
    """Write a pcapng block; `opening` and `closing` replace its true length."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    head = struct.pack(order + "II", kind, size if opening is None else opening)
    return head + body + struct.pack(order + "I", size if closing is None else closing)


def section(order: str = "<", version: tuple[int, int] = (1, 0)) -> bytes:
    """Write a section header."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """Write an option."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type: int = 1, snaplen: int = 0, order: str = "<", options: bytes = b"") -> bytes:
    """Write an interface description."""
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options + end, order)


def enhanced(
    ticks: int,
    data: bytes,
    number: int = 0,
    order: str = "<",
    *,
    captured: int | None = None,
    wire: int | None = None,
    options: bytes = b"",
    opening: int | None = None,
    closing: int | None = None,
) -> bytes:
    """Write an enhanced packet block."""
    lengths = len(data) if captured is None else captured, len(data) if wire is None else wire
    head = struct.pack(order + "5I", number, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
    return block(6, head + data + bytes(-len(data) % 4) + options, order, opening=opening, closing=closing)


def save(folder: Path, content: bytes, name: str = "x.pcap") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def rows(capture: Capture) -> list[Row]:
    """Read a capture to its end."""
    found = []
    for part in capture.blocks():
        assert len(part.starts) == len(part.lengths) == len(part.wire_lengths) == len(part.times) > 0
        for index, (start, length, wire, time) in enumerate(zip(part.starts, part.lengths, part.wire_lengths, part.times, strict=True)):
            data = part.data[start : start + length]
            assert len(data) == length, "every packet of a block is whole in its data"
            found.append(
                Row(time, data, wire, part.link_type, part.interface, part.first_packet_id + index, part.file, part.first_frame + index)
            )
    return found


class Reading(NamedTuple):
    """A capture that was read to its end."""

    capture: Capture
    rows: list[Row]
    anomalies: list[Anomaly]

    @property
    def packets(self) -> list[tuple[int, bytes]]:
        """Time and bytes of each packet."""
        return [(row.time, row.data) for row in self.rows]

    @property
    def notes(self) -> list[str]:
        """The notes on the capture."""
        return self.capture.info.notes


def read(*paths: Path, chunk: int = 1 << 19, max_expansion: int = 1000) -> Reading:
    """Open captures and read them to the end."""
    anomalies: list[Anomaly] = []
    capture = open_captures(paths, emit=anomalies.append, chunk=chunk, max_expansion=max_expansion)
    return Reading(capture, rows(capture), anomalies)


def samples(count: int = 20, first: int = 1_700_000_000 * SECOND) -> Sequence[tuple[int, bytes]]:
    """Make packets of various lengths, one a millisecond; times are whole microseconds."""
    return [(first + index * 1_000_000 + index * 1000, bytes([index % 256]) * (index * 7 % 97)) for index in range(count)]
