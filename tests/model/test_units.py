"""Times, sizes and shares are written in one way everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import units

MS = units.MILLISECOND


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0.0"),
        (49_999, "0.0"),
        (50_000, "0.1"),
        (12_250_000, "12.3"),
        (-12_250_000, "-12.3"),
        (-49_999, "0.0"),
        (99_949_999, "99.9"),
        (99_950_000, "100"),
        (100_500_000, "101"),
        (50_001, "0.1"),
        (92_440_000, "92.4"),
        (99_940_000, "99.9"),
        (99_960_000, "100"),
        (670 * MS, "670"),
        (123_456 * MS, "123456"),
        (-5 * MS, "-5.0"),
        (-99_960_000, "-100"),
    ],
)
def test_milliseconds_have_one_decimal_below_100(value: int, text: str) -> None:
    assert units.milliseconds(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0 ms"),
        (400, "400 ns"),
        (-400, "-400 ns"),
        (1_000, "1 µs"),
        (2_500, "3 µs"),
        (10_250_000_000, "10.3 s"),
        (120_500_000_000, "2 min 01 s"),
        (51_000, "51 µs"),
        (100_000, "0.1 ms"),
        (92_400_000, "92.4 ms"),
        (7_760 * MS, "7760 ms"),
        (9_999 * MS, "9999 ms"),
        (10_000 * MS, "10.0 s"),
        (119_900 * MS, "119.9 s"),
        (120_000 * MS, "2 min 00 s"),
        (252_000 * MS, "4 min 12 s"),
        (3_600_000 * MS, "1 h 00 min"),
        (90_061_000 * MS, "25 h 01 min"),
        (-252_000 * MS, "-4 min 12 s"),
        (-92 * MS, "-92.0 ms"),
    ],
)
def test_durations_carry_the_unit_that_fits(value: int, text: str) -> None:
    assert units.duration(value) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0 B"),
        (812, "812 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (69_800, "69.8 KB"),
        (99_960, "100 KB"),
        (703_000_000, "703 MB"),
        (2_500_000_000_000, "2500 GB"),
        (999_999, "1.0 MB"),
        (999_400, "999 KB"),
        (999_999_999, "1.0 GB"),
    ],
)
def test_sizes_are_decimal(value: int, text: str) -> None:
    assert units.bytes_(value) == text


@pytest.mark.parametrize("value, text", [(0, "0"), (999, "999"), (1_204_881, "1 204 881"), (-12_000, "-12 000")])
def test_counts_are_grouped_by_three(value: int, text: str) -> None:
    assert units.count(value) == text


@pytest.mark.parametrize(
    "share, text",
    [(0.0, "0 %"), (0.0001, "<1 %"), (0.0049, "<1 %"), (0.006, "1 %"), (0.62, "62 %"), (0.994, "99 %"), (0.996, ">99 %"), (1.0, "100 %")],
)
def test_shares_are_whole_and_never_round_to_nothing_or_all(share: float, text: str) -> None:
    assert units.percent(share) == text


@pytest.mark.parametrize(
    "time, text",
    [
        (0, "1970-01-01 00:00:00.000Z"),
        (1_795_000_000_123_999_999, "2026-11-18 11:06:40.123Z"),
        (-1, "1969-12-31 23:59:59.999Z"),
        (10**21, "1000000000000000000000 ns"),
    ],
)
def test_moments_are_utc_and_cut_not_rounded(time: int, text: str) -> None:
    assert units.moment(time) == text


@given(st.integers(-(10**30), 10**30))
def test_any_number_can_be_written(value: int) -> None:
    for write in (units.milliseconds, units.duration, units.bytes_, units.count, units.moment):
        assert write(value)
