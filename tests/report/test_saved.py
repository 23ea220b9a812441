"""Saved reports read back: the same rows as before, and errors with their place for what is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import AnalyzerError, CaptureError, UnknownFormat
from analyzer.model.analysis import Analysis
from analyzer.narrow import Filter, apply
from analyzer.report.document import JsonRenderer, analyzer_version
from analyzer.report.saved import is_saved, load, still_true
from tests.factory import finding
from tests.report.made import nasty, waited


def document(analysis: Analysis) -> dict[str, Any]:
    made: dict[str, Any] = json.loads("".join(JsonRenderer().render(analysis)))
    return made


def saved(folder: Path, analysis: Analysis, **changes: Any) -> Path:
    path = folder / "report.json"
    path.write_text(json.dumps({**document(analysis), **changes}))
    return path


@pytest.mark.parametrize("make", [waited, nasty])
def test_a_document_gives_the_rows_that_made_it(tmp_path: Path, make: Any) -> None:
    before = make()
    after = load(saved(tmp_path, before))
    for one, other in zip(before.tables(), after.tables(), strict=True):
        assert list(one) == list(other), one.name
    assert (after.vantage, after.capture.packets, after.capture.first_ns) == (before.vantage, 100, before.capture.first_ns)
    assert after.saved == analyzer_version()


def test_a_real_document_gives_its_rows(tmp_path: Path, bundled: Path) -> None:
    from analyzer.reading import read

    before = read(bundled / "cold-start.pcap")
    after = load(saved(tmp_path, before))
    for one, other in zip(before.tables(), after.tables(), strict=True):
        assert list(one) == list(other), one.name


def test_packed_and_marked_documents_are_read(tmp_path: Path) -> None:
    text = json.dumps(document(waited())).encode()
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf  \n" + text)
    for name in ("a.json.gz", "b.json"):
        assert is_saved(tmp_path / name)
        assert len(load(tmp_path / name).calls) == 5


def test_captures_are_no_reports(tmp_path: Path, bundled: Path) -> None:
    packed = tmp_path / "packed.pcap.gz"
    packed.write_bytes(gzip.compress((bundled / "cold-start.pcap").read_bytes()))
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"\x1f\x8bnonsense")
    for path in (bundled / "cold-start.pcap", packed, broken, tmp_path, tmp_path / "missing.json"):
        assert not is_saved(path)


def test_columns_of_later_versions_may_lack(tmp_path: Path) -> None:
    made = document(waited())
    for row in made["exchanges"]:
        del row["held"], row["retry_mode"], row["request_repeats"]
    (tmp_path / "old.json").write_text(json.dumps(made))
    row = load(tmp_path / "old.json").exchanges[0]
    assert (row.held, row.retry_mode, row.request_repeats) == ((), None, 0)


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("duration_ns", "12", "calls, row 2: duration_ns is no duration"),
        ("duration_ns", -1, "calls, row 2: duration_ns is negative"),
        ("duration_ns", None, "calls, row 2: duration_ns is unknown"),
        ("duration_ns", 1.5, "duration_ns is no duration"),
        ("duration_ns", True, "duration_ns is no duration"),
        ("duration_ns", 10**30, "duration_ns is no duration"),
        ("operation", ["x"], "operation is no text"),
        ("ok", 1, "ok is no bool"),
        ("exchange_ids", [[1]], "exchange_ids is no list"),
    ],
)
def test_values_of_another_kind_are_named(tmp_path: Path, column: str, value: object, message: str) -> None:
    made = document(waited())
    made["calls"][1][column] = value
    (tmp_path / "bad.json").write_text(json.dumps(made))
    with pytest.raises(CaptureError, match=message):
        load(tmp_path / "bad.json")


def test_a_column_that_all_needs_must_be_there(tmp_path: Path) -> None:
    made = document(waited())
    for row in made["calls"]:
        del row["backoff_ns"]
    (tmp_path / "bad.json").write_text(json.dumps(made))
    with pytest.raises(CaptureError, match="calls has no column backoff_ns"):
        load(tmp_path / "bad.json")


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"schema": "analyzer/9"}', '{"a":' + "[" * 100_000, '{"schema": "analyzer/1"', '{"schema": ["analyzer/1"]}']
)
def test_what_is_no_report_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert is_saved(tmp_path / "x.json")
    with pytest.raises(UnknownFormat):
        load(tmp_path / "x.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "code", "calls", "x"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["capture", "calls", "connections", "findings", "exchanges", "analyzer_version"]), json_values))
def test_no_document_makes_it_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("hostile") / "x.json"
    path.write_text(json.dumps({"schema": "analyzer/1", **made}))
    try:
        load(path)
    except AnalyzerError:
        pass


def test_parquet_gives_the_same_calls(tmp_path: Path) -> None:
    before = waited()
    for table in (before.calls, before.connections, before.spans, before.findings):
        table.to_pandas().to_parquet(tmp_path / f"{table.name}.parquet")
    (tmp_path / "report.json").write_text(json.dumps({"schema": "analyzer/1", "analyzer_version": "9", "capture": {"vantage": "client"}}))
    assert is_saved(tmp_path)
    after = load(tmp_path)
    assert list(after.calls) == list(before.calls)
    assert list(after.connections) == list(before.connections)
    assert list(after.findings) == list(before.findings)
    assert (after.vantage, after.saved) == ("client", "9")
    alone = load(tmp_path / "calls.parquet")
    assert list(alone.calls) == list(before.calls)
    assert len(alone.connections) == 0


def test_parquet_of_whole_numbers_is_read_too(tmp_path: Path) -> None:
    from pyarrow import Table as ArrowTable
    from pyarrow import parquet

    before = waited()
    parquet.write_table(ArrowTable.from_pylist(before.calls.to_dicts()), tmp_path / "calls.parquet")
    assert list(load(tmp_path / "calls.parquet").calls) == list(before.calls)


def test_parquet_that_is_none_says_so(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    path.write_bytes(b"PAR1 and then nothing of the kind PAR1")
    with pytest.raises(CaptureError, match="cannot read"):
        load(path)
    other = tmp_path / "folder"
    other.mkdir()
    waited().spans.to_pandas().to_parquet(other / "spans.parquet")
    with pytest.raises(UnknownFormat, match=r"no calls\.parquet"):
        load(other)


def test_a_part_of_a_saved_report_keeps_its_findings(tmp_path: Path) -> None:
    after = load(saved(tmp_path, waited()))
    nothing: frozenset[str] = frozenset()
    part = apply(after, Filter(frozenset({"dynamodb"}), nothing, None, None, frozenset()))
    assert {row.code for row in part.findings} == {row.code for row in after.findings}
    assert part.saved == analyzer_version()
    none = apply(after, Filter(frozenset({"sqs"}), nothing, None, None, frozenset()))
    assert len(none.findings) == 0


def test_what_is_said_of_the_capture_itself_holds_for_any_part() -> None:
    whole = waited()
    part = apply(whole, Filter(frozenset({"sqs"}), frozenset(), None, None, frozenset()))
    assert not len(part.calls)
    number = next(iter(whole.calls)).call_id
    about = [finding(calls=(), connections=()), finding(calls=(number,), connections=()), finding(calls=(), connections=(0,))]
    assert list(still_true(about, part)) == about[:1]
    assert list(still_true(about, whole)) == about
