"""pcapng files: sections, interfaces, packets, secrets and statistics (draft-ietf-opsawg-pcapng).

Packets of the usual kind are walked in `_records`; every other block comes here one at a time. A block whose lengths disagree does not end
the reading: it goes on at the next place where a block begins whose two lengths agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from analyzer.capture._records import walk_enhanced
from analyzer.capture.formats import PCAPNG_MAGIC
from analyzer.capture.limits import LARGEST_BLOCK, LARGEST_OPTIONS
from analyzer.capture.sections import (
    INTERFACE,
    NUMBERED,
    OLD_PACKET,
    PACKET,
    PROCESS,
    SECRETS,
    SECTION,
    SIMPLE_PACKET,
    STATISTICS,
    TLS_KEY_LOG,
    Section,
    Source,
    byte_order,
)
from analyzer.capture.tally import Tally
from analyzer.capture.window import Window
from analyzer.errors import CaptureError, UnknownFormat
from analyzer.model.seams import Block, Process

_DISAGREE = "block lengths disagree, what lay between could not be read"
_NO_INTERFACE = "a packet names an interface that the file does not describe and was left out"
_BAD_PACKET = "a packet is longer than its block and was left out"
Raw: TypeAlias = tuple[int, str, bytes]
"""A block as it is: its type, the byte order of its section, its bytes."""


class PcapngReader:
    """One pcapng stream. Raises CaptureError or UnknownFormat when made, and nothing afterwards."""

    def __init__(self, window: Window, tally: Tally) -> None:
        found = window.record(28)
        if found is None:
            hint = "the capture was stopped before it began; take it again"
            raise CaptureError(f"{tally.name} ends within its first section header", hint=hint)
        self._window = window
        self._tally = tally
        self._raw: Raw | None = None
        self._keeps = False
        """Whether blocks are wanted as they are."""
        data, at = found
        order = byte_order(data, at)
        if order is None:
            hint = "the file is damaged; take it again"
            raise UnknownFormat(f"{tally.name} begins like a pcapng capture but has no byte-order magic", hint=hint)
        self._section = Section(order)
        version = self._section.short(data, at + 12)
        if not _supported(version):
            hint = "the file may be damaged"
            raise UnknownFormat(f"{tally.name} is pcapng version {version[0]}.{version[1]}, which is not supported", hint=hint)

    def blocks(self) -> Iterator[Block]:
        """Yield the packets, numbered within this file."""
        window, tally = self._window, self._tally
        while True:
            section = self._section
            # The walk checks the closing length of the block before, which must therefore lie in the same buffer.
            while not window.carry and window.pos >= 4 and len(window.data) - window.pos >= 32:
                kind, _size, number = section.chained(window.data, window.pos - 4)[1:4]
                source = section.source(number) if kind == PACKET else None
                if source is None:
                    break
                block = self._walk(section, source, number)
                if block is None:
                    break
                yield tally.add(block)
            went_on, packet = self._step()
            if packet is not None:
                yield tally.add(packet)
            if not went_on:
                return

    def records(self) -> Iterator[tuple[int, str, bytes, int | None]]:
        """Yield every block as it is, in place of `blocks`: its type, byte order, bytes and `frame.number`, None where it has none.

        What damage makes unreadable is left out, as `blocks` leaves it out.
        """
        self._keeps, tally = True, self._tally
        while True:
            before = tally.frames
            went_on, packet = self._step()
            if packet is not None:
                tally.add(packet)
            raw, self._raw = self._raw, None
            if raw is not None:
                yield (*raw, tally.frames if tally.frames > before else None)
            if not went_on:
                return

    def _walk(self, section: Section, source: Source, number: int) -> Block | None:
        """Take the run of packets of one interface at the cursor; None where there is not a whole one."""
        window = self._window
        starts: list[int] = []
        lengths: list[int] = []
        wire_lengths: list[int] = []
        times: list[int] = []
        tick, offset = (source.tick, source.offset) if source.tick else (1, 0)
        data = window.data
        window.pos = walk_enhanced(
            data, window.pos, section.chained, section.word, number, tick, offset, starts, lengths, wire_lengths, times
        )
        if not starts:
            return None
        if not source.tick:
            times = [source.time(0, ticks) for ticks in times]
        frame, file = self._tally.frames + 1, self._tally.file
        processes = self._processes(data, starts, lengths) if section.processes else None
        return Block(data, starts, lengths, wire_lengths or lengths, times, source.link_type, source.number, frame, file, frame, processes)

    def _processes(self, data: bytes, starts: list[int], lengths: list[int]) -> list[Process | None]:
        """Return whose each of a run of packets was, by the options between its bytes and the closing length of its block."""
        section = self._section
        return [
            section.process_of(data, start + (length + 3 & ~3), start - 32 + section.word(data, start - 24)[0])
            for start, length in zip(starts, lengths, strict=True)
        ]

    def _step(self) -> tuple[bool, Block | None]:
        """Take one block of any kind; return whether the reading goes on, and the packet that the block held."""
        window, section = self._window, self._section
        found = window.record(12)
        if found is None:
            return self._at_end(), None
        data, at = found
        kind, size = section.head(data, at)
        if kind == SECTION:
            order = byte_order(data, at)
            if order is None:
                return self._resume(_DISAGREE), None
            size = int.from_bytes(data[at + 4 : at + 8], "little" if order == "<" else "big")
        padded = (size + 3) & ~3  # some writers leave the padding out of the length, as Wireshark knows too
        limit = section.packet_limit if kind == PACKET else LARGEST_BLOCK
        if size < (28 if kind == SECTION else 12) or padded > limit:
            return self._resume(_DISAGREE), None
        whole = window.record(padded)
        if whole is None:
            if self._doubtful(kind):
                return self._resume(_DISAGREE), None
            return self._at_end(), None
        data, at = whole
        if kind == SECTION:
            section = Section(order or "<")
        closing = section.word(data, at + padded - 4)[0]
        if closing not in (size, padded):
            if not self._believable(section, padded):
                return self._resume(_DISAGREE), None
            self._tally.skipped("the closing length of a block is wrong")
        if kind == SECTION:
            version = section.short(data, at + 12)
            if not _supported(version):
                self._tally.damage("capture-damaged", f"goes on with pcapng version {version[0]}.{version[1]}, which is not supported")
                return False, None
            self._section = section
        packet = self._take(kind, data, at + 8, at + padded - 4)
        if self._keeps:
            self._raw = kind, self._section.order, bytes(data[at : at + padded])
        window.advance(padded)
        return True, packet

    def _take(self, kind: int, data: bytes, at: int, end: int) -> Block | None:
        """Read the body `data[at:end]` of one block."""
        section, tally = self._section, self._tally
        if kind == INTERFACE and end - at >= 8:
            link_type, _ = section.short(data, at)
            snaplen = section.word(data, at + 4)[0]
            described = tally.interface(link_type, snaplen)
            if described:
                section.sources.append(section.describe(described, data, at + 8, end))
            section.announce(snaplen)
        elif kind in (PACKET, OLD_PACKET) and end - at >= 20:
            number, high, low, captured, original = section.packet(data, at)
            if kind == OLD_PACKET:
                number = section.short(data, at)[0]
            block = self._packet(number, high, low, captured, original, data, at + 20, end)
            if block is not None and section.processes and kind == PACKET:
                block = block._replace(processes=[section.process_of(data, at + 20 + (captured + 3 & ~3), end)])
            return block
        elif kind == SIMPLE_PACKET and end - at >= 4:
            original = section.word(data, at)[0]
            source = section.source(0)
            # It holds no captured length: the snapshot length and the block's size bound it (section 4.4). It has no time either.
            captured = min(original, end - at - 4)
            if source is not None and source.snaplen:
                captured = min(captured, source.snaplen)
            return self._packet(0, None, 0, captured, original, data, at + 4, end)
        elif kind == STATISTICS and end - at >= 12:
            source = section.source(section.word(data, at)[0])
            if source is not None:
                section.statistics(source.described, data, at + 12, end)
        elif kind == SECRETS and end - at >= 8:
            kind_of_secret, size = section.head(data, at)
            if kind_of_secret == TLS_KEY_LOG:
                tally.secret(data[at + 8 : min(at + 8 + size, end)])
        elif kind == PROCESS and end - at >= 4:
            section.process(data, at, end)
        elif kind in NUMBERED:
            tally.number()
        return None

    def _packet(
        self, number: int, high: int | None, low: int, captured: int, original: int, data: bytes, start: int, end: int
    ) -> Block | None:
        source = self._section.source(number)
        if source is None or start + captured > end:
            self._tally.skipped(_NO_INTERFACE if source is None else _BAD_PACKET)
            return None
        time = 0 if high is None else source.time(high, low)
        frame = self._tally.frames + 1
        return Block(data, [start], [captured], [original], [time], source.link_type, source.number, frame, self._tally.file, frame)

    def _doubtful(self, kind: int) -> bool:
        """Tell whether a block that the input does not hold to its end contradicts itself, rather than being cut short."""
        found = self._window.record(28) if kind == PACKET else None
        if found is None:
            return False
        data, at = found
        _number, _high, _low, captured, _original = self._section.packet(data, at + 8)
        natural = 32 + ((captured + 3) & ~3)
        if not 0 <= self._section.word(data, at + 4)[0] - 32 - captured <= LARGEST_OPTIONS:
            return True
        return self._window.left > natural and self._believable(self._section, natural)

    def _believable(self, section: Section, size: int) -> bool:
        """Tell whether a block of a known kind, or the end of the input, comes `size` bytes on."""
        found = self._window.record(size + 12)
        if found is None:
            return self._window.left == size
        data, at = found
        length = section.word(data, at + size + 4)[0]
        return section.beginnings.match(data, at + size) is not None and 12 <= length <= LARGEST_BLOCK

    def _resume(self, why: str) -> bool:
        """Move to the next place where a block begins whose two lengths agree; false where there is none."""
        window, section = self._window, self._section
        self._tally.skipped(why)
        window.join()
        window.pos += 4
        while True:
            match = section.beginnings.search(window.data, min(window.pos, len(window.data)))
            if match is None:
                window.pos = max(window.pos, len(window.data) - 3)
                if not window.more():
                    window.pos = len(window.data)
                    return False
                continue
            window.pos = match.start()
            if self._whole():
                return True
            window.join()
            window.pos += 1

    def _whole(self) -> bool:
        """Tell whether the cursor stands at a block whose lengths agree."""
        window = self._window
        found = window.record(12)
        if found is None:
            return False
        data, at = found
        order = byte_order(data, at) if data[at : at + 4] == PCAPNG_MAGIC else self._section.order
        if order is None:
            return False
        size = int.from_bytes(data[at + 4 : at + 8], "little" if order == "<" else "big")
        if not 12 <= size <= LARGEST_BLOCK or size & 3:
            return False
        whole = window.record(size)
        if whole is None:
            return False
        data, at = whole
        return data[at + 4 : at + 8] == data[at + size - 4 : at + size]

    def _at_end(self) -> bool:
        if self._window.left:
            self._tally.damage("capture-cut-short", f"was cut short in the middle of packet {self._tally.frames + 1}")
        return False


def _supported(version: tuple[int, ...]) -> bool:
    """1.0, and 1.2, which some programs wrote without any difference (libpcap: sf-pcapng.c)."""
    return version in ((1, 0), (1, 2))
