"""Tables of exchanges that are written and forgotten hold the rows of those that are held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import analyzer
from analyzer import spooling
from analyzer.cli.main import cli
from analyzer.model.rows import Exchange, Stall
from analyzer.model.wants import wants_of
from analyzer.reading import stream
from analyzer.spooling import DRESSED, Spool, Spooled
from tests.capture.writer import pcap
from tests.factory import exchange
from tests.pipeline.traffic import Net


def same(rows: list[Exchange]) -> list[Exchange]:
    return rows


@given(order=st.permutations(range(60)), held=st.integers(1, 70))
def test_rows_come_back_in_order(order: list[int], held: int) -> None:
    rows = {number: exchange(number, connection_id=number % 7) for number in order}
    rows[5] = rows[5]._replace(stalls=(Stall("hole", 1, 2, 3),))
    spool = Spool(held=held)
    for number in order:
        spool.append(rows[number])
    spool.close()
    assert len(spool) == 60
    assert [row for batch in spool.batches() for row in batch] == [rows[number] for number in range(60)]
    assert spool.counts[3] == sum(number % 7 == 3 for number in range(60))
    assert [row.exchange_id for row in spool.on({2})] == list(range(2, 60, 7))


def test_a_table_is_cut_as_others_are() -> None:
    spool = Spool(held=4)
    for number in range(30):
        spool.append(exchange(number))
    spool.close()
    table = Spooled(spool, same)
    numbers = list(range(30))
    for part in (slice(0, 7), slice(7, 14), slice(14, 99), slice(3, 5), slice(0, 30, 4)):
        assert [row.exchange_id for row in table[part]] == numbers[part]
    assert table[29].exchange_id == table[-1].exchange_id == 29
    assert [row.exchange_id for row in table] == [row.exchange_id for row in table] == numbers


def test_no_more_rows_are_held_than_told() -> None:
    spool = Spool(held=10)
    for number in range(1000):
        spool.append(exchange(number))
        assert len(spool._rows) < 10


def test_the_file_has_no_name_and_is_its_owners() -> None:
    spool = Spool(held=1)
    mode = Path(f"/proc/self/fd/{spool._file.fileno()}").stat()
    assert mode.st_nlink == 0
    assert mode.st_mode & 0o077 == 0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_made_up_traffic_streams_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(spooling, "MOST_HELD", 3)
    path = tmp_path / "net.pcap"
    path.write_bytes(pcap([(frame.time, frame.data) for frame in Net(seed).frames]))
    held, passed = analyzer.read(path, calls=False), stream([path])
    assert passed is not None
    assert list(passed.exchanges) == list(held.exchanges)
    assert [row._replace(repeats=()) for row in passed.connections] == [row._replace(repeats=()) for row in held.connections]
    assert passed.capture.notes == held.capture.notes


@given(columns=st.sets(st.sampled_from(Exchange._fields)), held=st.integers(1, 9))
def test_only_the_columns_asked_for_are_kept(columns: set[str], held: int) -> None:
    rows = [exchange(number, connection_id=number % 3, status=200 + number, target=f"/{number}") for number in range(20)]
    spool = Spool(columns, held=held)
    for row in reversed(rows):
        spool.append(row)
    spool.close()
    back = [row for batch in spool.batches() for row in batch]
    for name in Exchange._fields:
        kept = name in columns or name in DRESSED
        assert [getattr(row, name) for row in back] == [getattr(row, name) if kept else None for row in rows]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), name=st.sampled_from([name for name in Exchange._fields if name != "call_id"]))
def test_any_column_alone_streams_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, name: str) -> None:
    monkeypatch.setattr(spooling, "MOST_HELD", 3)
    path = tmp_path / "net.pcap"
    path.write_bytes(pcap([(frame.time, frame.data) for frame in Net(seed).frames]))
    held, passed = analyzer.read(path, calls=False), stream([path], wants=wants_of([name]))
    assert passed is not None
    assert [getattr(row, name) for row in passed.exchanges] == [getattr(row, name) for row in held.exchanges]


@pytest.mark.parametrize("folder", ["any-sll1", "loss-5pct", "imds-hoplimit2-fixed-js2"])
def test_what_the_end_of_a_capture_changes_is_the_same_for_each_column(shared: Path, folder: str) -> None:
    for path in sorted((shared / folder).glob("*.pcap*"))[:3]:
        held = analyzer.read(path, calls=False)
        for name in ("service", "sdk", "status", "copy_of", "outcome", "unseen_before_response", "response_bytes"):
            passed = stream([path], wants=wants_of([name]))
            assert passed is not None
            assert [getattr(row, name) for row in passed.exchanges] == [getattr(row, name) for row in held.exchanges], (path, name)


def test_real_captures_stream_alike(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "MOST_HELD", 2)
    paths = [path for path in sorted(shared.rglob("*.pcap*")) if path.is_file() and path.stat().st_size < 200_000][::20]
    seen = 0
    for path in paths:
        try:
            held = analyzer.read(path, calls=False)
        except analyzer.AnalyzerError:
            continue
        passed = stream([path])
        assert passed is not None
        assert list(passed.exchanges) == list(held.exchanges), path
        seen += len(held.exchanges)
    assert seen


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_every_format_writes_the_same(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    path = str(bundled / "cold-start.pcap")
    columns = ",".join(name for name in Exchange._fields if name != "call_id")
    asked: list[bool] = []
    written: dict[str, bytes] = {}

    def noted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            asked.append(True)
            return original(*given, **named)

        return call

    monkeypatch.setattr("analyzer.reading.stream", noted(stream))
    monkeypatch.setattr(spooling, "MOST_HELD", 1)
    for name, more in (("passed", []), ("held", ["--since", "-1"])):
        target = tmp_path / f"{name}.{form}"
        result = CliRunner().invoke(cli, ["exchanges", path, "--format", form, "--columns", columns, "-o", str(target), *more])
        assert result.exit_code == 0, result.output
        written[name] = target.read_bytes()
    assert asked == [True]
    assert written["passed"] == written["held"]
