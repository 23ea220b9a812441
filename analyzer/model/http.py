"""What the HTTP stage hands to the AWS stage: an exchange's start lines, the few fields that were asked for, windows of its bodies.

These live only until the exchange is described; nothing in them but what `Exchange` names is kept, since fields and bodies may hold
secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from analyzer.model.seams import Link
from analyzer.units import DurationNs, PacketId, TimeNs

Mark: TypeAlias = tuple[TimeNs, PacketId]
"""A moment on the wire and the packet that made it."""


SHORT_REQUEST_BYTES: Final = 5360
"""No request up to ten of the smallest segments (RFC 9293 section 3.7.1) is long."""
LONG_REQUEST_SEGMENTS: Final = 10
"""A request of more segments than this queues on its way; the ACK of its last byte is timed."""


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
    memory: dict[Any, Any] | None = None
    """Shared by requests that differ in nothing that the describing stage cares about, for it to keep what it found out; or None."""


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
    imds_version: int | None = None
    continues: bool | None = None
    retry_mode: str | None = None
    unprocessed: bool | None = None


class HttpExchange:
    """One exchange as it was read from the wire, before anybody says what it is about. Times are (time, packet) marks.

    Defaults belong to the class: most fields are set once, when they are known, and a million of these are made.
    """

    evidence: str = "measured"
    """How it is known: measured (in the clear), decrypted, or inferred from the records of a connection that cannot be read.

    Of an inferred one `request` and `response` stay None; its offsets are those of records.
    """
    index: int = 0
    """Position on its connection."""
    previous_end_ns: TimeNs | None = None
    """When the previous response on this connection ended."""
    request: Request | None = None
    request_version: str | None = None
    request_start: Mark | None = None
    request_end: Mark | None = None
    """Last byte of the request, or of what is known of it."""
    request_packet: PacketId | None = None
    """The packet that completed the request; where the capture lacks a part, its head, or that holds its first byte."""
    request_complete: bool = False
    request_offset: int = 0
    request_end_offset: int = 0
    request_bytes: int = 0
    request_acked_ns: TimeNs | None = None
    """When the last byte of a long request was acknowledged."""
    response: Response | None = None
    response_start: Mark | None = None
    response_end: Mark | None = None
    response_packet: PacketId | None = None
    """Like `request_packet`."""
    response_complete: bool = False
    response_offset: int = 0
    response_end_offset: int = 0
    response_bytes: int = 0
    received: bool = True
    """Whether the client acknowledged the response."""
    response_ttl: int | None = None
    """TTL or hop limit of the packet with the response's first byte."""
    troubled: bool = True
    """Whether the link may remember repeats, holes or closed windows of it."""
    request_acknowledged: bool | None = True
    """Whether the server acknowledged the request, as far as it was sent: a short one that was answered need not be asked about."""
    request_repeats: int = 0
    response_repeats: int = 0
    """Segments that were sent again."""
    head_end_ns: TimeNs | None = None
    body_start_ns: TimeNs | None = None
    """Of a request with `Expect: 100-continue`."""
    closes: str | None = None
    rtt_ns: DurationNs | None = None
    """Smallest server-side round trip seen before the response ended."""

    def __init__(self, exchange_id: int, link: Link) -> None:
        self.exchange_id = exchange_id
        self.link = link
        self.interim: list[int] = []


RequestWindow: TypeAlias = Callable[[str, bytes, dict[bytes, bytes]], int]
"""(method, target, fields) of a request -> how many bytes of its body are to be looked at."""
ResponseWindow: TypeAlias = Callable[[Request, int, dict[bytes, bytes]], Windows]
"""(request, status, fields) of a response -> which windows of its body are to be looked at."""
Describe: TypeAlias = Callable[[Request | None, Response | None, Endpoint], About]


class Talk(Protocol):
    """What is being said on one connection: a running pass asks its reader, since some exchanges are final only when others follow."""

    link: Link

    def under_way(self) -> Sequence[HttpExchange]:
        """Return the exchanges that were not handed over yet, oldest first; they may change until then."""
        ...

    @property
    def over(self) -> HttpExchange | None:
        """The one of them that seems to be over, and is handed over as soon as something else happens; None where there is none."""
        ...

    def settle(self) -> None:
        """Hand over the exchange that seems to be over, without waiting for what comes next."""
        ...
