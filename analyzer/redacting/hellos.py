"""The two hellos of TLS (RFC 8446 section 4.1, RFC 5246 section 7.4.1), written anew as far as they are understood, names disguised."""

from __future__ import annotations

from analyzer.redacting.disguise import Disguise
from analyzer.tls.numbers import ALPN, HELLO_RETRY, SERVER_NAME, SUPPORTED_VERSIONS, is_grease

CLIENT_HELLO, SERVER_HELLO, KEY_EXCHANGE = 1, 2, 12
NAMED_CURVE = 3
STATUS_REQUEST = 5
KEPT = frozenset({10, 11, 13, 22, 23, 27, 28, 42, 43, 45, 49, 50, 51, 65281})
"""Extensions of numbers and keys (the IANA registry TLS ExtensionType Values); others, such as tickets and padding, may hold anything."""
PLAIN_STATUS = b"\x01\0\0\0\0"
"""A request for the certificate's status that names nobody (RFC 6066 section 8)."""
PROTOCOLS = frozenset(
    b"""h2 h2c h3 http/0.9 http/1.0 http/1.1 spdy/1 spdy/2 spdy/3 spdy/3.1 spdy/4 hq stun.turn stun.nat-discovery webrtc c-webrtc ftp imap
    pop3 managesieve coap co xmpp-client xmpp-server acme-tls/1 mqtt dot ntske/1 sunrpc irc nntp nnsp doq sip/2 tds/8.0 dicom postgresql
    smb radius/1.0 radius/1.1 x-amzn-http-ca x-amzn-mqtt-ca""".split()
)
"""Names of application protocols (the IANA registry TLS ALPN Protocol IDs, and AWS IoT's)."""


class Hellos:
    """Writes handshake messages anew."""

    def __init__(self, disguise: Disguise) -> None:
        self._disguise = disguise

    def message(self, data: bytes) -> bytes:
        """Return a handshake message with its header, or the beginning of one, of the same length."""
        out = bytearray(len(data))
        out[:4] = data[:4]
        end = min(len(data), 4 + int.from_bytes(data[1:4], "big"))
        if data[0] == CLIENT_HELLO:
            self._hello(data, end, out, client=True)
        elif data[0] == SERVER_HELLO:
            self._hello(data, end, out, client=False)
        elif data[0] == KEY_EXCHANGE and end > 8 and data[4] == NAMED_CURVE:
            # Curve and public key (RFC 8422 section 5.4); other forms may begin with a hint at whose keys they are (RFC 4279).
            stop = min(8 + data[7], end)
            out[4:stop] = data[4:stop]
        return bytes(out)

    def chose_13(self, data: bytes) -> bool:
        """Tell whether a ServerHello with its header chooses TLS 1.3, or asks for another ClientHello, as only that does."""
        if data[6:38] == HELLO_RETRY:
            return True
        at = self._extensions_at(data, len(data), client=False)
        return any(kind == SUPPORTED_VERSIONS for kind, _, _ in _extensions(data, at, len(data))) if at is not None else False

    def _extensions_at(self, data: bytes, end: int, *, client: bool) -> int | None:
        """Return where the length of the extensions stands; None where a hello ends or errs before."""
        at = 38
        if at >= end or data[at] > 32:
            return None
        at += 1 + data[at]
        if not client:
            return at + 3 if at + 3 <= end else None
        if at + 2 > end:
            return None
        at += 2 + (data[at] << 8 | data[at + 1])
        if at >= end:
            return None
        at += 1 + data[at]
        return at if at <= end else None

    def _hello(self, data: bytes, end: int, out: bytearray, *, client: bool) -> None:
        at = self._extensions_at(data, end, client=client)
        if at is None:
            # What is there of version, random, session and cipher suites, all of them numbers.
            if end > 38 and data[38] > 32:
                end = 38
            if client and end > 38 and end >= (after := 39 + data[38]) + 2:
                end = min(end, after + 2 + (data[after] << 8 | data[after + 1]) + 1)
            elif not client and end > 38:
                end = min(end, 39 + data[38] + 3)
            out[4:end] = data[4:end]
            return
        out[4:at] = data[4:at]
        out[at : min(at + 2, end)] = data[at : min(at + 2, end)]
        for kind, start, stop in _extensions(data, at, end):
            out[start - 4 : min(start, end)] = data[start - 4 : min(start, end)]
            content = data[start:stop]
            if kind == SERVER_NAME:
                out[start:stop] = self._names(content)
            elif kind == ALPN:
                out[start:stop] = self._protocols(content)
            elif kind in KEPT or (kind == STATUS_REQUEST and content == PLAIN_STATUS):
                out[start:stop] = content

    def _names(self, content: bytes) -> bytes:
        """Return a list of server names (RFC 6066 section 3), or its beginning; names of other kinds than hosts become zeros."""
        out = bytearray(len(content))
        out[:2] = content[:2]
        at = 2
        while at + 3 <= len(content):
            out[at : at + 3] = content[at : at + 3]
            size = content[at + 1] << 8 | content[at + 2]
            if not content[at]:
                name = content[at + 3 : at + 3 + size]
                new = self._disguise.hosts.name(name)
                if new != name:
                    self._disguise.label(name)
                out[at + 3 : at + 3 + size] = new
            at += 3 + size
        return bytes(out)

    def _protocols(self, content: bytes) -> bytes:
        """Return a list of application protocols (RFC 7301 section 3.1); those that are not registered become zeros."""
        out = bytearray(len(content))
        out[:2] = content[:2]
        at = 2
        while at < len(content):
            size = content[at]
            name = content[at + 1 : at + 1 + size]
            out[at] = size
            if name in PROTOCOLS or (size == 2 and len(name) == 2 and is_grease(int.from_bytes(name, "big"))):
                out[at + 1 : at + 1 + size] = name
            at += 1 + size
        return bytes(out)


def _extensions(data: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """Return type, start and end of the content of each extension; what runs over the end is cut off there."""
    if at + 2 > end:
        return []
    end = min(end, at + 2 + (data[at] << 8 | data[at + 1]))
    at += 2
    found = []
    while at + 4 <= end:
        kind, size = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        found.append((kind, at + 4, min(at + 4 + size, end)))
        at += 4 + size
    if at + 2 <= end:
        found.append((data[at] << 8 | data[at + 1], at + 4, at + 4))
    return found
