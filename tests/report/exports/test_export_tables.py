"""Tables as Parquet, CSV and JSON Lines: what other programs read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import analyzer
from analyzer.model.pool import Pool
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup, Span
from analyzer.model.stalls import Held, Stall
from analyzer.model.table import Table, columns_of
from analyzer.model.whatif import WhatIf
from analyzer.report.exports.formats import parquet
from tests.factory import MS, START, call, connection, exchange
from tests.report.made import NASTY

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra")
import pyarrow.parquet as pq  # noqa: E402  # after the check that it is there

ROWS: list[type[Any]] = [Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup, Pool, Span, WhatIf]


def saved(table: Table[Any], columns: list[str] | None = None) -> io.BytesIO:
    out = io.BytesIO()
    parquet.save(table, out, {"analyzer.version": "1"}, columns)
    return io.BytesIO(out.getvalue())


@pytest.mark.parametrize("row_type", ROWS)
def test_columns_are_those_of_the_contract(row_type: type[Any]) -> None:
    schema = parquet.schema_of(row_type)
    assert schema.names == [column.name for column in columns_of(row_type)]
    kinds = {"time": "int64", "duration": "int64", "int": "int64", "bool": "bool", "text": "string", "float": "double"}
    for column, field in zip(columns_of(row_type), schema, strict=True):
        assert str(field.type) == kinds[column.kind] if column.kind != "list" else str(field.type).startswith("list<")
        assert (field.metadata or {}).get(b"unit", b"").startswith(b"nano") == (column.kind in ("time", "duration"))


def test_rows_come_back_as_they_were() -> None:
    stall, held = Stall("zero-window", START, START + MS, None), Held("client", START, START + 1, START + 2, 1, 4, 5)
    rows = [exchange(0, stalls=(stall,), held=(held, held)), exchange(1, status=None, has_more=None, response_start_ns=None)]
    read = pq.read_table(saved(Table("exchanges", Exchange, rows))).to_pylist()
    for row, back in zip(rows, read, strict=True):
        expected = {**row._asdict(), "stalls": [one._asdict() for one in row.stalls], "held": [one._asdict() for one in row.held]}
        assert back == expected


def test_the_file_says_what_it_is() -> None:
    metadata = pq.read_schema(saved(Table("calls", Call, [call()]))).metadata
    assert (metadata[b"analyzer.schema"], metadata[b"analyzer.table"], metadata[b"analyzer.version"]) == (b"analyzer/1", b"calls", b"1")


def test_a_table_without_rows_has_its_columns() -> None:
    read = pq.read_table(saved(Table("calls", Call)))
    assert (read.num_rows, read.column_names) == (0, [column.name for column in columns_of(Call)])


def test_rows_are_written_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 4)
    pulled: list[int] = []

    class Watched(Table[Call]):
        def __iter__(self) -> Any:
            for row in self._rows:
                pulled.append(row.call_id)
                yield row

    file = pq.ParquetFile(saved(Watched("calls", Call, [call(number) for number in range(10)])))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [4, 4, 2]
    assert file.read(["call_id"]).column(0).to_pylist() == pulled == list(range(10))


def test_columns_that_were_asked_for_in_that_order() -> None:
    read = pq.read_table(saved(Table("calls", Call, [call()]), ["duration_ns", "call_id"]))
    assert read.to_pylist() == [{"duration_ns": 28 * MS, "call_id": 0}]
    with pytest.raises(analyzer.UsageError, match="has no column 'nothing'"):
        saved(Table("calls", Call, [call()]), ["nothing"])


def test_what_arrow_cannot_hold_becomes_the_nearest() -> None:
    rows = [connection(0, first_ns=1 << 70, server_name="half \ud800 a pair"), connection(1)]
    read = pq.read_table(saved(Table("connections", Connection, rows))).to_pylist()
    assert (read[0]["first_ns"], read[0]["server_name"]) == ((1 << 63) - 1, "half \\ud800 a pair")
    assert read[1]["first_ns"] == START + 100 * MS


def test_pandas_keeps_every_nanosecond_beside_unknown_ones() -> None:
    import pandas as pd

    rows = [connection(0, syn_ns=START + 1, lost_before_capture=True), connection(1, syn_ns=None)]
    frame = pd.read_parquet(saved(Table("connections", Connection, rows)))
    assert str(frame["syn_ns"].dtype) == "Int64"
    assert frame["syn_ns"].tolist() == [START + 1, pd.NA]
    assert frame["lost_before_capture"].tolist() == [True, False]


def test_duckdb_reads_and_joins(bundled: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    whole = analyzer.read(bundled / "throttling.pcap")
    whole.export(f"{tmp_path}/out/")
    found = duckdb.sql(
        f"select c.call_id, any_value(c.duration_ns), sum(s.end_ns - s.start_ns)::bigint from '{tmp_path}/out/calls.parquet' c "
        f"join '{tmp_path}/out/spans.parquet' s using (call_id) group by 1 order by 1"
    ).fetchall()
    assert found == [(row.call_id, row.duration_ns, row.duration_ns) for row in whole.calls]
    nested = f"select len(exchange_ids), exchange_ids[1] from '{tmp_path}/out/calls.parquet' order by call_id"
    assert duckdb.sql(nested).fetchall() == [(len(row.exchange_ids), row.exchange_ids[0]) for row in whole.calls]


def test_tables_save_themselves(bundled: Path, tmp_path: Path) -> None:
    calls = analyzer.read(bundled / "cold-start.pcap").calls.where("duration_ns>150ms")
    calls.to_parquet(tmp_path / "calls.parquet")
    calls.to_csv(tmp_path / "calls.csv")
    calls.to_jsonl(tmp_path / "calls.jsonl")
    expected = [row.duration_ns for row in calls]
    assert len(expected) == 4
    assert pq.read_table(tmp_path / "calls.parquet")["duration_ns"].to_pylist() == expected
    assert [int(row["duration_ns"]) for row in csv.DictReader((tmp_path / "calls.csv").read_text().splitlines())] == expected
    assert [json.loads(line)["duration_ns"] for line in (tmp_path / "calls.jsonl").read_text().splitlines()] == expected
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_hostile_text_is_text(tmp_path: Path) -> None:
    read = pq.read_table(saved(Table("calls", Call, [call(sdk=NASTY)])))
    assert read["sdk"].to_pylist() == [NASTY]


def test_a_table_made_by_hand_says_that_it_cannot_save(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "saver", None)
    with pytest.raises(analyzer.UsageError, match="without renderers"):
        Table("calls", Call).to_csv("calls.csv")
