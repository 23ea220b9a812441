"""The checker that keeps what held: made-up rows of the two tools, and what it says about them."""

from __future__ import annotations

import json
import sys
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def baseline(root: Path) -> ModuleType:
    spec = util.spec_from_file_location("baseline", root / "tests" / "baseline.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules["baseline"] = module
    spec.loader.exec_module(module)
    return module


def scored(**changes: Any) -> dict[str, Any]:
    row = {
        "scenario": "cold-start", "vantage": "client", "keys": False, "seconds": 0.5, "calls": [20, 20], "extra": 0, "ledger": [20, 20],
        "dark": 0.0, "late": [1.0, 2.0, 0.1], "findings": [1, 2], "missing": ["long-round-trip"], "unexpected": [], "limits": {},
        "short": ["findings"],
    }  # fmt: skip
    return {**row, **changes}


def conformed(**changes: Any) -> dict[str, Any]:
    return {"file": "a.pcap", "measures": {"answered": [1, 1], "flags": [3, 5]}, "notes": [], **changes}


class Files:
    """Runs the checker on rows, from files as continuous integration does."""

    def __init__(self, folder: Path, module: ModuleType) -> None:
        self.folder = folder
        self.module = module
        (folder / "baseline.json").write_text('{"rows": {}, "short": {}}')

    def run(self, score: list[dict[str, Any]], conform: list[dict[str, Any]], *more: str) -> int:
        arguments = list(more)
        for name, rows in (("score", score), ("conform", conform)):
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(rows))
            arguments += [f"--{name}", str(path)]
        return int(self.module.main([*arguments, "--baseline", str(self.folder / "baseline.json")]))


@pytest.fixture
def files(tmp_path: Path, baseline: ModuleType) -> Files:
    return Files(tmp_path, baseline)


def test_update_records_what_holds_and_by_how_much_the_rest_falls_short(files: Files) -> None:
    assert files.run([scored()], [conformed()], "--update") == 0
    assert json.loads((files.folder / "baseline.json").read_text()) == {
        "rows": {"conform a.pcap": "answered", "score cold-start/client/clear": "answered calls dark extra late ledger unexpected"},
        "short": {
            "conform answered": 0, "conform flags": 2, "score answered": 0, "score calls": 0, "score dark": 0, "score extra": 0,
            "score findings": 1, "score late": 0, "score ledger": 0, "score unexpected": 0,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "score,conform,said",
    [
        (
            scored(calls=[19, 20], short=["calls", "findings"]),
            conformed(),
            "score cold-start/client/clear: calls no longer holds, short by 1",
        ),
        (scored(extra=3, short=["extra", "findings"]), conformed(), "score cold-start/client/clear: extra no longer holds, short by 3"),
        (scored(late=[9.0, 9.0, 9.0], short=["late", "findings"]), conformed(), "score cold-start/client/clear: late no longer holds"),
        ({**scored(short=["no answer"]), "trouble": "exit 1"}, conformed(), "score cold-start/client/clear: is no longer answered"),
        ({k: v for k, v in scored().items() if k != "late"}, conformed(), "score cold-start/client/clear: late is no longer measured"),
        (scored(scenario="other"), conformed(), "score cold-start/client/clear: was not run"),
        (scored(findings=[0, 2]), conformed(), "total score findings: short by 2, was 1"),
        (scored(), conformed(measures={"answered": [1, 1], "flags": [2, 5]}), "total conform flags: short by 3, was 2"),
        (scored(), conformed(measures={"answered": [0, 1]}), "conform a.pcap: is no longer answered"),
        (scored(), conformed(file="b.pcap"), "conform a.pcap: was not run"),
    ],
)
def test_what_is_worse_is_named_and_fails(
    files: Files, capsys: pytest.CaptureFixture[str], score: dict[str, Any], conform: dict[str, Any], said: str
) -> None:
    files.run([scored()], [conformed()], "--update")
    before = (files.folder / "baseline.json").read_text()
    capsys.readouterr()
    assert files.run([score], [conform], "--update") == 1
    assert f"worse: {said}" in capsys.readouterr().out
    assert (files.folder / "baseline.json").read_text() == before


def test_the_same_again_and_better_are_fine(files: Files) -> None:
    files.run([scored()], [conformed()], "--update")
    assert files.run([scored()], [conformed()]) == 0
    assert files.run([scored(findings=[2, 2], short=[])], [conformed(measures={"answered": [1, 1], "flags": [5, 5]})], "--update") == 0
    assert files.run([scored()], [conformed()]) == 1


def test_a_first_answer_brings_its_open_points_along(files: Files) -> None:
    files.run([{**scored(), "trouble": "exit 1"}], [conformed()], "--update")
    assert files.run([scored(calls=[1, 20], short=["calls", "findings"])], [conformed()], "--update") == 0
    assert files.run([scored(calls=[0, 20], short=["calls", "findings"])], [conformed()]) == 1


def test_a_gate_that_forgives_holds(files: Files) -> None:
    files.run([scored(phases=[49, 50])], [conformed()], "--update")
    assert "phases" in json.loads((files.folder / "baseline.json").read_text())["rows"]["score cold-start/client/clear"].split()


def test_an_input_that_cannot_be_read_is_no_pass(files: Files) -> None:
    files.run([], [])
    (files.folder / "score.json").write_text("{")
    with pytest.raises(SystemExit, match="2"):
        files.module.main(["--score", str(files.folder / "score.json"), "--conform", str(files.folder / "conform.json")])


def test_the_recorded_baseline_can_be_read(root: Path) -> None:
    recorded = json.loads((root / "tests" / "baseline.json").read_text())
    assert set(recorded) == {"rows", "short"}
    assert all("answered" in measures.split() for measures in recorded["rows"].values())
