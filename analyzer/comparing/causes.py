"""Why a phase got shorter or longer: by a finding that is gone or new, else by what else differs between the two captures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.comparing.conditions import Conditions
from analyzer.model.comparison import FindingChange
from analyzer.units import MICROSECOND, bytes_, duration, percent

SET_UP = ("dns", "connect", "tls", "client")
CREDENTIALS = ("credentials",)
WAITING = ("network", "server", "wait")
TRANSFER = ("send", "stall", "receive")
RETRY = ("failed", "backoff")
CLASSES = (CREDENTIALS, SET_UP, WAITING, TRANSFER, RETRY)
"""Phases that one cause usually moves together."""


class Cause(NamedTuple):
    """What a finding that comes or goes says of a comparison."""

    phases: tuple[str, ...]
    """Those that it lengthens."""
    gone: str
    new: str
    certain: bool = False
    """Whether the same set-up always shows it: then one call is enough to tell, and it is no chance."""


CAUSES = {
    "cold-connection": Cause(SET_UP, "fewer calls open a connection", "more calls open a connection"),
    "connection-not-reused": Cause(SET_UP, "connections are reused now", "connections are no longer reused", certain=True),
    "idle-connection-closed": Cause(SET_UP, "idle connections are no longer closed", "idle connections are closed now"),
    "connection-churn": Cause(SET_UP, "far fewer connections are opened", "far more connections are opened"),
    "tls-full-handshake": Cause(("tls",), "TLS handshakes are shorter", "TLS handshakes are longer"),
    "slow-dns": Cause(("dns",), "name lookups are quick now", "name lookups are slow now"),
    "syn-retransmitted": Cause(("connect",), "SYNs no longer stay without an answer", "SYNs stay without an answer now"),
    "imds-hop-limit": Cause(
        CREDENTIALS, "IMDSv2 token requests are answered now", "the answers to IMDSv2 token requests no longer arrive", certain=True
    ),
    "imds-token-refused": Cause(
        CREDENTIALS, "IMDSv2 token requests are no longer refused", "IMDSv2 token requests are refused now", certain=True
    ),
    "imds-token-required": Cause(CREDENTIALS, "IMDS gives credentials now", "IMDS refuses requests without a token now", certain=True),
    "imds-v1-fallback": Cause(CREDENTIALS, "the SDK no longer falls back to IMDSv1", "the SDK falls back to IMDSv1 now", certain=True),
    "imds-unreachable": Cause(
        CREDENTIALS, "the credential endpoint is reached now", "the credential endpoint is no longer reached", certain=True
    ),
    "imds-slow": Cause(
        CREDENTIALS, "the credential endpoint answers quickly now", "the credential endpoint answers late now", certain=True
    ),
    "credentials-refresh-stall": Cause(CREDENTIALS, "calls no longer wait for a refresh", "calls wait for a refresh now"),
    "packet-loss-stall": Cause(
        ("stall", "receive", "wait", "network", "server", "failed", "send"), "fewer packets are lost", "more packets are lost"
    ),
    "delayed-ack-stall": Cause(("send", "server", "wait"), "calls no longer wait for a delayed ACK", "calls wait for a delayed ACK now"),
    "zero-window": Cause(("receive", "stall"), "the receiver's window stays open now", "the receiver's window closes now"),
    "stale-connection": Cause(
        (*RETRY, *SET_UP, "server", "wait"), "requests no longer meet dead connections", "requests meet dead connections now"
    ),
    "throttled": Cause(RETRY, "requests are no longer throttled", "requests are throttled now"),
    "server-errors-retried": Cause(RETRY, "server errors no longer have to be retried", "server errors are retried now"),
    "filter-discards-reads": Cause(
        ("server", "network", "wait", "receive"),
        "no filter throws away what was read any longer",
        "a filter throws away what was read now",
        certain=True,
    ),
    "paginated-operation": Cause(("server", "network", "wait", "receive"), "the chains of pages are gone", "chains of pages are new"),
    "large-transfer": Cause(("send", "receive", "network"), "messages are smaller", "messages are larger"),
    "slow-server": Cause(("server", "wait"), "the server's slow answers are gone", "the server has slow answers now"),
    "long-round-trip": Cause(("network",), "the endpoint is nearer", "the endpoint is farther", certain=True),
    "expect-continue-wait": Cause(
        ("wait", "server"), "the client no longer waits for 100 Continue", "the client waits for 100 Continue now", certain=True
    ),
    "proxy-in-path": Cause((), "no proxy is in the path any longer", "a proxy is in the path now", certain=True),
    "pool-too-small": Cause((), "requests no longer queue in the client", "requests queue in the client now"),
}
"""By code. A finding without an entry is listed and explains nothing."""
FACTS_FIRST = frozenset({"tls-full-handshake", "cold-connection", "long-round-trip", "large-transfer", "packet-loss-stall"})
"""Codes that only say that something is long: what differs says better why."""
MUCH = 0.2
"""A share, or a length relative to the other, that differs by less explains nothing."""
LEAST_NS = 200 * MICROSECOND


def cause_of(
    phases: Sequence[str], fell: bool, changes: Sequence[FindingChange], was: Conditions, now: Conditions
) -> tuple[str | None, tuple[str, ...]]:
    """Say why these phases fell, or rose, and which of them that explains; None and all of them where nothing tells."""
    wanted = "gone" if fell else "new"
    fitting = [row for row in changes if row.what == wanted and row.code in CAUSES and set(phases) & set(CAUSES[row.code].phases)]
    fitting.sort(key=lambda row: -max(row.before_ns, row.after_ns))
    # Before all, a finding that names the cause itself; then what differs; then findings that name what is long.
    telling = next((row for row in fitting if row.code not in FACTS_FIRST and max(row.before_ns, row.after_ns)), None)
    if telling is None:
        by_facts = _by_facts(phases, fell, was, now)
        if by_facts is not None:
            text, covers = by_facts
            return text, tuple(phase for phase in phases if phase in covers)
    found = telling or (fitting[0] if fitting else None)
    if found is None:
        return None, tuple(phases)
    cause = CAUSES[found.code]
    return (cause.gone if fell else cause.new), tuple(phase for phase in phases if phase in cause.phases)


def _by_facts(phases: Sequence[str], fell: bool, was: Conditions, now: Conditions) -> tuple[str, tuple[str, ...]] | None:
    of = set(phases)
    if of & set(SET_UP) and _moved(was.opened, now.opened, fell):
        return f"{'fewer' if fell else 'more'} calls open a connection ({percent(now.opened)}, before {percent(was.opened)})", SET_UP
    if "tls" in of and (text := _tls(fell, was, now)) is not None:
        return text, ("tls", "client")
    if of & set(FAR) and was.rtt_ns is not None and now.rtt_ns is not None and _longer(was.rtt_ns, now.rtt_ns, fell):
        return f"the endpoint is {'nearer' if fell else 'farther'} (round trip {duration(was.rtt_ns)} -> {duration(now.rtt_ns)})", FAR
    if of & set(LOSSY) and _moved(min(1.0, was.lost), min(1.0, now.lost), fell, much=0.005):
        return f"{'fewer' if fell else 'more'} packets are sent again ({_rate(now.lost)}, before {_rate(was.lost)})", LOSSY
    if of & set(RETRY) and _moved(was.retried, now.retried, fell, much=0.05):
        return f"{'fewer' if fell else 'more'} calls are retried ({percent(now.retried)}, before {percent(was.retried)})", RETRY
    return _by_size(of, fell, was, now)


FAR = ("network", "connect", "tls", "wait", "receive")
LOSSY = ("stall", "receive", "send", "failed", "network")


def _tls(fell: bool, was: Conditions, now: Conditions) -> str | None:
    if was.encrypted and not now.encrypted and fell:
        return "connections are no longer encrypted"
    if now.encrypted and not was.encrypted and not fell:
        return "connections are encrypted now"
    if was.resumed is not None and now.resumed is not None and _moved(now.resumed, was.resumed, fell):
        share = f"{percent(now.resumed)} of the handshakes, before {percent(was.resumed)}"
        return f"TLS sessions are resumed now ({share})" if fell else f"TLS sessions are resumed less ({share})"
    if was.tls != now.tls and was.tls is not None and now.tls is not None:
        return f"{now.tls} in place of {was.tls}"
    return None


def _by_size(of: set[str], fell: bool, was: Conditions, now: Conditions) -> tuple[str, tuple[str, ...]] | None:
    for phase, name, before, after in (
        ("receive", "answers", was.response_bytes, now.response_bytes),
        ("send", "requests", was.request_bytes, now.request_bytes),
    ):
        if phase in of and before and after and (after < before if fell else after > before) and abs(after - before) > MUCH * before:
            return f"{name} are {'smaller' if fell else 'larger'} ({bytes_(before)} -> {bytes_(after)})", (phase,)
    return None


def _moved(was: float, now: float, fell: bool, much: float = MUCH) -> bool:
    return (was - now if fell else now - was) >= much


def _longer(was: int, now: int, fell: bool) -> bool:
    more = was - now if fell else now - was
    return more >= max(LEAST_NS, MUCH * min(was, now))


def _rate(share: float) -> str:
    return f"{100 * share:.1f} %"
