"""What makes the recorder write: `duration>200ms`, `finding=imds-hop-limit`, `operation=Query,duration>1s`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.findings.registry import rules
from analyzer.model.condition import condition
from analyzer.model.rows import Call
from analyzer.model.table import Table
from analyzer.watching.rows import WatchedCall
from analyzer.watching.snapshot import Seen

DURATION = re.compile(r"\s*(\w+)(?=\s*(?:[<>]=?|!?=)\s*[\d.]+\s*(?:ns|us|µs|ms|s)\s*\Z)")
FINDING = re.compile(r"\s*finding\s*==?\s*(\S+)\s*\Z")


class Trigger(NamedTuple):
    """A condition on calls."""

    text: str
    code: str | None
    """The finding that it asks for, if any."""
    holds: Callable[[Any], bool]

    def met(self, seen: Seen) -> bool:
        """Tell whether a call is one that it asks for."""
        return (self.code is None or self.code in seen.findings) and self.holds(seen.call)


def read_trigger(text: str) -> Trigger:
    """Read a trigger: conditions on columns of calls (`duration` is `duration_ns`) and `finding=CODE`, all of which must hold.

    Raises UsageError for what cannot be read, a column or a finding that there is none of.
    """
    table: Table[Call] = Table("calls", WatchedCall)
    code = None
    checks: list[Callable[[Any], bool]] = []
    for part in text.split(","):
        found = FINDING.match(part)
        if found is not None:
            code = found[1]
            known = [loaded.rule.code for loaded in rules()]
            if code not in known:
                raise UsageError(f"there is no finding {code!r}", hint="analyzer rules lists them")
            continue
        checks.append(condition(table, DURATION.sub(_column, part, count=1)))
    if code is None and not checks:
        raise UsageError(f"cannot read the trigger {text!r}", hint="duration>200ms, finding=imds-hop-limit, operation=Query,duration>1s")
    return Trigger(text, code, lambda call: all(check(call) for check in checks))


def _column(found: re.Match[str]) -> str:
    name = found[1]
    return f"{name}_ns" if not name.endswith("_ns") and f"{name}_ns" in Call._fields else name
