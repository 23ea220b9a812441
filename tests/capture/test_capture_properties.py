from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import CaptureError
from tests.capture.writer import enhanced, interface, option, pcap, read, save, section

PACKETS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 999_999_999), st.binary(max_size=70)), max_size=30)
CHUNKS = st.sampled_from([1, 2, 7, 16, 17, 33, 64, 200, 1 << 19])


class Written(NamedTuple):
    content: bytes
    ends: list[int]
    """Where the packets end."""
    first: int
    """Where the part ends without which nothing can be answered."""
    edges: set[int]
    """Where a cut cannot be noticed."""
    packets: list[tuple[int, bytes]]


@st.composite
def captures(draw: st.DrawFn) -> Written:
    order = draw(st.sampled_from("<>"))
    packets = [(seconds * 10**9 + rest, data) for seconds, rest, data in draw(PACKETS)]
    if draw(st.booleans()):
        modified = draw(st.booleans())
        packets = [(time // 1000 * 1000, data) for time, data in packets]
        head = pcap([], order=order, modified=modified)
        parts = [pcap([packet], order=order, modified=modified)[24:] for packet in packets]
        first = 24
        edges = {24}
    else:
        described = interface(order=order, options=option(9, b"\x09", order))
        head = section(order) + described * 3
        first = 28
        edges = {28 + len(described) * count for count in range(4)}
        numbers = draw(st.lists(st.integers(0, 2), min_size=len(packets), max_size=len(packets)))
        parts = [enhanced(time, data, number, order) for (time, data), number in zip(packets, numbers, strict=True)]
    ends, at = [], len(head)
    for part in parts:
        at += len(part)
        ends.append(at)
    return Written(head + b"".join(parts), ends, first, edges | set(ends), packets)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties")


@given(written=captures(), chunk=CHUNKS)
def test_what_was_written_is_read_whatever_the_chunk(folder: Path, written: Written, chunk: int) -> None:
    got = read(save(folder, written.content), chunk=chunk)
    assert got.packets == written.packets
    assert (got.notes, got.capture.info.complete, got.anomalies) == ([], True, [])
    times = [time for time, _ in written.packets]
    info = got.capture.info
    assert info.backwards == sum(later < sooner for sooner, later in pairwise(times))
    assert (info.first_ns, info.last_ns) == ((min(times), max(times)) if times else (None, None))
    assert info.bytes == sum(len(data) for _, data in written.packets)


@given(written=captures(), chunk=CHUNKS, data=st.data())
def test_a_file_cut_anywhere_gives_its_whole_packets(folder: Path, written: Written, chunk: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(written.content)))
    path = save(folder, written.content[:cut])
    if cut < written.first:
        with pytest.raises(CaptureError):
            read(path, chunk=chunk)
        return
    got = read(path, chunk=chunk)
    whole = sum(end <= cut for end in written.ends)
    assert got.packets == written.packets[:whole]
    assert got.capture.info.complete is (got.notes == [])
    assert got.capture.info.complete is (cut in written.edges)


@given(written=captures(), chunk=CHUNKS, data=st.data())
def test_damage_never_raises_anything_else(folder: Path, written: Written, chunk: int, data: st.DataObject) -> None:
    content = bytearray(written.content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
        if not content:
            break
    path = save(folder, bytes(content))
    try:
        got = read(path, chunk=chunk)
    except CaptureError:
        return
    again = read(path)
    assert got.rows == again.rows, "the chunk size changes nothing"
    assert got.notes == again.notes


BEGINNINGS = [pcap([])[:4], section()[:4], section(), section() + interface(), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"]


@given(content=st.binary(max_size=200), start=st.sampled_from(BEGINNINGS))
def test_rubbish_never_raises_anything_else(folder: Path, content: bytes, start: bytes) -> None:
    with suppress(CaptureError):
        read(save(folder, start + content), chunk=32)
