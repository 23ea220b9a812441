"""Intervals and tests: against brute force, against what is known of them, and honest where there are few values."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.comparing.statistics import alike, exceeding, fisher, holm, least_calls, mean_intervals, quantile_interval, rank_test, seed
from analyzer.model.comparison import LEAST_CALLS, QUANTILES

ALONE = (1.0, 1.0)


def sample(count: int, number: int, shift: float = 0.0) -> list[int]:
    chance = random.Random(number)
    return [round(1000 * (chance.lognormvariate(3, 0.4) + shift)) for _ in range(count)]


def test_an_interval_of_a_percentile_needs_values_beyond_it() -> None:
    assert [least_calls(percent) for percent in (50, 95, 99)] == [8, 72, 368] == [LEAST_CALLS[name] for name in QUANTILES]
    assert quantile_interval(range(71), range(200), 95, ALONE, 1) is None
    assert quantile_interval(range(72), range(200), 95, ALONE, 1) is not None
    assert mean_intervals([(1,)] * 7, [(2,)] * 30, ALONE, 1) == [None]


def test_the_quick_bootstrap_of_a_median_is_the_slow_one() -> None:
    before, after = sorted(sample(40, 1)), sorted(sample(40, 2, shift=6))
    found = quantile_interval(before, after, 50, ALONE, 3)
    assert found is not None
    chance = random.Random(4)
    drawn = sorted(sorted(chance.choices(after, k=40))[19] - sorted(chance.choices(before, k=40))[19] for _ in range(4000))
    width = drawn[3899] - drawn[100]
    assert abs(found.low - drawn[100]) < 0.12 * width
    assert abs(found.high - drawn[3899]) < 0.12 * width


def test_the_interval_of_a_mean_is_that_of_resampling() -> None:
    before, after = sample(60, 5), sample(60, 6, shift=5)
    (found,) = mean_intervals([(value,) for value in before], [(value,) for value in after], ALONE, 7)
    assert found is not None
    chance = random.Random(8)
    drawn = sorted(sum(chance.choices(after, k=60)) / 60 - sum(chance.choices(before, k=60)) / 60 for _ in range(4000))
    width = drawn[3899] - drawn[100]
    assert abs(found.low - drawn[100]) < 0.12 * width
    assert abs(found.high - drawn[3899]) < 0.12 * width


def test_of_many_calls_the_interval_of_a_mean_is_as_narrow_as_the_normal_curve_says() -> None:
    before, after = sample(20_000, 9), sample(20_000, 10)
    (found,) = mean_intervals([(value,) for value in before], [(value,) for value in after], ALONE, 7)
    assert found is not None
    mean = [sum(side) / len(side) for side in (before, after)]
    variance = sum(
        sum((value - middle) ** 2 for value in side) / len(side) ** 2 for side, middle in zip((before, after), mean, strict=True)
    )
    assert found.high - found.low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.12)


def test_the_same_question_has_the_same_answer() -> None:
    before, after = sorted(sample(80, 1)), sorted(sample(80, 2))
    assert quantile_interval(before, after, 95, ALONE, seed("GetItem", "p95")) == quantile_interval(
        before, after, 95, ALONE, seed("GetItem", "p95")
    )
    assert seed("a", "b") != seed("ab")


def test_dependence_widens_an_interval() -> None:
    before, after = sorted(sample(80, 1)), sorted(sample(80, 2))
    narrow, wide = (quantile_interval(before, after, 50, (worth, worth), 1) for worth in (1.0, 4.0))
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low == pytest.approx(2 * (narrow.high - narrow.low), rel=0.25)


def test_the_exact_rank_test_counts_all_arrangements() -> None:
    before, after = [1, 2, 2, 5], [2, 6, 7, 8, 9]
    pooled = before + after
    ordered = sorted(pooled)
    rank = {value: sum(place + 1 for place, other in enumerate(ordered) if other == value) / ordered.count(value) for value in pooled}
    ranks = [rank[value] for value in pooled]
    middle = 4 * 10 / 2
    off = abs(sum(ranks[:4]) - middle)
    sums = [sum(ranks[index] for index in chosen) for chosen in combinations(range(9), 4)]
    assert rank_test(before, after) == pytest.approx(sum(abs(one - middle) >= off for one in sums) / len(sums))


@pytest.mark.parametrize("count", [3, 8, 30, 300])
def test_equal_samples_differ_by_nothing(count: int) -> None:
    values = sample(count, 1)
    assert rank_test(values, values) == 1.0
    assert rank_test([5] * count, [5] * count) == 1.0
    assert exceeding(values, values, 95) == 1.0


def test_a_shift_is_seen() -> None:
    assert rank_test(sample(30, 1), sample(30, 2, shift=12)) < 1e-4
    assert rank_test(sample(3, 1), [value + 10**9 for value in sample(3, 2)]) == pytest.approx(0.1)  # 2 of 20: no fewer can be


def test_the_rank_test_is_wrong_as_often_as_it_says() -> None:
    wrong = sum(rank_test(sample(20, number), sample(25, 10_000 + number)) < 0.05 for number in range(400))
    assert 8 <= wrong <= 34  # 20 of 400, four standard deviations to each side at most


def test_values_in_a_row_that_are_alike_count_as_fewer() -> None:
    chance = random.Random(1)
    level, walk = 0.0, []
    for _ in range(2000):
        level = 0.9 * level + chance.gauss(0, 1)
        walk.append(level)
    assert 12 < alike(walk) < 32  # (1 + 0.9) / (1 - 0.9) = 19
    assert alike([chance.gauss(0, 1) for _ in range(2000)]) < 1.6
    assert alike([1.0] * 50) == 1.0
    assert alike([1.0, 2.0, 3.0]) == 1.0


def test_a_burst_at_the_start_is_no_tail() -> None:
    calm = sample(90, 1)
    burst = [value + 10**6 for value in sample(10, 2)]
    assert exceeding([*burst, *sample(80, 3)], calm, 99) > 0.2
    chance = random.Random(4)
    scattered = [*burst, *sample(80, 3)]
    chance.shuffle(scattered)
    assert exceeding(scattered, calm, 99) < 0.05


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_holds_no_more_than_it_may(chances: list[float]) -> None:
    held = holm(chances, 0.05)
    assert all(chances[index] <= 0.05 for index, one in enumerate(held) if one)
    assert all(held[index] for index, chance in enumerate(chances) if chance <= 0.05 / len(chances))


def test_holm_steps_down() -> None:
    assert holm([0.02, 0.001, 0.9], 0.05) == [True, True, False]
    assert holm([0.03, 0.03, 0.9], 0.05) == [False, False, False]


def test_fisher_is_the_tea_lady() -> None:
    assert fisher(3, 4, 1, 4) == pytest.approx(0.4857, abs=1e-4)
    assert fisher(0, 30, 0, 30) == 1.0
    assert fisher(0, 2000, 40, 2000) < 1e-8
    assert fisher(0, 0, 3, 2000) == 1.0


@pytest.mark.parametrize("many", [24, 60, 450])
def test_one_value_among_many_proves_little(many: int) -> None:
    after = [0] * (many - 2) + [5, 6]
    assert rank_test([9], after) == pytest.approx(1 / (many + 1), rel=0.6)  # nothing is as far from the middle as it


def test_drawn_arrangements_are_like_counted_ones() -> None:
    before, after = sample(5, 1), sample(19, 2, shift=8)
    counted = rank_test(before, after)
    assert rank_test(before, [*after, after[9]]) == pytest.approx(counted, rel=0.5)
