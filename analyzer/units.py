"""Times and sizes: their types, and the only place that turns them into text.

Times are integer nanoseconds since the epoch and durations integer nanoseconds: float seconds cannot hold them (at
today's date the step of a double is 238 ns).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, TypeAlias

TimeNs: TypeAlias = int
"""Nanoseconds since 1970-01-01 00:00 UTC."""
DurationNs: TypeAlias = int
"""Nanoseconds."""
PacketId: TypeAlias = int
"""Number of a packet from 1; in one file it is Wireshark's `frame.number`."""
ConnectionId: TypeAlias = int
"""Number of a TCP connection from 0; Wireshark's `tcp.stream`."""

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


def _rounded(value: int, unit: int, digits: int) -> str:
    """Write `value` in units of `unit` with that many decimals, rounded half up, away from zero. A double would round 12.25 down."""
    scale = 10**digits
    steps = (abs(value) * scale * 2 + unit) // (2 * unit)
    text = f"{steps // scale}.{steps % scale:0{digits}d}" if digits else str(steps)
    return f"-{text}" if value < 0 and steps else text


def milliseconds(duration: DurationNs, digits: int | None = None) -> str:
    """Write a duration as a bare number of milliseconds: one decimal below 100, none above (`92.4`, `670`), or `digits` of them."""
    if digits is None:
        digits = 1 if abs(duration) < 99_950_000 else 0
    return _rounded(duration, MILLISECOND, digits)


def seconds(duration: DurationNs) -> str:
    """Write a duration as a bare number of seconds with three decimals (`1.015`)."""
    return _rounded(duration, SECOND, 3)


def duration(value: DurationNs) -> str:
    """Write a duration with its unit: ns below 1 µs, µs below 0.1 ms, ms below 10 s, then seconds, then minutes."""
    size = abs(value)
    if 0 < size < MICROSECOND:
        return f"{value} ns"
    if size < MILLISECOND // 10:
        return f"{_rounded(value, MICROSECOND, 0)} µs" if value else "0 ms"
    if size < 10 * SECOND:
        return f"{milliseconds(value)} ms"
    if size < 120 * SECOND:
        return f"{_rounded(value, SECOND, 1)} s"
    minutes, rest = divmod((size + SECOND // 2) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
    return text if value >= 0 else f"-{text}"


def bytes_(value: int) -> str:
    """Write a size with a decimal unit: `812 B`, `69.8 KB`, `703 MB`."""
    size = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if abs(size) < 999.5 or unit == "GB":
            break
        size /= 1000
    if unit == "B":
        return f"{value} B"
    return f"{size:.1f} {unit}" if abs(size) < 99.95 else f"{size:.0f} {unit}"


def count(value: int) -> str:
    """Write a number in groups of three, separated by a thin gap: `1 204 881`."""
    return f"{value:,}".replace(",", " ")


def percent(share: float) -> str:
    """Write a share of one as a whole percentage; what is not nothing is never shown as 0 %."""
    value = 100 * share
    if 0 < value < 0.5:
        return "<1 %"
    if 99.5 <= value < 100:
        return ">99 %"
    return f"{value:.0f} %"


def moment(time: TimeNs) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds: `2026-11-21 20:05:23.892Z`."""
    try:
        whole = datetime.fromtimestamp(time // SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{time} ns"
    return f"{whole:%Y-%m-%d %H:%M:%S}.{time % SECOND // MILLISECOND:03d}Z"
