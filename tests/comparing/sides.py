"""Made-up sides of a comparison: many calls, each with the phases that it is given."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call, Connection, Finding
from tests.factory import MS, START, analysis, call, connection, warm

UNDER = connection(0, exchanges=1000)


def made(number: int, at: int = 0, **phases: Any) -> Call:
    """A call at `at` ms that consists of the given phases in ms (server and network are its wait) and nothing else."""
    changes = {name: phases.pop(name) for name in list(phases) if name in Call._fields}
    times = {name: round(value * MS) for name, value in phases.items()}
    wait = times.pop("server", 0) + times.pop("network", 0)
    spent: dict[str, Any] = dict.fromkeys(
        ("credentials", "dns", "connect", "tls", "client", "send", "receive", "failed", "backoff", "unexplained"), 0
    )
    spent |= times
    total = wait + sum(spent.values())
    columns: dict[str, Any] = {f"{name}_ns": value for name, value in spent.items()}
    base = call(number, UNDER) if spent["connect"] else warm(number, UNDER, 1)
    return base._replace(
        start_ns=START + at * MS,
        end_ns=START + at * MS + total,
        duration_ns=total,
        wait_ns=wait,
        network_ns=round(phases.get("network", 0) * MS),
        server_ns=round(phases.get("server", 0) * MS),
        exchange_ids=(),
        **columns,
    )._replace(**changes)


def noisy(count: int, seed: int, *, server: float = 5.0, spread: float = 0.2, first: int = 0, **phases: Any) -> list[Call]:
    """Calls whose server time varies; the other phases are as given, a function of the index or constant."""
    chance = random.Random(seed)
    rows = []
    for index in range(count):
        given = {name: value(index) if callable(value) else value for name, value in phases.items()}
        rows.append(made(first + index, 50 * index, server=server * chance.lognormvariate(0, spread), **{"network": 8.0, **given}))
    return rows


def side(calls: Sequence[Call], *, found: Iterable[Finding] = (), on: Sequence[Connection] = (UNDER,), **changes: Any) -> Analysis:
    """An answer that holds calls and findings."""
    rows = list(found)
    check: Callable[[Analysis], Iterable[Finding]] = lambda _: rows  # noqa: E731
    return analysis(on, [], calls=calls, check=check, **changes)
