"""Which calls are pages of one logical operation: those that ask to go on where the one before stopped."""

from __future__ import annotations

from collections import defaultdict

from analyzer.findings.view import View
from analyzer.model.rows import Call

KEY_BYTES = 30
"""The shortest `"ExclusiveStartKey":{"k":{"S":""}},`, by which the request for a further page is longer than the first."""


def logical(view: View) -> list[list[Call]]:
    """Return the chains of at least two pages, in order of their start.

    Calls that only follow each other, each a first page of its own (a Limit, and the rest never asked for), have requests of one length:
    they are taken apart. A retry's header makes a request longer too, so only first attempts are compared.
    """
    chains: dict[int, list[Call]] = defaultdict(list)
    for call in view.service_calls:
        if call.chain_id is not None:
            chains[call.chain_id].append(call)
    out: list[list[Call]] = []
    for calls in chains.values():
        out += _taken_apart(view, calls)
    return out


def _taken_apart(view: View, calls: list[Call]) -> list[list[Call]]:
    out: list[list[Call]] = []
    pages: list[Call] = []
    first: int | None = None
    for call in calls:
        size = _first_length(view, call)
        if pages and first is not None and (size >= first + KEY_BYTES if size is not None else len(pages) > 1):
            pages.append(call)
            continue
        if len(pages) > 1:
            out.append(pages)
        pages, first = [call], size
    if len(pages) > 1:
        out.append(pages)
    return out


def _first_length(view: View, call: Call) -> int | None:
    """Return the bytes of the request of a call's first attempt; None where that was not captured."""
    for row in view.exchanges_of(call):
        if (row.attempt or 1) == 1 and row.request_start_ns is not None:
            return row.request_bytes
    return None
