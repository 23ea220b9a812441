"""Runs changes over the calls of an answer, and tells what comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import Any

from analyzer.findings.view import View
from analyzer.findings.whatif.changes import EVERY, NEAR, alone, wished
from analyzer.findings.whatif.distribution import Quantiles, quantiles, quantiles_as_measured, total
from analyzer.findings.whatif.scene import Lengths, Scene
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call
from analyzer.model.table import Table
from analyzer.model.whatif import Replay, Replayed, WhatIf, Wishes
from analyzer.units import DurationNs


def replay(analysis: Analysis, wishes: Wishes) -> Replay:
    """Return what becomes of the calls (of dialogues with credential endpoints, where there are no calls) under some changes.

    Without wishes: every change that would gain something, largest gain first. With several: each alone, then all together.
    """
    stage = _Stage(analysis)
    asked = alone(wishes)
    tried = [stage.run(one) for one in (asked or EVERY)]
    rows = sorted((one[0] for one in tried if asked or one[0].share >= LEAST), key=lambda row: -row.gain_ns)
    last = max(tried, key=lambda one: one[0].gain_ns)
    if len(asked) > 1:
        last = stage.run(wishes)
        # A pool of a size keeps connections anyway: both together are no other change.
        if last[0].change not in {row.change for row in rows}:
            rows.append(last[0])
    scene = last[1] if rows else Scene(stage.view, stage.calls)
    return Replay(Table("whatif", WhatIf, rows), Table("replayed", Replayed, _replayed(scene)), stage.noun)


def worthwhile(analysis: Analysis, least: float, most: int) -> list[WhatIf]:
    """Return the changes that gain at least a share of the calls' time, at most so many, largest gain first.

    Of changes that would gain the same time one is named. Changes that cannot gain that much are not replayed, which spares the time where
    there are very many calls; a nearer endpoint and reads without a filter are tried only where those are findings of their own.
    """
    stage = _Stage(analysis)
    if not stage.total:
        return []
    found = {finding.code for finding in analysis.findings if finding.severity != "info"}
    tried = [
        one
        for one in EVERY
        if stage.most(one) >= least * stage.total
        and (one != NEAR or "long-round-trip" in found)
        and (not one.no_filter_scan or "filter-discards-reads" in found)
    ]
    rows: dict[str, WhatIf] = {}
    for one in tried:
        (change,) = wished(one)
        usual = rows.get(PREFERRED.get(change.option, ""))
        if usual is not None and usual.gain_ns >= MOSTLY * stage.most(one):
            continue
        row = stage.run(one)[0]
        if row.share >= least and (usual is None or usual.gain_ns < MOSTLY * row.gain_ns):
            rows[row.change] = row
    kept: list[WhatIf] = []
    for row in sorted(rows.values(), key=lambda row: -row.gain_ns):
        if not any(row.change in names and other.change in names for names in OVERLAPS for other in kept):
            kept.append(row)
    return kept[:most]


OVERLAPS = (frozenset({"keep-alive", "warm-pool", "tls13", "resumption"}), frozenset({"hop-limit", "credentials ready"}))
"""Changes to the same thing, set-up or credentials."""
PREFERRED = {"warm-pool": "keep-alive", "credentials ready": "hop-limit"}
"""Changes that take more from whoever makes them, and the usual one that does nearly as well."""
MOSTLY = 0.8


LEAST = 0.005
"""Share of the calls' time from which on a change is told that nobody asked about: less is shown as nothing."""


class _Stage:
    """The calls of an answer, and how changes are run over them."""

    def __init__(self, analysis: Analysis) -> None:
        self.view = View(analysis)
        self.noun = "dialogue" if self.view.dialogues and not self.view.service_calls else "call"
        self.calls: list[Call] = self.view.service_calls or self.view.dialogues
        self.total: DurationNs = sum(call.duration_ns for call in self.calls)
        self._sums: dict[str, DurationNs] = {}

    @cached_property
    def _own(self) -> dict[int, Lengths]:
        """How long each call takes, by its id: what those take still that no change touches."""
        return {call.call_id: Lengths(call.duration_ns, call.duration_ns, call.duration_ns) for call in self.calls}

    @cached_property
    def _before(self) -> Quantiles:
        return quantiles_as_measured(call.duration_ns for call in self.calls if call.truncated is None)

    def run(self, wishes: Wishes) -> tuple[WhatIf, Scene]:
        """Run changes one after the other; return the row and the scene that they left."""
        scene = Scene(self.view, self.calls)
        made = list(wished(wishes))
        refusals = [(change, change.make(scene)) for change in made]
        applied = [change for change, why in refusals if why is None]
        left = scene.left()
        own, touched = self._own, scene.touched
        after = [scene.after(call) if (number := call.call_id) in touched else own[number] for call in left]
        spread = self._before
        if applied:
            spread = quantiles([now for call, now in zip(left, after, strict=True) if call.truncated is None])
        alike: dict[str | None, list[Lengths]] = defaultdict(list)
        for call, now in zip(left, after, strict=True):
            alike[call.operation].append(now)
        sums = total(alike.values())
        refused = [f"{change.option}: {why}" if len(made) > 1 else why for change, why in refusals if why is not None]
        changed = sum(now.likely != call.duration_ns for call, now in zip(left, after, strict=True)) + len(scene.gone)
        likely, low, high = (sums.likely, sums.low, sums.high) if applied else (self.total,) * 3
        row = WhatIf(
            change=" + ".join(change.option for change in made),
            title=" + ".join(change.title for change in made),
            applies=bool(applied),
            calls=len(self.calls),
            calls_after=len(left),
            changed=changed,
            total_before_ns=self.total,
            total_ns=likely,
            total_low_ns=low,
            total_high_ns=high,
            gain_ns=self.total - likely,
            share=(self.total - likely) / self.total if self.total else 0.0,
            note="; ".join((*scene.notes, *refused)),
            **_columns(self._before, spread),
        )
        return row, scene

    def most(self, wishes: Wishes) -> DurationNs:
        """Return what a change can gain at most, from the calls' phases."""
        columns = {
            "keep_alive": ("dns_ns", "connect_ns", "tls_ns", "client_ns"), "warm_pool": ("dns_ns", "connect_ns", "tls_ns", "client_ns"),
            "tls13": ("tls_ns",), "resumption": ("tls_ns", "client_ns"), "hop_limit": ("credentials_ns",),
            "credentials": ("credentials_ns",), "no_loss": ("dns_ns", "connect_ns"), "no_filter_scan": ("duration_ns",),
            "rtt_ns": ("network_ns", "connect_ns", "tls_ns", "send_ns", "receive_ns"),
        }  # fmt: skip
        if self.noun == "dialogue":
            return self.total
        (name,) = (name for name, value in wishes._asdict().items() if value)
        most = sum(map(self._sum, columns[name]))
        if name == "no_loss":  # a window that losses made small holds up more than they do themselves
            most += sum(call.duration_ns for call in self.calls if call.stall_ns)
        return most

    def _sum(self, column: str) -> DurationNs:
        """Return the sum of a column of the calls."""
        known = self._sums.get(column)
        if known is None:
            known = self._sums[column] = sum(filter(None, map(attrgetter(column), self.calls)))
        return known


def _columns(before: Quantiles, after: Quantiles) -> dict[str, Any]:
    """Return the twelve columns of the percentiles."""
    out: dict[str, Any] = {}
    for name, was, now in zip(Quantiles._fields, before, after, strict=True):
        out[f"{name}_before_ns"] = was.likely if was is not None else None
        for what in ("", "_low", "_high"):
            out[f"{name}{what}_ns"] = getattr(now, what[1:] or "likely") if now is not None else None
    return out


def _replayed(scene: Scene) -> Iterator[Replayed]:
    """Yield what became of each call."""
    for call in scene.calls:
        if call.call_id in scene.gone:
            yield Replayed(call.call_id, call.operation, call.duration_ns, None, None, None, 0)
            continue
        now = scene.after(call)
        queue = sum(part.likely for part in scene.parts(call) if part.kind == "queue") if call.call_id in scene.touched else 0
        yield Replayed(call.call_id, call.operation, call.duration_ns, now.likely, now.low, now.high, queue)
