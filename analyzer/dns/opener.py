"""DNS over TCP (RFC 7766): connections of port 53 whose first bytes are a framed message."""

from __future__ import annotations

from analyzer.dns.lookups import PORT, Lookups
from analyzer.model.seams import ByteStream, Claim, Link, Sink

HEADER = 14
"""Two bytes of length and twelve of DNS header (RFC 1035 sections 4.1.1, 4.2.2)."""
RESPONSE_BIT = 0x80


class DnsOpener:
    """Reads DNS over TCP. Implements `model.seams.Opener`."""

    name = "dns"

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction by their port, length and the QR bit."""
        if PORT not in link.ports:
            return Claim.NO
        if end - start < HEADER:
            return Claim.MORE
        if int.from_bytes(data[start : start + 2], "big") < HEADER - 2:
            return Claim.NO
        return Claim.RESPONSE if data[start + 4] & RESPONSE_BIT else Claim.REQUEST

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink, Sink]:
        """Read the messages of both directions."""
        return self._lookups.sinks(link.client()[0], link.server()[0], client, server)
