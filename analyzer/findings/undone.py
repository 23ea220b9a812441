"""Batches that were answered 200 and left items undone: throttling that no error shows, and the loops that send them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from analyzer.findings.pages import BATCHES, is_full, loops
from analyzer.findings.service_words import is_one, service_name, some_calls
from analyzer.findings.view import View
from analyzer.findings.words import plural
from analyzer.model.rows import Call, Exchange
from analyzer.units import DurationNs, count, duration

DECIDES = (
    "the table's WriteThrottleEvents or ReadThrottleEvents in CloudWatch: a batch leaves items undone for want of capacity, seldom for an "
    "internal failure"
)
REMEDY = (
    "What a batch leaves undone the program must send again, not the SDK: with a pause that grows (exponential back-off), else the next "
    "request is throttled too."
)
SLOTS = ("failed", "backoff", "dns", "connect", "tls", "send", "wait_stall", "network", "server", "wait", "receive", "client")


class Undone(NamedTuple):
    """Batches of one operation on one table that left something undone, and the requests that followed for it."""

    service: str | None
    operation: str | None
    table: str | None
    calls: list[Call]
    """Those that left something undone."""
    rows: list[Exchange]
    """Their answers."""
    loops: list[list[Call]]
    """Chains: a call that left something undone and those that were sent for it, the last of which may have done all."""


def undone(view: View) -> list[Undone]:
    """Return the batches that left items undone, by service, operation and table; those that were as large as one may be are left out."""
    calls: dict[tuple[str | None, str | None, str | None], list[tuple[Call, Exchange]]] = defaultdict(list)
    for call, row in view.answered:
        if row.unprocessed and call.operation in BATCHES and not is_full(row):
            calls[call.service, call.operation, call.table_name].append((call, row))
    if not calls:
        return []
    chains: dict[tuple[str | None, str | None, str | None], list[list[Call]]] = defaultdict(list)
    for chain in loops(view):
        chains[chain[0].service, chain[0].operation, chain[0].table_name].append(chain)
    return [Undone(*key, [call for call, _ in found], [row for _, row in found], chains[key]) for key, found in calls.items()]


def cost_of(view: View, one: Undone) -> DurationNs:
    """Charge the requests that were sent for what was left undone: without throttling none of them had been needed."""
    return view.charge_all((call for chain in one.loops for call in chain[1:]), SLOTS)


def text_of(one: Undone, beside: Iterable[Call], cost: DurationNs) -> str:
    """Say what was left undone, and what it took to do it after all."""
    where = f" on {one.table}" if one.table is not None else f" of {service_name(one.service)}"
    member = "UnprocessedKeys" if one.operation == "BatchGetItem" else "UnprocessedItems"
    text = f"{some_calls(one.calls, list(beside))}{where} {'was' if is_one(one.calls) else 'were'} answered 200 and yet left "
    text += f"{'keys' if one.operation == 'BatchGetItem' else 'items'} undone ({member} is not empty): throttling that no error shows. "
    if not one.loops:
        return text + "No request that follows looks like one for the rest."
    requests = sum(len(chain) - 1 for chain in one.loops)
    whole = sum(chain[-1].end_ns - chain[0].start_ns for chain in one.loops)
    pauses = sum(max(0, after.start_ns - before.end_ns) for chain in one.loops for before, after in pairwise(chain))
    text += f"The program sent {plural(requests, 'further request')} for the rest, in {plural(len(one.loops), 'loop')} of up to "
    text += f"{count(max(map(len, one.loops)))} requests that took {duration(whole)} in all: {duration(cost)} the further requests, "
    return text + f"{duration(pauses)} the program's own pauses between them."
