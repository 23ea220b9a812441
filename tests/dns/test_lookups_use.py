"""Which connections used a lookup, and the names behind addresses."""

from __future__ import annotations

import pytest

from analyzer.model.rows import Lookup
from analyzer.units import MILLISECOND
from tests.dns.wire import NAME, Timeline, address

ADDRESS = "3.218.180.10"
OTHER = "3.218.180.11"
SIX = "2600:1f18::1"


def used(rows: list[Lookup]) -> list[tuple[int, ...]]:
    return [row.connection_ids for row in rows]


@pytest.mark.parametrize(
    "at, server, expected",
    [(11, ADDRESS, (7,)), (1010, OTHER, (7,)), (1010.001, ADDRESS, ()), (9.9, ADDRESS, ()), (11, "3.218.180.12", ())],
)
def test_a_connection_within_a_second_of_the_answer(at: float, server: str, expected: tuple[int, ...]) -> None:
    line = Timeline()
    line.ask(0)
    if at < 10:
        line.syn(at, 7, server)
    line.answer(10, 1, NAME, "A", ADDRESS, OTHER)
    line.syn(at, 7, server)
    assert used(line.finish()) == [expected]


def test_connections_that_share_a_lookup() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(1, 1, NAME, "A", ADDRESS)
    for number in range(3):
        line.syn(2 + number, number, ADDRESS)
    assert used(line.finish()) == [(0, 1, 2)]


def test_each_of_two_threads_used_its_own() -> None:
    line = Timeline()
    line.ask(0, 1, port=1001)
    line.ask(0, 2, port=1002)
    line.answer(10, 1, NAME, "A", ADDRESS, OTHER, port=1001)
    line.answer(10.1, 2, NAME, "A", OTHER, ADDRESS, port=1002)
    line.syn(11, 0, ADDRESS)
    line.syn(11, 1, OTHER)
    assert used(line.finish()) == [(0,), (1,)]


def test_a_lookup_a_connection_does_not_charge_the_one_before() -> None:
    line = Timeline()
    for number in range(3):
        line.ask(100 * number, number)
        line.answer(100 * number + 1, number, NAME, "A", ADDRESS)
        line.syn(100 * number + 2, number, ADDRESS)
    assert used(line.finish()) == [(0,), (1,), (2,)]


def test_the_sibling_was_waited_for() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0.1, 2, type_="AAAA")
    line.answer(10, 1, NAME, "A", ADDRESS)
    line.answer(11, 2, NAME, "AAAA")
    line.syn(12, 5, ADDRESS)
    assert used(line.finish()) == [(5,), (5,)]


@pytest.mark.parametrize("before", [True, False])
def test_a_sibling_that_was_answered_after_the_syn_was_not_waited_for(before: bool) -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0.1, 2, type_="AAAA")
    line.answer(10, 1, NAME, "A", ADDRESS)
    if before:  # in the file, not in time: interfaces are not always in order
        line.answer(13, 2, NAME, "AAAA")
    line.syn(12, 5, ADDRESS)
    if not before:
        line.answer(13, 2, NAME, "AAAA")
    assert used(line.finish()) == [(5,), ()]


@pytest.mark.parametrize("gap, paired", [(50, True), (50.1, False)])
def test_siblings_are_asked_together(gap: float, paired: bool) -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(gap, 2, type_="AAAA", port=40001)
    line.answer(60, 1, NAME, "A", ADDRESS)
    line.answer(60, 2, NAME, "AAAA", port=40001)
    line.syn(61, 5, ADDRESS)
    assert used(line.finish()) == [(5,), (5,) if paired else ()]


@pytest.mark.parametrize("other", [{"client": "10.0.1.99"}, {"asked": "other.example"}, {"type_": "A"}])
def test_what_is_no_sibling(other: dict[str, str]) -> None:
    line = Timeline()
    told = {"type_": "AAAA", "asked": NAME} | other
    line.ask(0, 1)
    line.ask(0, 2, **told)  # type: ignore[arg-type]
    line.answer(1, 2, told.pop("asked"), told.pop("type_"), **told)  # type: ignore[arg-type]
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.syn(2, 5, ADDRESS)
    assert used(line.finish()) == [(5,), ()]


def test_siblings_of_two_threads_are_told_apart_by_their_sockets() -> None:
    line = Timeline()
    for ident, type_, port in ((1, "A", 1001), (2, "A", 1002), (3, "AAAA", 1002), (4, "AAAA", 1001)):
        line.ask(ident / 10, ident, type_=type_, port=port)
    line.answer(5, 1, NAME, "A", ADDRESS, OTHER, port=1001)
    line.answer(5, 2, NAME, "A", OTHER, ADDRESS, port=1002)
    line.answer(6, 3, NAME, "AAAA", port=1002)
    line.answer(6, 4, NAME, "AAAA", port=1001)
    line.syn(7, 0, ADDRESS)
    line.syn(7, 1, OTHER)
    assert used(line.finish()) == [(0,), (1,), (1,), (0,)]


def test_a_lookup_has_one_sibling() -> None:
    line = Timeline()
    for ident, type_ in ((1, "A"), (2, "AAAA"), (3, "A"), (4, "AAAA")):
        line.ask(ident, ident, type_=type_, port=1000 + ident)
    line.answer(10, 2, NAME, "AAAA", port=1002)
    line.answer(10, 3, NAME, "A", ADDRESS, port=1003)
    line.answer(10, 4, NAME, "AAAA", port=1004)
    line.syn(11, 5, ADDRESS)
    assert used(line.finish()) == [(), (), (5,), (5,)]


def test_happy_eyeballs_uses_both_types() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0, 2, type_="AAAA")
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.answer(1, 2, NAME, "AAAA", SIX)
    line.syn(2, 0, SIX, client="2600::5")
    line.syn(252, 1, ADDRESS)
    assert used(line.finish()) == [(0, 1), (0, 1)]


def test_behind_a_stub_resolver_another_client_asked() -> None:
    line = Timeline()
    line.ask(0, client="127.0.0.1", resolver="127.0.0.53")
    line.answer(1, 1, NAME, "A", ADDRESS, client="127.0.0.1", resolver="127.0.0.53")
    line.syn(2, 4, ADDRESS)
    assert used(line.finish()) == [(4,)]


def test_the_clients_own_lookup_comes_before_another_clients() -> None:
    line = Timeline()
    line.ask(0, client="10.0.9.9")
    line.ask(0)
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.answer(1.5, 1, NAME, "A", ADDRESS, client="10.0.9.9")
    line.syn(2, 4, ADDRESS)
    line.syn(2, 5, ADDRESS)
    assert used(line.finish()) == [(), (4, 5)]


def test_the_name_is_the_one_that_was_asked_for() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.ask(2, 2, asked="proxy.example", client="10.0.9.9")
    line.answer(3, 2, "proxy.example", "A", ADDRESS, client="10.0.9.9")
    lookups = line.lookups
    lookups.advance(10**6 * MILLISECOND)
    assert lookups.name_of(address(ADDRESS)) == "proxy.example"
    assert lookups.name_of(address(ADDRESS), address("10.0.1.23")) == NAME
    assert lookups.name_of(address(ADDRESS), address("10.0.7.7")) == "proxy.example"
    assert lookups.name_of(address(OTHER)) is None


@pytest.mark.parametrize("gone", [50, 1100])
def test_a_query_whose_answer_was_not_captured_is_no_try_of_the_next_lookup(gone: int) -> None:
    line = Timeline()
    line.ask(0, 1)
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.syn(2, 0, ADDRESS)
    line.ask(gone, 2)  # its answer is missing, but the client connects
    line.syn(gone + 2, 1, ADDRESS)
    line.ask(2000, 3)
    line.answer(2001, 3, NAME, "A", ADDRESS)
    line.syn(2002, 2, ADDRESS)
    rows = line.finish()
    assert [(row.tries, len(row.packet_ids)) for row in rows] == [(1, 2), (1, 1), (1, 2)]
    assert used(rows)[1:] == [(), (2,)]


def test_a_client_that_connects_waits_for_no_sibling() -> None:
    line = Timeline()
    line.ask(0, 1, NAME, "A")
    line.ask(0.1, 2, NAME, "AAAA")  # its answer is missing
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.syn(2, 0, ADDRESS)
    line.ask(1000, 3, NAME, "A")
    line.ask(1000.1, 4, NAME, "AAAA")
    line.answer(1001, 3, NAME, "A", ADDRESS)
    line.answer(1001, 4, NAME, "AAAA")
    assert sorted((row.type, row.tries) for row in line.finish()) == [("A", 1), ("A", 1), ("AAAA", 1), ("AAAA", 1)]


def test_a_lost_query_of_a_client_that_does_not_connect_is_tried_again() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.syn(2, 0, ADDRESS)
    line.ask(3000, 2)
    line.syn(8000, 1, ADDRESS)  # more than a second later: a pooled answer
    line.ask(8001, 3)
    line.answer(8002, 3, NAME, "A", ADDRESS)
    assert [row.tries for row in line.finish()] == [1, 2]


def test_an_answer_that_was_captured_before_its_query() -> None:
    line = Timeline()
    line.answer(0, 1, NAME, "A", ADDRESS)
    line.ask(0.3, 1)
    line.syn(1, 0, ADDRESS)
    line.answer(100, 2, NAME, "A", ADDRESS)  # too long before: another one's
    line.ask(106, 2)
    (early, late) = line.finish()
    assert (early.end_ns, early.tries, early.packet_ids, early.connection_ids) == (early.start_ns, 1, (2, 1), (0,))
    assert late.end_ns is None
