"""How the clocks of several capture files stand to each other, and which files were captured at the same point."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.units import DurationNs


class Clock(NamedTuple):
    """The clock of one capture file, compared with another's by the packets that both hold."""

    point: int = 0
    """Number of its capture point, from 0 (that of the first file). Files of one point continue or complete each other."""
    against: int | None = None
    """Index of the file that it was compared with; None for the first file, and where no other holds the same packets."""
    ahead_ns: DurationNs | None = None
    """By how much it was ahead of that file's clock, forward and backward delay taken as equal; None where nothing was compared."""
    shift_ns: DurationNs = 0
    """What is taken off its times, so that they are those of the first file's clock. 0 where the clocks cannot be told apart."""
    connections: int = 0
    """Connections of which both files hold the same packets, as far as they were looked at."""
    spread_ns: DurationNs | None = None
    """Median distance of what each connection says from what all say; None where too few were seen to tell."""
    one_way: bool = False
    """Whether packets of one direction only were found in both: then `ahead_ns` contains the delay between the two points."""
    apart: bool = False
    """Whether the two clocks differ by more than is noise: by more than 0.1 ms and more than the spread."""
    readable: bool = True
    """False for standard input and pipes, which can be read only once and therefore are not compared."""
