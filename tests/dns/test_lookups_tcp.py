"""Lookups that go on by TCP, or begin there."""

from __future__ import annotations

from analyzer.units import MILLISECOND
from tests.dns.wire import NAME, Timeline, query, response

ADDRESS = "3.218.180.10"


def test_a_truncated_answer_goes_on_by_tcp() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(1, 1, NAME, "A", truncated=True)
    there, back = line.connection()
    line.by_tcp(there, 3, query(77))
    line.by_tcp(back, 5, response(77, NAME, "A", (ADDRESS,)))
    (row,) = line.finish()
    assert (row.tries, row.start_ns, row.end_ns, row.answers) == (1, 0, 5 * MILLISECOND, (ADDRESS,))
    assert row.packet_ids == (1, 2, 3, 4)


def test_the_same_id_tells_which_truncated_lookup_goes_on() -> None:
    line = Timeline()
    for ident in (1, 2):
        line.ask(ident / 10, ident, port=1000 + ident)
        line.answer(ident, ident, NAME, "A", truncated=True, port=1000 + ident)
    there, back = line.connection()
    line.by_tcp(there, 5, query(2))
    line.by_tcp(back, 6, response(2, NAME, "A", (ADDRESS,), truncated=True))
    rows = line.finish()
    assert [(row.tries, row.answers, row.packet_ids) for row in rows] == [(1, (), (1, 2)), (1, (ADDRESS,), (3, 4, 5, 6))]


def test_truncation_means_nothing_by_tcp() -> None:
    line = Timeline()
    there, back = line.connection()
    line.by_tcp(there, 0, query(1))
    line.by_tcp(back, 1, response(1, NAME, "A", (ADDRESS,), truncated=True))
    there, back = line.connection()
    line.by_tcp(there, 2, query(2))
    line.by_tcp(back, 3, response(2, NAME, "A", (ADDRESS,)))
    assert [(row.start_ns, row.end_ns) for row in line.finish()] == [(0, MILLISECOND), (2 * MILLISECOND, 3 * MILLISECOND)]


def test_a_truncated_answer_stands_where_no_tcp_follows() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(1, 1, NAME, "A", ADDRESS, truncated=True)
    line.syn(2, 0, ADDRESS)
    (row,) = line.finish()
    assert (row.end_ns, row.answers, row.connection_ids) == (MILLISECOND, (ADDRESS,), (0,))


def test_tcp_without_an_answer_leaves_the_lookup_unanswered() -> None:
    line = Timeline()
    line.ask(0)
    line.answer(1, 1, NAME, "A", ADDRESS, truncated=True)
    there, _ = line.connection()
    line.by_tcp(there, 3, query(1))
    (row,) = line.finish()
    assert (row.end_ns, row.answers, row.rcode, row.tries) == (None, (), None, 1)


def test_tcp_after_silence_is_a_try() -> None:
    line = Timeline()
    line.ask(0)
    there, back = line.connection()
    line.by_tcp(there, 5000, query(1))
    line.by_tcp(back, 5001, response(1, NAME, "A", (ADDRESS,)))
    (row,) = line.finish()
    assert (row.tries, row.end_ns) == (2, 5001 * MILLISECOND)


def test_two_connections_with_one_id_are_kept_apart() -> None:
    line = Timeline()
    pipes = [line.connection(), line.connection()]
    line.by_tcp(pipes[0][0], 0, query(1, "one.example"))
    line.by_tcp(pipes[1][0], 0, query(1, "two.example"))
    line.by_tcp(pipes[1][1], 1, response(1, "two.example", "A", (ADDRESS,)))
    assert [(row.name, row.rcode) for row in line.finish()] == [("one.example", None), ("two.example", "NOERROR")]
