"""Which connections speak TLS: on any port, by their first record."""

from __future__ import annotations

from analyzer.model.seams import ByteStream, Claim, Link, Sink

HANDSHAKE = 22
CLIENT_HELLO, SERVER_HELLO = 1, 2


class TlsOpener:
    """Recognises TLS. Implements `model.seams.Opener`."""

    name = "tls"

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction: a handshake record (version 3.0 to 3.4) that begins with a hello."""
        if data[start] != HANDSHAKE:
            return Claim.NO
        if end - start < 6:
            return Claim.MORE
        if data[start + 1] != 3 or data[start + 2] > 4:
            return Claim.NO
        return {CLIENT_HELLO: Claim.REQUEST, SERVER_HELLO: Claim.RESPONSE}.get(data[start + 5], Claim.NO)

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        """Read nothing: what is encrypted is counted."""
        return None, None
