"""Watches the rules take their costs from the calls' time: who took how much of what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from analyzer.findings.registry import rules
from analyzer.findings.view import View, capacity
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Finding
from analyzer.model.services import CREDENTIAL_SERVICES

BEFORE = frozenset({"pool-too-small"})
"""What waits before the first packet of a call costs none of its time: it is told apart, and has no share."""


class Taken(NamedTuple):
    """A charge of a rule."""

    code: str
    call_id: int
    slot: str
    took_ns: int


@contextmanager
def watched(code: str, taken: list[Taken]) -> Iterator[None]:
    """Note what is charged."""
    charge = View.charge

    def noting(view: View, call: Call, slot: str, most: int | None = None) -> int:
        took = charge(view, call, slot, most)
        taken.append(Taken(code, call.call_id, slot, took))
        return took

    with patch.object(View, "charge", noting):
        yield


def assert_charged_once(about: Analysis) -> list[Finding]:
    """Run all rules: no call is charged for more than it took, no slot for more than it held, no finding costs what was not charged."""
    view = View(about)
    taken: list[Taken] = []
    found: list[Finding] = []
    for loaded in sorted(rules(), key=lambda loaded: (loaded.rule.rank, loaded.rule.code)):
        with watched(loaded.rule.code, taken):
            mine = list(loaded.check(view))
        found += mine
        charged = sum(one.took_ns for one in taken if one.code == loaded.rule.code)
        if loaded.rule.code in BEFORE:
            assert all(row.share is None for row in mine), loaded.rule.code
            continue
        assert sum(row.cost_ns for row in mine if row.calls) <= charged, loaded.rule.code
        for row in mine:
            whole = sum(view.calls[number].duration_ns for number in row.calls)
            assert not row.calls or 0 <= row.cost_ns <= whole, row.code
    calls: dict[int, int] = defaultdict(int)
    slots: dict[tuple[int, str], int] = defaultdict(int)
    for one in taken:
        assert one.took_ns >= 0
        calls[one.call_id] += one.took_ns
        slots[one.call_id, one.slot] += one.took_ns
    for number, took in calls.items():
        assert took <= view.calls[number].duration_ns, [one for one in taken if one.call_id == number]
    for (number, slot), took in slots.items():
        assert took <= capacity(view.calls[number], slot), (number, slot)
    shares = [row.share for row in found if row.share is not None]
    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert sum(shares) <= 1 + 1e-9
    services = {row.call_id for row in about.calls if row.service not in CREDENTIAL_SERVICES}
    assert all(row.share is None or set(row.calls) <= services for row in found)
    assert all(1 <= packet <= about.capture.packets for row in found for packet in row.packet_ids)
    known = {row.connection_id for row in about.connections}
    assert all(set(row.connections) <= known for row in found)
    return found
