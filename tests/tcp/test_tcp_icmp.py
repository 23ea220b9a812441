"""ICMP errors are joined to the connection and packet that they quote."""

from __future__ import annotations

from struct import pack

import pytest

from analyzer.model.rows import Anomaly
from analyzer.model.seams import IcmpError
from analyzer.tcp.icmp import describe
from tests.tcp.script import CLIENT, SERVER, blocks, play, trace

ROUTER = bytes((192, 0, 2, 9))
OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"


def anomalies(text: str, seq: int, *, port: int = 40000, fast: bool = True) -> tuple[list[Anomaly], int]:
    """Play a trace and then an ICMP error about the client's packet at `seq`."""
    made = blocks(trace(text, client=0))
    last = made[-1]
    quote = pack(">BBHHHBBH", 0x45, 0, 48, 7, 0, 1, 6, 0) + CLIENT + SERVER + pack(">HHI", port, 8000, seq)
    body = bytes((11, 0)) + bytes(6) + quote
    frame = bytes(12) + b"\x08\0" + pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 1, 0) + ROUTER + CLIENT + body
    made.append(
        last._replace(
            data=frame, starts=[0], lengths=[len(frame)], wire_lengths=[len(frame)], times=[last.times[-1] + 5], first_packet_id=99
        )
    )
    played = play(made, fast=fast)
    return played.anomalies, played.rows[0].icmp_errors


@pytest.mark.parametrize("fast", [True, False])
def test_the_quoted_packet_is_named(fast: bool) -> None:
    (row,), errors = anomalies(OPEN + "20 C PA 1 1 10\n21 C PA 11 1 10", 11, fast=fast)
    assert (row.code, row.packet_id, row.connection_id, errors) == ("icmp-time-exceeded", 99, 0, 1)
    assert row.detail == "192.0.2.9 says TTL exceeded in transit: TCP 10.0.0.1:40000 to 10.0.0.2:8000, packet 5"


def test_of_several_copies_the_last_is_the_quoted_one() -> None:
    (row,), _ = anomalies(OPEN + "20 C PA 1 1 10\n220 C PA 1 1 10", 1)
    assert row.detail.endswith("packet 5")


def test_a_quoted_syn() -> None:
    (row,), _ = anomalies("0 C S 0 0\n1000 C S 0 0", 0)
    assert row.detail.endswith("packet 2")


@pytest.mark.parametrize("seq", [21, 500, 2**31])
def test_a_packet_that_was_not_seen_is_not_named(seq: int) -> None:
    (row,), errors = anomalies(OPEN + "20 C PA 1 1 10\n21 C PA 11 1 10", seq)
    assert ("packet" in row.detail, errors) == (False, 1)


def test_an_error_about_no_connection_of_ours() -> None:
    (row,), errors = anomalies(OPEN, 1, port=41000)
    assert (row.connection_id, errors) == (None, 0)


def test_what_an_error_says() -> None:
    quoted = bytes(15) + b"\1" + bytes(15) + b"\2" + b"\x9c\x40\x01\xbb"
    row = describe(IcmpError(6, 2, 0, bytes(15) + b"\3", bytes(16), 6, quoted, None), None, 5, None)
    assert (row.code, row.detail) == ("icmp-too-big", "::3 says type 2 code 0: TCP [::1]:40000 to [::2]:443")
    other = describe(IcmpError(4, 77, 1, ROUTER, CLIENT, 17, b"", None), None, 5, None)
    assert (other.code, other.detail) == ("icmp-error", "192.0.2.9 says type 77 code 1: UDP")
