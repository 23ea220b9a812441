"""The JSON document: the output contract `analyzer/1`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from analyzer.model.analysis import SCHEMA, Analysis
from analyzer.model.capture import CaptureInfo, Inference, Off
from analyzer.model.clocks import Clock
from analyzer.report.objects import JsonRows
from analyzer.report.worth import gains

BATCH = 1000
DISTRIBUTION = "sdkledger"


def analyzer_version() -> str:
    """Return the installed version, `0+source` where the package is not installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0+source"


def capture_of(analysis: Analysis) -> dict[str, Any]:
    """Return the `capture` object of the document."""
    info = analysis.capture
    return {
        "files": [
            {
                "name": file.name, "first_packet_id": file.first_packet_id, "packets": file.packets, "format": file.format,
                "first_ns": file.first_ns, "last_ns": file.last_ns, **_clock(info, file.clock),
            }
            for file in info.files
        ],
        "packets": info.packets,
        "bytes": info.bytes,
        "first_ns": info.first_ns,
        "last_ns": info.last_ns,
        "link_types": sorted({interface.link_type for interface in info.interfaces}),
        "vantage": analysis.vantage,
        "complete": info.complete,
        "notes": info.remarks + info.notes + info.audit,
        "interfaces": [
            {
                "number": interface.number, "file": interface.file, "name": interface.name, "link_type": interface.link_type,
                "snaplen": interface.snaplen, "received": interface.received, "dropped": interface.dropped,
            }
            for interface in info.interfaces
        ],
        "cut_packets": info.cut_packets,
        "inference": _inference(info.inference),
    }  # fmt: skip


def _clock(info: CaptureInfo, clock: Clock) -> dict[str, Any]:
    """Return how the clock of a file stands to that of another; `clock_shift_ns` was taken off its times in all tables."""
    return {
        "capture_point": clock.point,
        "clock_against": info.files[clock.against].name if clock.against is not None else None,
        "clock_ahead_ns": clock.ahead_ns,
        "clock_spread_ns": clock.spread_ns,
        "clock_shift_ns": clock.shift_ns,
        "shared_connections": clock.connections,
    }


def _inference(measured: Inference | None) -> dict[str, Any] | None:
    """Return how right inference without keys is; each moment with median, 99th percentile and maximum, in nanoseconds."""
    if measured is None:
        return None
    return {key: value._asdict() if isinstance(value, Off) else value for key, value in measured._asdict().items()}


class JsonRenderer:
    """The whole answer as one JSON document."""

    name = "json"
    suffix = ".json"

    def render(self, analysis: Analysis) -> Iterator[str]:
        """Yield the document in pieces, a row a line, so that a large one is never held as text."""
        head = {"schema": SCHEMA, "analyzer_version": analyzer_version(), "capture": capture_of(analysis)}
        # Plain ASCII: a document shown on a terminal can neither move its cursor nor reorder its text.
        yield json.dumps(head)[:-1]
        pools = (analysis.pool(),) if analysis.pooled is not None else ()
        for table in (*analysis.tables(), *gains(analysis), *pools):
            yield f',\n"{table.name}":['
            rows = JsonRows(table.columns)
            for start in range(0, len(table), BATCH):
                yield (",\n" if start else "\n") + ",\n".join(rows.batch(list(table[start : start + BATCH])))
            yield "]"
        yield "}\n"
