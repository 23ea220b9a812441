"""Metrics for Prometheus (https://prometheus.io/docs/practices/naming/): durations in seconds, counters that only grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.errors import CaptureError, MissingTool, UsageError
from analyzer.model.services import CREDENTIAL_SERVICES
from analyzer.units import SECOND
from analyzer.watching.rates import MOST_OPERATIONS
from analyzer.watching.showing.phases import parts
from analyzer.watching.snapshot import Snapshot

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

LOOPBACK = "127.0.0.1"
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""From a call within one rack to one that was given up."""
OTHER = "other"


class Metrics:
    """Serves what snapshots tell. Raises MissingTool without the library, UsageError for an address, CaptureError for a taken port."""

    def __init__(self, address: str) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
        except ImportError:
            raise MissingTool("prometheus-client is not installed", hint="pip install 'sdkledger[metrics]'") from None
        host, port = read_address(address)
        self.registry: CollectorRegistry = CollectorRegistry()
        names = ["service", "operation"]
        also: dict[str, Any] = {"registry": self.registry}
        self._calls = Counter("analyzer_calls", "Calls that ended.", [*names, "outcome"], **also)
        self._duration = Histogram("analyzer_call_duration_seconds", "Duration of calls.", names, buckets=BUCKETS, **also)
        self._phase = Histogram(
            "analyzer_call_phase_seconds", "Time of calls in each phase that took time.", [*names, "phase"], buckets=BUCKETS, **also
        )  # fmt: skip
        self._retries = Counter("analyzer_call_retries", "Attempts beyond the first.", names, **also)
        self._new = Counter("analyzer_calls_on_new_connections", "Calls that paid for a connection.", names, **also)
        self._shaken = Counter("analyzer_calls_with_handshake", "Calls that paid for a TLS handshake.", names, **also)
        self._reuse = Gauge("analyzer_call_reuse_ratio", "Share of calls on a connection that was open.", names, **also)
        self._waited = Counter("analyzer_credential_wait_seconds", "Time that calls waited for credentials.", names, **also)
        self._dialogues = Counter("analyzer_credential_dialogues", "Dialogues with credential endpoints.", ["service", "outcome"], **also)
        self._findings = Counter("analyzer_call_findings", "Calls that a finding names.", ["finding"], **also)
        self._packets = Gauge("analyzer_captured_packets", "Packets seen.", **also)
        self._dropped = Gauge("analyzer_dropped_packets", "Packets that the kernel dropped.", **also)
        self._open = Gauge("analyzer_open_connections", "Open connections.", ["server"], **also)
        self._busy = Gauge("analyzer_busy_connections", "Connections with a request under way.", ["server"], **also)
        self._known: set[tuple[str, str]] = set()
        self._servers: set[str] = set()
        try:
            self._server, _ = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise CaptureError(f"cannot serve metrics on {host}:{port}: {error.strerror or error}", hint="take another port") from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/metrics"

    def take(self, snapshot: Snapshot) -> None:
        """Count what is new."""
        for seen in snapshot.new:
            call = seen.call
            service, operation = self._names(call.service, call.operation)
            outcome = "ok" if call.ok else "error" if call.ok is False else "unknown"
            if call.service in CREDENTIAL_SERVICES:
                self._dialogues.labels(service, outcome).inc()
                continue
            self._calls.labels(service, operation, outcome).inc()
            if call.truncated is None:
                self._duration.labels(service, operation).observe(call.duration_ns / SECOND)
                for phase, value in parts(call):
                    self._phase.labels(service, operation, phase).observe(value / SECOND)
            self._retries.labels(service, operation).inc(max(0, call.attempts - 1))
            self._new.labels(service, operation).inc(not call.reused)
            self._shaken.labels(service, operation).inc(call.tls_ns > 0)
            self._waited.labels(service, operation).inc(call.credentials_ns / SECOND)
            for code in seen.findings:
                self._findings.labels(code).inc()
        for rate in snapshot.rates:
            if rate.service not in CREDENTIAL_SERVICES:
                self._reuse.labels(*self._names(rate.service, rate.operation)).set(rate.reused / max(1, rate.calls))
        self._packets.set(snapshot.packets)
        if snapshot.dropped is not None:
            self._dropped.set(snapshot.dropped)
        self._count_connections(snapshot)

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _count_connections(self, snapshot: Snapshot) -> None:
        now: dict[str, tuple[int, int]] = {}
        for pool in snapshot.pools:
            if pool.service is not None:
                open_, busy = now.get(pool.server, (0, 0))
                now[pool.server] = (open_ + pool.open, busy + pool.busy)
        for server in self._servers - now.keys():
            self._open.remove(server)
            self._busy.remove(server)
        for server, (open_, busy) in now.items():
            self._open.labels(server).set(open_)
            self._busy.labels(server).set(busy)
        self._servers = set(now)

    def _names(self, service: str | None, operation: str | None) -> tuple[str, str]:
        """Return the labels of an operation; of very many (a hostile peer makes names up) the same for all."""
        names = (service or "", operation or "")
        if names not in self._known:
            if len(self._known) >= MOST_OPERATIONS:
                return OTHER, OTHER
            self._known.add(names)
        return names


def read_address(text: str) -> tuple[str, int]:
    """Read `[HOST:]PORT`; without HOST it is loopback. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535 or (colon and not host):
        raise UsageError(f"cannot read the address {text!r}", hint="9464, or 0.0.0.0:9464 for all the network to see")
    return (host.strip("[]") or LOOPBACK), int(port)
