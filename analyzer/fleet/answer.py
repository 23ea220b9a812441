"""The answer over all captures of a batch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from analyzer import findings
from analyzer.errors import UsageError
from analyzer.fleet.manifest import TABLES, read_manifest
from analyzer.fleet.pooling import pooled
from analyzer.fleet.sums import Diagnosis, Latency, diagnoses, latency
from analyzer.fleet.tables import FleetTable, Piece, homes, piece_of
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.rows import Finding
from analyzer.model.safe import markup
from analyzer.model.table import Table
from analyzer.model.whatif import Replay, Wishes
from analyzer.report.saved import ROW_TYPES, load_tables, still_true
from analyzer.units import DurationNs, PacketId, TimeNs


class CaptureRow(NamedTuple):
    """One set of captures: a file, or a rotated capture."""

    set: str
    host: str
    state: str
    """done or failed."""
    files: int
    packets: int
    bytes: int
    connections: int
    exchanges: int
    calls: int
    findings: int
    first_ns: TimeNs | None
    last_ns: TimeNs | None
    complete: bool
    """False where a file was cut short, damaged or left out."""
    took_ns: DurationNs
    """How long a worker had it."""
    error: str | None


@dataclass(slots=True)
class Fleet(Analysis):
    """An answer whose tables go over all captures of a batch, read from its folder when somebody looks.

    Ids are made unique: connections, exchanges, calls and lookups of each set follow those of the set before. Packet numbers are those of
    their own capture, which `home` names of a finding.
    """

    folder: Path = field(default_factory=Path)
    sets: Table[CaptureRow] = field(default_factory=lambda: Table("sets", CaptureRow))
    pieces: Mapping[str, Sequence[Piece]] = field(default_factory=dict)
    records: Sequence[Mapping[str, Any]] = ()

    def latency(self, *by: str) -> Table[Latency]:
        """Return the latency of calls, told apart by any of `host`, `set`, `service`, `operation` and `hour`; by none: of all.

        Raises UsageError for anything else.
        """
        return Table("latency", Latency, latency(self.pieces["calls"], by))

    def diagnoses(self) -> Table[Diagnosis]:
        """Return what was found over all captures, one row a rule, dearest first."""
        found = FleetTable("findings", Finding, self.pieces["findings"])
        return Table("diagnoses", Diagnosis, diagnoses(found, self.pieces["calls"]))

    def open(self, name: str) -> Analysis:
        """Return the answer of one set of captures, with its own ids. Raises UsageError where there is none of that name."""
        for record in self.records:
            if record["name"] == name and record["state"] == "done":
                paths = {table: self.folder / path for table, path in record["tables"].items()}
                head = {"capture": record["capture"], "analyzer_version": record["identity"].get("analyzer_version")}
                opened = load_tables(name, paths, head)
                opened.renderers = self.renderers
                opened.pooled, opened.imagine = findings.pools, findings.imagine
                return opened
        known = [str(record["name"]) for record in self.records if record["state"] == "done"]
        raise UsageError(f"the batch has no capture {name!r}", hint=f"such as {', '.join(known[:3])}" if known else None)

    def of_call(self, call: int | str) -> tuple[Analysis, int | str]:
        """Return the answer of the capture that a call is of, and its id there: packets, streams and times are that capture's own."""
        from analyzer.report.explain import find

        number = find(self, call).call_id
        piece = piece_of(self.pieces["calls"], "call", number)
        assert piece is not None, "the call was found in the table"
        return self.open(piece.name), number - piece.before["call"]

    def frame(self, packet_id: PacketId) -> tuple[str, int]:
        """Return the number itself: which capture it is of, the number alone does not tell."""
        return "", packet_id

    def __repr__(self) -> str:
        from analyzer.fleet.showing import lines

        return "\n".join(lines(self))

    def _repr_html_(self) -> str | None:
        """Show the same in a notebook."""
        told = "\n".join(map(markup, repr(self).splitlines()))
        return f"<pre>{told}</pre>"


def load(folder: str | os.PathLike[str]) -> Fleet:
    """Return the answer that the folder of a batch holds. Raises UnknownFormat, CaptureError where it is damaged."""
    at = Path(folder)
    manifest = read_manifest(at)
    records = manifest["sets"]
    pieces: dict[str, list[Piece]] = {table: [] for table in TABLES}
    info = CaptureInfo()
    before = dict.fromkeys(("connection", "exchange", "call", "span", "lookup"), 0)
    rows = []
    for record in records:
        rows.append(_row(record))
        row = rows[-1]
        if row.state != "done":
            info.complete = False
            info.notes.append(f"{row.set} could not be read: {row.error}")
            continue
        info.notes += [f"left out: {why}" for why in record.get("left_out", ())]
        counts, paths = record["rows"], record["tables"]
        for table in paths:
            pieces[table].append(Piece(row.set, row.host, at / paths[table], int(counts[table]), dict(before)))
        for kind, count in record["ids"].items():
            before[kind] = before.get(kind, 0) + int(count)
        info.files += [CaptureFile(file["name"], packets=file["packets"]) for file in record["capture"]["files"]]
        info.packets += row.packets
        info.bytes += row.bytes
        info.complete &= row.complete
        info.first_ns = min((time for time in (info.first_ns, row.first_ns) if time is not None), default=None)
        info.last_ns = max((time for time in (info.last_ns, row.last_ns) if time is not None), default=None)
    vantages = {record["capture"].get("vantage") for record in records if record["state"] == "done"} - {None}
    tables: dict[str, FleetTable[Any]] = {name: FleetTable(name, ROW_TYPES[name], pieces[name]) for name in TABLES}
    return Fleet(
        capture=info,
        vantage=vantages.pop() if len(vantages) == 1 else "mixed" if vantages else None,
        connections=tables["connections"],
        lookups=tables["lookups"],
        exchanges=tables["exchanges"],
        anomalies=tables["anomalies"],
        handshakes=tables["handshakes"],
        calls=tables["calls"],
        spans=tables["spans"],
        check=lambda part: sorted(still_true(tables["findings"], part), key=lambda row: -row.cost_ns),
        imagine=_one_by_one,
        pooled=pooled(pieces, {row.set: row.last_ns for row in rows}),
        saved=str(manifest.get("analyzer_version", "")),
        home=homes(pieces),
        folder=at,
        sets=Table("sets", CaptureRow, rows),
        pieces=pieces,
        records=records,
    )


def _one_by_one(part: Analysis, wishes: Wishes) -> Replay:
    """Refuse to replay many hosts as one: which of them share connections, addresses do not tell."""
    hint = "of one capture: open(NAME).whatif(...), NAME as in the table sets; analyzer whatif CAPTURE"
    raise UsageError("a batch is not replayed as a whole", hint=hint)


def _row(record: Mapping[str, Any]) -> CaptureRow:
    capture, counts = record.get("capture") or {}, record.get("rows") or {}
    identity = record.get("identity") or {}
    return CaptureRow(
        set=record["name"],
        host=record["host"],
        state=record["state"],
        files=len(identity.get("files") or ()),
        packets=capture.get("packets", 0),
        bytes=capture.get("bytes", 0),
        connections=counts.get("connections", 0),
        exchanges=counts.get("exchanges", 0),
        calls=counts.get("calls", 0),
        findings=counts.get("findings", 0),
        first_ns=capture.get("first_ns"),
        last_ns=capture.get("last_ns"),
        complete=bool(capture.get("complete", False)) and not record.get("left_out"),
        took_ns=round(float(record.get("seconds", 0)) * 1_000_000_000),
        error=record.get("error"),
    )
