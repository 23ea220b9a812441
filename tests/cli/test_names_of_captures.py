"""A capture that is written is pcapng: a name that says something else is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.cli.options import told_as_pcapng
from tests.cli.program import inside as run

BLOCK = bytes.fromhex("0a0d0d0a")
"""What a pcapng file begins with (draft-ietf-opsawg-pcapng section 4.1)."""


@pytest.mark.parametrize("verb", ["annotate", "redact"])
def test_the_file_is_written_and_the_name_is_told(bundled: Path, tmp_path: Path, verb: str) -> None:
    target = tmp_path / "shared.pcap"
    done = run(verb, bundled / "cold-start.pcap", target)
    assert done.returncode == 0
    told = [line for line in done.stderr.splitlines() if "warning" in line]
    assert told == [f"analyzer: warning: {target} is written as uncompressed pcapng whatever its name says: shared.pcapng would say so"]
    assert target.read_bytes()[:4] == BLOCK
    assert "warning" not in run(verb, bundled / "cold-start.pcap", tmp_path / "shared.pcapng").stderr


@pytest.mark.parametrize(
    "name, better",
    [
        ("a.pcap", "a.pcapng"), ("a.CAP", "a.pcapng"), ("a.pcap.gz", "a.pcapng"), ("a.pcapng.gz", "a.pcapng"), ("a.zst", "a.pcapng"),
        ("a.b.dmp", "a.b.pcapng"),
    ],
)  # fmt: skip
def test_a_better_name_is_given(name: str, better: str, capsys: pytest.CaptureFixture[str]) -> None:
    told_as_pcapng(f"folder.pcap/{name}")
    assert capsys.readouterr().err.endswith(f": {better} would say so\n")


@pytest.mark.parametrize("name", ["a.pcapng", "a.PCAPNG", "a", "a.out", "pcap", "a.pcap.pcapng"])
def test_other_names_are_nobodys_business(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told_as_pcapng(f"folder.pcap/{name}")
    assert capsys.readouterr().err == ""
