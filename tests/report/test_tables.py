"""One table in all five forms: what is in it, what unknown looks like, and hostile text in each."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analyzer.errors import UsageError
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Finding, Handshake, Lookup
from analyzer.model.table import Table, columns_of
from analyzer.report.layout import WIDTH, cells
from analyzer.report.tables import FORMATS, render
from tests.factory import START, call, connection, exchange, finding, lookup, warm

EXCHANGES = Table(
    "exchanges", Exchange, [exchange(0), exchange(1, operation=None, status=None, server_ns=None, has_more=None, request_start_ns=None)]
)
COLUMNS = ["exchange_id", "operation", "status", "server_ns", "has_more", "request_start_ns"]
LOOKUPS = Table("lookups", Lookup, [lookup(0, answers=("192.0.2.1", "192.0.2.2"))])


def text(table: Table[Any], form: str, columns: list[str] | None = None) -> str:
    return "".join(render(table, form, columns))


def test_table_for_people() -> None:
    assert text(EXCHANGES, "table", COLUMNS).splitlines() == [
        "exchange                     server  has   request",
        "      id  operation  status      ms  more  start",
        "       0  Query         200     4.0  no    2026-11-18 11:06:40.011Z",
        "       1",
    ]


def test_markdown() -> None:
    assert text(EXCHANGES, "markdown", COLUMNS).splitlines() == [
        "| exchange_id | operation | status | server_ms | has_more | request_start |",
        "|---:|:---|---:|---:|:---|:---|",
        "| 0 | Query | 200 | 4.0 | no | 2026-11-18 11:06:40.011Z |",
        "| 1 |  |  |  |  |  |",
    ]


def test_csv() -> None:
    assert text(EXCHANGES, "csv", COLUMNS) == f"{','.join(COLUMNS)}\n0,Query,200,4000000,false,{START + 11_000_000}\n1,,,,,\n"


def test_json_and_jsonl() -> None:
    rows = json.loads(text(EXCHANGES, "json", COLUMNS))
    assert rows == [
        {
            "exchange_id": 0,
            "operation": "Query",
            "status": 200,
            "server_ns": 4_000_000,
            "has_more": False,
            "request_start_ns": START + 11_000_000,
        },
        {"exchange_id": 1, "operation": None, "status": None, "server_ns": None, "has_more": None, "request_start_ns": None},
    ]
    assert [json.loads(line) for line in text(EXCHANGES, "jsonl", COLUMNS).splitlines()] == rows


def test_lists() -> None:
    assert "192.0.2.1 192.0.2.2" in text(LOOKUPS, "table", ["name", "answers"])
    assert text(LOOKUPS, "csv", ["answers"]) == "answers\n192.0.2.1 192.0.2.2\n"
    assert json.loads(text(LOOKUPS, "json", ["answers"])) == [{"answers": ["192.0.2.1", "192.0.2.2"]}]


def test_one_column() -> None:
    assert text(EXCHANGES, "csv", ["operation"]) == 'operation\nQuery\n""\n'
    assert json.loads(text(EXCHANGES, "jsonl", ["exchange_id"]).splitlines()[1]) == {"exchange_id": 1}


def test_programs_get_all_columns() -> None:
    assert text(EXCHANGES, "csv").splitlines()[0].split(",") == list(Exchange._fields)
    assert tuple(json.loads(text(EXCHANGES, "json"))[0]) == Exchange._fields


@pytest.mark.parametrize("row_type", [Connection, Exchange, Lookup, Finding, Anomaly, Call])
def test_empty_tables(row_type: type[Any]) -> None:
    name = f"{row_type.__name__.lower()}s".replace("anomalys", "anomalies")
    empty: Table[Any] = Table(name, row_type)
    assert text(empty, "table") == text(empty, "markdown") == f"no {name}\n"
    assert text(empty, "csv") == ",".join(row_type._fields) + "\n"
    assert json.loads(text(empty, "json")) == []
    assert text(empty, "jsonl") == ""


def test_wrong_questions() -> None:
    with pytest.raises(UsageError, match="no column 'speed'"):
        text(EXCHANGES, "csv", ["speed"])
    with pytest.raises(UsageError, match="unknown format"):
        text(EXCHANGES, "xml")


HOSTILE = {
    "terminal escape": "\x1b[2Jgone",
    "C1 escape": "\x9b2Jgone",
    "new line": "one\ntwo\r\nthree",
    "bidirectional": "abc\u202egpj.exe",
    "zero width": "a\u200bb",
    "formula": '=HYPERLINK("http://evil")',
    "formula behind a sign": "@SUM(A1:A9)",
    "pipes": "a | b || c",
    "markup": "[click](http://evil) <img src=x> **bold** `code`",
    "quotes": 'he said "no", twice',
    "lone surrogate": "a\udcffb",
    "nul": "a\x00b",
}
MOVES = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x200B, 0x202E, 0xDCFF) if code != 0x0A]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text(what: str, form: str) -> None:
    rows = Table("anomalies", Anomaly, [Anomaly("code", 1, None, HOSTILE[what]), Anomaly("code", 2, None, "calm")])
    written = text(rows, form, ["packet_id", "detail"])
    assert not [char for char in MOVES if char in written]
    lines = written.splitlines()
    if form == "json":
        assert [row["detail"] for row in json.loads(written)] == [HOSTILE[what], "calm"]
    elif form == "jsonl":
        assert [json.loads(line)["detail"] for line in lines] == [HOSTILE[what], "calm"]
    elif form == "csv":
        parsed = list(csv.reader(io.StringIO(written)))
        assert [len(row) for row in parsed] == [2, 2, 2]
        assert not parsed[1][1].startswith(("=", "+", "-", "@"))
        assert parsed[2] == ["2", "calm"]
    elif form == "markdown":
        assert len(lines) == 4
        unescaped = re.sub(r"\\.", "", lines[2])
        assert unescaped.count("|") == 3
        assert not set(unescaped) & set("`*[<#~")
        assert "://" not in unescaped
        (table,) = [token for token in MarkdownIt("commonmark").enable("table").parse(written) if token.type == "table_open"]
        assert table.map == [0, 4]
    else:
        assert len(lines) == 4
        assert lines[3].split() == ["2", "calm"]


LONG = "x" * 3000


@pytest.mark.parametrize(
    "table",
    [
        Table("exchanges", Exchange, [exchange(0, operation=LONG, service="世" * 80, server_ns=10**17, network_ns=-(10**17))]),
        Table("connections", Connection, [connection(server_name=LONG, client_address="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]),
        Table(
            "lookups", Lookup, [lookup(name=LONG, answers=("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",) * 9, connection_ids=tuple(range(90)))]
        ),
        Table("findings", Finding, [finding(code="capture-incomplete-and-so-on", summary=("A long word, " + LONG + " and ") * 2)]),
        Table("anomalies", Anomaly, [Anomaly("duplicate-packets", 10**12, 10**9, LONG)]),
        Table("calls", Call, [call(0, service="世" * 80, operation=LONG, duration_ns=10**17, wait_ns=10**17)]),
    ],
    ids=lambda table: table.name,
)
def test_the_usual_columns_fit_a_terminal(table: Table[Any]) -> None:
    lines = text(table, "table").splitlines()
    assert max(map(cells, lines)) <= WIDTH
    assert len(lines) < 160


HUGE = st.integers(-(2**62), 2**62)
WORD = st.none() | st.text(max_size=60)


@given(st.data(), st.sampled_from([Exchange, Connection, Lookup, Finding, Anomaly, Call, Handshake]))
def test_the_usual_columns_fit_whatever_is_in_them(data: st.DataObject, row_type: type[Any]) -> None:
    name = f"{row_type.__name__.lower()}s".replace("anomalys", "anomalies")
    kinds = {"text": WORD, "list": st.lists(HUGE, max_size=9).map(tuple), "bool": st.none() | st.booleans(), "float": st.floats()}
    rows = [
        row_type(*(data.draw(HUGE if column.name.endswith("_id") else kinds.get(column.kind, HUGE)) for column in columns_of(row_type)))
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    table: Table[Any] = Table(name, row_type, rows)
    assert max(map(cells, text(table, "table").splitlines())) <= WIDTH


def test_columns_for_which_there_is_no_room_are_named() -> None:
    wide = exchange(10**17, connection_id=10**17, call_id=10**17, server_ns=10**17, network_ns=10**17, response_packet_id=10**17)
    shown = text(Table("exchanges", Exchange, [wide]), "table")
    assert max(map(cells, shown.splitlines())) <= WIDTH
    assert shown.splitlines()[-1] == "no room for response_packet_id, call_id (--columns shows them)"
    assert "Query" in shown


def test_sentences_go_on_and_names_are_cut() -> None:
    shown = text(Table("findings", Finding, [finding(summary="word " * 60 + "end")]), "table")
    assert shown.split().count("word") == 60
    assert shown.rstrip().endswith("end")
    assert "…" in text(Table("connections", Connection, [connection(server_name=LONG)]), "table")


def test_columns_that_were_asked_for_are_shown_whole() -> None:
    assert LONG in text(Table("connections", Connection, [connection(server_name=LONG)]), "table", ["server_name"])


def test_large_tables_come_in_pieces() -> None:
    rows = Table("exchanges", Exchange, [exchange(number) for number in range(2500)])
    for form, parse in (
        ("csv", lambda written: written.count("\n") - 1),
        ("jsonl", lambda written: written.count("\n")),
        ("json", lambda written: len(json.loads(written))),
    ):
        pieces = list(render(rows, form, ["exchange_id", "operation"]))
        assert len(pieces) > 2
        assert parse("".join(pieces)) == 2500


CALLS = Table("calls", Call, [call(0, dns_ns=0, credentials_ns=5_000_000), warm(1, connection(), 1, server_ns=None, ok=None)])


def test_calls_show_the_phases_that_took_time() -> None:
    lines = text(CALLS, "table").splitlines()
    assert lines[0].split() == ["call", "duration", "credentials", "connect", "wait"]
    assert lines[2].split() == ["0", "dynamodb", "Query", "11:06:40.000Z", "28.0", "1", "yes", "5.0", "10.0", "14.0"]
    assert lines[3].split() == ["1", "dynamodb", "Query", "11:06:40.061Z", "17.0", "1", "14.0"]
    assert max(map(len, lines)) <= WIDTH


def test_more_phases_show_where_there_is_room() -> None:
    short = Table("calls", Call, [call(0, service="s3", operation="Get", wait_ns=0, server_ns=0)])
    assert text(short, "table").splitlines()[0].split() == ["call", "duration", "connect", "client", "send", "receive"]


def test_times_of_several_days_keep_their_date() -> None:
    day = 86_400 * 10**9
    rows = Table("calls", Call, [call(0), call(1, start_ns=START + day)])
    assert "2026-11-19 11:06:40.000Z" in text(rows, "table")
    assert "2026-11-18 11:06:40.000Z" in text(CALLS, "markdown")


def test_columns_that_were_asked_for_keep_their_date() -> None:
    assert "2026-11-18 11:06:40.000Z" in text(CALLS, "table", ["call_id", "start_ns"])
