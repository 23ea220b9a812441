"""`analyzer annotate` and `analyzer redact`: what they write, say and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.writer import read
from tests.cli.program import run


def test_annotate(bundled: Path, tmp_path: Path) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    done = run("annotate", source, target, "--profile", tmp_path / "profile")
    assert (done.returncode, done.stdout) == (0, "")
    assert "178 packets, 96 with a comment" in done.stderr
    assert read(target).packets == read(source).packets
    assert (tmp_path / "profile" / "dfilter_buttons").exists()


def test_annotate_a_part(bundled: Path, tmp_path: Path) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    assert run("annotate", source, target, "--calls", "1,3-4", "--only").returncode == 0
    assert 10 < len(read(target).rows) < 100
    for words in (("--calls", "x"), ("--calls", "999"), ("--calls", "5-3"), ("--only",), ("--finding", "nothing")):
        assert run("annotate", source, tmp_path / "no.pcapng", *words).returncode == 1
    assert not (tmp_path / "no.pcapng").exists()


def test_redact(bundled: Path, tmp_path: Path) -> None:
    source, target = bundled / "filter-scan.pcap", tmp_path / "out.pcapng"
    done = run("redact", source, target, "--seed", "one")
    assert (done.returncode, done.stdout) == (0, "")
    assert "the same calls, ledger and findings" in done.stderr
    first = target.read_bytes()
    assert run("redact", source, target, "--seed", "one").returncode == 0
    assert target.read_bytes() == first
    assert b"Orders" not in first


@pytest.mark.parametrize("verb", ["annotate", "redact"])
def test_what_cannot_be_is_said_first(verb: str, bundled: Path, tmp_path: Path) -> None:
    source = bundled / "cold-start.pcap"
    for words, status in (
        ((source, source), 1),
        (("-", tmp_path / "x"), 1),
        ((source, tmp_path / "no" / "x"), 1),
        ((tmp_path / "gone", tmp_path / "x"), 2),
    ):
        done = run(verb, *words)
        assert done.returncode == status
        assert done.stderr
