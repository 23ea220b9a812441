"""`analyzer report --fail-on`: exit status 3 when met, the reason on standard error, the report as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.cli.gates import read_gate
from analyzer.errors import UsageError
from tests.cli.program import run
from tests.factory import MS, analysis, call, connection, dialogue, finding, warm

UNDER = connection()
CALLS = [call(0), *(warm(number, UNDER, number) for number in range(1, 20)), call(20, duration_ns=900 * MS, truncated="end"), dialogue(21)]
FOUND = [finding(code="cold-connection", severity="info"), finding(code="throttled", severity="warning", share=None)]


@pytest.mark.parametrize(
    "gate, met, reason",
    [
        ("info", True, "met: cold-connection (50 % of all call time), throttled"),
        ("warning", True, "met: throttled"),
        ("error", False, "not met: no such finding"),
        ("cold-connection", True, "met: cold-connection (50 % of all call time)"),
        ("imds-hop-limit", False, "not met: no such finding"),
        ("p50>16ms", True, "met: p50 is 17.0 ms over 20 calls"),
        ("p95>17ms", False, "not met: p95 is 17.0 ms over 20 calls"),
        ("max >= 28 ms", True, "met: max is 28.0 ms over 20 calls"),
        ("p95<1ns", False, "not met: p95 is 17.0 ms over 20 calls"),
        ("duration_ns>29ms", True, "met: calls 20, 21"),
        ("duration_ns>2s", False, "not met: none of 22 calls"),
        ("service=imds", True, "met: call 21"),
    ],
)
def test_gates(gate: str, met: bool, reason: str) -> None:
    about = analysis([UNDER], calls=CALLS, check=lambda _: FOUND)
    assert read_gate(gate)(about) == (met, f"--fail-on {gate}: {reason}", True)


def test_without_service_calls_dialogues_are_judged() -> None:
    verdict = read_gate("p95>0")(analysis([UNDER], calls=[dialogue(0)]))
    assert verdict == (True, "--fail-on p95>0: met: p95 is 30.0 ms over 1 dialogue", True)


@pytest.mark.parametrize("gate", ["p95>200ms", "duration_ns>1s"])
def test_without_calls_there_is_nothing_to_judge(gate: str) -> None:
    assert read_gate(gate)(analysis([UNDER])) == (False, f"--fail-on {gate}: nothing to judge: there are no calls", False)


def test_calls_that_the_capture_cuts_are_not_judged() -> None:
    verdict = read_gate("max>1ms")(analysis([UNDER], calls=[call(0, truncated="end")]))
    assert verdict == (False, "--fail-on max>1ms: nothing to judge: none of 1 call is wholly in the capture", False)


def test_nothing_to_judge_is_a_warning(bundled: Path) -> None:
    done = run(bundled / "cold-start.pcap", "--service", "s3", "--fail-on", "p95>200ms")
    assert done.returncode == 0
    assert "analyzer: warning: --fail-on p95>200ms: nothing to judge: there are no calls" in done.stderr


@pytest.mark.parametrize(
    "gate, message",
    [
        ("nonsense", "knows no 'nonsense'"),
        ("p95>fast", "p95 is a duration, not 'fast'"),
        ("p95>200", "p95>200 has no unit"),
        ("speed>3", "no column 'speed'"),
        ("duration_ns>fast", "duration_ns is a number"),
        ("", "knows no ''"),
    ],
)
def test_gates_that_cannot_be_read(gate: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_gate(gate)


def test_an_unknown_code_lists_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        read_gate("nonsense")
    assert "cold-connection" in str(caught.value.hint)
    assert "warning" in str(caught.value.hint)


def test_met_is_3_and_the_report_is_printed_all_the_same(bundled: Path) -> None:
    cold = bundled / "cold-start.pcap"
    done = run(cold, "--fail-on", "p95>100ms", "--fail-on", "duration_ns>10s")
    assert done.returncode == 3
    assert done.stdout == run(cold).stdout
    assert done.stderr.splitlines() == [
        "analyzer: --fail-on p95>100ms: met: p95 is 201 ms over 20 calls",
        "analyzer: --fail-on duration_ns>10s: not met: none of 20 calls",
    ]


def test_not_met_is_0(bundled: Path) -> None:
    done = run("report", bundled / "cold-start.pcap", "--format", "json", "--fail-on", "p95>2s")
    assert done.returncode == 0
    assert done.stderr == "analyzer: --fail-on p95>2s: not met: p95 is 201 ms over 20 calls\n"


def test_wrong_gates_are_1_and_nothing_is_read(tmp_path: Path) -> None:
    done = run("report", tmp_path / "missing.pcap", "--fail-on", "nonsense")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--fail-on knows no 'nonsense'" in done.stderr
