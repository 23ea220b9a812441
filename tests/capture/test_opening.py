from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import analyzer.capture
from analyzer.capture import open_captures
from analyzer.errors import CaptureError, UnknownFormat, UsageError
from tests.capture.writer import enhanced, interface, pcap, rows, samples, save, section


def test_exports_exactly_these() -> None:
    assert analyzer.capture.__all__ == ["Capture", "open_captures"]


@pytest.mark.parametrize(
    "content, words, hint",
    [
        (b"", "is empty", "tcpdump -U"),
        (b"\x0a", "is not a pcap", "editcap"),
        (b"snoop\0\0\0....", "snoop capture", "editcap"),
        (b"PK\x03\x04....", "zip archive", "unpack"),
        (b"BZh91AY", "bzip2", "unpack"),
        (b'{"packets": []}', "JSON", "capture"),
        (b"CLIENT_RANDOM 00 11\n", "TLS key log", "--keys"),
        (bytes(500), "is not a pcap", "editcap"),
    ],
)
def test_what_is_no_capture_is_refused_at_once_with_a_hint(tmp_path: Path, content: bytes, words: str, hint: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        open_captures([save(tmp_path, content)])
    assert hint in str(caught.value.hint)
    assert isinstance(caught.value, UnknownFormat) == bool(content)
    assert "CLIENT_RANDOM" not in str(caught.value)


def test_what_cannot_be_opened_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = save(tmp_path, pcap(samples()))
    with pytest.raises(CaptureError, match="does not exist"):
        open_captures([good, tmp_path / "missing.pcap"])
    with pytest.raises(CaptureError, match="is a directory"):
        open_captures([tmp_path])
    with pytest.raises(CaptureError, match="cannot be read"):
        open_captures(["a\0b"])
    with pytest.raises(UsageError):
        open_captures([])

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CaptureError, match="Permission denied") as caught:
        open_captures([good])
    assert "chown" in str(caught.value.hint)


def test_one_unreadable_file_of_several_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"b\.pcap"):
        open_captures([save(tmp_path, pcap(samples()), "a.pcap"), save(tmp_path, b"nothing", "b.pcap")])


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(pcap(samples())))))
    capture = open_captures(["-"])
    assert capture.size is None
    assert [(row.time, row.data) for row in rows(capture)] == samples()
    assert capture.info.files[0].name == "-"
    assert capture.position() == len(pcap(samples()))


def test_an_unreadable_standard_input_is_told_at_the_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    for content, words in ((b"", "standard input is empty"), (b"GET / HTTP/1.1", "standard input is not a pcap")):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        capture = open_captures(["-"])
        with pytest.raises(CaptureError, match=words):
            next(capture.blocks())
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CaptureError, match="no standard input"):
        next(open_captures(["-"]).blocks())


def test_packets_of_a_pipe_come_as_soon_as_they_are_written() -> None:
    reading, writing = os.pipe()
    content = pcap(samples(2))
    first = len(pcap(samples(1)))
    capture = open_captures([f"/dev/fd/{reading}"])
    try:
        os.write(writing, content[: first + 5])
        blocks = capture.blocks()
        assert next(blocks).times == [samples()[0][0]]  # would wait for ever if a whole chunk were wanted
        os.write(writing, content[first + 5 :])
        assert next(blocks).times == [samples()[1][0]]
        os.close(writing)
        writing = -1
        assert list(blocks) == []
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def test_named_pipes_are_opened_once_and_merged(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    packets = samples()
    file = save(tmp_path, pcap(packets[1::2]))
    writer = threading.Thread(target=fifo.write_bytes, args=(pcap(packets[::2]),))
    writer.start()
    capture = open_captures([fifo, file])
    got = rows(capture)
    writer.join()
    assert [(row.time, row.data) for row in got] == packets
    assert capture.size is None


def test_position_moves_to_the_size(tmp_path: Path) -> None:
    paths = [save(tmp_path, pcap(samples()), "a.pcap"), save(tmp_path, section() + interface() + enhanced(1, b"x"), "b.pcapng")]
    capture = open_captures(paths, chunk=128)
    assert capture.position() == 0
    seen = [capture.position() for _ in capture.blocks()]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]
    assert capture.position() == capture.size == sum(path.stat().st_size for path in paths)


def test_a_capture_is_read_once(tmp_path: Path) -> None:
    capture = open_captures([save(tmp_path, pcap(samples()))])
    assert len(rows(capture)) == 20
    with pytest.raises(UsageError):
        next(capture.blocks())
    assert capture.info.packets == 20


def test_a_read_error_ends_the_input_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 500:
                raise OSError(5, "Input/output error")
            return super().read1(100)

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=Failing(pcap(samples()))))
    capture = open_captures(["-"])
    got = rows(capture)
    assert 0 < len(got) < 20
    assert [(row.time, row.data) for row in got] == samples()[: len(got)]
    assert any("could not be read to its end (Input/output error)" in note for note in capture.info.notes)
    assert not capture.info.complete


def test_files_are_closed_when_the_reader_stops_early(tmp_path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no list of open files on this system")
    path = save(tmp_path, pcap(samples()))

    def open_now() -> int:
        return sum(1 for link in folder.iterdir() if link.is_symlink() and link.readlink() == path)

    blocks = open_captures([path], chunk=64).blocks()
    next(blocks)
    assert open_now() == 1
    blocks.close()  # type: ignore[attr-defined]
    assert open_now() == 0
