"""Connection numbers are Wireshark's `tcp.stream`, completeness its final `tcp.completeness`."""

from __future__ import annotations

import pytest

from analyzer.model.seams import End
from tests.tcp.script import Played, pattern, run


def ids(played: Played) -> list[tuple[int, int, int]]:
    return [(row.connection_id, row.client_port, row.packets_sent + row.packets_received) for row in played.rows]


def test_the_observed_table() -> None:
    played = run(
        """
        0    C S   10  0  isn=0
        1    C S   10  0  isn=0            # the same SYN again: a retransmission
        2    S SA  0   11 isn=0
        3    C A   11  1  isn=0
        4    C FA  11  1  isn=0
        5    S FA  1   12 isn=0
        6    C A   12  2  isn=0
        7    C PA  999 2  30  isn=0        # data after close, unrelated numbers
        2000 C S   10  0  isn=0            # the old initial number: still the old connection
        2010 C S   777 0  isn=0            # another one: connection 1
        2011 S SA  9000 778
        2020 C S   10  0  isn=0            # and the first one again: connection 2
        2030 C PA  50  1  10 port=41000    # mid-stream data on another key: connection 3
        2040 C S   900 0  port=41000       # a SYN on that key: connection 4
        2050 S S   5   0  port=42000       # a SYN from the server's port: connection 5
        """,
        client=0,
    )
    assert ids(played) == [(0, 40000, 9), (1, 40000, 2), (2, 40000, 1), (3, 41000, 1), (4, 41000, 1), (5, 8000, 1)]
    assert played.rows[0].retransmissions >= 2


def test_a_syn_just_before_the_first_byte_seen_is_no_new_connection() -> None:
    # base_seq is seq - 1 where no SYN was seen, so this SYN has the base sequence number that is known.
    assert len(run("0 C PA 1 1 10\n 1 C S 0 0").rows) == 1


def test_the_answering_direction_takes_its_base_from_the_ack() -> None:
    assert len(run("0 C A 1 1\n 1 S S 0 0").rows) == 1
    assert len(run("0 C A 1 1\n 1 S S 5 0").rows) == 2


def test_a_syn_ack_with_another_number_starts_nothing_and_replaces_the_base() -> None:
    played = run("0 C S 0 0\n 1 S SA 0 1\n 2 S SA 700 1\n 3 C A 1 701\n 4 S PA 701 1 20\n 5 S S 700 0")
    assert len(played.rows) == 1
    assert played.one.bytes_received == 20
    assert (played.down.bytes(), played.down.gaps()) == (pattern("S", 701, 20), [])


def test_a_server_that_answers_anew_behind_its_fin_is_read_and_ends_again() -> None:
    first = "0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 10\n4 S PA 1 11 10\n5 C FA 11 11\n6 S FA 11 12\n7 C A 12 12\n"
    played = run(first + "8 S SA 700 1\n9 C A 12 701\n10 S PA 701 12 20\n11 S FA 721 12\n12 C A 12 722")
    assert (len(played.rows), played.one.bytes_received) == (1, 30)
    assert played.down.events == [("feed", 10, pattern("S", 701, 20)), ("end", 30, End.FIN)]


def test_reset_and_close_end_no_connection() -> None:
    assert len(run("0 C S 0 0\n 1 S RA 0 1\n 2 C S 0 0\n 3 C PA 1 1 5").rows) == 1


@pytest.mark.parametrize(
    "lines, completeness",
    [
        ("0 C S 0 0", 1),
        ("0 C S 0 0\n1 S SA 0 1", 3),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1", 7),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 5", 15),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 5\n4 C FA 6 1", 31),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 5\n4 C R 6 0", 47),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C PA 1 1 5\n4 C FA 6 1\n5 S RA 1 7", 63),
        ("0 C S 0 0\n1 S SA 0 1\n2 C A 1 1\n3 C FA 1 1", 23),
        ("0 C S 0 0\n1 S RA 0 1", 37),
        ("0 C S 0 0 9\n1 S SA 0 10", 11),
        ("0 S SA 0 1\n1 C A 1 1", 6),  # the SYN counts only as the first packet
        ("0 C A 1 1\n1 C S 0 0", 4),
        ("0 C PA 1 1 5", 0),  # a single packet that is no SYN (observed)
        ("0 C PA 1 1 5\n1 S A 1 6", 12),
        ("0 C PA 1 1 5\n1 S PA 1 6 5\n2 C A 6 6", 12),  # the first pure ACK of a direction that is quiet already
    ],
)
def test_completeness(lines: str, completeness: int) -> None:
    assert run(lines).one.completeness == completeness
