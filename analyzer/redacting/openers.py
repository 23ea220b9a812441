"""Who reads a connection to disguise it: the same openers by the same first bytes as in the analysis."""

from __future__ import annotations

from typing import Any

from analyzer import tls
from analyzer.dns import DnsOpener
from analyzer.dns.lookups import Lookups
from analyzer.http.starts import looks_like_request, looks_like_response
from analyzer.model.seams import Claim, End, Link
from analyzer.redacting.bodies import Bodies
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.dnsmessages import DnsMessages
from analyzer.redacting.heads import Heads
from analyzer.redacting.hello import Handshake, Names
from analyzer.redacting.messages import Messages, Talk
from analyzer.redacting.plans import MASK, Direction, Plans


class Readers:
    """What the openers share."""

    def __init__(self, disguise: Disguise, plans: Plans) -> None:
        self.disguise = disguise
        self.plans = plans
        self.heads = Heads(disguise)
        self.bodies = Bodies(disguise, self.heads)

    def directions(self, link: Any) -> tuple[Direction, Direction]:
        """Make the directions of a connection: that of the client and that of the server."""
        (client, client_port), (server, server_port) = link.client(), link.server()
        up, down = Direction(link.first_id), Direction(link.first_id)
        ports = client_port.to_bytes(2, "big"), server_port.to_bytes(2, "big")
        self.plans.add(client + server + ports[0] + ports[1], up)
        self.plans.add(server + client + ports[1] + ports[0], down)
        return up, down


class HttpDisguiser:
    """Disguises HTTP/1. Implements `model.seams.Opener`."""

    name = "http/1.1"

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction, as `analyzer.http` does."""
        request = looks_like_request(data, start, end)
        if request:
            return Claim.REQUEST
        response = looks_like_response(data, start, end)
        if response:
            return Claim.RESPONSE
        return Claim.MORE if request is None or response is None else Claim.NO

    def open(self, link: Any, client: Any, server: Any) -> tuple[Any, Any]:
        """Read both directions of a connection."""
        readers = self._readers
        up, down = readers.directions(link)
        talk = Talk()

        def tunnel() -> tuple[Any, Any]:
            """Keep what follows: TLS through a proxy, whose names are disguised as everywhere."""
            names = Names()
            return tuple(Tunnelled(names, stream, direction, readers) for stream, direction in ((client, up), (server, down)))  # type: ignore[return-value]

        talk.tunnel = tunnel
        return (
            Messages(talk, client, up, readers.heads, readers.bodies, looks_like_request, request=True),
            Messages(talk, server, down, readers.heads, readers.bodies, looks_like_response, request=False),
        )


class Tunnelled:
    """Reads one direction of what is said through a tunnel: kept from where it is TLS, else zeros. Implements `model.seams.Sink`."""

    def __init__(self, names: Names, stream: Any, direction: Direction, readers: Readers) -> None:
        self._direction = direction
        self._inner = Handshake(names, stream, direction, readers.disguise.hosts, readers.disguise.label)
        self._begun = False

    def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
        """Read on; see `model.seams.Sink`."""
        if not self._begun:
            if data[start] not in (20, 21, 22, 23) or (end - start > 1 and data[start + 1] != 3):
                return offset + end - start
            self._begun = True
            self._direction.kept_from = offset
        self._inner.feed(data, start, end, offset)
        return offset + end - start

    def gap(self, offset: int, length: int) -> int:
        """Learn of lost bytes."""
        self._inner.gap(offset, length)
        return offset + length

    def end(self, offset: int, how: End) -> None:
        """Nothing is left to be planned."""


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
        up.kept_from = down.kept_from = -(1 << 62)
        names, disguise = Names(), self._readers.disguise
        return tuple(  # type: ignore[return-value]
            Handshake(names, stream, direction, disguise.hosts, disguise.label) for stream, direction in ((client, up), (server, down))
        )


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
        if self._direction.base is None:
            self._direction.base = (self._stream.seq - self._stream.offset) & MASK
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
