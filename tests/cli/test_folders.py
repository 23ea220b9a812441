"""The folder of a batch where a capture is asked for: verbs answer over it, or say in one line what does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import analyzer
from analyzer.errors import UsageError
from analyzer.fleet import Fleet
from tests.cli.program import inside as run

FILES = ("cold-start.pcap", "filter-scan.pcap", "pool-queue.pcap")


@pytest.fixture(scope="module")
def folder(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("folders") / "results"
    analyzer.batch([bundled / name for name in FILES], target, jobs=1)
    return target


@pytest.mark.parametrize(
    "words, instead",
    [
        (("whatif", "FOLDER", "--keep-alive"), "analyzer findings FOLDER"),
        (("verify", "FOLDER"), "analyzer report FOLDER"),
        (("verify", "FOLDER", "--packet", "3"), "analyzer report FOLDER"),
        (("annotate", "FOLDER", "OUT"), "analyzer explain CALL FOLDER"),
        (("redact", "FOLDER", "OUT"), "analyzer redact"),
        (("report", "FOLDER", "--format", "html"), "analyzer report FOLDER --format markdown"),
    ],
)
def test_verbs_that_need_captures_say_so_in_a_line(folder: Path, tmp_path: Path, words: tuple[str, ...], instead: str) -> None:
    target = tmp_path / "out.pcapng"
    done = run(*(str(folder) if word == "FOLDER" else str(target) if word == "OUT" else word for word in words))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"analyzer: {folder} is the folder of a batch, and ")
    assert instead.replace("FOLDER", str(folder)) in line
    assert "cold-start.pcap" in line  # what can be typed instead
    assert not target.exists()


def test_it_is_not_watched(folder: Path) -> None:
    done = run("watch", folder)
    assert done.returncode == 1
    assert "batch's folder, is read by analyzer report" in done.stderr


def test_it_is_read_by_itself(folder: Path, bundled: Path) -> None:
    done = run("calls", folder, bundled / "cold-start.pcap")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"analyzer compare {folder} CAPTURE compares" in done.stderr


def test_options_of_reading_have_no_effect_and_say_so(folder: Path) -> None:
    done = run("calls", folder, "--service", "dynamodb=localhost:8000", "--jobs", "2", "--limit", "1")
    assert done.returncode == 0
    assert "--service NAME=HOST and --jobs: no effect" in done.stderr
    assert "matches no connection" not in done.stderr


def test_pools_are_those_of_each_capture(folder: Path, bundled: Path) -> None:
    """The captures are of one client address and one endpoint: as one pool it would be of connections that never met."""
    said = json.loads(run("pool", folder, "--format", "json").stdout)
    alone = [row for name in FILES for row in analyzer.read(bundled / name).pool()]
    ids = {"connection_ids"}
    wanted = [{key: value for key, value in row._asdict().items() if key not in ids} for row in alone]
    assert sorted(json.dumps({key: value for key, value in row.items() if key not in ids}) for row in said) == sorted(
        map(json.dumps, wanted)
    )
    numbers = [number for row in said for number in row["connection_ids"]]
    assert sorted(numbers) == list(range(len(numbers))), "ids are those of the whole batch"
    part = json.loads(run("pool", folder, "--format", "json", "--connection", str(numbers[0])).stdout)
    assert [row["connection_ids"] for row in part] == [[numbers[0]]]


def test_the_slowest_and_the_tail_go_over_all(folder: Path) -> None:
    plain = run("report", folder).stdout
    assert "Slowest calls" not in plain
    text = run("report", folder, "--slowest", "2", "--tail").stdout
    assert text.startswith(plain.rstrip())
    rows = text.split("Slowest calls over all captures, ms\n")[1].split("\n\n")[0].splitlines()[1:]
    calls = [
        json.loads(line) for line in run("calls", folder, "--sort", "-duration_ns", "--limit", "2", "--format", "jsonl").stdout.splitlines()
    ]
    assert [int(row.split()[0]) for row in rows] == [call["call_id"] for call in calls]
    assert "The tail: what the slowest" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "## The tail" in run("report", folder, "--slowest", "2", "--tail", "--format", "markdown").stdout


def test_in_python_one_of_its_captures_is_replayed(folder: Path, bundled: Path) -> None:
    every = analyzer.read(folder)
    assert isinstance(every, Fleet)
    with pytest.raises(UsageError, match="not replayed as a whole"):
        every.whatif()
    one, live = every.open("cold-start.pcap"), analyzer.read(bundled / "cold-start.pcap")
    assert list(one.whatif().changes) == list(live.whatif().changes)
    assert list(one.pool()) == list(live.pool())


def test_formats_that_are_taken_for_options_are_named(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--html")
    assert done.returncode == 1
    assert "--format html" in done.stderr
