"""Several inputs on one time line, numbered as `mergecap` numbers them.

The next packet is the earliest of the inputs' next packets (wiretap/merge.c); inputs are never sorted in themselves. Where two are equally
early mergecap takes the later input, with one exception here: the first packet of an input comes after equally early ones of those already
begun, so that a rotated set stays in its order where a file begins in the instant in which the one before ended.

An input is opened when its turn comes: a set of a thousand rotated files holds one open file and one chunk.

Order and numbers are those of the times as they stand in the files. Where the clock of an input was found to be ahead of the first one's,
that is taken off the times of its packets only afterwards: `frame.number` of the merged file stays what it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush

from analyzer.model.capture import CaptureInfo
from analyzer.model.seams import Block
from analyzer.units import DurationNs

_Key = tuple[int, int, int]
"""Time of the next packet, 0 begun or 1 not yet, and the input's index (negative when begun)."""


class _Cursor:
    """One input and the place in it that was reached."""

    __slots__ = ("at", "block", "index", "next_frame", "ordered", "source")

    def __init__(self, index: int, source: Iterator[Block]) -> None:
        self.index = index
        self.source = source
        self.block: Block | None = None
        self.at = 0
        self.ordered = True
        self.next_frame = 1

    def load(self) -> Block | None:
        """Move to the next block and return it; None at the end."""
        self.block = next(self.source, None)
        self.at = 0
        if self.block is not None:
            self.ordered = sorted(self.block.times) == self.block.times
        return self.block

    def run(self, bound: _Key | None) -> int:
        """Return the index in the block of the first packet that must wait for another input, whose next packet has the key `bound`."""
        assert self.block is not None
        times = self.block.times
        if bound is None:
            return len(times)
        latest, *rest = bound
        tie = [0, -self.index] < rest
        if self.ordered:
            return (bisect_right if tie else bisect_left)(times, latest, self.at)
        for index in range(self.at, len(times)):
            if times[index] > latest or (times[index] == latest and not tie):
                return index
        return len(times)


class Merge:
    """Gives ids over all inputs, and writes them into `info.runs` and the first ids of `info.files`."""

    def __init__(
        self,
        openers: Sequence[Callable[[], Iterator[Block]]],
        first_times: Sequence[int | None],
        info: CaptureInfo,
        shifts: Sequence[DurationNs] = (),
    ) -> None:
        """Take what begins to read each input, and when each one's first packet was (None: not known, or it has none).

        `shifts` is what is taken off the times of each input's packets; nothing where it is empty.
        """
        self._shifts = shifts
        self._openers = openers
        self._first_times = first_times
        self._info = info
        self._next_id = 1

    def blocks(self) -> Iterator[Block]:
        """Yield the packets of all inputs in order."""
        waiting: list[tuple[_Key, _Cursor | None]] = []
        for index, time in enumerate(self._first_times):
            if time is not None:
                waiting.append(((time, 1, index), None))
                continue
            cursor = _Cursor(index, self._openers[index]())
            block = cursor.load()
            if block is not None:
                waiting.append(((block.times[0], 1, index), cursor))
        heapify(waiting)
        while waiting:
            key, held = heappop(waiting)
            cursor = held or _Cursor(key[2], self._openers[key[2]]())
            if held is None and cursor.load() is None:
                continue
            yield from self._turn(cursor, waiting)

    def _turn(self, cursor: _Cursor, waiting: list[tuple[_Key, _Cursor | None]]) -> Iterator[Block]:
        """Yield packets of one input until another's turn comes."""
        bound = waiting[0][0] if waiting else None
        first = True
        while cursor.block is not None:
            block, start = cursor.block, cursor.at
            stop = max(cursor.run(bound), start + first)
            first = False
            if stop > start:
                yield self._part(cursor, block, start, stop)
            if stop < len(block.times):
                cursor.at = stop
                heappush(waiting, ((block.times[stop], 0, -cursor.index), cursor))
                return
            cursor.load()

    def _part(self, cursor: _Cursor, block: Block, start: int, stop: int) -> Block:
        """Number a part of a block. Frames that are no packets keep their number in both countings."""
        info, frame = self._info, block.first_frame + start
        packet_id = self._next_id + frame - cursor.next_frame
        count = stop - start
        self._next_id = packet_id + count
        cursor.next_frame = frame + count
        record = info.files[block.file]
        if record.first_packet_id is None:
            record.first_packet_id = packet_id
        runs = info.runs
        if runs and runs[-1][1] == block.file and runs[-1][0] + runs[-1][3] == packet_id and runs[-1][2] + runs[-1][3] == frame:
            runs[-1] = (*runs[-1][:3], runs[-1][3] + count)
        else:
            runs.append((packet_id, block.file, frame, count))
        times = block.times if count == len(block.times) else block.times[start:stop]
        shift = self._shifts[block.file] if self._shifts else 0
        if shift:
            times = [time - shift for time in times]
        if count == len(block.times):
            return block._replace(times=times, first_packet_id=packet_id, first_frame=frame)
        return block._replace(
            starts=block.starts[start:stop],
            lengths=block.lengths[start:stop],
            wire_lengths=block.wire_lengths[start:stop],
            times=times,
            first_packet_id=packet_id,
            first_frame=frame,
            processes=block.processes[start:stop] if block.processes is not None else None,
        )
