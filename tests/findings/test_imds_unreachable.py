"""imds-unreachable: silence, resets and ICMP; and endpoints that do answer."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules import imds_hop_limit, imds_slow, imds_v1_fallback
from analyzer.findings.rules.imds_unreachable import check
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS, START, analysis
from tests.findings.dialogues import Talk, answer, hop_limit, service_call


def found(talk: Talk, **facts: Any) -> list[Finding]:
    dialogue = talk.call(operation=None, ok=False)
    talk.call = lambda **changes: dialogue._replace(**changes)  # type: ignore[method-assign]
    return list(check(View(answer(talk, **facts))))


def test_silence() -> None:
    (row,) = found(Talk(0).syn(0).syn(1002, syn_retransmissions=1).syn(2105, last_ns=START + 2105 * MS))
    assert row.summary == (
        "A client (172.17.0.2) tried to reach the instance metadata service (IMDS) for 2105 ms: 3 connections to 169.254.169.254:80 got no "
        "answer (4 SYNs, no SYN-ACK). This is no EC2 instance, or a filter drops the packets; nothing here tells which. A capture on the "
        "host's uplink decides: if the SYN does not appear there, a filter on the host drops it."
    )
    assert (row.code, row.severity, row.confidence) == ("imds-unreachable", "warning", "proven")
    assert (row.cost_ns, row.calls, row.connections, row.packet_ids) == (2105 * MS, (0,), (0, 1, 2), (1, 11, 21))
    assert row.display_filter == "tcp.stream in {0..2}"
    assert "AWS_EC2_METADATA_DISABLED=true" in row.remedy
    assert "defaults_mode" in row.remedy


def test_a_call_that_waited_in_vain_is_an_error() -> None:
    talk = Talk(0).syn(0).syn(1000)
    (row,) = found(talk, waiting=[(service_call(4, ok=False), talk)])
    assert row.summary.startswith(
        "GetItem took 1017 ms; 1000 ms of it waited for credentials: 2 connections to 169.254.169.254:80 got no answer"
    )
    assert (row.severity, row.calls, row.cost_ns) == ("error", (4,), 1000 * MS)


def test_resets() -> None:
    facts = {"closed_by": "server-reset", "packets_received": 1, "closed_packet_id": 2}
    (row,) = found(Talk(0).syn(0, **facts).syn(5, **facts))
    assert ": 2 connections to 169.254.169.254:80 were refused at once (RST). Something has that address" in row.summary
    assert (row.cost_ns, row.packet_ids) == (5 * MS, (1, 2, 11))


def test_icmp() -> None:
    talk = Talk(0).syn(0).icmp("icmp-unreachable", answer=False).syn(3).syn(1100)
    (row,) = found(talk)
    assert "3 connections to 169.254.169.254:80 came to nothing, 1 by ICMP unreachable, 2 by silence. 10.0.1.50 says" in row.summary
    assert "routers limit how often they say so" in row.summary
    assert row.packet_ids == (7, 1, 11, 21)
    assert row.display_filter == "tcp.stream in {0..2} || (icmp.type == 3 && ip.addr == 169.254.169.254)"


def test_errors_are_called_and_filtered_by_their_kind() -> None:
    talk = Talk(0).syn(0).icmp("icmp-time-exceeded", answer=False).icmp("icmp-time-exceeded", answer=False).syn(1100)
    (row,) = found(talk)
    assert "2 connections to 169.254.169.254:80 came to nothing, 1 by ICMP time exceeded, 1 by silence." in row.summary
    assert "routers limit how often they say so" in row.summary
    assert row.display_filter == "tcp.stream in {0, 1} || (icmp.type == 11 && ip.addr == 169.254.169.254)"
    refused = {"closed_by": "server-reset", "closed_ns": START + 1100 * MS}
    (row,) = found(Talk(0).syn(0).icmp("icmp-unreachable", answer=False).syn(3).icmp(answer=False).syn(1100, **refused))
    assert "came to nothing, 2 by ICMP unreachable or time exceeded, 1 by RST." in row.summary
    assert "time-outs" not in row.summary  # none of them was met by silence
    assert row.display_filter.endswith(" || (icmp.type in {3, 11} && ip.addr == 169.254.169.254)")


@pytest.mark.parametrize("sdk, told", [("python-boto3", True), (None, True), ("java-v2", False)])
def test_what_boto3_asks_besides_is_not_told_of_others(sdk: str | None, told: bool) -> None:
    (row,) = found(Talk(0, sdk=sdk).syn(0).syn(2000))
    assert ("boto3 also asks for the region" in row.remedy) is told


def test_a_container_agent_has_another_fix() -> None:
    (row,) = found(Talk(0, service="ecs-credentials").syn(0).syn(2000))
    assert "The agent is on the same host: it does not run" in row.summary
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in row.remedy


@pytest.mark.parametrize(
    "talk, facts",
    [
        (Talk(0).ask("PutToken", 0), {}),
        (Talk(0).syn(0).ask("PutToken", 1100), {}),
        (Talk(0).ask("PutToken", 0, took=None, gave_up=1000), {}),
        (Talk(0).syn(0), {"last_ms": 199}),
        (Talk(0).syn(0, packets_received=1), {}),
        (Talk(0).syn(0, established_ns=START), {}),
        (Talk(0).syn(0, syn_ns=None), {}),
    ],
    ids=["answered", "a SYN was lost", "connected", "the capture ends", "a SYN-ACK came", "opened", "no SYN"],
)
def test_what_is_reachable_or_not_known(talk: Talk, facts: dict[str, Any]) -> None:
    assert found(talk, **facts) == []


def test_a_syn_has_its_time() -> None:
    assert len(found(Talk(0).syn(0), last_ms=200)) == 1


OPEN: dict[str, Any] = {"exchanges": 0, "bytes_sent": 0, "bytes_received": 0}


def silent(talk: Talk, at: float, *, closes: float | None = None, **changes: Any) -> Talk:
    """Open a connection that carries no request; the client closes it `closes` ms after it opened."""
    opened = START + round(at * MS) + MS // 10
    closed = None if closes is None else opened + round(closes * MS)
    facts = {**OPEN, "established_ns": opened, "established_packet_id": 3, "client_closed_ns": closed, "packets_received": 1}
    return talk.syn(at, **{**facts, **changes})


def filtered(tries: int = 4, closes: float | None = 1000, *, inside: bool = True, version: int = 1) -> Analysis:
    """What the uplink sees where a filter on the host drops the token request, and lets plain requests pass."""
    talk, other = Talk(0), Talk(1)
    for index in range(tries):
        silent(talk if inside else other, index * 1101, closes=closes)
    talk.ask("ListRoles", tries * 1101, took=2, imds_version=version).ask("GetRoleCredentials", tries * 1101 + 10, imds_version=version)
    return answer(talk, connections=[] if inside else other.connections)


def test_token_requests_that_do_not_come_as_far() -> None:
    (row,) = check(View(filtered()))
    assert (row.code, row.severity, row.confidence) == ("imds-unreachable", "warning", "likely")
    assert ": 4 connections to 169.254.169.254:80 opened and were closed after 1000 ms without a request. " in row.summary
    assert "drops the token requests: a filter on the host. Requests without a token (IMDSv1) come through" in row.summary
    assert row.cost_ns == 4 * 1101 * MS
    assert row.connections == (0, 1, 2, 3, 4)
    assert row.decides is not None
    assert "hop" not in row.remedy
    assert "iptables" in row.remedy


def test_a_fin_that_waits_behind_what_was_dropped_never_comes() -> None:
    (row,) = check(View(filtered(closes=None)))
    assert "opened and were given up after 1101 ms without a request." in row.summary


def test_connections_outside_of_every_call_cost_nothing_that_is_known() -> None:
    (row,) = check(View(filtered(inside=False)))
    assert row.summary.startswith("A client (172.17.0.2) tried to get an IMDSv2 token: 4 connections to 169.254.169.254:80 opened")
    assert (row.cost_ns, row.share, row.calls) == (0, None, ())


def test_one_try_counts_if_the_client_goes_on_without_a_token() -> None:
    assert len(list(check(View(filtered(1))))) == 1
    assert list(check(View(filtered(1, version=2)))) == []


@pytest.mark.parametrize(
    "about",
    [
        answer(silent(silent(Talk(0), 0, closes=90), 500, closes=90).ask("ListRoles", 700)),
        answer(silent(Talk(0).ask("ListRoles", 0, took=2000), 5, closes=1000).ask("GetRoleCredentials", 2010)),
        answer(silent(Talk(0), 0, closes=1500).ask("ListRoles", 2).ask("GetRoleCredentials", 2000)),
        answer(silent(silent(Talk(0), 0, closes=1000, syn_ns=None), 1100, closes=1000, syn_ns=None).ask("ListRoles", 2200)),
        answer(silent(silent(Talk(0), 0, closes=1000, gap_bytes=9), 1100, closes=1000, gap_bytes=9).ask("ListRoles", 2200)),
        answer(silent(silent(Talk(0), 0, closes=1000), 1100, closes=1000).ask("PutToken", 2200)),
        answer(silent(Talk(0), 0, closes=1000)),
    ],
    ids=["port checks", "spare while one waits", "spare beside one", "began later", "not captured", "tokens do come", "once, and no more"],
)
def test_connections_without_a_request_that_mean_nothing(about: Analysis) -> None:
    assert list(check(View(about))) == []


def test_captures_from_both_sides_tell_a_filter_from_the_hop_limit() -> None:
    talk = hop_limit(tries=2)
    for number, row in enumerate(talk.connections):
        twin = row._replace(connection_id=row.connection_id + 1000, copy_of=row.connection_id, client_address="10.0.1.50", server_ttl=255)
        bare = twin._replace(exchanges=0, bytes_sent=0, bytes_received=0, established_packet_id=row.first_packet_id + 600)
        passed = talk.exchanges[number]._replace(exchange_id=1000 + number, copy_of=number, connection_id=1000 + number)
        talk.copies.append((bare if number < 2 else twin, passed))
    about = answer(talk)
    asked = [one for one in about.exchanges if one.connection_id not in (1000, 1001)]
    about = analysis(list(about.connections), asked, calls=list(about.calls), capture=about.capture)
    (told,) = check(View(about))
    assert (told.confidence, told.connections, told.packet_ids) == ("proven", (0, 1000, 1, 1001), (4, 601, 14, 611))
    assert "2 IMDSv2 token requests were given up after 1000 ms each. The client sent them, but behind the translation of" in told.summary
    assert list(imds_hop_limit.check(View(about))) == []
    assert list(imds_slow.check(View(about))) == []
    (fallback,) = imds_v1_fallback.check(View(about))
    assert "through the filter on the host" in fallback.remedy


def test_a_single_syn_that_nothing_followed_is_information() -> None:
    talk = Talk(0).syn(0)
    (row,) = found(talk)
    assert (row.cost_ns, row.severity) == (0, "info")
