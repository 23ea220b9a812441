"""The names behind addresses, and the choice among recent lookups."""

from __future__ import annotations

from analyzer.dns.addresses import MAX_NAMES, MAX_RECENT, Names, Recent
from analyzer.dns.pending import Pending, State

ONE, TWO, SERVER = b"\1\1\1\1", b"\2\2\2\2", b"\x0a\0\0\1"


def answered(lookup_id: int, *addresses: bytes, client: bytes = ONE, end_ns: int = 100) -> Pending:
    pending = Pending(lookup_id, client, "a.example", "A", 40000, 0)
    pending.state, pending.end_ns, pending.addresses = State.ANSWERED, end_ns, addresses
    return pending


def test_the_latest_name_counts_and_the_clients_own_comes_first() -> None:
    names = Names()
    names.learn(ONE, SERVER, "old.example")
    names.learn(ONE, SERVER, "one.example")
    names.learn(TWO, SERVER, "two.example")
    assert names.get(SERVER) == "two.example"
    assert names.get(SERVER, ONE) == "one.example"
    assert names.get(SERVER, b"\3\3\3\3") == "two.example"
    assert names.get(TWO) is None


def test_names_are_bounded_and_the_newest_stay() -> None:
    names = Names()
    names.learn(ONE, SERVER, "kept.example")
    for number in range(MAX_NAMES + 100):
        names.learn(ONE, number.to_bytes(4, "big"), "n")
        if number == MAX_NAMES - 2:
            names.learn(ONE, SERVER, "kept.example")
    assert len(names._names) <= 2 * MAX_NAMES
    assert names.get(SERVER) == "kept.example"
    assert names.get(b"\0\0\0\0") is None


def test_recent_lookups_of_an_address_are_bounded_and_forgotten() -> None:
    recent = Recent()
    lookups = [answered(number, SERVER) for number in range(3 * MAX_RECENT)]
    for pending in lookups:
        recent.add(pending)
    assert {len(place) for place in recent._places.values()} == {MAX_RECENT}
    for pending in lookups:
        recent.remove(pending)
    assert recent._places == {}
    assert recent.behind(ONE, SERVER, 200) is None


def test_the_unused_lookup_then_the_first_address_then_the_latest_answer() -> None:
    recent = Recent()
    used, second, early, late = answered(0, SERVER), answered(1, TWO, SERVER), answered(2, SERVER), answered(3, SERVER, end_ns=101)
    used.used = 1
    for pending in (used, second, early, late):
        recent.add(pending)
    order = []
    for _ in range(4):
        best = recent.behind(ONE, SERVER, 200)
        assert best is not None
        order.append(best.lookup_id)
        recent.remove(best)
    assert order == [3, 2, 1, 0]
