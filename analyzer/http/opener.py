"""Which connections speak HTTP/1: on any port, by their first bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from analyzer.http.exchange import Conversation, Tunnel, Wishes
from analyzer.http.starts import claim
from analyzer.model.http import HttpExchange
from analyzer.model.seams import ByteStream, Claim, Link, Sink


class HttpOpener:
    """Reads HTTP/1.0 and HTTP/1.1 (RFC 9112). Implements `model.seams.Opener`.

    `done` gets each exchange; `number` counts them, where others count along; `tunnel` makes the readers of what follows a CONNECT;
    `began` is told of each connection that is read.
    """

    name = "http/1.1"

    def __init__(
        self,
        wishes: Wishes,
        done: Callable[[HttpExchange], None],
        number: Callable[[], int] | None = None,
        tunnel: Tunnel | None = None,
        began: Callable[[Conversation], None] | None = None,
    ) -> None:
        self._tunnel = tunnel
        self._began = began
        self._wishes = wishes
        self._layouts = wishes.layouts()
        self._done = done
        self._number = number or count().__next__

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        """Judge the first bytes of a direction: a request line, a status line, or neither."""
        return claim(data, start, end)

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink, Sink]:
        """Read both directions of a connection."""
        conversation = Conversation(link, client, server, self._wishes, self._layouts, self._number, self._done, self._tunnel)
        if self._began is not None:
            self._began(conversation)
        return conversation.requests.reader, conversation.responses.reader
