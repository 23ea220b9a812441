from __future__ import annotations

from struct import Struct, pack

from analyzer.capture._records import LITTLE_RECORD, pcap_time, walk_enhanced, walk_pcap
from tests.capture.writer import enhanced, interface, pcap

CHAINED, WORD = Struct("<8I").unpack_from, Struct("<I").unpack_from


def lists() -> tuple[list[int], list[int], list[int], list[int]]:
    return [], [], [], []


def test_a_classic_walk_stops_before_what_is_not_whole() -> None:
    data = pcap([(1_000_002_000, b"abc"), (3_000_000_000, b"de")])[24:]
    for end, count, stop in ((len(data), 2, 37), (len(data) - 1, 1, 19), (19 + 15, 1, 19), (18, 0, 0)):
        columns = lists()
        assert walk_pcap(data[:end], 0, LITTLE_RECORD, 16, 1000, 262144, *columns) == stop
        assert columns == ([16, 35][:count], [3, 2][:count], [], [1_000_002_000, 3_000_000_000][:count])


def test_lengths_on_the_wire_are_listed_from_the_first_cut_packet_on() -> None:
    whole, cut = pcap([(0, b"abc")])[24:], pcap([(0, b"abc")])[24:].replace(pack("<2I", 3, 3), pack("<2I", 3, 9))
    for records, wire in (([whole, whole], []), ([whole, cut, whole], [3, 9, 3]), ([cut], [9])):
        columns = lists()
        walk_pcap(b"".join(records), 0, LITTLE_RECORD, 16, 1000, 262144, *columns)
        assert columns[1:3] == ([3] * len(records), wire)
    head, whole, cut = interface(), enhanced(1, b"abc"), enhanced(1, b"abc", wire=9)
    for records, wire in (
        ([whole, whole], []),
        ([whole, cut, whole], [3, 9, 3]),
        ([whole, enhanced(2, b"abc", closing=8, wire=9)], [3]),
    ):
        columns = lists()
        walk_enhanced(head + b"".join(records), len(head), CHAINED, WORD, 0, 1000, 5, *columns)
        assert (columns[2] or columns[1]) == (wire or columns[1])
        assert len(columns[1]) == len(columns[0])


def test_a_classic_walk_stops_at_what_is_too_long() -> None:
    assert walk_pcap(pcap([(0, b"abc")])[24:], 0, LITTLE_RECORD, 16, 1000, 2, *lists()) == 0


def test_an_impossible_fraction_wraps_at_32_bits() -> None:
    assert pcap_time(5, 2_147_483, 1000) == 7_147_483_000
    assert pcap_time(5, 2_147_484, 1000) == 5_000_000_000 + 2_147_484_000 - 2**32
    assert pcap_time(5, 999_999_999, 1) == 5_999_999_999


def test_a_pcapng_walk_checks_the_closing_length_of_every_block() -> None:
    head = interface()
    good, bad = enhanced(1, b"abc"), enhanced(2, b"abc", closing=8)
    for blocks, count in (([good, good], 2), ([good, bad], 1), ([bad, good], 0), ([good, bad, good], 1)):
        columns = lists()
        stop = walk_enhanced(head + b"".join(blocks), len(head), CHAINED, WORD, 0, 1000, 5, *columns)
        assert stop == len(head) + count * len(good)
        assert columns[0] == [len(head) + 28 + index * len(good) for index in range(count)]
        assert columns[3] == [1005] * count


def test_a_pcapng_walk_stops_at_another_interface_or_kind() -> None:
    head, good = interface(), enhanced(1, b"abc", 3)
    for other in (enhanced(1, b"abc", 4), interface(), good[:-1], enhanced(1, b"abc", 3, captured=5)):
        stop = walk_enhanced(head + good + other, len(head), CHAINED, WORD, 3, 1, 0, *lists())
        assert stop == len(head) + len(good)
