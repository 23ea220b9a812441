from __future__ import annotations

import gzip
import importlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

from analyzer.capture.compression import GzipMember
from analyzer.errors import CaptureError
from tests.capture.writer import SECOND, pcap, read, samples, save

try:
    zstd = importlib.import_module("compression.zstd")
except ImportError:
    zstd = importlib.import_module("backports.zstd")


def zstd_pack(data: bytes) -> bytes:
    packed: bytes = zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})
    return packed


def lz4_pack(data: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(data, content_checksum=True, block_size=lz4.frame.BLOCKSIZE_MAX64KB)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd_pack, "lz4": lz4_pack}
each_kind = pytest.mark.parametrize("kind", list(PACKERS))
MANY = [(SECOND + index * 1000, struct.pack("<I", index * 2654435761 & 0xFFFFFFFF) * 50) for index in range(4000)]


@each_kind
@pytest.mark.parametrize("chunk", [100, 1 << 19])
def test_is_told_by_its_first_bytes_and_not_by_its_name(tmp_path: Path, kind: str, chunk: int) -> None:
    got = read(save(tmp_path, PACKERS[kind](pcap(MANY)), "x.pcap"), chunk=chunk)
    assert got.packets == MANY
    assert (got.capture.info.files[0].format, got.capture.info.complete, got.notes) == (f"pcap+{kind}", True, [])
    assert got.capture.position() == got.capture.size == (tmp_path / "x.pcap").stat().st_size


@each_kind
def test_reads_several_members_as_one(tmp_path: Path, kind: str) -> None:
    raw = pcap(MANY)
    packed = b"".join(PACKERS[kind](raw[at : at + 100_001]) for at in range(0, len(raw), 100_001))
    got = read(save(tmp_path, packed))
    assert got.packets == MANY
    assert got.capture.info.complete


@each_kind
def test_a_cut_stream_gives_its_whole_packets(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](pcap(MANY))
    got = read(save(tmp_path, packed[: len(packed) // 2]))
    assert 1000 < len(got.packets) < 4000
    assert got.packets == MANY[: len(got.packets)]
    assert not got.capture.info.complete
    assert any(f"ends in the middle of its {kind} stream" in note for note in got.notes)


@each_kind
def test_a_stream_without_its_last_byte_gives_all_packets(tmp_path: Path, kind: str) -> None:
    got = read(save(tmp_path, PACKERS[kind](pcap(MANY))[:-1]))
    assert got.packets == MANY
    assert not got.capture.info.complete


@each_kind
def test_a_wrong_checksum_loses_no_packet(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](pcap(MANY)))
    packed[-5 if kind == "gzip" else -1] ^= 1
    got = read(save(tmp_path, bytes(packed)))
    assert got.packets == MANY
    assert not got.capture.info.complete
    assert f"its {kind} stream cannot be decompressed further" in got.notes[0]
    assert got.anomalies[0].code == "capture-damaged"


def test_damage_inside_a_gzip_stream_keeps_what_came_before() -> None:
    raw = pcap(MANY)
    deflate = zlib.compressobj(wbits=31)
    packed = deflate.compress(raw) + deflate.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 50  # a block of a type that does not exist
    member = GzipMember()
    got = b""
    while True:
        try:
            got += member.decompress(packed if member.needs_input else b"", 1 << 30)
        except Exception as error:
            damage = error
            break
    assert str(damage) == "its data is damaged"
    assert len(raw) - len(got) < 512
    assert raw.startswith(got)


@each_kind
def test_other_bytes_behind_the_stream_are_noted(tmp_path: Path, kind: str) -> None:
    got = read(save(tmp_path, PACKERS[kind](pcap(samples())) + b"rubbish"))
    assert got.packets == samples()
    assert got.notes == [f"{tmp_path / 'x.pcap'} has other bytes behind its {kind} stream"]


def test_zero_bytes_behind_a_gzip_stream_are_padding(tmp_path: Path) -> None:
    got = read(save(tmp_path, gzip.compress(pcap(samples())) + bytes(500)))
    assert (got.packets, got.notes) == (samples(), [])


def test_reads_every_field_of_a_gzip_header(tmp_path: Path) -> None:
    raw = pcap(samples())
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(raw) + deflate.flush()
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x05\0extra" + b"name\0" + b"comment\0" + b"\x12\x34"
    packed = head + body + struct.pack("<II", zlib.crc32(raw), len(raw))
    assert read(save(tmp_path, packed)).packets == samples()


def test_a_gzip_header_without_an_end_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="its header never ends"):
        read(save(tmp_path, b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 300_000))


@each_kind
def test_expansion_is_bounded_and_the_bound_can_be_raised(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.capture.compression.FREE_EXPANSION", 100_000)
    path = save(tmp_path, PACKERS[kind](pcap([(0, bytes(50_000))] * 100)))
    got = read(path, max_expansion=20)
    assert 0 < len(got.rows) < 100
    assert not got.capture.info.complete
    assert any("one compressed byte became more than 20 bytes" in note for note in got.notes)
    assert any(f"{kind} -dc FILE | analyzer - reads all of it" in note for note in got.notes)
    assert len(read(path, max_expansion=100_000).rows) == 100


@each_kind
def test_an_empty_or_broken_stream_is_no_answer(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CaptureError, match=f"is empty inside its {kind} stream"):
        read(save(tmp_path, PACKERS[kind](b"")))
    with pytest.raises(CaptureError) as caught:
        read(save(tmp_path, PACKERS[kind](pcap(samples()))[:5]))
    assert caught.value.hint


def test_a_missing_package_is_told_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("analyzer.capture.compression.importlib.import_module", missing)
    for kind, package in (("zstd", "backports.zstd"), ("lz4", "lz4")):
        with pytest.raises(CaptureError) as caught:
            read(save(tmp_path, PACKERS[kind](pcap(samples()))))
        assert f"pip install {package}" in str(caught.value.hint)


@pytest.mark.parametrize("size", [997, 1 << 19])
@each_kind
def test_a_cut_stream_gives_all_that_its_last_bytes_make(tmp_path: Path, kind: str, size: int) -> None:
    """Of equal packets a byte makes hundreds, more than one read asks for: what the decompressor still holds belongs to the answer."""
    same = [(SECOND + index * 1000, bytes(1000)) for index in range(3000)]
    packed = PACKERS[kind](pcap(same))
    whole = [len(read(save(tmp_path, packed[: len(packed) * 2 // 3]), chunk=chunk).packets) for chunk in (size, 1 << 24)]
    assert whole[0] == whole[1] > 500


@pytest.mark.parametrize("step", [1000, 1 << 19])
def test_what_lies_before_damage_is_kept(step: int) -> None:
    """But for one byte: zlib gives none of those that it made in the very step that fails."""
    body = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    content = b"".join(struct.pack("<I", number * 2654435761 & 0xFFFFFFFF) for number in range(5000))
    packed = body.compress(content) + body.flush(zlib.Z_FULL_FLUSH)
    member = GzipMember()
    out = member.decompress(gzip.compress(b"")[:10] + packed + b"\xff" * 40, step)
    while len(out) < len(content) - 1:
        more = member.decompress(b"", step)
        assert 0 < len(more) <= step
        out += more
    assert content.startswith(out)
