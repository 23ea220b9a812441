"""connection-churn, tls-full-handshake and pool-too-small: each fires, with its figures, and has look-alikes that must not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from analyzer.findings import registry
from analyzer.findings.rules import connection_churn, connection_not_reused, pool_too_small, tls_full_handshake
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Anomaly, Call, Exchange, Finding, Handshake
from analyzer.model.table import Table
from tests.factory import MS, START, analysis, call, connection, exchange, later, warm

CIPHERS = "t13d1812h1_85036bcba153_b26ce05bbdd6"


def churn(about: Analysis) -> list[Finding]:
    return list(connection_churn.check(View(about)))


def tls(about: Analysis) -> list[Finding]:
    return list(tls_full_handshake.check(View(about)))


def pool(about: Analysis) -> list[Finding]:
    return list(pool_too_small.check(View(about)))


def opened(number: int, apart: int = 20 * MS, under: dict[str, Any] | None = None, **changes: Any) -> tuple[Any, Exchange, Call]:
    """One connection with one call, `apart` after the one before."""
    begun = START + number * apart
    row = connection(
        number, first_ns=begun, syn_ns=begun, last_ns=begun + 29 * MS, closed_ns=begun + 29 * MS, client_closed_ns=begun + 29 * MS
    )
    row = row._replace(**(under or {}))
    return row, exchange(number, row), call(number, row, **changes)


def rows_of(parts: Iterable[tuple[Any, Exchange, Call]], shakes: Sequence[Handshake] = ()) -> Analysis:
    parts = list(parts)
    about = analysis([part[0] for part in parts], [part[1] for part in parts], calls=[part[2] for part in parts])
    about.handshakes = Table("handshakes", Handshake, shakes)
    return about


# connection-churn: a call of 28 ms every 20 ms, each on a connection of its own, keeps less than one of them busy.


def test_churn_is_told_with_its_rate_and_what_would_be_enough() -> None:
    (row,) = churn(rows_of(opened(number, sdk="js-v2") for number in range(60)))
    assert row.summary.startswith(
        "SDK for JavaScript v2 opened 50 connections in one second for 50 calls that keep 0.8 of them busy (50/s x 17.0 ms); no more than "
        "2 calls ran at once. In all 60 connections were opened in 1180 ms for 60 calls. What opening them needlessly cost the calls: "
        "580 ms, 35 % of the time of all calls."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("connection-churn", "warning", "proven", None)
    assert row.cost_ns == 58 * 10 * MS
    assert row.calls == tuple(range(2, 60))
    assert row.share == pytest.approx(580 / (60 * 28))
    assert row.connections == tuple(range(60))
    assert row.packet_ids == tuple(1 + 20 * number for number in range(24))
    assert row.display_filter == "tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.stream in {0..23}"
    assert "AWS_NODEJS_CONNECTION_REUSE_ENABLED=1" in row.remedy


def test_churn_charges_nothing_that_is_charged_already() -> None:
    view = View(rows_of(opened(number) for number in range(60)))
    (other,) = connection_not_reused.check(view)
    (row,) = connection_churn.check(view)
    assert other.cost_ns == 580 * MS
    assert (row.cost_ns, row.share, row.severity) == (0, None, "warning")
    assert "What that cost the calls is in the findings about connections that are not reused" in row.summary


def test_churn_counts_handshakes() -> None:
    shakes = [shake(number, resumed=number >= 40) for number in range(60)]
    (row,) = churn(rows_of((opened(number) for number in range(60)), shakes))
    assert "for 60 calls, with 40 full TLS handshakes and 20 resumed. They took 1200 ms in all." in row.summary


@pytest.mark.parametrize(
    "about",
    [
        rows_of(opened(number, apart=42 * MS) for number in range(60)),  # 24 a second
        rows_of(opened(number) for number in range(24)),
        rows_of(opened(number, apart=0) for number in range(60)),  # a pool that fills: 60 calls at once
        rows_of(opened(number, service="imds", under={"service": "imds"}) for number in range(60)),
        rows_of(opened(number, under={"copy_of": 0}) for number in range(60)),
        rows_of(opened(number, under={"syn_ns": None}) for number in range(60)),
        rows_of(opened(number, under={"established_ns": None}) for number in range(60)),
        rows_of([]),
    ],
)
def test_what_looks_like_churn(about: Analysis) -> None:
    assert churn(about) == []


def test_a_pool_that_discards_connections_is_named() -> None:
    kept = [
        connection(number, first_ns=START - MS, syn_ns=START - MS, closed_ns=None, closed_by="open", exchanges=9) for number in range(10)
    ]
    parts = [opened(number) for number in range(10, 70)]
    about = analysis([*kept, *(part[0] for part in parts)], [part[1] for part in parts], calls=[part[2] for part in parts])
    (row,) = churn(about)
    assert "Its pool keeps 10 idle ones: further ones are closed after their request." in row.summary
    assert "max_pool_connections" in row.remedy
    (other,) = churn(rows_of(parts))
    assert "pool keeps" not in other.summary


# tls-full-handshake: calls 100 ms apart, each behind a handshake of two round trips.


def shake(number: int, took: int = 20 * MS, **changes: Any) -> Handshake:
    begun = START + number * 100 * MS + 10 * MS
    row = Handshake(
        number, begun, begun + took, took, "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "dynamodb.us-east-1.amazonaws.com", None,
        False, 2, CIPHERS, False, certificate_bytes=2307, first_packet_id=4 + 20 * number, last_packet_id=9 + 20 * number,
    )  # fmt: skip
    return row._replace(**changes)


def shaken(count: int = 5, sdk: str | None = "js-v2", slots: dict[str, int] | None = None, **changes: Any) -> Analysis:
    took: dict[str, Any] = {"tls_ns": 20 * MS, "duration_ns": 48 * MS, **(slots or {})}
    return rows_of(
        (opened(number, 100 * MS, sdk=sdk, **took) for number in range(count)),
        [shake(number, **changes) for number in range(count)],
    )


def test_full_handshakes_again_cost_a_round_trip_each() -> None:
    (row,) = tls(shaken())
    assert row.summary == (
        "4 of 5 TLS handshakes were full although the client had finished one with that server shortly before: 20.0 ms each (median), "
        "10.0 ms of it needless, 40.0 ms in all (17 % of the time of all calls). None was resumed; a resumed one takes one round trip less "
        "and sends no certificate. Client 10.0.1.23, server dynamodb.us-east-1.amazonaws.com, TLS 1.2."
    )
    assert (row.code, row.severity, row.confidence) == ("tls-full-handshake", "warning", "likely")
    assert row.decides is not None
    assert row.cost_ns == 40 * MS
    assert row.share == pytest.approx(40 / 240)
    assert (row.calls, row.connections) == ((1, 2, 3, 4), (1, 2, 3, 4))
    assert row.packet_ids[:2] == (24, 29)
    assert row.display_filter == "tcp.stream in {1..4} && tcp.len > 0 && frame.number in {24..29, 44..49, 64..69, 84..89}"
    assert row.remedy.endswith("TLS 1.3 on both sides saves the same round trip.")


def test_handshakes_whose_records_were_cut_have_a_doubt() -> None:
    about = shaken()
    about.anomalies = Table("anomalies", Anomaly, [Anomaly("tls-records-lost", None, number, "cut") for number in (0, 2, 3)])
    (row,) = tls(about)
    assert " Of 2 handshakes records are missing or cut in the capture: their end is then taken to be the first request" in row.summary
    assert "missing or cut" not in tls(shaken())[0].summary


def test_what_the_connections_cost_is_not_charged_again() -> None:
    view = View(shaken())
    (other,) = connection_not_reused.check(view)
    (row,) = tls_full_handshake.check(view)
    assert other.cost_ns == 4 * 30 * MS
    assert (row.cost_ns, row.share, row.severity) == (0, None, "warning")
    assert "That is part of what the connections themselves cost" in row.summary


def test_its_own_resumed_handshakes_are_the_measure() -> None:
    about = shaken(9)
    about.handshakes = Table("handshakes", Handshake, [shake(n, 20 * MS if n < 5 else 13 * MS, resumed=n >= 5) for n in range(9)])
    (row,) = tls(about)
    assert row.cost_ns == 4 * 7 * MS
    assert "4 resumed ones in this capture took 13.0 ms (median)." in row.summary
    assert row.calls == (1, 2, 3, 4)


def test_sessions_that_the_server_refused_are_named() -> None:
    about = shaken(9)
    shakes = [shake(n, 20 * MS if n < 5 else 13 * MS, resumed=n >= 5, version="TLS 1.3", round_trips=1) for n in range(9)]
    about.handshakes = Table("handshakes", Handshake, [shakes[0]._replace(ja4="t13d1811h1_85036bcba153_other"), *shakes[1:]])
    (row,) = tls(about)
    assert "4 of them offered a session that the server did not take" in row.summary
    about.handshakes = Table("handshakes", Handshake, [row._replace(version="TLS 1.2") for row in shakes])
    assert "offered" not in tls(about)[0].summary  # its shape does not tell


def test_an_sdk_that_never_resumes_is_told_so() -> None:
    (row,) = tls(shaken(sdk="python-boto3"))
    assert row.remedy.startswith("boto3 never resumes TLS sessions: what helps is fewer handshakes. ")
    assert tls(shaken(sdk=None))[0].remedy == tls_full_handshake.RULE.remedy


@pytest.mark.parametrize(
    "about",
    [
        shaken(1),
        shaken(2),  # a single one again may be another process
        shaken(version="TLS 1.3", round_trips=1),  # one round trip either way
        shaken(resumed=True),
        shaken(resumed=None),
        shaken(duration_ns=None, end_ns=None),
        shaken(slots={"duration_ns": 3000 * MS}),  # not worth a word
        shaken(slots={"tls_ns": 0}),  # nobody waited
        rows_of(opened(number, 0, tls_ns=20 * MS) for number in range(9)),  # no handshakes in the answer
        rows_of((opened(n, 0, tls_ns=20 * MS) for n in range(9)), [shake(n, start_ns=START, end_ns=START + 20 * MS) for n in range(9)]),
    ],
)
def test_what_looks_like_a_needless_handshake(about: Analysis) -> None:
    assert tls(about) == []


def test_other_clients_on_the_host_have_no_session() -> None:
    about = shaken(4)
    about.handshakes = Table("handshakes", Handshake, [shake(n, ja4=f"t13d1812h1_{n:012d}_x") for n in range(4)])
    assert tls(about) == []


def test_one_handshake_that_serves_many_calls_is_no_waste() -> None:
    parts = [opened(number, 100 * MS, tls_ns=20 * MS, duration_ns=48 * MS) for number in range(4)]
    rest = [warm(100 + n, parts[0][0], n, duration_ns=100 * MS) for n in range(30)]
    about = analysis([p[0] for p in parts], [p[1] for p in parts], calls=[*(p[2] for p in parts), *rest])
    about.handshakes = Table("handshakes", Handshake, [shake(number) for number in range(4)])
    assert tls(about) == []


def test_a_hello_retry_request_costs_a_round_trip() -> None:
    (row,) = tls(shaken(1, retried=True, version="TLS 1.3", round_trips=2))
    assert row.summary.startswith("1 TLS handshake took a second round trip (10.0 ms) because the server asked for another ClientHello")
    assert (row.cost_ns, row.confidence, row.decides) == (10 * MS, "proven", None)
    assert "key share" in row.remedy


def test_a_long_chain_costs_a_round_trip() -> None:
    (row,) = tls(shaken(1, certificate_bytes=16_000))
    assert row.summary.startswith("1 TLS handshake likely took one more round trip (10.0 ms) for 16.0 KB of certificates: 10.0 ms in all")
    assert (row.cost_ns, row.confidence) == (10 * MS, "likely")
    assert tls(shaken(1, certificate_bytes=14_600)) == []


# pool-too-small: ten connections, each given on within 1 ms of its last answer.


def queue(
    size: int = 10, rounds: int = 12, gap: int = MS, took: int = 20 * MS, sdk: str | None = "python-aiobotocore", rest: int = 0
) -> Analysis:
    connections, exchanges, calls = [], [], []
    for number in range(size):
        row = connection(number, first_ns=START, syn_ns=START, exchanges=rounds)
        connections.append(row)
        for index in range(rounds):
            begun = START + 11 * MS + index * (took + gap) + (rest if index >= rounds // 2 else 0)
            each = later(number * rounds + index, row, index, request_start_ns=begun, response_end_ns=begun + took)
            exchanges.append(
                each._replace(first_packet_id=1000 + each.exchange_id * 2, response_packet_id=1001 + each.exchange_id * 2, sdk=sdk)
            )
            calls.append(warm(each.exchange_id, row, index, sdk=sdk, start_ns=begun, end_ns=begun + took, duration_ns=took))
    return analysis(connections, exchanges, calls=calls)


def test_a_pool_that_never_rests() -> None:
    (row,) = pool(queue())
    assert row.summary.startswith(
        "Calls probably queue in the client: 9 or all of its 10 connections were busy for 251 ms of 251 ms, and 110 of 110 requests on "
        "open connections followed the answer before within 1.0 ms (median). 10 is the limit of aiobotocore. DynamoDB takes 20.0 ms "
        "for a call (median, on the wire): 10 connections carry about 476 calls a second, and no more."
    )
    assert (row.code, row.severity, row.confidence) == ("pool-too-small", "warning", "likely")
    assert row.decides is not None
    assert "10 threads or tasks" in row.decides
    assert row.cost_ns == (12 * 20 + 11) * MS
    assert row.share is None  # it lies before the calls' first packets
    assert len(row.calls) == 110
    assert row.connections == tuple(range(10))
    assert row.packet_ids[:2] == (1001, 1002)
    assert "max_pool_connections" in row.remedy


def test_without_plaintext_it_is_only_possible() -> None:
    (row,) = pool(queue(sdk=None))
    assert row.summary.startswith("Calls may queue in the client: ")
    assert (row.confidence, row.severity) == ("possible", "warning")


def test_at_another_size_than_the_sdk_s_it_is_only_good_to_know() -> None:
    (row,) = pool(queue(6))
    assert (row.confidence, row.severity) == ("possible", "info")
    assert "all 6 connections" in row.summary or "5 or all of its 6 connections" in row.summary
    assert "is the limit" not in row.summary


def test_of_a_family_of_sdks_the_limit_is_possible() -> None:
    (row,) = pool(queue(50, 12, sdk="js"))
    assert (row.confidence, row.severity) == ("possible", "warning")
    assert pool(queue(50, 12, sdk="go")) == []  # neither of the two lets requests wait


def test_idle_connections_beside_tell_that_nobody_waits() -> None:
    about = queue()
    beside = [connection(100 + number, first_ns=START, syn_ns=START, closed_ns=None, closed_by="open", exchanges=1) for number in range(3)]
    rows = [exchange(5000 + number, row, sdk="python-aiobotocore") for number, row in enumerate(beside)]
    calls = [call(5000 + number, row, sdk="python-aiobotocore") for number, row in enumerate(beside)]
    open_until = max(row.response_end_ns or 0 for row in about.exchanges)
    beside = [row._replace(last_ns=open_until) for row in beside]
    assert pool(analysis([*about.connections, *beside], [*about.exchanges, *rows], calls=[*about.calls, *calls])) == []


def test_a_pause_of_the_program_splits_the_stretch() -> None:
    (row,) = pool(queue(rest=500 * MS))
    assert row.cost_ns == (12 * 20 + 10) * MS
    assert len(row.calls) == 100


@pytest.mark.parametrize(
    "about",
    [
        queue(1, 60),  # a loop
        queue(3, 30),  # three threads
        queue(sdk="python-boto3"),  # opens another connection instead of waiting
        queue(sdk="go-v2"),
        queue(6, sdk=None),
        queue(sdk="unheard-of"),
        queue(gap=3 * MS),  # something is done between the calls
        queue(gap=8 * MS),
        queue(rounds=3),  # a burst, and no more
        queue(took=MS // 10, gap=1000),  # a loopback
    ],
)
def test_what_looks_like_a_queue(about: Analysis) -> None:
    assert pool(about) == []


def test_hostile_rows_survive() -> None:
    about = queue()
    bad = [row._replace(request_start_ns=row.response_end_ns, response_end_ns=row.request_start_ns) for row in about.exchanges]
    pool(analysis(list(about.connections), bad, calls=list(about.calls)))
    evil = shaken(5, ja4="", version="\x1b[31m", first_packet_id=None, last_packet_id=None)
    evil.connections = type(evil.connections)("connections", connection().__class__, [
        row._replace(server_name="a'\" || 1 == 1 \n") for row in evil.connections
    ])  # fmt: skip
    (row,) = tls(evil)
    assert "1 == 1" not in row.display_filter
    assert {loaded.rule.code for loaded in registry.rules()} >= {"connection-churn", "tls-full-handshake", "pool-too-small"}
