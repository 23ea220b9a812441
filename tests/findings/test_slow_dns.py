"""slow-dns: slow name servers, lost queries, and lookups that are only many."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules import cold_connection, connection_not_reused, slow_dns
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding, Lookup
from tests.factory import MS, START, analysis, call, connection, exchange, lookup


def about(*took_ms: int, calls: bool = True, under: dict[str, Any] | None = None, sdk: str = "python-boto3", **asked: Any) -> Analysis:
    """One connection a lookup, each opened when the answer had come; the call waited for it."""
    rows = [connection(number, **(under or {})) for number in range(len(took_ms))]
    lookups = []
    made = []
    for number, (row, took) in enumerate(zip(rows, took_ms, strict=True)):
        start = row.first_ns - took * MS
        changes: dict[str, Any] = {
            "start_ns": start, "end_ns": row.first_ns, "connection_ids": (number,), "packet_ids": (90 + 2 * number, 91 + 2 * number),
        }  # fmt: skip
        lookups.append(lookup(number, **{**changes, **asked}))
        made.append(call(number, row, sdk=sdk, start_ns=start, dns_ns=took * MS, duration_ns=(28 + took) * MS))
    exchanges = [exchange(number, row) for number, row in enumerate(rows)] if calls else []
    return analysis(rows, exchanges, lookups=lookups, calls=made if calls else [])


def found(of: Analysis) -> list[Finding]:
    return list(slow_dns.check(View(of)))


def test_a_slow_name_server() -> None:
    (row,) = found(about(300, 301, 302))
    assert row.summary == "3 of 3 Query calls waited 903 ms for the name server (91 % of the time of all calls). 3 lookups took 301 ms."
    assert (row.code, row.severity, row.confidence) == ("slow-dns", "warning", "proven")
    assert row.cost_ns == 903 * MS
    assert row.share == pytest.approx(903 / 987)
    assert (row.calls, row.connections, row.packet_ids) == ((0, 1, 2), (0, 1, 2), (94, 95, 92, 93, 90, 91))
    assert row.display_filter == "dns && frame.number in {90, 91, 92, 93, 94, 95}"
    assert "Python asks again" in row.remedy


def test_a_lost_query_costs_what_it_took_longer_than_usual() -> None:
    of = about(2, 5002, 2)
    lookups = [row._replace(tries=2) if row.lookup_id == 1 else row for row in of.lookups]
    (row,) = found(analysis(list(of.connections), list(of.exchanges), lookups=lookups, calls=list(of.calls)))
    assert row.cost_ns == 5000 * MS
    assert row.calls == (1,)
    assert row.summary == (
        "1 of 3 Query calls waited 5000 ms for the name server (98 % of the time of all calls). 1 lookup took 5002 ms; the others "
        "take 2.0 ms. 1 was lost or ignored and sent again by the resolver's timer. That is glibc's resolver timer (5 s)."
    )


def test_another_name_server_was_asked_at_last() -> None:
    under = connection(0)
    lost = lookup(0, start_ns=START - 5_010 * MS, end_ns=None, connection_ids=(), packet_ids=(1,), resolver="10.0.0.1", rcode=None)
    answered = lookup(1, start_ns=START - 5 * MS, end_ns=START, packet_ids=(2, 3))
    (row,) = found(analysis([under], [], lookups=[lost, answered]))
    assert row.cost_ns == 5_010 * MS
    assert row.packet_ids == (1, 2, 3)
    assert "1 connection to AWS waited 5010 ms" in row.summary
    stale = lost._replace(start_ns=START - 60_000 * MS)
    assert found(analysis([under], [], lookups=[stale, answered])) == []


def test_without_readable_calls_the_connections_pay() -> None:
    of = about(300, 310, calls=False)
    twin = of.lookups[0]._replace(lookup_id=5, type="AAAA", packet_ids=(80, 81), end_ns=of.lookups[0].start_ns + 290 * MS)
    (row,) = found(analysis(list(of.connections), [], lookups=[*of.lookups, twin]))
    assert row.summary == "2 connections to AWS waited 610 ms for the name server. 3 lookups took 300 ms."
    assert (row.cost_ns, row.share, row.calls) == (610 * MS, None, ())


@pytest.mark.parametrize(
    "of",
    [
        about(2, 2, 3),
        about(49),
        about(300, 301, under={"service": None}),
        about(300, under={"service": "imds"}),
        about(300, under={"copy_of": 9}),
        about(60, under={"min_rtt_ns": 30 * MS}),
        about(60, 25, 25),
        about(300, connection_ids=()),
        about(300, connection_ids=(99,)),
        about(3, tries=2),
    ],
    ids=["quick", "below", "other", "imds", "copy", "far", "usual", "unused", "narrowed", "twice"],
)
def test_what_looks_like_slow_lookups(of: Analysis) -> None:
    assert found(of) == []


def test_lookups_again_and_again_are_an_info_without_cost() -> None:
    (row,) = found(about(*[3] * 12))
    assert (row.severity, row.cost_ns, row.share, row.calls) == ("info", 0, None, ())
    assert row.summary.startswith(
        "10.0.1.23 asked for dynamodb.us-east-1.amazonaws.com 12 times, 3.0 ms each: again for each connection, within seconds"
    )
    assert found(about(*[3] * 10)) == []
    assert found(about(*[0] * 12)) == []


def test_what_it_charges_the_set_up_rules_do_not() -> None:
    view = View(about(300, 300, 300))
    told = [row for rule in (slow_dns, connection_not_reused, cold_connection) for row in rule.check(view)]
    assert [(row.code, row.cost_ns) for row in told] == [("slow-dns", 900 * MS), ("cold-connection", 30 * MS)]


def test_names_from_the_wire_do_no_harm() -> None:
    hostile = '"; drop\x1b[2J' + "y" * 250
    rows: list[Lookup] = [row._replace(name=hostile) for row in about(*[3] * 12).lookups]
    of = about(*[3] * 12)
    (row,) = found(analysis(list(of.connections), [], lookups=rows))
    assert "drop" not in row.display_filter


def test_an_answer_that_the_capture_lacks_is_no_silence() -> None:
    """The client opened a connection after the query: it had its answer, and the next lookup is another one."""
    first, second = connection(0, first_ns=START - 5_000 * MS, syn_ns=START - 5_000 * MS), connection(1)
    lost = lookup(0, start_ns=START - 5_010 * MS, end_ns=None, connection_ids=(), packet_ids=(1,), rcode=None)
    answered = lookup(1, start_ns=START - 5 * MS, end_ns=START, packet_ids=(2, 3), connection_ids=(1,))
    assert found(analysis([first, second], [], lookups=[lost, answered])) == []
    elsewhere = first._replace(server_name="s3.us-east-1.amazonaws.com")
    assert [row.cost_ns for row in found(analysis([elsewhere, second], [], lookups=[lost, answered]))] == [5_010 * MS]


def test_what_connections_without_calls_waited_is_told_and_not_charged() -> None:
    of = about(300, 310)
    alone = connection(2)
    more = of.lookups[0]._replace(lookup_id=2, connection_ids=(2,), packet_ids=(97, 98))
    (row,) = found(analysis([*of.connections, alone], list(of.exchanges), lookups=[*of.lookups, more], calls=list(of.calls)))
    assert row.cost_ns == 610 * MS
    assert "1 further connection waited 300 ms." in row.summary


def test_what_was_tried_again_is_not_proven_where_the_capture_lacks_packets() -> None:
    of = about(2, 5002, 2)
    lookups = [row._replace(tries=2) if row.lookup_id == 1 else row for row in of.lookups]
    rows = [row._replace(lost_before_capture=row.connection_id == 0, gap_bytes=100) for row in of.connections]
    (row,) = found(analysis(rows, list(of.exchanges), lookups=lookups, calls=list(of.calls)))
    assert (row.confidence, "lacks nothing" in (row.decides or "")) == ("likely", True)
    slow = about(300, 300)
    rows = [row._replace(lost_before_capture=True, gap_bytes=100) for row in slow.connections]
    (row,) = found(analysis(rows, list(slow.exchanges), lookups=list(slow.lookups), calls=list(slow.calls)))
    assert row.confidence == "proven"  # asked once, and answered
