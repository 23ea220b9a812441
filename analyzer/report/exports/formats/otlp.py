"""OTLP JSON: traces for Jaeger, Grafana Tempo, otel-desktop-viewer and collectors (`otlpjsonfile` receiver).

The mapping of Protocol Buffers to JSON with OTLP's exceptions (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding"): ids
are hex, 64-bit integers text, names lowerCamelCase, enumerations numbers. A file that ends in `.jsonl` holds one object a line
(OpenTelemetry file exporter), every other one object, which is what viewers upload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from analyzer.model.analysis import Analysis
from analyzer.report.document import analyzer_version
from analyzer.report.exports.format import Document
from analyzer.report.exports.otel.conventions import ERROR, SCHEMA_URL
from analyzer.report.exports.otel.model import Attributes, Trace, Traced, Value
from analyzer.report.exports.otel.spans import traces
from analyzer.units import TimeNs

BATCH = 100
"""Traces that are written together: readers take a line, or a group of spans, as a whole, and some no more than 4 MB."""
LAST_NS = (1 << 64) - 1
"""What fixed64 holds."""
_TEXT = json.encoder.encode_basestring_ascii


def render(analysis: Analysis, lines: bool = False) -> Iterator[str]:
    """Yield the traces as OTLP JSON in pieces: one object, or with `lines` one a line."""
    scope = json.dumps({"name": "analyzer", "version": analyzer_version()}, separators=(",", ":"))
    before = "" if lines else '{"resourceSpans":[\n'
    for batch in _batches(traces(analysis)):
        groups = [_encoded(resource, spans, scope) for resource, spans in _by_resource(batch)]
        if lines:
            yield f'{{"resourceSpans":[{",".join(groups)}]}}\n'
        else:
            yield before + ",\n".join(groups)
            before = ",\n"
    if not lines:
        yield "\n]}\n" if before.startswith(",") else before + "]}\n"


def _batches(made: Iterable[Trace]) -> Iterator[list[Trace]]:
    batch: list[Trace] = []
    for one in made:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _by_resource(batch: Iterable[Trace]) -> Iterator[tuple[Attributes, list[Traced]]]:
    groups: dict[str, tuple[Attributes, list[Traced]]] = {}
    for one in batch:
        groups.setdefault(repr(one.resource), (one.resource, []))[1].extend(one.spans)
    yield from groups.values()


def _encoded(resource: Attributes, spans: Iterable[Traced], scope: str) -> str:
    # Text is put together here rather than by an encoder: names are ours, and a file of 10^5 calls holds ten million of these objects.
    return (
        f'{{"resource":{{"attributes":{_attributes(resource)}}},"scopeSpans":[{{"scope":{scope},"spans":['
        f'{",".join(map(_span, spans))}],"schemaUrl":"{SCHEMA_URL}"}}],"schemaUrl":"{SCHEMA_URL}"}}'
    )


def _span(one: Traced) -> str:
    parent = f'"parentSpanId":"{one.parent_id:016x}",' if one.parent_id is not None else ""
    events = links = ""
    if one.events:
        listed = ",".join(
            f'{{"timeUnixNano":"{_time(event.time_ns)}","name":{_TEXT(event.name)},"attributes":{_attributes(event.attributes)}}}'
            for event in one.events
        )
        events = f',"events":[{listed}]'
    if one.links:
        listed = ",".join(
            f'{{"traceId":"{link.trace_id:032x}","spanId":"{link.span_id:016x}","attributes":{_attributes(link.attributes)}}}'
            for link in one.links
        )
        links = f',"links":[{listed}]'
    status = f'{{"code":{ERROR},"message":{_TEXT(one.error)}}}' if one.error is not None else "{}"
    return (
        f'{{"traceId":"{one.trace_id:032x}","spanId":"{one.span_id:016x}",{parent}"name":{_TEXT(one.name)},"kind":{one.kind},'
        f'"startTimeUnixNano":"{_time(one.start_ns)}","endTimeUnixNano":"{_time(one.end_ns)}",'
        f'"attributes":{_attributes(one.attributes)}{events}{links},"status":{status}}}'
    )


def _time(value: TimeNs) -> int:
    return max(0, min(value, LAST_NS))


def _attributes(facts: Attributes) -> str:
    return f"[{','.join([_attribute(name, value) for name, value in facts.items()])}]"


def _attribute(name: str, value: Value) -> str:
    if isinstance(value, str):
        return f'{{"key":"{name}","value":{{"stringValue":{_TEXT(value)}}}}}'
    if isinstance(value, bool):
        return f'{{"key":"{name}","value":{{"boolValue":{"true" if value else "false"}}}}}'
    if isinstance(value, int):
        return f'{{"key":"{name}","value":{{"intValue":"{value}"}}}}'
    if isinstance(value, float):
        return f'{{"key":"{name}","value":{{"doubleValue":{value!r}}}}}'
    listed = ",".join(f'{{"stringValue":{_TEXT(one)}}}' for one in value)
    return f'{{"key":"{name}","value":{{"arrayValue":{{"values":[{listed}]}}}}}}'


FORMAT = Document("otlp", (".otlp.json", ".otlp.jsonl", ".otlp"), "OpenTelemetry traces: Jaeger, Grafana, collectors", render)
