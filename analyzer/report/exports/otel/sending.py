"""Sends an answer's spans to a collector through the OpenTelemetry SDK's exporter (OTLP over HTTP, protobuf)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from analyzer.errors import AnalyzerError, MissingTool, UsageError
from analyzer.model.analysis import Analysis
from analyzer.report.document import analyzer_version
from analyzer.report.exports.otel.conventions import CLIENT, SCHEMA_URL
from analyzer.report.exports.otel.model import Attributes, Traced
from analyzer.report.exports.otel.spans import traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

BATCH = 512
"""Spans of one request: the SDK's own batch processor sends as many."""
PATH = "/v1/traces"
"""Where a collector takes traces (OTLP specification, OTLP/HTTP request)."""
LAST_NS = (1 << 64) - 1
"""What fixed64 holds."""


def send(analysis: Analysis, endpoint: str) -> int:
    """Send all spans of an answer to a collector and return how many there were.

    `endpoint` is the URL of a collector (`http://localhost:4318`); `/v1/traces` is added where it names no path. Headers, certificates,
    compression and time-out are those of the environment (`OTEL_EXPORTER_OTLP_HEADERS` and the like), as for any exporter.
    Raises UsageError for what is no URL, MissingTool without the SDK, AnalyzerError where the collector does not take them.
    """
    parts = checked(endpoint)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError:
        hint = "pip install 'sdkledger[otlp]'; -o FILE.otlp.json needs nothing"
        raise MissingTool("the OpenTelemetry SDK is not installed", hint=hint) from None
    sent = 0
    with _silent():
        exporter = OTLPSpanExporter(endpoint=parts.geturl())
        try:
            spans = _readable(analysis)
            while batch := list(islice(spans, BATCH)):
                if exporter.export(batch) is not SpanExportResult.SUCCESS:
                    shown = f"{parts.hostname}:{parts.port}{parts.path}" if parts.port else f"{parts.hostname}{parts.path}"
                    raise AnalyzerError(f"{shown} did not take the spans (it took {sent} before)", hint="is a collector listening there?")
                sent += len(batch)
        finally:
            exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
    return sent


def checked(endpoint: str) -> SplitResult:
    """Return the URL that spans are sent to, in parts. Raises UsageError for what is no URL."""
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("the OTLP endpoint is no URL", hint="http://localhost:4318")
    return parts if parts.path not in ("", "/") else parts._replace(path=PATH)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the exporter's own log, which repeats what we say and may hold the URL with its password, off standard error."""
    logger = logging.getLogger("opentelemetry")
    before, nowhere = logger.propagate, logging.NullHandler()
    logger.addHandler(nowhere)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(nowhere)


def _readable(analysis: Analysis) -> Iterator[ReadableSpan]:
    """Yield the spans as the SDK has them once they have ended."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    scope = InstrumentationScope("analyzer", analyzer_version(), SCHEMA_URL)
    resources: dict[str, Resource] = {}
    for trace in traces(analysis):
        key = repr(trace.resource)
        if key not in resources:
            resources[key] = Resource(trace.resource, SCHEMA_URL)
        for one in trace.spans:
            yield _span(one, resources[key], scope)


def _span(one: Traced, resource: object, scope: object) -> ReadableSpan:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(trace_id: int, span_id: int) -> SpanContext:
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        one.name,
        context=context(one.trace_id, one.span_id),
        parent=context(one.trace_id, one.parent_id) if one.parent_id is not None else None,
        resource=resource,  # type: ignore[arg-type]  # a Resource; typed loosely, since the SDK may be missing
        attributes=_attributes(one.attributes),
        events=[Event(event.name, _attributes(event.attributes), _time(event.time_ns)) for event in one.events],
        links=[Link(context(link.trace_id, link.span_id), _attributes(link.attributes)) for link in one.links],
        kind=SpanKind.CLIENT if one.kind == CLIENT else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, one.error) if one.error is not None else Status(StatusCode.UNSET),
        start_time=_time(one.start_ns),
        end_time=_time(one.end_ns),
        instrumentation_scope=scope,  # type: ignore[arg-type]  # as above
    )


def _attributes(facts: Attributes) -> Attributes:
    """Return a copy: the SDK keeps what it is given."""
    return {name: value if isinstance(value, (str, bool, int, float)) else tuple(value) for name, value in facts.items()}


def _time(value: int) -> int:
    return max(0, min(value, LAST_NS))
