"""Percentiles and totals of replayed calls, each with a range.

Two things make the range: what is unknown of the pieces that a change put in or took out (at least, at most), and that another run of the
same program is another draw. The second is read from the calls themselves, without a model of them: the ranks between which a percentile
of so many values lies four times in five (the binomial interval of order statistics; W. J. Conover, Practical Nonparametric Statistics,
section 3.2), and for a total the spread of the middle half of each operation. That a server is quicker on another day is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from operator import itemgetter
from typing import NamedTuple

from analyzer.findings.whatif.scene import Lengths
from analyzer.units import DurationNs

Z = 1.2816
"""Standard deviations to each side that hold 80 % of a normal distribution."""
QUARTILES = 1.349
"""Distance of the quartiles of a normal distribution, in standard deviations."""

ENOUGH = 8
"""Calls that show a spread; few are as different as what they ask for."""


class Quantiles(NamedTuple):
    """The percentiles of some calls; None of none."""

    p50: Lengths | None
    p95: Lengths | None
    p99: Lengths | None


def nearest_rank(count: int, percent: int) -> int:
    """Return the index of the smallest value that at least `percent` % of so many sorted values do not exceed."""
    return max(0, -(-count * percent // 100) - 1)


def quantiles(values: Sequence[Lengths]) -> Quantiles:
    """Return the percentiles of some lengths, with their ranges."""
    if not values:
        return Quantiles(None, None, None)
    lows, likely, highs = (sorted(map(itemgetter(at), values)) for at in range(3))
    return Quantiles(*(_quantile(lows, likely, highs, percent) for percent in (50, 95, 99)))


def quantiles_as_measured(values: Iterable[DurationNs]) -> Quantiles:
    """Return the percentiles of some durations that no change touched, with their ranges."""
    ordered = sorted(values)
    return Quantiles(*(_quantile(ordered, ordered, ordered, percent) if ordered else None for percent in (50, 95, 99)))


def _quantile(lows: list[DurationNs], likely: list[DurationNs], highs: list[DurationNs], percent: int) -> Lengths:
    count = len(likely)
    at = nearest_rank(count, percent)
    reach = Z * sqrt(count * percent * (100 - percent)) / 100
    low, high = max(0, round(at - reach)), min(count - 1, round(at + reach))
    return Lengths(lows[low], likely[at], highs[high])


def total(alike: Iterable[Sequence[Lengths]]) -> Lengths:
    """Return the sum of some lengths, with its range. They come in groups of like calls, whose spread tells how another run may differ."""
    low = likely = high = 0
    variance = 0.0
    for values in alike:
        lows, likelies, highs = zip(*values, strict=True) if values else ((), (), ())
        low, likely, high = low + sum(lows), likely + sum(likelies), high + sum(highs)
        if len(values) >= ENOUGH:
            quarter = quartiles(likelies)
            variance += len(values) * ((quarter.high - quarter.low) / QUARTILES) ** 2
    reach = round(Z * sqrt(variance))
    return Lengths(max(0, low - reach), likely, high + reach)


def quartiles(values: Sequence[DurationNs]) -> Lengths:
    """Return lower quartile, median and upper quartile of some durations, of which there must be one at least."""
    ordered = sorted(values)
    return Lengths(*(ordered[nearest_rank(len(ordered), percent)] for percent in (25, 50, 75)))
