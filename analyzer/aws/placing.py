"""All calls of a capture in their order, and which of them waited for which dialogue: what the latency stage makes the ledger of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analyzer.aws.bodies import Bodies
from analyzer.aws.calls import never_opened, service_calls
from analyzer.aws.dialogues import dialogues
from analyzer.aws.ownership import SetUp
from analyzer.aws.waiting import until_next, waits
from analyzer.model.draft import Draft, Placed
from analyzer.model.rows import Connection, Exchange, Handshake, Lookup


def place_calls(
    exchanges: Sequence[Exchange],
    connections: Sequence[Connection],
    lookups: Sequence[Lookup],
    handshakes: Sequence[Handshake] = (),
    bodies: Bodies | None = None,
) -> list[Placed]:
    """Return the calls of AWS services and the dialogues with credential endpoints, in order of their first packet.

    The position in the list is the `call_id`. A call that waited for a dialogue begins with it, and comes right after it. `bodies` tell
    which requests without an invocation id carried the same.
    """
    by_id = {row.connection_id: row for row in connections}
    set_up = SetUp(connections, lookups, exchanges, handshakes)
    asked = dialogues(exchanges, by_id, set_up)
    made = list(service_calls(exchanges, by_id, set_up, bodies))
    made += never_opened(set_up.unclaimed(), set_up)
    for draft in made:
        if draft.is_dialogue:
            asked.append(draft)
    made = [draft for draft in made if not draft.is_dialogue]
    asked = until_next(asked, made)
    waited = waits(asked, made)
    sharing = Counter(chain[-1] for chain in waited.values())

    def place(at: int, draft: Draft, dialogue: bool) -> tuple[int, bool, int, int]:
        chain = [] if dialogue else waited.get(at, [])
        return min([draft.start_ns, *(asked[number].start_ns for number in chain)]), not dialogue, draft.start_ns, at

    if not asked:
        starts = [draft.attempts[0].start_ns for draft in made]
        make = tuple.__new__  # half the time of a call of the class
        return [make(Placed, (made[at], (), False)) for at in sorted(range(len(made)), key=starts.__getitem__)]
    order = sorted([place(at, draft, True) for at, draft in enumerate(asked)] + [place(at, draft, False) for at, draft in enumerate(made)])
    ids = {at: number for number, (_, is_call, _, at) in enumerate(order) if not is_call}
    out = []
    for _, is_call, _, at in order:
        if not is_call:
            out.append(Placed(asked[at], (), False))
            continue
        chain = waited.get(at, [])
        out.append(Placed(made[at], tuple(ids[number] for number in chain), bool(chain) and sharing[chain[-1]] > 1))
    return out
