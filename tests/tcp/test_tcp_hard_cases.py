"""Connections that open, end or break off in ways that few have seen; `tests/oracle` asks tshark about the same packets."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model.seams import End
from tests.tcp.script import Line, Played, blocks, pattern, play, run, trace

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"

SCENES: dict[str, tuple[str, dict[str, Any]]] = {
    "simultaneous open": (
        "0 C S 0 0\n1 S S 0 0\n20 C SA 0 1\n21 S SA 0 1\n22 C A 1 1\n30 C PA 1 1 40\n50 S A 1 41\n60 S PA 1 41 60\n61 C A 41 61\n",
        {"client_port": 40000, "client_rule": "syn", "completeness": 15, "bytes_received": 60, "established_packet_id": 5},
    ),
    "split handshake in four": (
        # The server acknowledges, then sends a SYN of its own, which the client answers.
        "0 C S 0 0\n10 S A 1 1\n11 S S 0 0\n11.1 C SA 0 1\n31 S A 1 1\n32 C PA 1 1 40\n52 S A 1 41\n60 S PA 1 41 60\n61 C A 41 61\n",
        {"client_port": 40000, "bytes_sent": 40, "bytes_received": 60, "gap_bytes": 0},
    ),
    "split handshake in five": (
        # The first ACK shows a number that the SYN then does not have: Wireshark begins another stream.
        "0 C S 0 0\n10 S A 0 1\n11 S S 0 0\n11.1 C SA 0 1\n31 S A 1 1\n32 C PA 1 1 40\n52 S A 1 41\n",
        {"client_port": 8000, "bytes_received": 40, "gap_bytes": 0},
    ),
    "data in a SYN": (
        "0 C S 0 0 text=BCDEFGHIJK\n20 S SA 0 1\n20.1 C A 1 1\n21 C PA 1 1 10\n40 S A 1 11\n",
        {"bytes_sent": 10, "completeness": 15},
    ),
    "half closed": (
        OPEN + "20 C PA 1 1 40\n21 C FA 41 1\n30 S A 1 42\n40 S PA 1 42 500\n41 C A 42 501\n900 S PA 501 42 300\n901 C A 42 801\n"
        "950 S FA 801 42\n951 C A 42 802\n",
        {"closed_by": "client", "bytes_received": 800, "completeness": 31, "retransmissions": 0},
    ),
    "reset with data": (
        OPEN + "20 C PA 1 1 40\n30 S A 1 41\n40 S RA 1 41 25\n",
        {"closed_by": "server-reset", "completeness": 47, "bytes_received": 25},
    ),
    "reset in the middle of a hole": (
        OPEN + "20 S PA 1 1 100\n21 S PA 201 1 100\n30 C RA 1 101\n",
        {"closed_by": "client-reset", "gap_bytes": 100, "bytes_received": 200, "lost_segments": 1},
    ),
    "mid-connection from the client": (
        "0 C PA 1 1 40\n20 S A 1 41\n30 S PA 1 41 60\n31 C A 41 61\n",
        {"client_rule": "port", "client_port": 40000, "completeness": 12, "bytes_sent": 40, "bytes_received": 60, "gap_bytes": 0},
    ),
    "mid-connection from the server": (
        "0 S PA 1 1 60\n1 C A 1 61\n10 C PA 1 61 40\n30 S A 61 41\n",
        {"client_rule": "port", "client_port": 40000, "completeness": 12, "bytes_sent": 40, "bytes_received": 60},
    ),
    "mid-connection behind a hole": (
        "0 S PA 101 1 60\n1 C A 1 1\n2 C A 1 1\n20 S PA 1 1 100\n21 C A 1 161\n",
        {"bytes_received": 160, "out_of_order": 0, "retransmissions": 1},
    ),
    "keep-alive with and without a byte": (
        OPEN + "20 C PA 1 1 40\n30 S A 1 41\n9000 C A 40 1 1\n9020 S A 1 41\n18000 C A 40 1\n18020 S A 1 41\n",
        {"keep_alives": 2, "duplicate_acks": 0, "bytes_sent": 40},
    ),
    "scaled window closed and opened": (
        "0 C S 0 0 ws=2\n10 S SA 0 1 ws=7\n10.1 C A 1 1 win=25\n20 S PA 1 1 100\n21 C A 1 101 win=0\n220 S A 101 1 1\n221 C A 1 101 win=0\n"
        "500 C A 1 101 win=25\n501 S PA 101 1 50\n502 C A 1 151 win=25\n",
        {"zero_windows": 2, "bytes_received": 150, "keep_alives": 0},
    ),
    "window without scaling": (
        "0 C S 0 0 win=100\n10 S SA 0 1 win=100\n10.1 C A 1 1 win=100\n20 S PA 1 1 100 win=100\n21 C A 1 101 win=0\n50 C A 1 101 win=100\n"
        "51 S PA 101 1 50 win=100\n",
        {"zero_windows": 1, "bytes_received": 150},
    ),
    "numbers wrap in the first segments": (
        OPEN + "20 C PA 1 1 100\n21 C PA 101 1 100\n22 C PA 301 1 100\n23 S A 1 201\n40 C PA 201 1 100\n60 S A 1 401\n",
        {"bytes_sent": 400, "gap_bytes": 0, "lost_segments": 1, "out_of_order": 0, "retransmissions": 1},
    ),
    "overlaps in every way": (
        OPEN + "20 C PA 1 1 100\n21 C PA 51 1 100\n22 C PA 301 1 100\n23 C PA 251 1 100\n"
        "24 C PA 121 1 300\n25 C PA 1 1 500\n40 S A 1 501\n",
        {"bytes_sent": 500, "gap_bytes": 0},
    ),
    "a FIN with data, repeated": (
        OPEN + "20 C FPA 1 1 40\n230 C FPA 1 1 40\n240 S A 1 42\n250 S FA 1 42\n251 C A 42 2\n",
        {"bytes_sent": 40, "retransmissions": 1, "completeness": 31, "closed_by": "client"},
    ),
    "malformed options": (
        "0 C S 0 0 opt=02000000\n10 S SA 0 1 opt=0204\n10.1 C A 1 1 opt=05ff0000\n20 C PA 1 1 40 opt=080a0000\n30 S A 1 41 opt=03030300\n",
        {"bytes_sent": 40, "completeness": 15},
    ),
}  # fmt: skip
"""Name -> what happens, and what must be said of the last connection that it makes."""


def lines_of(name: str) -> list[Line]:
    return trace(SCENES[name][0], client=2**32 - 150 if name.startswith("numbers wrap") else 1000)


def scene(name: str) -> Played:
    return run(lines_of(name))


@pytest.mark.parametrize("name", SCENES)
def test_what_is_said(name: str) -> None:
    facts = SCENES[name][1]
    row = play(blocks(lines_of(name)), openers=[]).rows[-1]
    assert {key: getattr(row, key) for key in facts} == facts


@pytest.mark.parametrize("name", [name for name in SCENES if not name.startswith(("mid", "split handshake in five"))])
def test_readers_get_every_byte_once_and_in_order(name: str) -> None:
    played = scene(name)
    row = played.one
    missing = row.gap_bytes
    assert played.up.bytes() == pattern("C", 1, row.bytes_sent)
    assert len(played.down.bytes()) + missing == row.bytes_received + missing
    assert sum(size for _, size in played.down.gaps() if isinstance(size, int)) == missing


def test_a_half_closed_connection_ends_with_the_second_fin() -> None:
    played = scene("half closed")
    assert played.up.ended() == [(40, End.FIN)]
    assert played.down.ended() == [(800, End.FIN)]


def test_data_before_a_reset_is_read_though_it_is_in_the_reset() -> None:
    played = scene("reset with data")
    assert played.down.bytes() == pattern("S", 1, 25)
    assert played.down.ended() == [(25, End.RST)]
