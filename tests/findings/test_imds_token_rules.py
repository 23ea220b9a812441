"""imds-token-refused, imds-token-required, imds-v1-fallback: what became of the token, and what the SDK did then."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from analyzer.findings.rules import imds_hop_limit, imds_token_refused, imds_token_required, imds_v1_fallback
from analyzer.findings.rules.imds_token_refused import may_go_on
from analyzer.findings.view import View
from analyzer.model.rows import Finding
from tests.factory import MS
from tests.findings.dialogues import Talk, answer, hop_limit, service_call

Check = Callable[[View], Iterable[Finding]]


def only(check: Check, *talks: Talk) -> Finding:
    (row,) = check(View(answer(*talks)))
    return row


def refused(status: int, *, sdk: str = "python-boto3") -> Talk:
    """A token request that is refused after 3 ms, then IMDSv1."""
    return Talk(0, sdk=sdk).ask("PutToken", 0, status=status).ask("ListRoles", 10).ask("GetRoleCredentials", 20)


def test_a_refused_token_and_what_the_sdk_made_of_it() -> None:
    row = only(imds_token_refused.check, refused(404))
    assert row.summary == (
        "A client (172.17.0.2) waited 24.0 ms for credentials: the token request was refused with 404. Boto3 went on "
        "without a token (IMDSv1) "
        "and was answered. What answers knows no tokens: usually a metadata proxy that speaks IMDSv1 only."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("imds-token-refused", "warning", "proven", 10 * MS)
    assert (row.calls, row.exchanges, row.connections, row.packet_ids) == ((0,), (0,), (0,), (4, 6))
    assert row.display_filter == 'tcp.stream == 0 && (http.request.method == "PUT" || http.response.code in {404})'
    assert "proxy" in row.remedy


def test_400_ends_it_for_all_that_are_known() -> None:
    row = only(imds_token_refused.check, Talk(0).ask("PutToken", 0, status=400))
    assert row.summary.startswith(
        "A client (172.17.0.2) asked for credentials for 4.0 ms and got none: the token request was refused with 400. "
        "Boto3 does not go on without a token after that"
    )
    assert (row.severity, row.cost_ns) == ("error", 4 * MS)


def test_a_refusal_that_was_mended_is_no_lack_of_credentials() -> None:
    talk = Talk(0).ask("PutToken", 0, status=400).ask("PutToken", 10).ask("GetRoleCredentials", 20, imds_version=2)
    row = only(imds_token_refused.check, talk)
    assert "Boto3 asked again and got a token. " in row.summary
    assert "no credentials to be had" not in row.summary
    for_good = only(imds_token_refused.check, talk, Talk(1).ask("PutToken", 100, status=400))
    assert "no credentials to be had" in for_good.summary


def test_switched_off_and_only_forbidden_are_told_apart() -> None:
    both = Talk(0, sdk="js-v2").ask("PutToken", 0, status=403).ask("ListRoles", 10, status=403)
    off = only(imds_token_refused.check, both)
    assert "The SDK for JavaScript v2 went on without a token (IMDSv1) and was refused too (403). " in off.summary
    assert "switched off" in off.summary
    assert "--http-endpoint enabled" in off.remedy
    some = only(imds_token_refused.check, refused(403))
    assert "so IMDS is not switched off" in some.summary
    assert "--http-endpoint" not in some.remedy


def test_several_refusals_are_one_finding() -> None:
    talks = [Talk(number).ask("PutToken", 100 * number, status=403).ask("ListRoles", 100 * number + 10, status=403) for number in range(2)]
    row = only(imds_token_refused.check, *talks)
    assert row.summary.startswith(
        "A client (172.17.0.2) asked for credentials 2 times for 28.0 ms in all and got none: 2 token requests were refused with 403."
    )
    assert (row.calls, row.cost_ns) == ((0, 1), 20 * MS)


@pytest.mark.parametrize(
    "sdk, status, may",
    [
        ("python-boto3", 403, True),
        ("python-boto3", 400, False),
        ("js-v2", 401, True),
        ("js-v3", 405, True),
        ("go-v2", 404, True),
        ("dotnet", 404, False),
        ("rust", 403, False),
        ("kotlin", 404, None),
        (None, 404, None),
    ],
)
def test_who_may_go_on_without_a_token(sdk: str | None, status: int, may: bool | None) -> None:
    assert may_go_on(sdk, status) is may


@pytest.mark.parametrize(
    "sdk, words",
    [
        ("rust", "The SDK for Rust does not go on without a token after that"),
        ("js-v3", "The SDK for JavaScript v3 may go on without a token (IMDSv1) after that, but did not."),
        ("kotlin", "The SDK for Kotlin did not go on without a token."),
    ],
)
def test_what_did_not_follow_is_said_as_far_as_it_is_known(sdk: str, words: str) -> None:
    assert words in only(imds_token_refused.check, Talk(0, sdk=sdk).ask("PutToken", 0, status=403)).summary


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0).ask("PutToken", 0, status=429).ask("PutToken", 10),
        Talk(0).ask("PutToken", 0, status=503).ask("PutToken", 10),
        Talk(0).ask("PutToken", 0),
        hop_limit(),
        Talk(0).ask("PutToken", 0, status=403, outcome="undelivered", gave_up=1000).ask("ListRoles", 1001),
        Talk(0).ask("ListRoles", 0, status=403),
        Talk(0, service="ecs-credentials").ask("GetCredentials", 0, status=403),
    ],
    ids=["429", "503", "answered", "lost", "refused, and the refusal lost", "a GET refused", "another endpoint"],
)
def test_what_is_no_refusal(talk: Talk) -> None:
    assert list(imds_token_refused.check(View(answer(talk)))) == []


def test_a_token_is_required_and_was_lost() -> None:
    talk = Talk(0).ask("PutToken", 0, took=None, gave_up=1000).ask("ListRoles", 1002, status=401)
    row = only(imds_token_required.check, talk)
    assert row.summary == (
        "A client (172.17.0.2) asked for credentials for 1006 ms and got none: its request without a token was refused "
        "with 401. The instance "
        "accepts IMDSv2 only (HttpTokens=required), and boto3 had asked for a token without getting one."
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns) == ("imds-token-required", "error", "proven", 4 * MS)
    assert (row.calls, row.packet_ids) == ((0,), (14, 16))
    assert row.display_filter == 'tcp.stream == 1 && (http.request.method == "GET" || http.response.code == 401)'
    assert "hop-limit" in row.remedy


def test_a_token_is_required_and_the_sdk_knows_none() -> None:
    row = only(imds_token_required.check, Talk(0, sdk=None).ask("ListRoles", 0, status=401))
    assert "and the client did not ask for a token." in row.summary
    assert "Update the SDK" in row.remedy


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0, sdk="elixir-hackney").ask("ListRoles", 0, status=401).ask("PutToken", 10).ask("ListRoles", 20, imds_version=2),
        Talk(0).ask("PutToken", 0).ask("ListRoles", 10, status=401, imds_version=2),
        Talk(0).ask("ListRoles", 0, status=401, imds_version=None),
        Talk(0).ask("ListRoles", 0, status=403),
        hop_limit(),
    ],
    ids=["asks without first", "the token expired", "nobody knows whether there was one", "switched off", "answered without"],
)
def test_what_only_looks_like_a_required_token(talk: Talk) -> None:
    assert list(imds_token_required.check(View(answer(talk)))) == []


def test_a_fallback_after_a_time_out() -> None:
    row = only(imds_v1_fallback.check, hop_limit(tries=2, sdk="js-v2"))
    assert row.summary.startswith(
        "The SDK for JavaScript v2 runs on IMDSv1: after token requests that it gave up it sent 2 requests without a "
        "token, answered in 2.0 ms. "
    )
    assert (row.code, row.severity, row.confidence, row.cost_ns, row.calls) == ("imds-v1-fallback", "warning", "proven", 0, (0,))
    assert (row.exchanges, row.connections, row.packet_ids) == ((0, 1, 2, 3), (0, 1, 2, 3), (14, 24, 26))


def test_a_fallback_after_a_refusal_names_who_waited() -> None:
    talk = refused(405)
    (row,) = imds_v1_fallback.check(View(answer(talk, waiting=[(service_call(7), talk)])))
    assert row.summary.startswith("Boto3 runs on IMDSv1: after refused token requests (405) it sent 2 requests")
    assert (row.calls, row.share) == ((7,), 0.0)


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0).ask("ListRoles", 0).ask("GetRoleCredentials", 10),
        Talk(0).ask("PutToken", 0).ask("ListRoles", 10, imds_version=2),
        Talk(0).ask("PutToken", 0).ask("ListRoles", 10, imds_version=None),
        Talk(0).ask("PutToken", 0, status=403).ask("ListRoles", 10, status=403),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000).ask("ListRoles", 1002, status=401),
        Talk(0, sdk="elixir-hackney").ask("ListRoles", 0).ask("PutToken", 10, status=403),
        Talk(0).ask("PutToken", 0, status=503).ask("PutToken", 10).ask("ListRoles", 20, imds_version=2),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000),
    ],
    ids=["never asked", "with a token", "unknown", "refused too", "required", "asked without first", "the second token came", "ended"],
)
def test_what_is_no_fallback(talk: Talk) -> None:
    assert list(imds_v1_fallback.check(View(answer(talk)))) == []


@pytest.mark.parametrize(
    "talk, named",
    [
        (hop_limit(), "--http-put-response-hop-limit 2"),
        (refused(404), "answers it with 404"),
        (Talk(0).ask("PutToken", 0, status=503).ask("ListRoles", 10), "ask less often"),
        (Talk(0).ask("PutToken", 0, took=1304, gave_up=1001, outcome="undelivered", response_ttl=1).ask("ListRoles", 1003), "too late"),
        (Talk(0).ask("PutToken", 0, took=None, gave_up=1000, under={"server_ttl": 255}).ask("ListRoles", 1003), "leaves it unanswered"),
    ],
    ids=["lost", "refused", "busy", "late", "silent"],
)
def test_the_fix_for_a_fallback_is_that_of_its_cause(talk: Talk, named: str) -> None:
    row = only(imds_v1_fallback.check, talk)
    assert named in row.remedy
    assert ("hop-limit" in row.remedy) == ("hop-limit" in named)


def test_an_answer_that_broke_off_is_no_refusal() -> None:
    talk = Talk(0, sdk="js-v2").ask("PutToken", 0, status=403).ask("ListRoles", 10, outcome="cut")
    assert "went on without a token (IMDSv1) and got no complete answer." in only(imds_token_refused.check, talk).summary
    lost = Talk(0).ask("PutToken", 0, took=None, gave_up=1000).ask("ListRoles", 1002, outcome="cut")
    assert "Then the client went on without a token (IMDSv1) and got no complete answer." in only(imds_hop_limit.check, lost).summary
