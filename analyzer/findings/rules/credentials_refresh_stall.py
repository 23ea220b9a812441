"""A call in the midst of a program's work waits while its SDK fetches new credentials.

It fires where a call waited 50 ms or more, and a tenth of its time, for a dialogue that began after other calls of the same client had
been answered. Where the service's traffic is encrypted and no call is known, the connections say it: one to a service that was open before
the dialogue and still in use after it. What a more specific cause has been charged for (hop limit, slow endpoint) is not charged again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.imds import ENDPOINTS, Dialogue, askers, capital, charge, each, sdk_of, sdk_words, streams
from analyzer.findings.rule import Rule, streams_filter
from analyzer.findings.view import View
from analyzer.findings.words import between, plural
from analyzer.model.rows import Call, Finding
from analyzer.sdks.records import sure
from analyzer.units import MILLISECOND, SECOND, DurationNs, count, duration

RULE = Rule(
    code="credentials-refresh-stall",
    name="Calls wait for a refresh of credentials",
    severity="warning",
    summary="Calls waited while new credentials were fetched",
    remedy="Refresh before the credentials are needed: a timer in the program that asks for them well before they expire (boto3: "
    "session.get_credentials().get_frozen_credentials(); SDK for JavaScript v3: client.config.credentials()), or a background refresh "
    "where the SDK has one (Java v2: asyncCredentialUpdateEnabled(true)); and make the endpoint answer at once.",
    references=("botocore/credentials.py: RefreshableCredentials", "smithy-typescript: credential-provider-imds, static stability"),
    rank=38,
)

OWN = "Refresh before the credentials are needed. {own} And make the endpoint answer at once."
WAITED_NS: DurationNs = 50 * MILLISECOND
"""A refresh of three quick requests takes 5 to 30 ms, once in hours: nobody would change anything for that."""
WAITED_SHARE = 0.1
SETTLED_NS: DurationNs = SECOND
"""Programs that start ask for credentials several times in a row; the work has begun once a call or a connection is this old."""
GOES_ON_NS: DurationNs = SECOND
"""A call that waited goes on within this time of the dialogue's end (design 2.4)."""
DECIDES = "the requests themselves (TLS keys), or the program's log: whether a call was waiting"


class Stalled(NamedTuple):
    """A call that waited for a refresh, and how long."""

    dialogue: Dialogue
    call: Call
    waited_ns: DurationNs


def fetches_inline(sdk: str | None) -> bool:
    """Tell whether an SDK is known to fetch credentials inside the call that needs them; some do so on a timer."""
    profile = sdks.profile(sdk)
    return profile is not None and profile.refresh is not None and sure(profile.refresh, "inline") and profile.refresh.inline is True


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client whose calls waited for a refresh."""
    for group in askers(view, ENDPOINTS):
        worked = view.first_answer_of.get(group[0].call.client_address)
        if worked is None:
            yield from _encrypted(view, group)
            continue
        found = [one for dialogue in group if dialogue.call.start_ns >= worked for one in _stalled(view, dialogue)]
        if found:
            yield _finding(view, found)


def _stalled(view: View, dialogue: Dialogue) -> Iterator[Stalled]:
    """Yield the calls that a dialogue made wait for long."""
    for call in view.waiters.get(dialogue.call.call_id, ()):
        waited = sum(span.end_ns - span.start_ns for span in view.spans_of(call) if span.dialogue_id == dialogue.call.call_id)
        if waited >= max(WAITED_NS, call.duration_ns * WAITED_SHARE):
            yield Stalled(dialogue, call, waited)


def _finding(view: View, found: Sequence[Stalled]) -> Finding:
    dialogues = each(one.dialogue for one in found)
    cost, calls = charge(view, ((one, (one.call.start_ns, one.call.end_ns)) for one in dialogues))
    waits = [one.waited_ns for one in found]
    if len(found) == 1:
        call = found[0].call
        name = call.operation or "A call"
        text = f"{name} took {duration(call.duration_ns)} in the midst of work: {duration(waits[0])} of it waited for new credentials."
    else:
        stalled = f"{count(len(found))} of {plural(len(view.service_calls), 'call')}"
        took = f"{duration(sum(waits))} in all, {duration(max(waits))} the longest"
        text = f"{stalled} waited for new credentials in the midst of work: {took}."
    # Who goes on over a connection that is older than the dialogue was at work before it; another may have just started.
    old = all(one.call.reused for one in found)
    return _row(dialogues, f"{text} {_again(dialogues)}", cost, calls, view.share(cost, calls), "proven" if old else "likely")


def _encrypted(view: View, group: Sequence[Dialogue]) -> Iterator[Finding]:
    """Yield a finding where connections alone show that a dialogue came in the midst of work."""
    work = view.encrypted_of.get(group[0].call.client_address, [])
    if not work or all(one.call.duration_ns < WAITED_NS or not fetches_inline(one.call.sdk) for one in group):
        return
    starts = [row.first_ns for row in work]
    until = list(accumulate((row.last_ns for row in work), max))
    found, sure = [], True
    for one in group:
        if one.call.duration_ns < WAITED_NS or not fetches_inline(one.call.sdk):
            continue
        before = bisect_right(starts, one.call.start_ns - SETTLED_NS)
        if before and until[before - 1] > one.call.end_ns:
            found.append(one)
            after = bisect_left(starts, one.call.end_ns)
            sure = sure and (after == len(starts) or starts[after] > one.call.end_ns + GOES_ON_NS)
    if found:
        cost, calls = charge(view, ((one, (one.call.start_ns, one.call.end_ns)) for one in found))
        spent = duration(sum(one.call.duration_ns for one in found))
        times = "" if len(found) == 1 else f" {len(found)} times"
        text = (
            f"A client ({found[0].call.client_address}) spent {spent} on fetching new credentials{times} in the midst of its work. "
            f"{capital(sdk_words(sdk_of(found)))} does that inside the call that needs them, and the call waits. {_again(found)}"
        )
        yield _row(found, text, cost, calls, None, "likely" if sure else "possible")


def _again(dialogues: Sequence[Dialogue]) -> str:
    """Say that it will come back, and how long the endpoint itself took."""
    spent = between([one.call.duration_ns for one in dialogues])
    return f"The fetch takes {spent} and comes back whenever they expire."


def _row(
    dialogues: Sequence[Dialogue], text: str, cost: DurationNs, calls: Sequence[Call], share: float | None, confidence: str
) -> Finding:
    rows = [row for one in dialogues for row in one.exchanges]
    return RULE.finding(
        text,
        cost_ns=cost,
        share=share,
        calls=[call.call_id for call in calls],
        exchanges=[row.exchange_id for row in rows],
        connections=streams(rows),
        packet_ids=[
            packet
            for one in dialogues
            if one.exchanges
            for packet in (one.exchanges[0].first_packet_id, one.exchanges[-1].response_packet_id)
        ],
        display_filter=f"{streams_filter(streams(rows))} && (http.request || http.response)",
        confidence=confidence,
        decides=None if confidence == "proven" else DECIDES,
        remedy=OWN.format(own=own) if (own := sdks.remedy(sdk_of(dialogues), "credentials")) is not None else None,
    )
