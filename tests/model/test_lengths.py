"""Durations as somebody writes them in Python: with a unit, or refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import analyzer
from analyzer.errors import UsageError
from analyzer.model.condition import length
from analyzer.model.rows import Call
from analyzer.model.table import Table
from tests.factory import call

WAYS = ["1ms", " 1 ms", "1000us", "0.001s", 1_000_000, np.int64(1_000_000), timedelta(milliseconds=1), pd.Timedelta("1ms")]


@pytest.mark.parametrize("value", WAYS, ids=repr)
def test_a_millisecond_in_every_way(value: Any) -> None:
    assert length(value) == 1_000_000


def test_what_is_finer_than_a_microsecond_is_kept() -> None:
    assert length(pd.Timedelta(1_234_567, "ns")) == 1_234_567
    assert length("500ns") == 500
    assert length(0) == 0


@pytest.mark.parametrize(
    "value", [0.001, 1.0, 1_000_000.0, np.float64(0.5), 1, 999, -1, True, None, "0.001", "soon", timedelta(seconds=-1)], ids=repr
)
def test_without_a_unit_it_is_refused(value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        length(value)
    assert caught.value.hint is not None
    assert "1ms" in caught.value.hint


@pytest.mark.parametrize("value", ["-1ms", timedelta(seconds=-1)], ids=repr)
def test_below_zero_is_told_so(value: Any) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        length(value)


def test_the_round_trip_of_a_whatif(bundled: Path) -> None:
    analysis = analyzer.read(bundled / "cold-start.pcap")
    with pytest.raises(UsageError, match="its unit is not told"):
        analysis.whatif(rtt=0.001)  # type: ignore[arg-type]
    one, other = analysis.whatif(rtt="1ms"), analysis.whatif(rtt=timedelta(milliseconds=1))
    assert list(one.changes) == list(other.changes)


def test_a_fraction_of_a_nanosecond_is_a_slip() -> None:
    table = Table("calls", Call, [call(0)])
    with pytest.raises(UsageError) as caught:
        table.where("duration_ns>0.2")
    assert caught.value.hint == "with a unit: 0.2ms, 0.2s"
    assert len(table.where("duration_ns>0.2ms")) == 1
