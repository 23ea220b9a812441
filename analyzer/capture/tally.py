"""What one input adds to `CaptureInfo` while its packets go by: counts, times, notes and anomalies."""

from __future__ import annotations

from itertools import islice
from operator import lt, sub

from analyzer.capture.limits import MOST_INTERFACES, MOST_SECRETS
from analyzer.model.capture import CaptureFile, CaptureInfo, Interface
from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block, Emit
from analyzer.units import DurationNs

COARSEST_NS: DurationNs = 1_000_000_000
"""Whole seconds: what a clock is taken for until a time shows better."""
GLANCES = 16
"""Packets of a block whose times are looked at for how fine the clock is."""
_OVERHEAD = 64
"""What keeping an empty secret costs, so that a file full of them is bounded too."""


class Tally:
    """Keeps the books of one input. `single` says whether it is the only one, so that its frame numbers are packet ids.

    `shift` is what is taken off its times.
    """

    def __init__(self, info: CaptureInfo, file: int, name: str, *, emit: Emit | None, single: bool, shift: DurationNs = 0) -> None:
        self.info = info
        self.file = file
        self.name = name
        self._shift = shift
        self.frames = 0
        """Numbered records so far; the next one is frame `frames + 1`."""
        self._emit = emit
        self._single = single
        self._previous: int | None = None
        self._secret_bytes = sum(len(content) + _OVERHEAD for content in info.secrets)
        self._skipped: dict[str, tuple[int, int]] = {}

    @property
    def record(self) -> CaptureFile:
        """The input's entry in the answer."""
        return self.info.files[self.file]

    def add(self, block: Block) -> Block:
        """Count the packets of a block and hand it back."""
        info, times = self.info, block.times
        count = len(times)
        if not self.record.packets:
            self.record.tick_ns = COARSEST_NS
        self.frames += count
        self.record.packets += count
        info.packets += count
        info.bytes += sum(block.lengths)
        if block.wire_lengths is not block.lengths:
            info.cut_packets += sum(map(lt, block.lengths, block.wire_lengths))
        # Sorting what is sorted costs one comparison a packet and gives both ends and the order at once.
        ordered = sorted(times)
        first, last = ordered[0], ordered[-1]
        record = self.record
        record.first_ns = first if record.first_ns is None else min(first, record.first_ns)
        record.last_ns = last if record.last_ns is None else max(last, record.last_ns)
        first, last = first - self._shift, last - self._shift
        info.first_ns = first if info.first_ns is None else min(first, info.first_ns)
        info.last_ns = last if info.last_ns is None else max(last, info.last_ns)
        if ordered != times:
            info.backwards += sum(map(lt, islice(times, 1, None), times))
            info.backwards_ns = max(info.backwards_ns, max(map(sub, times, islice(times, 1, None))))
        if self._previous is not None and times[0] < self._previous:
            info.backwards += 1
            info.backwards_ns = max(info.backwards_ns, self._previous - times[0])
        self._previous = times[-1]
        if record.tick_ns > 1:
            for time in times[:: max(1, count // GLANCES)]:
                while time % record.tick_ns:
                    record.tick_ns //= 1000
        return block

    def number(self) -> None:
        """Count a record that Wireshark numbers as a packet, though it is none (a custom block, a journal entry)."""
        self.frames += 1
        self.record.packets += 1
        self.info.packets += 1

    def interface(self, link_type: int, snaplen: int) -> Interface | None:
        """Add an interface; None when there are too many."""
        interfaces = self.info.interfaces
        if len(interfaces) >= MOST_INTERFACES:
            return None
        added = Interface(len(interfaces), self.file, link_type, snaplen)
        interfaces.append(added)
        return added

    def secret(self, content: bytes) -> None:
        """Keep the key log of a decryption secrets block."""
        before = self._secret_bytes
        self._secret_bytes += len(content) + _OVERHEAD
        if self._secret_bytes <= MOST_SECRETS:
            self.info.secrets.append(content)
        elif before <= MOST_SECRETS:
            self.damage("capture-skipped", f"holds more than {MOST_SECRETS >> 20} MiB of decryption secrets; the rest was left out")

    def damage(self, code: str, what: str) -> None:
        """Note that the input is not complete; `what` ends the sentence that its name begins."""
        self.info.complete = False
        self.info.notes.append(f"{self.name} {what}")
        if self._emit:
            self._emit(Anomaly(code, self.frames if self._single and self.frames else None, None, f"{self.name} {what}"))

    def skipped(self, what: str) -> None:
        """Count something that was left out; all of one kind become one note when the input ends."""
        count, first = self._skipped.get(what, (0, self.frames))
        self._skipped[what] = count + 1, first

    def finish(self) -> None:
        """Write the notes on what was left out."""
        skipped, self._skipped = self._skipped, {}
        for what, (count, first) in skipped.items():
            where = f"after packet {first}" if first else "before its first packet"
            self.damage("capture-skipped", f"is damaged {where}: {what}" + (f" ({count} times in all)" if count > 1 else ""))
