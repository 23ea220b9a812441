"""What the HTTP stage hands to the AWS stage: one exchange's start lines, the few fields that were asked for, and windows of its bodies.

These live only until the exchange is described; nothing in them but what `Exchange` names is kept, since fields and bodies may hold secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from analyzer.model.seams import Link
from analyzer.units import DurationNs, PacketId, TimeNs

Mark: TypeAlias = tuple[TimeNs, PacketId]
"""A moment on the wire and the packet that made it."""


class Windows(NamedTuple):
    """How many bytes of a body's beginning and end are to be looked at (0, 0: none)."""

    head: int
    tail: int


class Request(NamedTuple):
    """A request as far as it was asked for. Field names are lower case; where a field repeats, values are joined by `, `."""

    method: str
    target: bytes
    fields: dict[bytes, bytes]
    body: bytes
    """The body's first bytes, as many as its window asked for and the capture holds."""


class Response(NamedTuple):
    """A final response as far as it was asked for."""

    status: int
    fields: dict[bytes, bytes]
    body_head: bytes
    """First bytes of the decoded body (chunked and gzip removed)."""
    body_tail: bytes
    """Last bytes of the decoded body; overlaps `body_head` where the body is short."""
    body_complete: bool
    """Whether `body_head` is the whole body."""


class Endpoint(NamedTuple):
    """The server of a connection."""

    address: bytes
    """4 or 16 bytes."""
    port: int
    name: str | None
    """A name known for it from elsewhere (SNI, DNS), if any."""


class About(NamedTuple):
    """What an exchange is about, in AWS's terms; None where unknown. The names are those of the `exchanges` table."""

    target: str | None
    host: str | None
    service: str | None
    region: str | None
    operation: str | None
    error_type: str | None
    aws_request_id: str | None
    invocation_id: str | None
    attempt: int | None
    sdk: str | None
    sdk_version: str | None
    table_name: str | None
    count: int | None  # type: ignore[assignment]  # the name of the exchanges column
    scanned_count: int | None
    has_more: bool | None


class HttpExchange:
    """One exchange as it was read from the wire, before anybody says what it is about. Times are (time, packet) marks."""

    __slots__ = (
        "closes", "exchange_id", "index", "interim", "link", "previous_end_ns", "received", "request", "request_acked_ns", "request_bytes", "request_complete",
        "request_end", "request_end_offset", "request_offset", "request_packet", "request_start", "request_version", "response", "response_bytes", "response_complete", "response_end",
        "response_end_offset", "response_offset", "response_packet", "response_start", "rtt_ns",
    )  # fmt: skip

    def __init__(self, exchange_id: int, link: Link) -> None:
        self.exchange_id = exchange_id
        self.link = link
        self.index = 0
        """Position on its connection."""
        self.previous_end_ns: TimeNs | None = None
        """When the previous response on this connection ended."""
        self.request: Request | None = None
        self.request_version: str | None = None
        self.request_start: Mark | None = None
        self.request_end: Mark | None = None
        """Last byte of the request, or of what is known of it."""
        self.request_packet: PacketId | None = None
        """The packet that completed the request; where the capture lacks a part, its head, or that holds its first byte."""
        self.request_complete = False
        self.request_offset = 0
        self.request_end_offset = 0
        self.request_bytes = 0
        self.request_acked_ns: TimeNs | None = None
        """When the last byte of a long request was acknowledged."""
        self.response: Response | None = None
        self.response_start: Mark | None = None
        self.response_end: Mark | None = None
        self.response_packet: PacketId | None = None
        """Like `request_packet`."""
        self.response_complete = False
        self.response_offset = 0
        self.response_end_offset = 0
        self.response_bytes = 0
        self.received = True
        """Whether the client acknowledged the response."""
        self.interim: list[int] = []
        self.closes: str | None = None
        self.rtt_ns: DurationNs | None = None
        """Smallest server-side round trip seen before the response ended."""


RequestWindow: TypeAlias = Callable[[str, bytes, dict[bytes, bytes]], int]
"""(method, target, fields) of a request -> how many bytes of its body are to be looked at."""
ResponseWindow: TypeAlias = Callable[[Request, int, dict[bytes, bytes]], Windows]
"""(request, status, fields) of a response -> which windows of its body are to be looked at."""
Describe: TypeAlias = Callable[[Request | None, Response | None, Endpoint], About]
