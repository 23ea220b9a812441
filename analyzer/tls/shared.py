"""What TLS connections learn from each other, where several processes share a capture: written down with its moment, to be checked after.

Each process knows the tickets of its own connections only. Whoever joins their parts goes through all that was learned and asked in the
order of the packets: where every answer is the one that a single process would have got, so are the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from analyzer.model.capture import Inference
from analyzer.model.sharing import Moment
from analyzer.tls.inferring import Desk
from analyzer.tls.tickets import Asked, Server, TicketBook
from analyzer.tls.yardstick import MOST_COMPARED, Moments, Yardstick

Known: TypeAlias = Mapping[tuple[Server, int], Moment]
"""Lengths of tickets by server, and when each was first learned."""
Tickets: TypeAlias = tuple[Known, Known]
"""The same of exchanges, and of those that are inferred only to be compared."""
NOTHING: Known = {}
NOTHING_KNOWN: Tickets = (NOTHING, NOTHING)


class Learned(NamedTuple):
    """A ticket of a server."""

    moment: Moment
    server: Server
    size: int


class Told(NamedTuple):
    """A question, and the answer that was given."""

    moment: Moment
    asked: Asked
    tickets: int


Event: TypeAlias = Learned | Told


class SharedBook(TicketBook):
    """A book that writes down what it learns and answers. `known` is what others learned, as far as that was found out before."""

    def __init__(self, moment: Callable[[], Moment], known: Known = NOTHING) -> None:
        super().__init__()
        self._moment = moment
        self._others = known
        self.events: list[Event] = []

    def lengths(self, server: Server) -> Collection[int]:
        """Return the lengths of records with tickets of a server."""
        now = self._moment()
        others = {size for (name, size), moment in self._others.items() if name == server and moment < now} if self._others else set()
        return others.union(super().lengths(server))

    def learn(self, server: Server, size: int) -> None:
        """Note the length of a record with a ticket."""
        if size not in super().lengths(server):
            self.events.append(Learned(self._moment(), server, size))
        super().learn(server, size)

    def count(self, asked: Asked) -> int:
        """Return how many of the first records of a server are tickets."""
        tickets = super().count(asked)
        if asked.server is not None and asked.early:
            lean = [one._replace(record=one.record.bare()) for one in asked.early]
            self.events.append(Told(self._moment(), asked._replace(early=lean), tickets))
        return tickets


def consistent(events: Iterable[Event]) -> bool:
    """Tell whether one book for all, asked in the same order, would have answered the same."""
    book = TicketBook()
    for event in sorted(events, key=lambda event: event.moment):
        if isinstance(event, Learned):
            book.learn(event.server, event.size)
        elif book.count(event.asked) != event.tickets:
            return False
    return True


def learned(events: Iterable[Event]) -> dict[tuple[Server, int], Moment]:
    """Return what was learned, and when first."""
    known: dict[tuple[Server, int], Moment] = {}
    for event in events:
        if isinstance(event, Learned):
            key = (event.server, event.size)
            known[key] = min(known.get(key, event.moment), event.moment)
    return known


class Compared(NamedTuple):
    """A connection of which both answers are at hand."""

    connection_id: int
    began: Moment
    when: list[Moment]
    """When each of its exchanges was read."""
    read: list[Moments]
    told: list[Moments]
    dropped: Moment | None
    """When it was found that it cannot be read."""
    events: list[Event]


class SharedYardstick(Yardstick):
    """Compares what one of several processes reads; which connections count is told when the parts are joined."""

    def __init__(self, moment: Callable[[], Moment], known: Known = NOTHING) -> None:
        super().__init__()
        self._moment = moment
        self._others = known
        self._began: dict[int, Moment] = {}
        self._when: dict[int, list[Moment]] = {}
        self._dropped: dict[int, Moment] = {}
        self._book = SharedBook(moment, known)
        self._books: dict[int, list[Event]] = {}
        self.desk = Desk(self.desk.number, self._inferred, self._book, measures_only=True)

    def desk_of(self, connection_id: int) -> Desk:
        """Return the desk of a connection: its book shares what it knows with all, and keeps apart what this one said."""
        book = SharedBook(self._moment, self._others)
        book._known = self._book._known
        self._books[connection_id] = book.events
        return self.desk._replace(tickets=book)

    def begin(self, connection_id: int) -> None:
        """Compare what is said on a connection from now on."""
        self._began[connection_id] = self._moment()
        self._when[connection_id] = []
        super().begin(connection_id)

    def drop(self, connection_id: int) -> None:
        """Leave out a connection that cannot be read after all."""
        if connection_id in self._began:
            self._dropped.setdefault(connection_id, self._moment())
        super().drop(connection_id)

    def note(self, connection_id: int) -> None:
        """Note when the exchange that was just read came, if it was compared."""
        read, when = self._read.get(connection_id), self._when.get(connection_id)
        if read is not None and when is not None and len(read) > len(when):
            when.append(self._moment())

    def compared(self) -> list[Compared]:
        """Return all that was compared."""
        return [
            Compared(
                number,
                began,
                self._when[number],
                self._read.get(number, []),
                self._told.get(number, []),
                self._dropped.get(number),
                self._books.get(number, []),
            )
            for number, began in self._began.items()
        ]


def chosen(compared: Iterable[Compared]) -> list[Compared]:
    """Return the connections that a single process would have compared, in order: it begins with no more once it has read enough."""
    every = sorted(compared, key=lambda one: one.began)
    reads = sorted((moment, one.connection_id) for one in every for moment in one.when)
    taken: set[int] = set()
    out = []
    room, at = MOST_COMPARED, 0
    for one in every:
        while at < len(reads) and reads[at][0] < one.began:
            room -= reads[at][1] in taken
            at += 1
        if room > 0:
            taken.add(one.connection_id)
            out.append(one)
    return out


def inference(compared: Iterable[Compared]) -> Inference | None:
    """Return how far apart both answers are over all parts."""
    all_of_them = Yardstick()
    for one in compared:
        if one.dropped is None:
            all_of_them.keep(one.connection_id, one.read, one.told)
    return all_of_them.result()
