"""What is known of addresses: the name under which each was asked for, and the recent lookups that a connection to it may have used."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from analyzer.dns.pending import USE_WITHIN_NS, Pending
from analyzer.units import TimeNs

MAX_NAMES = 10_000
"""Addresses whose name is remembered, the newest ones."""
MAX_RECENT = 64
"""Recent lookups kept for one address, the newest ones: more than that in a second is a load test, and any of them will do."""

_Place: TypeAlias = tuple[bytes | None, bytes]
"""Client (None: any) and address."""


class Names:
    """The question whose answer most recently carried an address. Bounded: the addresses not heard of for longest are forgotten."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: OrderedDict[_Place, str] = OrderedDict()

    def learn(self, client: bytes, address: bytes, name: str) -> None:
        """Note that `client` was told that `name` has this address."""
        names = self._names
        for place in ((client, address), (None, address)):
            names[place] = name
            names.move_to_end(place)
        while len(names) > 2 * MAX_NAMES:
            names.popitem(last=False)

    def get(self, address: bytes, client: bytes | None = None) -> str | None:
        """Return the name that this client asked for, else the one that any client asked for; None where nobody did."""
        return self._names.get((client, address)) or self._names.get((None, address))


class Recent:
    """Answered lookups that are not final, by their addresses."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: dict[_Place, OrderedDict[int, Pending]] = {}

    def add(self, pending: Pending) -> None:
        """Note an answered lookup."""
        for address in pending.addresses:
            for place in ((pending.client, address), (None, address)):
                lookups = self._places.get(place)
                if lookups is None:
                    lookups = self._places[place] = OrderedDict()
                lookups[pending.lookup_id] = pending
                if len(lookups) > MAX_RECENT:
                    lookups.popitem(last=False)

    def remove(self, pending: Pending) -> None:
        """Forget a lookup; must come before its addresses change."""
        for address in pending.addresses:
            for place in ((pending.client, address), (None, address)):
                lookups = self._places.get(place)
                if lookups is not None:
                    lookups.pop(pending.lookup_id, None)
                    if not lookups:
                        del self._places[place]

    def behind(self, client: bytes, server: bytes, syn_ns: TimeNs) -> Pending | None:
        """Find the lookup that a SYN from `client` to `server` used; None where it came from a cache or an unseen lookup.

        Lookups by another client count only where this client has none: behind a stub resolver on loopback the question is asked
        from another address than the SYN.
        """
        return self._best((client, server), syn_ns) or self._best((None, server), syn_ns)

    def _best(self, place: _Place, syn_ns: TimeNs) -> Pending | None:
        """Choose among lookups in whose second the SYN lies: threads that start together ask the same name several times.

        The one least used, since each thread asks for itself; then the one that names the address earlier, since programs try the
        first one first; then the latest answer.
        """
        best: Pending | None = None
        best_rank = (0, 0, 0)
        for pending in self._places.get(place, {}).values():
            ready = pending.ready_ns(syn_ns)
            if ready is None or syn_ns - ready > USE_WITHIN_NS:
                continue
            rank = (pending.used, pending.addresses.index(place[1]), -ready)
            if best is None or rank < best_rank:
                best, best_rank = pending, rank
        return best
