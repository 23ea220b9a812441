"""Options that verbs share, as decorators: captures, filters, output."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

from analyzer.errors import UsageError
from analyzer.units import MICROSECOND, SECOND

if TYPE_CHECKING:
    from types import FrameType

    from analyzer.model.analysis import Analysis
    from analyzer.model.wants import Wants

Function = TypeVar("Function", bound=Callable[..., Any])
ENDINGS = {
    ".html": "html", ".htm": "html", ".md": "markdown", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv",
    ".parquet": "parquet",
}  # fmt: skip
"""Formats by the end of a file's name: what -o says without --format."""
OTHER_CAPTURES = re.compile(r"(\.(pcapng|pcap|cap|dmp|trc))?(\.(pcap|cap|dmp|trc|gz|zst|lz4))\Z", re.IGNORECASE)
"""Endings that promise another format than pcapng as it is."""
MOST_SERVERS = 4
"""Servers that are named where a rule of --service fits none."""


class Question(NamedTuple):
    """Which captures, and what of them."""

    captures: tuple[str, ...]
    services: tuple[str, ...]
    """Values of --service: names to filter by, or `NAME=HOST[:PORT]` rules."""
    hosts: tuple[str, ...]
    since: str | None
    until: str | None
    connections: tuple[int, ...]
    keys: str | None
    jobs: int = 1

    def everything(self) -> bool:
        """Tell whether no filter leaves anything out."""
        return not (self.hosts or self.connections or self.since or self.until) and all("=" in text for text in self.services)


def captures(function: Function) -> Function:
    """Add the CAPTURE arguments and the filters of all verbs."""
    for decorate in reversed((
        click.argument("captures", nargs=-1, required=True, metavar="CAPTURE..."),
        click.option("--service", "services", multiple=True, metavar="NAME[=HOST[:PORT]]",
                     help="Only this service; with =HOST[:PORT], take that host (a proxy, VPC endpoint or local stand-in) for it."),
        click.option("--host", "hosts", multiple=True, metavar="HOST", help="Only what was said with this server name or address."),
        click.option("--since", metavar="TIME",
                     help="Only what began at or after this time: seconds from the start of the capture, or ISO 8601."),
        click.option("--until", metavar="TIME", help="Only what began before this time."),
        click.option("--connection", "connections", multiple=True, type=click.IntRange(min=0), metavar="N",
                     help="Only this connection (tcp.stream)."),
        click.option("--keys", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
                     help="TLS secrets (NSS key log); without it the file named by SSLKEYLOGFILE, and secrets in the captures."),
        click.option("--jobs", type=click.IntRange(0, 256), default=1, show_default=True, metavar="N",
                     help="Processes that share a large capture, 0: one for each processor. The answer is the same."),
    )):  # fmt: skip
        function = decorate(function)
    return function


def reading(function: Function) -> Function:
    """Add what changes how a capture is read, without the filters that keep only a part of it."""
    for decorate in reversed((
        click.option("--service", "services", multiple=True, metavar="NAME=HOST[:PORT]",
                     help="Take that host (a proxy, VPC endpoint or local stand-in) for this service."),
        click.option("--keys", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
                     help="TLS secrets (NSS key log); without it the file named by SSLKEYLOGFILE, and secrets in the capture."),
    )):  # fmt: skip
        function = decorate(function)
    return function


def output(function: Function) -> Function:
    """Add -o."""
    kind = click.Path(dir_okay=False, writable=True)
    text = "Write to FILE, readable by you only, not to standard output."

    @wraps(function)
    def guarded(**values: Any) -> Any:
        spare_inputs(values)
        return function(**values)

    return cast("Function", click.option("-o", "--output", "target", type=kind, metavar="FILE", help=text)(guarded))


def spare_inputs(values: Mapping[str, Any]) -> None:
    """Refuse to write over a file that is read: a capture, a key log, a saved answer. Raises UsageError."""
    target = values.get("target")
    if not target or target == "-" or not Path(target).exists():
        return
    for name, value in values.items():
        for given in value if isinstance(value, tuple) else (value,):
            if name != "target" and isinstance(given, str) and _is_file(given, target):
                raise UsageError(f"{target} is read here", hint="name another file: what is read stays as it is")


def _is_file(given: str, target: str) -> bool:
    try:
        return Path(given).samefile(target)
    except (OSError, ValueError):  # the value of an option, which need not be the name of any file
        return False


def form_of(target: str | None, forms: Collection[str], otherwise: str) -> str:
    """Return the format that the name of an output file asks for (`calls.csv`).

    Raises UsageError where that is none of `forms`: a file that is not what its name says helps nobody.
    """
    ending = next((form for end, form in ENDINGS.items() if target is not None and target.lower().endswith(end)), None)
    if ending is None:
        return otherwise
    if ending not in forms:
        raise UsageError(f"this verb does not write {ending}; it writes {', '.join(sorted(forms))}; --format says which")
    return ending


def question(options: dict[str, Any]) -> Question:
    """Take the shared options out of a verb's own."""
    return Question(**{name: options.pop(name) for name in Question._fields if name in options})


def answer(asked: Question, *, wants: Wants | None = None, whole_calls: bool = True, rows_only: bool = False) -> Analysis:
    """Read the captures, with progress on a terminal, and keep what was asked for.

    What `wants` leaves out (None: nothing) is not found out, which saves time; without `whole_calls` only what passes the filters itself
    is kept. With `rows_only` exchanges, which need not pass any filter, are not held in memory, where that is possible.
    """
    from analyzer.cli.folders import alone, without_effect
    from analyzer.cli.progress import progress
    from analyzer.fleet import is_batch
    from analyzer.passes import holds_secrets
    from analyzer.reading import read, stream

    rules = [text for text in asked.services if "=" in text]
    alone(asked.captures)
    if asked.keys is not None and not holds_secrets(asked.keys):
        warn(f"{asked.keys} holds no TLS secrets (lines of an NSS key log)")
    saved = is_batch(asked.captures[0])
    if saved and (idle := without_effect(asked.captures[0], services=rules, keys=asked.keys, jobs=asked.jobs)) is not None:
        warn(idle)
    with progress(asked.captures) as show, first_interrupt_ends("-" in asked.captures):
        streamed = rows_only and asked.jobs == 1
        analysis = stream(asked.captures, services=rules, keys=asked.keys, progress=show, wants=wants) if streamed else None
        if analysis is None:
            analysis = read(asked.captures, services=rules, keys=asked.keys, progress=show, wants=wants, jobs=asked.jobs)
    for note in analysis.capture.notes:
        warn(note)
    for text in () if saved else unmatched(analysis, rules):
        warn(text)
    kept = narrow(analysis, asked, whole_calls=whole_calls)
    if len(analysis.connections) and not len(kept.connections):
        warn(f"nothing passes the filters; the capture holds {kept.outside}")
    return kept


def unmatched(analysis: Analysis, rules: Collection[str]) -> list[str]:
    """Say which rules `NAME=HOST[:PORT]` no connection of an answer fulfils: a slip of the hand, or the wrong capture."""
    if not rules or not len(analysis.connections):
        return []
    from collections import Counter

    from analyzer.aws import parse_service_option

    places = Counter((row.server_address, row.server_name, row.server_port, row.service) for row in analysis.connections)
    said = []
    for text in rules:
        rule = parse_service_option(text)
        if any(
            rule.port in (None, port) and rule.host in (address, (name or "").lower().removesuffix("."))
            for address, name, port, _ in places
        ):
            continue
        # By the Host of a request alone: through a proxy the port is the service's, which the row does not tell.
        if any(service == rule.service for *_, service in places) and any(
            row.service == rule.service and row.host is not None and row.host.lower() == rule.host for row in analysis.exchanges
        ):
            continue
        servers = Counter[str]()
        for (address, name, port, _), number in places.items():
            host = name or address
            servers[f"[{host}]:{port}" if ":" in host else f"{host}:{port}"] += number
        known = ", ".join(name for name, _ in servers.most_common(MOST_SERVERS)) + (", ..." if len(servers) > MOST_SERVERS else "")
        said.append(f"--service {text} matches no connection; servers here: {known}")
    return said


@contextmanager
def first_interrupt_ends(live: bool) -> Iterator[None]:
    """Let the first Ctrl-C while standard input is read end the capturing program only, so that what it captured is still answered."""
    import signal
    import threading

    if not live or threading.current_thread() is not threading.main_thread():
        yield
        return

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        warn("interrupted: answering what has come; once more to give up")

    before = signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def told_as_pcapng(target: str) -> None:
    """Warn where a file that will be pcapng is named as if it were something else: programs that go by the name would not read it."""
    name = Path(target).name
    if not name.lower().endswith((".pcapng", ".ntar")) and (found := OTHER_CAPTURES.search(name)) is not None:
        better = name[: found.start()] + ".pcapng"
        warn(f"{target} is written as uncompressed pcapng whatever its name says: {better} would say so")


def warn(text: str) -> None:
    """Say something on standard error."""
    from analyzer.report.text import plain

    click.echo(f"analyzer: warning: {plain(text)}", err=True)


def narrow(analysis: Analysis, asked: Question, *, whole_calls: bool = True) -> Analysis:
    """Keep only the calls, connections, exchanges and lookups that the filters ask for."""
    from analyzer.narrow import Filter, apply

    first = analysis.capture.first_ns or 0
    names = frozenset(text for text in asked.services if "=" not in text)
    return apply(
        analysis,
        Filter(
            services=names,
            hosts=frozenset(host.lower() for host in asked.hosts),
            since_ns=moment(asked.since, first),
            until_ns=moment(asked.until, first),
            connections=frozenset(asked.connections),
        ),
        whole_calls=whole_calls,
    )


def moment(text: str | None, first: int) -> int | None:
    """Read a time: seconds from the capture's first packet, or ISO 8601 (UTC where no zone is given). Raises UsageError."""
    if text is None:
        return None
    if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        # Decimal: a double cannot hold a time to the nanosecond.
        return first + round(Decimal(text) * SECOND)
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        hint = "seconds from the capture's start (12.5), or ISO 8601 (2026-11-21T20:05:23.5Z)"
        raise UsageError(f"cannot read the time {text!r}", hint=hint) from None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    passed = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86400 + passed.seconds) * SECOND + passed.microseconds * MICROSECOND


def spelled(asked: Question) -> tuple[str, ...]:
    """Return the shared options of a question as words of a command: whoever goes on with another verb means the same part."""
    given = [("--service", asked.services), ("--host", asked.hosts), ("--since", (asked.since,)), ("--until", (asked.until,))]
    given += [("--connection", tuple(map(str, asked.connections))), ("--keys", (asked.keys,))]
    return tuple(word for option, values in given for value in values if value is not None for word in (option, value))
