"""No nanosecond is charged by two findings, whatever the capture: made-up programs, whole and damaged (real ones: test_shown_proof)."""

from __future__ import annotations

from pathlib import Path
from random import Random
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.pipeline import read
from tests.findings.charging import assert_charged_once
from tests.findings.test_shown_proof import unseen
from tests.pipeline.traffic import Frame, Net, damaged
from tests.pipeline.traffic import answer as tables


def written(frames: list[Frame], path: Path) -> Path:
    """Write frames as a pcap with nanoseconds."""
    records = [pack("<IIII", *divmod(max(0, frame.time), 10**9), len(frame.data), len(frame.data)) + frame.data for frame in frames]
    path.write_bytes(pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1) + b"".join(records))
    return path


def program(seed: int, folder: Path, *, harmed: bool) -> Path:
    frames = Net(seed, calls=12).frames
    return written(damaged(frames, Random(seed)) if harmed else frames, folder / f"{seed}.pcap")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_no_time_is_charged_twice(tmp_path_factory: pytest.TempPathFactory, seed: int, harmed: bool) -> None:
    assert_charged_once(read(program(seed, tmp_path_factory.getbasetemp(), harmed=harmed)))


@pytest.mark.parametrize("seed", range(10))
def test_filters_show_the_proof_of_made_up_captures(tmp_path: Path, tshark: str, seed: int) -> None:
    assert unseen(tshark, program(seed, tmp_path, harmed=seed % 2 == 1)) == ""


def test_the_made_up_programs_give_the_rules_something_to_charge(tmp_path: Path) -> None:
    codes: set[str] = set()
    for seed in range(12):
        codes.update(row.code for row in assert_charged_once(read(program(seed, tmp_path, harmed=False))) if row.cost_ns)
    assert len(codes) >= 6, codes


def test_a_file_and_its_packets_give_the_same_answer(tmp_path: Path) -> None:
    assert list(read(program(3, tmp_path, harmed=False)).calls) == tables(Net(3, calls=12).frames)["calls"]
