"""What is known of one SDK: frozen records, one for each part of its profile, every figure with its source.

A figure is None where it is unknown and `inf` where the SDK sets no limit; names end in the unit (`_ms`, `_s`). Each part has the `source`
of its figures and, in `sources`, those of single figures that come from elsewhere. A source that begins with `unverified` is a hint for
people: it must never prove anything (`sure`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import NamedTuple, Protocol

UNVERIFIED = "unverified"

PURPOSES: Mapping[str, str] = {
    "keep-alive": "use a connection for more than one request",
    "warm-up": "open connections before the traffic comes",
    "pool-size": "allow more connections at a time, or more idle ones",
    "idle-limit": "keep idle connections longer",
    "tcp-keepalive": "probe idle connections; completes the sentence 'turn on TCP keep-alive'",
    "stale-connection": "lose less on a connection that was dead before the request",
    "lookups": "ask the name server less often",
    "tls-resumption": "resume TLS sessions, where it does not by itself",
    "connect-timeout": "give up an address sooner",
    "read-timeout": "give up an answer sooner or later",
    "max-attempts": "try more or less often",
    "retry-mode": "choose how the SDK retries",
    "throttling": "send less while the service throttles",
    "imds-timeout": "wait a longer or shorter time for the metadata service",
    "imds-disable": "ask the metadata service for nothing",
    "imds-v1-disable": "never ask the metadata service without a token",
    "credentials": "fetch credentials before a call needs them",
    "tls-keys": "write the TLS secrets that decrypt a capture",
}
"""What the remedies of a profile are for."""


class Sourced(Protocol):
    """A part of a profile whose figures have sources."""

    @property
    def source(self) -> str:
        """Where the figures come from."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Where single figures come from that have another source."""


def source_of(part: Sourced, figure: str) -> str:
    """Return the source of one figure of a part."""
    return part.sources.get(figure, part.source)


def sure(part: Sourced, figure: str) -> bool:
    """Tell whether a figure of a part may prove something: it is known, and its source is not `unverified`."""
    return getattr(part, figure, None) is not None and not source_of(part, figure).startswith(UNVERIFIED)


class Delay(NamedTuple):
    """The pause before retry n, n from 1: up to base * factor**(n-1), never above the cap."""

    base_ms: float
    """The longest pause before the first retry."""
    factor: float = 2
    jitter: str = "none"
    """`none`: that time exactly; `full`: at random from 0; `equal`: at random from its half."""
    cap_ms: float = inf
    """The longest pause before any retry."""
    firsts_ms: tuple[tuple[float, float], ...] = ()
    """Shortest and longest pause before the first retries, where the formula does not hold for these yet."""


class Mode(NamedTuple):
    """One way of an SDK to retry, as it is in some of its versions."""

    name: str
    """The name in the SDK's settings: legacy, standard, adaptive; `default` where it has none."""
    title: str
    """What tells it from other modes of that name in a sentence."""
    source: str
    sources: Mapping[str, str]
    delays: Mapping[str, Delay]
    """By kind of error (`throttling`, `transient`), with `dynamodb-` before it where DynamoDB has its own; a kind is missing if unknown."""
    attempts: int | None = None
    """Tries in all, the first included."""
    attempts_dynamodb: int | None = None
    marker: str | None = None
    """What the user agent says in this mode: `cfg/retry-mode#MARKER`."""
    feature: str | None = None
    """The letter in the user agent's `m/...` in this mode."""
    since: str | None = None
    """The first version that has it in this form; None: from the beginning."""
    before: str | None = None
    """The first version that does not have it in this form any more; None: it still has."""
    default_since: str | None = None
    """The first version whose default it is; `0`: from the beginning. None: of none."""
    default_before: str | None = None
    opt_in: str | None = None
    """The setting that selects it where it is not the default."""
    retry_after_plus_ms: float | None = None
    """A response's `x-amz-retry-after` counts up to this much above the pause; None: not read."""
    limiter: bool = False
    """Whether a client-side rate limiter may make pauses longer, also that before a first attempt."""
    note: str | None = None


class Headers(NamedTuple):
    """What in a request tells of its call and its attempt."""

    source: str
    sources: Mapping[str, str]
    invocation: str | None = None
    """Field with the id that all attempts of a call share; empty: none is sent."""
    attempt: str | None = None
    """Field with the number of the attempt; empty: none is sent."""
    form: str | None = None
    """The value of that field, as an example."""
    counts_from: int | None = None
    """The number of the first attempt."""
    signed: bool | None = None
    """Whether both are signed."""


class Retried(NamedTuple):
    """Which failures are tried again."""

    source: str
    sources: Mapping[str, str]
    throttling: tuple[str, ...] | None = None
    """Error types that are taken for throttling."""
    transient: tuple[str, ...] | None = None
    """Other error types."""
    statuses: tuple[int, ...] | None = None
    """Statuses that are retried whatever the error type."""
    throttling_statuses: tuple[int, ...] | None = None
    no_answer: bool | None = None
    """Whether failed connections, resets and time-outs are."""
    crc32: bool | None = None
    """Whether a DynamoDB answer with a wrong `x-amz-crc32` is."""
    clock_skew: bool | None = None
    """Whether a request refused for its time is signed again and repeated once."""
    quota: int | None = None
    """Tokens of a client for retries; with none left an error is returned at once."""
    quota_transient: int | None = None
    quota_throttling: int | None = None


class Imds(NamedTuple):
    """How the instance metadata service is asked."""

    source: str
    sources: Mapping[str, str]
    token_ttl_s: int | None = None
    """The lifetime asked for: `x-aws-ec2-metadata-token-ttl-seconds`."""
    connect_ms: float | None = None
    read_ms: float | None = None
    whole_ms: float | None = None
    """Limit of one try in all."""
    operation_ms: float | None = None
    """Limit of all tries together."""
    tries: int | None = None
    """Tries of each request by default, the first included."""
    sends: int = 1
    """Requests that the HTTP library makes of one try when the answer does not come."""
    retried: tuple[str, ...] | None = None
    """Outcomes that are tried again: `timeout`, `connect`, a status, `5xx`, `other`."""
    pause: Delay | None = None
    goes_on: bool | None = None
    """Whether it goes on without a token (IMDSv1) where it can get none."""
    stops_after: tuple[str, ...] | None = None
    """Outcomes after which it does not go on all the same."""
    remembers: tuple[str, ...] | None = None
    """Outcomes after which it does not ask for a token again in the same process."""
    v1_first: bool = False
    """Whether it asks without a token first, and for one only when told to."""
    reuses: bool | None = None
    """Whether one connection serves several requests, if the endpoint allows."""
    agent: str | None = None
    """The user agent of these requests; empty: none is sent."""
    header: str | None = None
    """Their `connection` field, where one is sent; of requests without a user agent it tells the SDK."""
    memory: str | None = None
    """What a token request that timed out means for the next ones, in a sentence."""


class Container(NamedTuple):
    """How container credential endpoints (ECS, EKS Pod Identity) are asked."""

    source: str
    sources: Mapping[str, str]
    connect_ms: float | None = None
    read_ms: float | None = None
    tries: int | None = None
    pause: Delay | None = None
    pauses_after_last: bool = False
    reuses: bool | None = None
    agent: str | None = None
    header: str | None = None
    """As in `Imds`."""


class Refresh(NamedTuple):
    """When credentials are fetched again."""

    source: str
    sources: Mapping[str, str]
    early_ms: float | None = None
    """Time before they expire from which a call fetches new ones."""
    waits_ms: float | None = None
    """Time before they expire from which every call waits for new ones, where that is later."""
    inline: bool | None = None
    """Whether that happens inside the call that needs them."""
    timer_ms: float | None = None
    """Period of a background timer."""
    extends_ms: tuple[float, float] | None = None
    """Shortest and longest time for which stale credentials are used where the endpoint fails."""


class Pool(NamedTuple):
    """How one HTTP client of an SDK keeps connections, and how long it waits on them."""

    name: str
    """The HTTP client."""
    source: str
    sources: Mapping[str, str]
    size: float | None = None
    """Connections to one host at a time."""
    idle_size: float | None = None
    """Idle connections kept to one host, where that is another number."""
    waits: bool | None = None
    """Whether a request waits where all connections are busy; False: it opens another."""
    acquire_ms: float | None = None
    """Longest such wait."""
    order: str | None = None
    """Which idle connection is taken: `lifo`, `fifo`."""
    keep_alive: bool | None = None
    header: str | None = None
    """The `connection` field of requests, where one is sent."""
    hands_over: bool | None = None
    """Whether a connection goes to whoever waits first once it is ready, not to the request that it was opened for."""
    idle_ms: float | None = None
    """Idle time after which the client closes a connection."""
    idle_at: str | None = None
    """When it does so: `timer`, or `use` where it looks only when it needs a connection."""
    connect_ms: float | None = None
    tls_ms: float | None = None
    read_ms: float | None = None
    """Longest silence while an answer is waited for."""
    write_ms: float | None = None
    whole_ms: float | None = None
    """Longest time for a request in all."""
    probe_ms: float | None = None
    """Idle time after which TCP keep-alive probes are sent; `inf`: off."""
    race_ms: float | None = None
    """Head start of one address family over the other (RFC 8305); `inf`: addresses are tried in turn."""
    dns_cache_ms: float | None = None
    h2: bool | None = None
    """Whether HTTP/2 is offered."""
    resumes: bool | None = None
    """Whether TLS sessions are resumed."""
    marker: str | None = None
    """What the user agent says of it: `md/http#MARKER`."""


class User(NamedTuple):
    """A name under which a profile is recognised: the SDK itself, a program that is built on it, or what it hides behind."""

    name: str
    """As in the column `sdk`."""
    title: str
    """What people call it."""
    pattern: re.Pattern[str] | None
    """Finds it in a user agent; its group `v` is the version."""
    order: int
    """Patterns are tried in this order."""
    kind: str
    """`sdk`: the user agent proves it; `library`: of an HTTP library, proves it only towards AWS; `container`: only towards a container
    credential endpoint; `hello`: a family of SDKs that only a ClientHello shows."""
    hello: re.Pattern[str] | None
    """Finds it in the JA4 fingerprint of a ClientHello, for requests to AWS that nobody can read."""
    other_versions: bool
    """Whether its versions count otherwise than those that the profile's modes name."""
    remedies: Mapping[str, str]


class Profile(NamedTuple):
    """All that is known of one SDK."""

    name: str
    """The name of its file."""
    users: Mapping[str, User]
    headers: Headers | None
    modes: tuple[Mode, ...]
    """The narrowest first: a pause that fits it fits the wider ones too."""
    retried: Retried | None
    imds: Imds | None
    container: Container | None
    refresh: Refresh | None
    pools: tuple[Pool, ...]
    """The usual one first."""
    remedies: Mapping[str, str]
    """What to change, in the SDK's own words, by purpose."""
    remedy_source: str
