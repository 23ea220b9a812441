"""TLS with keys: plaintext for the HTTP reader, with the times of its records; wrong, missing and partial keys; losses."""

from __future__ import annotations

import pytest

from analyzer.model.seams import End
from analyzer.tls import _aead
from analyzer.tls.plaintext import MOST_RECORDS, PlainStream
from analyzer.tls.schedule import traffic_keys
from tests.http.speech import answer, ask
from tests.tls.sealing import CLIENT, MASTER, SERVER, opener_12, seal_12
from tests.tls.talk import (
    ALERT,
    CCS,
    DATA,
    FINISHED,
    HANDSHAKE,
    MS,
    RANDOM,
    Sealed,
    Talk,
    client_hello,
    extension,
    message,
    record,
    server_hello,
    times,
    vector,
)  # fmt: skip

QUESTION, ANSWER = ask(body=b"question"), answer(body=b"answer" * 100)


def test_plaintext_is_read_like_any_other() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log()))
    talk.asks(13, sealed.up(QUESTION[:40])).asks(14, sealed.up(QUESTION[40:]))
    talk.tells(23, sealed.down(message(4, bytes(200)), HANDSHAKE))
    data = sealed.down(ANSWER[:500]) + sealed.down(ANSWER[500:])
    talk.tells(30, data[:100]).tells(31, data[100:600]).tells(33, data[600:])
    (row,) = talk.close()
    assert (row.evidence, times(row)) == ("decrypted", (13, 14, 30, 33))
    assert (row.request_bytes, row.response_bytes, row.index) == (len(QUESTION), len(ANSWER), 0)
    assert row.request is not None
    assert (row.request.method, row.request.target) == ("POST", b"/") or row.request.method == "GET"
    assert row.response is not None
    assert row.response.status == 200
    (shaken,) = talk.handshakes
    assert (shaken.decrypted, shaken.alpn, shaken.end_ns, shaken.certificate_bytes) == (True, "http/1.1", 12 * MS, 900)
    assert talk.opener.opaque == {}


def test_key_updates_are_followed() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log()))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    talk.asks(40, sealed.up(message(24, b"\1"), HANDSHAKE)).tells(50, sealed.down(message(24, b"\0"), HANDSHAKE))
    from analyzer.tls.schedule import next_secret

    sealed.SECRETS = {label: next_secret(secret, "sha256") for label, secret in Sealed.SECRETS.items()}
    sealed.sequence = dict.fromkeys(sealed.sequence, 0)
    talk.asks(60, sealed.up(QUESTION)).tells(70, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("decrypted", (13, 13, 30, 30)), ("decrypted", (60, 60, 70, 70))]


def test_without_its_secrets_a_connection_is_inferred_and_named() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log().replace(RANDOM.hex(), "00" * 32)))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    (row,) = talk.close()
    assert (row.evidence, times(row)) == ("inferred", (13, 13, 30, 30))
    assert talk.opener.opaque == {"the key log has no secrets for it": [(7, "")]}
    assert talk.opener.missing == {RANDOM}


@pytest.mark.parametrize("wrong", [("3" * 32, "9" * 32), ("4" * 32, "9" * 32), ("1" * 32, "9" * 32)])
def test_a_wrong_secret(wrong: tuple[str, str]) -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log().replace(wrong[0].encode().hex(), wrong[1].encode().hex())))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER)).asks(40, sealed.up(QUESTION)).tells(60, sealed.down(ANSWER))
    rows = talk.close()
    if wrong[0][0] == "1":  # of the handshake only: order and size tell its end
        assert [(row.evidence, times(row)) for row in rows] == [("decrypted", (13, 13, 30, 30)), ("decrypted", (40, 40, 60, 60))]
        assert talk.handshakes[0].end_ns == 12 * MS
    else:
        assert talk.opener.opaque == {"the secrets do not open its records": [(7, "")]}
        assert [(row.evidence, times(row)) for row in rows] == [("inferred", (13, 13, 30, 30)), ("inferred", (40, 40, 60, 60))]


def test_without_the_secrets_of_the_handshake() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET")))
    talk.asks(13, sealed.up(QUESTION)).tells(23, sealed.down(message(4, bytes(200)), HANDSHAKE)).tells(30, sealed.down(ANSWER))
    (row,) = talk.close()
    assert (row.evidence, times(row)) == ("decrypted", (13, 13, 30, 30))
    assert (talk.handshakes[0].end_ns, talk.handshakes[0].alpn) == (12 * MS, None)


def test_only_the_keys_that_are_used_are_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    derived = []

    def note(secret: bytes, length: int, name: str) -> tuple[bytes, bytes]:
        derived.append(secret[:1])
        return traffic_keys(secret, length, name)

    monkeypatch.setattr(_aead, "traffic_keys", note)
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log())).asks(13, sealed.up(QUESTION))
    assert derived == [b"2", b"3"]
    assert (talk.handshakes[0].end_ns, talk.handshakes[0].decrypted) == (12 * MS, True)
    talk.tells(30, sealed.down(ANSWER))
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 30)]
    assert derived == [b"2", b"3", b"4"]


@pytest.mark.parametrize("certificate", [b"\0" * 4, bytes(700)], ids=["none", "one"])
def test_a_client_that_shows_a_certificate_is_done_with_its_finished(certificate: bytes) -> None:
    sealed = Sealed()
    talk = Talk(Sealed.log()).asks(0, record(HANDSHAKE, client_hello(), 0x0301))
    chosen = extension(16, vector(2, vector(1, b"http/1.1")))
    flight = [(8, vector(2, chosen)), (13, bytes(30)), (11, bytes(900)), (15, bytes(260)), (20, bytes(32))]
    said = [sealed("SERVER_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, message(kind, body)) for kind, body in flight]
    talk.tells(10, record(HANDSHAKE, server_hello()), record(CCS, b"\1"), *said)
    for ms, kind, body in ((12, 11, certificate), (14, 15, bytes(70)), (16, 20, bytes(32))):
        talk.asks(ms, sealed("CLIENT_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, message(kind, body)))
    talk.asks(17, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("decrypted", (17, 17, 30, 30))]
    assert talk.handshakes[0].end_ns == 16 * MS


def test_a_client_that_shows_a_certificate_later_is_read_on() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log()))
    for kind, body in ((11, bytes(700)), (15, bytes(70)), (20, bytes(32))):  # RFC 8446 section 4.6.2
        talk.asks(13, sealed.up(message(kind, body), HANDSHAKE))
    talk.asks(14, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("decrypted", (14, 14, 30, 30))]
    assert talk.handshakes[0].end_ns == 12 * MS


def test_a_server_that_resumes_is_done_with_its_finished() -> None:
    sealed = Sealed()
    talk = Talk(Sealed.log()).asks(0, record(HANDSHAKE, client_hello(), 0x0301))
    said = [message(8, vector(2, extension(16, vector(2, vector(1, b"http/1.1"))))), message(20, bytes(32))]
    flight = [sealed("SERVER_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, one) for one in said]
    talk.tells(10, record(HANDSHAKE, server_hello(resumed=True)), *flight, sealed.down(message(4, bytes(200)), HANDSHAKE))
    talk.asks(12, sealed("CLIENT_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, message(20, bytes(32))), sealed.up(QUESTION))
    talk.tells(30, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("decrypted", (12, 12, 30, 30))]
    assert (talk.handshakes[0].end_ns, talk.handshakes[0].resumed) == (12 * MS, True)


def test_a_client_finished_that_is_padded_is_opened() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log()), padding=100)
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("decrypted", (13, 13, 30, 30))]
    assert talk.handshakes[0].end_ns == 12 * MS


def test_one_secret_is_not_enough() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log("SERVER_TRAFFIC_SECRET_0")))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    assert [row.evidence for row in talk.close()] == ["inferred"]
    assert list(talk.opener.opaque) == ["the key log lacks some of its secrets"]


def test_an_unsupported_suite_is_named() -> None:
    talk = Talk(f"CLIENT_RANDOM {RANDOM.hex()} {MASTER.hex()}\n").asks(0, record(HANDSHAKE, client_hello(versions=())))
    talk.tells(10, record(HANDSHAKE, server_hello(0x0005, version=0x0303)))
    talk.asks(11, record(DATA, 600)).tells(30, record(DATA, 400))
    assert [row.evidence for row in talk.close()] == ["inferred"]
    assert talk.opener.opaque == {"its cipher suite is not supported": [(7, "TLS_RSA_WITH_RC4_128_SHA")]}


@pytest.mark.parametrize("suite", [0xC02F, 0xC030, 0xCCA8, 0xC028])
def test_tls_1_2_with_its_master_secret(suite: int) -> None:
    assert (CLIENT, SERVER) == (b"c" * 32, b"s" * 32), "the hellos of the script have these randoms"
    assert opener_12(0x0303, suite, 0) is not None
    talk = Talk(f"CLIENT_RANDOM {RANDOM.hex()} {MASTER.hex()}\n").asks(0, record(HANDSHAKE, client_hello(versions=())))
    up, down = seal_12(0x0303, suite, 0), seal_12(0x0303, suite, 1)
    talk.tells(10, record(HANDSHAKE, server_hello(suite, version=0x0303)), record(HANDSHAKE, message(14)))
    talk.asks(12, record(CCS, b"\1"), b"".join(up(0, HANDSHAKE, message(20, bytes(12)))))
    talk.tells(22, record(CCS, b"\1"), b"".join(down(0, HANDSHAKE, message(20, bytes(12)))))
    talk.asks(23, b"".join(up(1, DATA, QUESTION))).tells(40, b"".join(down(1, DATA, ANSWER)))
    talk.tells(60, b"".join(down(2, ALERT, b"\2\x50")))
    (row,) = talk.close()
    assert (row.evidence, times(row)) == ("decrypted", (23, 23, 40, 40))
    (shaken,) = talk.handshakes
    assert (shaken.decrypted, shaken.end_ns, shaken.round_trips) == (True, 22 * MS, 2)


# Losses.


def test_a_record_with_a_hole_is_a_hole_in_the_plaintext() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log())).asks(13, sealed.up(QUESTION))
    head, body, tail = sealed.down(ANSWER[:300]), sealed.down(ANSWER[300:600]), sealed.down(ANSWER[600:])
    talk.tells(30, head, body[:50]).lose("server", 20).tells(31, body[70:], tail)
    talk.asks(50, sealed.up(QUESTION)).tells(60, sealed.down(ANSWER))
    first, second = talk.close()
    assert (first.evidence, times(first), first.response_bytes) == ("decrypted", (13, 13, 30, 31), len(ANSWER))
    assert (second.evidence, times(second)) == ("decrypted", (50, 50, 60, 60))


def test_decryption_goes_on_after_whole_records_were_lost() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log())).asks(13, sealed.up(QUESTION))
    head, lost = sealed.down(ANSWER[:300]), sealed.down(ANSWER[300:500]) + sealed.down(ANSWER[500:])
    talk.tells(30, head).lose("server", len(lost))
    talk.asks(50, sealed.up(QUESTION)).tells(60, sealed.down(ANSWER))
    rows = talk.close()
    assert [row.evidence for row in rows] == ["decrypted", "decrypted"]
    assert times(rows[1]) == (50, 50, 60, 60)
    assert talk.opener.opaque == {}


# Early data.


@pytest.mark.parametrize("accepted", [True, False])
def test_early_data_is_read_if_the_server_takes_it(accepted: bool) -> None:
    sealed = Sealed()
    talk = Talk(Sealed.log()).asks(0, record(HANDSHAKE, client_hello(early=True)), record(CCS, b"\1"))
    talk.asks(1, sealed("CLIENT_EARLY_TRAFFIC_SECRET", DATA, QUESTION))
    sealed.shake(talk, early=accepted)
    if not accepted:
        talk.asks(13, sealed.up(QUESTION))
    talk.tells(30, sealed.down(ANSWER))
    (row,) = talk.close()
    assert (row.evidence, times(row)) == ("decrypted", (1, 1, 30, 30) if accepted else (13, 13, 30, 30))
    assert talk.handshakes[0].early_data


def test_an_answer_to_early_data_that_cannot_be_read_is_inferred() -> None:
    sealed = Sealed()
    talk = Talk(Sealed.log("CLIENT_EARLY_TRAFFIC_SECRET")).asks(0, record(HANDSHAKE, client_hello(early=True)))
    talk.asks(1, sealed("CLIENT_EARLY_TRAFFIC_SECRET", DATA, QUESTION))
    sealed.shake(talk, early=True)
    talk.tells(30, sealed.down(ANSWER)).asks(50, sealed.up(QUESTION)).tells(60, sealed.down(ANSWER))
    assert [(row.evidence, times(row)) for row in talk.close()] == [("inferred", (1, 1, 30, 30)), ("decrypted", (50, 50, 60, 60))]


# What is not HTTP/1.


def test_plaintext_that_nobody_reads_makes_no_exchange() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log()), protocol=b"h2").asks(13, sealed.up(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)))
    talk.tells(30, sealed.down(bytes(9))).asks(40, sealed.up(bytes(60)))
    assert talk.close(End.FIN) == []
    assert talk.handshakes[0].alpn == "h2"


def test_a_start_line_over_several_records() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log())).asks(13, sealed.up(QUESTION[:2])).asks(14, sealed.up(QUESTION[2:]))
    talk.tells(30, sealed.down(ANSWER))
    (row,) = talk.close()
    assert times(row) == (13, 14, 30, 30)


def test_what_is_remembered_of_places_is_bounded() -> None:
    from analyzer.tls._records import Record

    stream = PlainStream()
    for number in range(3 * MOST_RECORDS):
        stream.deliver(b"ab", 2, Record(DATA, 30 * number, 30 * number + 24, (0, 0), (0, 0), b"", b""))
    last = 3 * MOST_RECORDS - 1
    assert (stream.starts_at(2 * last), stream.ends_at(2 * last + 2)) == (30 * last, 30 * last + 24)
    assert stream.reached(30 * last + 24) == 2 * last + 2
    assert stream.reached(30 * last + 23) == 2 * last
    assert stream.starts_at(0) > 0, "the oldest are forgotten, and answered with the oldest that is known"
    assert FINISHED == 53
