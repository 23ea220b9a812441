"""How sure a difference is: bootstrap intervals, a rank test, and the correction for looking at many numbers.

Everything is seeded: the same two answers give the same numbers. numpy is imported when it is used.

* The bootstrap distribution of a percentile needs no resampling: the k-th smallest of n draws from n values is the value at rank
  ceil(n * U), U from Beta(k, n - k + 1) (Efron 1979; Hutson and Ernst, The exact bootstrap mean and variance of an L-estimator, 2000). That
  makes it as quick for 10^6 calls as for ten.
* Means are resampled in runs of consecutive calls, at most BLOCKS of them (Künsch 1989): calls that follow each other are alike.
* Whether two samples differ at all says the rank sum test (Wilcoxon 1945; Mann and Whitney 1947) with correction for ties, exact where
  there are few. Where calls that follow each other are alike, the number of calls counts as less (`alike`).
* Of a percentile with too few calls for an interval, the precedence test says how odd it is that so many calls lie beyond it.
* Many measures are looked at, and chance alone moves some: Holm's procedure (1979) holds the chance of any false one at ALPHA.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, comb, erfc, exp, lgamma, log, sqrt
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[float64]

ALPHA = 0.01
"""Chance of any false difference among all measures of single operations. Strict: the halves of one steady run must show none, and a run
warms up."""
ALPHA_TOGETHER = 0.04
"""The same among those of all calls together: fewer tests, and what befalls few calls of each operation shows only here."""
INTERVAL = 0.95
LEAST = 8
"""Calls on each side from which on an interval of a mean or median is given; the bootstrap of fewer is far too narrow."""
DRAWS = 9_999
MEAN_DRAWS = 1_999
BLOCKS = 512
EXACT = 24
"""Values, both sides together, up to which the rank test counts all arrangements where one side is small; beyond, it draws some of them.
Where neither is small the normal curve is right."""


class Interval(NamedTuple):
    """A bootstrap interval of a difference, and the two-sided probability of one of the other sign."""

    low: float
    high: float
    chance: float


def least_calls(percent: int, level: float = INTERVAL) -> int:
    """Return from how many values on both ends of an interval of a percentile lie among them (order statistics): 8, 72, 368."""
    tail = max(percent, 100 - percent) / 100
    return max(LEAST, ceil(log((1 - level) / 2) / log(tail)))


def seed(*words: str) -> int:
    """Return a seed that is the same in every run and for every Python."""
    from zlib import crc32

    return crc32("\0".join(words).encode("utf-8", "backslashreplace"))


def as_table(rows: Sequence[Sequence[int]]) -> Numbers:
    """Return rows as numbers in columns."""
    import numpy as np

    return np.asarray(rows, dtype=float)


def alike(values: Sequence[float] | Numbers) -> float:
    """Return how many values in a row, in order of time, are worth one independent value: 1 where they do not depend on each other.

    From ranks, by the first autocorrelation as if the rest followed from it, and for many values by the means of batches of them; the
    larger of the two.
    """
    import numpy as np

    count = len(values)
    if count < LEAST:
        return 1.0
    ranks = _ranks(np.asarray(values, dtype=float))
    ranks -= ranks.mean()
    spread = float(ranks @ ranks)
    if spread == 0:
        return 1.0
    near = float(ranks[:-1] @ ranks[1:]) / spread
    found = (1 + near) / (1 - near) if 0 < near < 1 else 1.0
    if count >= 256:
        size = int(sqrt(count))
        batches = ranks[: count - count % size].reshape(-1, size).mean(axis=1)
        found = max(found, size * float(batches.var(ddof=1)) / (spread / count))
    return max(1.0, min(found, count / LEAST))


def quantile_interval(
    before: Sequence[int], after: Sequence[int], percent: int, dependence: tuple[float, float], start: int
) -> Interval | None:
    """Return the interval of the difference of a percentile of two sorted samples; None where either is too small for one."""
    import numpy as np

    if min(len(before), len(after)) < least_calls(percent):
        return None
    random = np.random.Generator(np.random.PCG64(start))
    drawn = []
    for ordered, worth in zip((before, after), dependence, strict=True):
        count = len(ordered)
        rank = max(1, -(-count * percent // 100))
        share = random.beta(rank / worth, (count - rank + 1) / worth, DRAWS)
        drawn.append(np.asarray(ordered, dtype=float)[np.clip(np.ceil(count * share).astype(int) - 1, 0, count - 1)])
    return _interval(drawn[1] - drawn[0])


def mean_intervals(
    before: Sequence[Sequence[int]] | Numbers, after: Sequence[Sequence[int]] | Numbers, dependence: tuple[float, float], start: int
) -> list[Interval | None]:
    """Return the intervals of the differences of means, one a column, of rows in order of time."""
    import numpy as np

    columns = len(before[0])
    if min(len(before), len(after)) < LEAST:
        return [None] * columns
    random = np.random.Generator(np.random.PCG64(start))
    drawn = [_mean_draws(rows, worth, random) for rows, worth in zip((before, after), dependence, strict=True)]
    return [_interval(column) for column in np.transpose(drawn[1] - drawn[0])]


def _mean_draws(rows: Sequence[Sequence[int]] | Numbers, worth: float, random: object) -> Numbers:
    import numpy as np

    assert isinstance(random, np.random.Generator)
    values = np.asarray(rows, dtype=float)
    count = len(values)
    blocks = min(count, BLOCKS)
    edges = np.arange(blocks) * count // blocks
    sums = np.add.reduceat(values, edges, axis=0)
    sizes = np.diff(np.append(edges, count)).astype(float)
    times = random.multinomial(blocks, np.full(blocks, 1 / blocks), MEAN_DRAWS).astype(float)
    means = (times @ sums) / (times @ sizes)[:, None]
    point = values.mean(axis=0)
    # Runs of calls hold what depends on each other; single calls do not.
    drawn: Numbers = point + (means - point) * (sqrt(worth) if blocks == count else 1.0)
    return drawn


def _interval(drawn: Numbers) -> Interval:
    import numpy as np

    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    return Interval(float(low), float(high), min(1.0, 2 * (min(below, above) + 1) / (len(drawn) + 1)))


def rank_test(before: Sequence[float] | Numbers, after: Sequence[float] | Numbers, dependence: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the two-sided probability that two samples of one distribution are as far apart in rank as these; 1 where one is empty."""
    import numpy as np

    few, many = len(before), len(after)
    total = few + many
    if not few or not many:
        return 1.0
    ranks = _ranks(np.concatenate([np.asarray(before, dtype=float), np.asarray(after, dtype=float)]))
    off = float(ranks[:few].sum()) - few * (total + 1) / 2
    if min(few, many) < LEAST:
        return _exact(ranks, few, abs(off)) if total <= EXACT else _drawn(ranks, min(few, many), abs(off))
    spread = float(((ranks - (total + 1) / 2) ** 2).sum()) * few * many / (total * (total - 1))
    worth = (dependence[0] * many + dependence[1] * few) / total  # each side's part of the variance is by the other's size
    if spread == 0:
        return 1.0
    return erfc(max(0.0, abs(off) - 0.5) / sqrt(2 * spread * worth))


def _ranks(values: Numbers) -> Numbers:
    """Return ranks from 1; equal values share the mean of theirs."""
    import numpy as np

    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts).astype(float)
    ranks: Numbers = (ends - (counts - 1) / 2)[places]
    return ranks


def _exact(ranks: Numbers, few: int, off: float) -> float:
    """Count the arrangements in which the first `few` ranks sum up to a number at least as far from the middle."""
    doubled = [round(2 * rank) for rank in ranks]
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(few))]
    for rank in doubled:
        for taken in range(few, 0, -1):
            for sum_, number in ways[taken - 1].items():
                ways[taken][sum_ + rank] = ways[taken].get(sum_ + rank, 0) + number
    middle = few * (len(doubled) + 1)
    far = sum(number for sum_, number in ways[few].items() if abs(sum_ - middle) >= 2 * off - 1e-9)
    return far / comb(len(doubled), few)


def exceeding(before: Sequence[int], after: Sequence[int], percent: int) -> float:
    """Return the two-sided probability that so many values of one sample lie above a percentile of the other by chance.

    For percentiles of which there are too few values for an interval: of all values above the percentile of one sample, so few are its own
    (precedence test, exact; Nelson 1963). Samples are in order of time: values above in a row count as few (`alike`).
    """
    found = 1.0
    for base, other in ((before, after), (after, before)):
        if not base or not other:
            return 1.0
        limit = sorted(base)[max(0, -(-len(base) * percent // 100) - 1)]
        own = sum(value > limit for value in base)
        above = [value > limit for value in other]
        others = int(sum(above) / alike(above))
        found = min(found, _at_most(own, own + others, len(base), len(base) + len(other)))
    return min(1.0, 2 * found)


def _at_most(most: int, drawn: int, marked: int, total: int) -> float:
    """Return the probability that of `drawn` out of `total` at most `most` are among the `marked` (hypergeometric)."""

    def ways(of: int, some: int) -> float:
        return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)

    whole = ways(total, drawn)
    least = max(0, drawn - (total - marked))
    return min(1.0, sum(exp(ways(marked, hits) + ways(total - marked, drawn - hits) - whole) for hits in range(least, most + 1)))


def _drawn(ranks: Numbers, few: int, off: float) -> float:
    """Estimate the same where there are too many arrangements to count: draw the few values again and again."""
    import numpy as np

    random = np.random.Generator(np.random.PCG64(len(ranks)))
    if len(ranks) <= 400:
        chosen = random.random((DRAWS, len(ranks))).argpartition(few, axis=1)[:, :few]
    else:  # hardly ever twice the same of so many
        chosen = random.integers(0, len(ranks), (DRAWS, few))
    far = np.abs(ranks[chosen].sum(axis=1) - few * (len(ranks) + 1) / 2) >= off - 1e-9
    return (int(far.sum()) + 1) / (DRAWS + 1)


def holm(chances: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Return which of many tests hold with the chance of any false one at most `alpha` (Holm 1979)."""
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    held = [False] * len(chances)
    for place, index in enumerate(order):
        if chances[index] > alpha / (len(chances) - place):
            break
        held[index] = True
    return held


def fisher(some: int, of: int, others: int, of_others: int) -> float:
    """Return the two-sided probability of shares as different as `some` of `of` and `others` of `of_others` (Fisher's exact test)."""
    if of + of_others > 2_000:  # the normal curve is as good, and quick
        share = (some + others) / (of + of_others)
        spread = sqrt(share * (1 - share) * (1 / of + 1 / of_others)) if of and of_others else 0.0
        return erfc(abs(some / of - others / of_others) / spread / sqrt(2)) if spread else 1.0
    hits, total = some + others, of + of_others
    ways = {k: comb(of, k) * comb(of_others, hits - k) for k in range(max(0, hits - of_others), min(of, hits) + 1)}
    return min(1.0, sum(number for number in ways.values() if number <= ways[some]) / comb(total, hits))
