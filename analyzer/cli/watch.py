"""`analyzer watch`: calls as they happen."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli.options import output, warn
from analyzer.cli.streams import write
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from types import FrameType

    from analyzer.watching.metrics import Metrics
    from analyzer.watching.session import Session
    from analyzer.watching.snapshot import Snapshot

FORMATS = ("view", "plain", "jsonl")


@click.command()
@click.argument("source", required=False)
@click.option("-i", "--interface", metavar="NAME", help="The interface to capture on; any (the default) is all of them.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "dumpcap", "tcpdump", "socket"]),
    default="auto",
    show_default=True,
    help="What captures; by itself the first of these that is installed.",
)
@click.option(
    "--filter",
    "filter_text",
    metavar="FILTER",
    help="A capture filter (man pcap-filter) in place of the usual one: DNS, ICMP, credential endpoints, ports of HTTP and TLS.",
)
@click.option("--netns", metavar="NAME|PID", help="Watch in this network namespace: its name, or a process in it (a container's).")
@click.option("--buffer", "buffer_mb", type=click.IntRange(1, 2000), metavar="MB", help="The kernel's capture buffer; 64 MB by default.")
@click.option(
    "--process",
    "processes",
    multiple=True,
    metavar="NAME",
    help="Only calls of processes with this name (a pattern), number or container id.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME=HOST[:PORT]",
    help="Take this host (a proxy, VPC endpoint or local stand-in) for the service.",
)
@click.option(
    "--keys",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="A TLS key log that is followed while it grows; without it the one that SSLKEYLOGFILE names.",
)
@click.option("--plain", is_flag=True, help="A line of text for each call; the default where standard output is no terminal.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="The live view, or a line a call: text (plain) or JSON (jsonl).")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End after so many seconds.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after so many calls.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Calls kept for the report at the end: the last 20 000 by default.")
@click.option(
    "--trigger",
    "triggers",
    multiple=True,
    metavar="CONDITION",
    help="Write down the packets around each call like this: duration>200ms, finding=imds-hop-limit, operation=Query,duration>1s.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False),
    default="recordings",
    show_default=True,
    metavar="FOLDER",
    help="Where --trigger writes: a pcapng and the ledger as JSON for each call.",
)
@click.option(
    "-w", "--write", "written", type=click.Path(dir_okay=False), metavar="FILE", help="Write all packets that are seen into this pcapng."
)
@click.option(
    "--around",
    nargs=2,
    type=click.FloatRange(min=0, max=600),
    default=(5.0, 2.0),
    show_default=True,
    metavar="BEFORE AFTER",
    help="Seconds of packets before and after a recorded call.",
)
@click.option("--per-minute", type=click.IntRange(min=1), default=6, show_default=True, metavar="N", help="Recordings a minute at most.")
@click.option(
    "--disk",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="MB",
    help="Room for recordings; the oldest of this run go first.",
)
@click.option("--with-secrets", is_flag=True, help="Put the TLS secrets of the recorded calls' connections into the recording.")
@click.option(
    "--metrics", "metrics_address", metavar="[HOST:]PORT", help="Serve Prometheus metrics there; on loopback unless HOST says otherwise."
)
@click.option("--check", is_flag=True, help="Say what is installed and allowed, and what will work; capture nothing.")
@output
def watch(source: str | None, interface: str | None, plain: bool, form: str | None, target: str | None, check: bool, **options: Any) -> int:
    """Watch AWS calls as they happen, each with where its time went; at the end the report of all.

    SOURCE is `-` for a capture that comes through standard input: tcpdump -U -w - | analyzer watch -
    """
    if source is not None and (source != "-" or interface is not None):
        raise UsageError(
            f"cannot watch {source}",
            hint="an interface is named with -i; - is standard input; a file, or a batch's folder, is read by analyzer report",
        )
    place = "-" if source == "-" else interface or "any"
    if check:
        from analyzer.watching.checking import check as look
        from analyzer.watching.checking import words

        found = look(place, options["engine"], options["netns"], options["keys"])
        write((line + "\n" for line in words(found)), target)
        return 0 if found.works else 2
    shown = "plain" if plain else form or ("view" if sys.stdout.isatty() else "plain")
    gc.enable()  # this runs for hours
    session, metrics = _session(place, options)
    with _stops(session):
        _show(session, shown, options, metrics)
    if shown == "jsonl" and target is None:
        return 0
    write(_report(session), target)
    return 0


def _session(place: str, options: dict[str, Any]) -> tuple[Session, Metrics | None]:
    """Open what was asked for."""
    from analyzer.watching.history import KEEP
    from analyzer.watching.keys import key_log_path
    from analyzer.watching.session import Wishes
    from analyzer.watching.watch import open_session, recorder_for

    recorder = recorder_for(
        options["triggers"], options["record"], before_s=options["around"][0], after_s=options["around"][1],
        per_minute=options["per_minute"], disk_mb=options["disk"], with_secrets=options["with_secrets"],
    )  # fmt: skip
    metrics = None
    if options["metrics_address"] is not None:
        from analyzer.watching.metrics import Metrics

        metrics = Metrics(options["metrics_address"])
        click.echo(f"metrics: {metrics.url}", err=True)
    wishes = Wishes(options["services"], key_log_path(options["keys"]), options["processes"], options["keep"] or KEEP)
    session = open_session(
        place, wishes, engine=options["engine"], filter_text=options["filter_text"], netns=options["netns"],
        buffer_mb=options["buffer_mb"], recorder=recorder, write=options["written"],
    )  # fmt: skip
    return session, metrics


def _show(session: Session, shown: str, options: dict[str, Any], metrics: Metrics | None) -> None:
    from analyzer.watching.watch import until

    def counted() -> Iterator[Snapshot]:
        for snapshot in until(session, options["duration"], options["count"]):
            if metrics is not None:
                metrics.take(snapshot)
            yield snapshot

    if shown == "view":
        _view(session, counted())
        return
    from analyzer.report.text import plain
    from analyzer.watching.showing.lines import line, record

    say = record if shown == "jsonl" else line
    for snapshot in counted():
        for seen in snapshot.new:
            click.echo(say(seen))
        sys.stdout.flush()
        for text in snapshot.anomalies:
            warn(text)
        for name in snapshot.recorded:
            click.echo(f"analyzer: wrote {plain(name)}", err=True)


def _view(session: Session, snapshots: Iterator[Snapshot]) -> None:
    from rich.console import Console
    from rich.live import Live

    from analyzer.watching.showing.keyboard import keyboard
    from analyzer.watching.showing.state import State
    from analyzer.watching.showing.view import View

    state = State()
    with keyboard() as keys, Live(View(state), console=Console(), screen=True, auto_refresh=False) as live:
        for snapshot in snapshots:
            state.take(snapshot)
            for key in keys.pressed():
                state.press(key)
            if state.quit:
                session.stop()
            live.refresh()


def _report(session: Session) -> Iterator[str]:
    from analyzer.report.terminal import TerminalRenderer

    analysis = session.analysis()
    for note in analysis.capture.notes:
        warn(note)
    return (line + "\n" for line in TerminalRenderer(slow=8, verbose=False).render(analysis))


@contextmanager
def _stops(session: Session) -> Iterator[None]:
    """Let the first Ctrl-C, or a polite end by the system, end the watch and not the program: the report is still to come."""
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {}

    def once(number: int, frame: FrameType | None) -> None:
        for known, handler in before.items():
            signal.signal(known, handler)
        session.stop()

    for known in (signal.SIGINT, signal.SIGTERM):
        before[known] = signal.signal(known, once)
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
