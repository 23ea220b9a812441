"""How other programs read what is exported, as far as tests need it: schemas, protobuf, the rules of trace events."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Span
from analyzer.report.exports.format import Document
from analyzer.report.exports.registry import formats
from analyzer.report.text import plain

Json = dict[str, Any]
HERE = Path(__file__).parent


def document(analysis: Analysis, name: str, *, lines: bool = False) -> str:
    """Export into a text."""
    form = formats()[name]
    assert isinstance(form, Document)
    return "".join(form.render(analysis, lines))


def texts(made: Any) -> Iterator[str]:
    """Yield every text of a JSON document, keys included."""
    if isinstance(made, str):
        yield made
    elif isinstance(made, dict):
        for key, value in made.items():
            yield key
            yield from texts(value)
    elif isinstance(made, list):
        for one in made:
            yield from texts(one)


def unsafe_texts(made: Any) -> list[str]:
    """Return the texts that would move a cursor, hide or reorder others where a viewer shows them."""
    return [text for text in texts(made) if plain(text) != text]


def har(analysis: Analysis) -> Json:
    made = json.loads(document(analysis, "har"))
    log: Json = made["log"]
    return log


@cache
def _schema() -> Any:
    """The schemas of npm's har-schema 2.0.0 (ISC), which refer to each other by file name."""
    from jsonschema import Draft6Validator, FormatChecker
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT6

    parts = {path.name: json.loads(path.read_text()) for path in (HERE / "har-schema").glob("*.json")}
    known: Any = Registry()
    for name, part in parts.items():
        resource: Any = Resource.from_contents(part, default_specification=DRAFT6)
        known = known.with_resource(name, resource).with_resource(f"{name}#", resource)
    return Draft6Validator(parts["har.json"], registry=known, format_checker=FormatChecker(["ipv4", "ipv6"]))


def schema_errors(made: Json) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in _schema().iter_errors(made)]


TIMINGS = ("blocked", "dns", "connect", "ssl", "send", "wait", "receive")


def timing_errors(entry: Json) -> list[str]:
    """What HAR 1.2 says of times and its schema does not check."""
    times = entry["timings"]
    wrong = [name for name in TIMINGS if not isinstance(times[name], int | float) or (times[name] < 0 and times[name] != -1)]
    wrong += [name for name in ("send", "wait", "receive") if times[name] < 0]
    if times["ssl"] > times["connect"]:
        wrong.append("ssl is not inside connect")
    total = sum(times[name] for name in TIMINGS if name != "ssl" and times[name] != -1)
    if abs(total - entry["time"]) > 1e-6:  # a nanosecond
        wrong.append(f"time {entry['time']} is not {total}")
    return wrong


def otlp_spans(text: str) -> list[tuple[Json, Json]]:
    """(resource attributes, span) of one JSON object, or of one a line."""
    found = []
    for line in [text] if text.startswith('{"resourceSpans":[\n') else text.splitlines():
        for group in json.loads(line)["resourceSpans"]:
            for scope in group["scopeSpans"]:
                found += [(plain_attributes(group["resource"]["attributes"]), span) for span in scope["spans"]]
    return found


def plain_attributes(listed: list[Json]) -> Json:
    return {one["key"]: _plain(one["value"]) for one in listed}


def _plain(value: Json) -> Any:
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [_plain(one) for one in held["values"]]
    return int(held) if kind == "intValue" else held


def as_protobuf(text: str) -> Any:
    """Read OTLP JSON by opentelemetry-proto, which takes ids in base64 only: those are turned first, everything else must fit."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    made = json.loads(text)
    for group in made["resourceSpans"]:
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                for one in (span, *span.get("links", [])):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in one:
                            one[name] = b64encode(bytes.fromhex(one[name])).decode()
    return ParseDict(made, TracesData())


def nanoseconds(value: float) -> int:
    """Read microseconds as Perfetto does: times 1000, cut off."""
    return int(value * 1000)


def slices(made: Json) -> Iterator[tuple[Json, int, int]]:
    for event in made["traceEvents"]:
        if event["ph"] == "X":
            start = nanoseconds(event["ts"])
            yield event, start, start + nanoseconds(event["dur"])


def trace_errors(made: Json) -> list[str]:
    """What breaks the rules of the format: missing keys, slices of one track that overlap without nesting, arrows without an end."""
    wrong = []
    tracks: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    arrows: dict[tuple[str, str], list[tuple[str, tuple[int, int], int]]] = {}
    named = set()
    for event in made["traceEvents"]:
        kind, where = event["ph"], (event["pid"], event["tid"])
        if kind == "M":
            named.add((event["name"], event["pid"], event["tid"] if event["name"].startswith("thread") else 0))
            continue
        if kind not in ("X", "i", "s", "t", "f") or event["ts"] < 0:
            wrong.append(f"no event: {event}")
        if kind in ("s", "t", "f"):
            arrows.setdefault((event["cat"], event["id"]), []).append((kind, where, nanoseconds(event["ts"])))
        if kind == "i" and event["s"] not in ("t", "p", "g"):
            wrong.append(f"instant without scope: {event}")
    for event, start, end in slices(made):
        tracks.setdefault((event["pid"], event["tid"]), []).append((start, end, event["name"]))
    for where, listed in tracks.items():
        if ("thread_name", *where) not in named or ("process_name", where[0], 0) not in named:
            wrong.append(f"{where} has no name")
        wrong += _not_nested(where, listed)
    if len({thread for _, thread in tracks}) != len(tracks):
        wrong.append("thread ids are not unique")
    for key, ends in arrows.items():
        kinds = Counter(kind for kind, _, _ in ends)
        ordered = sorted(ends, key=lambda one: one[2])
        if kinds["s"] != 1 or kinds["f"] != 1 or ordered[0][0] == "f" or any(a > b for a, b in pairwise(end[2] for end in ordered)):
            wrong.append(f"arrow {key}: {ends}")
        for kind, where, time in ends:
            if not any(start <= time <= end for start, end, _ in tracks.get(where, [])):
                wrong.append(f"arrow {key} {kind} at {time} is in no slice")
    return wrong


def _not_nested(where: tuple[int, int], listed: list[tuple[int, int, str]]) -> Iterator[str]:
    open_: list[int] = []
    for start, end, name in sorted(listed, key=lambda one: (one[0], -one[1])):
        while open_ and open_[-1] <= start:
            open_.pop()
        if open_ and end > open_[-1]:
            yield f"{name} on {where} ends at {end}, after {open_[-1]}"
        open_.append(end)


def phase_sums(spans: list[Span]) -> dict[int, Counter[str]]:
    """Return the time in each phase of each call, as the ledger has it."""
    sums: dict[int, Counter[str]] = {}
    for span in spans:
        sums.setdefault(span.call_id, Counter())[span.phase] += span.end_ns - span.start_ns
    return {number: +counter for number, counter in sums.items()}


def captures_below(folder: Path) -> Iterator[tuple[str, Analysis]]:
    """Read every capture of a folder that can be read, with its keys where they lie beside it."""
    for path in sorted(folder.rglob("*.pcap*")):
        if path.name.endswith((".json", ".keys")):
            continue
        keys = path.parent / "keys.log"
        try:
            yield path.name, analyzer.read(path, keys=keys if keys.exists() else None)
        except analyzer.CaptureError:
            continue
