"""Every parser bears every input of its corpus, what real captures yield, and mutations of these: the short run of the fuzz targets.

The long one, guided by coverage: `python -m tests.fuzz --runs N`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import AnalyzerError
from tests.fuzz import corpus
from tests.fuzz.mutating import mutate
from tests.fuzz.registry import NAMES, targets
from tests.fuzz.running import harvest
from tests.fuzz.source import Source

EXAMPLES = {"rare": 20, "whole": 20, "segments": 40, "layouts": 40}
"""Mutations of targets of which one takes milliseconds."""
MOST_HARVESTED = 60
BARREN = {"compression", "keylog", "fragments", "segments", "dns-tcp", "exchange", "rare", "agents", "json"}
"""Targets for which few captures, or none, have anything."""
each_target = pytest.mark.parametrize("name", NAMES)


def pool(name: str) -> list[bytes]:
    """Return the inputs that are known for a target."""
    return [*targets()[name].seeds(), *corpus.stored(name)]


@each_target
def test_the_corpus_is_borne(name: str) -> None:
    target = targets()[name]
    inputs = pool(name)
    assert inputs
    for data in inputs:
        target(data)


@each_target
def test_so_are_mutations_of_it(name: str) -> None:
    target, inputs = targets()[name], pool(name)

    @settings(max_examples=EXAMPLES.get(name, 80))
    @given(st.integers(0, 2**32 - 1))
    def bears(seed: int) -> None:
        random = Random(seed)
        target(mutate(random.choice(inputs), random, inputs, target.longest))

    bears()


@each_target
def test_and_any_bytes(name: str) -> None:
    target = targets()[name]

    @settings(max_examples=EXAMPLES.get(name, 40) // 2)
    @given(st.binary(max_size=200))
    def bears(data: bytes) -> None:
        target(data)

    bears()


def test_real_captures_are_borne(bundled: Path) -> None:
    """What the bundled captures yield; each yields something for some target."""
    for name, target in targets().items():
        if name == "whole":
            continue
        found = list(harvest(name, bundled))[:MOST_HARVESTED]
        for data in found:
            target(data)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("whole", "options")])
def test_public_captures_are_borne(shared: Path, name: str) -> None:
    """What public captures yield, of which many were made to crash some other tool."""
    target = targets()[name]
    random = Random(name)
    paths = sorted(path for path in (shared / "public").iterdir() if path.suffix not in (".json", ".md") and path.is_file())
    seen = 0
    for path in random.sample(paths, 40):
        if path.stat().st_size > 20_000:
            continue
        try:
            inputs = list(target.harvest(Source(path)))
        except AnalyzerError:
            continue
        for data in inputs[:10]:
            target(data[: target.longest])
            seen += 1
    assert seen or name in BARREN
