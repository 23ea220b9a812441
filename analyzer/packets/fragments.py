"""Reassembles IP fragments within fixed bounds (RFC 791 section 3.2, RFC 8200 section 4.5)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from analyzer.model.seams import Oddity
from analyzer.units import SECOND, DurationNs, TimeNs

MAX_DATAGRAMS = 256
"""Unfinished datagrams that are kept; the oldest goes first. At 64 KiB each, this bounds memory to 16 MiB."""
MAX_BYTES = 65_535
"""No datagram is longer (RFC 791; IPv6 jumbograms cannot be fragmented, RFC 2675 section 3)."""
MAX_RANGES = 128
"""Separate pieces that a datagram may consist of while it grows: in-order fragments make one, and 64 KB at an MTU of 576 has 119."""
LIFETIME_NS: DurationNs = 30 * SECOND
"""How long after its first fragment a datagram is waited for, by the packets' times (Linux: `ipfrag_time`)."""


class _Datagram:
    """A datagram that grows: its bytes and the disjoint, sorted ranges of them that are there."""

    __slots__ = ("buffer", "ends", "protocol", "started", "starts", "total")

    def __init__(self, started: TimeNs) -> None:
        self.started = started
        self.buffer = bytearray()
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.total: int | None = None
        self.protocol: int | None = None

    def put(self, offset: int, piece: bytes) -> None:
        """Copy those bytes of `piece` that are not there yet: the first copy wins, as in Wireshark."""
        end = offset + len(piece)
        buffer = self.buffer
        if end > len(buffer):
            buffer.extend(bytes(end - len(buffer)))
        first = bisect_left(self.ends, offset)
        last = bisect_right(self.starts, end)
        at = offset
        for start, stop in zip(self.starts[first:last], self.ends[first:last], strict=True):
            if at < start:
                buffer[at:start] = piece[at - offset : start - offset]
            at = stop
        if at < end:
            buffer[at:end] = piece[at - offset :]
        if first < last:
            offset = min(offset, self.starts[first])
            end = max(end, self.ends[last - 1])
        self.starts[first:last] = [offset]
        self.ends[first:last] = [end]

    def whole(self) -> bool:
        """Tell whether every byte up to the last fragment's end is there."""
        return self.total is not None and self.starts[0] == 0 and self.ends[0] >= self.total


class Fragments:
    """Collects fragments until their datagrams are whole."""

    def __init__(self) -> None:
        self._pending: dict[bytes, _Datagram] = {}

    def __len__(self) -> int:
        """Count the datagrams that wait for more."""
        return len(self._pending)

    def add(self, key: bytes, protocol: int, offset: int, more: bool, piece: bytes, time: TimeNs) -> tuple[int, bytes] | Oddity | None:
        """Take one fragment; return (protocol, payload) of the datagram that it makes whole, None while more is to come.

        `key` identifies the datagram, `offset` counts bytes, `protocol` counts where `offset` is 0 (RFC 8200 section 4.5).
        A fragment that no datagram can have is an Oddity, and so is one too many: the datagram is then forgotten.
        """
        end = offset + len(piece)
        if end > MAX_BYTES or not piece:
            return Oddity("bad-fragment", f"a fragment of {len(piece)} bytes at offset {offset} fits no datagram")
        datagram = self._pending.get(key)
        if datagram is None or abs(time - datagram.started) > LIFETIME_NS:
            self._pending.pop(key, None)
            if len(self._pending) >= MAX_DATAGRAMS:
                del self._pending[next(iter(self._pending))]
            datagram = self._pending[key] = _Datagram(time)
        datagram.put(offset, piece)
        if offset == 0 and datagram.protocol is None:
            datagram.protocol = protocol
        if not more and datagram.total is None:
            datagram.total = end
        if datagram.protocol is not None and datagram.whole():
            del self._pending[key]
            return datagram.protocol, bytes(datagram.buffer[: datagram.total])
        if len(datagram.starts) > MAX_RANGES:
            del self._pending[key]
            return Oddity("bad-fragment", f"more than {MAX_RANGES} separate pieces of one datagram")
        return None
