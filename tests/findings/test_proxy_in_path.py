"""proxy-in-path: tunnels, absolute-form targets, sidecars on the loopback, metadata through a proxy; and what only looks like them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer.findings.rules import proxy_in_path
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange, Finding, Handshake
from analyzer.model.table import Table
from analyzer.pipeline import read
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange
from tests.findings.test_service_rules_captures import packets

PROXY: dict[str, Any] = {"server_address": "10.0.9.9", "server_port": 3128}


def found(about: Analysis) -> list[Finding]:
    return list(proxy_in_path.check(View(about)))


def opening(number: int, under: Connection, **changes: Any) -> Exchange:
    """The CONNECT of a connection: answered within 30 ms."""
    begun = under.first_ns + 10 * MS
    row = exchange(number, under, method="CONNECT", target="dynamodb.us-east-1.amazonaws.com:443", target_form="authority", service=None)
    return row._replace(request_start_ns=begun, response_end_ns=begun + 30 * MS, request_packet_id=4 + 20 * under.connection_id, **changes)


def tunnelled(count: int = 2, **changes: Any) -> Analysis:
    connections, exchanges, calls, shakes = [], [], [], []
    for number in range(count):
        under = connection(number, **PROXY)
        connections.append(under)
        exchanges += [
            opening(100 + number, under, **changes),
            exchange(number, under, evidence="inferred", method=None, target_form=None, host=None),
        ]
        calls.append(call(number, under, client_ns=31 * MS, duration_ns=80 * MS))
        shakes.append(Handshake(number, START, START + 30 * MS, 30 * MS, "TLS 1.3", None, None, None, False, 1, None, False))
    about = analysis(connections, exchanges, calls=calls)
    about.handshakes = Table("handshakes", Handshake, shakes)
    return about


def test_a_tunnel() -> None:
    (row,) = found(tunnelled())
    assert row.summary == (
        "Both Query calls go through a proxy at 10.0.9.9:3128 (CONNECT). The network time is the way to it (10.0 ms and back); what is "
        "called the server's contains its own and the way from it to DynamoDB. Opening 2 tunnels took 30.0 ms each (median), between "
        "connect and TLS: 60.0 ms in all, 38 % of the time of all calls. TLS goes through to the service: its handshake takes 30.0 ms a "
        "round trip, computing included."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("proxy-in-path", "warning", "proven", None)
    assert (row.cost_ns, row.calls, row.connections) == (60 * MS, (0, 1), (0, 1))
    assert row.packet_ids == (4, 24)
    assert row.display_filter == 'tcp.stream in {0, 1} && http.request.method == "CONNECT"'


def test_a_tunnel_that_costs_nothing_is_good_to_know() -> None:
    about = tunnelled(1)
    cheap = [row._replace(response_end_ns=(row.request_start_ns or 0) + MS) if row.method else row for row in about.exchanges]
    about.exchanges = Table("exchanges", Exchange, cheap)
    (row,) = found(about)
    assert (row.severity, row.cost_ns) == ("info", MS)


@pytest.mark.parametrize("status", [407, 502, None])
def test_a_tunnel_that_was_refused_is_none(status: int | None) -> None:
    assert found(tunnelled(status=status)) == []


def plain(under: dict[str, Any] | None = None, count: int = 3, **changes: Any) -> Analysis:
    rows = [connection(number, **(under or {})) for number in range(count)]
    calls = [call(number, row) for number, row in enumerate(rows)]
    return analysis(rows, [exchange(number, row, **changes) for number, row in enumerate(rows)], calls=calls)


def test_a_target_in_absolute_form() -> None:
    (row,) = found(plain(PROXY, target_form="absolute"))
    assert row.summary.startswith(
        "All 3 Query calls go through a proxy at 10.0.9.9:3128 (absolute-form). The network time is the way to it"
    )
    assert (row.severity, row.confidence, row.cost_ns, row.share) == ("info", "proven", 0, None)
    assert row.display_filter == "tcp.stream in {0..2} && http.request"


def test_a_sidecar_or_a_stand_in() -> None:
    (row,) = found(plain({"server_address": "127.0.0.1", "server_port": 15001}))
    assert row.summary.startswith(
        "All 3 Query calls go to dynamodb.us-east-1.amazonaws.com by name and to this host itself by address (127.0.0.1:15001): a sidecar "
        "or proxy, or a stand-in for the service. "
    )
    assert (row.severity, row.confidence) == ("info", "possible")
    assert row.decides is not None
    assert "ss -ltnp" in row.decides


def test_what_the_sidecar_passes_on_tells() -> None:
    about = plain({"server_address": "127.0.0.1", "server_port": 15001})
    onward = connection(9, first_ns=START, client_address="10.0.1.23")
    passed = [
        exchange(90 + number, onward, call_id=None, request_start_ns=(row.request_start_ns or 0) + MS, response_end_ns=row.response_end_ns)
        for number, row in enumerate(about.exchanges)
    ]
    both = analysis([*about.connections, onward], [*about.exchanges, *passed], calls=list(about.calls))
    (row,) = found(both)
    assert "a sidecar or proxy, which passes them on. 1 connection to the service was busy meanwhile." in row.summary
    assert (row.confidence, row.connections) == ("likely", (0, 1, 2, 9))


def test_metadata_through_a_proxy() -> None:
    under = connection(0, service="imds", server_name="169.254.169.254", **PROXY)
    asked = exchange(0, under, service="imds", host="169.254.169.254", target_form="absolute", method="PUT", operation="PutToken")
    (row,) = found(analysis([under], [asked], calls=[dialogue(0, under)]))
    assert row.summary == (
        "1 of 1 dialogue with the instance metadata service (IMDS) went to a proxy at 10.0.9.9:3128 (absolute-form), which answers for its "
        "own host or for none. Client 10.0.1.23."
    )
    assert (row.severity, row.remedy) == ("warning", proxy_in_path.AROUND)


@pytest.mark.parametrize(
    "about",
    [
        analysis(),
        plain({"server_address": "10.0.0.9"}),  # an interface endpoint
        plain({"server_address": "127.0.0.1", "server_name": "localhost"}, host="localhost"),
        plain({"server_address": "127.0.0.1", "server_name": "127.0.0.1"}, host="127.0.0.1"),
        plain({"server_address": "127.0.0.1"}, service=None),
        plain({"server_address": "127.0.0.1"}, service="ecs-credentials", host="169.254.170.2"),  # the agent of ECS
        plain({"server_address": "not an address"}),
        plain(target_form="origin"),
        plain(target_form="asterisk"),
    ],
)
def test_what_looks_like_a_proxy(about: Analysis) -> None:
    assert found(about) == []


def test_a_real_tunnel(shared: Path, tshark: str) -> None:
    path = shared / "public" / "pcapdroid__http_proxy.pcap"
    (row,) = found(read(path, services=["dynamodb=weberblog.net"]))
    assert row.summary.startswith(
        "All 23 calls go through a proxy at 85.25.246.38:8080 (CONNECT). The network time is the way to it (8.2 ms"
    )
    assert "Opening 1 tunnel took 35.9 ms, between connect and TLS" in row.summary
    assert {*row.packet_ids} == packets(tshark, path, row.display_filter) == {4}
