"""Sending spans to a collector: what one that listens here gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from analyzer.errors import AnalyzerError, UsageError
from analyzer.report.exports.otel import sending
from analyzer.report.exports.otel.sending import checked, send
from tests.report.exports.readers import as_protobuf, document
from tests.report.made import waited

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the OpenTelemetry SDK is an extra")


class Collector(HTTPServer):
    """Keeps what it is sent; answers with `status`."""

    status = 200

    def __init__(self) -> None:
        self.got: list[tuple[str, str | None, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["x-token"], body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def spans_of(data: Any) -> list[tuple[Any, ...]]:
    return [
        (
            span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind, span.start_time_unix_nano, span.end_time_unix_nano,
            span.status.code, span.status.message, sorted(str(one) for one in span.attributes), [link.span_id for link in span.links],
            [(event.name, event.time_unix_nano) for event in span.events], scope.scope.name, scope.schema_url,
            sorted(str(one) for one in group.resource.attributes),
        )
        for group in data.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]  # fmt: skip


def test_a_collector_gets_what_a_file_holds(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc")
    monkeypatch.setattr(sending, "BATCH", 7)
    sent = send(waited(), collector.url)
    assert {(path, token) for path, token, _ in collector.got} == {("/v1/traces", "abc")}
    assert len(collector.got) == -(-sent // 7) > 1
    got = [span for _, _, body in collector.got for span in spans_of(ExportTraceServiceRequest.FromString(body))]
    expected = spans_of(as_protobuf(document(waited(), "otlp")))
    assert sorted(got, key=repr) == sorted(expected, key=repr)
    assert len(got) == sent


def test_a_path_of_its_own_is_kept(collector: Collector) -> None:
    send(waited(), f"{collector.url}/otlp/v1/traces")
    assert {path for path, _, _ in collector.got} == {"/otlp/v1/traces"}


def test_a_refusal_is_said_without_the_password(collector: Collector, capfd: pytest.CaptureFixture[str]) -> None:
    collector.status = 400
    with pytest.raises(AnalyzerError, match="did not take the spans") as error:
        send(waited(), collector.url.replace("//", "//user:secret@"))
    assert "secret" not in f"{error.value} {error.value.hint}"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://host", "http://", "http://host:99999", "http://[::1", ""])
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(UsageError, match="no URL"):
        checked(url)


def test_the_usual_path_is_added() -> None:
    assert checked("http://[::1]:4318").geturl() == "http://[::1]:4318/v1/traces"
    assert checked("https://collector/").geturl() == "https://collector/v1/traces"
