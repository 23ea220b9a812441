"""Queries and answers -> lookups: what is a retry, what a copy, what the same lookup going on by TCP, and which connections used it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TypeAlias

from analyzer.dns._message import Message, parse
from analyzer.dns.addresses import Names, Recent
from analyzer.dns.framing import Budget, MessageSink
from analyzer.dns.pending import MAX_TRIES, RETRY_WITHIN_NS, USE_WITHIN_NS, Pending, State
from analyzer.model.rows import Lookup
from analyzer.model.seams import ByteStream, Datagram, Emit, Sink
from analyzer.units import MILLISECOND, ConnectionId, PacketId, TimeNs

PORT = 53
COPY_WITHIN_NS = 5 * MILLISECOND
"""The same datagram again within this time is a copy (another interface, VLAN or hop): no resolver repeats itself so soon."""
RETRY_AFTER_NS = 500 * MILLISECOND
"""A query with another transaction id this soon after an unanswered one is another thread's, not a retry: glibc and Go repeat after 5 s
(1 s at least), musl after 2.5 s, c-ares after 2 s."""
TOGETHER_WITHIN_NS = 50 * MILLISECOND
"""A and AAAA of one name asked within this time belong to one resolution: getaddrinfo sends both before it waits."""
MAX_PENDING = 20_000
"""Lookups that are not final; beyond, the oldest is taken as it is."""
MAX_LONELY = 16
"""Lookups of one name looked at for a sibling."""
MAX_EARLY = 64
"""Answers without a query that are remembered for `COPY_WITHIN_NS`: captures of several queues of an interface get packets out of order."""
_TCP = 0x10000
"""Added to the number of a TCP connection, which stands in for the port, so that it never equals a UDP port."""
_SIBLINGS = {"A": "AAAA", "AAAA": "A"}

_Question: TypeAlias = tuple[bytes, str, str, State]


class Lookups:
    """Makes the rows of the `lookups` table and remembers the names behind addresses.

    A lookup is what one client asked with all its tries. Its row is emitted when it is final: 1 s after the answer (its sibling's
    answer too, where A and AAAA were asked together), 30 s after the last try, or at the end. Memory is bounded.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._pending: OrderedDict[int, Pending] = OrderedDict()
        self._ids = count()
        self._connections = count(_TCP)
        self._due: list[tuple[TimeNs, int]] = []
        # Exact transactions (client, resolver, port, id, name, type) and, for other sockets, (client, id, name, type).
        self._transactions: dict[tuple[object, ...], Pending] = {}
        # Without an answer, or with a truncated one; the one that was silent for longest first.
        self._open: dict[_Question, OrderedDict[int, Pending]] = {}
        self._lonely: dict[tuple[bytes, str], list[Pending]] = {}
        self._recent = Recent()
        self._early: OrderedDict[tuple[object, ...], tuple[TimeNs, Callable[[TimeNs], None]]] = OrderedDict()
        self._names = Names()
        self._budget = Budget()

    def feed(self, datagram: Datagram, time: TimeNs, packet_id: PacketId) -> None:
        """Take a UDP datagram; anything but DNS to or from port 53 is ignored."""
        to_server = datagram.target_port == PORT
        if not to_server and datagram.source_port != PORT:
            return
        start = datagram.start
        message = parse(datagram.data, start, start + datagram.captured, datagram.size)
        if message is None:
            return
        if not message.is_response:
            if to_server:
                self._asked(datagram.source, datagram.target, datagram.source_port, message, time, packet_id)
        elif datagram.source_port == PORT:
            self._answered(datagram.target, datagram.source, datagram.target_port, message, time, packet_id, datagram.path)

    def sinks(self, client: bytes, server: bytes, client_to_server: ByteStream, server_to_client: ByteStream) -> tuple[Sink, Sink]:
        """Make the readers of a DNS connection: of the queries and of the responses (RFC 7766)."""
        number = next(self._connections)

        def asked(message: Message, time: TimeNs, packet_id: PacketId) -> None:
            self._asked(client, server, number, message, time, packet_id)

        def answered(message: Message, time: TimeNs, packet_id: PacketId) -> None:
            self._answered(client, server, number, message, time, packet_id, None)

        return (
            MessageSink(client_to_server, False, asked, self._budget),
            MessageSink(server_to_client, True, answered, self._budget),
        )

    def connected(self, connection_id: ConnectionId, client: bytes, server: bytes, syn_ns: TimeNs) -> None:
        """Learn of a connection's first SYN; the lookup that told its address, and the sibling waited for, list the connection."""
        used = self._recent.behind(client, server, syn_ns)
        if used is not None:
            used.used += 1
            used.connection_ids.append(connection_id)
            sibling = used.sibling
            if sibling is not None and sibling.end_ns is not None and sibling.end_ns <= syn_ns:
                sibling.connection_ids.append(connection_id)
            elif sibling is not None and sibling.state is State.ASKED:
                self._shelve(sibling)  # nobody waits for it any more: a later query is another lookup
        if used is None or used.used > 1:
            self._unseen(client, server, syn_ns)
        self.advance(syn_ns)

    def _unseen(self, client: bytes, server: bytes, syn_ns: TimeNs) -> None:
        """Learn of a SYN without an answer of its own: the last query for that name was answered, and the answer not captured.

        Were it left open, the next lookup of the name, whenever that is, would look like its second try.
        """
        name = self._names.get(server, client)
        if name is None:
            return
        for type_ in _SIBLINGS:
            for last in reversed(self._open.get((client, name, type_, State.ASKED), ())):
                pending = self._pending[last]
                if 0 <= syn_ns - pending.last_try_ns <= USE_WITHIN_NS:
                    self._shelve(pending)
                break

    def name_of(self, address: bytes, client: bytes | None = None) -> str | None:
        """Return the name asked for (not its CNAME target) whose answer most recently carried the address: this client's, else anyone's."""
        return self._names.get(address, client)

    def advance(self, now: TimeNs) -> None:
        """Emit what is final at capture time `now`. Every packet given does this; a live view may do it in between."""
        due = self._due
        while due and due[0][0] < now:
            pending = self._pending.get(heappop(due)[1])
            if pending is not None:
                self._settle(pending, now)

    def unsettled(self) -> list[Lookup]:
        """Return the rows, as they would be by now, of the lookups that are not final yet."""
        return [pending.row() for pending in self._pending.values()]

    def finish(self) -> None:
        """Emit all that is left, in order of `lookup_id`."""
        for pending in list(self._pending.values()):
            self._release(pending)
        self._due.clear()

    def _asked(self, client: bytes, resolver: bytes, port: int, message: Message, time: TimeNs, packet_id: PacketId) -> None:
        self.advance(time)
        name, type_ = message.name, message.type
        exact = (client, resolver, port, message.id, name, type_)
        pending = self._transactions.get(exact)
        if pending is not None and abs(time - pending.last_try_ns) <= COPY_WITHIN_NS:
            return
        by_tcp = port >= _TCP
        if pending is None:
            pending = self._continued(client, message, by_tcp, time)
        elif pending.state is not State.ASKED and (pending.used or time - pending.last_try_ns < RETRY_AFTER_NS):
            # Asked anew. Later and without a connection since, the client repeats itself: the answer was lost, or its sibling's was.
            pending = None
        if pending is None or pending.tries >= MAX_TRIES or time - pending.last_try_ns > RETRY_WITHIN_NS:
            pending = self._begin(client, name, type_, port, time)
        else:
            self._shelve(pending)
            self._recent.remove(pending)
        pending.ask(resolver, by_tcp, time, packet_id)
        for key in (exact, (client, message.id, name, type_)):
            if self._transactions.get(key) is not pending:
                self._transactions[key] = pending
                pending.keys.append(key)
        self._open.setdefault((client, name, type_, State.ASKED), OrderedDict())[pending.lookup_id] = pending
        self._watch(pending)
        answered, answer = self._early.pop(exact, (0, None))
        if answer is not None and 0 <= time - answered <= COPY_WITHIN_NS:
            answer(time)

    def _continued(self, client: bytes, message: Message, by_tcp: bool, time: TimeNs) -> Pending | None:
        """Find the lookup that a query from another socket goes on with; None where it begins one."""
        same_id = self._transactions.get((client, message.id, message.name, message.type))
        if same_id is not None and same_id.state is State.ASKED:
            return same_id
        if by_tcp:
            if same_id is not None and same_id.state is State.TRUNCATED:
                return same_id
            cut = self._open.get((client, message.name, message.type, State.TRUNCATED))
            if cut:
                return next(iter(cut.values()))
        silent = self._open.get((client, message.name, message.type, State.ASKED))
        if silent:
            oldest = next(iter(silent.values()))
            if time - oldest.last_try_ns >= RETRY_AFTER_NS:
                return oldest
        return None

    def _begin(self, client: bytes, name: str, type_: str, port: int, time: TimeNs) -> Pending:
        if len(self._pending) >= MAX_PENDING:
            self._release(next(iter(self._pending.values())))
        pending = Pending(next(self._ids), client, name, type_, port, time)
        self._pending[pending.lookup_id] = pending
        wanted = _SIBLINGS.get(type_)
        if wanted is not None:
            self._pair(pending, wanted)
        return pending

    def _pair(self, pending: Pending, wanted: str) -> None:
        """Join A and AAAA of one resolution: from one socket (glibc), else the ones asked first (musl, Go ask from two)."""
        lonely = self._lonely.setdefault((pending.client, pending.name), [])
        near = [other for other in lonely if abs(pending.start_ns - other.start_ns) <= TOGETHER_WITHIN_NS][-MAX_LONELY:]
        fitting = [other for other in near if other.type == wanted]
        if fitting:
            other = next((one for one in fitting if one.port == pending.port), fitting[0])
            pending.sibling, other.sibling = other, pending
            near.remove(other)
        else:
            near.append(pending)
        lonely[:] = near

    def _answered(
        self, client: bytes, resolver: bytes, port: int, message: Message, time: TimeNs, packet_id: PacketId, path: int | None
    ) -> None:
        self.advance(time)
        addresses = tuple(dict.fromkeys([value for _, _, _, value in message.answers if isinstance(value, bytes) and value]))
        for address in addresses:
            self._names.learn(client, address, message.name)
        exact = (client, resolver, port, message.id, message.name, message.type)
        pending = self._transactions.get(exact)
        if pending is None:
            # Its query may have been captured after it.
            self._early[exact] = time, lambda asked: self._answered(client, resolver, port, message, asked, packet_id, path)
            if len(self._early) > MAX_EARLY:
                self._early.popitem(last=False)
            return
        if pending.state is not State.ASKED:
            # Of the copies of an answer the one nearest to the client counts, which is the latest.
            late = time - pending.end_ns if pending.end_ns is not None else -1
            if 0 <= late <= COPY_WITHIN_NS and pending.answer_path != path and not pending.used:
                pending.end_ns, pending.packet_ids[-1] = time, packet_id
            return
        self._shelve(pending)
        cut = message.truncated and port < _TCP
        pending.state = State.TRUNCATED if cut else State.ANSWERED
        pending.end_ns, pending.rcode, pending.addresses = time, message.rcode, addresses
        pending.resolver, pending.answer_path = resolver, path
        pending.packet_ids.append(packet_id)
        if cut:
            self._open.setdefault((client, message.name, message.type, State.TRUNCATED), OrderedDict())[pending.lookup_id] = pending
        self._recent.add(pending)
        self._watch(pending)
        if pending.sibling is not None:
            self._watch(pending.sibling)

    def _watch(self, pending: Pending) -> None:
        """Have the lookup looked at when it is due; an earlier entry of it does no harm."""
        if len(self._due) >= 8 * MAX_PENDING:
            self._due = [(one.due(), one.lookup_id) for one in self._pending.values()]
            heapify(self._due)
        heappush(self._due, (pending.due(), pending.lookup_id))

    def _settle(self, pending: Pending, now: TimeNs) -> None:
        due = pending.due()
        if due < now:
            self._release(pending)
        else:
            heappush(self._due, (due, pending.lookup_id))

    def _shelve(self, pending: Pending) -> None:
        """Take the lookup off the list of open ones of its state."""
        question = (pending.client, pending.name, pending.type, pending.state)
        waiting = self._open.get(question)
        if waiting is not None:
            waiting.pop(pending.lookup_id, None)
            if not waiting:
                del self._open[question]

    def _release(self, pending: Pending) -> None:
        """Emit the row and forget the lookup."""
        del self._pending[pending.lookup_id]
        for key in pending.keys:
            if self._transactions.get(key) is pending:
                del self._transactions[key]
        self._shelve(pending)
        self._recent.remove(pending)
        lonely = self._lonely.get((pending.client, pending.name))
        if lonely is not None:
            lonely[:] = [one for one in lonely if one is not pending]
            if not lonely:
                del self._lonely[pending.client, pending.name]
        if pending.sibling is not None:
            # The pair is a reference cycle; cut, so that memory is freed with the garbage collector off.
            pending.sibling.sibling = None
            pending.sibling = None
        self._emit(pending.row())
