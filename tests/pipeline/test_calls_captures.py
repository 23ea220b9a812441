"""Calls in the bundled captures against what their clients logged (`captures/index.toml`)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from analyzer.model.analysis import Analysis
from analyzer.pipeline import read

CAPTURES = Path(__file__).parents[2] / "captures"
MS = 1_000_000
FACTS = {one["file"]: one for one in tomllib.loads((CAPTURES / "index.toml").read_text())["capture"]}


@pytest.fixture(scope="module", params=sorted(FACTS))
def capture(request: pytest.FixtureRequest) -> tuple[str, Analysis]:
    keys = (CAPTURES / request.param).with_suffix(".keys")
    return request.param, read(CAPTURES / request.param, keys=keys if keys.exists() else None)


def service(analysis: Analysis) -> list[float]:
    return [call.duration_ns / MS for call in analysis.calls if call.service == "dynamodb"]


def test_as_many_calls_as_the_client_made(capture: tuple[str, Analysis]) -> None:
    name, analysis = capture
    facts = FACTS[name]
    assert len(service(analysis)) == facts["calls"]
    counted = dict.fromkeys(facts["operations"], 0)
    for call in analysis.calls:
        if call.service == "dynamodb":
            counted[call.operation or ""] += call.attempts
    assert counted == facts["operations"]


def test_no_call_is_longer_than_the_client_says_and_none_much_shorter(capture: tuple[str, Analysis]) -> None:
    """What the wire cannot show is the client's own work before its first packet: a few ms, with JavaScript's first call some tens; and
    waiting for a pooled connection.
    """
    name, analysis = capture
    shortest, longest = FACTS[name]["call_ms"]
    ours = service(analysis)
    queues = any(row.code == "pool-too-small" for row in analysis.findings)
    assert longest - (200 if queues else 60) <= max(ours) <= longest
    assert shortest - 10 <= min(ours) <= shortest


def test_the_wait_for_credentials(capture: tuple[str, Analysis]) -> None:
    name, analysis = capture
    waited = [call.credentials_ns / MS for call in analysis.calls if call.credentials_ns]
    if "credentials_ms" not in FACTS[name]:
        assert waited == []
        return
    assert len(waited) == 1
    assert waited[0] == pytest.approx(FACTS[name]["credentials_ms"], abs=40)
    dialogue = next(call for call in analysis.calls if call.service == "imds")
    assert (dialogue.attempts, dialogue.ok, dialogue.operation) == (5, True, "GetCredentials")


def test_both_places_of_one_run_agree() -> None:
    """The container and the host's uplink saw the same run: call by call the same times, to a millisecond."""
    pairs = [
        sorted((call.start_ns - analysis.calls[0].start_ns, call.duration_ns) for call in analysis.calls)
        for analysis in (read(CAPTURES / f"imds-hop-limit-{place}.pcap") for place in ("container", "uplink"))
    ]
    for one, other in zip(*pairs, strict=True):
        assert one == pytest.approx(other, abs=MS)
