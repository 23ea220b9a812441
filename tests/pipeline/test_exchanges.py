"""Exchanges from packets to rows: scripted connections, packet by packet, with the numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from analyzer.model.rows import Exchange, Stall
from analyzer.pipeline import read

MS = 1_000_000
START = 1_795_000_000_000 * MS
UP, DOWN = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"
    b'Authorization: AWS4-HMAC-SHA256 Credential=AKIDSECRET\r\nContent-Length: 23\r\n\r\n{"TableName": "orders"}'
)
RESPONSE = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: ABCDEFGHIJKLMNOP\r\nContent-Length: 11\r\n\r\n" + b'{"Item":{}}'
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Script:
    """Writes the packets of one connection: times in milliseconds, offsets into each side's bytes."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.sent = {"C": 0, "S": 0}

    def packet(self, ms: float, who: str, data: bytes = b"", flags: int = ACK, *, at: int | None = None, ack: int | None = None) -> Script:
        """Send a segment whose first byte has offset `at` (default: the next), acknowledging up to `ack` (default: all that was sent)."""
        peer = "S" if who == "C" else "C"
        at = self.sent[who] if at is None else at
        ack = self.sent[peer] if ack is None else ack
        self.sent[who] = max(self.sent[who], at + len(data))
        isn = {"C": 1000, "S": 2**32 - 20}
        seq = isn[who] + at + (0 if flags & SYN else 1)
        acked = isn[peer] + ack + 1 if flags & ACK else 0
        ports = (40000, 8000) if who == "C" else (8000, 40000)
        tcp = pack(">HHIIHHHH", *ports, seq & 0xFFFFFFFF, acked & 0xFFFFFFFF, 5 << 12 | flags | (PSH if data else 0), 500, 0, 0) + data
        ends = UP + DOWN if who == "C" else DOWN + UP
        self.frames.append(
            (START + round(ms * MS), bytes(12) + b"\x08\x00" + pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends + tcp)
        )
        return self

    def opened(self) -> Script:
        """Shake hands: a round trip of 10 ms."""
        return self.packet(0, "C", flags=SYN).packet(10, "S", flags=SYN | ACK).packet(10.1, "C")

    def closed(self, ms: float) -> Script:
        return self.packet(ms, "C", flags=FIN | ACK).packet(ms + 10, "S", flags=FIN | ACK)

    def rows(self, folder: Path) -> list[Exchange]:
        records = [pack("<4I", time // (1000 * MS), time % (1000 * MS), len(data), len(data)) + data for time, data in self.frames]
        path = folder / "script.pcap"
        path.write_bytes(pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1) + b"".join(records))
        return list(read(path).exchanges)


def ns(ms: float) -> int:
    return START + round(ms * MS)


def test_one_exchange(tmp_path: Path) -> None:
    script = (
        Script()
        .opened()
        .packet(20, "C", REQUEST[:150])
        .packet(21, "C", REQUEST[150:])
        .packet(51, "S", RESPONSE[:60])
        .packet(52, "S", RESPONSE[60:])
    )
    (row,) = script.packet(52.1, "C").closed(60).rows(tmp_path)
    assert (row.method, row.operation, row.status, row.outcome, row.table_name) == ("POST", "GetItem", 200, "ok", "orders")
    times = (row.request_start_ns, row.request_end_ns, row.response_start_ns, row.response_end_ns)
    assert times == (ns(20), ns(21), ns(51), ns(52))
    assert (row.request_packet_id, row.response_packet_id) == (5, 7)
    assert (row.request_bytes, row.response_bytes) == (len(REQUEST), len(RESPONSE))
    assert (row.wait_stall_ns, row.network_ns, row.server_ns, row.stall_ns) == (0, 10 * MS, 20 * MS, 0)
    assert (row.index_on_connection, row.idle_before_ns) == (0, None)
    assert "AKIDSECRET" not in repr(row)


def test_two_on_one_connection(tmp_path: Path) -> None:
    script = (
        Script()
        .opened()
        .packet(20, "C", REQUEST)
        .packet(40, "S", RESPONSE)
        .packet(100, "C", REQUEST)
        .packet(115, "S", RESPONSE)
        .packet(116, "C")
    )
    first, second = script.closed(120).rows(tmp_path)
    assert [row.index_on_connection for row in (first, second)] == [0, 1]
    assert second.idle_before_ns == 60 * MS
    assert (second.request_packet_id, second.response_packet_id, second.server_ns) == (6, 7, 5 * MS)


def test_a_lost_request_and_its_repeat(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST).packet(220, "C", REQUEST, at=0).packet(231, "S").packet(250, "S", RESPONSE)
    (row,) = script.packet(250.1, "C").closed(300).rows(tmp_path)
    assert (row.request_end_ns, row.response_start_ns) == (ns(20), ns(250))
    assert (row.wait_stall_ns, row.network_ns, row.server_ns, row.stall_ns) == (200 * MS, 10 * MS, 20 * MS, 200 * MS)


def test_a_repeat_for_nothing(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST).packet(29, "C", REQUEST, at=0).packet(30, "S").packet(50, "S", RESPONSE)
    (row,) = script.packet(50.1, "C").closed(300).rows(tmp_path)
    assert (row.wait_stall_ns, row.network_ns, row.server_ns) == (0, 10 * MS, 20 * MS)


def test_an_answer_in_the_wrong_order(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST)
    script.packet(50, "S", RESPONSE[60:], at=60).packet(50.1, "C", ack=0).packet(80, "S", RESPONSE[:60], at=0)
    (row,) = script.packet(80.1, "C").closed(100).rows(tmp_path)
    assert (row.response_start_ns, row.response_end_ns, row.response_packet_id) == (ns(50), ns(80), 7)
    assert (row.network_ns, row.server_ns, row.stall_ns) == (10 * MS, 20 * MS, 30 * MS)


def test_an_answer_that_never_arrived(tmp_path: Path) -> None:
    script = (
        Script()
        .opened()
        .packet(20, "C", REQUEST)
        .packet(40, "S", RESPONSE)
        .packet(240, "S", RESPONSE, at=0)
        .packet(500, "C", flags=RST | ACK, ack=0)
    )
    (row,) = script.rows(tmp_path)
    assert (row.status, row.outcome) == (200, "undelivered")


@pytest.mark.parametrize("flags", [FIN | ACK, RST | ACK])
def test_no_answer(tmp_path: Path, flags: int) -> None:
    (row,) = Script().opened().packet(20, "C", REQUEST).packet(31, "S").packet(1020, "S", flags=flags).rows(tmp_path)
    assert (row.status, row.outcome, row.request_packet_id, row.response_packet_id) == (None, "no-response", 4, None)


def test_half_an_answer(tmp_path: Path) -> None:
    (row,) = Script().opened().packet(20, "C", REQUEST).packet(40, "S", RESPONSE[:-3]).packet(41, "S", flags=RST | ACK).rows(tmp_path)
    assert (row.status, row.outcome, row.response_bytes) == (200, "cut", len(RESPONSE) - 3)


def test_an_answer_whose_request_came_before_the_capture(tmp_path: Path) -> None:
    script = Script().packet(40, "S", RESPONSE).packet(40.1, "C").packet(50, "C", REQUEST).packet(70, "S", RESPONSE).packet(71, "C")
    first, second = script.closed(80).rows(tmp_path)
    assert (first.outcome, first.status, first.method, first.index_on_connection) == ("cut", 200, None, 1)
    assert (second.outcome, second.index_on_connection, second.idle_before_ns) == ("ok", 2, 10 * MS)


def test_an_early_answer(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST[:-10]).packet(40, "S", RESPONSE).packet(45, "C", REQUEST[-10:]).packet(56, "S")
    (row,) = script.closed(60).rows(tmp_path)
    assert (row.outcome, row.request_end_ns, row.response_start_ns) == ("ok", ns(45), ns(40))
    assert (row.wait_stall_ns, row.network_ns, row.server_ns) == (0, 0, 0)


def test_pipelined(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST + REQUEST).packet(40, "S", RESPONSE).packet(60, "S", RESPONSE).packet(61, "C")
    first, second = script.closed(80).rows(tmp_path)
    assert (first.server_ns, second.server_ns) == (10 * MS, None)
    assert (first.response_packet_id, second.response_packet_id) == (5, 6)
    assert (second.request_start_ns, second.response_start_ns) == (ns(20), ns(60))


def test_expect_continue(tmp_path: Path) -> None:
    head, body = REQUEST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n").rsplit(b"{", 1)
    script = (
        Script()
        .opened()
        .packet(20, "C", head)
        .packet(31, "S", b"HTTP/1.1 100 Continue\r\n\r\n")
        .packet(32, "C", b"{" + body)
        .packet(60, "S", RESPONSE)
    )
    (row,) = script.packet(61, "C").closed(70).rows(tmp_path)
    assert (row.interim, row.status, row.request_end_ns, row.request_packet_id, row.response_start_ns) == ("100", 200, ns(32), 6, ns(60))


def test_bytes_that_the_capture_lacks(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST)
    whole = RESPONSE.replace(b"Content-Length: 11", b"Content-Length: 211") + b"x" * 200
    script.packet(40, "S", whole[:120]).packet(41, "S", whole[200:], at=200).packet(41.1, "C", ack=len(whole)).packet(50, "C", REQUEST)
    script.packet(70, "S", RESPONSE).packet(71, "C")
    first, second = script.closed(80).rows(tmp_path)
    assert (first.outcome, first.response_bytes, second.outcome) == ("ok", len(whole), "ok")


def test_other_protocols_make_no_exchanges(tmp_path: Path) -> None:
    for data in (
        b"\x00\x01\x02" * 50,
        b"SSH-2.0-OpenSSH\r\n",
        b"DELETE FROM orders WHERE id = 5",
        b"GET \x00\x01",
        b"*1\r\n$4\r\nPING\r\n",
        b"HTTP is nice\r\n",
    ):
        script = Script().opened().packet(20, "C", data).packet(40, "S", data[::-1]).packet(41, "C").closed(50)
        assert script.rows(tmp_path) == [], data


def test_what_is_told_of_a_clean_exchange(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST).packet(40, "S", RESPONSE).packet(40.1, "C").closed(60)
    (row,) = script.rows(tmp_path)
    assert (row.request_acknowledged, row.request_repeats, row.response_repeats, row.response_ttl, row.stalls) == (True, 0, 0, 64, ())
    assert (row.imds_version, row.head_end_ns, row.body_start_ns) == (None, None, None)


def test_stalls_name_the_packets_that_ended_them(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST).packet(220, "C", REQUEST, at=0).packet(231, "S")
    script.packet(250, "S", RESPONSE[60:], at=60).packet(250.1, "C", ack=0).packet(280, "S", RESPONSE[:60], at=0)
    (row,) = script.packet(280.1, "C").closed(300).rows(tmp_path)
    assert row.stalls == (Stall("request-repeated", ns(20), ns(220), 5), Stall("response-hole", ns(250), ns(280), 9))
    assert (row.stall_ns, row.wait_stall_ns, row.request_repeats, row.response_repeats) == (230 * MS, 200 * MS, 1, 0)


def test_an_answer_that_comes_again_after_both_have_closed(tmp_path: Path) -> None:
    # A hop too few: the client never gets the answer, gives up, and the server goes on repeating.
    script = Script().opened().packet(20, "C", REQUEST).packet(29, "S").packet(40, "S", RESPONSE).packet(41, "S", flags=FIN | ACK)
    script.packet(240, "S", RESPONSE, at=0).packet(1000, "C", flags=FIN | ACK, ack=0)
    (row,) = script.packet(1200, "S", RESPONSE, at=0).packet(3000, "S", RESPONSE, at=0).rows(tmp_path)
    assert (row.outcome, row.request_acknowledged, row.response_repeats) == ("undelivered", True, 3)
    assert (row.response_start_ns, row.response_end_ns, row.stall_ns) == (ns(40), ns(40), 0)


def test_an_answer_until_the_close_is_whole_though_nobody_acknowledged_its_end(tmp_path: Path) -> None:
    until_close = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100
    script = Script().opened().packet(20, "C", REQUEST).packet(40, "S", until_close, FIN | ACK)
    (row,) = script.rows(tmp_path)
    assert (row.outcome, row.response_bytes, row.response_end_ns) == ("ok", len(until_close), ns(40))


def test_nobody_heard_the_request(tmp_path: Path) -> None:
    script = Script().opened().packet(20, "C", REQUEST).packet(220, "C", REQUEST, at=0).packet(640, "C", REQUEST, at=0)
    (row,) = script.rows(tmp_path)
    assert (row.outcome, row.request_acknowledged, row.request_repeats, row.stall_ns) == ("no-response", False, 2, None)


def test_a_request_that_waits_for_100_continue(tmp_path: Path) -> None:
    head = REQUEST.split(b"\r\n\r\n")[0] + b"\r\nExpect: 100-continue\r\n\r\n"
    script = Script().opened().packet(20, "C", head).packet(32, "S", b"HTTP/1.1 100 Continue\r\n\r\n").packet(33, "C", REQUEST[-23:])
    (row,) = script.packet(60, "S", RESPONSE).packet(60.1, "C").closed(70).rows(tmp_path)
    assert (row.head_end_ns, row.body_start_ns, row.request_end_ns, row.interim) == (ns(20), ns(33), ns(33), "100")
    assert row.table_name == "orders"
