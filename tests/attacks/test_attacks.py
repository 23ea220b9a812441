"""Hostile captures cost no more than their size: three times the attack is at most about three times the work, counted in lines that run.

What no answer needs is not kept: the memory of most attacks does not grow at all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.attacks import ATTACKS
from tests.attacks.counting import work

TIMES = 3
SLACK = 1.15
"""Work beside the attack itself may grow a little more than it: what sorts does."""
ROWS = frozenset(
    {"syns", "refused", "reuse", "pipelined", "unasked", "lookups", "same-name", "failing", "credentials", "pages", "icmp", "interfaces"}
)
"""Attacks that make rows, which an answer holds: connections, exchanges, lookups, calls, and the packets that prove them."""
ROOM = 3_000_000
"""Bytes that may come and go with the chunks that a file is read by."""


@pytest.mark.parametrize("name", list(ATTACKS))
def test_work_grows_with_the_attack_and_no_faster(tmp_path: Path, name: str) -> None:
    attack = ATTACKS[name]
    path = tmp_path / "attack.pcap"
    found = []
    for size in (attack.small, TIMES * attack.small):
        with path.open("wb") as file:
            file.writelines(attack.write(size))
        found.append(work(path))
    one, three = found
    assert one.answered
    assert three.answered
    assert three.lines <= TIMES * SLACK * one.lines
    if name in ROWS:
        assert three.held <= TIMES * SLACK * one.held + ROOM
    else:
        assert three.held <= one.held + ROOM
