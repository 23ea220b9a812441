"""The habits of all verbs: exit status, errors, help, pipes and terminals."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli.main import VERBS
from tests.cli.program import environment, run


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


@pytest.mark.parametrize("verb", [*VERBS, None])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(verb: str | None, option: str) -> None:
    shown = run(*([verb] if verb else []), option)
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: analyzer")
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_help_lists_every_verb() -> None:
    shown = run("--help").stdout
    assert all(f"\n  {verb} " in shown for verb in VERBS)


def test_help_after_a_capture_is_that_of_the_report(cold: Path) -> None:
    assert run(cold, "--help").stdout == run("report", "--help").stdout


def test_version() -> None:
    shown = run("--version")
    assert shown.returncode == 0
    assert shown.stdout.startswith("analyzer ")
    assert len(shown.stdout.split()) == 2


def test_help_imports_nothing_heavy() -> None:
    heavy = {"pandas", "scapy", "rich", "tabulate", "analyzer.pipeline"}
    code = f"import sys; from analyzer.cli import main; main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.splitlines()[-1] == "[]"


WRONG = [
    (["report"], "Missing argument"),
    (["exchanges", "FILE", "--format", "xml"], "'xml' is not one of"),
    (["report", "FILE", "--speed"], "No such option"),
    (["FILE", "--speed"], "No such option"),
    (["exchanges", "FILE", "--columns", "speed"], "no column 'speed'"),
    (["exchanges", "FILE", "--where", "speed=3"], "no column 'speed'"),
    (["exchanges", "FILE", "--where", "status"], "cannot read the condition"),
    (["exchanges", "FILE", "--where", "status=fast"], "status is a number"),
    (["report", "FILE", "--since", "yesterday"], "cannot read the time"),
    (["report", "FILE", "--until", "9" * 5000], "cannot read the time"),
    (["report", "FILE", "--connection", "-1"], "-1 is not in the range"),
    (["report", "FILE", "--service", "mine="], "mine="),
    (["rules", "no-such-rule"], "there is no rule 'no-such-rule'"),
]


@pytest.mark.parametrize("args, message", WRONG, ids=[" ".join(args)[:40] for args, _ in WRONG])
def test_wrong_usage_is_1_and_one_clear_message(cold: Path, args: list[str], message: str) -> None:
    done = run(*(str(cold) if arg == "FILE" else arg for arg in args))
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_no_answer_is_2(tmp_path: Path, bundled: Path) -> None:
    empty, text, folder = tmp_path / "empty.pcap", tmp_path / "notes.txt", tmp_path / "folder"
    empty.touch()
    text.write_text("This is no capture at all, whatever its length may be.\n")
    folder.mkdir()
    for path in (tmp_path / "missing.pcap", empty, text, folder, bundled / "README.md"):
        done = run(path)
        assert (done.returncode, done.stdout) == (2, ""), path
        assert done.stderr.startswith("analyzer: ")
        assert path.name in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_output_that_cannot_be_written_is_2(cold: Path, tmp_path: Path) -> None:
    done = run(cold, "-o", tmp_path / "no" / "such" / "folder.txt")
    assert done.returncode in (1, 2)
    assert "folder.txt" in done.stderr


def test_an_error_shows_names_harmlessly() -> None:
    done = run("no\x1b[31msuch\u202e.pcap")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_a_name_that_is_no_text_is_written_as_an_escape(cold: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/b\xff\xfe.pcap"
    Path(os.fsdecode(odd)).write_bytes(cold.read_bytes())
    for form in ("text", "json"):
        done = run("report", os.fsdecode(odd), "--format", form)
        assert done.returncode == 0
        assert "b\\udcff\\udcfe.pcap" in done.stdout


def test_a_cut_file_is_answered_with_a_warning(cold: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(cold.read_bytes()[:-50])
    done = run("report", cut, "--format", "json")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["capture"]["complete"] is False
    assert answer["capture"]["packets"] == 177
    assert answer["capture"]["notes"]
    assert done.stderr.startswith("analyzer: warning: ")
    shown = run(cut)
    assert (shown.returncode, shown.stderr) == (0, done.stderr)
    assert "Not complete: The file is cut short or damaged" in shown.stdout


def test_a_reader_that_goes_away_is_no_error(bundled: Path) -> None:
    command = f"{sys.executable} -m analyzer exchanges {bundled}/cold-start.pcap {bundled}/filter-scan.pcap --format jsonl"
    for reader in ("head -c 1", "true", "sleep 0"):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} | {reader}"], capture_output=True, text=True, env=environment(), check=False
        )
        assert done.stderr == ""
        assert done.returncode == 0


def test_piped_output_has_no_colour_and_no_progress(cold: Path) -> None:
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR"):
        done = run(cold, stdin=None, **{name: "1"})
        assert "\x1b" not in done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_letters_is_answered(bundled: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", str(bundled / "imds-hop-limit-uplink.pcap")],
        capture_output=True,
        env=environment(PYTHONIOENCODING=encoding),
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == b""
    assert b"requests" in done.stdout


def on_terminal(code: str, cold: Path, **changes: str) -> tuple[int, bytes]:
    """Run Python code with standard error on a pseudo-terminal; return the exit status and what it showed there."""
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-c", code, str(cold)],
        stdout=subprocess.DEVNULL,
        stderr=follower,
        env=environment(TERM="xterm-256color", **changes),
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux says EIO when the last writer has gone
            break
        if not part:
            break
        shown += part
    os.close(leader)
    return done.wait(60), shown


PROGRAM = "import sys; import analyzer.cli.progress as p; p.LARGE = {large}; from analyzer.cli import main; sys.exit(main(sys.argv[1:]))"


def test_progress_shows_on_a_terminal_for_large_captures_only(cold: Path) -> None:
    assert on_terminal(PROGRAM.format(large=50_000_000), cold) == (0, b"")
    status, shown = on_terminal(PROGRAM.format(large=1000), cold)
    assert status == 0
    assert b"reading" in shown


def test_progress_without_colour(cold: Path) -> None:
    status, shown = on_terminal(PROGRAM.format(large=1000), cold, NO_COLOR="1")
    assert status == 0
    assert b"reading" in shown
    assert b"\x1b[3" not in shown
    assert b"\x1b[9" not in shown


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_mistake_of_the_program_is_no_wrong_usage_and_quotes_nothing(debug: str) -> None:
    broken = """
import importlib
it = importlib.import_module("analyzer.cli.main")
def fails(*_, **__): raise ValueError("a token from the capture")
it.cli.main = fails
it.run()
"""
    done = subprocess.run(
        [sys.executable, "-c", broken], capture_output=True, text=True, env=environment(ANALYZER_DEBUG=debug), check=False
    )  # fmt: skip
    if debug:
        assert "Traceback" in done.stderr
    else:
        assert done.returncode == 2
        assert "internal error: ValueError at <string>:4" in done.stderr
        assert "token" not in done.stderr
