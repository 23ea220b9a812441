"""An annotated capture is the same capture: packets, times, numbers and blocks stay, and tshark shows what is said."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

import analyzer
from analyzer import UsageError
from analyzer.annotating import annotate, write_profile
from tests.capture.writer import SECOND, block, enhanced, interface, option, pcap, read, samples, save, section

COMMENT = 1


def fields(tshark: str, path: Path, *names: str, show: str = "frame", **changes: str) -> list[list[str]]:
    """Return the fields of a file's packets as tshark reads them."""
    command = [tshark, "-n", "-r", str(path), "-Y", show, "-T", "fields", *(part for name in names for part in ("-e", name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **changes})
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["cold-start", "imds-hop-limit-container", "throttling"])
def test_packets_and_times_are_those_of_the_original(bundled: Path, tmp_path: Path, name: str) -> None:
    source, target = bundled / f"{name}.pcap", tmp_path / "out.pcapng"
    analysis = analyzer.read(source)
    done = annotate(source, target, analysis)
    ours, theirs = read(target), read(source)
    assert [row._replace(interface=0) for row in ours.rows] == theirs.rows
    assert done.packets == len(theirs.rows) > done.commented > 0
    assert target.stat().st_mode & 0o077 == 0
    assert analyzer.read(target).calls.to_dicts() == analysis.calls.to_dicts()


def test_tshark_shows_the_comments(bundled: Path, tmp_path: Path, tshark: str) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    analysis = analyzer.read(source)
    done = annotate(source, target, analysis)
    said = {int(number): text for number, text in fields(tshark, target, "frame.number", "frame.comment", show="frame.comment")}
    assert len(said) == done.commented
    for call in analysis.calls:
        assert f"call {call.call_id} Query on Orders begins" in said[call.first_packet_id]
        assert f"call {call.call_id} Query ends after" in said[call.last_packet_id]
    for span in analysis.spans:
        if span.phase == "wait" and span.last_packet_id is not None:
            assert f"call {span.call_id} wait ends" in said[span.last_packet_id]
    for finding in analysis.findings:
        for packet in finding.packet_ids:
            assert f"finding {finding.code}" in said[packet]
    names = "frame.number", "frame.time_epoch", "frame.len", "tcp.stream", "http.time"
    assert fields(tshark, target, *names) == fields(tshark, source, *names)


def test_the_summary_is_the_comment_of_the_section(bundled: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.pcapng"
    annotate(bundled / "cold-start.pcap", target, analyzer.read(bundled / "cold-start.pcap"))
    head = target.read_bytes()
    size = struct.unpack_from("<I", head, 4)[0]
    code, length = struct.unpack_from("<HH", head, 24)
    text = head[28 : 28 + length].decode()
    assert code == COMMENT
    assert length < size
    assert "cold-start.pcap: 178 packets" in text
    assert str(bundled) not in text
    assert "All 20 Query calls are slow because the endpoint is 90.3 ms away" in text


@pytest.mark.parametrize("nano, resolution", [(False, 6), (True, 9)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcap_keeps_its_resolution(tmp_path: Path, tshark: str, nano: bool, resolution: int, order: str) -> None:
    packets = [
        (1_700_000_000 * SECOND + number * 1_001_001_001 // (1 if nano else 1000) * (1 if nano else 1000), b"x" * 60) for number in range(5)
    ]
    source = save(tmp_path, pcap(packets, nano=nano, order=order, snaplen=1234))
    target = tmp_path / "out.pcapng"
    annotate(source, target, analyzer.read(source))
    assert read(target).packets == packets
    assert read(target).capture.info.interfaces[0].snaplen == 1234
    assert bytes((9, 0, 1, 0, resolution)) in target.read_bytes()[:400]
    assert fields(tshark, target, "frame.time_epoch") == fields(tshark, source, "frame.time_epoch")


def everything(order: str) -> bytes:
    """Write a pcapng with every kind of block, two sections, and comments that are there already."""
    keys = b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n"
    blocks = [
        section(order),
        interface(options=option(2, b"eth7", order) + option(9, b"\x09", order), order=order),
        block(10, struct.pack(order + "II", 0x544C534B, len(keys)) + keys, order),
        block(4, struct.pack(order + "HH", 1, 11) + bytes((10, 0, 0, 1)) + b"machine" + b"\0" + bytes(4), order),
        enhanced(5, b"a" * 61, order=order, options=option(1, b"theirs", order) + option(0, b"", order)),
        block(0xBAD, struct.pack(order + "I", 32473) + b"unknown!", order),
        block(0x0000_0B17, b"nobody knows", order),
        enhanced(9, b"b" * 62, order=order),
        block(3, struct.pack(order + "I", 64) + b"c" * 64, order),
        block(5, struct.pack(order + "III", 0, 0, 99) + option(4, struct.pack(order + "Q", 3), order) + option(0, b"", order), order),
        section("<"),
        interface(),
        enhanced(1_700_000_000_000_000, b"d" * 70),
    ]
    return b"".join(blocks)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("with_secrets", [False, True])
def test_all_blocks_stay_but_secrets(tmp_path: Path, order: str, with_secrets: bool) -> None:
    source = save(tmp_path, everything(order), "x.pcapng")
    target = tmp_path / "out.pcapng"
    done = annotate(source, target, analyzer.read(source), with_secrets=with_secrets)
    ours, theirs = read(target), read(source)
    assert ours.rows == theirs.rows
    assert ours.notes == theirs.notes == []
    assert [one.received for one in ours.capture.info.interfaces] == [3, None]
    assert ours.capture.info.interfaces[0].name == "eth7"
    assert len(ours.capture.info.secrets) == (1 if with_secrets else 0)
    assert done.secrets == (0 if with_secrets else 1)
    written = target.read_bytes()
    for text in (b"machine", b"unknown!", b"nobody knows", b"theirs"):
        assert text in written
    assert (b"CLIENT_RANDOM" in written) is with_secrets


@pytest.mark.parametrize("order", ["<", ">"])
def test_keys_are_put_in_whatever_the_byte_order(tmp_path: Path, order: str) -> None:
    source, target, log = save(tmp_path, everything(order), "x.pcapng"), tmp_path / "out.pcapng", tmp_path / "keys.log"
    log.write_text(f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n")
    annotate(source, target, analyzer.read(source), with_secrets=True, keys=log)
    assert len(read(target).capture.info.secrets) == len(read(source).capture.info.secrets) + 1


def test_comments_join_those_that_are_there(tmp_path: Path, tshark: str, bundled: Path) -> None:
    source = bundled / "cold-start.pcap"
    once, twice = tmp_path / "once.pcapng", tmp_path / "twice.pcapng"
    annotate(source, once, analyzer.read(source))
    annotate(once, twice, analyzer.read(once))
    assert read(twice).packets == read(source).packets
    rows = fields(tshark, twice, "frame.comment", show="frame.number == 7")
    assert rows[0][0].count("call 0 Query on Orders begins") == 2


def test_only_a_part_is_written(tmp_path: Path, bundled: Path, tshark: str) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "part.pcapng"
    analysis = analyzer.read(source)
    annotate(source, target, analysis, calls=(1,), only=True)
    call = next(call for call in analysis.calls if call.call_id == 1)
    kept = read(target).packets
    original = read(source).rows
    within = [(row.time, row.data) for row in original if call.start_ns <= row.time <= call.end_ns]
    assert set(kept) <= set(within)
    assert 8 <= len(kept) < len(within)
    again = analyzer.read(target)
    assert [row.duration_ns for row in again.calls] == [call.duration_ns]
    first = fields(tshark, target, "frame.comment")[0][0]
    assert first.endswith(f"(packet {call.first_packet_id} of the whole capture)")


def test_only_a_finding_brings_its_proof(tmp_path: Path, bundled: Path) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "part.pcapng"
    analysis = analyzer.read(source)
    done = annotate(source, target, analysis, findings=("idle-connection-closed",), only=True)
    finding = next(row for row in analysis.findings if row.code == "idle-connection-closed")
    by_number = {row.packet_id: (row.time, row.data) for row in read(source).rows}
    assert {by_number[number] for number in finding.packet_ids} <= set(read(target).packets)
    assert done.packets < len(by_number) // 2


@pytest.mark.parametrize(
    "what, words",
    [({"calls": (999,)}, "no call 999"), ({"findings": ("zero-window",)}, "no finding zero-window"), ({"only": True}, "only what")],
)
def test_a_part_that_is_not_there(tmp_path: Path, bundled: Path, what: dict[str, object], words: str) -> None:
    source = bundled / "cold-start.pcap"
    with pytest.raises(UsageError, match=words):
        annotate(source, tmp_path / "out.pcapng", analyzer.read(source), **what)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_original_is_never_written_over(tmp_path: Path) -> None:
    source = save(tmp_path, pcap(samples()))
    before = source.read_bytes()
    with pytest.raises(UsageError, match="is the capture itself"):
        annotate(source, source, analyzer.read(source))
    assert source.read_bytes() == before


def test_a_cut_capture_is_annotated_as_far_as_it_goes(tmp_path: Path, bundled: Path) -> None:
    source = save(tmp_path, (bundled / "cold-start.pcap").read_bytes()[:-10])
    target = tmp_path / "out.pcapng"
    annotate(source, target, analyzer.read(source))
    assert read(target).packets == read(source).packets
    assert read(target).notes == []


def test_wireshark_takes_the_profile(tmp_path: Path, bundled: Path, tshark: str) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    analysis = analyzer.read(source)
    annotate(source, target, analysis)
    written = write_profile(tmp_path / "config" / "profiles" / "calls", analysis)
    assert [path.name for path in written] == ["preferences", "colorfilters", "dfilter_buttons"]
    command = [tshark, "-n", "-C", "calls", "-r", str(target), "-Y", "frame.number == 7"]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(tmp_path / "config"), "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "call 0 Query on Orders begins" in done.stdout
    told = [line for line in done.stderr.splitlines() if "root" not in line]
    assert told == []
    filters = [line.split("@")[2] for line in written[1].read_text().splitlines()]
    buttons = [next(part for part in [line.split('","')[2]]) for line in written[2].read_text().splitlines()]
    assert len(buttons) == 2 + len({finding.code for finding in analysis.findings if finding.display_filter})
    texts = (*filters, *(button.replace("\\x22", '"').replace("\\x5c", "\\") for button in buttons))
    done = subprocess.run(
        [tshark, "-r", str(target), "-Y", " || ".join(f"({text})" for text in texts)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
