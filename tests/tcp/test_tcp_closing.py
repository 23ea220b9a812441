"""Who closed a connection, and who is its client."""

from __future__ import annotations

import pytest

from analyzer.model.seams import End
from tests.tcp.script import blocks, pattern, play, run, trace

OPEN = "0 C S 0 0\n20 S SA 0 1\n20.1 C A 1 1\n30 C PA 1 1 10\n50 S PA 1 11 10\n50.1 C A 11 11\n"


@pytest.mark.parametrize(
    "lines, closed_by",
    [
        ("", "open"),
        ("100 C FA 11 11\n120 S FA 11 12\n120.1 C A 12 12", "client"),
        ("100 S FA 11 11\n100.1 C FA 11 12", "server"),
        ("100 C RA 11 11", "client-reset"),
        ("100 S RA 11 11", "server-reset"),
        ("100 C FA 11 11\n100.2 C R 12 0", "client"),
        ("100 S RA 11 11 ttl=240", "middlebox-reset"),
        ("100 C PA 11 11 5\n101 S RA 11 16", "middlebox-reset"),  # an answer in 1 ms where the round trip is 20
        ("100 C PA 11 11 5\n101 S RA 11 11", "server-reset"),  # it does not answer those bytes
        ("60 S PA 11 11 5\n60.1 C A 11 16\n61 S RA 16 11", "server-reset"),  # soon after an ACK, which it does not answer
    ],
)
def test_closed_by(lines: str, closed_by: str) -> None:
    assert run(OPEN + lines).one.closed_by == closed_by


def test_a_refused_connection() -> None:
    assert run("0 C S 0 0\n20 S RA 0 1").one.closed_by == "server-reset"


@pytest.mark.parametrize(
    "lines, port, rule",
    [
        ("0 C S 0 0", 40000, "syn"),
        ("0 S SA 0 1", 40000, "syn-ack"),
        ("0 S A 1 1", 40000, "port"),
        ("0 C A 1 1", 40000, "port"),
        ("0 S S 0 0", 8000, "syn"),
        ("0 C A 1 1 port=443", 443, "first-packet"),  # both ports are well known
    ],
)
def test_the_client_is_told_by_the_first_rule_that_fits(lines: str, port: int, rule: str) -> None:
    row = run(lines).one
    assert (row.client_port, row.client_rule) == (port, rule)


def test_the_sender_of_the_first_payload_is_the_client_where_nothing_else_tells() -> None:
    played = play(blocks(trace("0 C A 1 1 port=443\n1 S PA 1 1 5 port=443")), openers=[])
    assert (played.one.client_port, played.one.client_rule) == (8000, "first-payload")


def test_bytes_after_a_reset_are_read() -> None:
    played = run(OPEN + "100 S RA 11 11\n101 C PA 11 11 5\n102 C PA 16 11 5")
    assert played.up.bytes() == pattern("C", 1, 20)


def test_a_fin_that_data_acknowledges_ends_its_stream_there() -> None:
    """On the fast path too: what the server sends after its FIN was acknowledged is no part of its stream."""
    played = run(
        "0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 120\n4 S PA 1 121 176\n5 S PFA 177 121 50\n6 C PA 121 228 120\n7 S PA 228 241 60"
    )
    assert played.down.ended() == [(226, End.FIN)]
    assert played.down.gaps() == []
