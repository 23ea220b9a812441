"""`--sort` and `--limit` of the verbs that print tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import analyzer
from analyzer.cli.tables import wants_for
from tests.cli.program import inside as run

ORDERS = {
    "calls": "-call_id", "exchanges": "-exchange_id", "connections": "-connection_id", "handshakes": "-connection_id",
    "lookups": "-lookup_id", "findings": "cost_ns", "anomalies": "code", "pool": "-opened",
}  # fmt: skip


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


def ids(text: str) -> list[int]:
    return [int(row["call_id"]) for row in csv.DictReader(io.StringIO(text))]


def test_the_slowest_come_first(cold: Path) -> None:
    slowest = [row.call_id for row in sorted(analyzer.read(cold).calls, key=lambda row: -row.duration_ns)[:3]]
    options = ("--limit", "3", "--format", "csv")
    assert ids(run("calls", cold, "--sort", "-duration_ns", *options).stdout) == slowest
    assert ids(run("calls", cold, "--sort", "duration_ns", "--desc", *options).stdout) == slowest
    assert ids(run("calls", cold, "--sort", "operation,-duration_ns", *options).stdout) == slowest
    assert ids(run("calls", cold, "--sort", "operation", "--sort", "-duration_ns", *options).stdout) == slowest
    shown = run("calls", cold, "--sort", "-duration_ns", "--limit", "3").stdout.splitlines()[2:]
    assert [int(line.split()[0]) for line in shown] == slowest


@pytest.mark.parametrize("verb", ORDERS)
def test_every_table_has_them(bundled: Path, verb: str) -> None:
    done = run(verb, bundled / "pool-queue.pcap", "--sort", ORDERS[verb], "--limit", "1", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == (0 if verb == "anomalies" else 1)


def test_rows_that_flow_are_sorted_and_limited_too(cold: Path) -> None:
    """Without calls the exchanges are not held in memory; sorting holds them."""
    plain = ("--columns", "exchange_id", "--format", "csv")
    assert run("exchanges", cold, *plain, "--limit", "2").stdout.split() == ["exchange_id", "0", "1"]
    assert run("exchanges", cold, *plain, "--sort", "-exchange_id", "--limit", "2").stdout.split() == ["exchange_id", "19", "18"]
    idle = run("exchanges", cold, "--columns", "exchange_id,idle_before_ns", "--format", "csv", "--sort", "-idle_before_ns").stdout.split()
    assert [line for line in idle[1:] if line.endswith(",")] == idle[-4:], "what is unknown comes last"


def test_what_is_sorted_by_is_found_out() -> None:
    """A column that is not printed, and costs time, is made nevertheless."""
    assert not wants_for("exchanges", ["exchange_id"], []).calls
    assert wants_for("exchanges", ["exchange_id"], [], ["call_id"]).calls


def test_files_hold_what_is_printed(cold: Path, tmp_path: Path) -> None:
    target = tmp_path / "calls.jsonl"
    run("calls", cold, "--sort", "-duration_ns", "--limit", "2", "-o", target)
    assert len(target.read_text().splitlines()) == 2


def test_findings_are_told_in_that_order(cold: Path) -> None:
    text = run("findings", cold, "--sort", "cost_ns", "--limit", "1").stdout
    assert text.startswith("Secrets in the clear")
    assert text.count("rule ") == 1


@pytest.mark.parametrize(
    "words, said",
    [
        (("--sort", "duration"), "did you mean duration_ns"),
        (("--sort", "-duraton_ns"), "did you mean duration_ns"),
        (("--sort", "exchange_ids"), "is a list, which has no order"),
        (("--desc",), "--desc goes with --sort"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_slips_are_told_before_anything_is_read(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run("calls", tmp_path / "missing.pcap", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
