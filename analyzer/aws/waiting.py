"""Which call waited for which dialogue with a credential endpoint (design 2.4)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from math import isfinite

from analyzer import sdks
from analyzer.aws.credentials_endpoints import IMDS
from analyzer.model.draft import Draft
from analyzer.sdks.pauses import gives_up_after
from analyzer.units import MILLISECOND, SECOND, DurationNs

GIVE_UP_NS: DurationNs = 6 * SECOND
"""How long a client may have waited for a last try that nobody answered, where its SDK is unknown or gives up sooner by default: .NET
gives a request to IMDS 5 s, and settings make it longer."""
MARGIN_NS: DurationNs = SECOND
"""What a client may take between giving up and its next packet."""
TOGETHER_NS: DurationNs = 50 * MILLISECOND
"""Calls that waited together begin together, even if the first is over before the last begins."""
KEEP_STARTING = 3
"""Calls that begin during a dialogue, from which on the program was not waiting for it."""
FOR_CALLS = frozenset({"GetCredentials", "GetRegion", None})
"""What a call waits for; metadata is read by agents and for other reasons."""
AT_ONCE_NS: DurationNs = SECOND
"""A call that waited for credentials begins within this time after they came."""

MOST_NEAR = 64
"""Dialogues that ended shortly before a call which are looked at: more clients than that behind one address cannot be told apart."""
MOST_BEFORE = 8
"""Dialogues that one call can have waited for, one after the other."""


def until_next(dialogues: Sequence[Draft], calls: Sequence[Draft]) -> list[Draft]:
    """Return the dialogues; one that ends in silence lasts until its client's next activity (design 2.1), the call that waited for it."""
    if not dialogues:
        return []
    names = _clients(dialogues, calls)

    def client(draft: Draft) -> str:
        return names.get(draft.client_address, draft.client_address)

    starts: dict[str, list[int]] = defaultdict(list)
    for draft in (*dialogues, *calls):
        starts[client(draft)].append(draft.start_ns)
    opening = {(client(draft), draft.start_ns) for draft in calls if _opens(draft)}
    for times in starts.values():
        times.sort()
    out = []
    for draft in dialogues:
        last = draft.attempts[-1]
        if draft.open_end:
            mine = starts[client(draft)]
            at = bisect_right(mine, draft.end_ns)
            following = mine[at] if at < len(mine) else None
            if following is not None and following - last.start_ns <= _patience(draft) and (client(draft), following) in opening:
                draft = draft._replace(attempts=(*draft.attempts[:-1], last._replace(end_ns=following)), truncated=None)
        out.append(draft)
    return out


def _patience(dialogue: Draft) -> DurationNs:
    """Return how long the client of a dialogue may have waited for its last try."""
    row = dialogue.attempts[-1].exchange
    profile = sdks.profile(row.sdk) if row is not None else None
    if profile is None or row is None:
        return GIVE_UP_NS
    if row.service != IMDS:
        limit = profile.container.read_ms if profile.container is not None else None
        longest = round(limit * MILLISECOND) if limit is not None and isfinite(limit) else 0
    else:
        one = gives_up_after(profile.imds._replace(tries=1)) if profile.imds is not None else None
        longest = one[1] if one is not None else 0
    return max(GIVE_UP_NS, longest + MARGIN_NS)


def _opens(call: Draft) -> bool:
    """Tell whether a call begins with a connection of its own."""
    return bool(call.attempts[0].set_up) or call.attempts[0].exchange is None


def waits(dialogues: Sequence[Draft], calls: Sequence[Draft]) -> dict[int, list[int]]:
    """Return, for the index of each call that waited, the indices of the dialogues that it waited for, in order.

    A call waited for the dialogue that ended last before its own first packet, at most 1 s before, if it opens a connection or its client
    sent nothing to a service while the dialogue lasted. A dialogue during which calls keep starting is a background refresh: nobody pays.
    What ended at most 1 s before a dialogue that was waited for, and was waited for by nobody else, was waited for too (a region asked for
    before the credentials).

    Beyond the design's words a call that begins after the first such call has ended, and not right after the dialogue, did not wait: a
    client that opens a connection for every call would be charged for the same second again and again.
    """
    if not dialogues:
        return {}
    names = _clients(dialogues, calls)
    by_client: dict[str, list[int]] = defaultdict(list)
    for index, draft in enumerate(dialogues):
        by_client[names.get(draft.client_address, draft.client_address)].append(index)
    own: dict[str, list[int]] = defaultdict(list)
    for index, draft in enumerate(calls):
        client = names.get(draft.client_address, draft.client_address)
        if client in by_client:
            own[client].append(index)
    out: dict[int, list[int]] = {}
    for client, indices in own.items():
        indices.sort(key=lambda index: calls[index].start_ns)
        _of_client([(index, dialogues[index]) for index in by_client[client]], [(index, calls[index]) for index in indices], out)
    return out


def _of_client(dialogues: list[tuple[int, Draft]], calls: list[tuple[int, Draft]], out: dict[int, list[int]]) -> None:
    starts = [draft.start_ns for _, draft in calls]
    latest_end: list[int] = []
    for _, draft in calls:
        latest_end.append(max(draft.end_ns, latest_end[-1] if latest_end else draft.end_ns))
    usable = sorted(
        (draft.end_ns, index, draft) for index, draft in dialogues if draft.operation in FOR_CALLS and not _background(draft, starts)
    )
    ends = [end for end, _, _ in usable]
    by_number = {number: draft for _, number, draft in usable}
    over: dict[int, int] = {}
    chains: list[list[int]] = []
    taken: set[int] = set()
    for index, call in calls:
        last = bisect_right(ends, call.start_ns)
        for end, number, dialogue in reversed(usable[max(last - MOST_NEAR, bisect_left(ends, call.start_ns - AT_ONCE_NS)) : last]):
            if number in over and call.start_ns > max(over[number], end + TOGETHER_NS):
                continue
            begun = bisect_left(starts, end)
            quiet = not begun or latest_end[begun - 1] < dialogue.start_ns
            if not (quiet or _opens(call)):
                continue
            over.setdefault(number, call.end_ns)
            out[index] = [number]
            chains.append(out[index])
            taken.add(number)
            break
    for chain in chains:
        _extend(chain, usable, by_number, ends, taken, starts)


def _extend(
    chain: list[int],
    usable: list[tuple[int, int, Draft]],
    by_number: dict[int, Draft],
    ends: list[int],
    taken: set[int],
    starts: list[int],
) -> None:
    """Put before a dialogue those that it followed at once."""
    while len(chain) < MOST_BEFORE:
        first = by_number[chain[0]]
        before = bisect_right(ends, first.start_ns)
        found = None
        for end, number, draft in reversed(usable[max(before - MOST_NEAR, bisect_left(ends, first.start_ns - AT_ONCE_NS)) : before]):
            between = bisect_left(starts, first.start_ns) - bisect_left(starts, end)
            if number not in taken and number not in chain and not between and draft.end_ns <= first.start_ns:
                found = number
                break
        if found is None:
            return
        chain.insert(0, found)


def _background(dialogue: Draft, starts: list[int]) -> bool:
    """Tell whether the client's calls went on while it talked to the endpoint."""
    middle = (dialogue.start_ns + dialogue.end_ns) // 2
    at = bisect_right(starts, dialogue.start_ns)
    half = bisect_left(starts, middle)
    end = bisect_left(starts, dialogue.end_ns)
    return at < half < end or end - at >= KEEP_STARTING


def _clients(dialogues: Sequence[Draft], calls: Sequence[Draft]) -> dict[str, str]:
    """Name one address for clients that have two: where only one host talks, its IPv4 and its IPv6 address are the same client."""
    asking = {draft.client_address for draft in dialogues}
    calling = {draft.client_address for draft in calls}
    both = asking | calling
    if len(both) == 2 and len({":" in address for address in both}) == 2:
        one = min(both)
        return dict.fromkeys(both, one)
    return {}
