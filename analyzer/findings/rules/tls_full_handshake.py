"""TLS handshakes took round trips that resuming a session, a known key share or a shorter certificate chain would have saved.

Three kinds, each a finding of its own for a client and server name. *Again*: full handshakes although the same TLS client had finished one
with that server within five minutes; a resumed one saves what its own resumed ones take less (medians), else one round trip of TLS 1.2.
TLS 1.3 takes one round trip resumed or not: without resumed ones to compare with nothing is claimed of it. *Retried*: HelloRetryRequest
costs a round trip. *Certificates* that are larger than the initial congestion window cost one too.

What `connection-not-reused` has charged already is not charged again; the finding stays, as it can be mended by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from analyzer import sdks
from analyzer.findings.pool import stack_of
from analyzer.findings.rule import MOST_PACKETS, Rule, streams_filter
from analyzer.findings.service_words import dearest
from analyzer.findings.setup import FLOOR_NS, WORTH, Paid, own_ns, paid, server_of
from analyzer.findings.view import View
from analyzer.findings.words import median, plural, remedy_for, sdk_name
from analyzer.model.rows import Call, Connection, Finding, Handshake
from analyzer.units import SECOND, DurationNs, TimeNs, bytes_, count, duration, percent

KEPT_NS: DurationNs = 300 * SECOND
"""OpenSSL's default session time-out: servers keep sessions at least that long, tickets mostly for hours."""
FEWEST = 2
"""Full handshakes again: a single one may be another process."""
FELT = 0.05
"""From this share of the time of all calls on somebody notices it gone."""
INITIAL_WINDOW = 14_600
"""Ten segments of 1460 bytes (RFC 6928): what a server sends before the first acknowledgement."""

RULE = Rule(
    code="tls-full-handshake",
    name="Full TLS handshakes",
    severity="warning",
    summary="TLS handshakes took longer than they need",
    remedy="Keep connections open, so that there are fewer handshakes; share one TLS context (one client) so that sessions are resumed; "
    "allow TLS 1.3, whose full handshake takes one round trip.",
    references=("RFC 8446 section 2.2", "RFC 5246 section 7.3", "RFC 5077", "RFC 6928"),
    rank=43,
)

REMEDIES = {
    "retried": "Let the client offer a key share for a group that the server takes at once (X25519, P-256), first in its list of groups.",
    "certificates": "Let the server send a shorter chain (no root, ECDSA keys), or raise its initial congestion window.",
}
NEVER = "{name} never resumes TLS sessions: what helps is fewer handshakes. "
ALLOW_13 = " TLS 1.3 on both sides saves the same round trip."


class Shaken(NamedTuple):
    """A handshake that a call waited for."""

    paid: Paid
    row: Handshake
    saving_ns: DurationNs
    refused: bool = False
    """Whether its ClientHello offered a session: TLS 1.3, and of the same shape as those that were resumed."""

    @property
    def call(self) -> Call:
        """The call."""
        return self.paid.call


def check(view: View) -> Iterator[Finding]:
    """Yield a finding for each client, server name and kind, dearest first."""
    shaken: dict[tuple[str, str], list[tuple[Handshake, Connection]]] = defaultdict(list)
    for number, rows in view.handshakes_on.items():
        under = view.connections.get(number)
        if under is not None and under.copy_of is None and rows[0].duration_ns is not None:
            shaken[under.client_address, server_of(under)].append((rows[0], under))
    waited: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for one in view.once(paid):
        if one.call.tls_ns:
            waited[one.connection.client_address, server_of(one.connection)].append(one)
    times: dict[tuple[str, str], DurationNs] = defaultdict(int)
    for number, calls in view.ended_on.items() if waited else ():
        used = view.connections.get(number)
        if used is not None and (key := (used.client_address, server_of(used))) in waited:
            times[key] += sum(map(own_ns, calls))
    found = []
    for key, payers in waited.items():
        every = [row for row, _ in shaken.get(key, ())]
        for kind, slow in (("again", _again(view, payers, every)), *_longer(view, payers)):
            saved = sum(one.saving_ns for one in slow)
            if slow and saved >= max(FLOOR_NS, WORTH * times[key]):
                found.append(_finding(view, key, kind, slow, every))
    yield from dearest(found)


def _again(view: View, payers: Iterable[Paid], every: Iterable[Handshake]) -> list[Shaken]:
    """Return the full handshakes for which the client had a session, where resuming it would have saved something."""
    ends: dict[str, list[TimeNs]] = defaultdict(list)
    resumed: dict[str, list[DurationNs]] = defaultdict(list)
    full: dict[str, list[DurationNs]] = defaultdict(list)
    shapes = set()
    for row in every:
        if row.end_ns is not None and row.duration_ns is not None:
            ends[stack_of(row)].append(row.end_ns)
            (resumed if row.resumed else full)[_key(row)].append(row.duration_ns)
            if row.resumed:
                shapes.add(row.ja4)
    for finished in ends.values():
        finished.sort()
    usual = {key: median(full[key]) - median(times) for key, times in resumed.items()}
    out = []
    for one in payers:
        for row in view.handshakes_on.get(one.connection.connection_id, ())[:1]:
            finished = ends[stack_of(row)]
            at = bisect_left(finished, row.start_ns)  # those before it had ended when it began
            if row.resumed is not False or row.duration_ns is None or not at or row.start_ns - finished[at - 1] > KEPT_NS:
                continue
            # Of all full ones, not this one: the slow ones alone would make of noise a saving.
            if (saving := usual.get(_key(row))) is None:
                saving = one.connection.min_rtt_ns or 0 if row.round_trips == 2 and not row.retried else 0
            saving = min(saving, one.call.tls_ns)
            if saving >= FLOOR_NS:
                refused = row.version == "TLS 1.3" and row.ja4 is not None and row.ja4 in shapes
                out.append(Shaken(one, row, saving, refused))
    return out if len(out) >= FEWEST else []


def _longer(view: View, payers: Iterable[Paid]) -> Iterator[tuple[str, list[Shaken]]]:
    """Return the handshakes that a HelloRetryRequest, and those that their certificates made longer by a round trip."""
    kinds: dict[str, list[Shaken]] = {"retried": [], "certificates": []}
    for one in payers:
        for row in view.handshakes_on.get(one.connection.connection_id, ())[:1]:
            saving = min(one.connection.min_rtt_ns or 0, one.call.tls_ns)
            if saving >= FLOOR_NS and row.retried:
                kinds["retried"].append(Shaken(one, row, saving))
            elif saving >= FLOOR_NS and (row.certificate_bytes or 0) > INITIAL_WINDOW:
                kinds["certificates"].append(Shaken(one, row, saving))
    yield from kinds.items()


def _key(row: Handshake) -> str:
    return f"{stack_of(row)} {row.version}"


def _finding(view: View, key: tuple[str, str], kind: str, slow: list[Shaken], every: list[Handshake]) -> Finding:
    calls = [one.call for one in slow]
    gross = sum(one.saving_ns for one in slow)
    cost = sum(view.charge(one.call, "tls", one.saving_ns) for one in slow)
    share = view.share(cost, calls) if cost else None  # its time is charged elsewhere: then it has no share of its own
    felt = gross >= FELT * view.total_ns
    shown = slow[: MOST_PACKETS // 2]
    measured = kind == "retried"
    return RULE.finding(
        _text(view, key, kind, slow, every, gross, cost),
        severity=None if felt else "info",
        cost_ns=cost,
        share=share,
        confidence="proven" if measured else "likely",
        decides=None if measured else DECIDES[kind],
        calls=[call.call_id for call in calls],
        exchanges=[number for call in calls for number in call.exchange_ids[-1:]],
        connections=[one.row.connection_id for one in slow],
        packet_ids=[packet for one in shown for packet in (one.row.first_packet_id, one.row.last_packet_id)],
        display_filter=_filter(shown),
        remedy=_remedy(kind, slow),
    )


DECIDES = {
    "again": "what a resumed handshake with this server takes, and whether the ClientHello offered a session that the server refused "
    "(TLS 1.3: its pre_shared_key; TLS 1.2: the length of its session_ticket)",
    "certificates": "whether the server waited for an acknowledgement in the middle of its certificates",
}


def _filter(shown: Iterable[Shaken]) -> str:
    """Show the handshakes: all packets with data from the ClientHello to the client's Finished."""
    rows = [one.row for one in shown]
    ranges = sorted({(row.first_packet_id, row.last_packet_id) for row in rows if row.first_packet_id and row.last_packet_id})
    spans = ", ".join(f"{first}..{last}" if first < last else str(first) for first, last in ranges)
    return f"{streams_filter(row.connection_id for row in rows)} && tcp.len > 0" + (f" && frame.number in {{{spans}}}" if spans else "")


def _text(
    view: View, key: tuple[str, str], kind: str, slow: list[Shaken], every: list[Handshake], gross: DurationNs, cost: DurationNs
) -> str:  # fmt: skip
    took = median(one.row.duration_ns or 0 for one in slow)
    each = median(one.saving_ns for one in slow)
    of = f"{count(len(slow))} of {plural(len(every), 'TLS handshake')}" if len(every) > len(slow) else plural(len(slow), "TLS handshake")
    felt = f" ({percent(gross / view.total_ns)} of the time of all calls)" if view.total_ns else ""
    if kind == "again":
        text = f"{of} {'were' if len(slow) > 1 else 'was'} full although the client had finished one with that server shortly before: "
        text += f"{duration(took)} each (median), {duration(each)} of it needless, {duration(gross)} in all{felt}."
        compared = sum(1 for row in every if row.resumed)
        if compared:
            text += f" {plural(compared, 'resumed one')} in this capture took {duration(median(_took(every, resumed=True)))} (median)."
        else:
            text += " None was resumed; a resumed one takes one round trip less and sends no certificate."
        refused = sum(one.refused for one in slow)
        if refused:
            text += f" {count(refused)} of them offered a session that the server did not take: several servers behind one name do not all "
            text += "know each other's sessions."
    elif kind == "retried":
        text = f"{of} took a second round trip ({duration(each)}) because the server asked for another ClientHello (HelloRetryRequest): "
        text += f"{duration(gross)} in all{felt}."
    else:
        size = median(one.row.certificate_bytes or 0 for one in slow)
        text = (
            f"{of} likely took one more round trip ({duration(each)}) for {bytes_(size)} of certificates: {duration(gross)} in all{felt}."
        )
        text += " The server may send 14.6 KB before the first acknowledgement."
    if not cost:
        text += " That is part of what the connections themselves cost, which another finding names."
    elif cost < gross:
        text += f" {duration(gross - cost)} of it is part of what the connections themselves cost, which another finding names."
    lost = sum(one.row.version != "TLS 1.3" and _is_cut(view, one) for one in slow)
    if lost:
        text += f" Of {plural(lost, 'handshake')} records are missing or cut in the capture: {'its' if lost == 1 else 'their'} end is then "
        text += "taken to be the first request, and the client's own time before that is in it."
    return text + f" Client {key[0]}, server {key[1]}, {_versions(slow)}."


def _is_cut(view: View, one: Shaken) -> bool:
    """Tell whether records of the connection could not be followed: the last of an older handshake may be among them."""
    return any(row.code == "tls-records-lost" for row in view.anomalies_on.get(one.row.connection_id, ()))


def _took(every: Iterable[Handshake], *, resumed: bool) -> list[DurationNs]:
    return [row.duration_ns for row in every if row.resumed is resumed and row.duration_ns is not None]


def _versions(slow: Iterable[Shaken]) -> str:
    return " and ".join(sorted({one.row.version or "TLS" for one in slow}))


def _remedy(kind: str, slow: list[Shaken]) -> str:
    if kind != "again":
        return REMEDIES[kind]
    calls = [one.call for one in slow]
    profile = sdks.profile(calls[0].sdk)
    pool = profile.pools[0] if profile is not None and profile.pools else None
    text = remedy_for("keep-alive", calls, RULE.remedy)
    text = f"{own} {text}" if (own := remedy_for("tls-resumption", calls, "")) else text
    if pool is not None and pool.resumes is False and not own:
        text = NEVER.format(name=sdk_name(calls[0].sdk)) + text
    if any(one.row.version == "TLS 1.2" for one in slow) and text != RULE.remedy:
        text += ALLOW_13
    return text
