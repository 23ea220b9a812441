"""secrets-in-clear: what can be read is counted, never shown."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.secrets_in_clear import check
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Finding
from tests.factory import analysis, connection, exchange, info
from tests.findings.dialogues import Talk, answer


def found(about: Analysis) -> list[Finding]:
    return list(check(View(about)))


def test_credentials_tokens_and_signed_requests_are_counted() -> None:
    talk = Talk(0).ask("PutToken", 0).ask("ListRoles", 10, imds_version=2).ask("GetRoleCredentials", 20, imds_version=2)
    signed = connection(700)
    (row,) = found(answer(talk, connections=[signed], exchanges=[exchange(900, signed)], secrets=[b"CLIENT_RANDOM secret"]))
    assert row.summary == (
        "Whoever has this file can read 1 answer with credentials, 1 IMDSv2 token, 1 request to AWS services with all that they carry "
        "(signature, session token, data) and 1 set of TLS secrets."
    )
    assert (row.code, row.severity, row.cost_ns, row.share, row.confidence) == ("secrets-in-clear", "info", 0, None, "proven")
    assert (row.exchanges, row.connections, row.packet_ids) == ((2, 0, 900), (2, 0, 700), (26, 6, signed.first_packet_id + 4))
    assert row.display_filter == "http && tcp.stream in {0, 2, 700}"
    assert "secret" not in row.display_filter


def test_a_token_shows_in_the_requests_that_carry_it() -> None:
    (row,) = found(answer(Talk(0).ask("ListRoles", 0, imds_version=2).ask("GetMetadata", 10, imds_version=2)))
    assert row.summary == "Whoever has this file can read 2 requests with an IMDSv2 token."
    assert (row.exchanges, row.connections, row.packet_ids) == ((0, 1), (0, 1), (4, 14))


def test_container_credentials_count() -> None:
    (row,) = found(answer(Talk(0, service="ecs-credentials").ask("GetCredentials", 0)))
    assert row.summary == "Whoever has this file can read 1 answer with credentials."


def test_keys_in_the_file_alone() -> None:
    (row,) = found(analysis([], [], capture=info(secrets=[b"x", b"y"])))
    assert row.summary == "Whoever has this file can read 2 sets of TLS secrets."
    assert row.display_filter == ""


@pytest.mark.parametrize(
    "changes",
    [{"evidence": "decrypted"}, {"evidence": "inferred"}, {"service": None}, {"copy_of": 4}, {"method": None}],
    ids=["decrypted", "inferred", "not AWS", "a copy", "no request"],
)
def test_what_nobody_can_read(changes: dict[str, Any]) -> None:
    row = connection(0)
    assert found(analysis([row], [exchange(0, row, **changes)])) == []


@pytest.mark.parametrize(
    "talk",
    [
        Talk(0).ask("ListRoles", 0),
        Talk(0).ask("GetRoleCredentials", 0, status=401),
        Talk(0).ask("PutToken", 0, took=None, gave_up=1000),
    ],
    ids=["a role's name", "refused", "not answered"],
)
def test_dialogues_without_secrets(talk: Talk) -> None:
    assert found(answer(talk)) == []
