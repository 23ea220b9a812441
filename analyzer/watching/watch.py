"""The library's form of a watch: `for snapshot in analyzer.watch("eth0")`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import aws
from analyzer.capture.live import Live, Piped, Wanted, find_namespace, usual_filter
from analyzer.errors import UsageError
from analyzer.model.rows import Anomaly
from analyzer.units import SECOND
from analyzer.watching.history import KEEP
from analyzer.watching.keys import key_log_path
from analyzer.watching.owners.owners import Owners
from analyzer.watching.reading import Source
from analyzer.watching.session import Session, Wishes
from analyzer.watching.snapshot import Snapshot

if TYPE_CHECKING:
    from analyzer.watching.recording import Recorder

STDIN = "-"


def watch(
    interface: str | os.PathLike[str] = "any",
    *,
    engine: str = "auto",
    filter: str | None = None,
    netns: str | None = None,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    processes: Sequence[str] = (),
    keep: int = KEEP,
    duration_s: float | None = None,
    calls: int | None = None,
    triggers: Sequence[str] = (),
    record: str | os.PathLike[str] | None = None,
    write: str | os.PathLike[str] | None = None,
) -> Iterator[Snapshot]:
    """Watch the AWS calls on an interface as they happen; yield about five snapshots a second until the loop is left.

    `interface` is the name of one, `any` for all, or `-` for a capture that comes through standard input. `engine` is `dumpcap`, `tcpdump`
    or `socket`, by default the first that is there. `filter` (libpcap's language) replaces the usual one; `netns` is a network namespace,
    by its name or a process in it. `keys` is a TLS key log that is followed while it grows, by default the one that SSLKEYLOGFILE names.
    `processes` keeps only calls of processes of these names, numbers or containers. `keep` calls are kept for the full answer
    (`Snapshot.analysis`). It ends after `duration_s` seconds or `calls` calls, where given. For each call that one of `triggers` names
    (`duration>200ms`, `finding=imds-hop-limit`) the packets around it are written into the folder `record`; all packets go to `write`.

    Raises MissingTool, CaptureError or UsageError, when the first snapshot is asked for, where it cannot begin.
    """
    if triggers and record is None:
        raise UsageError("triggers need a folder to write to", hint='record="slow-calls"')
    recorder = recorder_for(triggers, record or "")
    wishes = Wishes(tuple(services), key_log_path(keys), tuple(processes), keep)
    session = open_session(os.fspath(interface), wishes, engine=engine, filter_text=filter, netns=netns, recorder=recorder, write=write)
    yield from until(session, duration_s, calls)


def recorder_for(
    triggers: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    before_s: float = 5,
    after_s: float = 2,
    per_minute: int = 6,
    disk_mb: int = 1000,
    with_secrets: bool = False,
) -> Recorder | None:
    """Make the flight recorder for triggers; None where there are none. Raises UsageError for a trigger that cannot be read."""
    if not triggers:
        return None
    from analyzer.watching.recording import Recorder, Where, read_trigger

    where = Where(
        Path(folder), round(before_s * SECOND), round(after_s * SECOND), per_minute, disk_mb * 1_000_000, with_secrets=with_secrets
    )  # fmt: skip
    return Recorder([read_trigger(text) for text in triggers], where)


def open_session(
    interface: str,
    wishes: Wishes,
    *,
    engine: str = "auto",
    filter_text: str | None = None,
    netns: str | None = None,
    buffer_mb: int | None = None,
    recorder: Recorder | None = None,
    write: str | os.PathLike[str] | None = None,
) -> Session:
    """Begin to watch. Raises MissingTool, CaptureError or UsageError where that cannot be."""
    namespace = find_namespace(netns) if netns is not None else None
    writer = None
    if write is not None:
        from analyzer.watching.recording import Writer

        writer = Writer(write)
    if interface == STDIN:
        return Session(lambda emit: Piped(STDIN, emit), wishes, live=False, recorder=recorder, writer=writer)
    text = filter_text if filter_text is not None else usual_filter(_ports(wishes.services))
    wanted = Wanted(interface, text, namespace)
    if buffer_mb is not None:
        wanted = wanted._replace(buffer_mb=buffer_mb)

    def begin(emit: Callable[[Anomaly], None]) -> Source:
        return Live(wanted, engine, emit)

    return Session(begin, wishes, owners=Owners(namespace), recorder=recorder, writer=writer)


def until(session: Session, duration_s: float | None = None, calls: int | None = None) -> Iterator[Snapshot]:
    """Yield the snapshots of a session; end it after so many seconds, or calls."""
    deadline = time.monotonic() + duration_s if duration_s is not None else None
    for snapshot in session.snapshots():
        yield snapshot
        if (deadline is not None and time.monotonic() >= deadline) or (calls is not None and snapshot.seen >= calls):
            session.stop()


def _ports(services: Sequence[str]) -> list[int]:
    """Return the ports of stand-ins that rules name: they are captured too."""
    return [rule.port for rule in map(aws.parse_service_option, services) if rule.port is not None]
