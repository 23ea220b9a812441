"""`analyzer export`, and Parquet of the table verbs, as a user meets them."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli.main import main
from tests.cli.program import environment, run


@pytest.fixture
def capture(bundled: Path) -> str:
    return str(bundled / "imds-hop-limit-container.pcap")


@pytest.mark.parametrize("name,key", [("a.har", "log"), ("a.otlp.json", "resourceSpans"), ("a.perfetto.json", "traceEvents")])
def test_the_ending_says_the_format(capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, key: str) -> None:
    assert main(["export", capture, "-o", str(tmp_path / name)]) == 0
    assert key in json.loads((tmp_path / name).read_text())
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_folder_of_tables(capture: str, tmp_path: Path) -> None:
    assert main(["export", capture, "-o", f"{tmp_path}/out", "--to", "csv"]) == 0
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {"connections", "lookups", "handshakes", "exchanges", "calls", "spans", "findings", "anomalies", "whatif", "pool"} == names


def test_text_goes_to_standard_output(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", capture, "--to", "jsonl", "--table", "calls", "--service", "dynamodb"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["service"] for row in rows} == {"dynamodb", "imds"}  # the dialogue that its call waited for stays with it
    assert main(["export", capture, "--to", "har", "-o", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["log"]["version"] == "1.2"


def test_parquet_goes_through_a_pipe(capture: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for words in (["calls", capture, "--format", "parquet"], ["export", capture, "--to", "parquet", "--table", "calls"]):
        done = subprocess.run([sys.executable, "-m", "analyzer", *words], capture_output=True, env=environment(), check=True)
        assert parquet.read_table(io.BytesIO(done.stdout))["call_id"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_table_verb_writes_parquet(capture: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "slow.parquet"
    words = ["--where", "duration_ns>1s", "--columns", "call_id,duration_ns", "-o", str(target)]
    assert main(["calls", capture, "--format", "parquet", *words]) == 0
    assert parquet.read_table(target).to_pylist() == [{"call_id": 0, "duration_ns": 4346542000}, {"call_id": 1, "duration_ns": 4372942000}]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "words,said",
    [
        (["-o", "a.json"], "does not tell the format"),
        ([], "which format"),
        (["--to", "csv"], "which table"),
        (["-o", "x.parquet"], "which table"),
        (["-o", "a.har", "--table", "calls"], "not one table"),
        (["--otlp-endpoint", "localhost:4318"], "no URL"),
        (["--otlp-endpoint", "http://localhost", "-o", "a.har"], "Either --otlp-endpoint or -o"),
        (["--otlp-endpoint", "http://localhost", "--to", "har"], "takes spans"),
        (["--to", "word"], "Invalid value for '--to'"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "no-such.pcap", *words]) == 1
    assert said in capsys.readouterr().err


def test_where_nothing_can_be_written(capture: str, tmp_path: Path) -> None:
    done = run("export", capture, "-o", tmp_path / "missing" / "a.har")
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    out = capsys.readouterr().out
    for word in ("har", "otlp", "perfetto", "csv", "jsonl", "parquet", ".har", ".otlp.json", ".perfetto.json", "--otlp-endpoint"):
        assert word in out


def test_help_imports_nothing_heavy(root: Path) -> None:
    heavy = ("pandas", "pyarrow", "opentelemetry", "numpy", "rich", "scapy", "tabulate")
    program = f"import sys, analyzer.cli.export; print(*sorted({set(heavy)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
