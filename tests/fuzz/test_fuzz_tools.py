"""The tools of the fuzzers: inputs that are stored come back, mutations are the same for a seed, and a bug is found where there is one."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.conftest import ROOT
from tests.fuzz import corpus, running
from tests.fuzz.mutating import mutate
from tests.fuzz.registry import NAMES, targets
from tests.fuzz.target import Cursor, Target, pieces, said

LARGEST_CORPUS = 1 << 20


def test_the_corpus_comes_back(tmp_path: Path) -> None:
    inputs = [b"", b"b", b"\0\n\r", b"a" * 100, b"long" * 2000]
    assert corpus.store("x", inputs, tmp_path) == 3, "neither the empty one, which every parser sees anyway, nor one that is too long"
    assert corpus.stored("x", tmp_path) == [b"b", b"\0\n\r", b"a" * 100]
    assert corpus.stored("y", tmp_path) == []
    assert sorted(corpus.gather(corpus.spread(inputs, tmp_path / "files"))) == sorted(inputs)


def test_the_stored_corpus_is_small_and_of_known_targets() -> None:
    files = sorted(corpus.FOLDER.glob("*"))
    assert {path.stem for path in files} <= set(NAMES)
    assert sum(path.stat().st_size for path in files) < LARGEST_CORPUS


def test_targets_name_modules_that_are_there() -> None:
    assert list(targets()) == list(NAMES)
    for target in targets().values():
        for module in target.modules:
            path = ROOT / module.replace(".", "/")
            assert path.is_dir() if module.endswith(".") else path.with_suffix(".py").is_file(), f"{target.name}: {module}"


def test_pieces_are_read_as_they_were_written() -> None:
    parts = [(3, b"abc"), (255, b""), (0, bytes(300))]
    assert pieces(Cursor(said(*parts))) == parts
    assert Cursor(b"").byte() == 0
    assert Cursor(b"\xff").signed() == -1


def test_a_seed_draws_the_same_mutations() -> None:
    data = bytes(range(200))
    first = [mutate(data, Random(seed), [b"other" * 9], 150) for seed in range(50)]
    assert first == [mutate(data, Random(seed), [b"other" * 9], 150) for seed in range(50)]
    assert len(set(first)) > 45
    assert max(map(len, first)) <= 150


def test_a_bug_is_found_once_and_its_input_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(data: bytes) -> None:
        if len(data) > 3:
            data[data[1]]
        if not data:
            raise ValueError("meant")

    buggy = Target("buggy", parse, (), lambda: [b"abcd", b"\0\0\0\0"], (ValueError,))
    monkeypatch.setattr(running, "targets", lambda: {"buggy": buggy})
    found = running.blind("buggy", tmp_path, runs=400)
    assert found.executions == 400
    assert len(found.crashes) == 1
    with pytest.raises(IndexError):
        buggy((tmp_path / "crashes" / found.crashes[0]).read_bytes())
    buggy(b"")
