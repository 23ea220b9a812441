"""The tail: its differences add up, it says who opened connections and which findings name it, and it knows when there is none."""

from __future__ import annotations

from pathlib import Path

import analyzer
from analyzer.report.layout import WIDTH, cells
from analyzer.report.tail import LEAST_ROWS, sentences, tail_lines, tail_markdown, tails, too_few
from tests.factory import MS, analysis, call, connection, finding
from tests.report.made import NASTY


def made(size: int, slow: int, **changes: object) -> analyzer.Analysis:
    """Calls of 17 ms, the last `slow` of them 50 ms longer in the server, and on a connection of their own."""
    usual = call(0, connect_ns=0, client_ns=0, duration_ns=17 * MS, reused=True)
    rows = [usual._replace(call_id=number) for number in range(size - slow)]
    more = usual._replace(duration_ns=77 * MS, server_ns=54 * MS, wait_ns=64 * MS, connect_ns=10 * MS, reused=False)
    rows += [more._replace(call_id=number) for number in range(size - slow, size)]
    found = [
        finding(title="Slow server", calls=tuple(range(size - slow, size))),
        finding(title="Far away", calls=tuple(range(size))),
        finding(title="Elsewhere", calls=(0,)),
    ]
    return analysis([connection()], calls=[row._replace(**changes) for row in rows], check=lambda _: found)  # type: ignore[arg-type]


def test_the_tail_is_one_percent_and_its_difference_adds_up() -> None:
    (tail,) = tails(made(1000, 10))
    assert tail.slow.numbers == tuple(range(990, 1000))
    assert len(tail.middle.numbers) == 200
    assert tail.more_ns == 60 * MS
    assert tail.differences() == [("server", 50 * MS), ("connect", 10 * MS)]
    assert sum(took for _, took in tail.differences()) == tail.more_ns
    assert (tail.slow.opened, tail.middle.opened) == (10, 0)


def test_findings_that_name_only_the_tail_come_first() -> None:
    (tail,) = tails(made(1000, 10))
    assert tail.findings == (("Slow server", 10, 0), ("Far away", 10, 200))
    text = " ".join(sentences(tail, "call"))
    assert text.startswith(
        "the slowest 1 % (10 of 1 000 calls, from 77.0 ms) take 77.0 ms, those around the median 17.0 ms: 60.0 ms more, of which"
    )
    assert "server 50.0 ms, connect 10.0 ms (100 %)." in text
    assert "10 of 10 opened a connection, around the median 0 of 200." in text
    assert "Slow server 10 of 10 (median 0 of 200)" in text


def test_few_calls_have_a_tail_of_three_and_fewer_none() -> None:
    (tail,) = tails(made(LEAST_ROWS, 3))
    assert len(tail.slow.numbers) == 3
    few = made(LEAST_ROWS - 1, 3)
    assert tails(few) == []
    assert too_few(few) == 1
    assert "No tail" in "\n".join(tail_lines(few))


def test_truncated_calls_are_left_out() -> None:
    assert tails(made(100, 3, truncated="end")) == []


def test_calls_that_are_all_alike_have_no_longer_tail() -> None:
    (tail,) = tails(made(100, 0))
    assert sentences(tail, "call")[0].endswith("no longer tail.")


def test_lines_fit_a_terminal_and_hostile_names_are_safe() -> None:
    about = made(100, 3, operation=NASTY)
    for line in tail_lines(about):
        assert cells(line) <= WIDTH
        assert not {"\x1b", "\x9b", "\u202e"} & set(line)
    assert "`<script>`" not in "\n".join(tail_markdown(about))


def test_a_real_capture(bundled: Path) -> None:
    about = analyzer.read(bundled / "cold-start.pcap")
    (tail,) = tails(about)
    assert tail.slow.opened == 3
    assert tail.middle.opened == 0
    phase, took = tail.differences()[0]
    assert phase == "connect"
    assert 88 * MS < took < 92 * MS, "one round trip of 90 ms"
    text = " ".join(tail_lines(about))
    assert "Query: the slowest 15 % (3 of 20 calls" in text
    assert "3 of 3 opened a connection" in text
