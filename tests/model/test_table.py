"""A table narrows, names its columns, and becomes dictionaries and data frames without losing a nanosecond."""

from __future__ import annotations

import pandas as pd
import pytest

from analyzer.errors import UsageError
from analyzer.model.rows import Anomaly, Exchange, Finding, Lookup
from analyzer.model.table import Table, columns_of
from tests.factory import START, exchange, finding, lookup

ROWS = [exchange(0), exchange(1, operation="GetItem", status=None), exchange(2, operation="GetItem", status=400)]
TABLE = Table("exchanges", Exchange, ROWS)


def test_it_is_a_sequence() -> None:
    assert len(TABLE) == 3
    assert TABLE[1] is ROWS[1]
    assert list(TABLE[1:]) == ROWS[1:]
    assert TABLE[1:].name == "exchanges"
    assert repr(TABLE).splitlines()[0] == f"<Table exchanges: 3 rows, {len(Exchange._fields)} columns>"


def test_kinds_come_from_the_annotations() -> None:
    kinds = {column.name: column.kind for row in (Exchange, Finding, Lookup) for column in columns_of(row)}
    wanted = {
        "request_start_ns": "time", "server_ns": "duration", "status": "int", "operation": "text", "has_more": "bool", "share": "float",
        "answers": "list", "packet_ids": "list", "connection_id": "int",
    }  # fmt: skip
    assert {name: kinds[name] for name in wanted} == wanted


def test_where_by_value_and_by_condition() -> None:
    assert [row.exchange_id for row in TABLE.where(operation="GetItem")] == [1, 2]
    assert [row.exchange_id for row in TABLE.where(operation="GetItem", status=400)] == [2]
    assert [row.exchange_id for row in TABLE.where(lambda row: row.exchange_id > 0, operation="Query")] == []
    assert [row.exchange_id for row in TABLE.where(count=3)] == [0, 1, 2]  # a column of the name of a tuple's method


def test_where_takes_conditions_as_on_the_command_line() -> None:
    rows = Table("exchanges", Exchange, [exchange(0), exchange(1, server_ns=30_000_000), exchange(2, server_ns=40_000_000, status=400)])
    assert [row.exchange_id for row in rows.where("server_ns>20ms")] == [1, 2]
    assert [row.exchange_id for row in rows.where("server_ns>20ms", "status<400")] == [1]
    assert [row.exchange_id for row in rows.where("server_ns>20ms", lambda row: row.exchange_id > 1, status=400)] == [2]
    assert list(TABLE.where(operation="getitem")) == []
    with pytest.raises(UsageError, match="cannot read the condition"):
        TABLE.where("server_ns")


def test_a_mistyped_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        TABLE.where(operaton="Query")
    assert caught.value.hint == "did you mean operation?"


def test_none_matches_nothing() -> None:
    assert list(TABLE.where(status=None)) == []


def test_an_unknown_column_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="exchanges has no column 'speed'") as caught:
        TABLE.where(speed=3)
    assert "operation" in str(caught.value.hint)
    with pytest.raises(UsageError):
        TABLE.getter("operation", "index")  # a tuple's method is no column


def test_getter_takes_one_or_several() -> None:
    assert TABLE.getter("operation")(ROWS[1]) == "GetItem"
    assert TABLE.getter("operation", "status")(ROWS[2]) == ("GetItem", 400)


def test_dicts_hold_every_column_and_lists_for_tuples() -> None:
    (row,) = Table("lookups", Lookup, [lookup()]).to_dicts()
    assert tuple(row) == Lookup._fields
    assert (row["answers"], row["connection_ids"], row["packet_ids"]) == (["3.218.180.10"], [0], [1, 2])
    assert row["start_ns"] == START - 5_000_000


def test_a_data_frame_is_exact_to_the_nanosecond() -> None:
    rows = [
        exchange(0, request_start_ns=START + 1, server_ns=4_000_001),
        exchange(1, request_start_ns=None, server_ns=None, status=None, operation=None, has_more=None),
    ]
    frame = Table("exchanges", Exchange, rows).to_pandas()
    assert list(frame.columns) == list(Exchange._fields)
    types = {name: str(frame[name].dtype) for name in ("request_start_ns", "server_ns", "status", "has_more", "operation")}
    assert types == {
        "request_start_ns": "datetime64[ns, UTC]", "server_ns": "timedelta64[ns]", "status": "Int64", "has_more": "boolean",
        "operation": "string",
    }  # fmt: skip
    assert frame["request_start_ns"][0].value == START + 1
    assert frame["server_ns"][0].value == 4_000_001
    assert frame["request_start_ns"][1] is pd.NaT
    assert frame["server_ns"][1] is pd.NaT
    assert all(frame[name][1] is pd.NA for name in ("status", "operation", "has_more"))


def test_lists_and_shares_in_a_data_frame() -> None:
    frame = Table("findings", Finding, [finding(), finding(share=None)]).to_pandas()
    assert frame["packet_ids"][0] == [1, 4]
    assert frame["share"][0] == 0.5
    assert frame["share"][1] is pd.NA


def test_an_empty_data_frame_keeps_its_columns() -> None:
    frame = Table("exchanges", Exchange).to_pandas()
    assert list(frame.columns) == list(Exchange._fields)
    assert str(frame["request_start_ns"].dtype) == "datetime64[ns, UTC]"


def test_the_notebook_view_escapes_what_packets_say() -> None:
    shown = Table("anomalies", Anomaly, [Anomaly("x", 1, None, "<script>alert('x')</script>\x1b[31m")])._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "\x1b" not in shown


def test_the_notebook_view_shows_the_first_rows_and_counts_all() -> None:
    shown = Table("exchanges", Exchange, [exchange(number) for number in range(25)])._repr_html_()
    assert shown.count("<tr>") == 11
    assert "25 rows" in shown
