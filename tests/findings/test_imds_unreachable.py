"""imds-unreachable: silence, resets and ICMP; and endpoints that do answer."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.findings.rules.imds_unreachable import check
from analyzer.findings.view import View
from analyzer.model.rows import Finding
from tests.factory import MS, START
from tests.findings.dialogues import Talk, answer, service_call


def found(talk: Talk, **facts: Any) -> list[Finding]:
    dialogue = talk.call(operation=None, ok=False)
    talk.call = lambda **changes: dialogue._replace(**changes)  # type: ignore[method-assign]
    return list(check(View(answer(talk, **facts))))


def test_silence() -> None:
    (row,) = found(Talk(0).syn(0).syn(1002, syn_retransmissions=1).syn(2105, last_ns=START + 2105 * MS))
    assert row.summary == (
        "A client (172.17.0.2) tried to reach the instance metadata service (IMDS) for 2105 ms: 3 connections to 169.254.169.254:80 got no "
        "answer (4 SYNs, no SYN-ACK). It is one hop away: this is no EC2 instance, or a filter drops the packets."
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
