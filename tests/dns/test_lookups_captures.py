"""Real captures: agreement with tshark on names, answers and `dns.time`, and the connections known from the capture."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from analyzer.model.rows import Lookup
from analyzer.units import MILLISECOND, SECOND
from tests.dns.wire import NAME, replay


class Response(NamedTuple):
    """A response as tshark sees it."""

    name: str
    kind: int
    query: int
    """Packet of the query that it answers."""
    time_ns: int
    """`dns.time`: since that query, the last one where it was repeated."""
    addresses: list[str]
    """Of this type, in all sections."""
    additional: int


FIELDS = ("frame.number", "dns.qry.name", "dns.qry.type", "dns.response_to", "dns.time", "dns.count.add_rr", "dns.a", "dns.aaaa")


def responses(tshark: str, path: Path) -> dict[int, Response]:
    """Ask tshark for the responses, by packet."""
    command = [tshark, "-r", str(path), "-Y", "dns.time", "-T", "fields"]
    command += [part for field in FIELDS for part in ("-e", field)]
    found = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        frame, name, kind, query, time, additional, four, six = line.split("\t")
        addresses = [address for address in (six if kind == "28" else four).split(",") if address]
        time_ns = int(Decimal(time) * SECOND)
        found[int(frame)] = Response(name.lower(), int(kind), int(query), time_ns, addresses, int(additional))
    return found


KINDS = {"A": 1, "AAAA": 28, "DNSKEY": 48, "ANY": 255}


@pytest.mark.parametrize(
    "file, answered",
    [
        ("cold-start-http/cold-start-http.pcap", 8),
        ("slow-dns/slow-dns.pcap", 12),
        ("dns-query-lost/dns-query-lost.pcap", 6),
        ("public/ndpi__dns_fragmented.pcap", 21),
        ("public/derived__sections-http-dns.pcapng", 1),
    ],
)
def test_tshark_agrees(shared: Path, tshark: str, file: str, answered: int) -> None:
    theirs = responses(tshark, shared / file)
    rows = [row for row in replay(shared / file)[1] if row.end_ns is not None]
    both = [(row, theirs[row.packet_ids[-1]]) for row in rows]
    assert len(both) == answered
    # All but a truncated response, which is not the end of its lookup.
    assert len(theirs) - answered == sum(len(row.packet_ids) == 4 for row in rows)
    for row, response in both:
        assert (row.name, KINDS[row.type]) == (response.name, response.kind)
        assert response.query in row.packet_ids
        assert row.end_ns is not None
        took = row.end_ns - row.start_ns
        if len(row.packet_ids) == 2:
            assert took == response.time_ns
        else:
            assert took > response.time_ns
        if row.type in ("A", "AAAA"):
            assert list(row.answers) == response.addresses[: len(row.answers)]
            # More than OPT among the additional records: addresses of name servers.
            assert len(row.answers) == len(response.addresses) or response.additional > 1


def rows_of(shared: Path, file: str) -> list[Lookup]:
    return replay(shared / file)[1]


def test_two_threads_that_start_cold_look_up_for_themselves(shared: Path) -> None:
    rows = rows_of(shared, "cold-start-http/cold-start-http.pcap")
    assert [(row.type, row.tries, row.packet_ids) for row in rows[:4]] == [
        ("A", 1, (7, 11)), ("AAAA", 1, (8, 12)), ("A", 1, (9, 14)), ("AAAA", 1, (10, 15))
    ]  # fmt: skip
    assert [row.name for row in rows] == [NAME] * 8
    assert {row.rcode for row in rows} == {"NOERROR"}
    assert {len(row.connection_ids) for row in rows} == {1}
    assert rows[0].connection_ids == rows[1].connection_ids != rows[2].connection_ids == rows[3].connection_ids


def test_a_lost_query_costs_the_resolvers_timer(shared: Path) -> None:
    rows = rows_of(shared, "dns-query-lost/dns-query-lost.pcap")
    assert [row.tries for row in rows] == [2, 2, 1, 1, 1, 1]
    assert [row.packet_ids for row in rows[:2]] == [(4, 7, 9), (5, 8, 10)]
    for row in rows[:2]:
        assert row.end_ns is not None
        assert 5 * SECOND < row.end_ns - row.start_ns < 5.1 * SECOND
    assert all(row.connection_ids for row in rows)


def test_each_connection_has_its_slow_lookup(shared: Path) -> None:
    rows = rows_of(shared, "slow-dns/slow-dns.pcap")
    assert len(rows) == 12
    for row in rows:
        assert row.end_ns is not None
        assert 300 * MILLISECOND < row.end_ns - row.start_ns < 305 * MILLISECOND
        assert len(row.connection_ids) == 1
    assert len({row.connection_ids for row in rows}) == 6


def test_a_truncated_answer_is_continued_by_tcp(shared: Path) -> None:
    rows = rows_of(shared, "public/derived__sections-http-dns.pcapng")
    assert [(row.name, row.type, row.tries, row.rcode, row.packet_ids) for row in rows] == [
        ("ripe.net", "ANY", 1, "NOERROR", (22, 23, 27, 31))
    ]  # fmt: skip


def test_answers_by_tcp(shared: Path) -> None:
    rows = rows_of(shared, "public/ndpi__dns_fragmented.pcap")
    by_tcp = [row for row in rows if row.packet_ids[0] in (48, 60)]
    assert [(row.name, row.type, row.rcode) for row in by_tcp] == [("weberlab.de", "DNSKEY", "NOERROR")] * 2
    assert by_tcp[0].packet_ids == (48, 50)
    (retried,) = [row for row in rows if row.packet_ids[0] == 36]
    assert retried.tries == 2


def test_a_response_without_its_query_teaches_a_name(shared: Path) -> None:
    lookups, rows = replay(shared / "public/dpkt__truncated_dns_2.pcap")
    assert rows == []
    assert lookups.name_of(b"\x34\xd9\x65\x04") == "mycelium-wallet.s3.amazonaws.com"
