"""imds-hop-limit: proven, likely and possible forms, and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.imds_hop_limit import RULE, check
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import MS
from tests.findings.dialogues import Talk, answer, hop_limit, service_call

NEVER: dict[str, Any] = {"established_ns": None}


def found(about: Analysis) -> list[Finding]:
    return list(check(View(about)))


def only(about: Analysis) -> Finding:
    (row,) = found(about)
    return row


def test_from_the_container_it_is_likely() -> None:
    row = only(answer(hop_limit(tries=4, sdk="js-v2")))
    assert row.summary == (
        "A client (172.17.0.2) waited 4417 ms for credentials: 4 IMDSv2 token requests were given up after 1000 ms "
        "each. The wait is the IMDS time limit of SDK for JavaScript v2 (1 s). The connections open "
        "and the requests are acknowledged, but no answer to them ever arrives, while requests without a token are "
        "answered. Then the client "
        "went on without a token (IMDSv1) and was answered in 2.0 ms. The SDK remembers it and leaves the token out from then on; a new "
        "process waits again."
    )
    assert (row.code, row.severity, row.confidence) == ("imds-hop-limit", "warning", "likely")
    assert row.decides is not None
    assert "host's own interface" in row.decides
    # Four times 1101 ms: from the first SYN to the first of what followed.
    assert row.cost_ns == 4404 * MS
    assert (row.calls, row.share) == ((0,), None)
    assert (row.connections, row.exchanges) == ((0, 1, 2, 3, 4), (0, 1, 2, 3))
    assert row.packet_ids == (4, 8, 14, 18, 24, 28, 34, 38, 46)
    assert row.display_filter == "tcp.stream in {0..4}"
    assert "--http-put-response-hop-limit 2" in row.remedy


def test_the_call_that_waited_is_named_and_charged() -> None:
    talk = hop_limit(tries=1)
    about = answer(talk, waiting=[(service_call(5), talk)])
    row = only(about)
    assert row.summary.startswith(
        "GetItem took 1131 ms; 1114 ms of it waited for credentials: 1 IMDSv2 token request was given up after 1000 ms."
    )
    assert (row.calls, row.cost_ns) == ((5,), 1101 * MS)
    assert row.share == pytest.approx(1101 / 1131)


def test_several_dialogues_of_a_client_are_one_finding() -> None:
    row = only(answer(hop_limit(0), hop_limit(1, start=300), hop_limit(2, start=700)))
    assert row.summary.startswith(
        "A client (172.17.0.2) asked for credentials 3 times and waited 3342 ms in all: 3 IMDSv2 token requests were "
        "given up after 1000 ms each."
    )
    assert (row.calls, row.cost_ns) == ((0, 1, 2), 3 * 1101 * MS)


def test_dialogues_that_nobody_is_seen_to_wait_for_are_told_beside() -> None:
    first = hop_limit(0)
    row = only(answer(first, hop_limit(1, start=300), hop_limit(2, start=700), waiting=[(service_call(5), first)]))
    assert row.summary.startswith(
        "GetItem took 1131 ms; 1114 ms of it waited for credentials, beside 2 more dialogues (2228 ms) that no call is seen to wait for: "
        "3 IMDSv2 token requests were given up after 1000 ms each."
    )
    assert (row.calls, row.cost_ns) == ((5,), 1101 * MS)
    assert row.share == pytest.approx(1101 / 1131), "no more than the calls took"


def test_clients_are_told_apart() -> None:
    rows = found(answer(hop_limit(0), hop_limit(1, start=300, client="172.17.0.3")))
    assert [row.calls for row in rows] == [(0,), (1,)]


def uplink(**changes: Any) -> Talk:
    """What a host's own interface sees: the answer is there after 3 ms, with TTL 1, and nobody acknowledges it."""
    facts = {"outcome": "undelivered", "response_ttl": 1}
    return (
        Talk(0)
        .ask("PutToken", 0, took=3, gave_up=1000, under={"server_ttl": 255}, **{**facts, **changes})
        .ask("ListRoles", 1101, took=2, response_ttl=255, under={"server_ttl": 255})
    )


def test_an_answer_with_ttl_1_that_nobody_acknowledged_proves_it() -> None:
    row = only(answer(uplink()))
    assert (row.confidence, row.decides, row.cost_ns) == ("proven", None, 1101 * MS)
    assert "The answers were seen here with TTL 1 and never acknowledged: the next router drops them." in row.summary
    assert row.packet_ids == (6,)
    assert row.display_filter == "(tcp.stream == 0 && tcp.srcport == 80 && ip.ttl == 1)"


def test_icmp_about_the_answer_proves_it() -> None:
    talk = uplink(response_ttl=2)
    talk.anomalies = Talk.icmp(_only_first(talk)).anomalies
    row = only(answer(talk))
    assert row.confidence == "proven"
    assert "The answers were seen here with TTL 2 and died on the way to the client: 10.0.1.50 says so at least once (ICMP)." in row.summary
    assert row.packet_ids == (6, 7)
    assert row.display_filter == (
        "(tcp.stream == 0 && tcp.srcport == 80 && ip.ttl == 2) || (icmp.type == 11 && ip.addr == 169.254.169.254)"
    )
    # Seen next to IMDS, the TTL is the hop limit itself.
    assert "--http-put-response-hop-limit 3" in row.remedy


def _only_first(talk: Talk) -> Talk:
    first = Talk(0)
    first.connections = talk.connections[:1]
    return first


def test_a_low_ttl_without_more_is_likely() -> None:
    row = only(answer(uplink(response_ttl=3)))
    assert row.confidence == "likely"
    assert "with TTL 3, far below that of other packets from there" in row.summary


def test_the_translated_copy_of_a_connection_proves_it() -> None:
    talk = Talk(0).ask("PutToken", 0, took=None, gave_up=1000).copy().icmp(copy=True).ask("ListRoles", 1101, took=2)
    row = only(answer(talk))
    assert row.confidence == "proven"
    assert (row.exchanges, row.connections, row.packet_ids) == ((0,), (1000,), (506, 507))


def test_ipv6_has_a_hop_limit_of_its_own() -> None:
    talk = uplink()
    talk.connections = [row._replace(server_address="fd00:ec2::254", client_address="fd00::50") for row in talk.connections]
    row = only(answer(talk))
    assert row.display_filter == "(tcp.stream == 0 && tcp.srcport == 80 && ipv6.hlim == 1)"


def test_without_an_acknowledgement_it_is_possible() -> None:
    facts = {"closed_by": "open", "closed_ns": None, "client_closed_ns": None}
    talk = Talk(0).ask("PutToken", 0, took=None, under=facts, request_acknowledged=False).ask("ListRoles", 1101, took=2)
    row = only(answer(talk))
    assert row.confidence == "possible"
    # Nobody sees when it was given up: its next activity is the upper bound.
    assert "1 IMDSv2 token request was given up after 1100 ms." in row.summary
    assert "neither an acknowledgement of the requests nor an answer ever arrives" in row.summary
    assert row.decides is not None
    assert "a filter on the host drops it" in row.decides
    assert row.packet_ids == (4, 16)


def test_a_dialogue_that_ends_with_it_is_an_error() -> None:
    row = only(answer(Talk(0, sdk="rust").ask("PutToken", 0, took=None, gave_up=1000)))
    assert row.severity == "error"
    assert row.summary.startswith("A client (172.17.0.2) asked for credentials for 1001 ms and got none: ")
    assert row.cost_ns == 1001 * MS


def test_a_client_that_waits_to_the_end_is_not_said_to_have_given_up() -> None:
    facts = {"closed_by": "open", "closed_ns": None, "client_closed_ns": None}
    row = only(answer(Talk(0, sdk="dotnet").ask("PutToken", 0, took=None, under=facts), last_ms=4000))
    assert ": 1 IMDSv2 token request got no answer for 3999 ms." in row.summary


def test_nothing_is_charged_twice() -> None:
    talk = hop_limit(tries=2)
    view = View(answer(talk, waiting=[(service_call(5), talk)]))
    first = list(check(view))
    again = list(check(view))
    assert first[0].cost_ns == 2202 * MS
    assert sum(row.cost_ns for row in (*first, *again)) == 2215 * MS


def test_hostile_names_do_no_harm() -> None:
    talk = hop_limit(sdk="\x1b[2J\u202e")
    row = only(answer(talk, waiting=[(service_call(5, operation="\x00<b>"), talk)]))
    assert row.summary.startswith("\x00<b> took ")


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0).ask("PutToken", 0, response_ttl=1).ask("ListRoles", 5, imds_version=2),
        Talk(0).ask("PutToken", 0, took=None, gave_up=300).ask("ListRoles", 302),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000).ask("PutToken", 1101, took=3).ask("ListRoles", 1110, imds_version=2),
        Talk(0).ask("PutToken", 0, took=1304, gave_up=1001, outcome="undelivered", response_ttl=1).ask("ListRoles", 1003),
        Talk(0).ask("PutToken", 0, took=3, gave_up=1000, outcome="undelivered").ask("ListRoles", 1003),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000, under={"server_ttl": 255}).ask("ListRoles", 1003),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000, under=NEVER, request_acknowledged=False).ask("ListRoles", 1003),
        Talk(0).ask("PutToken", 0, took=2, status=403).ask("ListRoles", 5),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000, outcome="cut").ask("ListRoles", 1003),
        Talk(0).ask("ListRoles", 0, took=None, gave_up=1000).ask("ListRoles", 1003),
        Talk(0).ask("ListRoles", 0).ask("GetRoleCredentials", 5),
        Talk(0, service="ecs-credentials").ask("GetCredentials", 0, took=None, gave_up=1000),
        Talk(0).syn(0).syn(1000),
    ],
    ids=[
        "TTL 1 that just made it",
        "given up too soon to tell",
        "the next token gets through",
        "the answer comes late",
        "lost with an ordinary TTL",
        "captured next to IMDS, which is silent",
        "never connected",
        "refused",
        "cut",
        "a GET without an answer",
        "no token asked",
        "another endpoint",
        "unreachable",
    ],
)
def test_look_alikes(talk: Talk) -> None:
    assert found(answer(talk)) == []


def test_the_end_of_the_capture_is_no_time_out() -> None:
    facts = {"closed_by": "open", "closed_ns": None, "client_closed_ns": None}
    talk = Talk(0).ask("PutToken", 0, took=None, under=facts)
    assert found(answer(talk, last_ms=900)) == []
    assert len(found(answer(talk, last_ms=1100))) == 1


def test_icmp_about_the_request_is_another_matter() -> None:
    talk = Talk(0).ask("PutToken", 0, took=None, gave_up=1000, request_acknowledged=False).icmp(answer=False).ask("ListRoles", 1003)
    assert [row.confidence for row in found(answer(talk))] == ["possible"]


def test_a_filter_may_have_taken_rows_away() -> None:
    about = answer(hop_limit(tries=2))
    bare = answer(hop_limit(tries=2))
    bare.connections = about.connections.where(lambda row: row.connection_id > 7)
    assert found(bare) == []
    bare.exchanges = about.exchanges.where(lambda row: row.exchange_id > 7)
    assert found(bare) == []


def test_it_is_charged_before_what_is_more_general() -> None:
    assert RULE.rank == 30


def test_a_handshake_that_the_capture_lacks_was_there() -> None:
    """Requests are acknowledged on connections that came about, whether the SYN-ACK was captured or not."""
    talk = Talk(0).ask("PutToken", 0, took=None, gave_up=1000, under={"established_ns": None}).ask("ListRoles", 1003)
    assert [row.code for row in check(View(answer(talk)))] == ["imds-hop-limit"]
