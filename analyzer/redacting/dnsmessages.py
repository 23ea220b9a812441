"""DNS messages (RFC 1035 section 4) disguised in place: names, addresses and texts of the same length; what is not understood is zeros."""

from __future__ import annotations

from struct import Struct

from analyzer.redacting.disguise import Disguise

HEADER = 12
PORTS = frozenset({53, 5353, 5355})
"""DNS, multicast DNS, LLMNR: one format."""
A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, DNAME, OPT = 1, 2, 5, 6, 12, 15, 28, 33, 39, 41
NAMED = {NS: 0, CNAME: 0, PTR: 0, MX: 2, SRV: 6, DNAME: 0, SOA: 0}
"""Types whose data is a name, behind so many bytes."""
MOST_LABELS = 128
_COUNTS = Struct(">4H")
_RECORD = Struct(">HHIH")


class DnsMessages:
    """Disguises DNS messages."""

    def __init__(self, disguise: Disguise) -> None:
        self._disguise = disguise

    def message(self, data: bytes) -> bytes:
        """Return a message, or the captured beginning of one, of the same length."""
        out = bytearray(len(data))
        if len(data) < HEADER:
            return bytes(out)
        out[:HEADER] = data[:HEADER]
        questions, *others = _COUNTS.unpack_from(data, 4)
        at = HEADER
        for _ in range(questions):
            following = self._name(data, at, out)
            if following is None or following + 4 > len(data):
                return bytes(out)
            out[following : following + 4] = data[following : following + 4]
            at = following + 4
        for _ in range(sum(others)):
            following = self._name(data, at, out)
            if following is None or following + 10 > len(data):
                break
            out[following : following + 10] = data[following : following + 10]
            kind, _, _, size = _RECORD.unpack_from(data, following)
            at = following + 10
            if at + size > len(data):
                break
            self._data(data, at, at + size, kind, out)
            at += size
        return bytes(out)

    def framed(self, data: bytes) -> bytes:
        """Return messages of a TCP connection, each behind its length (RFC 7766 section 8)."""
        out: list[bytes] = []
        at = 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 2], "big")
            out += (data[at : at + 2], self.message(data[at + 2 : at + 2 + size]))
            at += 2 + size
        return b"".join(out)[: len(data)].ljust(len(data), b"\0")

    def _data(self, data: bytes, at: int, end: int, kind: int, out: bytearray) -> None:
        if (kind, end - at) in ((A, 4), (AAAA, 16)):
            out[at:end] = self._disguise.addresses.ip(data[at:end])
        elif kind in NAMED and at + NAMED[kind] <= end:
            start = at + NAMED[kind]
            out[at:start] = data[at:start]
            following = self._name(data, start, out)
            if kind == SOA and following is not None:
                following = self._name(data, following, out)
                if following is not None and following + 20 == end:
                    out[following:end] = data[following:end]

    def _name(self, data: bytes, at: int, out: bytearray) -> int | None:
        """Disguise the name at `at`; return where it ends, None where it cannot be read."""
        here = self._own(data, at)
        if here is None:
            return None
        starts, end, pointer = here
        labels = [data[start + 1 : start + 1 + data[start]] for start in starts]
        rest: list[bytes] = []
        seen = {at}
        while pointer is not None and len(rest) < MOST_LABELS and pointer not in seen:
            seen.add(pointer)
            there = self._own(data, pointer)
            if there is None:
                break
            rest += [data[start + 1 : start + 1 + data[start]] for start in there[0]]
            pointer = there[2]
        new = self._disguise.hosts.labels([*labels, *rest])
        out[at:end] = data[at:end]
        for start, label in zip(starts, new, strict=False):
            out[start + 1 : start + 1 + len(label)] = label
        return end

    def _own(self, data: bytes, at: int) -> tuple[list[int], int, int | None] | None:
        """Return where the labels begin that stand at `at` itself, where they end, and where a pointer behind them leads."""
        starts: list[int] = []
        while at < len(data) and len(starts) < MOST_LABELS:
            size = data[at]
            if not size:
                return starts, at + 1, None
            if size >= 0xC0:
                return (starts, at + 2, (size & 0x3F) << 8 | data[at + 1]) if at + 1 < len(data) else None
            if size > 63 or at + 1 + size > len(data):
                return None
            starts.append(at)
            at += 1 + size
        return None
