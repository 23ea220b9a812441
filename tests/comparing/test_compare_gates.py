"""`--fail-on` of `compare`: beyond the limit and no chance, or by the number alone where asked."""

from __future__ import annotations

import pytest

from analyzer.comparing import compared
from analyzer.comparing.gates import read_gate
from analyzer.errors import UsageError
from tests.comparing.sides import noisy, side
from tests.factory import MS, finding

SLOW = finding(code="slow-server", severity="warning", title="The server is slow", cost_ns=300 * MS, share=0.2)
SLOWER = compared(side(noisy(100, 1)), side(noisy(100, 2, server=8.0), found=[SLOW]))
SAME = compared(side(noisy(100, 1)), side(noisy(100, 2)))
FASTER = compared(side(noisy(100, 1, server=8.0), found=[SLOW]), side(noisy(100, 2)))
FEW = compared(side(noisy(4, 1)), side(noisy(4, 2, server=50.0)))


@pytest.mark.parametrize(
    "rule, met",
    [
        ("p50 +10%", True),
        ("p50+10%", True),
        ("p95 +1ms", True),
        ("mean +2.5ms", True),
        ("mean +4ms", False),
        ("p50 +50%", False),
        ("server +1 ms", True),
        ("network +1us", False),
        ("Query p50 +10%", True),
        ("finding=slow-server", True),
        ("finding = warning", True),
        ("finding=error", False),
        ("finding=imds-hop-limit", False),
    ],
)
def test_gates_on_a_slower_run(rule: str, met: bool) -> None:
    judged = read_gate(rule)(SLOWER)
    assert (judged.met, judged.judged) == (met, True)
    assert judged.reason.startswith(f"--fail-on {rule}: {'met' if met else 'not met'}: ")


@pytest.mark.parametrize("rule", ["p50 +0%", "mean +0ns", "p99 +0%", "server +0%", "finding=info"])
@pytest.mark.parametrize("comparison", [SAME, FASTER], ids=["same", "faster"])
def test_nothing_fails_that_is_not_worse(rule: str, comparison: object) -> None:
    assert not read_gate(rule)(comparison).met  # type: ignore[arg-type]


def test_a_number_beyond_the_limit_that_may_be_chance_does_not_fail() -> None:
    worse = max(SAME.of("Query"), key=lambda row: row.change_ns if row.measure in ("p50", "p95", "mean") else -1)
    assert worse.change_ns > 0, "made-up calls that differ in nothing would test nothing"
    rule = f"{worse.measure} +0%"
    assert "which may be chance" in read_gate(rule)(SAME).reason
    assert read_gate(f"{rule}!")(SAME).met


def test_too_few_calls_judge_nothing_unless_the_number_alone_is_asked_for() -> None:
    judged = read_gate("p50 +10%")(FEW)
    assert (judged.met, judged.judged) == (False, False)
    assert (
        judged.reason == "--fail-on p50 +10%: nothing to judge: 4 calls on one side, of 8 at least; 'p50 +10%!' judges by the number alone"
    )
    assert read_gate("p50 +10% !")(FEW).met


def test_a_percentile_without_an_interval_is_judged_by_the_calls_beyond_it() -> None:
    slower = compared(side(noisy(30, 1)), side(noisy(30, 2, server=30.0)))
    row = next(row for row in slower.differences if row.measure == "p95")
    assert row.low_ns is None
    assert read_gate("p95 +10%")(slower).met
    same = compared(side(noisy(30, 1)), side(noisy(30, 2)))
    assert not read_gate("p95 +0%")(same).met


def test_an_operation_that_is_not_there_is_nothing_to_judge() -> None:
    judged = read_gate("GetItem p50 +1ms")(SLOWER)
    assert judged == (False, "--fail-on GetItem p50 +1ms: nothing to judge: no operation 'GetItem' on both sides", False)


def test_a_phase_that_no_call_has_did_not_grow() -> None:
    assert read_gate("backoff +1ms")(SLOWER) == (False, "--fail-on backoff +1ms: not met: no call spent time in backoff", True)


@pytest.mark.parametrize(
    "rule, message",
    [
        ("p95", "knows no 'p95'"),
        ("p95 10%", "knows no"),
        ("p95 +10", "knows no"),
        ("p95 +-3ms", "knows no"),
        ("p90 +10%", "no measure 'p90'"),
        ("serve +10%", "no measure 'serve'"),
        ("finding=nonsense", "there is no rule 'nonsense'"),
        ("", "knows no ''"),
        ("p95 +" + "9" * 400 + "%", "knows no"),
    ],
)
def test_rules_that_cannot_be_read(rule: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_gate(rule)


def test_a_gate_fails_unchanged_code_once_in_twenty_at_most() -> None:
    gate = read_gate("p50 +0%")
    wrong = sum(gate(compared(side(noisy(20, number)), side(noisy(20, 5000 + number)))).met for number in range(80))
    assert wrong <= 7  # one-sided: 2 of 80 are to be expected
