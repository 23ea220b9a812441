"""Many captures, one answer: whoever does the work, and whatever happens to him."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.batching import batch
from analyzer.errors import UsageError
from analyzer.fleet import Fleet, load
from analyzer.narrow import Filter, apply
from analyzer.report.claims import tell
from analyzer.report.sentences import named
from tests.capture.writer import pcap
from tests.pipeline.traffic import Net

HOUR = 3600 * 1_000_000_000
needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed")


def frames(seed: int, most: int | None = None, later: int = 0) -> list[tuple[int, bytes]]:
    return [(frame.time + later, frame.data) for frame in Net(seed).frames[:most]]


def answers(fleet: Fleet) -> list[Any]:
    return [list(table) for table in fleet.tables()] + [[row._replace(took_ns=0) for row in fleet.sets]]


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two hosts: one with a rotated capture, whose connections go on from file to file, the other with one an hour later."""
    folder = tmp_path_factory.mktemp("captures")
    (folder / "web1").mkdir()
    (folder / "web2").mkdir()
    packets = frames(3)
    third = len(packets) // 3
    for number, part in enumerate((packets[:third], packets[third : 2 * third], packets[2 * third :])):
        (folder / "web1" / f"eth0_0000{number}_2026112210150{number}.pcap").write_bytes(pcap(part))
    (folder / "web2" / "run.pcap").write_bytes(pcap(frames(4, later=HOUR)))
    return folder


@pytest.fixture(scope="module")
def fleet(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return batch(captures, tmp_path_factory.mktemp("out") / "fleet", jobs=1)


def test_a_rotated_set_reads_as_the_whole_capture(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "whole.pcap").write_bytes(pcap(frames(3)))
    whole, opened = analyzer.read(tmp_path / "whole.pcap"), fleet.open("web1/eth0.pcap")
    assert list(opened.calls) == list(whole.calls)
    assert list(opened.exchanges) == list(whole.exchanges)
    assert [row.code for row in opened.findings] == [row.code for row in whole.findings]
    assert repr(opened.explain(0)) == repr(whole.explain(0))


def test_a_call_is_explained_by_its_own_capture(fleet: Fleet) -> None:
    for call in list(fleet.calls)[:: max(1, len(fleet.calls) // 5)]:
        opened, number = fleet.of_call(call.call_id)
        assert opened.calls[int(number)].start_ns == call.start_ns
        assert repr(fleet.explain(call.call_id)) == repr(opened.explain(number))


def test_another_batch_adds_to_the_folder(captures: Path, tmp_path: Path) -> None:
    batch(sorted(captures.rglob("*.pcap"))[:1], tmp_path / "fleet", jobs=1)
    before = {row.set for row in load(tmp_path / "fleet").sets}
    (tmp_path / "more.pcap").write_bytes(pcap(frames(4)))
    grown = batch(tmp_path / "more.pcap", tmp_path / "fleet", jobs=1)
    assert {row.set for row in grown.sets} == before | {"more.pcap"}


def test_a_folder_with_other_files_is_left_alone(captures: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        batch(captures, tmp_path, jobs=1)


def test_ids_of_several_captures_are_told_apart(fleet: Fleet) -> None:
    assert [row.call_id for row in fleet.calls] == list(range(len(fleet.calls)))
    connections = {row.connection_id for row in fleet.connections}
    assert len(connections) == len(fleet.connections)
    assert all(set(row.connection_ids) <= connections for row in fleet.calls)
    exchanges = {row.exchange_id: row for row in fleet.exchanges}
    assert all(exchanges[number].call_id == row.call_id for row in fleet.calls for number in row.exchange_ids)
    calls = {row.call_id for row in fleet.calls}
    assert {row.call_id for row in fleet.spans} <= calls
    assert {call for row in fleet.findings for call in row.calls} <= calls


def test_latency_is_told_per_host_operation_and_hour(fleet: Fleet) -> None:
    rows = fleet.latency("host", "operation", "hour")
    assert {row.host for row in rows} == {"web1", "web2"}
    assert len({row.hour_ns for row in rows}) == 2
    assert sum(row.calls for row in rows) == len(fleet.calls)
    for row in rows:
        mine = [
            call
            for piece in fleet.pieces["calls"]
            if piece.host == row.host
            for call in fleet.open(piece.name).calls
            if call.operation == row.operation and call.start_ns // HOUR * HOUR == row.hour_ns
        ]
        whole = sorted(call.duration_ns for call in mine if call.truncated is None)
        assert row.calls == len(mine)
        assert row.p50_ns == (whole[(len(whole) * 50 + 99) // 100 - 1] if whole else None)
        assert row.max_ns == (whole[-1] if whole else None)
        assert row.failed == sum(call.ok is False for call in mine)
    assert fleet.latency()[0].calls == len(fleet.calls)
    with pytest.raises(analyzer.UsageError, match="planet"):
        fleet.latency("planet")


def test_findings_are_summed_up(fleet: Fleet) -> None:
    rows = list(fleet.findings)
    for one in fleet.diagnoses():
        mine = [row for row in rows if row.code == one.code]
        assert one.cost_ns == sum(row.cost_ns for row in mine)
        assert one.calls == len({call for row in mine for call in row.calls})
        assert set(one.hosts) <= {"web1", "web2"}
    assert len(fleet.diagnoses()) == len({row.code for row in rows})


def test_findings_lead_into_their_own_capture(fleet: Fleet) -> None:
    """Of the whole and of a part: calls by the batch's numbers, packets and streams by those of the capture that is named."""
    part = apply(fleet, Filter(frozenset(), frozenset(), 0, None, frozenset()))
    told = 0
    for answer in (fleet, part):
        for finding, said in zip(answer.findings, tell(answer, list(answer.findings)), strict=True):
            opened, number = fleet.of_call(finding.calls[0]) if finding.calls else (None, 0)
            if opened is None:
                continue
            (own,) = [row for row in opened.findings if row.code == finding.code and row.packet_ids == finding.packet_ids]
            assert number in own.calls
            (name,) = {row.partition(".pcap:")[0] + ".pcap" for row in finding.frames}
            assert [row.rpartition(":")[2] for row in finding.frames] == list(map(str, own.packet_ids))
            assert list(fleet.open(name).findings) == list(opened.findings)
            if own.connections:
                assert said.lines["proof"].endswith(named("stream", own.connections))
            assert f"; in {name}: " in said.lines["proof"]
            told += 1
    assert told >= 4


def test_the_folder_is_read_as_an_answer(fleet: Fleet) -> None:
    again = analyzer.read(fleet.folder)
    assert isinstance(again, Fleet)
    assert answers(again) == answers(fleet)
    assert "Latency per host and operation" in repr(again)
    frame = again.calls.to_pandas()
    assert list(frame.columns[:2]) == ["host", "set"]
    assert len(frame) == len(again.calls)


def test_what_is_said_of_a_capture_itself_holds_for_any_part_of_the_batch(tmp_path: Path) -> None:
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "cut.pcap").write_bytes(pcap(frames(3, 3))[:-10])
    fleet = batch(tmp_path / "captures", tmp_path / "out", jobs=1)
    (found,) = fleet.findings
    assert (found.code, found.calls, found.connections) == ("capture-incomplete", (), ())
    part = apply(fleet, Filter(frozenset({"sqs"}), frozenset(), None, None, frozenset()))
    assert list(part.findings) == [found]


def test_other_readers_see_partitions(fleet: Fleet) -> None:
    duckdb = pytest.importorskip("duckdb")
    asked = (
        f"select host, count(*) from read_parquet('{fleet.folder}/calls/**/*.parquet', hive_partitioning=true) group by host order by host"
    )
    counted = {row.host: row.calls for row in fleet.latency("host")}
    assert dict(duckdb.sql(asked).fetchall()) == counted


def test_what_was_read_is_not_read_again(captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = batch(captures, tmp_path / "out", jobs=1)
    done: list[str] = []
    from analyzer.batching import running, task

    def noted(given: task.Task) -> dict[str, Any]:
        done.append(given.captures.name)
        return task.run(given)

    monkeypatch.setattr(running, "run", noted)
    assert answers(batch(captures, tmp_path / "out", jobs=1)) == answers(first)
    assert done == []
    table = next((tmp_path / "out" / "calls").rglob("*web2*/*.parquet"))
    table.unlink()
    batch(captures, tmp_path / "out", jobs=1)
    assert done == ["web2/run.pcap"]
    batch(captures, tmp_path / "out", jobs=1, services=["dynamodb=10.9.9.9"])
    assert done == ["web2/run.pcap", "web1/eth0.pcap", "web2/run.pcap"]
    record = next((tmp_path / "out" / "sets").glob("web1*"))
    record.write_text(record.read_text()[:50])  # as a full disk would leave it
    assert answers(batch(captures, tmp_path / "out", jobs=1)) == answers(batch(captures, tmp_path / "out", jobs=1))


def test_a_damaged_file_spoils_nothing_else(captures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for path in captures.rglob("*.pcap"):
        target = folder / path.relative_to(captures)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    whole = batch(folder, tmp_path / "whole", jobs=1)
    (folder / "web1" / "eth0_00009_20261122101509.pcap").write_bytes(b"")
    (folder / "web2" / "other.pcap").write_bytes(b"no capture at all")
    told: list[tuple[str, int]] = []
    some = batch(folder, tmp_path / "some", jobs=1, progress=lambda record, total: told.append((record["state"], total)))
    assert sorted(told) == [("done", 3), ("done", 3), ("failed", 3)]
    assert list(some.calls) == list(whole.calls)
    assert [(row.set, row.state, row.complete) for row in some.sets] == [
        ("web1/eth0.pcap", "done", False), ("web2/other.pcap", "failed", False), ("web2/run.pcap", "done", True),
    ]  # fmt: skip
    assert any("is empty" in note for note in some.capture.notes)
    assert any("other.pcap" in note for note in some.capture.notes)


def test_a_manifest_that_lies_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    text = json.loads((fleet.folder / "manifest.json").read_text())
    wrong: list[Any] = [7, [], {"sets": 3}, {"sets": [1]}]
    for key, value in (("ids", 3), ("tables", {"calls": "../../etc/passwd"}), ("rows", {}), ("capture", {"files": 1}), ("name", 4)):
        wrong.append({"sets": [{**text["sets"][0], key: value}]})
    for number, value in enumerate(wrong):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({**text, **value} if isinstance(value, dict) else value))
        with pytest.raises(analyzer.CaptureError):
            analyzer.read(folder)


@needs_dask
def test_a_lost_worker_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(200):
        (folder / f"{''.join(chr(97 + int(digit)) for digit in str(number))}.pcap").write_bytes(pcap(frames(number % 5, 3, number * 1000)))
    one = batch(folder, tmp_path / "one", jobs=1)
    killed: list[int] = []
    seen: list[str] = []

    def progress(record: dict[str, Any], total: int) -> None:
        assert total == 200
        seen.append(record["name"])
        if len(seen) == 60:
            dask: Any = importlib.import_module("distributed")
            killed.append(next(iter(dask.Client.current().run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    two = batch(folder, tmp_path / "two", jobs=2, progress=progress)
    assert killed
    assert sorted(seen) == sorted(row.set for row in one.sets)
    assert len(one.sets) == 200
    assert answers(two) == answers(one)


@needs_dask
def test_no_scheduler_no_batch(captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analyzer.batching import running

    monkeypatch.setattr(running, "PATIENCE_S", 1)
    with pytest.raises(analyzer.AnalyzerError, match="no scheduler answers at tcp:"):
        batch(captures, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
