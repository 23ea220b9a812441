"""Each verb answers, in each form, from files, several files and standard input."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import pytest

from tests.cli.program import run

TABLES = ["calls", "exchanges", "connections", "lookups", "findings", "anomalies"]


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


def test_a_capture_alone_is_a_report(cold: Path) -> None:
    alone, named = run(cold), run("report", cold)
    assert alone.returncode == named.returncode == 0
    assert alone.stdout == named.stdout
    assert "20 requests, 20 answered; 20 calls, " in alone.stdout
    assert alone.stderr == ""


def test_options_may_come_before_the_capture(cold: Path) -> None:
    assert run("--slowest", "0", cold).stdout == run("report", cold, "--slowest", "0").stdout


def test_standard_input(cold: Path) -> None:
    piped = run("-", stdin=cold.read_bytes())
    assert piped.returncode == 0
    # From the count of connections on; before it stands the name, which may be long enough to fold, and at the end the name again.
    said, expected = (text[text.index("4 TCP connections") : text.index("\nnext ")] for text in (piped.stdout, run(cold).stdout))
    assert said == expected


def test_several_files_are_one_time_line(bundled: Path) -> None:
    both = json.loads(run("report", "--format", "json", bundled / "cold-start.pcap", bundled / "filter-scan.pcap").stdout)
    assert [file["packets"] for file in both["capture"]["files"]] == [178, 97]
    assert both["capture"]["packets"] == 275
    assert len(both["exchanges"]) == 30


@pytest.mark.parametrize("verb", TABLES)
def test_forms_agree(cold: Path, verb: str) -> None:
    rows = json.loads(run(verb, cold, "--format", "json").stdout)
    assert [json.loads(line) for line in run(verb, cold, "--format", "jsonl").stdout.splitlines()] == rows
    assert len(list(csv.DictReader(io.StringIO(run(verb, cold, "--format", "csv").stdout)))) == len(rows)
    assert json.loads(run("report", cold, "--format", "json").stdout)[verb] == rows
    if rows:
        columns = ["--columns", "code,summary"] if verb == "findings" else []
        assert len(run(verb, cold, "--format", "markdown", *columns).stdout.splitlines()) == len(rows) + 2
    else:
        assert run(verb, cold).stdout == f"no {verb}\n"


def test_findings_tell_what_the_report_refers_to(cold: Path) -> None:
    assert "Secrets in the clear" in (report := run(cold).stdout)
    assert "analyzer findings shows proof and fix" in " ".join(report.split())
    rows = json.loads(run("findings", cold, "--format", "json").stdout)
    told, written = run("findings", cold).stdout, run("findings", cold, "--format", "markdown").stdout
    assert len(rows) == 4
    for row in rows:
        assert f"\nrule   {row['code']} ({row['severity']})\n" in told
        assert f"\n- rule: `{row['code']}` ({row['severity']})\n" in written
        for text in (row["title"], row["summary"], row["display_filter"], row["remedy"]):
            assert " ".join(text.split()) in " ".join(told.split())
        assert row["display_filter"] in written
    assert max(map(len, told.splitlines())) <= 100
    one = run("findings", cold, "--where", "code=cold-connection").stdout
    assert "rule   cold-connection (info)" in one
    assert "idle-connection-closed" not in one
    assert run("findings", cold, "--where", "code=throttled").stdout == "no findings\n"
    assert run("findings", cold, "--columns", "code").stdout.split() == ["code", *(row["code"] for row in rows)]


@pytest.mark.parametrize(
    "words, name",
    [
        (["report"], "r.json"), (["report"], "r.md"), (["report"], "R.HTML"), (["report"], "r.txt"), (["calls"], "c.csv"),
        (["calls"], "c.json"), (["lookups"], "l.jsonl"), (["pool"], "p.md"), (["explain", "3"], "e.json"), (["explain", "3"], "e.md"),
        (["whatif"], "w.json"), (["whatif"], "w.md"), (["findings"], "f.csv"),
    ],
)  # fmt: skip
def test_the_name_of_the_file_says_the_format(cold: Path, tmp_path: Path, words: list[str], name: str) -> None:
    ending = name.rpartition(".")[2].lower()
    form = {"md": "markdown", "txt": "text"}.get(ending, ending)
    assert run(*words, cold, "-o", tmp_path / name).returncode == 0
    written = (tmp_path / name).read_bytes().decode()
    assert written.splitlines() == run(*words, cold, "--format", form).stdout.splitlines()
    if form == "json":
        assert json.loads(written)


def test_a_given_format_goes_before_the_name_of_the_file(cold: Path, tmp_path: Path) -> None:
    run("calls", cold, "--format", "jsonl", "-o", tmp_path / "calls.csv")
    assert len([json.loads(line) for line in (tmp_path / "calls.csv").read_text().splitlines()]) == 20


def test_a_table_named_parquet_is_parquet(cold: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    assert run("calls", cold, "-o", tmp_path / "calls.parquet").returncode == 0
    assert (tmp_path / "calls.parquet").read_bytes().startswith(b"PAR1")


def test_output_goes_to_a_file_that_only_its_owner_reads(cold: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("x" * 100_000)
    target.chmod(0o644)
    done = run("exchanges", cold, "--format", "json", "-o", target)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(json.loads(target.read_text())) == 20
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    fresh = tmp_path / "fresh.txt"
    run(cold, "-o", fresh)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600
    assert fresh.read_text() == run(cold).stdout


def ids(*args: str | Path) -> list[int]:
    done = run("exchanges", *args, "--format", "json", "--columns", "exchange_id")
    assert done.returncode == 0, done.stderr
    return [row["exchange_id"] for row in json.loads(done.stdout)]


def test_conditions(cold: Path) -> None:
    assert ids(cold, "--where", "index_on_connection=0") == [0, 1, 10, 11]
    assert ids(cold, "--where", "server_ns>20ms") == [1]
    assert ids(cold, "--where", "operation=Query", "--where", "index_on_connection=0", "--where", "connection_id>=2") == [10, 11]
    assert ids(cold, "--where", "operation=GetItem") == []


def test_columns_come_in_the_order_asked_for(cold: Path) -> None:
    assert run("exchanges", cold, "--format", "csv", "--columns", "status, operation ,exchange_id").stdout.splitlines()[:2] == [
        "status,operation,exchange_id", "200,Query,0",
    ]  # fmt: skip


def test_columns_help_needs_no_capture() -> None:
    shown = run("connections", "--columns", "help")
    assert shown.returncode == 0
    assert ["connect_ns", "duration"] in [line.split() for line in shown.stdout.splitlines()]


def test_markdown_is_the_same_report(cold: Path) -> None:
    shown = run("report", cold, "--format", "markdown").stdout
    assert shown.startswith("**")
    assert "## Where the time went" in shown
    assert "| Query | 20 |" in shown


def test_exchanges_name_their_call(cold: Path) -> None:
    rows = json.loads(run("exchanges", cold, "--format", "json").stdout)
    assert [row["call_id"] for row in rows] == list(range(20))
    assert ids(cold, "--where", "call_id=7") == [7]


def test_filters(cold: Path, bundled: Path) -> None:
    everything = list(range(20))
    assert ids(cold, "--connection", "3") == ids(cold, "--where", "connection_id=3")
    assert ids(cold, "--service", "dynamodb") == everything
    assert ids(cold, "--host", "Dynamodb.us-east-1.amazonaws.com") == everything
    assert ids(cold, "--host", "3.218.180.10", "--host", "3.218.180.11") == everything
    assert ids(cold, "--since", "6.9") == list(range(10, 20))
    assert ids(cold, "--until", "6.9") == list(range(10))
    assert ids(cold, "--since", "2026-11-21T20:05:25Z") == list(range(10, 20))
    assert ids(cold, "--until", "2026-11-21T21:05:25+01:00") == list(range(10))
    hop_limit = bundled / "imds-hop-limit-container.pcap"
    assert ids(hop_limit, "--service", "imds") == list(range(6))
    assert ids(hop_limit, "--service", "dynamodb") == list(range(6, 10))
    calls = json.loads(run("calls", hop_limit, "--service", "dynamodb", "--format", "json").stdout)
    assert [row["service"] for row in calls].count("imds") == 1, "the dialogue that a call waited for stays with it"


def test_a_report_of_a_part_is_about_that_part(cold: Path) -> None:
    shown = run(cold, "--connection", "3").stdout
    assert "7 requests, 7 answered; 7 calls" in shown
    assert "tcp.stream == 3" in shown


def test_what_lets_nothing_through_says_what_there_is(cold: Path) -> None:
    done = run("exchanges", cold, "--service", "s3")
    assert (done.returncode, done.stdout) == (0, "no exchanges\n")
    assert "nothing passes the filters; the capture holds 4 TCP connections (service dynamodb; host dynamodb.us-east" in done.stderr


def test_naming_a_service_is_no_filter(cold: Path) -> None:
    assert ids(cold, "--service", "mine=192.0.2.1:80") == list(range(20))
    assert ids(cold, "--service", "mine=192.0.2.1:80", "--service", "s3") == []


def test_rules() -> None:
    listed = run("rules")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == sorted(line.split()[0] for line in listed.stdout.splitlines())
    assert "cold-connection" in listed.stdout
    explained = run("rules", "cold-connection", "capture-incomplete")
    assert "Cold connections (cold-connection, info)" in explained.stdout
    assert "fix    Make one client" in explained.stdout
    assert max(map(len, explained.stdout.splitlines())) <= 100
