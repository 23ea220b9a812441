"""What is known of the capture itself, filled in while its packets are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from analyzer.units import PacketId, TimeNs

KeyLog: TypeAlias = bytes
"""TLS secrets in the NSS key log format."""


@dataclass(slots=True)
class CaptureFile:
    """One input file or stream."""

    name: str
    first_packet_id: PacketId | None = None
    packets: int = 0
    format: str = ""
    """pcap or pcapng, with compression where there is one (`pcap+gzip`)."""


@dataclass(slots=True)
class Interface:
    """One interface of a capture file (pcapng IDB, or the header of a classic pcap)."""

    number: int
    file: int
    link_type: int
    snaplen: int
    """0: no limit."""
    name: str | None = None
    received: int | None = None
    """Packets received by the interface (interface statistics block), where known."""
    dropped: int | None = None
    """Packets dropped by interface or kernel (interface statistics block), where known."""


@dataclass(slots=True)
class CaptureInfo:
    """The `capture` part of the answer. Final once the last block was read."""

    files: list[CaptureFile] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    packets: int = 0
    bytes: int = 0
    """Captured bytes of all packets."""
    first_ns: TimeNs | None = None
    """Smallest time of a packet."""
    last_ns: TimeNs | None = None
    """Largest time of a packet."""
    complete: bool = True
    """False when a file was cut short or damaged."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the reader: what was cut, skipped or repaired."""
    cut_packets: int = 0
    """Packets that the snapshot length cut."""
    backwards: int = 0
    """Packets with a time before their predecessor's in the same file."""
    secrets: list[KeyLog] = field(default_factory=list)
    """TLS key log contents of decryption secrets blocks; never shown."""
    runs: list[tuple[PacketId, int, int, int]] = field(default_factory=list)
    """With several files: (first packet id, file, first frame in that file, packets) of each run, to name `file:frame`."""
