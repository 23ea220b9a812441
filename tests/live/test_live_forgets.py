"""What is over is forgotten: a watch of days holds no more than one of minutes."""

from __future__ import annotations

import pytest

from analyzer.model.capture import CaptureInfo
from analyzer.tls import KeyLog
from analyzer.watching.clock import Clock
from analyzer.watching.following import Follower
from analyzer.watching.history import History
from analyzer.watching.passing import IDLE_NS
from tests.live.replay import LOOK_NS, Steady
from tests.pipeline.traffic import Net, blocks

SECOND = 1_000_000_000


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_pause_nothing_is_left_in_the_window_and_of_the_connections(seed: int) -> None:
    steady = Steady()
    gone: list[int] = []
    follower = Follower(Clock(steady=steady), (), KeyLog(), gone=lambda row: gone.append(row.connection_id))
    last = None
    done = 0
    for block in blocks(Net(seed, calls=60).frames, set(range(0, 10_000, 60))):
        newest = max(block.times)
        steady.now += max(0, newest - last) if last is not None else 0
        last = newest if last is None else max(last, newest)
        follower.feed(block)
        done += len(follower.look().done)
    opened = len(follower.running.engine.flows) + len(gone)
    assert len(follower.running.engine.flows) > 0
    calls = follower.look()
    for _ in range(15):
        steady.now += 20 * SECOND
        calls = follower.look()
        done += len(calls.done)
    assert done > 40
    # What nobody answered and nobody closed may still be answered.
    assert set(follower._window._exchanges) <= {number for one in calls.under_way for number in one.call.exchange_ids}
    steady.now += IDLE_NS
    for _ in range(3):
        follower.look()
        steady.now += LOOK_NS
    assert follower.running.engine.flows == []
    assert len(follower._window) == 0
    assert sorted(gone) == list(range(opened)), "each connection was told of once"
    assert not follower.finish().done
    running = follower.running
    for kept in (running.talks, running.exchanges_on, running._heard, running._traffic, running._endpoints, running._handshakes):
        assert not kept


def test_the_history_keeps_the_last_calls_and_what_belongs_to_them() -> None:
    from tests.live.replay import replayed

    done = replayed(blocks(Net(5, calls=60).frames, {50, 100}))
    history = History(keep=10)
    for one in done:
        history.add([one], [], [])
        for row in one.connections:
            history.gone(row)
    assert history.seen == len(done)
    answer = history.analysis(CaptureInfo(), [])
    assert [call.call_id for call in answer.calls] == sorted(one.call.call_id for one in done[-10:])
    wanted = {number for one in done[-10:] for number in one.call.exchange_ids}
    assert wanted <= {row.exchange_id for row in answer.exchanges}
    assert all(row.call_id in {call.call_id for call in answer.calls} for row in answer.spans)
    assert any("the tables hold the last 10" in note for note in answer.capture.notes)
