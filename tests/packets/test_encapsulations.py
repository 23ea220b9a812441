"""Whatever a segment is wrapped in, the decoder finds the same one; so does tshark."""

from __future__ import annotations

import subprocess
from pathlib import Path
from struct import pack

import pytest

from analyzer.model.seams import Segment
from tests.packets.frames import KEY4, KEY6, PAYLOAD, TO_KEY4, TO_KEY6, decode

CASES = {name: (case, KEY4) for name, case in TO_KEY4.items()} | {name: (case, KEY6) for name, case in TO_KEY6.items()}
UNLIKE_WIRESHARK = {
    "nflog-big",  # Wireshark takes the byte order of NFLOG attributes from the file's header
    "mpls-ambiguous",
    "mpls-plain-pseudowire",
    "mpls-pseudowire",  # Wireshark asks its list of vendors whether a control word may be part of an address
}


@pytest.mark.parametrize("name", CASES)
def test_every_encapsulation_leads_to_the_segment(name: str) -> None:
    (link_type, frame), key = CASES[name]
    found = decode(frame, link_type)
    assert isinstance(found, Segment)
    assert found.key == key
    assert (found.seq, found.ack, found.flags, found.window) == (0x01020304, 0x05060708, 0x18, 501)
    assert (found.size, found.captured, found.options) == (5, 5, b"")
    assert found.data[found.start : found.start + 5] == PAYLOAD
    assert found.ttl == 64


@pytest.mark.parametrize("name", CASES)
def test_no_cut_of_it_raises_or_invents_bytes(name: str) -> None:
    (link_type, frame), key = CASES[name]
    for length in range(len(frame)):
        found = decode(frame[:length], link_type, wire=len(frame))
        if isinstance(found, Segment):
            assert found.key == key
            assert found.size == 5
            assert found.captured <= 5
            assert PAYLOAD.startswith(found.data[found.start : found.start + found.captured])


@pytest.mark.parametrize("link_type", sorted({link_type for (link_type, _), _ in CASES.values()}))
def test_tshark_finds_the_same_segment(link_type: int, tshark: str, tmp_path: Path) -> None:
    names = [name for name, ((link, _), _) in CASES.items() if link == link_type and name not in UNLIKE_WIRESHARK]
    path = tmp_path / "frames.pcap"
    with path.open("wb") as file:
        file.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type))
        for second, name in enumerate(names):
            frame = CASES[name][0][1]
            file.write(pack("<IIII", second, 0, len(frame), len(frame)) + frame)
    fields = ("tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value", "tcp.len", "tcp.srcport")
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l", *(part for field in fields for part in ("-e", field))]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    want = "\t".join(("16909060", "84281096", "0x0018", "501", "5", "40001"))
    assert dict(zip(names, lines, strict=True)) == dict.fromkeys(names, want)
