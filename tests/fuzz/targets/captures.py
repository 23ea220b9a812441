"""The readers of capture files: pcap, pcapng, and what expands compressed ones."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any, NamedTuple, cast

import lz4.frame

from analyzer.capture.compression import MAGICS, Expander
from analyzer.capture.formats import PCAP_MAGICS
from analyzer.capture.inputs import Raw
from analyzer.capture.limits import CHUNK
from analyzer.capture.pcap import PcapReader
from analyzer.capture.pcapng import PcapngReader
from analyzer.capture.tally import Tally
from analyzer.capture.window import Window
from analyzer.errors import CaptureError
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.rows import Anomaly
from tests.capture.writer import block, enhanced, interface, option, pcap, samples, section
from tests.fuzz.source import Source
from tests.fuzz.target import Target

SMALL_CHUNK = 37
"""A chunk that every record straddles."""
MOST_OUT = 4 << 20
"""Decompressed bytes after which a bomb is left alone: the bound on expansion begins beyond."""


class Answer(NamedTuple):
    """What a reader said of an input."""

    packets: list[tuple[object, ...]]
    anomalies: list[Anomaly]
    notes: list[str]
    complete: bool
    interfaces: int
    secrets: list[bytes]


def answer(kind: type[PcapReader] | type[PcapngReader], data: bytes, chunk: int) -> Answer:
    """Read an input to its end; every packet must be whole in its block."""
    info = CaptureInfo(files=[CaptureFile("x")])
    anomalies: list[Anomaly] = []
    tally = Tally(info, 0, "x", emit=anomalies.append, single=True)
    packets: list[tuple[object, ...]] = []
    for run in kind(Window(BytesIO(data).read, chunk), tally).blocks():
        assert len(run.starts) == len(run.lengths) == len(run.wire_lengths) == len(run.times) > 0
        for index, (start, length, wire, time) in enumerate(zip(run.starts, run.lengths, run.wire_lengths, run.times, strict=True)):
            assert 0 <= start <= start + length <= len(run.data)
            packets.append((time, run.data[start : start + length], wire, run.link_type, run.interface, run.first_packet_id + index))
    tally.finish()
    return Answer(packets, anomalies, info.notes, info.complete, len(info.interfaces), info.secrets)


def read(kind: type[PcapReader] | type[PcapngReader], data: bytes) -> None:
    """Read an input at once and in small chunks: the answer must be the same, and so must be the refusal."""
    if kind is PcapReader and data[:4] not in PCAP_MAGICS:
        return  # whoever makes the reader has looked at the magic number
    assert answer_or_refusal(kind, data, SMALL_CHUNK) == answer_or_refusal(kind, data, CHUNK)


def answer_or_refusal(kind: type[PcapReader] | type[PcapngReader], data: bytes, chunk: int) -> Answer | str:
    """Read an input; return the text of the error where it is refused."""
    try:
        return answer(kind, data, chunk)
    except CaptureError as error:
        return str(error)


class Held:
    """An input in memory, as an `Expander` reads it."""

    trouble = None

    def __init__(self, data: bytes) -> None:
        self._file = BytesIO(data)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        return self._file.read(size)


def expand(data: bytes, chunk: int, size: int) -> tuple[bytes, str | None]:
    """Decompress an input, `chunk` bytes of it first and `size` bytes of output at a time."""
    kind = next((name for magic, name in MAGICS.items() if data.startswith(magic)), None)
    if kind is None:
        return b"", None
    raw = Held(data)
    expander = Expander(cast("Raw", raw), raw.read(chunk), kind, 1000)
    out = bytearray()
    while len(out) < MOST_OUT and (part := expander.read(size)):
        assert len(part) <= size
        out += part
    return bytes(out), expander.trouble


def decompress(data: bytes) -> None:
    """Decompress an input with large and small steps: the same output, and the same trouble or none.

    Where a checksum in the middle is wrong, zstd and lz4 throw away what they hold, which is less in small steps.
    """
    whole, trouble = expand(data, CHUNK, CHUNK)
    parts, other = expand(data, 4 + len(data) % 7, 997)
    if max(len(whole), len(parts)) < MOST_OUT:
        assert (other is None) == (trouble is None)
        if trouble is not None and "is damaged" in trouble and not data.startswith(b"\x1f\x8b"):
            assert parts.startswith(whole)
        else:
            assert parts == whole


def pcaps() -> Iterable[bytes]:
    """Write small pcap files of every kind."""
    for order in "<>":
        yield pcap(samples(4), order=order)
        yield pcap(samples(3), order=order, nano=True)
        yield pcap(samples(3), order=order, modified=True)
        yield pcap(samples(3), order=order, version=(2, 2))
        yield pcap(samples(3), order=order, wire=4000, snaplen=64)
    yield pcap(samples(3))[:-7]
    yield pcap(samples(3), network=113 | 0x4000_0000) + bytes(40)
    yield pcap(samples(1), version=(543, 0))
    yield pcap(samples(2)) + b"\xff" * 16
    yield pcap([])[:20]
    yield pcap([], version=(1, 0))


def pcapngs() -> Iterable[bytes]:
    """Write small pcapng files with every kind of block, whole and damaged."""
    for order in "<>":
        options = option(9, b"\x09", order) + option(2, b"eth0", order) + option(14, bytes(8), order)
        head = section(order) + interface(1, 96, order, options)
        packets = b"".join(enhanced(1_700_000_000_000_000 + n, b"p" * (n * 9), 0, order) for n in range(4))
        yield head + packets
        yield head + interface(113, 0, order, option(9, b"\x83", order)) + packets + enhanced(7, b"other", 1, order) + packets
        simple = block(3, (5).to_bytes(4, "little" if order == "<" else "big") + b"plain", order)
        old = block(2, bytes(12) + (4).to_bytes(4, "little" if order == "<" else "big") * 2 + b"old!", order)
        counts = block(5, bytes(12) + option(4, (9).to_bytes(8, "little" if order == "<" else "big"), order) + option(0, b"", order), order)
        names = block(4, option(1, bytes((10, 0, 0, 1)) + b"host\0", order) + option(0, b"", order), order)
        kind, log = 0x544C534B, b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n"
        secrets = block(10, b"".join(n.to_bytes(4, "little" if order == "<" else "big") for n in (kind, len(log))) + log, order)
        yield head + simple + old + counts + names + secrets + packets
        yield head + packets + section("<" if order == ">" else ">") + interface(1, 0, "<" if order == ">" else ">")
        yield head + block(9, b"journal", order) + block(0xBAD, b"custom!!", order) + packets
    head = section() + interface()
    good = enhanced(5, b"good packet")
    yield head + good + enhanced(5, b"bad", closing=999) + good
    yield head + good + enhanced(5, b"bad", opening=33) + good
    yield head + good + enhanced(5, b"bad", captured=5000) + good
    yield head + good + enhanced(5, b"bad", opening=0xFFFF_FFF0) + good * 3
    yield head + enhanced(5, b"who", 7) + good
    yield (head + good)[:-9]
    yield section(version=(2, 0)) + good
    yield section()[:12] + bytes(40)


def packed() -> Iterable[bytes]:
    """Compress small files in every way, whole, cut, damaged and in several members."""
    content = pcap(samples(20))
    zstd: Any = import_module("backports.zstd")
    ways: dict[str, Callable[[bytes], bytes]] = {
        "gzip": partial(gzip.compress, mtime=0),
        "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
        "lz4": partial(lz4.frame.compress, content_checksum=True, block_checksum=True),
    }
    for pack in ways.values():
        whole = bytes(pack(content))
        yield whole
        yield whole[: len(whole) // 2]
        yield bytes(pack(content[:300])) + bytes(pack(content[300:])) + b"rubbish"
        yield whole[:-3] + bytes(3)
        middle = len(whole) // 2
        yield whole[:middle] + b"\xff\xff" + whole[middle + 2 :]
        yield bytes(pack(bytes(70_000)))
    head, body = gzip.compress(content, mtime=0)[:10], gzip.compress(content, mtime=0)[10:]
    yield head[:3] + b"\x1e" + head[4:] + b"\x03\0abcname\0comment\0\0\0" + body
    yield gzip.compress(b"", mtime=0) * 3 + bytes(9)


def starting(*magics: bytes) -> Callable[[Source], Iterable[bytes]]:
    """Make a harvest of the files that begin so."""

    def harvest(source: Source) -> Iterable[bytes]:
        return (source.content,) if source.content.startswith(magics) else ()

    return harvest


CAPTURE = "analyzer.capture."
TARGETS = (
    Target(
        "pcap", partial(read, PcapReader), (f"{CAPTURE}pcap", f"{CAPTURE}_records", f"{CAPTURE}window", f"{CAPTURE}tally"), pcaps,
        (CaptureError,), starting(b"\xa1\xb2", b"\xd4\xc3", b"\x4d\x3c", b"\x34\xcd"),
    ),
    Target(
        "pcapng", partial(read, PcapngReader), (f"{CAPTURE}pcapng", f"{CAPTURE}sections", f"{CAPTURE}_records"), pcapngs, (CaptureError,),
        starting(b"\n\r\r\n"),
    ),
    Target("compression", decompress, (f"{CAPTURE}compression",), packed, (), starting(*MAGICS)),
)  # fmt: skip
