"""Several processes that share a capture give the answer of one, ids included."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import analyzer
from analyzer import parallel, passes, pipeline
from analyzer.joining import Part, agree
from analyzer.model.sharing import Share
from analyzer.report.document import JsonRenderer
from tests.capture.writer import pcap
from tests.pipeline.traffic import Net


def document(path: Path | list[Path], jobs: int, keys: Path | None = None) -> str:
    return "".join(JsonRenderer().render(analyzer.read(path, keys=keys, jobs=jobs)))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process play the others: what they are told and what they tell still goes through pickle."""

    def result(given: Any) -> Part:
        task: parallel.Task = pickle.loads(pickle.dumps(given))
        keys = passes.key_log(task.asked.keys)
        keys.add(task.secrets + b"\n")
        part: Part = pickle.loads(
            pickle.dumps(pipeline.run_pass(pipeline.Pipeline, task.asked, keys, None, task.share, task.told)[0].part())
        )
        return part

    monkeypatch.setattr(parallel, "_start", lambda task: task)
    monkeypatch.setattr(parallel, "_result", result)
    monkeypatch.setattr(parallel, "_end", lambda task: None)


@pytest.mark.usefixtures("here")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), jobs=st.integers(2, 4))
def test_made_up_traffic_reads_alike(tmp_path: Path, seed: int, jobs: int) -> None:
    path = tmp_path / "net.pcap"
    path.write_bytes(pcap([(frame.time, frame.data) for frame in Net(seed).frames]))
    assert document(path, jobs) == document(path, 1)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("seed", [3, 21])
def test_connections_that_were_open_before_read_alike(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "net.pcap"
    frames = [frame for frame in Net(seed, lossy=False).frames if not (frame.data[23] == 6 and frame.data[47] & 2)]
    path.write_bytes(pcap([(frame.time, frame.data) for frame in frames]))
    assert sum(row.code == "start-not-captured" for row in analyzer.read(path).anomalies) > 3
    assert document(path, 3) == document(path, 1)


@pytest.mark.usefixtures("here")
def test_bundled_captures_read_alike(bundled: Path) -> None:
    paths = sorted(bundled.glob("*.pcap"))
    assert len(paths) > 5
    for path in paths:
        keys = path.with_suffix(".keys")
        assert document(path, 3, keys if keys.exists() else None) == document(path, 1, keys if keys.exists() else None), path.name


@pytest.mark.usefixtures("here")
def test_real_captures_read_alike(shared: Path) -> None:
    paths = [path for path in sorted(shared.rglob("*.pcap*")) if path.is_file() and path.stat().st_size < 200_000][::25]
    answered = 0
    for path in paths:
        try:
            one = document(path, 1)
        except analyzer.AnalyzerError:
            continue
        answered += 1
        assert document(path, 2) == one, path
    assert answered > len(paths) // 2


def test_processes_of_their_own_read_alike(bundled: Path) -> None:
    path = bundled / "cold-start.pcap"
    assert document(path, 2) == document(path, 1)
    one, two = analyzer.read(path), analyzer.read(path, jobs=2)
    assert [list(table) for table in one.tables()] == [list(table) for table in two.tables()]


def test_the_share_of_a_lost_process_is_read_by_the_first(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bundled / "cold-start.pcap"
    begin, begun = parallel._start, []

    def start(task: parallel.Task) -> subprocess.Popen[bytes]:
        process = begin(task)
        process.kill()
        begun.append(process.wait())
        return process

    monkeypatch.setattr(parallel, "_start", start)
    assert document(path, 3) == document(path, 1)
    assert begun == [-9, -9]


def test_rotated_files_are_shared_too(tmp_path: Path) -> None:
    frames = [(frame.time, frame.data) for frame in Net(7).frames]
    paths = [tmp_path / "a0.pcap", tmp_path / "a1.pcap"]
    for path, part in zip(paths, (frames[: len(frames) // 2], frames[len(frames) // 2 :]), strict=True):
        path.write_bytes(pcap(part))
    assert document(paths, 2) == document(paths, 1)


def test_each_connection_is_read_by_one() -> None:
    shares = [Share(number, 3) for number in range(3)]
    assert all(sum(share.owns(connection) for share in shares) == 1 for connection in range(100))


def test_a_number_of_jobs_that_cannot_be(bundled: Path) -> None:
    with pytest.raises(analyzer.UsageError, match="-1 jobs"):
        analyzer.read(bundled / "cold-start.pcap", jobs=-1)
    assert parallel.processes(0) >= 1


def test_errors_are_those_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"nothing of the kind")
    with pytest.raises(analyzer.UnknownFormat):
        analyzer.read(tmp_path / "no.pcap", jobs=2)
    with pytest.raises(analyzer.UsageError):
        analyzer.read(tmp_path / "no.pcap", jobs=2, keys=tmp_path / "none.keys")


@pytest.mark.usefixtures("here")
def test_what_one_learns_of_tickets_the_others_know(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bundled / "cold-start.pcap"
    asked = []

    def never_at_first(parts: list[Part]) -> bool:
        asked.append(len(parts))
        return len(asked) > 1 and agree(parts)

    monkeypatch.setattr(parallel, "agree", never_at_first)
    assert document(path, 2) == document(path, 1)
    assert asked == [2, 2]
    monkeypatch.setattr(parallel, "agree", lambda parts: False)
    assert document(path, 2) == document(path, 1)  # read by one process
