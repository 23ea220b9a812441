"""Rows in order of columns: unknown last, equal ones as they were."""

from __future__ import annotations

import pytest

from analyzer.errors import UsageError
from analyzer.model.rows import Exchange, Finding
from analyzer.model.table import Table
from tests.factory import exchange

ROWS = [
    exchange(0, operation="Query", status=500),
    exchange(1, operation="GetItem", status=None),
    exchange(2, operation="GetItem", status=400),
    exchange(3, operation=None, status=400),
]
TABLE = Table("exchanges", Exchange, ROWS)


@pytest.mark.parametrize(
    "columns, descending, wanted",
    [
        (("status",), False, [2, 3, 0, 1]),
        (("-status",), False, [0, 2, 3, 1]),
        (("status",), True, [0, 2, 3, 1]),
        (("operation", "-exchange_id"), False, [2, 1, 0, 3]),
        (("-operation", "status"), False, [0, 2, 1, 3]),
        ((), False, [0, 1, 2, 3]),
    ],
)
def test_order(columns: tuple[str, ...], descending: bool, wanted: list[int]) -> None:
    made = TABLE.sort(*columns, descending=descending)
    assert [row.exchange_id for row in made] == wanted
    assert (made.name, made.row_type) == ("exchanges", Exchange)
    assert [row.exchange_id for row in TABLE] == [0, 1, 2, 3]


def test_a_column_that_cannot_be_sorted_by() -> None:
    with pytest.raises(UsageError, match="no column 'statu'") as caught:
        TABLE.sort("-statu")
    assert caught.value.hint == "did you mean status?"
    with pytest.raises(UsageError, match="stalls is a list"):
        TABLE.sort("stalls")


def test_severities_and_confidences_have_an_order_of_their_own() -> None:
    rows = [finding(severity, confidence) for severity, confidence in (("warning", "proven"), ("error", "possible"), ("info", "likely"))]
    table = Table("findings", Finding, rows)
    assert [row.severity for row in table.sort("severity")] == ["info", "warning", "error"]
    assert [row.severity for row in table.sort("-severity")] == ["error", "warning", "info"]
    assert [row.confidence for row in table.sort("-confidence")] == ["proven", "likely", "possible"]


def finding(severity: str, confidence: str) -> Finding:
    return Finding("code", severity, "", "", 0, None, (), (), (), "", confidence, None, "", (), ())
