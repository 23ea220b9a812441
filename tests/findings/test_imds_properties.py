"""Whatever a dialogue looks like: no rule fails, none charges more than there is, and each finding is whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzer import findings
from tests.factory import MS
from tests.findings.dialogues import Talk, answer, service_call

STEPS = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["PutToken", "ListRoles", "GetRoleCredentials", "GetMetadata", "SYN"]),
        "pause": st.integers(0, 3000),
        "took": st.none() | st.integers(0, 3000),
        "status": st.sampled_from([200, 400, 401, 403, 429, 503]),
        "gave_up": st.none() | st.integers(0, 2000),
        "outcome": st.sampled_from([None, "undelivered", "cut"]),
        "ttl": st.sampled_from([None, 1, 2, 60, 254]),
        "server_ttl": st.sampled_from([None, 254, 255]),
        "acknowledged": st.sampled_from([None, True, False]),
        "version": st.sampled_from([None, 1, 2]),
        "extra": st.sampled_from(["", "copy", "icmp", "start unknown", "no SYN", "bare"]),
    }
)


def make(number: int, steps: list[dict[str, Any]], service: str) -> Talk:
    talk = Talk(number, service=service, sdk=("js-v2", None, "\x1b]0;x\x07")[number % 3])
    at = number * 700
    for step in steps:
        at += step["pause"]
        if step["operation"] == "SYN":
            talk.syn(at)
            continue
        changes: dict[str, Any] = {
            "response_ttl": step["ttl"],
            "request_acknowledged": step["acknowledged"],
            "imds_version": step["version"],
        }
        if step["outcome"] is not None and (step["took"] is not None or step["outcome"] == "cut"):
            changes["outcome"] = step["outcome"]
        under: dict[str, Any] = {"server_ttl": step["server_ttl"]}
        if step["extra"] == "start unknown":
            changes |= {"request_start_ns": None, "request_end_ns": None}
        elif step["extra"] == "no SYN":
            under |= {"syn_ns": None, "established_ns": None, "connect_ns": None}
        elif step["extra"] == "bare":
            under |= {"client_closed_ns": None, "closed_ns": None, "min_rtt_ns": None, "connect_ns": None, "packets_received": 0}
        if service != "imds":
            del changes["imds_version"]
        talk.ask(step["operation"], at, took=step["took"], status=step["status"], gave_up=step["gave_up"], under=under)
        if step["extra"] == "copy":
            talk.copy()
        elif step["extra"] == "icmp":
            talk.icmp()
        talk.exchanges[-1] = talk.exchanges[-1]._replace(**changes)
    return talk


@given(
    st.lists(st.lists(STEPS, min_size=1, max_size=5), min_size=1, max_size=4),
    st.sampled_from(["imds", "ecs-credentials", "eks-pod-identity"]),
    st.integers(0, 3),
)
def test_whatever_a_dialogue_looks_like(dialogues: list[list[dict[str, Any]]], service: str, waiting: int) -> None:
    talks = [make(number, steps, service) for number, steps in enumerate(dialogues)]
    calls = [(service_call(50 + number), talks[number % len(talks)]) for number in range(waiting)]
    about = answer(*talks, waiting=calls)
    rows = findings.check(about)
    assert sum(row.cost_ns for row in rows) <= sum(row.duration_ns for row in about.calls)
    assert sum(row.share or 0 for row in rows) <= 1 + 1e-9
    known = {row.call_id for row in about.calls}
    for row in rows:
        assert row.cost_ns >= 0
        assert row.summary.endswith(".")
        assert set(row.calls) <= known
        assert (row.decides is None) == (row.confidence == "proven")


def test_many_dialogues_are_one_pass() -> None:
    talks = [Talk(number, client="172.17.0.2").ask("PutToken", number, took=None, gave_up=1000) for number in range(3000)]
    about = answer(*talks, last_ms=5000)
    (row,) = [row for row in findings.check(about) if row.code == "imds-hop-limit"]
    assert len(row.calls) == 3000
    assert row.cost_ns == sum(talk.call().duration_ns for talk in talks) == 3000 * 1001 * MS
    assert len(row.packet_ids) <= 24
    assert len(row.display_filter) < 400
