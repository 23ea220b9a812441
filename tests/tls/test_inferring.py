"""Exchanges told by order, size and time of records: what is a request, what an answer, and what only looks like one."""

from __future__ import annotations

import pytest

from analyzer.model.seams import Claim, End
from tests.tls.talk import (
    ALERT,
    CCS,
    DATA,
    FINISHED,
    HANDSHAKE,
    MS,
    Talk,
    client_hello,
    extension,
    message,
    record,
    server_hello,
    sniffed,
    times,
    vector,
)  # fmt: skip

TICKET = record(DATA, 250)
CLOSE = record(DATA, 19)


def test_a_request_and_its_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 30, 30)
    assert (row.evidence, row.index, row.request, row.response) == ("inferred", 0, None, None)
    assert (row.request_bytes, row.response_bytes, row.response_complete) == (583, 383, True)
    assert (row.request_packet, row.response_packet) == (4, 5)


def test_a_request_in_the_packet_of_the_clients_finished() -> None:
    talk = Talk()
    talk.asks(0, record(HANDSHAKE, client_hello()))
    talk.tells(10, record(HANDSHAKE, server_hello()), record(DATA, 1200), record(DATA, FINISHED))
    talk.asks(12, record(CCS, b"\1"), record(DATA, FINISHED), record(DATA, 600)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (12, 12, 30, 30)


def test_head_and_body_in_two_records_are_one_request_and_many_records_one_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).asks(14, record(DATA, 100))
    talk.tells(30, record(DATA, 300)).tells(31, record(DATA, 16_401)).tells(45, record(DATA, 700))
    talk.asks(60, record(DATA, 600)).tells(80, record(DATA, 400))
    first, second = talk.close()
    assert times(first) == (13, 14, 30, 45)
    assert first.request_bytes == 583 + 83
    assert times(second) == (60, 60, 80, 80)
    assert second.previous_end_ns == 45 * MS


def test_a_record_in_several_segments_begins_with_the_first_and_ends_with_the_last() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600))
    answer = record(DATA, 4000)
    talk.tells(30, answer[:3]).tells(31, answer[3:1500]).tells(33, answer[1500:])
    (row,) = talk.close()
    assert times(row) == (13, 13, 30, 33)


# Tickets.


def test_two_tickets_before_the_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(23.2, TICKET, TICKET).tells(40, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 40, 40)


def cut_hellos(kept: int, *, tickets: bool = True) -> Talk:
    """A TLS 1.3 handshake whose packets were captured up to so many bytes: hellos without their last extensions, or none."""
    hello = record(HANDSHAKE, client_hello(tickets=tickets), 0x0301)
    flight = record(HANDSHAKE, server_hello()) + record(CCS, b"\1") + record(DATA, 1200) + record(DATA, FINISHED)
    talk = Talk().asks(0, hello[:kept])
    if kept < len(hello):
        talk.lose("client", len(hello) - kept)
    talk.tells(10, flight[:62]).lose("server", len(flight) - 62)
    return talk.asks(12, record(CCS, b"\1"), record(DATA, FINISHED))


@pytest.mark.parametrize("kept", [30, 62])
def test_tickets_where_the_capture_cut_what_the_client_offered(kept: int) -> None:
    talk = cut_hellos(kept).asks(13, record(DATA, 600)).tells(14, TICKET, TICKET).tells(40, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 40, 40)
    assert row.response_bytes == 383


def test_who_offered_no_tickets_to_the_end_gets_none() -> None:
    talk = cut_hellos(10_000, tickets=False).asks(13, record(DATA, 600)).tells(24, TICKET, TICKET).tells(40, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 24, 40)


def test_tickets_and_the_answer_in_one_packet() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(40, TICKET, TICKET, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 40, 40)
    assert (row.response_bytes, row.response_offset) == (383, talk.down.offset - 405)


def test_one_ticket_that_comes_at_once() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(23.5, TICKET).tells(60, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 60, 60)


def test_a_head_and_a_body_in_one_packet_are_no_ticket_and_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(24, record(DATA, 300), record(DATA, 700))
    (row,) = talk.close()
    assert (times(row), row.response_bytes) == ((13, 13, 24, 24), 283 + 683)


def test_a_record_that_came_before_the_request_could_be_answered_is_a_ticket() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(20, TICKET)
    (row,) = talk.close()
    assert times(row) == (13, 13, None, None)


def test_a_record_that_does_not_acknowledge_the_request_is_a_ticket() -> None:
    talk = Talk().shaken()
    before = talk.up.offset
    talk.asks(13, record(DATA, 600))
    talk.acknowledged = before
    talk.tells(40, TICKET)
    talk.acknowledged = None
    talk.asks(41, record(DATA, 100)).tells(60, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 41, 60, 60)


def test_a_length_that_was_a_ticket_on_another_connection() -> None:
    first = Talk().shaken().tells(22.5, TICKET).asks(30, record(DATA, 600)).tells(50, record(DATA, 400))
    first.close()
    talk = Talk(opener=first.opener).shaken().asks(13, record(DATA, 600)).tells(39, TICKET).tells(39.1, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 39.1, 39.1)


def test_the_only_record_is_an_answer_where_the_client_went_on() -> None:
    first = Talk().shaken().tells(22.5, TICKET).asks(30, record(DATA, 600)).tells(50, record(DATA, 400))
    first.close()
    talk = Talk(opener=first.opener).shaken().asks(13, record(DATA, 600)).tells(39, TICKET)
    talk.asks(50, record(DATA, 600)).tells(70, record(DATA, 300))
    assert [times(row) for row in talk.close()] == [(13, 13, 39, 39), (50, 50, 70, 70)]


def test_a_client_that_takes_no_tickets_gets_none() -> None:
    talk = Talk().shaken(tickets=False).asks(13, record(DATA, 600)).tells(23.5, TICKET).tells(60, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 23.5, 60)


def test_close_notify_behind_an_answer_makes_that_no_ticket() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(24, record(DATA, 400)).tells(25, CLOSE)
    (row,) = talk.close()
    assert times(row) == (13, 13, 24, 24)


# Alerts and KeyUpdate.


def test_close_notify_ends_no_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    talk.asks(50, record(DATA, 600)).tells(70, record(DATA, 400)).tells(60_000, CLOSE).asks(60_001, CLOSE)
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 30), (50, 50, 70, 70)]


@pytest.mark.parametrize("size", [19, 22])
def test_a_record_too_short_for_a_request_is_none(size: int) -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 400)).asks(40, record(DATA, size))
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 30)]


def test_a_client_that_gives_up_does_not_go_on_asking() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).asks(5000, CLOSE)
    (row,) = talk.close()
    assert (times(row), row.request_bytes) == ((13, 13, None, None), 583)


def test_a_body_of_two_bytes_is_part_of_its_request_and_of_its_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).asks(14, record(DATA, 19))
    talk.tells(30, record(DATA, 300)).tells(30.5, record(DATA, 19)).asks(50, record(DATA, 600)).tells(60, record(DATA, 400))
    first, _ = talk.close()
    assert times(first) == (13, 14, 30, 30.5)
    assert (first.request_bytes, first.response_bytes) == (585, 285)


def test_an_alert_alone_is_no_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(5000, CLOSE)
    (row,) = talk.close(End.RST)
    assert times(row) == (13, 13, None, None)


# Other shapes.


def test_100_continue_is_no_answer() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 42)).asks(31, record(DATA, 5000)).tells(60, record(DATA, 300))
    (row,) = talk.close()
    assert times(row) == (13, 31, 60, 60)
    assert (row.interim, row.head_end_ns, row.body_start_ns) == ([100], 13 * MS, 31 * MS)


def test_before_tls_1_3_application_data_is_what_it_says() -> None:
    talk = Talk()
    talk.asks(0, record(HANDSHAKE, client_hello(versions=())))
    talk.tells(10, record(HANDSHAKE, server_hello(0xC02F, version=0x0303)), record(HANDSHAKE, b"\x0e\0\0\0"))
    talk.asks(12, record(CCS, b"\1"), record(HANDSHAKE, 40)).tells(22, record(CCS, b"\1"), record(HANDSHAKE, 40))
    talk.asks(23, record(DATA, 25)).tells(33, record(DATA, 25)).tells(34, record(ALERT, 26))
    (row,) = talk.close()
    assert (times(row), row.request_bytes, row.response_bytes) == ((23, 23, 33, 33), 1, 1)


def test_a_client_certificate_is_no_request() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello()))
    talk.tells(10, record(HANDSHAKE, server_hello()), record(DATA, 1200), record(DATA, FINISHED))
    talk.asks(12, record(DATA, 900), record(DATA, 280), record(DATA, FINISHED)).asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 30, 30)


def test_a_handshake_in_one_record_with_a_certificate_is_no_request() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello()))
    talk.tells(10, record(HANDSHAKE, server_hello()), record(DATA, 1200))
    talk.asks(12, record(DATA, 1300)).asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (13, 13, 30, 30)


def test_early_data_begins_the_request() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello(early=True)), record(CCS, b"\1"), record(DATA, 600))
    talk.tells(10, record(HANDSHAKE, server_hello(resumed=True)), record(DATA, 40), record(DATA, FINISHED))
    talk.asks(12, record(DATA, 21), record(DATA, FINISHED)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert times(row) == (0, 0, 30, 30)
    assert talk.handshakes[0].round_trips == 0


def test_a_capture_that_begins_later() -> None:
    talk = Talk(whole_start=False).tells(1, record(DATA, 500)).asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    (row,) = talk.close()
    assert (times(row), row.index) == ((13, 13, 30, 30), 1)


def test_an_answer_without_its_end_is_cut() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 400)[:200])
    (row,) = talk.close(End.RST)
    assert (row.response_complete, times(row)) == (False, (13, 13, 30, 30))


def test_a_request_without_its_end_is_one() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)[:200])
    (row,) = talk.close(End.OPEN)
    assert (row.request_complete, times(row)) == (False, (13, 13, None, None))


def test_after_lost_requests_an_answer_belongs_to_nothing_that_was_seen() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600)).tells(30, record(DATA, 400))
    talk.lose("client", 900).tells(60, record(DATA, 500)).asks(80, record(DATA, 600)).tells(99, record(DATA, 300))
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 30), (80, 80, 99, 99)]
    assert [row.code for row in talk.anomalies] == ["tls-records-lost"]


def test_lost_bytes_inside_a_record_change_nothing() -> None:
    talk = Talk().shaken().asks(13, record(DATA, 600))
    answer = record(DATA, 4000)
    talk.tells(30, answer[:1000]).lose("server", 1000).tells(33, answer[2000:])
    (row,) = talk.close()
    assert (times(row), row.response_complete, talk.anomalies) == ((13, 13, 30, 33), True, [])


def test_http_2_is_left_alone_where_it_is_known() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello(versions=(), protocols=(b"h2",))))
    alpn = extension(16, vector(2, vector(1, b"h2")))
    hello = server_hello(0xC02F, version=0x0303)
    hello = message(2, hello[4:-2] + vector(2, alpn))
    talk.tells(10, record(HANDSHAKE, hello)).asks(23, record(DATA, 600)).tells(33, record(DATA, 400))
    assert talk.close() == []
    assert talk.handshakes[0].alpn == "h2"


# What the first bytes say.


@pytest.mark.parametrize(
    "data, whole, claim",
    [
        (record(HANDSHAKE, client_hello(), 0x0301), True, Claim.REQUEST),
        (record(HANDSHAKE, server_hello()), True, Claim.RESPONSE),
        (record(DATA, 100), True, Claim.NO),
        (record(DATA, 100), False, Claim.EITHER),
        (record(DATA, 100)[:5], False, Claim.MORE),
        (record(DATA, 10) + b"and no record", False, Claim.NO),
        (b"GET / HTTP/1.1", False, Claim.NO),
        (record(HANDSHAKE, b"\x10\0\0\0"), False, Claim.NO),
    ],
)
def test_first_bytes(data: bytes, whole: bool, claim: Claim) -> None:
    assert sniffed(data, whole_start=whole) is claim


def test_a_finished_behind_hellos_that_the_snapshot_length_cut_is_no_request() -> None:
    talk = Talk()
    hello, chosen = record(HANDSHAKE, client_hello(), 0x0301), record(HANDSHAKE, server_hello())
    talk.asks(0, hello[:30]).lose("client", len(hello) - 30)
    talk.tells(10, chosen[:30]).lose("server", len(chosen) - 30 + 1300)
    talk.asks(12, record(CCS, b"\1"), record(DATA, FINISHED))
    talk.asks(13, record(DATA, 300)).tells(30, record(DATA, 500))
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 30)]
