"""Rows as pieces over lanes: contiguous, on the right connection, and no two connections at once in a lane."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.ledger import PHASES
from analyzer.report.traces import Lane, drawn_connections, endpoint, lanes, reach_of, traces
from tests.factory import MS, START, analysis, call, connection, exchange, spans
from tests.report.made import waited


def test_pieces_add_up_and_a_wait_is_split() -> None:
    for trace in traces(waited()):
        row = trace.row
        parts = {PHASES[piece.phase]: piece.duration_ns for piece in trace.pieces}
        named = ["connect", "client", "send", "wait", "receive", "failed", "backoff", "credentials"]
        wanted = sum(getattr(row, f"{name}_ns") for name in named)
        assert sum(piece.duration_ns for piece in trace.pieces) == wanted
        if row.wait_ns:
            assert parts["server"] == row.server_ns


def test_two_waits_share_what_the_ledger_says_of_both() -> None:
    row = call(wait_ns=14 * MS, network_ns=10 * MS, server_ns=4 * MS)
    parts = spans(row, ("send", MS), ("wait", 6 * MS), ("send", MS), ("wait", 8 * MS))
    (trace,) = traces(analysis(calls=[row], spans=parts))
    drawn = [(PHASES[piece.phase], piece.duration_ns // MS) for piece in trace.pieces]
    assert drawn == [("send", 1), ("network", 6), ("send", 1), ("network", 4), ("server", 4)]


def test_a_failed_attempt_is_drawn_on_its_own_connection_and_waiting_on_that_of_the_call() -> None:
    row = call(3, connection(3))
    parts = [
        *spans(row, ("failed", MS), connection_id=1, inner_phase="connect"),
        *spans(row, ("backoff", MS), connection_id=None, first=1),
        *spans(row, ("credentials", MS), connection_id=2, first=2),
    ]
    (trace,) = traces(analysis([connection(3)], calls=[row], spans=parts))
    assert [piece.connection_id for piece in trace.pieces] == [1, 3, 3]
    assert PHASES[trace.pieces[0].inner] == "connect"


def test_few_connections_have_lanes_of_their_own() -> None:
    rows = [connection(number, server_name=f"host{number}") for number in range(3)]
    made = lanes(rows, {})
    assert [lane.label for lane in made.lanes] == ["0  host0:80", "1  host1:80", "2  host2:80"]
    assert made.only == ""
    one = lanes([connection(0), connection(1)], {})
    assert [lane.label for lane in one.lanes] == ["stream 0", "stream 1"]
    assert one.only == "all to dynamodb.us-east-1.amazonaws.com:80"


def test_endpoints_read_as_addresses_do() -> None:
    assert endpoint(connection(server_name=None, server_address="fd00::1")) == "[fd00::1]:80"
    assert endpoint(connection(server_name="localhost:80")) == "localhost:80"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), st.integers(-5, 5)), min_size=1, max_size=40))
def test_no_two_connections_share_a_lane_at_once(ends: list[tuple[int, int, int]]) -> None:
    rows = [connection(n, first_ns=START + a * MS, last_ns=START + (a + length) * MS) for n, (a, length, _) in enumerate(ends)]
    reach = {n: (START + (a + more) * MS, START + (a + length) * MS) for n, (a, length, more) in enumerate(ends)}
    made = lanes(rows, reach, most=0)
    assert sorted(number for lane in made.lanes for number in lane.connection_ids) == list(range(len(rows)))
    for at, lane in enumerate(made.lanes):
        assert all(made.at[number] == at for number in lane.connection_ids)
        spent = sorted((min(rows[n].first_ns, reach[n][0]), max(rows[n].last_ns, reach[n][1])) for n in lane.connection_ids)
        assert all(before[1] < after[0] for before, after in pairwise(spent))


def test_what_is_drawn_reaches_beyond_its_packets() -> None:
    row = call(0, connection(0), start_ns=START - 50 * MS)
    (trace,) = traces(analysis(calls=[row], spans=spans(row, ("dns", 50 * MS), ("connect", 10 * MS))))
    assert reach_of([trace]) == {0: (START - 50 * MS, START + 10 * MS)}


def test_connections_without_calls_are_drawn_only_if_they_matter() -> None:
    rows = [connection(0), connection(1, service=None, exchanges=0), connection(2, exchanges=0), connection(3, copy_of=0)]
    about = analysis(rows, [exchange(0, rows[0])], calls=[call(0, rows[0])], spans=spans(call(0, rows[0])))
    assert [row.connection_id for row in drawn_connections(about, list(traces(about)))] == [0, 2]


def test_lanes_of_no_connections() -> None:
    made = lanes([], {})
    assert made.lanes == list[Lane]()
