"""When a lookup's row is final, and what is kept until then: always bounded."""

from __future__ import annotations

from analyzer.dns.lookups import MAX_PENDING
from analyzer.dns.pending import MAX_TRIES
from analyzer.units import MILLISECOND
from tests.dns.wire import NAME, Timeline

ADDRESS = "3.218.180.10"


def test_a_row_is_emitted_when_it_is_final() -> None:
    line = Timeline()
    line.ask(0)
    line.ask(0, 9, asked="silent.example")
    line.answer(10, 1, NAME, "A", ADDRESS)
    line.lookups.advance(1010 * MILLISECOND)
    assert line.rows == []
    line.lookups.advance(1010 * MILLISECOND + 1)
    assert [row.name for row in line.rows] == [NAME]
    line.lookups.advance(30_000 * MILLISECOND)
    assert len(line.rows) == 1
    line.syn(30_001, 0, ADDRESS)
    assert [row.name for row in line.rows] == [NAME, "silent.example"]
    assert line.finish() == sorted(line.rows)
    assert len(line.rows) == 2


def test_a_lookup_waits_for_its_sibling() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0, 2, type_="AAAA")
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.lookups.advance(4000 * MILLISECOND)
    assert line.rows == []
    line.answer(4000, 2, NAME, "AAAA")
    line.syn(4001, 3, ADDRESS)
    line.lookups.advance(5001 * MILLISECOND)
    assert [row.connection_ids for row in line.rows] == [(3,), (3,)]


def test_finish_emits_in_order() -> None:
    line = Timeline()
    for number in range(20):
        line.ask(number, number, asked=f"n{number}.example")
    for number in range(19, 10, -1):
        line.answer(30 + number, number, f"n{number}.example", "A", ADDRESS)
    line.lookups.finish()
    assert [row.lookup_id for row in line.rows] == list(range(20))


def test_memory_is_bounded_and_forgotten() -> None:
    line = Timeline()
    for number in range(MAX_PENDING + 500):
        line.ask(0, number % 65536, asked=f"n{number}.example", port=1 + number // 65536)
    assert len(line.rows) == 500
    assert len(line.lookups._pending) == MAX_PENDING
    rows = line.finish()
    assert [row.lookup_id for row in rows] == list(range(MAX_PENDING + 500))
    kept = (line.lookups._pending, line.lookups._transactions, line.lookups._open, line.lookups._lonely, line.lookups._recent._places)
    assert [len(part) for part in kept] == [0] * 5
    assert line.lookups._due == []


def test_many_lookups_of_one_name_at_one_time() -> None:
    line = Timeline()
    for number in range(3000):
        line.ask(0, number, port=40000)
    for number in range(3000):
        line.answer(1, number, NAME, "A", ADDRESS)
        line.syn(2, number, ADDRESS)
    rows = line.finish()
    assert len(rows) == 3000
    assert sum(len(row.connection_ids) for row in rows) == 3000
    assert line.lookups._recent._places == {}


def test_a_row_does_not_grow_without_end() -> None:
    line = Timeline()
    for number in range(3 * MAX_TRIES):
        line.ask(number * 10)
    rows = line.finish()
    assert [row.tries for row in rows] == [MAX_TRIES] * 3
    assert len(rows[0].packet_ids) == MAX_TRIES


def test_a_clock_that_jumps_loses_no_row() -> None:
    line = Timeline()
    line.ask(10_000, 1)
    line.ask(5_000, 2, asked="back.example")
    line.answer(10_001, 1, NAME, "A", ADDRESS)
    line.ask(10**9, 3, asked="far.example")
    line.ask(10_500, 4, asked="now.example")
    line.answer(10_501, 4, "now.example", "A", ADDRESS)
    assert [row.name for row in line.finish()] == [NAME, "back.example", "far.example", "now.example"]
