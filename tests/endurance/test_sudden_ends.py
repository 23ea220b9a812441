"""However a run ends, what stands under a final name is whole, and what was there before is still there."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from analyzer.errors import AnalyzerError
from analyzer.files import whole_file
from tests.cli.program import environment, run
from tests.endurance.driver import SLOW_OUTPUT, ended, soon, start, until_said

WRITERS: list[tuple[str, list[str], str]] = [
    ("a page", ["report"], "out.html"),
    ("a table", ["exchanges"], "out.csv"),
    ("Parquet", ["calls"], "out.parquet"),
    ("another viewer's", ["export"], "out.har"),
]


@pytest.fixture
def capture(bundled: Path) -> Path:
    return bundled / "cold-start.pcap"


@pytest.mark.parametrize("what,words,name", WRITERS, ids=[what for what, _, _ in WRITERS])
def test_killed_while_it_writes_it_leaves_what_was_there(what: str, words: list[str], name: str, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / name
    target.write_bytes(b"what was there before")
    process = start(*words, capture, "-o", target, program=SLOW_OUTPUT)
    until_said(process, b"half")
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    assert target.read_bytes() == b"what was there before"


@pytest.mark.parametrize("number,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_told_to_end_while_it_writes_it_leaves_nothing_behind(number: int, status: int, capture: Path, tmp_path: Path) -> None:
    process = start("report", capture, "-o", tmp_path / "out.json", program=SLOW_OUTPUT)
    until_said(process, b"half")
    process.send_signal(number)
    found, _, err = ended(process)
    assert found == status
    assert list(tmp_path.iterdir()) == []
    assert (b"interrupted" in err) == (number == signal.SIGINT)


def test_finished_files_of_a_folder_stay(capture: Path, tmp_path: Path) -> None:
    """Killed at the second of many tables, the first is there, whole."""
    program = SLOW_OUTPUT.replace("<nothing>", "connections")
    assert program != SLOW_OUTPUT
    process = start("export", capture, "--to", "jsonl", "-o", tmp_path / "out", program=program)
    until_said(process, b"half")
    process.kill()
    ended(process)
    whole = [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
    assert [path.name for path in whole] == ["connections.jsonl"]
    assert len([json.loads(line) for line in whole[0].read_text().splitlines()]) == 4


@pytest.mark.parametrize("seed", range(8))
def test_an_interrupt_at_any_moment_is_one_line(seed: int, capture: Path, tmp_path: Path) -> None:
    random = Random(seed)
    verb, *more = random.choice((["report", "-o", f"{tmp_path}/x.html"], ["whatif"], ["export", "-o", f"{tmp_path}/out/"]))
    process = start(verb, capture, *more)
    soon(random.uniform(0.05, 0.7))
    process.send_signal(signal.SIGINT)
    status, _, err = ended_or_not_begun(process)
    assert status in (0, 130, -signal.SIGINT)
    assert err.strip() in (b"", b"interrupted")
    assert list(tmp_path.rglob("*.part")) == []
    if (tmp_path / "x.html").exists():
        assert (tmp_path / "x.html").read_text().rstrip().endswith("</html>")


def test_what_was_opened_is_read_though_its_name_is_gone(capture: Path, tmp_path: Path) -> None:
    """A capture that is deleted, or cut short, while it is read: what was read is answered."""
    from analyzer.capture import open_captures

    copy = tmp_path / "copy.pcap"
    copy.write_bytes(capture.read_bytes())
    source = open_captures([copy], chunk=4096)
    packets = 0
    for number, block in enumerate(source.blocks()):
        packets += len(block.times)
        if number == 0:
            os.truncate(copy, 20_000)
            copy.unlink()
    assert 0 < packets < 178
    assert not source.info.complete
    assert source.info.notes


def ended_or_not_begun(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Return how it ended; where the interpreter itself was still starting, its own complaint is not ours."""
    out, err = process.communicate(timeout=60)
    if b"Traceback" in err and b"KeyboardInterrupt" in err and b", in run\n" not in err:
        return 130, out, b"interrupted\n"
    return process.returncode, out, err


def limited(size: int) -> Callable[[], None]:
    """Return what sets a limit on the size of files: a full disk for whoever writes."""

    def before() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return before


@pytest.mark.parametrize("what,words,name", WRITERS, ids=[what for what, _, _ in WRITERS])
def test_a_full_disk_is_said_and_leaves_nothing(what: str, words: list[str], name: str, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / name
    process = start(*words, capture, "-o", target, before=limited(1000))
    status, _, err = ended(process)
    assert status == 2
    assert err.decode() == f"analyzer: cannot write {target}: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_of_its_own(capture: Path, tmp_path: Path) -> None:
    """A file system with no room, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "x.html").write_bytes(b"before")
        done = run("report", capture, "-o", disk / "x.html")
        assert (done.returncode, done.stderr) == (2, f"analyzer: cannot write {disk / 'x.html'}: No space left on device\n")
        assert [(path.name, path.read_bytes()) for path in disk.iterdir()] == [("x.html", b"before")]
        watched = run("watch", "-", "--format", "jsonl", "-w", disk / "all.pcapng", stdin=capture.read_bytes() * 1)
        assert watched.returncode == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("words", [["report"], ["calls", "--format", "parquet"], ["export", "--to", "har"]])
def test_standard_output_that_takes_nothing(words: list[str], capture: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, err = ended(start(*words, capture, stdout=full))
    assert (status, err) == (2, b"analyzer: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_mistake_of_ours(closed: str, capture: Path, tmp_path: Path) -> None:
    """What is opened next takes the number of a closed stream: an answer must not end in a file that was to be something else."""
    command = f"{sys.executable} -m analyzer report {capture} -o {tmp_path}/x.json {closed}"
    done = subprocess.run(["bash", "-c", command], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads((tmp_path / "x.json").read_text())["capture"]["packets"] == 178


def test_a_reader_that_leaves_ends_every_verb_quietly(capture: Path) -> None:
    for words in (["report"], ["calls", "--format", "parquet"], ["export", "--to", "har"]):
        reading, writing = os.pipe()
        process = start(*words, capture, stdout=writing)
        os.close(writing)
        os.close(reading)
        assert ended(process)[::2] == (0, b""), words


def test_input_that_vanishes(capture: Path, tmp_path: Path) -> None:
    """Gone before it is opened, one of several gone, a link into nothing."""
    gone = tmp_path / "gone.pcap"
    done = run("report", gone)
    assert (done.returncode, done.stderr) == (2, f"analyzer: {gone} does not exist\nhint: check the path\n")
    done = run("report", capture, gone)
    assert (done.returncode, done.stdout) == (2, "")
    broken = tmp_path / "link.pcap"
    broken.symlink_to(gone)
    assert run("report", broken).returncode == 2


def test_input_that_cannot_be_read(tmp_path: Path) -> None:
    for path, why in ((Path("/proc/self/mem"), "Input/output error"), (tmp_path, "is a directory"), (Path("/dev/null"), "is empty")):
        done = run("report", path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert why in done.stderr
        assert done.stderr.startswith(f"analyzer: {path}")


def test_files_are_the_owners_whatever_the_umask_and_the_file_before(capture: Path, tmp_path: Path) -> None:
    loose = tmp_path / "x.json"
    loose.write_text("{}")
    loose.chmod(0o666)
    before = os.umask(0)
    try:
        assert run("report", capture, "-o", loose).returncode == 0
        assert run("export", capture, "-o", f"{tmp_path}/out/").returncode == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(loose.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}


def test_a_file_that_cannot_be_replaced_is_written_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single file mounted into a container: renaming over it is refused."""
    target = tmp_path / "x"
    target.write_bytes(b"a longer text that was there")
    number = target.stat().st_ino

    def busy(self: Path, other: Path) -> Path:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    with whole_file(target) as out:
        out.write(b"new")
    assert (target.read_bytes(), target.stat().st_ino) == (b"new", number)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_takes_no_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")

    def refused(*_: object, **__: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    with whole_file(target) as out:
        out.write(b"new")
    assert target.read_bytes() == b"new"
    with pytest.raises(AnalyzerError, match="Permission denied"), whole_file(tmp_path / "y") as out:
        out.write(b"new")
