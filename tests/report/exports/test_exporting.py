"""Which format, which table, which file: and files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.report.exports import export, format_of, pieces, registry
from analyzer.report.exports.format import Document
from analyzer.report.exports.formats import otlp
from analyzer.report.exports.writing import TEXT_BATCH, whole_file, write_text
from tests.factory import analysis
from tests.report.made import waited


@pytest.mark.parametrize(
    "path,to,name",
    [
        ("a.har", None, "har"),
        ("A.HAR", None, "har"),
        ("a.otlp.json", None, "otlp"),
        ("a.otlp.jsonl", None, "otlp"),
        ("a.perfetto.json", None, "perfetto"),
        ("a.trace.json", None, "perfetto"),
        ("calls.parquet", None, "parquet"),
        ("calls.csv", None, "csv"),
        ("spans.jsonl", None, "jsonl"),
        ("out/", None, "parquet"),
        ("out/", "csv", "csv"),
        ("out", "jsonl", "jsonl"),
        ("a.json", "otlp", "otlp"),
        ("/dev/stdout", "har", "har"),
    ],
)
def test_the_name_or_the_option_says_the_format(path: str, to: str | None, name: str) -> None:
    assert format_of(path, to, None).name == name


@pytest.mark.parametrize(
    "path,to,table,message",
    [
        ("a.json", None, None, "does not tell the format"),
        ("a", None, None, "does not tell the format"),
        ("a.har", "word", None, "no format 'word'"),
        ("a.parquet", None, None, "which table is a.parquet to hold"),
        ("a.har", None, "calls", "not one table"),
        ("out/", "har", None, "is a folder"),
        (None, None, None, "which format"),
        (None, "csv", None, "which table"),
    ],
)
def test_a_question_that_cannot_be_answered(path: str | None, to: str | None, table: str | None, message: str) -> None:
    with pytest.raises(analyzer.UsageError, match=message):
        format_of(path, to, table)


def test_every_format_can_be_written(tmp_path: Path) -> None:
    for name, form in registry.formats().items():
        table = None if isinstance(form, Document) else "calls"
        (path,) = export(waited(), tmp_path / f"file{form.suffixes[0]}", name, table)
        assert path.stat().st_size > 100
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_holds_every_table(tmp_path: Path) -> None:
    written = export(waited(), f"{tmp_path}/out/", "jsonl")
    assert [path.stem for path in written] == [
        "connections",
        "lookups",
        "handshakes",
        "exchanges",
        "calls",
        "spans",
        "findings",
        "anomalies",
    ]
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert len((tmp_path / "out" / "calls.jsonl").read_text().splitlines()) == 5
    export(waited(), f"{tmp_path}/out/", "jsonl")  # again, over the old ones


def test_lines_where_the_name_asks_for_them(tmp_path: Path) -> None:
    export(waited(), tmp_path / "a.jsonl", "otlp")
    export(waited(), tmp_path / "a.otlp.json")
    assert [set(json.loads(line)) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == [{"resourceSpans"}]
    assert set(json.loads((tmp_path / "a.otlp.json").read_text())) == {"resourceSpans"}


def test_a_table_that_the_answer_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(analyzer.UsageError, match="no table 'pool'"):
        export(waited(), tmp_path / "pool.csv")


def test_the_library_exports(bundled: Path, tmp_path: Path) -> None:
    whole = analyzer.read(bundled / "cold-start.pcap")
    assert whole.export(tmp_path / "a.har") == [tmp_path / "a.har"]
    assert json.loads((tmp_path / "a.har").read_text())["log"]["version"] == "1.2"
    whole.export(tmp_path / "p.csv", table="pool")
    assert (tmp_path / "p.csv").read_text().startswith("client_address,")
    with pytest.raises(analyzer.UsageError, match="without renderers"):
        waited().export(tmp_path / "b.har")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.har"
    target.write_text("old")

    def fail() -> None:
        with whole_file(target) as out:
            out.write(b"half")
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fail()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.har", "old")]


def test_nothing_is_there_before_it_is_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.har") as out:
        out.write(b"new")
        assert not (tmp_path / "a.har").exists()
        assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
    assert (tmp_path / "a.har").read_bytes() == b"new"


def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with whole_file(tmp_path / "link") as out:
        out.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    reading, writing = os.pipe()
    with whole_file(f"/dev/fd/{writing}") as out:
        out.write(b"said")
    assert os.read(reading, 10) == b"said"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("name", ["missing/a.har", "folder"])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(analyzer.AnalyzerError, match="cannot write"), whole_file(tmp_path / name) as out:
        out.write(b"x")


def test_text_is_written_as_it_comes(tmp_path: Path) -> None:
    pulled, sizes = [], []

    def some() -> Iterator[str]:
        for number in range(10):
            pulled.append(number)
            yield "x" * (TEXT_BATCH // 2)

    with whole_file(tmp_path / "a") as out:
        seen = out.write

        class Out:
            def write(self, data: bytes) -> int:
                sizes.append((len(pulled), len(data)))
                return seen(data)

        write_text(some(), Out())  # type: ignore[arg-type]  # all that is used of a file
    assert sizes[:2] == [(2, TEXT_BATCH), (4, TEXT_BATCH)]
    assert (tmp_path / "a").stat().st_size == 5 * TEXT_BATCH


@pytest.mark.parametrize("name", ["har", "otlp", "perfetto"])
def test_documents_come_in_pieces(bundled: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "BATCH", 1)
    whole = analyzer.read(bundled / "cold-start.pcap")
    parts = list(pieces(whole, name))
    assert len(parts) > 20
    assert max(map(len, parts)) < 20_000


def test_a_module_that_is_no_format_fails_when_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.formats.cache_clear()
    monkeypatch.setattr(registry, "import_module", lambda name: ModuleType(name))
    with pytest.raises(TypeError, match="is no format"):
        registry.formats()
    monkeypatch.undo()
    registry.formats.cache_clear()
    assert list(registry.formats()) == ["har", "otlp", "perfetto", "csv", "jsonl", "parquet"]


def test_an_empty_answer_can_be_exported(tmp_path: Path) -> None:
    nothing: Analysis = analysis([], [])
    for name in ("har", "otlp", "perfetto"):
        export(nothing, tmp_path / name, name)
        assert isinstance(json.loads((tmp_path / name).read_text()), dict)


@pytest.mark.parametrize("name", ["imds-hop-limit-container", "throttling"])
def test_nothing_secret_is_exported(bundled: Path, tmp_path: Path, name: str) -> None:
    raw = (bundled / f"{name}.pcap").read_bytes()
    keys = set(re.findall(rb"Credential=(\w{16,})", raw)) | set(re.findall(rb"Signature=(\w{64})", raw))
    tokens = set(re.findall(rb"(?i)x-amz-security-token: (\S{20,})", raw)) | set(
        re.findall(rb'"(?:SecretAccessKey|Token)" *: *"([^"]+)"', raw)
    )
    assert len(keys) >= 2
    whole = analyzer.read(bundled / f"{name}.pcap")
    for form in ("har", "otlp", "perfetto"):
        export(whole, tmp_path / form, form)
    export(whole, f"{tmp_path}/out/", "csv")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [secret for secret in keys | tokens if secret in written] == []
