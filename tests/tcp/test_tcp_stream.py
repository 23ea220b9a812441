"""Byte streams: order, overlap, wrap, holes, gaps and what readers are told of them."""

from __future__ import annotations

import pytest

from analyzer.model.seams import End
from tests.tcp.script import Line, pattern, run, trace

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"


def sent(size: int) -> bytes:
    return pattern("C", 1, size)


def test_bytes_in_order_are_fed_as_they_come() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C PA 11 1 5\n30 S A 1 16\n31 S PA 1 16 7")
    assert played.up.events[:2] == [("feed", 0, sent(15)[:10]), ("feed", 10, sent(15)[10:])]
    assert played.down.bytes() == pattern("S", 1, 7)
    assert (played.one.bytes_sent, played.one.bytes_received, played.one.gap_bytes) == (15, 7, 0)


def test_out_of_order_is_put_in_order_with_both_times() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C PA 21 1 10\n22 C PA 11 1 10\n23 S A 1 31")
    assert played.up.bytes() == sent(30)
    # The byte beyond the hole was seen in packet 5, and complete with packet 6.
    assert played.up.asks == [(4, 4), (5, 6), (5, 6)]
    assert played.one.gap_bytes == 0


def test_of_overlapping_bytes_the_first_copy_stays() -> None:
    played = run(
        OPEN + "20 C PA 1 1 text=aaaa\n21 C PA 3 1 text=bbbb\n22 C PA 9 1 text=dddd\n23 C PA 11 1 text=eeee\n24 C PA 6 1 text=cccccccc"
    )
    assert played.up.bytes() == b"aaaabbccddddee"


@pytest.mark.parametrize("isn", [2**32 - 1, 2**32 - 2, 2**32 - 25, 2**31 - 10, 0])
def test_sequence_numbers_wrap(isn: int) -> None:
    played = run(OPEN + "20 C PA 1 1 20\n21 C PA 41 1 20\n22 C PA 21 1 20\n23 C PA 61 1 20\n24 S A 1 81", client=isn)
    assert played.up.bytes() == sent(80)
    assert played.one.bytes_sent == 80


def test_a_reader_is_not_shown_what_it_does_not_need() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C PA 11 1 10\n22 C PA 21 1 10\n23 C PA 31 1 10", wish={10: 25})
    assert played.up.events[:3] == [("feed", 0, sent(40)[:10]), ("feed", 25, sent(40)[25:30]), ("feed", 30, sent(40)[30:])]


def test_a_need_beyond_four_gibibytes_is_kept() -> None:
    # As the loop does it: most is counted, and only now and then a segment is handed to the stream.
    from analyzer.tcp.stream import FAR

    step = 60_000
    played = run(OPEN + "20 C PA 1 1 10\n30 S A 1 11")
    flow = played.flows[0]
    stream = flow.first_half.stream
    need = 5 * 2**30
    reader = played.up
    reader.events.clear()
    flow.first_half.quiet = True
    stream.finished, stream.sink, stream.need = False, reader, need
    stream.ended = None
    flow.first_half.skip = stream.skip()
    assert flow.first_half.skip == FAR
    seq, skip = flow.first_half.next_seq, flow.first_half.skip
    body = bytes(step)
    fed = stream.offset
    while fed < need + step:  # what the loop does
        jump = skip // step * step
        if jump:
            seq, skip, fed = (seq + jump) % 2**32, skip - jump, fed + jump
            flow.first_half.next_seq = seq
        skip = stream.take(body, 0, step, seq, 1, 1)
        seq, fed = (seq + step) % 2**32, fed + step
        assert stream.offset == fed
    assert all(offset >= need for _, offset, _ in reader.events)
    assert reader.events[0][1] == need


def test_a_hole_that_is_acknowledged_becomes_a_gap_when_the_peer_goes_on() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C PA 31 1 10\n30 S PA 1 41 5")
    assert played.up.events[:3] == [("feed", 0, sent(10)), ("gap", 10, 20), ("feed", 30, pattern("C", 31, 10))]
    assert (played.one.gap_bytes, played.one.bytes_sent, played.one.lost_before_capture) == (20, 20, True)


def test_bytes_acknowledged_before_they_are_seen_are_waited_for() -> None:
    played = run(OPEN + "20 S A 1 11\n20.2 C PA 1 1 10\n21 S A 1 11\n80 S A 1 11 win=501")
    assert played.up.bytes() == sent(10)
    assert played.one.gap_bytes == 0


def test_bytes_acknowledged_and_not_seen_for_long_are_a_gap() -> None:
    played = run(OPEN + "15 C PA 1 1 5\n20 S A 1 11\n90 S A 1 11 win=501\n95 C PA 11 1 10\n99 S A 1 21")
    assert played.up.events[:3] == [("feed", 0, sent(5)), ("gap", 5, 5), ("feed", 10, pattern("C", 11, 10))]


def test_acknowledged_bytes_are_waited_for_fifty_milliseconds() -> None:
    acked = OPEN + "15 C PA 1 1 5\n20 S A 1 11\n{} S A 1 11 win=501\n71 C PA 6 1 5"
    assert run(acked.format("70")).up.bytes() == sent(10)
    assert run(acked.format("70.001")).up.events[:2] == [("feed", 0, sent(5)), ("gap", 5, 5)]


def test_bytes_that_only_an_ack_tells_of_are_a_gap_at_the_end() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S A 1 31")
    assert played.one.gap_bytes == 20
    assert played.up.events[1:] == [("gap", 10, 20), ("end", 30, End.OPEN)]


def test_late_bytes_of_a_gap_are_counted_as_seen() -> None:
    played = run(OPEN + "20 C PA 11 1 10\n30 S PA 1 21 5\n40 C PA 1 1 10")
    assert (played.one.gap_bytes, played.one.bytes_sent) == (0, 20)


@pytest.mark.parametrize("server", [5000, 2**31, 2**31 + 5, 2**32 - 3])
@pytest.mark.parametrize("client", [1000, 2**31 - 1, 2**32 - 5])
def test_a_capture_of_one_direction_tells_what_it_lacks(client: int, server: int) -> None:
    text = "0 C A 1 1\n" + "".join(f"{100 + 10 * i} C A 1 {1 + 1000 * i}\n" for i in range(1, 30))
    row = run(text, client=client, server=server).one
    assert (row.gap_bytes, row.bytes_received, row.packets_received) == (29_000, 0, 0)


def test_one_direction_with_loss_does_not_wait_for_ever() -> None:
    text = "0 S PA 1 1 100\n1 S PA 301 1 100\n" + "".join(f"{2000 + i} S PA {401 + 100 * i} 1 100\n" for i in range(20))
    played = run(text)
    assert played.one.gap_bytes == 200
    reader = played.up  # who claims the first bytes of a connection without a SYN says who is the client
    assert reader.gaps() == [(100, 200)]
    assert reader.events[2][0] == "feed"


def test_packets_cut_by_the_snapshot_length_leave_gaps_that_were_on_the_wire() -> None:
    played = run(OPEN + "20 C PA 1 1 10 cap=4\n21 C PA 11 1 10\n30 S A 1 21")
    assert played.up.events[:3] == [("feed", 0, sent(4)), ("gap", 4, 6), ("feed", 10, pattern("C", 11, 10))]
    assert (played.one.cut_packets, played.one.bytes_sent, played.one.gap_bytes) == (1, 20, 0)


def test_a_start_that_was_not_captured() -> None:
    played = run("0 C PA 501 700 10\n1 S PA 700 511 10\n2 C PA 511 710 10")
    assert played.up.bytes() == pattern("C", 501, 20)
    assert (played.one.client_rule, played.one.bytes_sent) == ("port", 20)


def test_bytes_from_before_the_first_one_are_counted_once() -> None:
    played = run("0 C PA 501 700 10\n1 C PA 481 700 20\n2 C PA 481 700 20\n3 S A 700 511")
    assert played.one.bytes_sent == 30
    assert played.up.bytes() == pattern("C", 501, 10)


def test_data_in_a_syn_is_part_of_the_stream() -> None:
    lines = trace("0 C S 0 0 6\n10 S SA 0 7\n11 C A 7 1\n12 C PA 7 1 4\n20 S A 1 11")
    lines[0].payload = pattern("C", 1, 6)
    played = run(lines)
    assert played.up.bytes() == sent(10)
    assert played.one.bytes_sent == 10


def test_keep_alive_bytes_belong_to_no_stream() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S A 1 11\n5000 C A 10 1 1\n5001 S A 1 11\n5002 C PA 11 1 5\n5010 S A 1 16")
    assert played.up.bytes() == sent(15)
    assert (played.one.keep_alives, played.one.bytes_sent) == (1, 15)


def test_a_zero_window_probe_carries_a_byte() -> None:
    played = run(
        OPEN + "20 C PA 1 1 10\n30 S A 1 11 win=0\n230 C A 11 1 1\n231 S A 1 11 win=0\n300 S A 1 11\n301 C PA 11 1 20\n302 S A 1 31"
    )
    assert played.up.bytes() == sent(30)
    assert played.one.bytes_sent == 30


def test_both_ends_are_told() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S FA 1 11\n31 C PA 11 2 5\n32 C FA 16 2\n33 S A 2 17")
    assert played.down.ended() == [(0, End.FIN)]
    assert played.up.ended() == [(15, End.FIN)]
    assert played.up.bytes() == sent(15)


def test_a_fin_before_the_bytes_it_ends() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C FA 31 1\n22 C PA 11 1 20\n23 S A 1 32\n24 S FA 1 32\n25 C A 32 2\n26 C PA 32 2 9")
    assert played.up.events[-1] == ("end", 30, End.FIN)
    assert played.up.bytes() == sent(30)


def test_a_fin_after_bytes_that_never_come() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n21 C FA 31 1\n30 S PA 1 32 5\n31 S FA 6 32")
    assert played.up.events[1:] == [("gap", 10, 20), ("end", 30, End.FIN)]


def test_a_stray_fin_ends_nothing() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S A 1 11\n40 C FA 3 1\n50 C PA 11 1 5\n60 S A 1 16")
    assert played.up.bytes() == sent(15)
    assert played.up.ended() == [(15, End.OPEN)]


def test_a_reset_ends_the_stream_with_the_connection_and_not_before() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S RA 1 11\n40 C PA 11 1 5")
    assert played.up.bytes() == sent(15)
    assert played.up.ended() == [(15, End.RST)]


def test_port_reuse_ends_the_old_streams() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n9000 C S 500000 0\n9001 S SA 700000 500001\n9002 C A 500001 700001\n9003 C PA 500001 700001 3")
    assert [row.bytes_sent for row in played.rows] == [10, 3]
    assert played.readers[0][0].ended() == [(10, End.OPEN)]


def test_a_stray_syn_ack_does_not_take_the_reader_away() -> None:
    played = run(OPEN + "20 C PA 1 1 10\n30 S PA 1 11 10\n31 S SA 90000 11\n32 S PA 11 11 10\n33 C A 11 21")
    assert played.down.bytes() == pattern("S", 1, 20)
    assert [kind for kind, _, _ in played.down.events] == ["feed", "feed", "end"]


def test_a_bounded_number_of_segments_waits() -> None:
    from analyzer.tcp.waiting import MOST_PIECES

    lines = trace(OPEN + "20 C PA 1 1 5")
    for index in range(MOST_PIECES + 10):
        lines.append(Line(lines[-1].time + 1000, "C", 16, 1000 + 11 + 2 * index, 5001, b"x"))
    played = run(lines)
    assert played.one.bytes_sent == MOST_PIECES + 15
    assert played.up.gaps()[0] == (5, 5)
    assert played.one.gap_bytes == 5 + MOST_PIECES + 9
