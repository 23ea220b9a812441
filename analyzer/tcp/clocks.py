"""Clocks compared by the packets that two captures both hold, and capture points told from parts of one time line.

Of a connection seen at two points the packets of one direction say "offset plus delay", those of the other "offset minus delay": half the
sum is the offset, as in NTP (RFC 5905 section 8), if both delays are equal. The median over all connections is what counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from analyzer.model.clocks import Clock
from analyzer.tcp.sample import MOST_SIGHTINGS, Identity, Sample, Sighting, rank
from analyzer.units import MICROSECOND, SECOND, DurationNs, TimeNs

MOST_FILES = 16
"""Files that may hold one packet; more are the same file over and over."""
AGREE_NS: DurationNs = 100 * MICROSECOND
"""Clocks that differ by less are taken as one: the kernel's own delays between two interfaces of a host look like that."""
OTHER_CLOCK_NS: DurationNs = SECOND
"""Files of one host whose clocks differ by more were not written by one clock: no drift between two files of a ring is as large."""
SHARED = 10
"""One in so many of the segments that two captures of the same traffic could both hold must be in both; what was sent again is rarer."""
FEW = 3
"""Of so few segments one in both is enough."""
LEAST_APART = 3
"""Shared segments that prove that captures without a common minute on their clocks are of the same minute."""
LEAST_STAMPED = 2
"""The same of segments with TCP timestamps (RFC 7323), which no segment has twice."""

Delta: TypeAlias = tuple[bytes, bytes, DurationNs]
"""A segment in both captures: addresses and ports in one, in the other, and by how much later the other's clock had it."""


class Offset(NamedTuple):
    """What two captures say of each other's clocks."""

    ahead_ns: DurationNs
    """By how much the second's clock is ahead of the first's."""
    spread_ns: DurationNs | None
    connections: int
    one_way: bool


def compare(samples: Sequence[Sample | None]) -> dict[tuple[int, int], Offset]:
    """Return, for each two of the captures that hold the same packets at two points, how their clocks stand to each other.

    `samples` are those of the files in their order, None for what could not be read beforehand. A pair of indices has the smaller first.
    """
    where: dict[Identity, list[int]] = defaultdict(list)
    for number, sample in enumerate(samples):
        for kept in sample.kept if sample is not None else ():
            for identity in kept:
                where[identity].append(number)
    deltas: dict[tuple[int, int], list[Delta]] = defaultdict(list)
    stamped: Counter[tuple[int, int]] = Counter()
    for identity, files in where.items():
        if 2 <= len(files) <= MOST_FILES:
            for at, first in enumerate(files):
                for second in files[at + 1 :]:
                    both = _deltas(_seen(samples[first], identity), _seen(samples[second], identity))
                    deltas[first, second] += both
                    stamped[first, second] += len(both) if identity[3] else 0
    found = {}
    for pair, shared in deltas.items():
        one, other = samples[pair[0]], samples[pair[1]]
        offset = measure(shared)
        if offset is not None and one is not None and other is not None and _same_minute(one, other, offset, len(shared), stamped[pair]):
            found[pair] = offset
    return found


def measure(shared: Iterable[Delta]) -> Offset | None:
    """Return the offset that shared segments tell; None where there are none."""
    shared = list(shared)
    if not shared:
        return None
    # A capture on several interfaces sees one direction with translated addresses: the other capture's tell what belongs together.
    groups = max((_grouped(shared, side) for side in (0, 1)), key=lambda found: sum(1 for ways in found.values() if all(ways)))
    both = [ways for ways in groups.values() if all(ways)]
    if both:
        said = [(median(ways[0]) + median(ways[1])) // 2 for ways in both]
    else:
        said = [median(ways[0] or ways[1]) for ways in groups.values()]
    ahead = median(said)
    return Offset(ahead, _spread(said, ahead, both or list(groups.values())), len(said), not both)


def clocks(samples: Sequence[Sample | None], stems: Sequence[str]) -> list[Clock]:
    """Return the clock of each file against the first one's, and the capture point that it belongs to.

    Files that hold the same packets are of different points. Others are parts of one: a rotated set, several filters or interfaces of one
    host; where there are several points, `stems` (names without their numbers) and the order in time tell which part is whose.
    """
    pairs = compare(samples)
    points = _points(samples, stems, pairs)
    out = [Clock(points[number], readable=sample is not None) for number, sample in enumerate(samples)]
    settled: set[int] = set()
    shifts: dict[int, DurationNs] = {}
    for root in range(len(samples)):
        if root in settled:
            continue
        settled.add(root)
        # A part of which nothing was compared has the clock of the other parts of its point.
        shifts[root] = next((shifts[one] for one in sorted(settled) if points[one] == points[root] and one in shifts), 0)
        out[root] = out[root]._replace(shift_ns=shifts[root])
        while True:
            open_pairs = [pair for pair in pairs if (pair[0] in settled) != (pair[1] in settled)]
            if not open_pairs:
                break
            # The file with the most evidence comes next, so that a weak comparison never stands between two strong ones.
            pair = max(open_pairs, key=lambda one: (not pairs[one].one_way, pairs[one].connections, -one[0], -one[1]))
            offset = pairs[pair]
            known, new = pair if pair[0] in settled else (pair[1], pair[0])
            ahead = offset.ahead_ns if new > known else -offset.ahead_ns
            apart = abs(ahead) > max(AGREE_NS, offset.spread_ns or 0)
            shifts[new] = shifts[known] + (ahead if apart else 0)
            settled.add(new)
            out[new] = Clock(points[new], known, ahead, shifts[new], offset.connections, offset.spread_ns, offset.one_way, apart)
    return [one._replace(shift_ns=_shift(out, one)) for one in out]


def median(values: Sequence[DurationNs]) -> DurationNs:
    """Return the median of some durations in whole nanoseconds; of an even number the mean of the middle two."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def _shift(found: Sequence[Clock], clock: Clock) -> DurationNs:
    """Return the shift of a file: that of the best known file of its point, so that no connection has a step in it where one file ends.

    A file that says clearly otherwise was not written by that clock.
    """
    peers = [one for one in found if one.point == clock.point]
    best = found[0] if found[0].point == clock.point else max(peers, key=lambda one: (one.against is not None, one.connections))
    return clock.shift_ns if clock.against is not None and abs(clock.shift_ns - best.shift_ns) > OTHER_CLOCK_NS else best.shift_ns


def _seen(sample: Sample | None, identity: Identity) -> list[Sighting]:
    return next((kept[identity] for kept in sample.kept if identity in kept), []) if sample is not None else []


def _deltas(one: list[Sighting], other: list[Sighting]) -> list[Delta]:
    """Pair the sightings of one segment; where it was sent more often than one of them saw, nobody knows which belong together."""
    if len(one) != len(other) or len(one) > MOST_SIGHTINGS:
        return []
    return [(key, their, then - time) for (time, key), (then, their) in zip(one, other, strict=True)]


def _grouped(shared: Iterable[Delta], side: int) -> Mapping[tuple[bytes, bytes], tuple[list[DurationNs], list[DurationNs]]]:
    """Return the differences by connection and direction, by the addresses of one of the captures."""
    groups: dict[tuple[bytes, bytes], tuple[list[DurationNs], list[DurationNs]]] = defaultdict(lambda: ([], []))
    for one in shared:
        key: bytes = one[side]  # type: ignore[assignment]
        width = (len(key) - 4) // 2
        ends = key[:width] + key[-4:-2], key[width : 2 * width] + key[-2:]
        groups[(ends[0], ends[1]) if ends[0] <= ends[1] else (ends[1], ends[0])][ends[0] > ends[1]].append(one[2])
    return groups


def _spread(
    said: Sequence[DurationNs], ahead: DurationNs, groups: Iterable[tuple[list[DurationNs], list[DurationNs]]]
) -> DurationNs | None:
    if len(said) >= FEW:
        return median([abs(one - ahead) for one in said])
    apart = [abs(delta - median(way)) for ways in groups for way in ways if len(way) >= FEW for delta in way]
    return median(apart) if apart else None


def _same_minute(one: Sample, other: Sample, offset: Offset, shared: int, stamped: int) -> bool:
    """Tell whether two captures are of the same time at two points, and not two parts of one in which something was sent again."""
    if one.first_ns is None or one.last_ns is None or other.first_ns is None or other.last_ns is None:
        return False
    start = max(one.first_ns, other.first_ns - offset.ahead_ns)
    end = min(one.last_ns, other.last_ns - offset.ahead_ns)
    least = min(_number(one, other, start, end, 0), _number(other, one, start, end, offset.ahead_ns))
    if min(one.last_ns, other.last_ns) > max(one.first_ns, other.first_ns):
        return shared * SHARED >= least and (shared > 1 or least <= FEW)
    # One follows the other on their clocks. Of two parts of one capture only the last and first moments could look alike, where what was
    # sent at the end of one is sent again at the beginning of the other; but not with the same timestamps.
    shorter = min(one.last_ns - one.first_ns, other.last_ns - other.first_ns)
    alike = shared >= LEAST_APART and not offset.one_way and 2 * (end - start) >= shorter
    return shared * SHARED >= least and (stamped >= LEAST_STAMPED or alike)


def _number(sample: Sample, other: Sample, start: TimeNs, end: TimeNs, shift: DurationNs) -> int:
    """Count the segments of a time that both samples would have kept."""
    return sum(
        rank(*identity[:3]) < other.limits[kind] and start <= seen[0][0] - shift <= end
        for kind, kept in enumerate(sample.kept)
        for identity, seen in kept.items()
    )


def _points(samples: Sequence[Sample | None], stems: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Give each file its capture point: never the same to two files that hold the same packets."""
    apart = {*pairs, *((second, first) for first, second in pairs)}
    begins = [sample.first_ns if sample is not None and sample.first_ns is not None else 0 for sample in samples]
    members: list[list[int]] = []
    for number in sorted(range(len(samples)), key=lambda one: (begins[one], one)):
        free = [one for one in members if not any((number, other) in apart for other in one)]
        if free:
            max(free, key=lambda one: (sum(stems[other] == stems[number] for other in one) > 0, 0 in one)).append(number)
        else:
            members.append([number])
    members.sort(key=min)
    return [next(point for point, one in enumerate(members) if number in one) for number in range(len(samples))]
