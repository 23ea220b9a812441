"""large-transfer: size makes the call long; look-alikes are loss, closed windows, pauses, slow servers and one round trip of slow start."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.large_transfer import check
from analyzer.findings.severity import weighed
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding, Stall
from tests.factory import MS, START, analysis, call, connection, exchange, later, warm


def down(*took_ms: int, size: int = 300_000, stall_ms: int = 0, **changes: Any) -> Analysis:
    """Answers of that size on one connection, each received in the time given."""
    under = connection(0)
    calls, rows = [], []
    for number, took in enumerate(took_ms):
        base = later(number, under, number)
        start = base.response_start_ns or 0
        stalls = (Stall("response-hole", start, start + stall_ms * MS, 7),) if stall_ms else ()
        rows.append(base._replace(response_bytes=size, response_end_ns=start + took * MS, stalls=stalls))
        calls.append(warm(number, under, number, **{"receive_ns": took * MS, "duration_ns": (15 + took) * MS, **changes}))
    return analysis([under], rows, calls=calls)


def up(send_ms: int, network_ms: int, size: int = 1_000_000) -> Analysis:
    under = connection(0)
    asked = START + 11 * MS
    row = exchange(0, under, request_bytes=size, request_end_ns=asked + send_ms * MS, operation="BatchWriteItem")
    one = call(
        0, under, operation="BatchWriteItem", send_ns=send_ms * MS, network_ns=network_ms * MS, wait_ns=(network_ms + 20) * MS,
        server_ns=20 * MS, duration_ns=(11 + send_ms + network_ms + 22) * MS,
    )  # fmt: skip
    return analysis([under], [row], calls=[one])


def found(about: Analysis) -> list[Finding]:
    return list(check(View(about)))


def test_a_large_answer_is_named_with_its_size_and_rate() -> None:
    (row,) = found(down(200))
    assert (row.code, row.severity, row.confidence) == ("large-transfer", "warning", "proven")
    assert row.summary.startswith(
        "The only Query call is long because of its size: receiving 300 KB took 200 ms of its 215 ms (93 %). "
        "300 KB crossed at 1.5 MB/s (12.0 Mbit/s); repairs of lost packets are not counted."
    )
    assert (row.cost_ns, row.calls, row.exchanges, row.connections) == (200 * MS, (0,), (0,), (0,))
    assert row.display_filter == "tcp.stream == 0 && tcp.len > 0 && frame.number in {4..9}"
    assert "ProjectionExpression" in row.remedy


def test_an_upload_ends_with_the_ack_of_its_last_byte() -> None:
    (row,) = found(up(100, 210))
    assert row.cost_ns == 300 * MS  # all of send, and of network what is more than one round trip
    assert "sending 1.0 MB took 300 ms of its 343 ms (87 %)." in row.summary
    assert "BatchWriteItem" in row.remedy


def test_an_upload_that_the_kernel_took_at_once() -> None:
    (row,) = found(up(1, 450))
    assert row.cost_ns == 441 * MS


@pytest.mark.parametrize("size", [600, 14_599])
def test_a_small_message_is_not_large(size: int) -> None:
    assert found(down(200, size=size)) == []


def test_one_round_trip_of_slow_start_is_none() -> None:
    assert found(down(49)) == []


def test_a_small_part_of_the_call_does_not_make_it_long() -> None:
    assert found(down(60, wait_ns=400 * MS, server_ns=390 * MS, duration_ns=461 * MS)) == []


def test_repair_of_loss_is_not_size() -> None:
    assert found(down(200, stall_ms=160)) == []
    (row,) = found(down(200, stall_ms=40))
    assert row.cost_ns == 160 * MS
    assert row.confidence == "likely"
    assert "Loss on these connections slowed the rest down too." in row.summary


def lossy(about: Analysis, **changes: Any) -> Analysis:
    return analysis([row._replace(**changes) for row in about.connections], list(about.exchanges), calls=list(about.calls))


def test_where_losses_are_many_size_is_not_charged() -> None:
    many: dict[str, Any] = {"packets_sent": 400, "packets_received": 600}
    for about in (down(200, stall_ms=60), lossy(down(200), **many, retransmissions=6, out_of_order=5)):
        (row,) = found(about)
        assert (row.severity, row.confidence, row.cost_ns) == ("info", "possible", 0)
        assert "size alone is not to blame" in row.summary
        assert row.decides is not None
    (row,) = found(lossy(down(200), **many, retransmissions=6, out_of_order=4))  # a narrow link drops some
    assert (row.severity, row.cost_ns) == ("warning", 200 * MS)
    (row,) = found(lossy(down(200), **many, retransmissions=16, spurious_retransmissions=12))
    assert row.severity == "warning"


def test_the_filter_shows_every_transfer_or_says_which() -> None:
    def several(number: int) -> Finding:
        about = down(*[200] * number)
        starts = [100 * number for number in range(number)]
        numbered = [
            row._replace(first_packet_id=at + 1, response_packet_id=at + 50) for at, row in zip(starts, about.exchanges, strict=True)
        ]
        (row,) = found(analysis(list(about.connections), numbered, calls=list(about.calls)))
        return row

    assert several(3).display_filter == "tcp.stream == 0 && tcp.len > 0 && frame.number in {1..50, 101..150, 201..250}"
    assert "The filter shows" not in several(12).summary
    many = several(13)
    assert "The filter shows the 12 dearest: calls 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 11." in many.summary
    assert many.display_filter.count("..") == 12


def test_a_pause_is_not_size() -> None:
    assert found(down(1, 400, 2, 400, 1, 1, size=40_000)) == []
    (row,) = found(down(100, 400, 110, 100, 120, size=40_000))
    assert row.cost_ns == 540 * MS  # the pause counts as what its size usually takes


def test_the_same_is_not_charged_twice() -> None:
    view = View(down(200))
    view.charge(view.calls[0], "receive", 170 * MS)
    assert list(check(view)) == []


def test_unfinished_and_foreign_calls_do_not_count() -> None:
    assert found(down(200, truncated="end")) == []
    assert found(down(200, service="ecs-credentials")) == []
    assert found(down(200, exchange_ids=(99,))) == []
    assert found(down(200, exchange_ids=())) == []


def test_a_slight_share_is_information() -> None:
    about = down(60)
    under = connection(1)
    rest = [warm(number, under, number, duration_ns=2_000 * MS, operation="Scan") for number in range(1, 3)]
    about = analysis([*about.connections, under], list(about.exchanges), calls=[*about.calls, *rest])
    (row,) = found(about)
    assert weighed(View(about), row).severity == "info"
