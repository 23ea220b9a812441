"""What is known of the capture itself, filled in while its packets are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from analyzer.model.clocks import Clock
from analyzer.units import DurationNs, PacketId, TimeNs

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
    first_ns: TimeNs | None = None
    """Smallest time of a packet by the file's own clock, as it stands in the file."""
    last_ns: TimeNs | None = None
    """Largest time of a packet by the file's own clock."""
    tick_ns: DurationNs = 1
    """What all its times, as far as they were looked at, are multiples of: 1, 1000, 1000000 or 1000000000."""
    clock: Clock = field(default_factory=Clock)
    """How that clock stands to the first file's, and the point at which the file was captured."""


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


class Off(NamedTuple):
    """How far one moment of exchanges that were inferred is from the same of those that were decrypted, without sign."""

    median_ns: DurationNs
    p99_ns: DurationNs
    max_ns: DurationNs


class Inference(NamedTuple):
    """How right inference without keys is, measured on connections of this capture for which there are keys."""

    connections: int
    exchanges: int
    """Those that were decrypted."""
    missed: int
    """Of them, those that inference does not see."""
    extra: int
    """What it takes for an exchange and is none."""
    request_start: Off | None
    """None where no exchange has that moment in both answers."""
    response_start: Off | None
    response_end: Off | None


@dataclass(slots=True)
class CaptureInfo:
    """The `capture` part of the answer. Final once the last block was read."""

    files: list[CaptureFile] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    packets: int = 0
    bytes: int = 0
    """Captured bytes of all packets."""
    first_ns: TimeNs | None = None
    """Smallest time of a packet, by the first file's clock."""
    last_ns: TimeNs | None = None
    """Largest time of a packet, by the first file's clock."""
    complete: bool = True
    """False when a file was cut short or damaged."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the reader: what was cut, skipped or repaired. They warn."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for the reader that warn of nothing: how the clocks of several files were aligned, and whose view is used."""
    cut_packets: int = 0
    """Packets that the snapshot length cut."""
    backwards: int = 0
    """Packets with a time before their predecessor's in the same file."""
    backwards_ns: DurationNs = 0
    """The longest step back."""
    audit: list[str] = field(default_factory=list)
    """Sentences on what the capture lacks and which numbers that touches: the rule `capture-incomplete` says it of what is analysed."""
    secrets: list[KeyLog] = field(default_factory=list)
    """TLS key log contents of decryption secrets blocks; never shown."""
    inference: Inference | None = None
    """None where nothing could be compared."""
    runs: list[tuple[PacketId, int, int, int]] = field(default_factory=list)
    """With several files: (first packet id, file, first frame in that file, packets) of each run, to name `file:frame`."""
