"""The outcome `cut` is of answers that broke off and of those whose end was not captured: `explain` tells which."""

from __future__ import annotations

import pytest

from analyzer.report.explained import Explanation
from tests.factory import MS, START, analysis, call, connection, exchange, spans


@pytest.mark.parametrize(
    "closed_by, after_ms, said",
    [
        ("server-reset", 30, "and broke off: the connection was reset by the server"),
        ("middlebox-reset", 30, "and broke off: the connection was reset by something on the path"),
        ("client", 30, "and broke off: the connection was closed by the client"),
        ("open", None, "and its end is not in the capture"),
        ("server-reset", -30, "and its end is not in the capture"),
    ],
)
def test_why_an_answer_did_not_end(closed_by: str, after_ms: int | None, said: str) -> None:
    started = START + 26 * MS
    under = connection(0, closed_by=closed_by, closed_ns=None if after_ms is None else started + after_ms * MS)
    row = call(0, under)
    cut = exchange(0, under, outcome="cut", response_start_ns=started)
    text = " ".join(str(Explanation(analysis([under], [cut], calls=[row], spans=spans(row)), 0)).split())
    assert said in text


def test_one_that_ended_says_nothing() -> None:
    under = connection(0, closed_by="server-reset", closed_ns=START + 90 * MS)
    row = call(0, under)
    text = str(Explanation(analysis([under], [exchange(0, under)], calls=[row], spans=spans(row)), 0))
    assert "broke off" not in text
    assert "not in the capture" not in text
