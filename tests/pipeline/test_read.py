"""`analyzer.read`: the public way in."""

from __future__ import annotations

import gc
import gzip
import io
import sys
from pathlib import Path

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.table import Table


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


def test_the_public_names() -> None:
    classes = ["Analysis", "AnalyzerError", "CaptureError", "Fleet", "MissingTool", "Table", "UnknownFormat", "UsageError"]
    assert analyzer.__all__ == [*classes, "batch", "compare", "read", "watch"]
    assert (analyzer.Analysis, analyzer.Table) == (Analysis, Table)
    assert all(getattr(analyzer, name) is not None for name in analyzer.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = analyzer.nothing


def test_the_errors_are_one_tree() -> None:
    assert issubclass(analyzer.UnknownFormat, analyzer.CaptureError)
    assert issubclass(analyzer.UsageError, ValueError)
    statuses = [
        (error, error.exit_code) for error in (analyzer.AnalyzerError, analyzer.CaptureError, analyzer.UnknownFormat, analyzer.MissingTool)
    ]
    assert [status for _, status in statuses] == [2, 2, 2, 2]
    assert analyzer.UsageError("x").exit_code == 1
    assert analyzer.UsageError("x", hint="try y").hint == "try y"


def test_a_path_a_string_or_several(cold: Path, bundled: Path) -> None:
    one, same, two = analyzer.read(cold), analyzer.read(str(cold)), analyzer.read([cold, bundled / "filter-scan.pcap"])
    assert list(one.exchanges) == list(same.exchanges)
    assert (len(one.exchanges), len(two.exchanges)) == (20, 30)
    assert two.frame(two.capture.files[1].first_packet_id or 0)[0].endswith("filter-scan.pcap")


def test_compressed_is_the_same(cold: Path, tmp_path: Path) -> None:
    packed = tmp_path / "cold-start.pcap.gz"
    packed.write_bytes(gzip.compress(cold.read_bytes()))
    assert list(analyzer.read(packed).connections) == list(analyzer.read(cold).connections)


def test_standard_input(cold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(cold.read_bytes())))
    assert len(analyzer.read("-").exchanges) == 20


def test_progress_is_called(cold: Path) -> None:
    seen: list[int] = []
    analyzer.read(cold, progress=lambda source: seen.append(source.position()))
    assert seen
    assert seen[-1] <= cold.stat().st_size


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_is_left_as_it_was(cold: Path, tmp_path: Path, collecting: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        answer = analyzer.read(cold)
        assert gc.isenabled() is collecting
        assert answer.findings
        assert gc.isenabled() is collecting
        assert answer.whatif().changes
        assert gc.isenabled() is collecting
        with pytest.raises(analyzer.CaptureError):
            analyzer.read(tmp_path / "missing.pcap")
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_what_cannot_be_read_is_an_error_with_a_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no capture at all, whatever its length.\n")
    with pytest.raises(analyzer.UnknownFormat, match="notes"):
        analyzer.read(text)
    with pytest.raises(analyzer.UsageError):
        analyzer.read(text, services=["dynamodb"])


def test_a_cut_file_is_answered(cold: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    whole = cold.read_bytes()
    for size in (24, 30, 40, 1000, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        answer = analyzer.read(cut)
        assert answer.capture.complete is (size == 24)
        assert len(answer.exchanges) <= 20
        assert answer.findings is not None
