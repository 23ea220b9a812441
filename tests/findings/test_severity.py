"""Severity follows the share of the calls' time: one rule for all findings, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.findings.severity import GRAVE, NOTICED_NS, SLIGHT, SPOILT, weighed
from analyzer.findings.view import View
from analyzer.pipeline import read
from tests.factory import MS, analysis, call, connection, exchange, finding

UNDER = connection(0)
LONG = 10_000 * MS


def severity(share: float, /, *, of_calls: float = 0.2, **changes: object) -> str:
    """Weigh a finding about one of two calls, given its share of the time of both and of the one that it names."""
    cost = round(share * LONG)
    own = round(cost / of_calls) if of_calls else 0
    calls = [call(0, UNDER, duration_ns=own), call(1, UNDER, duration_ns=LONG - own)]
    about = analysis([UNDER], [exchange(0, UNDER)], calls=calls)
    row = finding(**{"severity": "warning", "cost_ns": cost, "share": share, "calls": (0,), "confidence": "likely", **changes})
    return weighed(View(about), row).severity


@pytest.mark.parametrize(
    "share, expected", [(0.001, "info"), (SLIGHT - 0.001, "info"), (SLIGHT, "warning"), (GRAVE - 0.01, "warning"), (GRAVE, "error")]
)
def test_the_more_of_the_time_the_graver(share: float, expected: str) -> None:
    assert severity(share, of_calls=0.9 if share > 0.2 else 0.2) == expected


def test_a_call_that_it_spoils_counts_whatever_the_others_take() -> None:
    noticed = NOTICED_NS / LONG
    assert severity(noticed, of_calls=SPOILT) == "warning"
    assert severity(noticed, of_calls=SPOILT - 0.1) == "info"
    assert severity(noticed * 0.9, of_calls=0.99) == "info"  # twice a short time is short still


@pytest.mark.parametrize("given", ["info", "error"])
def test_what_only_tells_or_has_failed_is_not_weighed(given: str) -> None:
    assert severity(0.9, of_calls=0.95, severity=given) == severity(0.001, severity=given) == given


def test_what_is_no_question_of_calls_time_stays() -> None:
    assert severity(0.0, of_calls=0, cost_ns=0) == "warning"
    assert severity(0.001, share=None) == "warning"  # a dialogue that no call waited for


def test_a_mere_possibility_is_never_an_error() -> None:
    assert severity(0.9, of_calls=0.95, confidence="possible") == "warning"


def test_real_captures(bundled: Path) -> None:
    cold = {"long-round-trip": "error", "idle-connection-closed": "warning", "cold-connection": "info"}
    for name, expected in (("cold-start.pcap", cold), ("imds-hop-limit-uplink.pcap", {"imds-hop-limit": "error"})):
        found = {row.code: (row.severity, row.share) for row in read(bundled / name).findings}
        assert {code: found[code][0] for code in expected} == expected, found
