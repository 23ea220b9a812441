"""Lookups: scripted timelines, one rule each."""

from __future__ import annotations

import pytest

from analyzer.units import MILLISECOND
from tests.dns.wire import CLIENT, NAME, RESOLVER, Timeline, query, response

ADDRESS = "3.218.180.10"
OTHER = "3.218.180.11"


def test_a_query_and_its_answer() -> None:
    line = Timeline()
    first = line.ask(10)
    second = line.answer(22, 1, NAME, "A", ADDRESS, OTHER)
    (row,) = line.finish()
    assert row == (
        0, CLIENT, RESOLVER, NAME, "A", 10 * MILLISECOND, 22 * MILLISECOND, 1, (ADDRESS, OTHER), "NOERROR", (), (first, second)
    )  # fmt: skip


def test_a_and_aaaa_of_one_socket_are_two_rows() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0.1, 2, type_="AAAA")
    line.answer(5, 1, NAME, "A", ADDRESS)
    line.answer(6, 2, NAME, "AAAA", "2600:1f18:0:0::1")
    rows = line.finish()
    assert [(row.lookup_id, row.type, row.end_ns, row.answers) for row in rows] == [
        (0, "A", 5 * MILLISECOND, (ADDRESS,)),
        (1, "AAAA", 6 * MILLISECOND, ("2600:1f18::1",)),
    ]


def test_names_are_lower_case_whatever_case_resolvers_mix() -> None:
    line = Timeline()
    line.ask(0, asked="DynamoDB.EXAMPLE.com")
    line.answer(1, 1, "dYNAMOdb.example.COM", "A", ADDRESS)
    (row,) = line.finish()
    assert (row.name, row.rcode) == ("dynamodb.example.com", "NOERROR")


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"ident": 2},
        {"port": 50000},
        {"resolver": "10.0.0.3"},
        {"ident": 2, "port": 50000, "resolver": "10.0.0.3"},
    ],
)
def test_a_retry_is_a_try_of_the_same_lookup(again: dict[str, object]) -> None:
    line = Timeline()
    line.ask(0)
    line.ask(5000, **again)  # type: ignore[arg-type]
    line.answer(5002, again.pop("ident", 1), NAME, "A", ADDRESS, **again)  # type: ignore[arg-type]
    (row,) = line.finish()
    assert (row.start_ns, row.end_ns, row.tries) == (0, 5002 * MILLISECOND, 2)
    assert row.packet_ids == (1, 2, 3)
    assert row.resolver == again.get("resolver", RESOLVER)


def test_the_resolver_that_answers_is_named_else_the_last_asked() -> None:
    line = Timeline()
    line.ask(0)
    line.ask(1000, resolver="10.0.0.3")
    line.ask(0, 7, asked="other.example")
    line.ask(1000, 7, asked="other.example", resolver="10.0.0.3")
    line.answer(1400, 1, NAME, "A", ADDRESS)
    answered, silent = line.finish()
    assert (answered.resolver, answered.tries) == (RESOLVER, 2)
    assert (silent.resolver, silent.tries, silent.end_ns, silent.rcode) == ("10.0.0.3", 2, None, None)


def test_the_same_id_at_another_resolver_is_a_try_at_any_time() -> None:
    line = Timeline()
    line.ask(0)
    line.ask(0.05, resolver="10.0.0.3")
    line.answer(1, 1, NAME, "A", ADDRESS, resolver="10.0.0.3")
    line.answer(2, 1, NAME, "A", ADDRESS)
    (row,) = line.finish()
    assert (row.tries, row.end_ns, row.resolver, row.packet_ids) == (2, MILLISECOND, "10.0.0.3", (1, 2, 3))


def test_threads_that_ask_together_are_lookups_of_their_own() -> None:
    line = Timeline()
    line.ask(0, 1, port=40233)
    line.ask(0.2, 2, port=46498)
    line.answer(11, 1, NAME, "A", ADDRESS, port=40233)
    line.answer(12, 2, NAME, "A", OTHER, port=46498)
    assert [(row.tries, row.answers) for row in line.finish()] == [(1, (ADDRESS,)), (1, (OTHER,))]


def test_retries_of_two_threads_go_to_one_lookup_each() -> None:
    line = Timeline()
    line.ask(0, 1, port=1001)
    line.ask(0.2, 2, port=1002)
    line.ask(5000, 3, port=1003)
    line.ask(5000.2, 4, port=1004)
    line.answer(5001, 4, NAME, "A", ADDRESS, port=1004)
    rows = line.finish()
    assert [(row.tries, row.packet_ids) for row in rows] == [(2, (1, 3)), (2, (2, 4, 5))]


def test_after_30_s_of_silence_it_is_another_lookup() -> None:
    line = Timeline()
    line.ask(0)
    line.ask(30_000)
    line.ask(60_001)
    rows = line.rows.copy()
    assert [(row.tries, row.end_ns) for row in rows] == [(2, None)]
    assert [row.tries for row in line.finish()] == [2, 1]


def test_a_copy_on_another_interface_is_one_packet() -> None:
    line = Timeline()
    line.ask(0, path=1)
    line.ask(0.1, path=2)
    line.answer(8, 1, NAME, "A", ADDRESS, path=2)
    line.answer(8.1, 1, NAME, "A", ADDRESS, path=1)
    (row,) = line.finish()
    assert (row.tries, row.start_ns) == (1, 0)
    # Of the copies the one nearest to the client counts: its query's first, its answer's last.
    assert (row.end_ns, row.packet_ids) == (round(8.1 * MILLISECOND), (1, 4))


def test_the_same_query_after_5_ms_is_a_retry() -> None:
    line = Timeline()
    line.ask(0, path=1)
    line.ask(5.1, path=2)
    (row,) = line.finish()
    assert row.tries == 2


def test_a_late_second_answer_changes_nothing() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(3, 1, NAME, "A", ADDRESS)
    line.answer(4, 1, NAME, "A", OTHER)
    (row,) = line.finish()
    assert (row.end_ns, row.answers, row.packet_ids) == (3 * MILLISECOND, (ADDRESS,), (1, 2))


def test_an_error_ends_the_lookup_and_the_next_query_is_another() -> None:
    line = Timeline()
    line.ask(0, 1, asked=NAME + ".ec2.internal")
    line.answer(1, 1, NAME + ".ec2.internal", "A", rcode=3)
    line.ask(2, 2)
    line.answer(3, 2, NAME, "A", rcode=2)
    line.ask(4, 3)
    line.answer(5, 3, NAME, "A", ADDRESS)
    rows = line.finish()
    assert [(row.name, row.tries, row.rcode) for row in rows] == [
        (NAME + ".ec2.internal", 1, "NXDOMAIN"), (NAME, 1, "SERVFAIL"), (NAME, 1, "NOERROR")
    ]  # fmt: skip


def test_a_response_without_a_query_makes_no_row_but_teaches_the_name() -> None:
    line = Timeline()
    line.answer(1, 1, "alias.example", "A", ADDRESS)
    assert line.finish() == []
    assert line.lookups.name_of(b"\x03\xda\xb4\x0a") == "alias.example"
    assert line.lookups.name_of(b"\x03\xda\xb4\x0b") is None


@pytest.mark.parametrize(
    "wrong",
    [{"ident": 9}, {"port": 41000}, {"resolver": "10.0.0.9"}, {"client": "10.0.1.99"}, {"asked": "other.example"}, {"type_": "AAAA"}],
)
def test_an_answer_to_something_else_does_not_end_the_lookup(wrong: dict[str, object]) -> None:
    line = Timeline()
    line.ask(0)
    told = {"ident": 1, "asked": NAME, "type_": "A"} | wrong
    line.answer(1, told.pop("ident"), told.pop("asked"), told.pop("type_"), **told)  # type: ignore[arg-type]
    (row,) = line.finish()
    assert row.end_ns is None


def test_other_types_have_no_addresses() -> None:
    line = Timeline()
    line.ask(0, type_="ANY")
    line.answer(1, 1, NAME, "ANY", ADDRESS)
    (row,) = line.finish()
    assert (row.type, row.answers, row.rcode) == ("ANY", (), "NOERROR")


def test_other_ports_are_left_alone() -> None:
    line = Timeline()
    line._send(0, (CLIENT, 5353), ("224.0.0.251", 5353), query(), 0)
    line._send(0, (CLIENT, 40000), (RESOLVER, 5300), query(), 0)
    line._send(0, (CLIENT, 53), (RESOLVER, 40000), query(), 0)
    line._send(0, (RESOLVER, 40000), (CLIENT, 53), response(1, NAME, "A", (ADDRESS,)), 0)
    assert line.finish() == []
    assert line.lookups.name_of(b"\x03\xda\xb4\x0a") is None


def test_resolvers_that_ask_from_port_53() -> None:
    line = Timeline()
    line.ask(0, port=53)
    line.answer(1, 1, NAME, "A", ADDRESS, port=53)
    (row,) = line.finish()
    assert (row.client_address, row.resolver, row.end_ns) == (CLIENT, RESOLVER, MILLISECOND)


def test_a_repeated_query_whose_sibling_is_missing_is_a_retry() -> None:
    line = Timeline()
    line.ask(0, 1)
    line.ask(0, 2, type_="AAAA")
    line.answer(1, 1, NAME, "A", ADDRESS)
    line.ask(5000, 1)
    line.ask(5000, 2, type_="AAAA")
    line.answer(5001, 1, NAME, "A", ADDRESS)
    line.answer(5002, 2, NAME, "AAAA")
    line.syn(5003, 0, ADDRESS)
    rows = line.finish()
    assert [(row.tries, row.start_ns, row.end_ns, row.connection_ids) for row in rows] == [
        (2, 0, 5001 * MILLISECOND, (0,)),
        (2, 0, 5002 * MILLISECOND, (0,)),
    ]


def test_the_same_id_and_port_soon_after_the_answer_is_a_new_lookup() -> None:
    line = Timeline()
    for at in (0, 100):
        line.ask(at)
        line.answer(at + 1, 1, NAME, "A", ADDRESS)
    assert [(row.tries, row.end_ns) for row in line.finish()] == [(1, MILLISECOND), (1, 101 * MILLISECOND)]
