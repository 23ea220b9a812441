"""Damaged captures through the whole tool: exit status 0 or 2, whatever is broken, and work and memory in proportion to the file.

Each bundled capture is cut to a run of its packets, of which some are mutated, or is mutated as a file. A mistake of the tool's own would
be an exception here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pytest

from analyzer.cli import main
from tests.attacks.counting import work
from tests.capture.writer import pcap, read
from tests.conftest import ROOT
from tests.fuzz.mutating import mutate

CAPTURES = sorted(path.name for path in (ROOT / "captures").glob("*.pcap"))
VERBS = (
    (), ("report", "--format", "json"), ("report", "--format", "html"), ("calls", "--format", "csv"), ("exchanges", "--format", "jsonl"),
    ("connections",), ("lookups",), ("handshakes",), ("findings",), ("anomalies",), ("pool",), ("explain", "0"), ("whatif",), ("-v",),
    ("export", "--to", "har"),
)  # fmt: skip
MUTATIONS = 5
"""Of each capture and kind of damage; each takes another verb."""
PACKETS = 60
LINES_A_BYTE, LINES = 40, 300_000
BYTES_A_BYTE, BYTES = 80, 25_000_000
"""What a file may cost: lines that run and bytes held, for each of its bytes and beside them."""


@cache
def packets(name: str) -> tuple[int, list[tuple[int, bytes]]]:
    """Return the link type of a bundled capture, and its packets with their times."""
    rows = read(ROOT / "captures" / name).rows
    return rows[0].link_type, [(row.time, row.data) for row in rows]


def damaged(name: str, random: Random) -> bytes:
    """Write a run of packets of a capture; some are mutated, lost, repeated or swapped."""
    link_type, rows = packets(name)
    start = random.choice((0, random.randrange(len(rows))))
    run = list(rows[start : start + PACKETS])
    for _ in range(random.choice((1, 4, 20))):
        at = random.randrange(len(run))
        time, data = run[at]
        kind = random.randrange(6)
        if kind == 0:
            run.insert(at, (time, data))
        elif kind == 1 and len(run) > 2:
            del run[at]
        elif kind == 2:
            run[at] = (max(0, time + random.choice((-1, 1)) * random.choice((10**6, 10**9, 4 * 10**10))), data)
        else:
            run[at] = (time, mutate(data, random))
    return pcap([(time % (2**32 * 10**9), data) for time, data in run], network=link_type)


@pytest.mark.parametrize("name", CAPTURES)
def test_damaged_packets_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / "x.pcap"
    for seed in range(MUTATIONS):
        random = Random(f"{name} {seed}")
        path.write_bytes(damaged(name, random))
        verb = VERBS[(seed + CAPTURES.index(name) * MUTATIONS) % len(VERBS)]
        assert check(path, verb, capsys, tmp_path) < 2, "the file itself can be read"


@pytest.mark.parametrize("name", CAPTURES)
def test_damaged_files_are_answered_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / "x.pcap"
    link_type, rows = packets(name)
    whole = pcap(rows[:PACKETS], network=link_type)
    for seed in range(MUTATIONS):
        random = Random(f"{name} file {seed}")
        path.write_bytes(mutate(whole, random, [whole[24:500]]))
        verb = VERBS[(seed + CAPTURES.index(name) * MUTATIONS) % len(VERBS)]
        check(path, verb, capsys, tmp_path)


def check(path: Path, verb: tuple[str, ...], capsys: pytest.CaptureFixture[str], folder: Path) -> int:
    """Run a verb on a file; return its exit status."""
    more = ("-o", str(folder / "out.har")) if verb[:1] == ("export",) else ()
    status = main([*verb[:1], *verb[1:2], str(path), *verb[2:], *more] if verb[:1] == ("explain",) else [*verb, str(path), *more])
    told = capsys.readouterr()
    assert status in ((0, 1, 2) if verb[:1] == ("explain",) else (0, 2)), told.err  # there may be no call 0 to explain
    assert "Traceback" not in told.err
    assert "internal error" not in told.err
    assert status == 0 or told.err
    return status


@pytest.mark.parametrize("name", CAPTURES[::3])
def test_damage_costs_no_more_than_its_size(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(damaged(name, Random(f"{name} cost")))
    size = path.stat().st_size
    cost = work(path)
    assert cost.answered
    assert cost.lines <= LINES_A_BYTE * size + LINES
    assert cost.held <= BYTES_A_BYTE * size + BYTES
