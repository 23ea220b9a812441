"""Connections that have ended take little memory, and answer late packets as if they had been kept whole."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest

from analyzer.model.rows import Connection
from analyzer.model.seams import Block
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine, Flow, row, stands_alone
from analyzer.tcp._half import Half
from analyzer.tcp.resting import may_rest, rest, wake
from analyzer.tcp.stream import Stream
from tests.tcp.script import START, Line, Played, blocks, play, trace

SECOND = 1_000_000_000
OPENED = "0 C S 0 0 mss=1400\n10 S SA 0 1 mss=1300 ttl=50\n20 C A 1 1\n"
ENDED = OPENED + "30 C PA 1 1 100\n40 S PA 1 101 200\n50 C FA 101 201\n60 S FA 201 102\n70 C A 102 202\n"
REFUSED = "0 C S 0 0\n10 S RA 0 1\n"
ABORTED = OPENED + "30 C PA 1 1 100\n40 S PA 1 101 200\n50 C RA 101 201\n"
REPEATED = (
    OPENED + "30 C PA 1 1 100 ts=5:1\n330 C PA 1 1 100 ts=9:1\n340 S A 1 101 ts=2:5\n350 S PA 301 101 50\n390 S PA 1 101 300\n"
    "400 C FA 101 351\n410 S FA 351 102\n420 C A 102 352\n"
)
GAPS = "0 C PA 500 1 100\n1 S A 1 600\n5 C PA 400 1 50\n7 C PA 700 1 10\n8 S PA 1 900 30\n9 C F 900 31\n10 S FA 31 901\n11 C A 901 32\n"
TWICE = "\n".join(f"{line} if=0\n{line.replace(' ', '.1 ', 1)} ttl=63 if=1" for line in ENDED.splitlines() if "SA" not in line)
TOLD = {"ended": ENDED, "refused": REFUSED, "aborted": ABORTED, "repeated": REPEATED, "gaps": GAPS, "twice": TWICE}
FORGOTTEN = {"sightings", "trail", "_arrived", "_now", "watched", "watched_ns", "quiet"}
"""What nobody can ask for any more; `quiet` is only how fast the next packet is taken."""
OTHERS = "C S 0 0 port=50000 isn={0}\n"


def slots(kind: type) -> list[str]:
    return [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]


def facts(value: object, seen: dict[int, int]) -> object:
    """Describe a connection, or a part of it, by all that it holds."""
    if isinstance(value, (Flow, Half, Stream)):
        if id(value) in seen:
            return "part", seen[id(value)]
        seen[id(value)] = len(seen)
        return {name: facts(getattr(value, name), seen) for name in slots(type(value)) if name not in FORGOTTEN}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "deque":
        return [facts(one, seen) for one in value]  # type: ignore[attr-defined]
    if type(value).__module__.startswith("analyzer.tcp") and slots(type(value)) and type(value).__name__ not in ("Room", "Conflicts"):
        named = {name: facts(getattr(value, name), seen) for name in slots(type(value)) if not name.startswith("_stream")}
        return type(value).__name__, named
    return value


def engine(*, rests: bool = True) -> Engine:
    return Engine(
        LAYOUTS, Decoder().decode, (), lambda row: None, datagram=lambda *what: None, datagram_ports=frozenset(), rests=rests
    )  # fmt: skip


@pytest.mark.parametrize("told", TOLD)
def test_a_connection_wakes_as_it_was(told: str) -> None:
    rested = 0
    lines = trace(TOLD[told])
    for stop in range(1, len(lines) + 1):
        tested = engine(rests=False)
        for block in blocks(lines[:stop]):
            tested.feed(block)
        (flow,) = tested.flows
        if not may_rest(flow):
            continue
        flow.finish()
        flow.release()
        for half in flow.halves:
            half.stream.sync()
        before = facts(flow, {})
        resting = rest(flow)
        assert resting is not None
        again = wake(resting, flow._openers, tested._room, flow.on_syn)
        assert facts(again, {}) == before
        rested += 1
    assert rested >= 1


def test_what_passed_over_numbers_or_is_read_does_not_rest() -> None:
    tested = engine(rests=False)
    for block in blocks(trace(OPENED + "130 C PA 1 1 100 id=9\n140 S A 1 101\n")):
        tested.feed(block)
    (flow,) = tested.flows
    assert flow.first_half.numbers is not None
    assert flow.first_half.numbers.passed
    assert not may_rest(flow)


def test_a_number_beyond_all_sense_keeps_a_connection_whole() -> None:
    tested = engine(rests=False)
    for block in blocks(trace(REFUSED)):
        tested.feed(block)
    (flow,) = tested.flows
    flow.first_half.last_time = 1 << 70
    assert rest(flow) is None
    assert flow.first_half.flow is flow
    assert row(flow).last_ns == 1 << 70


def others(count: int = 60, *, every: int = SECOND) -> list[Line]:
    """SYNs of other connections, by whose times those that are over are let go."""
    return [Line(START + number * every, "C", 2, number * 1000, 0, port=50_000 + number) for number in range(1, count)]


def both(lines: Sequence[Line]) -> tuple[Played, Played]:
    """Play a trace to an engine that keeps connections and to one that puts them to rest."""
    ordered = sorted(lines, key=lambda line: line.time)
    kept, rested = play(blocks(ordered)), play(blocks(ordered), rests=True)
    assert rested.rows == kept.rows
    assert rested.anomalies == kept.anomalies
    assert {number: [side.events for side in pair] for number, pair in rested.readers.items()} == {
        number: [side.events for side in pair] for number, pair in kept.readers.items()
    }
    return kept, rested


LATE = {
    "an ACK": "A 102 202",
    "its FIN again": "FA 101 201",
    "bytes again": "PA 1 1 100",
    "new bytes": "PA 102 202 30",
    "its SYN again": "S 0 0",
    "another SYN": "S 0 0 isn=77000",
    "a reset": "R 102 0",
}


@pytest.mark.parametrize("after", [2_000, 20_000, 45_000])
@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("told", ["ended", "refused", "aborted", "repeated"])
def test_late_packets_are_answered_as_if_it_had_been_kept(told: str, late: str, after: int) -> None:
    text = TOLD[told] + f"{after} C {LATE[late]}\n{after + 5} S A 202 102\n{after + 9000} C {LATE[late]}\n"
    kept, _ = both(trace(text) + others())
    assert kept.rows[0].packets_sent >= (2 if late == "another SYN" else 3) - (told == "refused")


def test_endpoints_that_come_again_and_again() -> None:
    lines = [line for number in range(40) for line in trace(ENDED, client=number * 100_000)]
    for number, line in enumerate(lines):
        line.time += number // 8 * 40 * SECOND
    kept, _ = both(lines)
    assert [row.bytes_received for row in kept.rows] == [200] * 40


def test_a_connection_to_itself() -> None:
    lines = [Line(START + number, "C", 16, number, 0, b"x", port=9, server_port=9, server=bytes((10, 0, 0, 1))) for number in range(4)]
    lines.append(Line(START + 5, "C", 17, 4, 3, port=9, server_port=9, server=bytes((10, 0, 0, 1))))
    kept, _ = both([*lines, *others()])
    assert len(kept.rows) == 60


def short(count: int, *, every: int = SECOND // 10, late: int = 100 * SECOND) -> Iterator[Block]:
    """Connections with data, one after the other, and so late after them another one, at which all are let go."""
    text = ENDED.replace("mss=1400", "ts=1:0").replace("mss=1300 ", "")
    for number in range(count):
        lines = trace(text, client=number * 7919, server=number * 104_729)
        for line in lines:
            line.time += number * every
            line.port = 10_000 + number % 50_000
        yield from blocks(lines)
    yield from blocks([Line(START + count * every + late, "C", 2, 1, 0, port=9)])


def test_a_connection_that_is_over_takes_a_kilobyte() -> None:
    count = 1000
    tested = engine()
    made = list(short(count))
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for block in made:
            tested.feed(block)
        kept = tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()
        gc.enable()
    assert kept < 1300


def test_a_connection_that_was_woken_is_not_ended_a_second_time() -> None:
    """Its port is used again, and only the answer to the SYN was captured: what follows is read like any other."""
    again = "100000 S SA 900 1\n100001 C PA 1 901 10\n100002 S PA 901 11 20\n"
    later = "140000 S PA 921 11 30\n140001 C PA 11 951 40\n"
    kept, _ = both([*trace(ENDED + again), *others(count=110), *trace(later)])
    assert kept.rows[0].bytes_received >= 50


def test_nothing_is_left_of_connections_whose_rows_are_made() -> None:
    tested = engine()
    for block in short(100):
        tested.feed(block)
    tested.finish()
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(one, (Flow, Half, Stream)) for one in gc.get_objects())
        rows: list[Connection] = [row(flow) for flow in tested.each()]
        after = sum(isinstance(one, (Flow, Half, Stream)) for one in gc.get_objects())
    finally:
        gc.enable()
    assert [one.connection_id for one in rows] == list(range(101))
    assert [one.bytes_received for one in rows] == [200] * 100 + [0]
    assert after <= before


def test_only_those_that_may_have_another_view_are_looked_at() -> None:
    tested = engine(rests=False)
    for port, isn in ((1, 5000), (2, 5000), (3, 6000)):
        for block in blocks([*trace(ENDED.replace("\n", f" port={port}\n"), client=isn)]):
            tested.feed(block)
    for block in blocks([Line(START, "C", 2, 9, 0, port=4)]):
        tested.feed(block)
    numbers = tested.alike()
    assert numbers == {5000}
    assert [stands_alone(flow, numbers) for flow in tested.flows] == [False, False, True, False]
