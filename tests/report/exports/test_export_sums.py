"""One ledger, every viewer: of every capture at hand, each export says the same times as the tables, and keeps its format's rules."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureInfo
from analyzer.model.table import Table
from analyzer.report.exports.format import Tabular
from analyzer.report.exports.registry import formats
from analyzer.report.exports.tries import PHASES
from tests.factory import analysis as made_up
from tests.pipeline.traffic import Net, answer, damaged
from tests.report.exports.readers import (
    captures_below,
    document,
    har,
    otlp_spans,
    phase_sums,
    plain_attributes,
    schema_errors,
    slices,
    timing_errors,
    trace_errors,
)

pytestmark = pytest.mark.xdist_group("exports")  # whoever has read the captures once
LEAST = 40
"""Captures below which the check would say little."""


@pytest.fixture(scope="module")
def answers(shared: Path, bundled: Path) -> list[tuple[str, Analysis]]:
    found = [*captures_below(shared), *captures_below(bundled)]
    assert len(found) >= LEAST
    assert sum(len(analysis.calls) for _, analysis in found) > 1000
    return found


def columns(analysis: Analysis) -> dict[int, Counter[str]]:
    """The time in each phase of each call, as the columns of `calls` have it."""
    return {row.call_id: +Counter({phase: getattr(row, f"{phase}_ns") for phase in PHASES}) for row in analysis.calls}


def check_har(analysis: Analysis, name: str = "") -> Counter[str]:
    """Hold a HAR against the tables; return how many entries of which kind it has."""
    kinds: Counter[str] = Counter()
    log = har(analysis)
    starts = [entry["startedDateTime"] for entry in log["entries"]]
    assert starts == sorted(starts), name
    phases: dict[int, Counter[str]] = {row.call_id: Counter() for row in analysis.calls}
    durations: Counter[int] = Counter()
    shown: Counter[int] = Counter()
    for entry in log["entries"]:
        assert timing_errors(entry) == [], name
        number = entry["_call"]
        kinds["lone" if number is None else "try" if "_exchange" in entry else "connection"] += 1
        if number is not None:
            durations[number] += entry["_durationNs"]
            shown[number] += round(entry["time"] * 1e6)
            phases[number] += Counter({key.removesuffix("_ns"): took for key, took in entry["_phases"].items()})
            waited = sum(one["duration_ns"] for one in entry["_spans"] if "wait" in (one["phase"], one["inner_phase"]))
            dialogue = sum(one["duration_ns"] for one in entry["_spans"] if (one["phase"], one["inner_phase"]) == ("credentials", "wait"))
            assert round(entry["timings"]["wait"] * 1e6) == waited - dialogue, name
    expected = {row.call_id: row.duration_ns for row in analysis.calls}
    assert {number: durations[number] for number in expected} == expected, name
    assert {number: shown[number] for number in expected} == expected, name
    assert phases == columns(analysis), name
    every = {row.exchange_id for row in analysis.exchanges if row.copy_of is None}
    copies = {row.connection_id for row in analysis.connections if row.copy_of is not None}
    every -= {row.exchange_id for row in analysis.exchanges if row.connection_id in copies}
    assert {entry["_exchange"] for entry in log["entries"] if "_exchange" in entry} >= every, name
    return kinds


def test_har_adds_up_to_the_ledger(answers: list[tuple[str, Analysis]]) -> None:
    kinds = sum((check_har(analysis, name) for name, analysis in answers), Counter[str]())
    assert min(kinds[kind] for kind in ("lone", "try", "connection")) > 10


def test_har_is_valid_by_its_schema(answers: list[tuple[str, Analysis]]) -> None:
    for name, analysis in answers[::5]:
        assert schema_errors({"log": har(analysis)}) == [], name


def check_otlp(analysis: Analysis, name: str = "") -> int:
    """Hold OTLP against the tables; return how many spans waited for a dialogue."""
    dialogues = 0
    spans = [(span, plain_attributes(span["attributes"])) for _, span in otlp_spans(document(analysis, "otlp"))]
    ids = Counter((span["traceId"], span["spanId"]) for span, _ in spans)
    assert max(ids.values(), default=1) == 1, name
    call_of = {
        span["traceId"]: about["analyzer.call_id"]
        for span, about in spans
        if "analyzer.duration_ns" in about and "parentSpanId" not in span
    }
    rows = {row.call_id: row for row in analysis.calls}
    assert sorted(call_of.values()) == sorted(rows), name
    phases: dict[int, Counter[str]] = {number: Counter() for number in rows}
    for span, about in spans:
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert start <= end, name
        if "parentSpanId" in span:
            assert (span["traceId"], span["parentSpanId"]) in ids, name
        for link in span.get("links", []):
            assert (link["traceId"], link["spanId"]) in ids, name
        number = call_of.get(span["traceId"])
        if number is None:
            continue
        if "parentSpanId" not in span:
            assert (start, end) == (rows[number].start_ns, rows[number].end_ns), name
        elif "analyzer.phase" in about:
            phases[number][about["analyzer.phase"]] += end - start
            dialogues += bool(span.get("links"))
    assert {number: +counter for number, counter in phases.items()} == columns(analysis), name
    return dialogues


def test_otlp_adds_up_to_the_ledger(answers: list[tuple[str, Analysis]]) -> None:
    assert sum(check_otlp(analysis, name) for name, analysis in answers) > 100


def check_perfetto(analysis: Analysis, name: str = "") -> None:
    """Hold trace events against the tables and the rules of their format."""
    made = json.loads(document(analysis, "perfetto"))
    assert trace_errors(made) == [], name
    first = int(made["metadata"]["start_ns"])
    calls, phases = {}, Counter[str]()
    for event, start, end in slices(made):
        if event["cat"] == "call":
            calls[event["args"]["call"]] = (first + start, first + end)
        elif event["cat"] == "phase" and "phase" in event["args"]:
            phases[event["args"]["phase"]] += end - start
    assert calls == {row.call_id: (row.start_ns, row.end_ns) for row in analysis.calls}, name
    assert +phases == sum(columns(analysis).values(), Counter()), name
    asked = {event["args"]["exchange"] for event, _, _ in slices(made) if event["cat"] == "exchange"}
    assert asked >= {number for row in analysis.calls for number in row.exchange_ids}, name


def test_perfetto_adds_up_to_the_ledger(answers: list[tuple[str, Analysis]]) -> None:
    for name, analysis in answers:
        check_perfetto(analysis, name)


def test_the_spans_and_the_columns_agree(answers: list[tuple[str, Analysis]]) -> None:
    for name, analysis in answers:
        assert phase_sums(list(analysis.spans)) == {number: sums for number, sums in columns(analysis).items() if sums}, name


def test_parquet_holds_the_tables(answers: list[tuple[str, Analysis]]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name, analysis in answers[::4]:
        for table in (analysis.calls, analysis.spans, analysis.exchanges, analysis.connections, analysis.lookups, analysis.handshakes):
            out = io.BytesIO()
            form = formats()["parquet"]
            assert isinstance(form, Tabular)
            form.save(table, out, {})
            read = parquet.read_table(io.BytesIO(out.getvalue()))
            assert read.column_names == [column.name for column in table.columns], name
            simple = [column.name for column in table.columns if column.kind != "list"]
            expected = [{key: row[key] for key in simple} for row in table.to_dicts()]
            assert read.select(simple).to_pylist() == expected, name


def check_rows(analysis: Analysis, name: str = "") -> None:
    """Hold CSV and JSON Lines against the ledger, as a spreadsheet and a line-by-line reader take them."""
    lines = [json.loads(line) for line in exported(analysis.calls, "jsonl").splitlines()]
    cells = list(csv.DictReader(io.StringIO(exported(analysis.calls, "csv"), newline="")))
    for rows in (lines, cells):
        assert [int(row["duration_ns"]) for row in rows] == [row.duration_ns for row in analysis.calls], name
        sums = {int(row["call_id"]): +Counter({phase: int(row[f"{phase}_ns"]) for phase in PHASES}) for row in rows}
        assert sums == columns(analysis), name


def exported(table: Table[Any], name: str) -> str:
    out = io.BytesIO()
    form = formats()[name]
    assert isinstance(form, Tabular)
    form.save(table, out, {})
    return out.getvalue().decode()


def test_rows_add_up_to_the_ledger(answers: list[tuple[str, Analysis]]) -> None:
    for name, analysis in answers:
        check_rows(analysis, name)


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1))
@example(299)  # a request that ran wholly beside another of its call
def test_whatever_was_captured_adds_up(seed: int) -> None:
    rows: dict[str, list[Any]] = answer(damaged(Net(seed).frames, Random(seed)))
    whole = made_up(
        rows["connections"], rows["exchanges"], calls=rows["calls"], spans=rows["spans"], lookups=rows["lookups"],
        capture=CaptureInfo(packets=len(rows["exchanges"])),
    )  # fmt: skip
    check_har(whole)
    check_otlp(whole)
    check_perfetto(whole)
    assert schema_errors({"log": har(whole)}) == []
