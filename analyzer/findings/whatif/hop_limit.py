"""The answers to IMDSv2 token requests reach the client.

All that lies between a token request that was given up and what the client did when it had given up all of them is replaced by one answer,
as long as the other answers of that endpoint took, and the program's pause before its next request, as long as it paused elsewhere. All
else stays: the role and the credentials are asked for with the token as without it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from analyzer.findings import tokens
from analyzer.findings.imds import IMDS, Dialogue, askers
from analyzer.findings.tokens import Lost
from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.scene import CREDENTIALS, OWN, Lengths, Part, Scene, cut
from analyzer.findings.words import plural
from analyzer.model.rows import Call
from analyzer.units import MILLISECOND, DurationNs, TimeNs, duration

USUAL = Lengths(MILLISECOND, 3 * MILLISECOND, 10 * MILLISECOND)
"""What IMDS takes for an answer, where the capture holds none."""
LONGEST_PAUSE_NS: DurationNs = 100 * MILLISECOND
"""A longer pause between two requests of a dialogue is not the program's own time."""


def hop_limit(scene: Scene) -> str | None:
    """Let token requests be answered; return why nothing changes, None where something does."""
    answers: list[DurationNs] = []
    pauses: list[DurationNs] = []
    found: list[Lost] = []
    filtered = asked = False
    for group in askers(scene.view, IMDS):
        asked = True
        for one in tokens.lost(scene.view, group):
            filtered = filtered or one.how == tokens.FILTERED
            found += [one] if one.how != tokens.FILTERED else []
        for dialogue in group:
            answers += _answers(dialogue)
            pauses += _pauses(dialogue)
    took = quartiles(answers) if answers else USUAL
    pause = quartiles(pauses) if pauses else Lengths(0, MILLISECOND, 2 * MILLISECOND)
    answered = Lengths(*(first + second for first, second in zip(took, pause, strict=True)))
    paying = 0
    for run in _runs(found):
        # The request itself is asked as before, on its own connection.
        asked_ns = run[0].exchange.request_end_ns or run[0].exchange.request_start_ns or run[0].begin_ns
        for call, where in _payers(scene, run[0].dialogue.call):
            if cut(scene.parts(call), asked_ns, run[-1].end_ns, _dialogue_part if where == CREDENTIALS else _any_part):
                scene.insert(call, "wait", where, answered)
                paying += len(run)
    if paying:
        seen = "as other answers took here" if answers else "as IMDS usually takes"
        scene.notes.append(f"{plural(len(found), 'lost token request')} answered in {duration(took.likely)}, {seen}")
        return None
    if found:
        return "token requests got no answer, but no call waited for that"
    if filtered:
        return "a filter drops the token requests, not the hop limit their answers"
    return "no token request was given up without an answer" if asked else "nobody asked the instance metadata service"


def _dialogue_part(part: Part) -> bool:
    return part.where == CREDENTIALS


def _any_part(part: Part) -> bool:
    return True


def _runs(found: Sequence[Lost]) -> Iterator[list[Lost]]:
    """Yield the lost requests of a dialogue that follow each other, nothing answered between them."""
    run: list[Lost] = []
    answered: list[TimeNs] = []
    for one in found:
        if run and run[-1].dialogue.call.call_id == one.dialogue.call.call_id:
            if bisect_left(answered, one.begin_ns) == bisect_left(answered, run[-1].end_ns):
                run.append(one)
                continue
        else:
            rows = (row for row in one.dialogue.exchanges if row.status is not None)
            answered = sorted(row.request_start_ns for row in rows if row.request_start_ns is not None)
        if run:
            yield run
        run = [one]
    if run:
        yield run


def _payers(scene: Scene, dialogue: Call) -> list[tuple[Call, str]]:
    """Return the calls under replay that waited for a dialogue, or the dialogue itself where dialogues are replayed."""
    if dialogue.call_id in scene.present:
        return [(dialogue, OWN)]
    return [(call, CREDENTIALS) for call in scene.view.waiters.get(dialogue.call_id, ()) if call.call_id in scene.present]


def _answers(dialogue: Dialogue) -> list[DurationNs]:
    """Return how long the answers took that came."""
    return [
        row.response_end_ns - row.request_start_ns
        for row in dialogue.exchanges
        if row.outcome in ("ok", "error") and row.request_start_ns is not None and row.response_end_ns is not None
    ]


def _pauses(dialogue: Dialogue) -> list[DurationNs]:
    """Return how long the client paused after an answer before it went on."""
    ends = [row.response_end_ns for row in dialogue.exchanges if row.outcome in ("ok", "error") and row.response_end_ns is not None]
    gaps = [following - end for end in ends if (following := dialogue.next_mark(end)) is not None]
    return [gap for gap in gaps if gap <= LONGEST_PAUSE_NS]
