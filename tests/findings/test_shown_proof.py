"""Each finding's display filter shows the packets that prove it, and nothing is charged twice: on every capture that can be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from analyzer.pipeline import read
from tests.findings.charging import assert_charged_once

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"
CASES = sorted(path.name for path in FOLDER.iterdir() if (path / "truth.json").exists()) if FOLDER.is_dir() else ["imds-hoplimit1-js2"]


def unseen(tshark: str, path: Path) -> str:
    """Return the findings of a capture, with packets that prove them and that their own filter hides."""
    about = read(path)
    assert_charged_once(about)  # here, where it has been read
    rows = [row for row in about.findings if row.packet_ids]
    assert all(row.display_filter for row in rows)
    hidden = [f"(frame.number in {{{', '.join(map(str, row.packet_ids))}}} && !({row.display_filter}))" for row in rows]
    if not hidden:
        return ""
    # One run for all findings: dissecting costs more than filtering.
    command = [tshark, "-n", "-r", str(path), "-Y", " || ".join(hidden), "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    frames = {int(line) for line in done.stdout.split()}
    found = [(row.code, sorted(frames & {*row.packet_ids}), row.display_filter) for row in rows if frames & {*row.packet_ids}]
    return "\n".join(map(str, found))


@pytest.mark.parametrize("name", CASES)
def test_filters_show_the_proof(shared: Path, tshark: str, name: str) -> None:
    for path in sorted(path for path in (shared / name).iterdir() if path.suffix in (".pcap", ".pcapng")):
        assert unseen(tshark, path) == "", path.name


def test_filters_show_the_proof_of_the_bundled_captures(bundled: Path, tshark: str) -> None:
    for path in sorted(path for path in bundled.iterdir() if path.suffix in (".pcap", ".pcapng")):
        assert unseen(tshark, path) == "", path.name
