"""What a report says, computed once for all forms: terminal, Markdown, notebook. Texts in it are not made safe yet; each form does that."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.cut import headers_only
from analyzer.model.rows import Exchange
from analyzer.model.whatif import WhatIf
from analyzer.report.calls import CallLedger, unawaited
from analyzer.report.claims import Claim, claims
from analyzer.report.happened import LONG_REQUEST_BYTES, until_acknowledged
from analyzer.report.headline import headline
from analyzer.report.ledger import Entry, Ledger, Operation
from analyzer.report.overview import odd, without_requests
from analyzer.report.pools import paragraphs
from analyzer.report.sentences import plural
from analyzer.report.traces import ledger_of
from analyzer.report.trust import about
from analyzer.report.worth import worthwhile

MOST_OPERATIONS = 8
MOST_FINDINGS = 5
MOST_BESIDE = 4


@dataclass(slots=True)
class Summary:
    """The parts of a report, in its order."""

    about: list[str]
    """What this is and how far it can be trusted."""
    headline: list[str]
    """The costliest cause, in one or two sentences."""
    remarks: list[str]
    """What else must be known before reading on."""
    claims: list[Claim] = field(default_factory=list)
    more_claims: int = 0
    whatif: list[WhatIf] = field(default_factory=list)
    """Changes that would gain much, with what they gain."""
    noun: str = "call"
    """What a row of the ledger is: call, dialogue, request."""
    operations: list[Operation] = field(default_factory=list)
    more_operations: int = 0
    slowest: list[Entry] = field(default_factory=list)
    beside: list[Entry] = field(default_factory=list)
    """Dialogues that no service call waited for."""
    more_beside: int = 0
    long_requests: bool = False
    """Whether the network time of a request was more than a round trip, because it was long."""
    first_ns: int = 0
    """When the capture begins."""
    commands: list[str] = field(default_factory=list)
    """The commands most useful now, without their captures."""
    pools: list[str] = field(default_factory=list)
    """A paragraph for each pool of connections, where nothing is left out."""
    captures: str = "CAPTURE"
    """The captures, as a shell takes them."""


def summarize(
    analysis: Analysis,
    *,
    slow: int = 8,
    verbose: bool = False,
    names: tuple[str, ...] = (),
    filters: tuple[str, ...] = (),
    gains: bool = True,
) -> Summary:
    """Return what a report says.

    `slow` rows are listed one by one; `verbose` leaves nothing out; `names` are the captures as asked for, `filters` the options that say
    what of them. Without `gains` no what-if is replayed, which spares time.
    """
    ledger = ledger_of(analysis)
    operations = ledger.operations()
    told = claims(analysis)
    shown = operations if verbose else operations[:MOST_OPERATIONS]
    summary = Summary(
        about=list(about(analysis, verbose=verbose)),
        headline=headline(analysis, operations, ledger.noun),
        remarks=list(_remarks(analysis, ledger)),
        claims=told if verbose else told[:MOST_FINDINGS],
        more_claims=0 if verbose else max(0, len(told) - MOST_FINDINGS),
        whatif=worthwhile(analysis) if gains else [],
        pools=paragraphs(analysis) if verbose else [],
        noun=ledger.noun,
        operations=shown,
        more_operations=len(operations) - len(shown),
        slowest=ledger.slowest(slow),
        long_requests=_long_requests(analysis),
        first_ns=analysis.capture.first_ns or 0,
        commands=[_with(command, filters if analysis.outside is None else ()) for command in _commands(analysis, ledger)],
        captures=" ".join(shlex.quote(name) for name in names if name != "-") or "CAPTURE",
    )
    if summary.whatif and summary.commands[1:] == [_with("analyzer calls", filters)]:
        summary.commands[1] = _with("analyzer whatif", filters)
    alone = unawaited(analysis) if ledger.noun == "call" else []
    if alone:
        beside = CallLedger(analysis, alone)
        summary.beside = beside.slowest(len(alone) if verbose else MOST_BESIDE)
        summary.more_beside = len(alone) - len(summary.beside)
    return summary


def _long_requests(analysis: Analysis) -> bool:
    """Tell whether any request was so long that its network time is not a round trip."""
    under = {row.connection_id: row for row in analysis.connections}
    return any(
        row.request_bytes > LONG_REQUEST_BYTES
        and row.network_ns is not None
        and (on := under.get(row.connection_id)) is not None
        and until_acknowledged(row.network_ns, row.request_bytes, on)
        for row in analysis.exchanges
    )


def _remarks(analysis: Analysis, ledger: Ledger[Any]) -> list[str]:
    """Say why there are no calls, and what else there is."""
    encrypted = sum(row.protocol == "tls" for row in analysis.connections)
    said = []
    if ledger.noun != "call" and encrypted:
        what = "No requests" if not analysis.exchanges else "No service calls"
        said.append(f"{what} can be read: {plural(encrypted, 'connection')} encrypted with TLS.")
    if ledger.noun == "request" and analysis.exchanges:
        if not ledger.rows:
            said.append("Only answers were captured, no requests: nothing can be timed.")
        elif (
            all(row.service is None for row in analysis.exchanges)
            and analysis.capture.cut_packets
            and not any(map(_host, analysis.exchanges))
        ):
            said.append("No calls: packets are cut before what names the service of a request; capture whole packets (tcpdump -s 0).")
        elif all(row.service is None for row in analysis.exchanges):
            said.append(
                "No calls: no request here is to an AWS service or a credential endpoint "
                "(--service NAME=HOST[:PORT] names a proxy, VPC endpoint or stand-in)."
            )
        else:
            said.append("No calls: no request to an AWS service was captured from its beginning.")
    if not analysis.exchanges:
        if not encrypted and not len(analysis.calls) and analysis.outside is None:
            bare = headers_only(analysis.capture, analysis.connections)
            said.append("No request can be read: only headers were captured." if bare else "No HTTP requests here.")
        said.extend(without_requests(analysis))
    said.extend(odd(analysis))
    return said


def _host(row: Exchange) -> str | None:
    return row.host


def _with(command: str, filters: tuple[str, ...]) -> str:
    return f"{command} {shlex.join(filters)}" if filters else command


def _commands(analysis: Analysis, ledger: Ledger[Any]) -> list[str]:
    """Return the two commands most useful now."""
    if not ledger.rows:
        shown = (analysis.context or analysis) if analysis.outside is not None else analysis  # without the filter that lets nothing through
        tables = (shown.connections, shown.lookups, shown.anomalies)
        return [f"analyzer {table.name}" for table in tables if len(table)][:2]
    if ledger.noun == "request":
        return ["analyzer exchanges", "analyzer connections"]
    named = next((number for finding in analysis.findings for number in finding.calls if finding.cost_ns > 0), None)
    slowest = ledger.slowest(1)[0].number
    return [f"analyzer explain {slowest}", f"analyzer explain {named}" if named not in (None, slowest) else "analyzer calls"]
