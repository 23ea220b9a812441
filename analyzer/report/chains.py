"""The logical operation that an explained call is a part of: its place in it, and what its parts come to."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.pages import BATCHES, is_guess, totals
from analyzer.findings.service_words import service_name
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Call
from analyzer.units import count, duration


def told_chain(analysis: Analysis, call: Call) -> Iterator[str]:
    """Yield a line about the chain of a call, none where it is alone in it."""
    chain = [row for row in analysis.calls if row.chain_id == call.chain_id]
    if len(chain) < 2:
        return
    place = f"{count([row.call_id for row in chain].index(call.call_id) + 1)} of {count(len(chain))}"
    if is_guess(chain):
        what = f"Looks like page {place} of one Query or Scan (sizes and timing; keys would tell)"
    elif call.operation in BATCHES:
        what = f"Request {place} of one {call.operation} loop: what one leaves undone the next asks for again (by order and time)"
    else:
        what = f"Page {place} of one logical {call.operation}"
    wanted = {row.exchange_ids[-1] for row in chain if row.exchange_ids}
    rows = [row for row in analysis.exchanges if row.exchange_id in wanted]
    if len(rows) < len(chain):
        took = max(row.end_ns for row in chain) - min(row.start_ns for row in chain)
        yield f"{what}: {duration(took)} from the first to the end of the last."
    else:
        yield f"{what}: {totals(chain, rows).told(service_name(call.service))}."
