"""imds-slow: late answers, answers after the client has gone, 429 and 5xx, silence; and endpoints that are quick enough."""

from __future__ import annotations

import pytest

from analyzer.findings.rules.imds_slow import check
from analyzer.findings.view import View
from analyzer.model.rows import Finding
from tests.factory import MS
from tests.findings.dialogues import Talk, answer, hop_limit, service_call


def found(*talks: Talk) -> list[Finding]:
    return list(check(View(answer(*talks))))


def test_late_answers() -> None:
    talk = Talk(0).ask("PutToken", 0, took=900).ask("ListRoles", 905, took=910).ask("GetRoleCredentials", 1820, took=20)
    (row,) = check(View(answer(talk, waiting=[(service_call(5), talk)])))
    assert row.summary == (
        "GetItem took 1858 ms; 1841 ms of it waited for credentials: the instance metadata service (IMDS) took 910 ms "
        "for each of 2 requests. "
        "A round trip to it takes 0.1 ms: it is not the network."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("imds-slow", "warning", "proven", 1810 * MS)
    assert (row.calls, row.exchanges, row.packet_ids) == ((5,), (0, 1), (4, 6, 14, 16))
    assert row.share == pytest.approx(1810 / 1858)
    assert row.display_filter == "tcp.stream in {0, 1} && (http.request || http.response)"


def test_the_server_s_own_share_is_what_counts() -> None:
    (row,) = found(Talk(0).ask("PutToken", 0, took=900, server_ns=250 * MS, network_ns=MS, wait_stall_ns=649 * MS))
    assert row.cost_ns == 250 * MS


def test_an_answer_after_the_client_has_gone() -> None:
    talk = Talk(0).ask("PutToken", 0, took=1304, gave_up=1001, outcome="undelivered", response_ttl=1).ask("ListRoles", 1003, took=3)
    (row,) = found(talk)
    assert "(IMDS) answered 1 token request after 1304 ms, when the client had gone. " in row.summary
    assert "That is the IMDS time limit of boto3 (1 s). " in row.summary
    assert "The answer does get here" in row.summary
    assert (row.confidence, row.cost_ns) == ("proven", 1003 * MS)


def test_throttling_and_the_pauses_after_it() -> None:
    talk = Talk(0).ask("PutToken", 0, status=503).ask("PutToken", 50, status=429).ask("PutToken", 220).ask("ListRoles", 225)
    (row,) = found(talk)
    assert row.summary == (
        "A client (172.17.0.2) waited 229 ms for credentials: the instance metadata service (IMDS) answered 2 token "
        "requests with 429 and 503, "
        "and the client tried again after 46.0 ms to 166 ms. The endpoint limits how often it is asked, or was not ready."
    )
    assert row.cost_ns == 220 * MS


def test_silence_next_to_the_endpoint() -> None:
    talk = Talk(0).ask("PutToken", 0, took=None, gave_up=1000, under={"server_ttl": 255}).ask("ListRoles", 1003)
    (row,) = found(talk)
    assert "(IMDS) did not answer 1 token request, given up after 1000 ms." in row.summary
    assert (row.confidence, row.cost_ns) == ("likely", 1003 * MS)
    assert row.decides


def test_silence_of_a_container_agent() -> None:
    (row,) = found(Talk(0, service="ecs-credentials").ask("GetCredentials", 0, took=None, gave_up=2000).ask("GetCredentials", 3001))
    assert "the credential endpoint of ECS did not answer 1 request, given up after 2000 ms." in row.summary


def test_several_troubles_are_told_dearest_first() -> None:
    talk = Talk(0).ask("PutToken", 0, status=503).ask("PutToken", 50, took=900).ask("ListRoles", 960)
    (row,) = found(talk)
    assert "took 900 ms to answer 1 token request; it answered 1 token request with 503" in row.summary
    assert row.cost_ns == 950 * MS


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0).ask("PutToken", 0, took=199).ask("ListRoles", 300, took=150),
        Talk(0).ask("PutToken", 0, took=900, under={"connect_ns": 50 * MS, "min_rtt_ns": 50 * MS}),
        hop_limit(),
        Talk(0).ask("PutToken", 0, took=3, gave_up=1000, outcome="undelivered", response_ttl=1).ask("ListRoles", 1003),
        Talk(0).ask("PutToken", 0, status=503),
        Talk(0).ask("PutToken", 0, status=404).ask("ListRoles", 10),
        Talk(0).ask("ListRoles", 0, took=None, gave_up=300),
        Talk(0).syn(0).syn(1000),
    ],
    ids=["quick enough", "far away", "lost", "undelivered", "nobody tried again", "refused", "given up too soon to tell", "unreachable"],
)
def test_look_alikes(talk: Talk) -> None:
    assert found(talk) == []


def test_the_fix_fits_what_was_seen() -> None:
    late = Talk(0).ask("PutToken", 0, took=900).ask("ListRoles", 905)
    gone = Talk(0, sdk="js-v3").ask("PutToken", 0, took=1304, gave_up=1001, outcome="undelivered", response_ttl=1).ask("ListRoles", 1003)
    busy = Talk(0).ask("PutToken", 0, status=503).ask("PutToken", 50).ask("ListRoles", 55)
    agent = Talk(0, service="ecs-credentials").ask("GetCredentials", 0, took=None, gave_up=2000).ask("GetCredentials", 3001)
    remedies = [found(talk)[0].remedy for talk in (late, gone, busy, agent)]
    assert ["Ask less often" in text for text in remedies] == [False, False, True, False]
    assert ["AWS_METADATA_SERVICE_TIMEOUT" in text for text in remedies] == [True, False, False, False]
    assert "make the credentials with fromInstanceMetadata({timeout: N, maxRetries: N})" in remedies[1]


def test_a_cut_request_may_have_been_one_for_a_token() -> None:
    """Then it is not known whether the endpoint was silent or its answers got lost."""
    cut = Talk(0).ask("GetMetadata", 0, took=None, gave_up=1000, method="PUT", under={"cut_packets": 4}).ask("GetMetadata", 1003)
    (row,) = found(cut)
    assert (row.confidence, "whole packets" in (row.decides or "")) == ("possible", True)
    assert "hop limit" in row.summary
    assert "not the network" not in row.summary
    (row,) = found(Talk(0).ask("ListRoles", 0, took=None, gave_up=1000, under={"cut_packets": 0}).ask("ListRoles", 1003))
    assert row.confidence == "likely"
