"""Agreement with tshark 4.0.17 on public captures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.errors import UnknownFormat
from tests.capture.writer import Row, read

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures" / "public"
NAMES = [each["file"] for each in json.loads((FOLDER / "manifest.json").read_text())["captures"]] if FOLDER.is_dir() else []

REFUSED = {"libpcap__pcapng-invalid-vers-2.pcapng"}
"""Of a version that does not exist; tshark refuses it too."""
UNKNOWN_TO_TSHARK = {"tcpdump__dsa.pcap"}
"""A link type that tshark does not know: it reads no packet, we read all eight."""
CUSTOM_BLOCKS = {"pcapng-gen__be__test202.pcapng", "pcapng-gen__le__test102.pcapng"}
"""tshark lists their custom blocks as packets at time 0; we only keep their numbers free."""
OVERFLOWING = {"ndpi__fuzz-2021-06-07-c6c72a0a56.pcap"}
"""A fraction of 71 minutes and an original length above 2^31, which tshark prints garbled and capped."""


@pytest.fixture(params=NAMES or ["none"])
def case(request: pytest.FixtureRequest, shared: Path) -> tuple[Path, dict[str, Any]]:
    if request.param == "none":
        pytest.skip("the public captures are missing")
    path = shared / "public" / request.param
    return path, json.loads(path.with_name(path.name + ".oracle.json").read_text())


def digest(found: list[Row]) -> str:
    return hashlib.sha256(b"".join(b"%d %d %d\n" % (row.time, len(row.data), row.wire) for row in found)).hexdigest()


def test_reads_what_tshark_reads(case: tuple[Path, dict[str, Any]]) -> None:
    path, oracle = case
    want = oracle["packets"]
    if path.name in REFUSED:
        with pytest.raises(UnknownFormat):
            read(path)
        return
    got = read(path, chunk=10_000)
    info = got.capture.info
    assert info.complete is (oracle["tshark"]["verdict"] in ("ok", "unsupported"))
    assert bool(info.notes) is not info.complete
    if path.name in UNKNOWN_TO_TSHARK:
        assert info.packets == 8
        return
    assert info.packets == want["count"]
    if path.name in CUSTOM_BLOCKS | OVERFLOWING:
        return
    assert digest(got.rows) == want["times_lengths_sha256"]
    if want["count"]:
        assert (info.first_ns, info.last_ns) == (want["min_time"], want["max_time"])
        assert (info.bytes, info.cut_packets, info.backwards) == (want["captured_bytes"], want["truncated"], want["time_goes_back"])
    assert [row.packet_id for row in got.rows] == list(range(1, want["count"] + 1))


@pytest.mark.parametrize("name", sorted(CUSTOM_BLOCKS))
def test_custom_blocks_keep_their_numbers(shared: Path, name: str) -> None:
    path = shared / "public" / name
    want = json.loads(path.with_name(name + ".oracle.json").read_text())["packets"]
    found = {row.packet_id: row for row in read(path).rows}
    missing = [number for number in range(1, want["count"] + 1) if number not in found]
    assert len(missing) == 3
    # With the missing ones put back as tshark lists them, at time 0 and of lengths that add up, all lines agree.
    rest = want["captured_bytes"] - sum(len(row.data) for row in found.values()) - want["first"][1]

    def listing(second: int) -> list[Row]:
        sizes = dict(zip(missing, (want["first"][1], second, rest - second), strict=True))
        custom = {number: Row(0, bytes(size), size, 0, 0, number, 0, number) for number, size in sizes.items()}
        return [row for _, row in sorted((found | custom).items())]

    assert want["times_lengths_sha256"] in {digest(listing(second)) for second in range(rest + 1)}


def test_container_facts(case: tuple[Path, dict[str, Any]]) -> None:
    path, oracle = case
    facts = oracle["container"]
    if path.name in REFUSED or "format" not in facts:
        return
    info = read(path).capture.info
    form = facts["format"].removesuffix("-modified") + (f"+{facts['compression']}" if facts["compression"] else "")
    assert info.files[0].format == form
    described = facts.get("interfaces") or [facts]
    assert [(each.link_type, each.snaplen) for each in info.interfaces] == [(each["linktype"], each["snaplen"]) for each in described]
    assert len(info.secrets) == facts.get("blocks", {}).get("0x0000000a", 0)
