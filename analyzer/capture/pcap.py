"""Classic pcap files: micro- or nanoseconds, either byte order, and the modified format (draft-ietf-opsawg-pcap; wiretap/libpcap.c)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from analyzer.capture._records import BIG_RECORD, LITTLE_RECORD, Unpack, pcap_time, walk_pcap
from analyzer.capture.formats import PCAP_MAGICS
from analyzer.capture.limits import packet_bound
from analyzer.capture.tally import Tally
from analyzer.capture.window import Window
from analyzer.errors import CaptureError, UnknownFormat
from analyzer.model.seams import Block

_HEADER = 24


class PcapReader:
    """One classic pcap stream. Raises CaptureError or UnknownFormat when made, and nothing afterwards."""

    def __init__(self, window: Window, tally: Tally) -> None:
        found = window.record(_HEADER)
        if found is None:
            raise CaptureError(f"{tally.name} ends within its file header", hint="the capture was stopped before it began; take it again")
        data, at = found
        order, self.fraction, self._header = PCAP_MAGICS[data[at : at + 4]]
        major, minor, _zone, _figures, snaplen, network = Struct(order + "HHiIII").unpack_from(data, at + 4)
        if major < 2:
            hint = "the file may be damaged"
            raise UnknownFormat(f"{tally.name} is pcap version {major}.{minor}, which is not supported", hint=hint)
        self._unpack: Unpack = LITTLE_RECORD if order == "<" else BIG_RECORD
        if major == 543 or (major == 2 and minor < 3):
            self._unpack = _exchanged(self._unpack)
        self._window = window
        self._tally = tally
        self._snaplen = snaplen
        self._bound = packet_bound(snaplen)
        self._link_type = network & 0xFFFF
        # The upper half says, if at all, how many words of a checksum end each frame (draft-ietf-opsawg-pcap section 4).
        self.frame_check_bits = (network >> 28) * 16 if network & 0x0400_0000 else 0
        window.advance(_HEADER)

    def blocks(self) -> Iterator[Block]:
        """Yield the packets, numbered within this file. Zero bytes behind the last packet are packets too, as in Wireshark."""
        window, tally, unpack = self._window, self._tally, self._unpack
        header, fraction, bound, link_type = self._header, self.fraction, self._bound, self._link_type
        described = tally.interface(link_type, self._snaplen)
        interface = described.number if described else 0
        file = tally.file
        while True:
            if not window.carry:
                starts: list[int] = []
                lengths: list[int] = []
                wire_lengths: list[int] = []
                times: list[int] = []
                data = window.data
                window.pos = walk_pcap(data, window.pos, unpack, header, fraction, bound, starts, lengths, wire_lengths, times)
                if starts:
                    frame = tally.frames + 1
                    yield tally.add(Block(data, starts, lengths, wire_lengths or lengths, times, link_type, interface, frame, file, frame))
            head = window.record(header)
            if head is None:
                break
            seconds, rest, captured, original = unpack(*head)
            if captured > bound:
                tally.damage("capture-damaged", f"is damaged after packet {tally.frames}: a packet of {captured} bytes cannot be")
                return
            whole = window.record(header + captured)
            if whole is None:
                break
            data, at = whole
            window.advance(header + captured)
            frame = tally.frames + 1
            time = pcap_time(seconds, rest, fraction)
            yield tally.add(Block(data, [at + header], [captured], [original], [time], link_type, interface, frame, file, frame))
        if window.left:
            tally.damage("capture-cut-short", f"was cut short in the middle of packet {tally.frames + 1}")


def _exchanged(unpack: Unpack) -> Unpack:
    """Read the records of files before version 2.3 and of DG/UX, in which the two lengths changed places (wiretap/libpcap.c)."""

    def exchanged(data: bytes, at: int) -> tuple[int, int, int, int]:
        seconds, rest, original, captured = unpack(data, at)
        return seconds, rest, captured, original

    return exchanged
