"""Records of one direction: cut anywhere, with content that is read or only counted, over lost bytes."""

from __future__ import annotations

import pytest

from analyzer.model.seams import NEVER, End
from analyzer.tls._records import MOST_SEARCHED, Record, RecordReader, begins_record
from tests.http.speech import Speaker
from tests.tls.talk import ALERT, CCS, DATA, HANDSHAKE, record


class Taken:
    """Takes records, and what is said of losses."""

    def __init__(self, *kinds: int) -> None:
        self.kinds = kinds
        self.records: list[Record] = []
        self.said: list[tuple[str, int]] = []
        self.beginnings: list[tuple[int, bytes]] = []
        self.cut: Record | None = None
        self.how: End | None = None

    def wants(self, kind: int) -> bool:
        return kind in self.kinds

    def take(self, record: Record) -> None:
        self.records.append(record)

    def holed(self, kind: int, beginning: bytes) -> None:
        self.beginnings.append((kind, beginning))

    def lost(self, offset: int) -> None:
        self.said.append(("lost", offset))

    def found(self, offset: int) -> None:
        self.said.append(("found", offset))

    def ended(self, cut: Record | None, how: End) -> None:
        self.cut, self.how = cut, how


def reader(*kinds: int, whole_start: bool = True) -> tuple[Taken, Speaker, RecordReader]:
    taken, speaker = Taken(*kinds), Speaker()
    return taken, speaker, RecordReader(taken, speaker, whole_start=whole_start)


THREE = record(HANDSHAKE, b"hello") + record(DATA, 300) + record(ALERT, b"\1\0")
PLACES = [(HANDSHAKE, 0, 10), (DATA, 10, 315), (ALERT, 315, 322)]


def test_several_records_in_one_segment() -> None:
    taken, speaker, sink = reader(HANDSHAKE)
    speaker.now = (5, 1)
    assert sink.feed(THREE, 0, len(THREE), 0) == len(THREE)
    assert [(one.kind, one.start, one.end) for one in taken.records] == PLACES
    assert [one.body for one in taken.records] == [b"hello", None, None]
    assert all(one.began == one.done == (5, 1) for one in taken.records)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 11, 64])
def test_records_are_the_same_in_pieces(size: int) -> None:
    taken, speaker, sink = reader(HANDSHAKE, ALERT)
    need = 0
    for number, at in enumerate(range(0, len(THREE), size)):
        end = min(at + size, len(THREE))
        speaker.now = (number, number)
        if need < end:
            need = sink.feed(THREE, max(at, need), end, max(at, need))
    assert [(one.kind, one.start, one.end) for one in taken.records] == PLACES
    assert [one.body for one in taken.records] == [b"hello", None, b"\1\0"]
    for one in taken.records:
        assert (one.began[0], one.done[0]) == (one.start // size, (one.end - 1) // size)


def test_content_that_nobody_reads_is_asked_for_at_its_last_byte() -> None:
    _, _, sink = reader()
    assert sink.feed(record(DATA, 16_000), 0, 100, 0) == 16_004


def test_content_that_is_read_is_asked_for_at_once() -> None:
    _, _, sink = reader(DATA)
    assert sink.feed(record(DATA, 16_000), 0, 100, 0) == 100


def test_a_hole_inside_a_record_leaves_its_end_known() -> None:
    taken, _, sink = reader(DATA)
    data = record(DATA, 1000) + record(DATA, b"next")
    assert sink.feed(data, 0, 200, 0) == 200
    assert sink.gap(200, 300) == 1004
    assert sink.feed(data, 1004, len(data), 1004) == len(data)
    assert [(one.end, one.body) for one in taken.records] == [(1005, None), (1014, b"next")]
    assert taken.said == []
    assert taken.beginnings == [(DATA, data[5:200])]


def test_a_hole_up_to_the_end_of_a_record_completes_it() -> None:
    taken, _, sink = reader()
    sink.feed(record(DATA, 1000), 0, 200, 0)
    assert sink.gap(200, 805) == 1005
    assert [one.end for one in taken.records] == [1005]
    assert taken.said == []


def test_after_a_hole_over_a_boundary_a_header_at_a_segment_start_is_found() -> None:
    taken, _, sink = reader()
    sink.feed(record(DATA, 1000), 0, 200, 0)
    assert sink.gap(200, 3000) == 3200
    nothing = b"\x17\x03\x04\x00" * 50
    assert sink.feed(nothing, 0, 200, 3200) == 3400
    good = record(DATA, 50) + record(DATA, 60)
    sink.feed(good, 0, len(good), 3400)
    assert [(one.start, one.end) for one in taken.records] == [(0, 1005), (3400, 3455), (3455, 3520)]
    assert taken.said == [("lost", 1005), ("found", 3400)]


def test_what_is_no_record_loses_the_way() -> None:
    taken, _, sink = reader()
    bad = record(DATA, 10) + b"GET / HTTP/1.1\r\n\r\n"
    assert sink.feed(bad, 0, len(bad), 0) == len(bad)
    assert taken.said == [("lost", 15)]


@pytest.mark.parametrize(
    "header", [b"\x13\x03\x03\x00\x05", b"\x19\x03\x03\x00\x05", b"\x17\x02\x03\x00\x05", b"\x17\x03\x05\x00\x05", b"\x17\x03\x03\xff\xff"]
)
def test_headers_that_no_record_has(header: bytes) -> None:
    taken, _, sink = reader()
    sink.feed(header + bytes(5), 0, 10, 0)
    assert (taken.records, taken.said) == ([], [("lost", 0)])


def test_looking_for_a_header_ends() -> None:
    _, _, sink = reader(whole_start=False)
    answers = [sink.feed(b"nothing here", 0, 12, 12 * number) for number in range(MOST_SEARCHED)]
    assert answers[-2:] == [12 * (MOST_SEARCHED - 1), NEVER]


def test_a_record_that_is_cut_is_handed_over_as_such() -> None:
    taken, speaker, sink = reader()
    speaker.now = (3, 9)
    sink.feed(record(DATA, 1000), 0, 200, 0)
    sink.end(200, End.RST)
    assert taken.cut is not None
    assert (taken.cut.kind, taken.cut.start, taken.cut.end, taken.cut.began) == (DATA, 0, 200, (3, 9))
    assert taken.how is End.RST


def test_an_empty_record_is_one() -> None:
    taken, _, sink = reader(DATA)
    data = record(DATA, b"") + record(CCS, b"\1")
    sink.feed(data, 0, len(data), 0)
    assert [(one.kind, one.size) for one in taken.records] == [(DATA, 0), (CCS, 1)]


def test_all_headers_in_a_segment_must_fit_for_a_beginning() -> None:
    assert begins_record(THREE, 0, len(THREE))
    assert begins_record(record(DATA, 3000), 0, 100)
    assert not begins_record(record(DATA, 10) + b"garbage", 0, 22)
    assert not begins_record(b"\x17\x03\x03\x00", 0, 4)
