"""Handshakes: what was chosen, in how many round trips, who took how long; for all versions, whole or not."""

from __future__ import annotations

import pytest

from analyzer.model.rows import Handshake
from tests.tls.talk import ALERT, CCS, DATA, FINISHED, HANDSHAKE, MS, NAME, Talk, client_hello, message, record, server_hello

OLD = (record(HANDSHAKE, client_hello(versions=(), protocols=(b"h2",)), 0x0301),)


def only(talk: Talk) -> Handshake:
    talk.close()
    (row,) = talk.handshakes
    return row


def test_a_full_handshake_of_tls_1_3() -> None:
    row = only(Talk().shaken(5))
    assert (row.start_ns, row.end_ns, row.duration_ns) == (5 * MS, 17 * MS, 12 * MS)
    assert (row.version, row.cipher, row.server_name) == ("TLS 1.3", "TLS_AES_128_GCM_SHA256", NAME)
    assert (row.resumed, row.round_trips, row.decrypted, row.early_data, row.retried) == (False, 1, False, False, False)
    assert (row.client_ns, row.server_ns) == (2 * MS, 0)
    assert (row.first_packet_id, row.last_packet_id) == (1, 3)
    assert row.ja4 is not None
    assert row.certificate_bytes is None


def test_a_resumed_one_with_a_slow_server_and_a_long_hash() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello()))
    talk.tells(25, record(HANDSHAKE, server_hello(0x1302, resumed=True)), record(DATA, 40), record(DATA, 69)).asks(26, record(DATA, 69))
    row = only(talk)
    assert (row.resumed, row.round_trips, row.server_ns, row.client_ns, row.end_ns) == (True, 1, 15 * MS, MS, 26 * MS)


def test_a_hello_retry_costs_a_round_trip() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello("first.example")))
    talk.tells(10, record(HANDSHAKE, server_hello(retry=True)), record(CCS, b"\1"))
    talk.asks(11, record(CCS, b"\1"), record(HANDSHAKE, client_hello("second.example")))
    talk.tells(21, record(HANDSHAKE, server_hello()), record(DATA, 1200), record(DATA, FINISHED)).asks(22, record(DATA, FINISHED))
    row = only(talk)
    assert (row.retried, row.round_trips, row.end_ns, row.server_name) == (True, 2, 22 * MS, "second.example")


def test_a_full_handshake_of_tls_1_2_ends_with_the_servers_finished() -> None:
    talk = Talk().asks(0, *OLD)
    talk.tells(
        10, record(HANDSHAKE, server_hello(0xC02F, version=0x0303) + message(11, bytes(3000)) + message(12, bytes(300)) + message(14))
    )
    talk.asks(12, record(HANDSHAKE, message(16, bytes(33))), record(CCS, b"\1"), record(HANDSHAKE, 40))
    talk.tells(22, record(HANDSHAKE, message(4, bytes(180))), record(CCS, b"\1"), record(HANDSHAKE, 40))
    row = only(talk)
    assert (row.version, row.resumed, row.round_trips, row.end_ns, row.certificate_bytes) == ("TLS 1.2", False, 2, 22 * MS, 3000)
    assert (row.client_ns, row.server_ns) == (2 * MS, 0)


def test_a_resumed_one_of_tls_1_2_ends_with_the_clients() -> None:
    talk = Talk().asks(0, *OLD)
    talk.tells(10, record(HANDSHAKE, server_hello(0xC02F, version=0x0303)), record(CCS, b"\1"), record(HANDSHAKE, 40))
    talk.asks(11, record(CCS, b"\1"), record(HANDSHAKE, 40))
    row = only(talk)
    assert (row.resumed, row.round_trips, row.end_ns, row.certificate_bytes) == (True, 1, 11 * MS, None)


def cut_1_2(kept: int) -> Talk:
    """A full TLS 1.2 handshake and a request whose packets were captured up to so many bytes of payload."""
    flight = record(HANDSHAKE, server_hello(0xC02F, version=0x0303) + message(11, bytes(3000)) + message(12, bytes(300)) + message(14))
    talk = Talk()
    for who, ms, data in (
        ("client", 0, OLD[0]),
        ("server", 10, flight),
        ("client", 12, record(HANDSHAKE, message(16, bytes(33))) + record(CCS, b"\1") + record(HANDSHAKE, 40)),
        ("server", 22, record(HANDSHAKE, message(4, bytes(180))) + record(CCS, b"\1") + record(HANDSHAKE, 40)),
        ("client", 23, record(DATA, 600)),
        ("server", 40, record(DATA, 400)),
    ):
        (talk.asks if who == "client" else talk.tells)(ms, data[:kept])
        if len(data) > kept:
            talk.lose(who, len(data) - kept)
    return talk


@pytest.mark.parametrize("kept, version, resumed", [(30, None, None), (90, "TLS 1.2", False), (130, "TLS 1.2", False)])
def test_one_whose_end_the_capture_cuts_ends_with_the_first_request(kept: int, version: str | None, resumed: bool | None) -> None:
    row = only(cut_1_2(kept))
    assert (row.start_ns, row.end_ns, row.duration_ns, row.version) == (0, 23 * MS, 23 * MS, version)
    assert (row.resumed, row.round_trips) == (resumed, None if resumed is None else 2), "the client's key exchange tells of a full one"
    assert row.last_packet_id == 5


def test_messages_that_were_lost_do_not_make_a_handshake_resumed() -> None:
    talk = Talk().asks(0, *OLD)
    talk.tells(10, record(HANDSHAKE, server_hello(0xC02F, version=0x0303)) + record(HANDSHAKE, message(11, bytes(3000)))[:5])
    talk.lose("server", 3_004).lose("client", 60)
    talk.tells(22, record(CCS, b"\1") + record(HANDSHAKE, 40)).asks(23, record(DATA, 600))
    row = only(talk)
    assert (row.resumed, row.round_trips) == (None, None)


def test_one_that_is_whole_does_not_wait_for_the_request() -> None:
    assert only(cut_1_2(10_000)).end_ns == 22 * MS


def test_messages_over_several_records_and_several_in_one() -> None:
    hello = client_hello()
    talk = Talk().asks(0, *(record(HANDSHAKE, hello[at : at + 50], 0x0301) for at in range(0, len(hello), 50)))
    talk.tells(10, record(HANDSHAKE, server_hello())).asks(12, record(DATA, FINISHED))
    assert (only(talk).server_name, talk.handshakes[0].end_ns) == (NAME, 12 * MS)


def test_an_alert_ends_it() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, client_hello())).tells(10, record(ALERT, b"\2\x28"))
    row = only(talk)
    assert (row.alert, row.end_ns, row.duration_ns, row.version) == ("server handshake_failure", None, None, None)
    assert (row.round_trips, row.resumed) == (None, None)


def test_close_notify_is_no_alert_to_speak_of() -> None:
    assert only(Talk().asks(0, record(HANDSHAKE, client_hello())).asks(1, record(ALERT, b"\1\0"))).alert is None


def test_a_hello_that_the_capture_cuts_is_read_as_far_as_it_goes() -> None:
    hello = record(HANDSHAKE, client_hello(protocols=(b"h2",)))
    talk = Talk().asks(0, hello[:150]).lose("client", len(hello) - 150)
    assert only(talk).server_name == NAME


def test_what_is_no_hello_makes_no_row() -> None:
    talk = Talk().asks(0, record(HANDSHAKE, b"\x01\0\0\x05abcde"))
    talk.close()
    assert talk.handshakes == []


def test_it_is_handed_over_when_it_is_done_and_only_once() -> None:
    talk = Talk().shaken()
    assert len(talk.handshakes) == 1
    talk.asks(13, record(DATA, 600)).tells(30, record(DATA, 400)).close()
    assert len(talk.handshakes) == 1
