"""Replays captures as if they happened now: small blocks, looks in between, and a clock of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from analyzer import capture, pipeline
from analyzer.model.rows import Call, Span
from analyzer.model.seams import Block
from analyzer.tls import KeyLog
from analyzer.watching.clock import Clock
from analyzer.watching.following import Follower
from analyzer.watching.window import Done

LOOK_NS = 50_000_000
LOOSE = ("call_id", "chain_id")
"""Columns that are numbers of their own in a watch."""


class Steady:
    """A steady clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def pieces(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    """Cut blocks into small ones."""
    for block in blocks:
        for start in range(0, len(block.times), size):
            end = min(len(block.times), start + size)
            yield block._replace(
                starts=block.starts[start:end],
                lengths=block.lengths[start:end],
                wire_lengths=block.wire_lengths[start:end],
                times=block.times[start:end],
                first_packet_id=block.first_packet_id + start,
                first_frame=block.first_frame + start,
            )


def replayed(blocks: Iterable[Block], *, size: int = 5, keys: KeyLog | None = None, follower: Follower | None = None) -> list[Done]:
    """Return the calls that are handed out while blocks come at the pace of their own times, with looks every 50 ms."""
    steady = Steady()
    if follower is None:
        follower = Follower(Clock(steady=steady), (), keys or KeyLog())
    out: list[Done] = []
    last: int | None = None
    looked = 0
    for block in pieces(blocks, size):
        first, newest = block.times[0], max(block.times)
        if last is None:
            last = looked = first
        while last + LOOK_NS < first:  # nothing comes, time goes on
            steady.now += LOOK_NS
            last += LOOK_NS
            out += follower.look().done
        if newest > last:
            steady.now += newest - last
            last = newest
        calls = follower.feed(block)
        out += calls.done if calls is not None else []
        if newest - looked >= LOOK_NS:
            looked = newest
            out += follower.look().done
    return out + follower.finish().done


def of_file(path: Path, keys: Path | None = None, *, size: int = 5) -> list[Done]:
    """Return the calls that a file's packets make when they are replayed."""
    log = KeyLog()
    if keys is not None:
        log.add(keys.read_bytes())
    source = capture.open_captures([path])

    def blocks() -> Iterator[Block]:
        taken = 0
        for block in source.blocks():
            while taken < len(source.info.secrets):
                log.add(source.info.secrets[taken] + b"\n")
                taken += 1
            yield block

    return replayed(blocks(), size=size, keys=log)


Ledger = tuple[object, ...]


def ledger(call: Call, spans: Iterable[Span]) -> Ledger:
    """Return what a watch and a file must agree on: everything but the numbers of calls and spans."""
    row = tuple(value for name, value in zip(call._fields, call, strict=False) if name in Call._fields and name not in LOOSE)
    return row, tuple(span._replace(span_id=0, call_id=0, dialogue_id=None if span.dialogue_id is None else 0) for span in spans)


def read_ledgers(path: Path, keys: Path | None = None, services: Sequence[str] = ()) -> list[Ledger]:
    """Return the ledgers of a file's calls, sorted."""
    answer = pipeline.read(path, services=services, keys=keys if keys is not None else os.devnull)
    spans: dict[int, list[Span]] = {}
    for span in answer.spans:
        spans.setdefault(span.call_id, []).append(span)
    return sorted((ledger(call, spans[call.call_id]) for call in answer.calls), key=repr)


def watched_ledgers(done: Iterable[Done]) -> list[Ledger]:
    """Return the ledgers of calls that were handed out, sorted."""
    return sorted((ledger(one.call, one.spans) for one in done), key=repr)
