"""Copies a capture block by block and adds comments: no packet, time or other block changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from analyzer import capture
from analyzer.annotating.choosing import Chosen, part_of
from analyzer.annotating.comments import Part, comments, summary
from analyzer.capture import writer
from analyzer.capture.output import checked_target
from analyzer.capture.records import Record
from analyzer.capture.sections import SECRETS, SECTION
from analyzer.errors import UsageError
from analyzer.files import whole_file
from analyzer.model.analysis import Analysis
from analyzer.report.sentences import named
from analyzer.units import PacketId


class Annotated(NamedTuple):
    """What was written."""

    packets: int
    commented: int
    """Packets with a comment."""
    secrets: int
    """Blocks of secrets that were left out."""


def annotate(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    analysis: Analysis,
    *,
    calls: Iterable[int] = (),
    findings: Iterable[str] = (),
    only: bool = False,
    with_secrets: bool = False,
    keys: str | os.PathLike[str] | None = None,
) -> Annotated:
    """Write `source` to the pcapng `target` with comments where calls and their phases begin and end, and on what proves findings.

    `analysis` is the answer about `source` alone. With `calls` or `findings` (codes) the comments are about those; `only` then writes no
    other packets, and each comment says which packet of the original it is on. Bytes and times of packets, their order and all other
    blocks stay as they are; secrets are left out unless `with_secrets`, which also puts the key log `keys` in. The summary is the comment
    of the first section. Raises UsageError for a part that the answer does not have, CaptureError, AnalyzerError.
    """
    checked_target(source, target)
    if only and not (calls := tuple(calls)) and not (findings := tuple(findings)):
        raise UsageError("only what? Every packet is part of the whole", hint="name calls (--calls 3,7) or a finding (--finding CODE)")
    part = part_of(analysis, calls, findings)
    said = comments(analysis, part)
    wanted = _chosen(source, analysis, part) if only else None
    head = summary(analysis, parts=_words(part))
    log = Path(keys).read_bytes() if keys is not None and with_secrets else b""
    counts = [0, 0, 0]
    with whole_file(target) as file:
        for raw in _blocks(capture.open_captures([source]).records(), said, wanted, head, log, with_secrets, counts):
            file.write(raw)
    return Annotated(*counts)


def _words(part: Part) -> str | None:
    words = [named("call", sorted(part.calls))] if part.calls else []
    words += [f"finding {code}" for code in sorted(part.findings or ())]
    return " and ".join(words) or None


def _chosen(source: str | os.PathLike[str], analysis: Analysis, part: Part) -> set[PacketId]:
    """Return the packets that belong to a part."""
    chosen = Chosen(analysis, part)
    wanted: set[PacketId] = set()
    for block in capture.open_captures([source]).blocks():
        wanted.update(block.first_packet_id + index for index, is_part in enumerate(chosen.of(block)) if is_part)
    return wanted


def _blocks(
    records: Iterable[Record],
    said: dict[PacketId, str],
    wanted: set[PacketId] | None,
    head: str,
    log: bytes,
    with_secrets: bool,
    counts: list[int],
) -> Iterator[bytes]:
    first = True
    for record in records:
        raw, frame = record.raw, record.frame
        if record.kind == SECTION:
            yield writer.with_comment(raw, record.order, head) if first else writer.without_length(raw, record.order)
            if first and log:
                yield writer.secrets(log, record.order)
            first = False
            continue
        if record.kind == SECRETS and not with_secrets:
            counts[2] += 1
            continue
        if record.kind in PACKETS and frame is None:
            continue  # of an interface that the file does not describe: no program could read it
        if frame is not None:
            if wanted is not None and frame not in wanted:
                continue
            counts[0] += 1
            text = said.get(frame)
            if text is not None and record.kind in writer.COMMENTABLE:
                counts[1] += 1
                raw = writer.with_comment(raw, record.order, text if wanted is None else f"{text}\n(packet {frame} of the whole capture)")
        yield raw


PACKETS = frozenset({2, 3, 6})
"""Types of blocks that hold a packet."""
