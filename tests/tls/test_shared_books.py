"""Ticket books of several processes, checked against the one that a single process would have had."""

from __future__ import annotations

from analyzer.model.sharing import Moment
from analyzer.tls import SharedBook, SharedYardstick, chosen, consistent, learned
from analyzer.tls._records import Record
from analyzer.tls.shared import Compared
from analyzer.tls.tickets import Asked, Early
from analyzer.tls.yardstick import MOST_COMPARED

SERVER = (b"\x01\x02\x03\x04", 443, "dynamodb.us-east-1.amazonaws.com")
SIZE = 250


def early(*sizes: int) -> list[Early]:
    return [Early(Record(23, 0, size + 5, (10_000_000, 5), (10_000_000, 5), b"head", b"body"), 500, 60) for size in sizes]


def asked(*sizes: int) -> Asked:
    return Asked(SERVER, early(*sizes), 0, 0, 1, True)


class Book(SharedBook):
    def __init__(self, *known: object) -> None:
        self.now: Moment = (0, 2, 0, 0)
        super().__init__(lambda: self.now, *known)  # type: ignore[arg-type]  # at most what others learned

    def at(self, packet: int) -> Book:
        self.now = (packet, 2, 0, 0)
        return self


def test_an_answer_that_another_process_would_have_changed_is_found() -> None:
    one, other = Book(), Book()
    one.at(1).learn(SERVER, SIZE)
    assert other.at(2).count(asked(SIZE, 900)) == 0
    assert not consistent([*one.events, *other.events])
    told = learned([*one.events, *other.events])
    assert told == {(SERVER, SIZE): (1, 2, 0, 0)}
    again = Book(told)
    assert again.at(2).count(asked(SIZE, 900)) == 1
    assert consistent([*one.events, *again.events])


def test_what_is_learned_later_changes_nothing() -> None:
    one, other = Book(), Book()
    assert other.at(2).count(asked(SIZE, 900)) == 0
    one.at(3).learn(SERVER, SIZE)
    assert consistent([*one.events, *other.events])
    again = Book(learned(one.events))
    assert again.at(2).count(asked(SIZE, 900)) == 0


def test_nothing_of_records_is_kept_but_their_sizes() -> None:
    book = Book()
    book.count(asked(SIZE, 900))
    assert "b'body'" not in repr(book.events)
    assert "b'head'" not in repr(book.events)


def compared(number: int, began: int, reads: int) -> Compared:
    return Compared(number, (began, 2, 0, 0), [(began + 1, 2, 0, 0)] * reads, [], [], None, [])


def test_no_more_connections_are_compared_once_enough_exchanges_were_read() -> None:
    first, second, third = compared(0, 10, MOST_COMPARED), compared(1, 11, 1), compared(2, 12, 1)
    assert [one.connection_id for one in chosen([third, second, first])] == [0, 1]


def test_a_shared_yardstick_keeps_what_each_connection_said_apart() -> None:
    now = (1, 2, 0, 0)
    yardstick = SharedYardstick(lambda: now)
    yardstick.begin(3)
    yardstick.begin(4)
    yardstick.desk_of(3).tickets.learn(SERVER, SIZE)
    assert SIZE in yardstick.desk_of(4).tickets.lengths(SERVER)
    assert [len(one.events) for one in yardstick.compared()] == [1, 0]
    yardstick.drop(4)
    assert [one.dropped for one in yardstick.compared()] == [None, now]
