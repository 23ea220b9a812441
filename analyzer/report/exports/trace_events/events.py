"""The events of the Trace Event Format, and the processes and tracks that they are on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from analyzer.report.text import plain
from analyzer.units import DurationNs, TimeNs

_ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


class Track(NamedTuple):
    """Where an event is drawn."""

    process: int
    thread: int


class Tracks:
    """Numbers processes and tracks as they are met, and writes events on them. Times count from `start_ns`."""

    def __init__(self, start_ns: TimeNs) -> None:
        self.asked: set[int] = set()
        """Exchanges to which an arrow leads from a call."""
        self._start_ns = start_ns
        self._processes: dict[str, int] = {}
        self._threads: dict[tuple[str, str, int], Track] = {}
        self._names: list[tuple[Track, str, int]] = []

    def track(self, client: str, kind: str, number: int, name: str, order: int) -> Track:
        """Return the track of a kind with a number, of a client; the first time it gets its name, and its place among the others."""
        key = (client, kind, number)
        found = self._threads.get(key)
        if found is None:
            process = self._processes.setdefault(client, len(self._processes) + 1)
            # Thread ids are unique over all processes: some viewers look no further than at them.
            found = self._threads[key] = Track(process, len(self._threads) + 1)
            self._names.append((found, name, order))
        return found

    def slice(
        self, track: Track, name: str, category: str, start: TimeNs, end: TimeNs, args: Mapping[str, Any] | None = None
    ) -> str:  # fmt: skip
        """Return a complete event."""
        return self._event("X", track, name, category, start, {"dur": micros(max(0, end - start)), "args": dict(args or {})})

    def instant(self, track: Track, name: str, time: TimeNs, args: Mapping[str, Any]) -> str:
        """Return an instant of a track."""
        return self._event("i", track, name, "event", time, {"s": "t", "args": dict(args)})

    def flow(self, step: str, track: Track, name: str, number: str, time: TimeNs) -> str:
        """Return one end of an arrow (`s`, `t`, `f`); it belongs to the innermost slice that is open at that time on that track."""
        return self._event(step, track, name, name, time, {"id": number, **({"bp": "e"} if step != "s" else {})})

    def names(self) -> Iterator[str]:
        """Yield the events that name processes and tracks."""
        for client, process in self._processes.items():
            yield self._named("process_name", process, 0, {"name": f"client {plain(client)}"})
            yield self._named("process_sort_index", process, 0, {"sort_index": process})
        for track, name, order in self._names:
            yield self._named("thread_name", *track, {"name": plain(name)})
            yield self._named("thread_sort_index", *track, {"sort_index": order})

    def _event(self, kind: str, track: Track, name: str, category: str, time: TimeNs, rest: dict[str, Any]) -> str:
        ts = micros(max(0, time - self._start_ns))
        made = {"ph": kind, "name": plain(name), "cat": category, "pid": track.process, "tid": track.thread, "ts": ts}
        return _ENCODE(made | rest)

    def _named(self, what: str, process: int, thread: int, args: dict[str, Any]) -> str:
        return _ENCODE({"ph": "M", "name": what, "pid": process, "tid": thread, "args": args})


def micros(duration: DurationNs) -> float | int:
    """Return microseconds that become the same nanoseconds again where a reader multiplies by 1000 and cuts off, as Perfetto does.

    A double just below a nanosecond would lose it, and slices that touch would overlap: those get a tenth of a nanosecond more. Beyond
    eleven days a double cannot hold nanoseconds at all: then it is the nearest.
    """
    whole, rest = divmod(duration, 1000)
    if not rest:
        return whole
    value = duration / 1000
    return value if int(value * 1000) == duration and int(rest / 1000 * 1000) == rest else float(f"{whole}.{rest:03d}1")


def facts(**values: Any) -> dict[str, Any]:
    """Return the arguments of an event: what is known, text made safe."""
    return {
        name: plain(value) if isinstance(value, str) else [plain(str(one)) for one in value] if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }
