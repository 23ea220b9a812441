"""Every verb in every format, to standard output and into a file: found from the command group, so that a new one is run too.

A verb that takes more than captures has a line in `MORE`; one that cannot be run without such a line fails with what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from analyzer.cli.main import VERBS, cli


class Scene(NamedTuple):
    """What runs are made of."""

    capture: Path
    keys: Path
    folder: Path
    """An empty folder of this run, for what it writes."""


class Run(NamedTuple):
    """One way to run a verb."""

    verb: str
    form: str | None
    """None for a verb that has one form only."""
    target: str | None
    """The name of the file that is written into the folder; None for standard output."""
    extra: tuple[str, ...] = ()
    """Options that make it say more, and what names this run."""

    @property
    def name(self) -> str:
        """Return what a person calls it."""
        parts = [self.verb, self.form or "", f"-o {self.target}" if self.target else "", *self.extra]
        return " ".join(part for part in parts if part)

    def words(self, scene: Scene) -> list[str]:
        """Return the arguments of the program."""
        words = [self.verb, *MORE.get(self.verb, captures)(scene)]
        if self.form is not None:
            words += [option_of(self.verb, self.form), self.form]
        if self.target is not None:
            words += ["-o", str(scene.folder / self.target)]
        return words + [word.replace("{}", str(scene.folder)) for word in self.extra]

    def standard_input(self, scene: Scene) -> bytes | None:
        """Return what is piped into it."""
        return scene.capture.read_bytes() if self.verb == "watch" else None


def captures(scene: Scene) -> list[str]:
    """Return the arguments of a verb that takes captures and the usual filters."""
    return [str(scene.capture), "--keys", str(scene.keys)]


def watched(scene: Scene) -> list[str]:
    """Watch the capture as it comes through a pipe, and keep packets."""
    folder = str(scene.folder)
    return ["-", "--keys", str(scene.keys), "--trigger", "duration>0ms", "--record", f"{folder}/kept", "-w", f"{folder}/all.pcapng"]


def written(scene: Scene) -> list[str]:
    """Return the arguments of a verb that makes a capture of a capture."""
    return [str(scene.capture), str(scene.folder / "out.pcapng"), "--keys", str(scene.keys)]


MORE: dict[str, Callable[[Scene], list[str]]] = {
    "explain": lambda scene: ["slowest", *captures(scene)],
    "compare": lambda scene: [str(scene.capture), *captures(scene)],
    "watch": watched,
    "rules": lambda scene: [],
    "annotate": lambda scene: [*written(scene), "--profile", str(scene.folder / "profile")],
    "redact": lambda scene: written(scene),
    "verify": lambda scene: captures(scene),
    "batch": lambda scene: [*captures(scene), "--out", str(scene.folder / "fleet"), "--jobs", "1"],
}
"""Arguments of verbs that take something else than captures."""
LOUDER: dict[str, tuple[tuple[str, ...], ...]] = {
    "report": (("--tail", "--slowest", "100"), ("--fail-on", "error", "--fail-on", "p50>0ms")),
    "compare": (("--fail-on", "p50 +1%!"),),
    "whatif": (("--keep-alive", "--rtt", "1ms", "--pool", "1"),),
    "calls": (("--where", "duration_ns>0"), ("--where", "nonsense>1")),
    "exchanges": (("--columns", "exchange_id,target,host,error_type"), ("--where", "target~zzzz")),
    "explain": (("--connection", "999"),),
}
"""More ways to run a verb: options that say more, and slips that are answered with advice."""
FILES = {
    "text": "out.txt", "table": "out.txt", "markdown": "out.md", "json": "out.json", "html": "out.html", "csv": "out.csv",
    "jsonl": "out.jsonl", "parquet": "out.parquet", "har": "out.har", "otlp": "out.otlp.json", "perfetto": "out.trace.json",
    "plain": "out.txt", "view": "out.txt", "pcapng": "out.pcapng", "pcap": "out.pcap",
}  # fmt: skip
"""Names of files in these forms."""
DOUBTS = {"redact": 2, "verify": 2}
"""Verbs that say with this status that they did what they could: what they were given is broken, or tshark is not there."""
TERMINAL = {("watch", "view")}
"""What draws on a terminal, and is run on one."""


def command_of(verb: str) -> click.Command:
    """Return a verb's command."""
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None, f"{verb} is listed and cannot be loaded"
    return found


def forms_of(verb: str) -> tuple[str | None, ...]:
    """Return the formats of a verb, as its options list them."""
    for option in command_of(verb).params:
        if {"--format", "--to"} & set(option.opts) and isinstance(option.type, click.Choice):
            return tuple(str(choice) for choice in option.type.choices)
    return (None,)


def option_of(verb: str, form: str) -> str:
    """Return the option with which a format is asked for."""
    names = {name for option in command_of(verb).params for name in option.opts}
    return "--format" if "--format" in names else "--to"


def flags_of(verb: str) -> set[str]:
    """Return the names of a verb's options."""
    return {name for option in command_of(verb).params for name in option.opts}


def every() -> Iterator[Run]:
    """Yield every run."""
    for verb in VERBS:
        flags = flags_of(verb)
        more: list[tuple[str, ...]] = [("-v",)] if "-v" in flags else []
        more += [*LOUDER.get(verb, ())]
        for form in forms_of(verb):
            tables = tuple(getattr(option.type, "choices", ()) for option in command_of(verb).params if "--table" in option.opts)
            if tables and form in ("csv", "jsonl", "parquet"):
                yield from (Run(verb, form, None, ("--table", str(name))) for name in tables[0])
                yield Run(verb, form, "out/")
                continue
            yield Run(verb, form, None)
            yield from (Run(verb, form, None, extra) for extra in more if form not in ("parquet", "jsonl"))
            if "-o" in flags:
                yield Run(verb, form, FILES.get(form or "text", "out.bin"))


def untried() -> list[str]:
    """Return verbs whose required arguments nobody says."""
    bare = []
    for verb in VERBS:
        wanted = [option.name for option in command_of(verb).params if option.required and option.name not in ("captures", "target")]
        if wanted and verb not in MORE:
            bare.append(f"{verb} needs {', '.join(map(str, wanted))}: give it a line in tests/verbs/every.py")
    return bare
