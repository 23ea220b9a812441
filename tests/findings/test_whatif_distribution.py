"""Percentiles, totals and their ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.findings.whatif.distribution import nearest_rank, quantiles, quantiles_as_measured, quartiles, total
from analyzer.findings.whatif.scene import Lengths, Part
from analyzer.report.ledger import percentile


def exact(*values: int) -> list[Lengths]:
    return [Lengths(value, value, value) for value in values]


def test_percentiles_are_those_of_the_report() -> None:
    for count in (1, 2, 3, 19, 20, 21, 100, 101):
        values = list(range(count))
        for percent in (50, 95, 99):
            assert values[nearest_rank(count, percent)] == percentile(values, percent)


def test_the_range_of_a_median_narrows_with_the_calls() -> None:
    few, many = quantiles(exact(*range(0, 1000, 100))).p50, quantiles(exact(*range(1000))).p50
    assert few is not None
    assert many is not None
    assert (few.low, few.likely, few.high) == (200, 400, 600)
    assert many.high - many.low < 50
    assert many.low < many.likely < many.high


def test_the_range_of_a_sample_holds_the_truth_four_times_in_five() -> None:
    from random import Random

    draw = Random(7)
    held = 0
    for _ in range(400):
        middle = quantiles(exact(*(int(draw.expovariate(0.001)) for _ in range(40)))).p50
        assert middle is not None
        held += middle.low <= 693 <= middle.high
    assert 0.75 < held / 400 < 0.9


def test_what_is_unknown_of_pieces_widens_it() -> None:
    middle = quantiles([Lengths(5, 10, 30)] * 3).p50
    assert middle == Lengths(5, 10, 30)
    assert total([[Lengths(5, 10, 30)] * 3]) == Lengths(15, 30, 90)


@given(st.lists(st.integers(0, 10**12)))
def test_durations_that_nothing_changed_have_the_same_percentiles(values: list[int]) -> None:
    assert quantiles_as_measured(values) == quantiles(exact(*values))


def test_nothing_has_no_percentiles() -> None:
    assert quantiles([]) == (None, None, None)
    assert total([]) == Lengths(0, 0, 0)


def test_a_few_outliers_do_not_widen_a_total() -> None:
    calm = total([exact(*([100] * 20 + [9_000]))])
    assert calm == Lengths(11_000, 11_000, 11_000)
    assert quartiles([4, 1, 3, 2]) == Lengths(1, 2, 3)


def test_a_part_is_cut_by_what_lies_in_it_whatever_scaled_it() -> None:
    part = Part("receive", "own", 100, 200, 0, None)
    assert part.cut(0, 150)
    assert part.likely == 50
    assert part.cut(150, 300)
    assert part.likely == 0
    assert not part.cut(150, 300)
    scaled = Part("receive", "own", 100, 200, 0, None)
    scaled.set(Lengths(10, 50, 100))
    assert scaled.cut(120, 140)
    assert (scaled.low, scaled.likely, scaled.high) == (8, 40, 80)
    assert not scaled.cut(300, 400)
