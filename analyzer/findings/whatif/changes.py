"""The changes there are, in the order in which they are made, and their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from analyzer.findings.whatif.credentials import credentials
from analyzer.findings.whatif.filter_scan import no_filter_scan
from analyzer.findings.whatif.hop_limit import hop_limit
from analyzer.findings.whatif.keep_alive import keep_alive, warm_pool
from analyzer.findings.whatif.loss import no_loss
from analyzer.findings.whatif.pool import pool
from analyzer.findings.whatif.resumption import resumption, tls13
from analyzer.findings.whatif.round_trip import round_trip
from analyzer.findings.whatif.scene import Scene
from analyzer.model.whatif import Wishes
from analyzer.units import MILLISECOND, count, duration

NEAR = Wishes(rtt_ns=MILLISECOND)
"""An endpoint in the same region: below 1 ms within an availability zone, 1 to 2 ms between them."""


class Change(NamedTuple):
    """A change that can be made to a scene."""

    option: str
    """What it is called on the command line, without the dashes."""
    title: str
    make: Callable[[Scene], str | None]
    """Makes it; returns why nothing changes, None where something does."""


def wished(wishes: Wishes) -> Iterator[Change]:
    """Yield the changes that are wished, in the order in which they are made.

    Repairs first, since what they took is in no other piece; then what is waited for before a call's own connection, then the calls that
    are made at all; then the length of set-up, of the rounds in it, and last whether it is paid, for which all else must be known.
    """
    if wishes.no_loss:
        yield Change("no-loss", "no packet lost", no_loss)
    if wishes.hop_limit:
        yield Change("hop-limit", "a high enough IMDS hop limit", hop_limit)
    source = wishes.credentials
    if source is not None:
        title = "credentials there when a call asks" if source == "ready" else "credentials from an agent (ECS, EKS)"
        yield Change(f"credentials {source}", title, lambda scene: credentials(scene, source))
    if wishes.no_filter_scan:
        yield Change("no-filter-scan", "reads by key instead of a filter", no_filter_scan)
    if wishes.tls13:
        yield Change("tls13", "TLS 1.3", tls13)
    if wishes.resumption:
        yield Change("resumption", "TLS sessions resumed", resumption)
    rtt = wishes.rtt_ns
    if rtt is not None:
        yield Change(f"rtt {duration(rtt)}", f"an endpoint {duration(rtt)} away", lambda scene: round_trip(scene, rtt))
    size = wishes.pool
    if wishes.warm_pool:
        yield Change("warm-pool", "connections open beforehand", warm_pool)
    elif wishes.keep_alive and size is None:
        yield Change("keep-alive", "connections kept and reused", keep_alive)
    if size is not None:
        yield Change(f"pool {count(size)}", f"a pool of {count(size)}", lambda scene: pool(scene, size))


def alone(wishes: Wishes) -> list[Wishes]:
    """Return each of several wishes alone."""
    empty = Wishes()
    return [empty._replace(**{name: value}) for name, value in wishes._asdict().items() if value != getattr(empty, name)]


EVERY = alone(
    Wishes(
        keep_alive=True, warm_pool=True, tls13=True, resumption=True, hop_limit=True, credentials="ready", no_loss=True,
        no_filter_scan=True, rtt_ns=NEAR.rtt_ns,
    )
)  # fmt: skip
"""What is tried where nothing is asked for: all but what needs a number of the reader's own."""
