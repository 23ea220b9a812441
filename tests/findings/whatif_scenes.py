"""Made-up answers for the tests of what-ifs: clients that open a connection a call, in a row or beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.findings import imagine
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Exchange, Handshake, Span
from analyzer.model.table import Table
from analyzer.model.whatif import Replay, WhatIf, Wishes
from tests.factory import MS, analysis, call, connection, exchange, later, spans, warm

COLD = (("connect", 10 * MS), ("client", MS), ("send", MS), ("wait", 14 * MS), ("receive", 2 * MS))
"""The spans of `factory.call`: 28 ms, of which 17 begin with the request."""
WARM_MS = 17


def handshake(on: Connection, **changes: Any) -> Handshake:
    """A full TLS 1.2 handshake of two round trips of 10 ms: 24 ms, 1 ms of it the client's computing and 3 ms the server's."""
    start = on.first_ns + 10 * MS
    row = Handshake(
        connection_id=on.connection_id, start_ns=start, end_ns=start + 24 * MS, duration_ns=24 * MS, version="TLS 1.2",
        cipher="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", server_name=on.server_name, alpn=None, resumed=False, round_trips=2,
        ja4="t12d0000h1_aaaaaaaaaaaa_bbbbbbbbbbbb", decrypted=False, client_ns=MS, server_ns=3 * MS,
    )  # fmt: skip
    return row._replace(**changes)


def cold(count: int = 4, *, every_ms: int = 100, at_ms: Sequence[int] = (), **changes: Any) -> Analysis:
    """Calls of one client, each on a connection of its own, one every so many ms, or at given times: 28 ms each."""
    starts = at_ms or [number * every_ms for number in range(count)]
    rows = [_moved(connection(number, **changes), start - 100 * number) for number, start in enumerate(starts)]
    calls = [call(number, row) for number, row in enumerate(rows)]
    return answer(rows, [exchange(number, row) for number, row in enumerate(rows)], calls, [COLD] * len(rows))


def encrypted(count: int = 4, *, shakes: dict[str, Any] | None = None, full: int | None = None) -> Analysis:
    """The same over TLS, a call 200 ms after the other: 54 ms each; the handshakes but the first `full` are resumed (1.2: 12 ms)."""
    rows = [_moved(connection(number, protocol="tls"), number * 100) for number in range(count)]
    calls, parts, made, asked = [], [], [], []
    for number, row in enumerate(rows):
        resumed = full is not None and number >= full
        took = 12 if resumed else 24
        shaken = handshake(row, **(shakes or {}))
        if resumed:
            shaken = shaken._replace(resumed=True, round_trips=1, duration_ns=12 * MS, end_ns=shaken.start_ns + 12 * MS, server_ns=MS)
        made.append(shaken)
        before = exchange(number, row)
        times = ("request_start_ns", "request_end_ns", "response_start_ns", "response_end_ns")
        asked.append(before._replace(**{name: getattr(before, name) + (took + 1) * MS for name in times}))
        length = (28 + took + 1) * MS
        calls.append(call(number, row, tls_ns=took * MS, client_ns=2 * MS, duration_ns=length, end_ns=row.first_ns + length))
        parts.append((COLD[0], ("client", MS), ("tls", took * MS), ("client", MS), *COLD[2:]))
    made_up = answer(rows, asked, calls, parts)
    made_up.handshakes = Table("handshakes", Handshake, made)
    return made_up


def reused(count: int = 4, **changes: Any) -> Analysis:
    """Calls one after the other on one connection: the first opens it, 28 ms, the others take 17."""
    row = connection(0, exchanges=count, closed_ns=None, closed_by="open", client_closed_ns=None)
    calls = [call(0, row), *(warm(number, row, number, **changes) for number in range(1, count))]
    rows = [exchange(0, row), *(later(number, row, number) for number in range(1, count))]
    return answer([row], rows, calls, [COLD] + [COLD[2:]] * (count - 1))


def answer(rows: Sequence[Connection], asked: Sequence[Exchange], calls: Sequence[Call], parts: Sequence[Any]) -> Analysis:
    """Return an answer of calls with their spans."""
    made: list[Span] = []
    for row, pieces in zip(calls, parts, strict=True):
        made += spans(row, *pieces, first=len(made))
    out = analysis(rows, asked, calls=calls, spans=made)
    out.imagine = imagine
    return out


def _moved(row: Connection, by_ms: int) -> Connection:
    """Return a connection that begins so many ms later."""
    names = [name for name in Connection._fields if name in MOVING and getattr(row, name) is not None]
    return row._replace(**{name: getattr(row, name) + by_ms * MS for name in names})


MOVING = frozenset({"first_ns", "last_ns", "syn_ns", "established_ns", "closed_ns", "client_closed_ns", "server_closed_ns"})


def asked(about: Analysis, wishes: Wishes) -> tuple[WhatIf, Replay]:
    """Ask about some changes together; return the row of them all, and the answer."""
    replay = imagine(about, wishes)
    return replay.changes[-1], replay


def lengths(replay: Replay) -> list[float | None]:
    """Return what each call takes after, in ms."""
    return [row.after_ns / MS if row.after_ns is not None else None for row in replay.calls]
