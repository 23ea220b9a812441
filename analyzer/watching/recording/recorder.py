"""Writes down what happened around a call: its packets with comments, and its ledger beside them."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from analyzer.errors import AnalyzerError, UsageError
from analyzer.files import make_folder, whole_file
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Finding
from analyzer.model.seams import Block
from analyzer.report.document import analyzer_version
from analyzer.report.text import plain
from analyzer.units import SECOND, DurationNs, duration, milliseconds
from analyzer.watching.history import History
from analyzer.watching.passing import Pass
from analyzer.watching.recording.pcapng import pcapng
from analyzer.watching.recording.ring import Kept, Ring
from analyzer.watching.recording.triggers import Trigger
from analyzer.watching.rows import NOBODY, OWNER_COLUMNS
from analyzer.watching.snapshot import Seen

MINUTE_NS: DurationNs = 60 * SECOND
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
LONGEST_NAME = 120
MOST_WAITING = 100
"""Calls that wait for the packets after them."""


class Where(NamedTuple):
    """Where and how much is written."""

    folder: Path
    before_ns: DurationNs = 5 * SECOND
    """Packets so long before the call's first are written too."""
    after_ns: DurationNs = 2 * SECOND
    per_minute: int = 6
    most_bytes: int = 1 << 30
    """Of all files of this run; the oldest make room."""
    ring_bytes: int = 128 << 20
    with_secrets: bool = False


class Recorder:
    """Keeps recent packets, and writes those around calls that a trigger names. Raises UsageError where the folder cannot be written."""

    def __init__(self, triggers: Sequence[Trigger], where: Where) -> None:
        self._triggers = triggers
        self._where = where
        self._ring = Ring(where.ring_bytes)
        self._waiting: deque[tuple[DurationNs, Seen, Trigger]] = deque()
        self._lately: deque[DurationNs] = deque()
        self._files: deque[tuple[Path, int]] = deque()
        self._bytes = 0
        self._findings: dict[str, Finding] = {}
        self.left_out = 0
        """Calls that a trigger named and that were not written: too many in a minute."""
        try:
            make_folder(where.folder, parents=True)
        except AnalyzerError as error:
            raise UsageError(str(error)) from None
        if not os.access(where.folder, os.W_OK):
            raise UsageError(f"cannot write to {where.folder}")

    @property
    def asks_for_findings(self) -> bool:
        """Whether a trigger names a finding."""
        return any(trigger.code is not None for trigger in self._triggers)

    def add(self, block: Block) -> None:
        """Keep the packets of a block."""
        self._ring.add(block)

    def saw(self, calls: Iterable[Seen], elapsed: DurationNs, findings: Iterable[Finding] = ()) -> None:
        """Look at calls that have ended; what a trigger names is written once the packets after it have come."""
        self._findings = {finding.code: finding for finding in findings}
        for seen in calls:
            trigger = next((one for one in self._triggers if one.met(seen)), None)
            if trigger is None:
                continue
            while self._lately and self._lately[0] <= elapsed - MINUTE_NS:
                self._lately.popleft()
            if len(self._lately) >= self._where.per_minute or len(self._waiting) >= MOST_WAITING:
                self.left_out += 1
                continue
            self._lately.append(elapsed)
            self._waiting.append((elapsed + self._where.after_ns, seen, trigger))

    def write(self, elapsed: DurationNs, running: Pass, history: History, info: CaptureInfo, *, over: bool = False) -> list[str]:
        """Write what is due, or with `over` all that waits; return the names of the files."""
        written = []
        while self._waiting and (over or self._waiting[0][0] <= elapsed):
            _, seen, trigger = self._waiting.popleft()
            try:
                written.append(self._write(seen, trigger, running, history, info))
            except (AnalyzerError, OSError) as error:
                written.append(f"nothing: {error}")
        return written

    def _write(self, seen: Seen, trigger: Trigger, running: Pass, history: History, info: CaptureInfo) -> str:
        call, where = seen.call, self._where
        packets = self._ring.between(call.start_ns - where.before_ns, call.end_ns + where.after_ns)
        names = {one.number: plain(one.name) for one in info.interfaces if one.name}
        secrets = running.secrets(call.connection_ids) if where.with_secrets else b""
        path = self._path(seen)
        size = 0
        numbered: list[int] = []
        with whole_file(path) as file:
            blocks = pcapng(
                _noted(packets, numbered), comment=self._comment(seen, trigger), application=f"analyzer {analyzer_version()}", names=names,
                comments=_comments(seen), secrets=secrets,
            )  # fmt: skip
            for block in blocks:
                size += file.write(block)
        first = numbered[0] if numbered else None
        beside = path.with_suffix(".json")
        text = json.dumps(self._ledger(seen, trigger, first, len(numbered), history), indent=1) + "\n"
        with whole_file(beside) as file:
            size += file.write(text.encode())
        self._files.append((path, size))
        self._bytes += size
        while self._bytes > where.most_bytes and len(self._files) > 1:
            old, freed = self._files.popleft()
            self._bytes -= freed
            for one in (old, old.with_suffix(".json")):
                one.unlink(missing_ok=True)
        return str(path)

    def _path(self, seen: Seen) -> Path:
        """Return a name that says what happened: when, which call, how long, why."""
        call = seen.call
        when = datetime.fromtimestamp(call.start_ns // SECOND, UTC)
        parts = [
            f"{when:%Y%m%dT%H%M%SZ}",
            call.operation or call.service or "call",
            f"{milliseconds(call.duration_ns, 0)}ms",
            *seen.findings[:2],
        ]
        name = UNSAFE.sub("-", "-".join(parts))[:LONGEST_NAME]
        return self._where.folder / f"{name}-{call.call_id}.pcapng"

    def _comment(self, seen: Seen, trigger: Trigger) -> str:
        call = seen.call
        lines = [f"{call.operation or 'Call'} of {call.service} took {duration(call.duration_ns)}; written because of {trigger.text}"]
        lines += [finding.summary for code in seen.findings if (finding := self._findings.get(code)) is not None]
        owner = call[-len(OWNER_COLUMNS) :]
        if owner != NOBODY:
            lines.append("process " + ", ".join(str(part) for part in owner if part is not None))
        return "\n".join(map(plain, lines))

    def _ledger(self, seen: Seen, trigger: Trigger, first: int | None, packets: int, history: History) -> dict[str, object]:
        call = seen.call
        kept = history.calls.get(call.call_id)
        return {
            "schema": "analyzer/recording/1",
            "analyzer_version": analyzer_version(),
            "trigger": trigger.text,
            "packets": packets,
            "first_packet_id": first,
            "packet_ids": "as numbered in the watch; frame.number here is packet_id - first_packet_id + 1",
            "call": _row(call),
            "spans": [_row(span) for span in seen.spans],
            "exchanges": [_row(row) for row in kept.exchanges] if kept is not None else [],
            "connections": [_row(row) for row in kept.connections] if kept is not None else [],
            "findings": [_row(self._findings[code]) for code in seen.findings if code in self._findings],
        }


def _row(row: tuple[object, ...]) -> dict[str, object]:
    names: tuple[str, ...] = row._fields  # type: ignore[attr-defined]
    return dict(zip(names, row, strict=True))


def _noted(packets: Iterable[Kept], numbers: list[int]) -> Iterable[Kept]:
    for packet in packets:
        numbers.append(packet.packet_id)
        yield packet


def _comments(seen: Seen) -> dict[int, str]:
    """Say at the first packet of each phase what begins there."""
    out: dict[int, list[str]] = {}
    name = f"call {seen.call.call_id}"
    for span in seen.spans:
        if span.first_packet_id is not None:
            phase = f"{span.phase} ({span.inner_phase})" if span.inner_phase else span.phase
            causes = f": {', '.join(span.causes)}" if span.causes else ""
            out.setdefault(span.first_packet_id, []).append(f"{name}: {phase}, {duration(span.end_ns - span.start_ns)}{causes}")
    out.setdefault(seen.call.last_packet_id, []).append(f"{name} ends, after {duration(seen.call.duration_ns)}")
    return {number: "\n".join(said) for number, said in out.items()}
