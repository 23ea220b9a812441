"""A look at several captures before they are read: whose clock is ahead by how much, and which were captured at different points."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from analyzer import capture, packets, tcp
from analyzer.model.capture import CaptureInfo
from analyzer.model.clocks import Clock
from analyzer.units import SECOND, DurationNs, duration

OVERLAP_NS: DurationNs = SECOND
"""Files that have less time in common follow each other."""
MOST_NAMED = 4
"""Files of which a note tells that their clocks could not be compared."""


def survey(paths: Sequence[str | os.PathLike[str]]) -> list[Clock]:
    """Read several captures once, a sample of them at a time, and compare their clocks; nothing for a single one.

    Standard input and pipes are left out: they can be read only once. Raises CaptureError and UnknownFormat as reading them would.
    """
    if len(paths) < 2:
        return []
    regular = [os.fspath(path) != "-" and Path(path).is_file() for path in paths]
    if sum(regular) < 2:  # nothing to compare the one with
        return [Clock(readable=is_file) for is_file in regular]
    samples = [_sample(path, len(paths)) if is_file else None for path, is_file in zip(paths, regular, strict=True)]
    return tcp.clocks(samples, [_stem(path) for path in paths])


def _sample(path: str | os.PathLike[str], files: int) -> tcp.Sample:
    sample = tcp.Sample(packets.LAYOUTS, packets.Decoder().decode, files)
    for block in capture.open_captures([path]).blocks():
        sample.feed(block)
    return sample


def _stem(path: str | os.PathLike[str]) -> str:
    """Return a path without its numbers: parts of a rotated set differ in nothing else."""
    return re.sub(r"\d+", "", os.fspath(path))


def note_clocks(info: CaptureInfo, clocks: Sequence[Clock], nearest: Mapping[int, int]) -> None:
    """Say how the clocks of the files stand to each other, and which of several views of the traffic the calls are made from.

    `nearest` counts the connections that were captured at several points, with the same addresses or others, by the capture point whose
    view of them is nearest to the client.
    """
    for file, clock in zip(info.files, clocks, strict=True):
        file.clock = clock
    names = _names(info)
    notes = []
    remarks = []
    for number, clock in enumerate(clocks):
        if clock.against is not None and clock.ahead_ns is not None:
            remarks.append(_compared(names[number], names[clock.against], clock))
    piped = [names[number] for number, clock in enumerate(clocks) if not clock.readable]
    if piped:
        notes.append(f"{' and '.join(piped)} can be read only once: clocks were not compared, and are taken to be one")
    notes += _strangers(info, clocks, names)
    if nearest:
        number = sum(nearest.values())
        what = f"{number} connections were" if number > 1 else "1 connection was"
        used = [
            f"{count} in {_listed([name for name, clock in zip(names, clocks, strict=True) if clock.point == point])}"
            for point, count in sorted(nearest.items())
        ]
        where = " and ".join(used) if len(used) > 1 else used[0].partition(" in ")[2]
        remarks.append(
            f"{what} captured at several points: times are those seen nearest to the client ({where}), the other views only prove"
        )
    info.remarks += remarks
    info.notes[:0] = notes


def _compared(name: str, against: str, clock: Clock) -> str:
    ahead = clock.ahead_ns or 0
    seen = f"{clock.connections} shared connection{'s' if clock.connections > 1 else ''}"
    how = f"median of {seen}" if clock.connections > 1 else seen
    if clock.spread_ns is not None:
        how += f", spread {duration(clock.spread_ns)}"
    if clock.one_way:
        how += ", one direction only: the delay between the two points is in it"
    if not clock.apart:
        return f"the clocks of {name} and {against} agree: {duration(abs(ahead))} apart ({how})"
    by = "that" if clock.shift_ns == ahead else duration(clock.shift_ns)
    side = "ahead of" if ahead > 0 else "behind"
    return f"{name}'s clock is {duration(abs(ahead))} {side} {against}'s ({how}); its times are shifted by {by}"


def _strangers(info: CaptureInfo, clocks: Sequence[Clock], names: Sequence[str]) -> list[str]:
    """Name the files of the same time as others that share no connection with any: nothing tells whether their clocks agree."""
    compared = {clock.against for clock in clocks} | {number for number, clock in enumerate(clocks) if clock.against is not None}
    spans = [
        (file.first_ns, file.last_ns, number)
        for number, file in enumerate(info.files)
        if clocks[number].readable and file.first_ns is not None and file.last_ns is not None
    ]
    beside: set[int] = set()
    before: tuple[int, int] | None = None
    for first, last, number in sorted(spans):
        if before is not None and min(before[0], last) - first > OVERLAP_NS:
            beside |= {before[1], number}
        if before is None or last > before[0]:
            before = last, number
    alone = [names[number] for number in sorted(beside - compared)]
    if not alone:
        return []
    if len(alone) == len(names) == 2:
        return [f"{alone[0]} and {alone[1]} cannot be aligned: no connection is in both"]
    return [f"{_listed(alone)} cannot be aligned with the other files: no connection is in both"]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")


def _names(info: CaptureInfo) -> list[str]:
    """Return the files' names, without folders where that is enough to tell them apart."""
    short = [PurePath(file.name).name for file in info.files]
    return short if len(set(short)) == len(short) else [file.name for file in info.files]
