"""Closed windows: since when, until when, and only while there was more to send."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import capture
from analyzer.model.rows import Anomaly
from analyzer.model.seams import Claim, Repair
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Engine, Flow
from tests.tcp.script import START, Everything, Reader, run

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.4 C A 1 1\n20 C PA 1 1 100\n"
FILLED = OPEN + "30 S PA 1 101 1000\n30.1 S PA 1001 101 1000\n30.2 C A 101 2001 win=0\n"


def ms(start: float, end: float, packet: int) -> Repair:
    return START + round(start * 1_000_000), START + round(end * 1_000_000), packet


def test_from_the_segment_that_filled_it_to_the_update() -> None:
    flow = run(FILLED + "500 C A 101 2001 win=400\n510 S PA 2001 101 500\n510.1 C A 101 2501").flows[0]
    assert flow.response_blocked(0, 2500) == [ms(30.1, 500, 8)]
    assert flow.request_blocked(0, 100) == []


def test_probes_and_their_answers_do_not_open_it() -> None:
    probes = "240 S A 2000 101\n240.1 C A 101 2001 win=0\n800 S A 2000 101\n800.1 C A 101 2001 win=0\n"
    flow = run(FILLED + probes + "900 C A 101 2001 win=400\n910 S PA 2001 101 500").flows[0]
    assert flow.response_blocked(0, 2500) == [ms(30.1, 900, 12)]


def test_an_update_with_data_opens_it_too() -> None:
    flow = run(FILLED + "500 C PA 101 2001 50 win=400\n510 S PA 2001 151 500").flows[0]
    assert flow.response_blocked(0, 2500) == [ms(30.1, 500, 8)]


def test_nothing_waited_where_nothing_was_left_to_send() -> None:
    flow = run(FILLED + "500 C A 101 2001 win=400\n900 C PA 101 2001 50\n910 S PA 2001 151 500").flows[0]
    assert flow.response_blocked(0, 2000) == []
    assert flow.response_blocked(2000, 2500) == []  # the next answer had not begun, perhaps was not even asked for


def test_a_window_that_closes_before_all_was_acknowledged() -> None:
    flow = run(OPEN + "30 S PA 1 101 1000\n31 S PA 1001 101 1000\n32 C A 101 1001 win=0\n50 C A 101 2001 win=9\n60 S PA 2001 101 9").flows[
        0
    ]
    assert flow.response_blocked(0, 2009) == [ms(32, 50, 8)]


def test_the_servers_window_holds_up_a_request() -> None:
    text = OPEN + "30 S A 1 101 win=0\n430 S A 1 101 win=300\n431 C PA 101 1 300\n450 S PA 1 401 20"
    flow = run(text).flows[0]
    assert flow.request_blocked(0, 400) == [ms(20, 430, 6)]
    assert flow.request_blocked(0, 100) == []
    assert flow.response_blocked(0, 20) == []


def test_a_reset_closes_no_window() -> None:
    flow = run(OPEN + "30 S PA 1 101 1000\n31 C RA 101 1001 win=0\n32 S PA 1001 101 10\n40 C A 101 1011 win=5\n41 S PA 1011 101 9").flows[0]
    assert flow.response_blocked(0, 2000) == []


def test_what_never_opened_is_not_told() -> None:
    assert run(FILLED).flows[0].response_blocked(0, 9000) == []


def test_forgotten_with_the_exchange() -> None:
    flow = run(FILLED + "500 C A 101 2001 win=400\n510 S PA 2001 101 500").flows[0]
    assert flow.troubled()
    flow.forget(100, 2500)
    assert not flow.troubled()


def test_copies_of_the_update_change_nothing() -> None:
    text = FILLED.replace("win=0", "win=0 id=7 if=0") + "30.25 C A 101 2001 win=0 id=7 if=1\n500 C A 101 2001 win=400 id=9\n"
    flow = run(text + "500.1 C A 101 2001 win=400 id=9 if=1\n510 S PA 2001 101 500").flows[0]
    assert flow.response_blocked(0, 2500) == [ms(30.1, 500, 9)]


@pytest.mark.parametrize("fast", [True, False])
def test_a_receiver_that_stands_still(shared: Path, fast: bool) -> None:
    flow = _read(shared / "slow-receiver" / "slow-receiver.pcap", fast)
    blocked = flow.response_blocked(0, 1 << 40)
    # Packets and times by tshark: full at 44, 56 and 192, zero windows from 45, 57 and 193 on, updates with packets 46, 62 and 194.
    assert [(packet, round((end - start) / 1000)) for start, end, packet in blocked] == [(46, 711), (62, 1_162_078), (194, 208)]


@pytest.mark.parametrize("fast", [True, False])
def test_loss_closes_no_window(shared: Path, fast: bool) -> None:
    flow = _read(shared / "loss-5pct" / "loss-5pct.pcap", fast)
    assert flow.response_blocked(0, 1 << 40) == flow.request_blocked(0, 1 << 40) == []
    assert flow.troubled()


def _read(path: Path, fast: bool) -> Flow:
    readers: dict[int, tuple[Reader, Reader]] = {}
    rows: list[Anomaly] = []
    engine = Engine(
        LAYOUTS if fast else {},
        Decoder().decode,
        [Everything(Claim.REQUEST, readers, {})],
        rows.append,
        datagram=lambda datagram, time, packet_id: None,
        datagram_ports=frozenset({53}),
    )
    for block in capture.open_captures([str(path)]).blocks():
        engine.feed(block)
    engine.finish()
    return engine.flows[0]
