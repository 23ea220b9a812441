"""Who reads a connection to disguise it: the same openers by the same first bytes as in the analysis."""

from __future__ import annotations

from typing import Any

from analyzer import tls
from analyzer.dns import DnsOpener
from analyzer.dns.lookups import Lookups
from analyzer.http.starts import claim, looks_like_request, looks_like_response
from analyzer.model.seams import Claim, End, Link
from analyzer.redacting.bodies import Bodies
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.dnsmessages import DnsMessages
from analyzer.redacting.heads import Heads
from analyzer.redacting.hello import Handshake, Names
from analyzer.redacting.hellos import Hellos
from analyzer.redacting.messages import Messages, Talk
from analyzer.redacting.plans import Direction, Plans


class Readers:
    """What the openers share."""

    def __init__(self, disguise: Disguise, plans: Plans) -> None:
        self.disguise = disguise
        self.plans = plans
        self.heads = Heads(disguise)
        self.bodies = Bodies(disguise, self.heads)
        self.hellos = Hellos(disguise)
        self._known: set[int] = set()

    def begin(self, link: Any) -> None:
        """Note a connection: until somebody reads it, nothing of it is written, and nothing of one before it on its ports."""
        if link.connection_id not in self._known:
            self._known.add(link.connection_id)
            self.directions(link)

    def tls(self, streams: tuple[tuple[Any, Direction], tuple[Any, Direction]], *, whole_start: bool) -> tuple[Any, Any]:
        """Read both directions of TLS."""
        names = Names()
        return tuple(  # type: ignore[return-value]
            Handshake(names, stream, direction, self.hellos, whole_start=whole_start) for stream, direction in streams
        )

    def directions(self, link: Any) -> tuple[Direction, Direction]:
        """Make the directions of a connection: that of the client and that of the server."""
        self._known.add(link.connection_id)
        (client, client_port), (server, server_port) = link.client(), link.server()
        up, down = Direction(link.first_id), Direction(link.first_id)
        ports = client_port.to_bytes(2, "big"), server_port.to_bytes(2, "big")
        self.plans.add(client + server + ports[0] + ports[1], up)
        self.plans.add(server + client + ports[1] + ports[0], down)
        return up, down


class Newcomer:
    """Notes every connection whose first bytes are judged, and claims none. Implements `model.seams.Opener`."""

    name = "new"

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Note the connection."""
        self._readers.begin(link)
        return Claim.NO

    def open(self, link: Any, client: Any, server: Any) -> tuple[Any, Any]:
        """Read nothing: it never claims."""
        return None, None


class HttpDisguiser:
    """Disguises HTTP/1. Implements `model.seams.Opener`."""

    name = "http/1.1"

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction, as `analyzer.http` does."""
        return claim(data, start, end)

    def open(self, link: Any, client: Any, server: Any) -> tuple[Any, Any]:
        """Read both directions of a connection."""
        readers = self._readers
        up, down = readers.directions(link)
        talk = Talk()

        def tunnel() -> tuple[Any, Any]:
            """Read what follows as TLS, as the analysis does: from the first record that begins with a segment."""
            return readers.tls(((client, up), (server, down)), whole_start=False)

        talk.tunnel = tunnel
        return (
            Messages(talk, client, up, readers.heads, readers.bodies, looks_like_request, request=True),
            Messages(talk, server, down, readers.heads, readers.bodies, looks_like_response, request=False),
        )


class TlsDisguiser:
    """Keeps TLS but for its names. Implements `model.seams.Opener`."""

    name = "tls"

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._sniffer = tls.TlsOpener()

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction, as `analyzer.tls` does."""
        return self._sniffer.sniff(link, data, start, end)

    def open(self, link: Any, client: Any, server: Any) -> tuple[Any, Any]:
        """Read both directions of a connection."""
        up, down = self._readers.directions(link)
        return self._readers.tls(((client, up), (server, down)), whole_start=link.whole_start)


class DnsDisguiser:
    """Disguises DNS over TCP. Implements `model.seams.Opener`."""

    name = "dns"

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._sniffer = DnsOpener(Lookups(_nothing))

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction, as `analyzer.dns` does."""
        return self._sniffer.sniff(link, data, start, end)

    def open(self, link: Any, client: Any, server: Any) -> tuple[Any, Any]:
        """Read both directions of a connection."""
        up, down = self._readers.directions(link)
        messages = DnsMessages(self._readers.disguise)
        return Framed(client, up, messages), Framed(server, down, messages)


class Framed:
    """Reads DNS messages behind their lengths. Implements `model.seams.Sink`."""

    def __init__(self, stream: Any, direction: Direction, messages: DnsMessages) -> None:
        self._stream = stream
        self._direction = direction
        self._messages = messages
        self._held = b""
        self._lost = False

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        self._direction.begin(self._stream)
        if self._lost:
            return offset + end - start
        held = self._held + data[start:end]
        at = offset - len(self._held)
        while len(held) >= 2 and len(held) >= (size := 2 + int.from_bytes(held[:2], "big")):
            self._direction.put(at, self._messages.framed(held[:size]))
            held, at = held[size:], at + size
        self._held = held
        return offset + end - start

    def gap(self, offset: int, length: int) -> int:
        """After lost bytes no message is found again."""
        self._rest(offset)
        self._lost = True
        return offset + length

    def end(self, offset: int, how: End) -> None:
        """Plan what there is of a message."""
        self._rest(offset)

    def _rest(self, offset: int) -> None:
        held, self._held = self._held, b""
        self._direction.put(offset - len(held), self._messages.framed(held))


def _nothing(row: object) -> None:
    """Take a row that nobody asked for."""
