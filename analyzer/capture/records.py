"""Captures block by block, as pcapng has them: what copies a capture sees all of it, and a classic pcap looks the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from analyzer.capture import writer
from analyzer.capture.pcap import PcapReader
from analyzer.capture.sections import INTERFACE, PACKET, SECTION
from analyzer.model.capture import CaptureInfo

_TICKS = {writer.MICROSECONDS: 1000, writer.NANOSECONDS: 1}


class Record(NamedTuple):
    """One block of a pcapng."""

    kind: int
    order: str
    """Byte order of its section: `<` or `>`."""
    raw: bytes
    frame: int | None
    """Its `frame.number`; None where it is no packet and has none."""


def from_pcap(reader: PcapReader, info: CaptureInfo) -> Iterator[Record]:
    """Yield a classic pcap as pcapng: a section, its interface in the pcap's own resolution, and its packets."""
    yield Record(SECTION, "<", writer.section("", ""), None)
    resolution = writer.NANOSECONDS if reader.fraction == 1 else writer.MICROSECONDS
    tick = _TICKS[resolution]
    described = False
    for block in reader.blocks():
        if not described:
            described = True
            yield Record(INTERFACE, "<", _interface(reader, info, resolution), None)
        data, frame = block.data, block.first_frame
        for start, length, wire, time in zip(block.starts, block.lengths, block.wire_lengths, block.times, strict=True):
            yield Record(PACKET, "<", writer.enhanced(0, time // tick, data[start : start + length], wire), frame)
            frame += 1
    if not described:
        yield Record(INTERFACE, "<", _interface(reader, info, resolution), None)


def _interface(reader: PcapReader, info: CaptureInfo, resolution: int) -> bytes:
    found = info.interfaces[0]
    return writer.interface(found.link_type, None, snaplen=found.snaplen, resolution=resolution, frame_check_bits=reader.frame_check_bits)
