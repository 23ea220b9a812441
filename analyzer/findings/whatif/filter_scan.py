"""What a filter threw away is not read: pages of Query and Scan become as many reads by key as the items need that they returned.

A chain of pages keeps its first ones, as many as would hold what all of them returned at as many items a page as the fullest read; the
others are not asked for. A kept page takes what a read costs whatever it reads: the median of the reads of few items from the same table,
else DynamoDB's single-digit milliseconds. Which of the two a read by key would be like the capture cannot tell, so the range spans both.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from analyzer.findings.pages import logical
from analyzer.findings.rules.filter_discards_reads import FEW_ITEMS, PLAIN_NS, WASTED
from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.scene import OWN, Lengths, Scene
from analyzer.findings.whatif.windows import INITIAL_WINDOW_BYTES
from analyzer.findings.words import median, plural
from analyzer.model.rows import Call, Exchange
from analyzer.units import MILLISECOND, DurationNs, duration

QUICK_NS: DurationNs = 3 * MILLISECOND
"""What DynamoDB takes for a read by key at its quickest."""
SLOW = 3
"""A read of few items that takes this many times what DynamoDB usually does is slow for a reason that a key may not mend."""
MEASURED = "reads of few items are here (at best, as DynamoDB usually is)"
USUAL = "DynamoDB usually is (single-digit milliseconds)"


class Page(NamedTuple):
    """An answer to Query or Scan, with what it says of itself."""

    call: Call
    exchange: Exchange
    kept: int
    read: int


def no_filter_scan(scene: Scene) -> str | None:
    """Read only what is returned; return why nothing changes, None where something does."""
    pages: dict[int, Page] = {}
    few: dict[tuple[str | None, str | None], list[DurationNs]] = defaultdict(list)
    for call in scene.left():
        row = scene.view.final_exchange(call)
        if row is None or row.count is None or row.scanned_count is None or call.truncated in ("end", "both"):
            continue
        pages[call.call_id] = Page(call, row, row.count, row.scanned_count)
        if row.scanned_count <= FEW_ITEMS and call.server_ns is not None:
            few[call.service, call.table_name].append(call.server_ns)
    if not pages:
        unread = any(call.evidence == "inferred" for call in scene.calls)
        return "no answer shows what it read" + (": they are encrypted (--keys)" if unread else "")
    chains = [[pages[call.call_id] for call in chain if call.call_id in pages] for chain in logical(scene.view)]
    chained = {page.call.call_id for chain in chains for page in chain}
    chains += [[page] for number, page in pages.items() if number not in chained]
    dropped = changed = 0
    for chain in filter(_wasteful, chains):
        needed = max(1, -(-sum(page.kept for page in chain) // max(page.read for page in chain)))
        scene.gone.update(page.call.call_id for page in chain[needed:])
        dropped += len(chain[needed:])
        size = sum(page.exchange.response_bytes for page in chain) // needed
        for page in chain[:needed]:
            _read(scene, page, few.get((page.call.service, page.call.table_name), []), size)
            changed += 1
    if not changed:
        return "no Query or Scan threw away most of what it read"
    measured = any(few.values())
    scene.notes.append(f"{changed + dropped} pages become {plural(changed, 'read')} by key, as quick as {MEASURED if measured else USUAL}")
    slow = median(took for times in few.values() for took in times)
    if slow > SLOW * PLAIN_NS:
        scene.notes.append(f"those take {duration(slow)} of the server, for another reason than the filter")
    return None


def _wasteful(chain: list[Page]) -> bool:
    read = sum(page.read for page in chain)
    return read > FEW_ITEMS and 0 <= sum(page.kept for page in chain) <= (1 - WASTED) * read


def _read(scene: Scene, page: Page, few: list[DurationNs], size: int) -> None:
    """Make a page a read by key, whose answer has `size` bytes."""
    plain = Lengths(QUICK_NS, PLAIN_NS, PLAIN_NS)
    if few:
        usual = quartiles(few)
        plain = Lengths(min(QUICK_NS, usual.low), usual.likely, max(PLAIN_NS, usual.high))
    for part in scene.parts(page.call):
        if part.where != OWN:
            continue
        if part.kind == "server":
            part.set(Lengths(*(min(old, new) for old, new in zip((part.low, part.likely, part.high), plain, strict=True))))
        elif part.kind == "receive" and size > INITIAL_WINDOW_BYTES >= page.exchange.response_bytes:
            part.add(0, 0, scene.rtt(part.connection_id) or 0)  # a longer answer, on a window that may not have grown yet
