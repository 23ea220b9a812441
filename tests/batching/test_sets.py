"""Which files are one capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.batching.inputs import Source, at_hand, expand
from analyzer.batching.sets import rotation, sets
from analyzer.errors import CaptureError, MissingTool, UsageError


def made(*names: str) -> list[tuple[str, str, list[str]]]:
    found = sets([Source(name, 1, "") for name in names])
    return [(one.name, one.host, [source.address for source in one.sources]) for one in found]


@pytest.mark.parametrize(
    "names",
    [
        ["/c/web1_00001_20261122101500.pcapng", "/c/web1_00002_20261122101600.pcapng"],
        ["/c/web1_20261122101500_00001.pcapng", "/c/web1_20261122101600_00002.pcapng"],
        ["/c/web1-2026-11-22-10:15:00.pcap", "/c/web1-2026-11-22-10:16:00.pcap"],
        ["/c/web1-20261122T101500Z.pcap.gz", "/c/web1-20261122T101600Z.pcap.gz"],
        ["/c/web1.1795289066.pcap", "/c/web1.1795289126.pcap"],
        ["/c/web1.pcap1", "/c/web1.pcap2", "/c/web1.pcap10"],
        ["/c/web1_00001_20261122101500.pcapng.zst", "/c/web1_00002_20261122101600.pcapng"],
    ],
)
def test_a_rotated_capture_is_one_set_in_order(names: list[str]) -> None:
    found = made(*reversed(names))
    assert len(found) == 1
    assert found[0][1] == "web1"
    assert found[0][2] == names


def test_the_first_file_of_tcpdump_has_no_number() -> None:
    assert [one[2] for one in made("/c/a.pcap1", "/c/a.pcap", "/c/a.pcap2")] == [["/c/a.pcap", "/c/a.pcap1", "/c/a.pcap2"]]


def test_hosts_and_interfaces_are_kept_apart() -> None:
    names = [
        f"/c/web{host}-{interface}_0000{part}_2026112210150{part}.pcap"
        for host in (1, 2)
        for interface in ("eth0", "eth1")
        for part in (1, 2)
    ]
    found = made(*names)
    assert [(name, host, len(files)) for name, host, files in found] == [
        ("web1-eth0.pcap", "web1", 2), ("web1-eth1.pcap", "web1", 2), ("web2-eth0.pcap", "web2", 2), ("web2-eth1.pcap", "web2", 2),
    ]  # fmt: skip


def test_folders_name_hosts() -> None:
    found = made("/c/web1/eth0_00001_20261122101500.pcap", "/c/web2/eth0_00001_20261122101500.pcap", "/c/web2/deep/x.pcap")
    assert [(name, host) for name, host, _ in found] == [
        ("web1/eth0.pcap", "web1"),
        ("web2/eth0.pcap", "web2"),
        ("web2/deep/x.pcap", "web2"),
    ]


@pytest.mark.parametrize("name", ["web1.pcap", "run-2.pcap", "release-1.2.3.pcapng", "a_1_2.pcap", "port-8000.pcap"])
def test_other_numbers_tell_of_no_rotation(name: str) -> None:
    assert rotation(name) is None


def test_inputs_are_paths_folders_and_globs_each_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/1.pcap", "a/2.pcapng.gz", "a/notes.txt", "3.cap"):
        (tmp_path / name).write_bytes(b"x")
    names = [source.address.removeprefix(f"{tmp_path}/") for source in expand([tmp_path, f"{tmp_path}/a/*.pcap", tmp_path / "3.cap"])]
    assert names == ["3.cap", "a/1.pcap", "a/2.pcapng.gz"]
    with pytest.raises(CaptureError, match="names no capture"):
        expand([f"{tmp_path}/*.none"])
    with pytest.raises(CaptureError, match="cannot be read"):
        expand([tmp_path / "gone.pcap"])
    with pytest.raises(UsageError):
        expand([])


def test_inputs_are_addresses_too(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/captures/one.pcap", b"content")
    memory.pipe("/captures/two.txt", b"other")
    found = expand(["memory://captures"])
    assert [(source.address, source.size) for source in found] == [("memory:///captures/one.pcap", 7)]
    assert expand(["memory://captures/*.pcap"]) == found
    with at_hand(found) as paths:
        assert Path(paths[0]).read_bytes() == b"content"
    assert not Path(paths[0]).exists()
    with pytest.raises(MissingTool, match="nosuchthing"):
        expand(["nosuchthing://x/y.pcap"])
