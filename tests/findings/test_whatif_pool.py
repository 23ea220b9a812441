"""A pool of N connections: who waits, who opens one, and when nothing changes."""

from __future__ import annotations

import re
from pathlib import Path

import analyzer
from analyzer.findings.rules.pool_too_small import RULE
from analyzer.findings.whatif.pool import in_lanes
from analyzer.findings.whatif.pools import Use, opened
from analyzer.model.whatif import Wishes
from analyzer.report.whatif import sentence
from tests.factory import MS, call, connection
from tests.findings.whatif_scenes import COLD, WARM_MS, answer, asked, cold, lengths, reused


def use(number: int, arrive_ms: int, end_ms: int) -> Use:
    return Use(call(number, connection(number)), arrive_ms * MS, end_ms * MS, 0)


def test_a_connection_is_free_when_its_answer_has_come() -> None:
    assert opened([(0, 10, 0), (10, 20, 0), (15, 30, 0), (20, 25, 0)]) == [True, False, True, False]


def test_who_need_not_open_one_is_done_sooner() -> None:
    assert opened([(0, 10, 5), (10, 20, 5), (16, 30, 5)]) == [True, False, False]
    assert opened([(0, 10, 5), (9, 20, 5), (16, 30, 5)]) == [True, True, False], "who opens one is not"


def test_one_that_was_idle_for_too_long_is_gone() -> None:
    assert opened([(0, 10, 0), (5, 12, 0), (30, 40, 0), (31, 41, 0)], 18) == [True, True, False, True]
    assert opened([(0, 10, 0), (30, 40, 0)], 19) == [True, True]
    assert opened([(0, 10, 0), (30, 40, 0)], 20) == [True, False]


def test_lanes_are_workers_that_do_one_thing_after_the_other() -> None:
    uses = [use(0, 0, 10), use(1, 5, 12), use(2, 11, 20), use(3, 12, 15)]
    assert [[one.call.call_id for one in lane] for lane in in_lanes(uses)] == [[0, 2], [1, 3]]


def test_one_connection_makes_calls_wait_for_each_other() -> None:
    # Three at once of 28 ms: the first opens the connection, the others wait for it and find it open.
    made = cold(3, every_ms=0)
    row, replay = asked(made, Wishes(pool=1))
    assert lengths(replay) == [28, 28 + WARM_MS, 28 + 2 * WARM_MS]
    assert [one.queue_ns // MS for one in replay.calls] == [0, 28, 28 + WARM_MS]
    assert row.gain_ns < 0
    assert "later" in row.note


def test_a_worker_that_waits_comes_later_with_its_next_call() -> None:
    # Two workers of two calls each, all 28 ms, with a pause of 2 ms; one connection carries them in turn.
    made = cold(4, every_ms=15)
    _, replay = asked(made, Wishes(pool=1))
    queues = [one.queue_ns // MS for one in replay.calls]
    assert queues[0] == 0
    assert max(queues) <= 28, "never more than one other is waiting: each worker waits itself"


def test_a_pool_as_large_as_needed_reuses_and_nobody_waits() -> None:
    row, replay = asked(cold(4), Wishes(pool=10))
    assert lengths(replay) == [28, WARM_MS, WARM_MS, WARM_MS]
    assert all(one.queue_ns == 0 for one in replay.calls)
    assert row.applies


def test_a_pool_beyond_what_is_used_changes_nothing() -> None:
    row, _ = asked(reused(4), Wishes(pool=10))
    assert not row.applies
    assert "never more than 1 call" in row.note


def test_credentials_that_come_sooner_leave_no_negative_time() -> None:
    made = cold(2, every_ms=0)
    calls = [row._replace(credentials_ns=20 * MS, duration_ns=48 * MS, start_ns=row.start_ns - 20 * MS) for row in made.calls]
    parts = [(("credentials", 20 * MS), *COLD)] * 2
    waited = answer(list(made.connections), list(made.exchanges), calls, parts)
    _, replay = asked(waited, Wishes(pool=1, credentials="ready"))
    assert lengths(replay) == [28, 28 + WARM_MS]


def test_the_note_says_which_calls_no_longer_open_a_connection() -> None:
    row, _ = asked(cold(4), Wishes(pool=10))
    assert row.note.startswith("3 calls (1, 2, 3) no longer open a connection")
    row, _ = asked(cold(3, every_ms=0), Wishes(pool=1))
    assert row.note.startswith("2 calls (1, 2) no longer open a connection, but wait for one of the pool")


def named(note: str) -> list[tuple[int, str]]:
    """How many calls have which fate, in a note."""
    return [(int(found[1]), found[2]) for found in re.finditer(r"(\d+) calls? \([^)]*\) ([a-z ]+)", note)]


def test_each_call_has_one_fate() -> None:
    # The first opens; the second comes to it while it is busy; the third finds it idle, or not, should the second have waited at worst.
    row, replay = asked(cold(4, at_ms=(0, 10, 46, 500)), Wishes(pool=1))
    fates = named(row.note)
    assert sum(number for number, _ in fates) == 3, "the first one opens its connection as before"
    assert "1 call (1) no longer opens a connection, but waits for one of the pool" in row.note
    assert [one.queue_ns > 0 for one in replay.calls] == [False, True, False, False]


def test_those_that_wait_are_told_from_those_that_may(bundled: Path) -> None:
    made = analyzer.read(bundled / "cold-start.pcap").whatif(pool=1)
    (row,) = made.changes
    likely = sum(one.queue_ns > 0 for one in made.calls)
    hardest = sum(one.high_ns is not None and one.high_ns > one.duration_ns and not one.queue_ns for one in made.calls)
    assert sum(number for number, fate in named(row.note) if "wait" in fate and "may" not in fate) <= likely == row.changed
    assert 0 < sum(number for number, fate in named(row.note) if fate.startswith("may wait")) <= hardest


def test_a_larger_pool_may_gain_what_a_replay_cannot_show() -> None:
    about = reused(4)
    about.check = lambda _: [RULE.finding("made up", cost_ns=MS, confidence="likely", calls=[1])]
    row, replay = asked(about, Wishes(pool=3))
    assert not row.applies
    assert row.note.startswith(
        "these calls came as fast as 1 connection let them (pool-too-small), so a replay of them cannot show the gain"
    )
    assert "3 carry up to 3.0 times as many calls a second" in row.note
    assert sentence(row, replay).startswith("pool 3: these calls came")
    assert sentence(asked(reused(4), Wishes(pool=3))[0], replay).startswith("pool 3 changes nothing: ")


def test_a_pool_keeps_no_connection_that_the_server_ends(bundled: Path) -> None:
    """The pause is longer than the server's timer: as many calls open a connection as without a pool."""
    about = analyzer.read(bundled / "cold-start.pcap")
    (row,) = about.whatif(pool=20).changes
    (found,) = (one.summary for one in about.findings if one.code == "idle-connection-closed")
    assert not row.applies
    assert "the server ends connections idle for 4004 ms (a timer of 4 s), of a pool too" in row.note
    assert "after 4004 ms. That is a timer of 4 s" in found, "one figure for both"
    kept = list(analyzer.read(bundled / "cold-start.pcap").whatif(keep_alive=True).changes)
    assert [one.applies for one in kept] == [False], "what keeping connections alone does not gain a pool does not gain either"
