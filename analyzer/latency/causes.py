"""Why a phase was long: what held its bytes up, and the known timers that its silences fit."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer import sdks, timers
from analyzer.model.draft import Activity, Attempt, Draft
from analyzer.model.rows import Connection, Exchange
from analyzer.sdks.pauses import kind_of
from analyzer.timers import Gap
from analyzer.units import DurationNs, TimeNs

MOST_ASKED = 16
LEAST_NS: DurationNs = 1_000_000
"""A pause shorter than this needs no name."""


def of_set_up(piece: Activity, attempt: Attempt) -> tuple[str, ...]:
    """Return the causes of a piece of set-up: those that it has, and the timers of its SYNs, addresses and queries."""
    codes = piece.causes
    if not codes:
        return ()
    found: list[str] = []
    under, sdk = attempt.connection, _sdk((attempt,))
    if "query-repeated" in codes:
        found += timers.causes(Gap("query", piece.end_ns - piece.start_ns))
    if "syn-retransmitted" in codes:
        for row in (under, *attempt.beside):
            # Where no SYN was ever answered, the client's patience ended the wait and not the timer of the last SYN.
            if row.syn_retransmissions and row.syn_stall_ns and row.established_ns is not None:
                found += timers.causes(Gap("syn", row.syn_stall_ns, repeats=row.syn_retransmissions))
    rows = sorted((row for row in (*attempt.beside, under) if row.syn_ns is not None), key=lambda row: row.syn_ns or 0)
    for kind, code in (("address", "happy-eyeballs"), ("connect", "address-fallback")):
        if code in codes and len(rows) > 1:
            found += timers.causes(Gap(kind, (rows[1].syn_ns or 0) - (rows[0].syn_ns or 0), sdk, under.service))
    return (*codes, *dict.fromkeys(found))


def of_pause(draft: Draft, before: Attempt | None, took: DurationNs, retry: int) -> tuple[str, ...]:
    """Return the timers that the pause before a retry fits: the back-off of the SDK."""
    if before is None or took < LEAST_NS:
        return ()
    sdk = _sdk(draft.attempts)
    profile = sdks.profile(sdk)
    if profile is None:
        return ()
    last = before.exchange
    failure = kind_of(profile, last.status, last.error_type) if last is not None else "transient"
    return timers.causes(Gap("pause", took, sdk, draft.service, retry=retry, failure=failure))


def of_silence(draft: Draft, attempt: Attempt, start: TimeNs, end: TimeNs) -> tuple[str, ...]:
    """Return the timers that the wait for an answer that never came fits: the time limit of the SDK."""
    if attempt.exchange is None:
        return ()
    return timers.causes(Gap("silence", end - start, _sdk(draft.attempts), attempt.exchange.service))


def of_continue(exchange: Exchange, start: TimeNs, end: TimeNs) -> tuple[str, ...]:
    """Return why a client waited between head and body; where no 100 came, its timer too."""
    told = exchange.interim is not None and "100" in exchange.interim.split(",")
    return ("expect-continue",) if told else ("expect-continue", *timers.causes(Gap("continue", end - start)))


def of_bytes(exchange: Exchange, under: Connection, start: TimeNs, end: TimeNs) -> tuple[str, ...]:
    """Name what held up the bytes of an exchange in a time, and the timers that ended it."""
    found: list[str] = []
    if exchange.stalls:
        stalls = [stall for stall in exchange.stalls if stall.start_ns < end and stall.end_ns > start]
        found += [stall.kind for stall in stalls]
        for stall in stalls:
            if stall.kind in ("request-repeated", "response-hole"):
                repeats = exchange.request_repeats if stall.kind == "request-repeated" else exchange.response_repeats
                found += timers.cause(timers.repair(stall.end_ns - stall.start_ns, under.min_rtt_ns, repeats))
    if exchange.held:
        held = [one for one in exchange.held if one.start_ns < end and one.end_ns > start]
        found += ["delayed-ack" for _ in held[:1]]
        for one in held:
            found += timers.causes(Gap("delayed-ack", one.delay_ns))
    return tuple(dict.fromkeys(found))


def _sdk(attempts: Sequence[Attempt]) -> str | None:
    """Return the SDK that made attempts, where any of the first requests tells: all are of one, and a hostile call may have thousands."""
    first = attempts[:MOST_ASKED]
    return next((one.exchange.sdk for one in first if one.exchange is not None and one.exchange.sdk is not None), None)
