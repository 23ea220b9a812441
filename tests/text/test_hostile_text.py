"""Nothing that a packet says can act on whoever reads the answer: every verb in every format, judged by what that format is.

Two rounds: a capture in which everything is an attack, through the parsers; and answers whose rows were replaced by attacks after that, so
that what shows them cannot rely on the parsers.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import analyzer
from analyzer.cli.main import VERBS
from tests.cli.program import environment
from tests.secrets.marked import marked
from tests.secrets.packets import beside_packets, is_capture
from tests.text.hostile import ATTACKS, hostile
from tests.text.judges import BINARY, JUDGES, comma, document, lines, markdown, page, people
from tests.text.poison import administer
from tests.verbs.every import DOUBTS, FILES, TERMINAL, Run, Scene, every, forms_of
from tests.verbs.inside import run

RUNS = [one for one in every() if (one.verb, one.form) not in TERMINAL and "-v" not in one.extra]
NAMED = {one.verb for one in RUNS} - {one.verb for one in RUNS if one.target is None}
"""Verbs that write into files only."""


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    folder = tmp_path_factory.mktemp("hostile")
    made = marked(folder)
    keys = folder / "no.keys"
    keys.write_bytes(b"")
    return {"capture": Scene(hostile(folder), keys, folder), "rows": Scene(made.capture, made.keys, folder)}


def test_every_format_has_its_judge() -> None:
    forms = {form for verb in VERBS for form in forms_of(verb) if form is not None and (verb, form) not in TERMINAL}
    assert forms <= JUDGES.keys() | BINARY
    assert forms <= FILES.keys()


def runs_of(verb: str, round_: str) -> list[Run]:
    """Return what is run: a file holds what standard output does, and the first round is about parsers, which options do not change."""
    named = [one for one in RUNS if one.verb == verb and (one.target is None or one.target == "out/" or verb in NAMED)]
    return [one for one in named if round_ == "rows" or not one.extra or "--table" in one.extra]


def judged(form: str, data: bytes) -> Iterator[str]:
    if form in BINARY:
        return iter(())
    return JUDGES[form](data.decode("utf-8"))


@pytest.mark.parametrize("round_", ["capture", "rows"])
@pytest.mark.parametrize("verb", VERBS)
def test_no_text_acts(verb: str, round_: str, captures: dict[str, Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if round_ == "rows":
        administer(monkeypatch)
    found: dict[str, list[str]] = {}
    answered = 0
    for number, one in enumerate(runs_of(verb, round_)):
        scene = captures[round_]._replace(folder=tmp_path / str(number))
        done = run(one.words(scene), scene.folder, stdin=one.standard_input(scene))
        assert done.trouble is None, (one.name, done.trouble)
        assert done.status in (0, 1, 2, 3), (one.name, done.stderr)
        answered += done.status in (0, 3, DOUBTS.get(verb, 0))
        form = one.form or "text"
        bad = [f"stderr: {what}" for what in people(done.stderr.decode())]
        if done.stdout and done.status in (0, 3):
            bad += [f"stdout: {what}" for what in judged(form, done.stdout)]
        for path, data in done.files.items():
            bad += [f"{path.name}: {what}" for what in files_judged(one, path, data)]
        if bad:
            found[one.name] = bad[:5]
    assert found == {}
    assert answered or round_ == "capture", f"no run of {verb} was answered"


def files_judged(one: Run, path: Path, data: bytes) -> Iterator[str]:
    if is_capture(data):
        # What an annotated capture said before, it goes on saying.
        return people_in_capture(data) if path.name != "all.pcapng" and one.verb != "annotate" else iter(())
    if path.name == "preferences":
        data = data.replace(b"\t", b" ")  # Wireshark's own form
    ending = path.suffix.lstrip(".")
    form = {"txt": "text", "md": "markdown", "trace": "json"}.get(ending, ending)
    if one.verb == "watch" and one.form == "jsonl" and path.name == "out.jsonl":
        form = "text"  # the report at the end
    return judged(form if form in JUDGES or form in BINARY else "text", data)


def people_in_capture(data: bytes) -> Iterator[str]:
    """Judge the comments of a capture: Wireshark shows them as lines."""
    said = beside_packets(data)
    for name in ("colour", "title", "erase", "right to left"):
        if ATTACKS[name].encode() in said:
            yield f"a comment with {name}"


def test_the_live_view_shows_no_attack(captures: dict[str, Scene], tmp_path: Path) -> None:
    """On a terminal it draws with escape codes of its own: none of them is a packet's."""
    program = (
        "import pytest; from tests.text.poison import administer; administer(pytest.MonkeyPatch()); "
        "from analyzer.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
    )
    scene = captures["rows"]
    leader, follower = pty.openpty()
    words = ["watch", "-", "--format", "view", "--keys", str(scene.keys), "-o", str(tmp_path / "out.txt")]
    with scene.capture.open("rb") as capture:
        done = subprocess.Popen(
            [sys.executable, "-c", program, *words], stdin=capture, stdout=follower, stderr=follower,
            env=environment(TERM="xterm-256color", COLUMNS="200", LINES="60"),
        )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert done.wait(60) == 0, shown[-500:]
    assert b"operation" in shown
    for name, text in ATTACKS.items():
        if name in ("colour", "title", "C1", "erase", "right to left", "separator", "nul"):
            assert text.encode() not in shown, name
    assert "\u202e".encode() not in shown
    assert not re.search(rb"\x1b\]", shown)


def test_what_shows_itself_in_a_notebook_is_text(captures: dict[str, Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    administer(monkeypatch)
    answer = analyzer.read(captures["rows"].capture, keys=captures["rows"].keys)
    cards = [answer._repr_html_(), answer.explain("slowest")._repr_html_(), answer.whatif()._repr_html_()]
    cards += [table._repr_html_() for table in (*answer.tables(), answer.pool())]
    for card in cards:
        assert card is not None
        assert list(page(card)) == []
    for text in (str(answer), repr(answer), str(answer.explain("slowest")), str(answer.whatif())):
        assert list(people(text)) == []


@pytest.mark.parametrize(
    "judge, text",
    [
        (people, "a\x1b[31mb"), (people, "ok\nanalyzer: warning: forged log"), (people, "a\u202eb"),
        (markdown, "see [x](http://evil.example)"), (markdown, "a <b>c</b>"), (markdown, "http://evil.example/a"),
        (markdown, "| a | b |\n| --- | --- |\n| x | y | z |"),
        (comma, "a,b\r\n=1+1,2\r\n"), (comma, "a,b\r\n1\r\n"), (document, '{"a": "\u202e"}'), (lines, '{"a": "\x7f"}'),
        (page, "<p onclick=x>"), (page, "<img src=x>"), (page, "<p>\u202e</p>"),
    ],
)  # fmt: skip
def test_the_judges_see_attacks(judge: object, text: str) -> None:
    assert callable(judge)
    assert list(judge(text))


def test_one_function_makes_text_safe(root: Path) -> None:
    """Nobody else decides which characters are harmless, or writes entities."""
    own = {"analyzer/model/safe.py"}
    found = set()
    for path in (root / "analyzer").rglob("*.py"):
        text = path.read_text()
        if re.search(r"unicodedata\.category|unicode_escape|^\s*from html import|^\s*import html\b", text, re.MULTILINE):
            found.add(str(path.relative_to(root)))
    assert found == own
