"""The phases of an exchange add up to its time to the nanosecond, whatever the rows say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.rows import Handshake
from analyzer.model.table import Table
from analyzer.model.timing import timing
from analyzer.report.ledger import PHASES
from analyzer.report.requests import spent_on, timed
from tests.factory import MS, START, analysis, connection, exchange, later
from tests.findings.whatif_scenes import handshake

CONNECTION = connection()
TIMES = st.none() | st.integers(START - 3 * MS, START + 3 * MS)
PARTS = st.none() | st.integers(-1, 4 * MS)


def test_the_first_exchange_pays_for_its_connection() -> None:
    parts = timing(exchange(0, CONNECTION), CONNECTION)
    assert parts is not None
    assert parts == (START, 28 * MS, 10 * MS, MS, MS, 14 * MS, 0, 10 * MS, 4 * MS, 2 * MS)


def test_a_reused_connection_costs_nothing() -> None:
    parts = timing(later(1, CONNECTION, 1), CONNECTION)
    assert parts is not None
    assert (parts.connect_ns, parts.client_ns, parts.total_ns, parts.start_ns) == (None, None, 17 * MS, START + 61 * MS)


def test_a_connection_opened_ahead_is_not_charged() -> None:
    parts = timing(exchange(0, CONNECTION), CONNECTION._replace(opened_ahead=True))
    assert parts is not None
    assert parts.connect_ns is None


def test_an_unseen_opening_is_unknown_not_zero() -> None:
    parts = timing(exchange(0, CONNECTION), CONNECTION._replace(syn_ns=None, connect_ns=None))
    assert parts is not None
    assert parts.connect_ns is None


def test_without_a_request_there_is_no_time() -> None:
    assert timing(exchange(0, CONNECTION, request_start_ns=None, request_end_ns=None), CONNECTION) is None


@pytest.mark.parametrize(
    "change, total",
    [
        ({}, 60 * MS),
        ({"closed_ns": START + 40 * MS}, 40 * MS),
        ({"closed_ns": None}, 60 * MS),
        ({"closed_ns": START + 5 * MS, "last_ns": START + 70 * MS}, 70 * MS),
        ({"closed_ns": None, "last_ns": START + 5 * MS}, 12 * MS),
    ],
)
def test_without_an_answer_the_wait_ends_where_the_connection_closes(change: dict[str, int | None], total: int) -> None:
    under = CONNECTION._replace(**change)  # type: ignore[arg-type]  # the values are of the right type by name
    parts = timing(exchange(0, under, response_start_ns=None, response_end_ns=None, network_ns=None, server_ns=None), under)
    assert parts is not None
    assert (parts.total_ns, parts.wait_ns, parts.receive_ns) == (total, total - 12 * MS, 0)


def test_an_answer_before_the_request_ended_ends_send() -> None:
    begun = exchange(0, CONNECTION, response_start_ns=START + 11 * MS + MS // 2, network_ns=0, server_ns=0)
    parts = timing(begun, CONNECTION)
    assert parts is not None
    assert (parts.send_ns, parts.wait_ns, parts.receive_ns) == (MS // 2, 0, 28 * MS - 11 * MS - MS // 2)


def test_a_split_that_does_not_add_up_is_no_split() -> None:
    parts = timing(exchange(0, CONNECTION, server_ns=5 * MS), CONNECTION)
    assert parts is not None
    assert (parts.network_ns, parts.server_ns, parts.wait_ns) == (None, None, 14 * MS)


def test_a_clock_that_steps_back_gives_no_negative_phase() -> None:
    parts = timing(exchange(0, CONNECTION, request_start_ns=START - 5 * MS), CONNECTION)
    assert parts is not None
    assert parts.start_ns == START - 5 * MS
    assert (parts.connect_ns, parts.client_ns) == (0, 0)


@given(TIMES, TIMES, TIMES, TIMES, TIMES, PARTS, PARTS, PARTS, PARTS, st.booleans(), st.integers(0, 1))
def test_phases_add_up_exactly(
    asked: int | None, sent: int | None, first: int | None, end: int | None, syn: int | None,
    took: int | None, stall: int | None, network: int | None, server: int | None, ahead: bool, index: int,
) -> None:  # fmt: skip
    under = CONNECTION._replace(syn_ns=syn, connect_ns=took, opened_ahead=ahead)
    row = exchange(
        0, under, request_start_ns=asked, request_end_ns=sent, response_start_ns=first, response_end_ns=end, index_on_connection=index,
        wait_stall_ns=stall, network_ns=network, server_ns=server,
    )  # fmt: skip
    parts = timing(row, under)
    if asked is None or sent is None:
        assert parts is None
        return
    assert parts is not None
    assert (parts.connect_ns or 0) + (parts.client_ns or 0) + parts.send_ns + parts.wait_ns + parts.receive_ns == parts.total_ns
    spent = dict(zip(PHASES, spent_on(parts), strict=True))
    assert sum(spent.values()) == parts.total_ns
    assert min(spent.values()) >= 0
    if parts.network_ns is not None:
        assert spent["wait"] == 0


def test_a_handshake_is_part_of_what_lies_between_connecting_and_the_first_request() -> None:
    first = exchange(0, CONNECTION)
    again = later(1, CONNECTION, 1)
    about = analysis([CONNECTION], [first, again])
    shaken = handshake(CONNECTION)
    about.handshakes = Table("handshakes", Handshake, [shaken])
    parts = timing(first, CONNECTION)
    assert parts is not None
    assert parts.client_ns is not None
    one, other = timed(about)
    assert (one.tls_ns, other.tls_ns) == (min(parts.client_ns, 24 * MS), 0)
    spent = dict(zip(PHASES, spent_on(one.parts, one.tls_ns), strict=True))
    assert (spent["tls"], spent["client"]) == (one.tls_ns, parts.client_ns - one.tls_ns)
    assert sum(spent.values()) == parts.total_ns
