"""Which packets are a part of a capture: all findings of a code bring their calls, and a busy connection costs one search a packet."""

from __future__ import annotations

from random import Random

import pytest

from analyzer.annotating.choosing import Chosen, part_of
from analyzer.annotating.comments import Part
from analyzer.errors import UsageError
from tests.factory import MS, START, analysis, call, connection, exchange, finding


def test_every_finding_of_a_code_brings_its_calls() -> None:
    rows = [connection(number) for number in range(3)]
    calls = [call(number, row) for number, row in enumerate(rows)]
    found = [finding(code="slow-server", calls=(0,)), finding(code="slow-server", calls=(2,)), finding(code="throttled", calls=(1,))]
    about = analysis(rows, [exchange(number, row) for number, row in enumerate(rows)], calls=calls, check=lambda _: found)
    assert part_of(about, (), ("slow-server",)) == Part(frozenset({0, 2}), frozenset({"slow-server"}))
    with pytest.raises(UsageError, match="no finding zero-window"):
        part_of(about, (), ("slow-server", "zero-window"))


def test_windows_that_overlap_are_searched_as_one() -> None:
    random, row = Random(3), connection(0)
    calls = []
    for number in range(200):
        start = START + random.randrange(4_000) * MS
        took = random.choice((0, 1, 20, 300)) * MS
        calls.append(call(number, row, start_ns=start, end_ns=start + took, duration_ns=took, connection_ids=(0,)))
    wanted = frozenset(range(0, 200, 7))
    chosen = Chosen(analysis([row], [], calls=calls), Part(wanted, frozenset()))
    for at in range(START - MS, START + 4_400 * MS, MS // 2):
        assert chosen._has(0, at) is any(calls[number].start_ns <= at <= calls[number].end_ns for number in wanted)
    assert not chosen._has(1, START)
