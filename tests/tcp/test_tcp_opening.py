"""How connections open and close: repeated SYNs, which one was answered, the handshake's last packet, each side's first FIN or RST."""

from __future__ import annotations

from struct import pack

import pytest

from analyzer.model.rows import Connection
from analyzer.model.seams import IcmpError
from analyzer.tcp.icmp import says_lost
from analyzer.tcp.opening import MOST_SYNS
from tests.tcp.script import CLIENT, SERVER, START, blocks, play, run, trace

MS = 1_000_000


def stall(text: str) -> tuple[int, int | None]:
    row = run(text).one
    return row.syn_retransmissions, row.syn_stall_ns


def test_a_clean_handshake() -> None:
    row = run("0 C S 0 0\n10 S SA 0 1 ttl=57\n10.4 C A 1 1\n11 C A 1 1").one
    assert (row.syn_retransmissions, row.syn_stall_ns, row.established_packet_id, row.server_ttl) == (0, 0, 3, 57)


def test_the_handshake_ends_with_the_ack_of_the_syn_ack() -> None:
    row = run("0 C S 0 0\n10 S SA 0 1\n10.2 C A 1 0\n10.4 C A 1 1").one  # the first acknowledges what came before the SYN-ACK
    assert row.established_packet_id == 4


def test_without_syn_nothing_is_known() -> None:
    row = run("0 C PA 1 1 10").one
    assert (row.syn_retransmissions, row.syn_stall_ns, row.established_packet_id, row.server_ttl) == (0, None, None, None)


def test_a_lost_syn() -> None:
    assert stall("0 C S 0 0\n1000 C S 0 0\n1010 S SA 0 1\n1010.4 C A 1 1") == (1, 1000 * MS)
    assert stall("0 C S 0 0\n1000 C S 0 0\n3000 C S 0 0\n3010 S SA 0 1\n3010.4 C A 1 1") == (2, 3000 * MS)


def test_a_slow_answer_to_the_first() -> None:
    # The round trip is 600 ms, as the data show: 5 ms after the second SYN its answer cannot have come.
    data = "1700 C PA 1 1 10\n2300 S PA 1 11 10\n2300.1 C A 11 11"
    assert stall("0 C S 0 0\n1000 C S 0 0\n1005 S SA 0 1\n1005.4 C A 1 1\n" + data) == (1, 0)


def test_a_handshake_a_little_faster_than_any_data() -> None:
    data = "1100 C PA 1 1 10\n1112 S PA 1 11 10\n1112.1 C A 11 11"
    assert stall("0 C S 0 0\n1000 C S 0 0\n1010 S SA 0 1\n1010.4 C A 1 1\n" + data) == (1, 1000 * MS)


def test_the_timestamp_that_is_echoed_decides() -> None:
    # Only one request that took 200 ms to answer: by the round trip alone the first SYN would have been answered.
    data = "1100 C PA 1 1 10\n1300 S PA 1 11 10\n1300.1 C A 11 11"
    syns = "0 C S 0 0 ts=500\n1000 C S 0 0 ts=1500\n"
    assert stall(syns + "1010 S SA 0 1 ts=9:1500\n1010.4 C A 1 1\n" + data) == (1, 1000 * MS)
    assert stall(syns + "1010 S SA 0 1 ts=9:500\n1010.4 C A 1 1\n" + data) == (1, 0)
    coarse = syns.replace("1500", "500")
    assert stall(coarse + "1010 S SA 0 1 ts=9:500\n1010.4 C A 1 1\n" + data) == (1, 0)


def test_never_answered_counts_to_the_last_syn() -> None:
    assert stall("0 C S 0 0\n1000 C S 0 0\n3000 C S 0 0") == (2, 3000 * MS)


def test_refused_at_once_waited_for_nothing() -> None:
    assert stall("0 C S 0 0\n1 S RA 0 1") == (0, 0)


def test_copies_of_a_syn_are_no_repeats() -> None:
    assert stall("0 C S 0 0 id=1 if=0\n0.1 C S 0 0 id=1 if=1\n10 S SA 0 1 id=2 if=1\n10.1 S SA 0 1 id=2 if=0\n11 C A 1 1") == (0, 0)


def test_a_flood_of_equal_syns_is_counted_and_not_kept() -> None:
    text = "".join(f"{number} C S 0 0\n" for number in range(3 * MOST_SYNS))
    assert stall(text) == (3 * MOST_SYNS - 1, (3 * MOST_SYNS - 1) * MS)


def ends(text: str) -> tuple[float | None, float | None, int | None]:
    row: Connection = run("0 C S 0 0\n10 S SA 0 1\n10.4 C A 1 1\n" + text).one
    times = [None if time is None else (time - START) / MS for time in (row.client_closed_ns, row.server_closed_ns)]
    return times[0], times[1], row.closed_packet_id


def test_each_side_closes_once() -> None:
    assert ends("20 C FA 1 1\n30 S FA 1 2\n30.1 C A 2 2\n230 C FA 1 1\n240 S R 2 0") == (20, 30, 4)
    assert ends("20 S RA 1 1\n21 C FA 1 1") == (21, 20, 4)
    assert ends("20 C PA 1 1 10") == (None, None, None)


def test_of_a_fin_to_the_client_the_nearest_copy_counts() -> None:
    opening = "0 C S 0 0 id=1 if=0\n0.1 C S 0 0 id=1 if=1\n10 S SA 0 1 id=2 if=1\n10.1 S SA 0 1 id=2 if=0\n10.4 C A 1 1 id=3 if=0\n"
    row = run(opening + "20 S FA 1 1 id=9 if=1\n20.1 S FA 1 1 id=9 if=0\n40 C FA 1 2 id=10 if=0\n40.1 C FA 1 2 id=10 if=1").one
    assert (row.client_closed_ns, row.server_closed_ns) == (START + 40 * MS, START + 20_100_000)
    assert (row.established_packet_id, row.closed_packet_id) == (5, 7)


def icmp(kind: int, code: int, *, of_client: bool = True) -> bytes:
    """An ICMP error that quotes the first segment of one side."""
    quoted = (CLIENT + SERVER if of_client else SERVER + CLIENT) + (pack(">HH", 40000, 8000) if of_client else pack(">HH", 8000, 40000))
    inner = pack(">BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 1, 6, 0) + quoted + pack(">I", 1000)
    body = pack(">BBHI", kind, code, 0, 0) + inner
    router = bytes((10, 0, 0, 254))
    ip = pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0) + router + (CLIENT if of_client else SERVER)
    return bytes(12) + b"\x08\x00" + ip + body


@pytest.mark.parametrize(
    "kind, code, of_client, told",
    [(3, 1, True, True), (3, 13, True, True), (11, 0, True, True), (3, 4, True, False), (5, 0, True, False), (11, 0, False, False)],
)
def test_icmp_errors_about_the_client(kind: int, code: int, of_client: bool, told: bool) -> None:
    (block,) = blocks(trace("0 C S 0 0\n10 S SA 0 1"))
    for number in range(2):
        frame = icmp(kind, code, of_client=of_client)
        block = block._replace(
            data=block.data + frame,
            starts=[*block.starts, len(block.data)],
            lengths=[*block.lengths, len(frame)],
            wire_lengths=[*block.wire_lengths, len(frame)],
            times=[*block.times, START + (20 + number) * MS],
        )
    row = play([block]).one
    assert row.icmp_errors == 2
    assert row.icmp_ns == (START + 20 * MS if told else None)


@pytest.mark.parametrize("kind, code, lost", [(1, 0, True), (1, 4, True), (3, 0, True), (2, 0, False), (4, 1, False)])
def test_the_same_for_ipv6(kind: int, code: int, lost: bool) -> None:
    assert says_lost(IcmpError(6, kind, code, bytes(16), bytes(16), 6, bytes(36), None)) is lost


def test_an_answer_without_its_syn_is_acknowledged_by_whatever_comes_first() -> None:
    """Where the capture begins in between, too: the fast path must not pass over the packet that ends the handshake."""
    played = run(
        "0 C PA 1 1 120\n1 C PA 121 1 700\n1000 S SA 0 821\n1001 S PA 1 821 66\n1002 S PA 67 821 60\n1003 C PA 821 127 6\n1004 C A 827 127"
    )
    assert played.one.established_packet_id == 6
