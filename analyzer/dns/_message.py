"""DNS messages (RFC 1035 section 4) -> the question, the response code and the answers.

Strict about what makes a message DNS, since anything may use port 53: one question, opcode QUERY, reserved bit clear, a known class, a
name that ends, and counts of records for which there is room.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple, TypeAlias

from analyzer.dns._name import HEADER, read_name, skip_name
from analyzer.dns.numbers import ADDRESS_SIZES, CLASSES, IN, OPT, RCODES, TARGETS, TYPES, rcode_text, type_text

MAX_RECORDS = 100
"""Answers read from one message. Services answer with a handful of addresses; a 64 KB message could name 4 000."""
SMALLEST = HEADER + 5
"""Header, root name, type and class."""
SMALLEST_RECORD = 11
_NOT_A_QUERY = 0x7840
"""Opcode other than 0, or the reserved bit Z."""
_KEPT_NAMES = 4096

_header = Struct("!HHHHHH").unpack_from
_question = Struct("!HH").unpack_from
_record = Struct("!HHHIH").unpack_from
_fixed = Struct("!HHIH").unpack_from

# Question names as bytes, up to their first zero, and their text: a capture asks for few names, many times. Only bytes that are whole
# names are kept, so that a name with a zero inside a label never finds an entry.
_names: dict[bytes, str] = {}

Answer: TypeAlias = tuple[str, str, int, bytes | str]
"""Owner name, type, time to live in seconds, and the value: 4 or 16 bytes of an address (A, AAAA), a name (CNAME, NS, PTR, DNAME), else
empty bytes."""


class Message(NamedTuple):
    """A query or a response. Names are lower case, escaped, without the final dot."""

    id: int
    is_response: bool
    rcode: str
    """NOERROR, NXDOMAIN, ...; extended by EDNS where the message has it (RFC 6891 section 6.1.3). NOERROR in a query."""
    truncated: bool
    """The TC bit: the answer did not fit."""
    name: str
    type: str
    answers: tuple[Answer, ...]
    """The answer section, at most `MAX_RECORDS`; those that were captured where the packet was cut."""


def parse(data: bytes, start: int, end: int, size: int | None = None) -> Message | None:
    """Read the message in `data[start:end]`; None where it is not DNS.

    `size` is the number of bytes that the message had on the wire, where the capture holds fewer: then answers that were cut are
    missing. A whole message with a malformed answer is None: resolver libraries refuse it too. Never raises.
    """
    if end - start < SMALLEST:
        return None
    ident, flags, questions, answers, authority, additional = _header(data, start)
    if questions != 1 or flags & _NOT_A_QUERY:
        return None
    first = start + HEADER
    zero = data.find(0, first, end)
    if zero < 0:
        return None
    wire = data[first:zero]
    name = _names.get(wire)
    at = zero + 1
    if name is None:
        try:
            name, at = read_name(data, start, first, end)
        except ValueError:
            return None
        if at == zero + 1:
            if len(_names) >= _KEPT_NAMES:
                _names.clear()
            _names[wire] = name
    if at + 4 > end:
        return None
    kind, class_ = _question(data, at)
    at += 4
    whole = end if size is None else start + size
    if class_ not in CLASSES or (answers + authority + additional) * SMALLEST_RECORD > whole - at:
        return None
    type_ = TYPES.get(kind) or type_text(kind)
    if not flags & 0x8000:
        # Authority: IXFR sends its SOA (RFC 1995). Additional: OPT, TSIG or SIG(0).
        if answers or authority > 1 or additional > 2 or flags & 0x000F:
            return None
        return Message(ident, False, "NOERROR", False, name, type_, ())
    found: list[Answer] = []
    rcode = flags & 0x000F
    try:
        for _ in range(answers if answers < MAX_RECORDS else MAX_RECORDS):
            if at + 12 <= end and data[at] == 0xC0 and data[at + 1] == HEADER:  # the question's name, nearly always
                _, kind, class_, ttl, length = _record(data, at)
                owner = name
                at += 12
            else:
                owner, at = read_name(data, start, at, end)
                if at + 10 > end:
                    raise ValueError("record is cut")
                kind, class_, ttl, length = _fixed(data, at)
                at += 10
            stop = at + length
            if stop > end:
                raise ValueError("record is cut")
            value: bytes | str = b""
            if class_ == IN and kind in ADDRESS_SIZES:
                if length != ADDRESS_SIZES[kind]:
                    raise ValueError("address has a wrong length")
                value = data[at:stop]
            elif kind in TARGETS:
                value, after = read_name(data, start, at, stop)
                if after != stop:
                    raise ValueError("name does not fill the record")
            # A time to live with the top bit set counts as zero (RFC 2181 section 8).
            found.append((owner, TYPES.get(kind) or type_text(kind), ttl if ttl < 0x8000_0000 else 0, value))
            at = stop
        if additional and answers <= MAX_RECORDS:
            rcode |= _extended_rcode(data, at, end, authority + additional) << 4
    except ValueError:
        if end >= whole:
            return None
    return Message(ident, True, RCODES.get(rcode) or rcode_text(rcode), flags & 0x0200 != 0, name, type_, tuple(found))


def _extended_rcode(data: bytes, at: int, end: int, records: int) -> int:
    """Find the upper eight bits of the response code in the OPT record among the last sections; 0 without one."""
    for _ in range(min(records, MAX_RECORDS)):
        at = skip_name(data, at, end)
        if at < 0 or at + 10 > end:
            return 0
        kind, _class, ttl, length = _fixed(data, at)
        if kind == OPT:
            return int(ttl) >> 24
        at += 10 + length
    return 0
