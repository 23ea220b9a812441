"""Which calls would share a pool of connections, and which of them would find one idle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from analyzer import timers
from analyzer.findings.imds import ENDPOINTS
from analyzer.findings.pool import ALIKE, stack_of
from analyzer.findings.setup import AT_ONCE_NS, server_of
from analyzer.findings.whatif.scene import OWN, SET_UP, Part, Scene
from analyzer.findings.words import between, median
from analyzer.model.rows import Call, Connection
from analyzer.timers import Gap
from analyzer.units import DurationNs, TimeNs


class Use(NamedTuple):
    """A call's use of a connection."""

    call: Call
    arrive_ns: TimeNs
    """When it looked for one: its first packet after the credentials that it waited for."""
    end_ns: TimeNs
    set_up_ns: DurationNs
    """What it waits for a connection of its own, now; zero on an open one."""


class Pool(NamedTuple):
    """What one client does towards one server."""

    uses: list[Use]
    """In order of arrival."""
    idle_ns: list[DurationNs]
    """For how long connections had been idle when the server's side ended them, where that was seen."""

    @property
    def idle_limit_ns(self) -> DurationNs | None:
        """After this the server's side ends an idle connection; None where that was not seen."""
        return min(self.idle_ns, default=None)


def pools(scene: Scene) -> list[Pool]:
    """Sort the calls that are still made by client address, server and SDK (without plaintext: TLS stack).

    Dialogues with credential endpoints on the host are in none.
    """
    view = scene.view
    groups: dict[tuple[str, str, str], list[Use]] = defaultdict(list)
    under_of: dict[tuple[str, str, str], dict[int, Connection]] = defaultdict(dict)
    for call in scene.left():
        under = view.connections.get(call.connection_id) if call.connection_id is not None else None
        if under is None or call.service in ENDPOINTS:  # SDKs ask them rarely, and keep no connection to them
            continue
        key = (call.client_address, server_of(under), call.sdk or stack_of(scene.handshake(under.connection_id)))
        paid = sum(one.likely for one in set_up(scene.parts(call))) if call.dns_ns or call.connect_ns or call.tls_ns else 0
        arrive = call.start_ns + call.credentials_ns
        groups[key].append(Use(call, arrive, call.end_ns, paid))
        under_of[key][under.connection_id] = under
    return [
        Pool(sorted(uses, key=lambda use: (use.arrive_ns, use.call.call_id)), _idle(scene, under_of[key].values()))
        for key, uses in groups.items()
    ]


def ends_idle(found: Iterable[Pool]) -> str:
    """Say when the server's side ends idle connections, in the figure of `idle-connection-closed`; of several pools the shortest limit."""
    limited = [pool.idle_ns for pool in found if pool.idle_ns]
    if not limited:
        return ""
    times = min(limited, key=min)
    alike = max(times) - min(times) <= ALIKE * max(times)
    timer = timers.name(Gap("idle", median(times), None, by="server")) if alike else ""
    return f"the server ends connections idle for {between(times)}" + (f" ({timer})" if timer else "")


def _idle(scene: Scene, rows: Iterable[Connection]) -> list[DurationNs]:
    """Return for how long connections had been idle that were ended from the server's side."""
    found = []
    for row in rows:
        exchanges = scene.view.exchanges_on.get(row.connection_id)
        if row.server_closed_ns is None or row.closed_by not in ("server", "server-reset", "middlebox-reset") or not exchanges:
            continue
        last = exchanges[-1]
        if last.closes is None and last.response_end_ns is not None and row.server_closed_ns - last.response_end_ns > AT_ONCE_NS:
            found.append(row.server_closed_ns - last.response_end_ns)
    return found


def set_up(parts: Sequence[Part]) -> list[Part]:
    """Return what a call on an open connection does without: name, connection, TLS, and the program's own time up to the request.

    What failed attempts paid stays: it has causes of its own.
    """
    out: list[Part] = []
    begun = False
    for part in parts:
        if part.where != OWN:
            continue
        if part.kind in SET_UP:
            begun = True
            out.append(part)
        elif begun and part.kind == "client":
            out.append(part)
        elif part.kind == "send":
            begun = False
    return out


def opened(times: Iterable[tuple[TimeNs, TimeNs, DurationNs]], idle_limit_ns: DurationNs | None = None) -> list[bool]:
    """Tell for each use of a pool without a limit, by arrival, end and set-up, whether it has to open a connection: none is idle.

    One that need not ends earlier by its set-up. The connection used last is taken first, as pools do; the rest grow old, and beyond the
    limit they are gone.
    """
    busy: list[TimeNs] = []
    idle: list[TimeNs] = []
    out = []
    for arrive, end, spared in times:
        while busy and busy[0] <= arrive:
            idle.append(heappop(busy))
        if idle and idle_limit_ns is not None and arrive - idle[-1] > idle_limit_ns:
            idle.clear()
        out.append(not idle)
        if idle:
            idle.pop()
            end -= spared
        heappush(busy, end)
    return out
