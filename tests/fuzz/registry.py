"""All targets by name. Whoever fuzzes, replays the corpus or measures takes them from here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from tests.fuzz.target import Target

FOLDER = Path(__file__).parent / "targets"
NAMES = (
    "pcap", "pcapng", "compression", "packets", "rare", "layouts", "fragments", "options", "segments", "dns", "lookups", "dns-tcp",
    "tls-hello", "tls", "keylog", "http", "heads", "json", "agents", "exchange", "whole",
)  # fmt: skip
"""In the order in which bytes pass through the tool. A target is found by being in the folder, and must be named here."""


@cache
def targets() -> dict[str, Target]:
    """Return all targets by name."""
    found: dict[str, Target] = {}
    for path in sorted(FOLDER.glob("*.py")):
        for target in import_module(f"tests.fuzz.targets.{path.stem}").TARGETS:
            assert target.name not in found, f"two targets are called {target.name}"
            found[target.name] = target
    assert set(found) == set(NAMES)
    return {name: found[name] for name in NAMES}
