"""No secret of a capture, or of a key log, comes out of any verb in any format: streams, files, temporary files, logs, exceptions.

The table is made from the command group (`tests.verbs.every`): a new verb, format or table is in it by being there. Files that are captures
themselves may hold the packets of their input, and nothing secret beside them; files are for their owner only.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from itertools import count
from pathlib import Path
from random import Random

import pytest

import analyzer
from analyzer.cli.main import VERBS
from tests.cli.program import environment
from tests.secrets.marked import Marked, marked
from tests.secrets.packets import beside_packets, is_capture, packets
from tests.secrets.search import grams, leaks
from tests.verbs.every import DOUBTS, TERMINAL, Run, Scene, every, untried
from tests.verbs.inside import Outcome, run

RUNS = list(every())
CAPTURES = {"annotate", "watch"}
"""Verbs that write captures with the packets of their input as they were."""
VENDORED = resources.files("analyzer.report.page") / "vendored"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    return marked(tmp_path_factory.mktemp("marked"))


@pytest.fixture(scope="module")
def known(made: Marked) -> dict[bytes, str]:
    return grams(made.marks)


@pytest.fixture(scope="module")
def libraries() -> list[bytes]:
    """Scripts that are in every page as they were shipped: large, and the same whatever is in a capture."""
    return [file.read_bytes() for file in map(Path, map(str, VENDORED.iterdir())) if file.suffix == ".js"]


def without(data: bytes, libraries: list[bytes]) -> bytes:
    for one in libraries:
        data = data.replace(one, b"")
    return data


def leaked(done: Outcome, verb: str, known: dict[bytes, str], inputs: set[bytes], libraries: list[bytes]) -> list[str]:
    """Return what came out where, as `secret in place`."""
    out = []
    for place, data in done.texts():
        seen = without(data, libraries)
        if is_capture(data) and verb in CAPTURES:
            assert set(packets(data)) <= inputs, "packets that are not the input's"
            seen = beside_packets(data)
        out += [f"{secret} in {place}" for secret in leaks(seen, known)]
    return out


def test_every_verb_can_be_run() -> None:
    assert untried() == []
    assert {one.verb for one in RUNS} == set(VERBS)


def test_the_capture_holds_the_secrets_and_the_program_reads_what_is_around_them(made: Marked, known: dict[bytes, str]) -> None:
    clear = leaks(made.capture.read_bytes(), known)
    sealed = {name for name in made.marks if name.startswith(("tls", "key log: "))}
    assert clear == set(made.marks) - sealed
    assert leaks(made.keys.read_bytes(), known) == {name for name in made.marks if name.startswith("key log: ")}
    assert len(clear) > 70
    answer = analyzer.read(made.capture, keys=made.keys)
    decrypted = [row for row in answer.exchanges if row.evidence == "decrypted"]
    assert [row.operation for row in decrypted] == ["GetItem", "Query", "PutItem", "PutItem"]
    assert {"imds", "ecs-credentials", "eks-pod-identity", "sts", "dynamodb", "s3"} <= {row.service for row in answer.exchanges}
    assert {"error", "no-response", "ok"} <= {row.outcome for row in answer.exchanges}


@pytest.mark.parametrize("verb", VERBS)
def test_no_output_holds_a_secret(verb: str, made: Marked, known: dict[bytes, str], libraries: list[bytes], tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    loose: dict[str, list[str]] = {}
    inputs = {frame.data for frame in made.frames}
    answered = 0
    for number, one in enumerate(one for one in RUNS if one.verb == verb and (one.verb, one.form) not in TERMINAL):
        scene = Scene(made.capture, made.keys, tmp_path / str(number))
        done = run(one.words(scene), scene.folder, stdin=one.standard_input(scene))
        assert done.trouble is None, (one.name, done.trouble)
        assert done.status in (0, 1, 3, DOUBTS.get(verb, 0)), (one.name, done.stderr)
        answered += done.status != 1
        if names := leaked(done, verb, known, inputs, libraries):
            found[one.name] = names
        rights = [f"{path.relative_to(scene.folder)} {mode:o}" for path, mode in done.modes.items() if mode & 0o077]
        inside = (str(scene.folder), f"{scene.folder}.tmp", "/dev/", "/proc/")
        strays = [path for path in done.opened if not path.startswith(inside) and "__pycache__" not in path]
        if rights or done.left_behind or strays:
            loose[one.name] = rights + done.left_behind + strays
    assert found == {}
    assert loose == {}
    assert answered, f"no run of {verb} was answered"


@pytest.mark.parametrize(
    "one", [Run("exchanges", "jsonl", None), Run("report", "html", "a.html"), Run("export", "parquet", "out/")], ids=str
)
def test_the_table_would_see_a_leak(
    one: Run, made: Marked, known: dict[bytes, str], libraries: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that writes targets as they came does not get through."""
    monkeypatch.setattr("analyzer.aws.recognizer.shown", lambda target: target.decode("latin-1"))
    scene = Scene(made.capture, made.keys, tmp_path / "out")
    done = run(one.words(scene), scene.folder)
    names = {text.partition(" in ")[0] for text in leaked(done, one.verb, known, set(), libraries)}
    assert "presigned: X-Amz-Signature" in names


def damaged(data: bytes, random: Random) -> bytes:
    """Cut a capture, or change some of its bytes."""
    out = bytearray(data)
    if random.random() < 0.3:
        return bytes(out[: random.randrange(200, len(out))])
    for _ in range(random.choice((1, 20, 300))):
        at = random.randrange(24, len(out))
        out[at] = random.choice((0, 10, 13, 32, 58, 255, out[at] ^ 1 << random.randrange(8)))
    return bytes(out)


@pytest.mark.parametrize("seed", range(3))
def test_damage_brings_no_secret_to_light(seed: int, made: Marked, known: dict[bytes, str], tmp_path: Path) -> None:
    """Half messages, broken heads and lost bytes end in anomalies, notes and errors: they say what happened, and quote nothing."""
    random = Random(seed)
    numbers = count()
    whole = made.capture.read_bytes()
    for form in ("json", "text"):
        for _ in range(4):
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            capture, keys = folder / "x.pcapng", folder / "x.keys"
            capture.write_bytes(damaged(whole, random))
            keys.write_bytes(damaged(made.keys.read_bytes() * 3, random))
            done = run(["report", str(capture), "--keys", str(keys), "--format", form, "-v"], folder / "out")
            assert done.trouble is None
            assert done.status in (0, 2), done.stderr
            said = done.stdout + done.stderr + done.logs.encode()
            assert leaks(said, known) == set()


def test_what_shows_itself_in_python_shows_no_secret(made: Marked, known: dict[bytes, str], libraries: list[bytes]) -> None:
    answer = analyzer.read(made.capture, keys=made.keys)
    shown = [
        repr(answer),
        answer._repr_html_(),
        repr(answer.capture).replace(repr(answer.capture.secrets), ""),
        repr(answer.explain("slowest")),
    ]
    for table in (*answer.tables(), answer.pool()):
        shown += [repr(table), table._repr_html_(), repr(list(table)), table.to_pandas().to_csv()]
    shown += [getattr(answer.plot, name)().html() for name in ("waterfall", "phases", "latency", "pool", "tail")]
    for text in shown:
        assert leaks(without((text or "").encode("utf-8", "backslashreplace"), libraries), known) == set()


FAILING = """
import sys
from importlib import import_module
home, name, said, *words = sys.argv[1:]
module = import_module(home)
def fails(*_, **__): raise ValueError(f"cannot understand {said}")
setattr(module, name, fails)
sys.argv[1:] = words
from analyzer.cli import run
run()
"""


@pytest.mark.parametrize(
    "place",
    ["analyzer.capture.open_captures", "analyzer.pipeline.read", "analyzer.findings.check", "analyzer.report.terminal.TerminalRenderer"],
)
def test_an_error_of_the_programs_own_quotes_nothing(place: str, made: Marked, known: dict[bytes, str]) -> None:
    """Whatever fails inside, the last word is a place in the program, without the text of the error."""
    home, _, name = place.rpartition(".")
    secret = made.marks["clear: session token"].decode()
    done = subprocess.run(
        [sys.executable, "-c", FAILING, home, name, secret, "report", str(made.capture), "-v"],
        capture_output=True, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"internal error: ValueError at " in done.stderr
    assert leaks(done.stdout + done.stderr, known) == set()
