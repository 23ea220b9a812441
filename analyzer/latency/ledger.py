"""Calls -> spans: every instant of a call lies in exactly one phase, and the lengths add up to its duration to the nanosecond.

The definitions are those of the design, sections 2.1 to 2.3. Times that contradict each other (a clock that was set back, an answer
before its question) are clipped: no span is negative, none overlaps another.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.latency.callrow import PHASES, call_row, usual
from analyzer.latency.causes import of_bytes, of_continue, of_pause, of_set_up, of_silence
from analyzer.model.draft import Attempt, Draft, Placed
from analyzer.model.rows import Call, Span
from analyzer.units import PacketId, TimeNs

_AT = {phase: index for index, phase in enumerate(PHASES)}


MOST_CARRIED = 256
"""Spans of a dialogue that each call that waited for it carries; of a longer one a single span says as much, and costs less memory."""


class Ledger:
    """Puts the spans of one call together, from its first packet to its last."""

    def __init__(self, call_id: int, first_span: int, start: TimeNs) -> None:
        self.spans: list[Span] = []
        self.sums = [0] * len(PHASES)
        self._call_id = call_id
        self._first_span = first_span
        self.at = start
        """Up to where every instant has its phase."""

    def add(
        self,
        phase: str,
        start: TimeNs,
        end: TimeNs,
        *,
        gap: str = "client",
        inner: str | None = None,
        attempt: int | None = None,
        connection_id: int | None = None,
        dialogue_id: int | None = None,
        packets: tuple[PacketId | None, PacketId | None] = (None, None),
        causes: tuple[str, ...] = (),
        evidence: str = "measured",
        shared: bool = False,
        gap_attempt: int | None = None,
        gap_causes: tuple[str, ...] = (),
    ) -> None:
        """Add a phase; what lies between it and the one before is `gap`, and what overlaps with that is cut off.

        A `send` without length is kept: it holds the packet of the request.
        """
        at = self.at
        if start > at:
            self._append(gap, None, at, start, gap_attempt or attempt, None, None, (None, None), gap_causes, "measured", False)
            at = start
        if end > at or (end == at and "send" in (phase, inner)):
            self._append(phase, inner, at, max(end, at), attempt, connection_id, dialogue_id, packets, causes, evidence, shared)

    def _append(
        self,
        phase: str,
        inner: str | None,
        start: TimeNs,
        end: TimeNs,
        attempt: int | None,
        connection_id: int | None,
        dialogue_id: int | None,
        packets: tuple[PacketId | None, PacketId | None],
        causes: tuple[str, ...],
        evidence: str,
        shared: bool,
    ) -> None:
        self.spans.append(
            tuple.__new__(
                Span,
                (
                    self._first_span + len(self.spans), self._call_id, attempt, phase, inner, start, end, connection_id, dialogue_id,
                    packets[0], packets[1], causes, evidence, shared,
                ),
            )
        )  # fmt: skip
        self.sums[_AT[phase]] += end - start
        self.at = end


def reckon(placed: Sequence[Placed]) -> tuple[list[Call], list[Span]]:
    """Return the rows of calls and of their spans, by id."""
    calls: list[Call] = []
    spans: list[Span] = []
    # A dialogue that follows another may come after the call that waited for both: its spans are wanted before its turn.
    needed = {number for one in placed for number in one.dialogues}
    kept = {number: account(number, placed[number].draft, (), False, 0)[1] for number in needed}
    for call_id, (draft, dialogues, shared) in enumerate(placed):
        row = usual(call_id, draft, len(spans)) if not dialogues else None
        if row is None:
            row = _in_full(call_id, draft, [(number, kept[number]) for number in dialogues], shared, len(spans))
        calls.append(row[0])
        spans += row[1]
    return calls, spans


def account(
    call_id: int, draft: Draft, waited: Sequence[tuple[int, Sequence[Span]]], shared: bool, first_span: int
) -> tuple[Call, list[Span]]:
    """Return a call's row and its spans.

    `waited` are the dialogues that it waited for, in order: their call ids and spans; `shared` tells whether others waited for the last
    of them too; `first_span` is the id of the first span.
    """
    row = usual(call_id, draft, first_span) if not waited else None
    return row if row is not None else _in_full(call_id, draft, waited, shared, first_span)


def _in_full(
    call_id: int, draft: Draft, waited: Sequence[tuple[int, Sequence[Span]]], shared: bool, first_span: int
) -> tuple[Call, list[Span]]:
    """Do what `account` does for any call."""
    attempts = draft.attempts
    start = min([draft.start_ns, *(spans[0].start_ns for _, spans in waited if spans)])
    ledger = Ledger(call_id, first_span, start)
    for number, spans in waited:
        if len(spans) > MOST_CARRIED:
            first, last = spans[0], spans[-1]
            ledger.add(
                "credentials", first.start_ns, last.end_ns, dialogue_id=number, packets=(first.first_packet_id, last.last_packet_id),
                shared=shared and number == waited[-1][0],
            )  # fmt: skip
            continue
        for span in spans:
            ledger.add(
                "credentials", span.start_ns, span.end_ns, inner=span.phase, connection_id=span.connection_id, evidence=span.evidence,
                dialogue_id=number, packets=(span.first_packet_id, span.last_packet_id), causes=span.causes,
                shared=shared and number == waited[-1][0],
            )  # fmt: skip
    number = 0
    pause = "client"
    stop = max(draft.end_ns, ledger.at)
    for index, attempt in enumerate(attempts):
        number += attempt.unseen
        number += 1 if index == 0 or attempts[index - 1].failed else 0
        if attempt.unseen:
            pause = "unexplained"
        limit = attempts[index + 1].start_ns if index + 1 < len(attempts) else stop
        _spans_of(ledger, draft, attempt, number, pause, min(limit, stop), attempts[index - 1] if index else None)
        pause = "backoff" if attempt.failed else "client"
    if ledger.at < stop:  # nothing is left to happen in it: the end of the call lies behind all that was seen of it
        ledger.add("unexplained", stop, stop, gap="unexplained", attempt=number)
    return call_row(call_id, draft, ledger.sums, ledger.at, number, start, waited), ledger.spans


class _Phases:
    """Adds the phases of one attempt to a ledger. A class, not a function within a function: compiled, its method is called directly."""

    def __init__(
        self, ledger: Ledger, draft: Draft, attempt: Attempt, number: int, pause: str, limit: TimeNs, before: Attempt | None
    ) -> None:
        self._ledger = ledger
        self._draft = draft
        self._failed = attempt.failed
        self._number = number
        self._gap = pause
        self._limit = limit
        self._before = before
        self._begun = False

    def add(
        self, phase: str, start: TimeNs, end: TimeNs, connection_id: int | None, packets: tuple[PacketId | None, PacketId | None],
        causes: tuple[str, ...] = (), evidence: str = "measured", shared: bool = False,
    ) -> None:  # fmt: skip
        """Add a phase as far as it lies before the limit; within a failed attempt it is a part of the failure."""
        ledger, failed, number, gap = self._ledger, self._failed, self._number, self._gap
        start, end = min(start, self._limit), min(end, self._limit)
        if failed and self._begun and start > ledger.at:  # within a failed attempt the program's own time is part of the failure
            ledger.add("failed", ledger.at, start, inner="client", attempt=number)
        waited = of_pause(self._draft, self._before, start - ledger.at, number - 1) if gap == "backoff" else ()
        ledger.add(
            "failed" if failed else phase, start, max(start, end), gap=gap, inner=phase if failed else None, attempt=number,
            connection_id=connection_id, packets=packets, causes=causes, evidence=evidence, shared=shared,
            gap_causes=waited,
        )  # fmt: skip
        self._gap, self._begun = "client", True


def _spans_of(ledger: Ledger, draft: Draft, attempt: Attempt, number: int, pause: str, limit: TimeNs, before: Attempt | None) -> None:
    """Add the phases of one attempt; nothing of it lies behind `limit`, where the next one begins. `before` is the attempt before it."""
    failed = attempt.failed
    exchange = attempt.exchange
    phases = _Phases(ledger, draft, attempt, number, pause, limit, before)
    for piece in attempt.set_up:
        phases.add(
            piece.phase, piece.start_ns, piece.end_ns, piece.connection_id, (piece.first_packet_id, piece.last_packet_id),
            of_set_up(piece, attempt), piece.evidence, piece.shared,
        )  # fmt: skip
    if exchange is None:
        if not attempt.set_up:
            row = attempt.connection
            phases.add(
                "connect", attempt.start_ns, attempt.end_ns, row.connection_id, (row.first_packet_id, row.last_packet_id), attempt.causes
            )
        return
    asked = exchange.request_start_ns
    if asked is None:
        return
    end = max(asked, attempt.end_ns)
    sent = exchange.request_end_ns if exchange.request_end_ns is not None else asked
    first = exchange.response_start_ns
    unanswered = first is None or (exchange.outcome == "undelivered" and (failed or end > (exchange.response_end_ns or end)))
    if first is None or unanswered:
        first = end  # for the client there was no answer
    sent = min(max(asked, sent), first)
    first = max(first, sent)
    under = attempt.connection
    one, evidence = exchange.connection_id, exchange.evidence
    asking = (exchange.first_packet_id, exchange.request_end_packet_id)
    begun_by = exchange.response_start_packet_id
    head, body = exchange.head_end_ns, exchange.body_start_ns
    if head is not None and body is not None and asked <= head <= body <= sent:
        phases.add(
            "send", asked, head, one, (exchange.first_packet_id, exchange.first_packet_id), of_bytes(exchange, under, asked, head), evidence
        )
        phases.add("wait", head, body, one, (None, None), of_continue(exchange, head, body), evidence)
        phases.add("send", body, sent, one, asking, of_bytes(exchange, under, body, sent), evidence)
    else:
        phases.add("send", asked, sent, one, asking, of_bytes(exchange, under, asked, sent), evidence)
    silent = of_silence(draft, attempt, sent, first) if unanswered else ()
    why = (*attempt.causes, *of_bytes(exchange, under, sent, first), *silent)
    phases.add("wait", sent, first, one, (exchange.request_end_packet_id, begun_by), why, evidence)
    phases.add(
        "receive", first, max(first, end), one, (begun_by, exchange.response_end_packet_id), of_bytes(exchange, under, first, end), evidence
    )
