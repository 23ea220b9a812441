"""From the names a user gave to one stream of blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from analyzer.capture.compression import MAGICS, Expander
from analyzer.capture.formats import PCAP_MAGICS, PCAPNG_MAGIC, unknown
from analyzer.capture.inputs import Input, Raw
from analyzer.capture.limits import CHUNK, MAX_EXPANSION
from analyzer.capture.numbering import Merge
from analyzer.capture.pcap import PcapReader
from analyzer.capture.pcapng import PcapngReader
from analyzer.capture.records import Record, from_pcap
from analyzer.capture.tally import Tally
from analyzer.capture.window import Window
from analyzer.errors import CaptureError, UsageError
from analyzer.model.capture import CaptureFile, CaptureInfo
from analyzer.model.seams import Block, Emit
from analyzer.units import DurationNs

_GLANCE = 16 * 1024
"""Bytes of one read when only the beginning of a file is wanted."""


def open_captures(
    paths: Sequence[str | os.PathLike[str]],
    *,
    emit: Emit | None = None,
    max_expansion: int = MAX_EXPANSION,
    chunk: int = CHUNK,
    shifts: Sequence[DurationNs] = (),
) -> Capture:
    """Open pcap and pcapng captures, plain or compressed, to be read as one; `-` is standard input.

    Several files become one time line, numbered as `mergecap` does. `emit` takes an Anomaly for each damage. A compressed input is read no
    further where one of its bytes became more than `max_expansion` bytes on average (1 000 unless told; the first 64 MiB are free).
    `chunk` is how many bytes one read takes. `shifts` is by how much the clock of each input is ahead: that is taken off its times
    after they were numbered.

    Raises CaptureError for what does not exist, may not be read or is empty, and UnknownFormat for what is no capture: for files here, for
    standard input and pipes when the first block is asked for. Damage further on is never an error; it is told in `Capture.info`.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not paths:
        raise UsageError("no capture was named", hint="name a pcap or pcapng file, or - for standard input")
    inputs = [Input(path, index) for index, path in enumerate(paths)]
    capture = Capture(inputs, emit, max_expansion, chunk, shifts)
    for source in inputs:
        if source.regular:
            capture._glance(source)
    return capture


class Capture:
    """Captures opened to be read once, as one stream of blocks."""

    def __init__(
        self, inputs: Sequence[Input], emit: Emit | None, max_expansion: int, chunk: int, shifts: Sequence[DurationNs] = ()
    ) -> None:
        self._inputs = inputs
        self._emit = emit
        self._max_expansion = max_expansion
        self._chunk = max(1, chunk)
        self._shifts = shifts
        self._begun = False
        self.info = CaptureInfo(files=[CaptureFile(source.path) for source in inputs])
        """Filled while the blocks are read, and final after the last one."""
        sizes = [source.size for source in inputs if source.size is not None]
        self.size: int | None = sum(sizes) if len(sizes) == len(inputs) else None
        """Bytes of the inputs as they lie on disk; None where one is a pipe."""

    def position(self) -> int:
        """Return how many bytes of the inputs, as they lie on disk, were read."""
        return sum(source.consumed for source in self._inputs)

    def blocks(self) -> Iterator[Block]:
        """Yield all packets in order. Raises UsageError when asked again: `info` counts every packet once."""
        if self._begun:
            raise UsageError("a capture can be read only once", hint="open it again")
        self._begun = True
        if len(self._inputs) == 1:
            for block in self._read(self._inputs[0]):
                if self.info.files[0].first_packet_id is None:
                    self.info.files[0].first_packet_id = block.first_packet_id
                yield block
            return
        openers: list[Callable[[], Iterator[Block]]] = []
        first_times: list[int | None] = []
        for source in self._inputs:
            openers.append(partial(self._read, source))
            # A pipe cannot be looked at beforehand; it is opened at once.
            first_times.append(self._glance(source, packet=True) if source.regular else None)
        yield from Merge(openers, first_times, self.info, self._shifts).blocks()

    def records(self) -> Iterator[Record]:
        """Yield every block of one capture as pcapng has it, in place of `blocks`; what is not pcapng becomes it."""
        if self._begun or len(self._inputs) != 1:
            raise UsageError("only one capture can be copied, and once", hint="merge captures first: mergecap -w OUT.pcapng CAPTURE...")
        self._begun = True
        source = self._inputs[0]
        tally = Tally(self.info, 0, source.name, emit=self._emit, single=True)
        with self._whole(source, tally) as reader:
            yield from map(Record._make, reader.records()) if isinstance(reader, PcapngReader) else from_pcap(reader, self.info)

    def _read(self, source: Input) -> Iterator[Block]:
        """Yield the packets of one input, numbered within it, and count them."""
        shift = self._shifts[source.index] if self._shifts else 0
        tally = Tally(self.info, source.index, source.name, emit=self._emit, single=len(self._inputs) == 1, shift=shift)
        with self._whole(source, tally) as reader:
            yield from reader.blocks()

    @contextmanager
    def _whole(self, source: Input, tally: Tally) -> Iterator[PcapReader | PcapngReader]:
        """Give the reader of an input, and note at its end what was wrong with it."""
        raw = source.open()
        try:
            reader, expander = self._reader(raw, tally, self._chunk)
            yield reader
            trouble = (expander.trouble if expander else None) or raw.trouble
            if trouble:
                tally.damage("capture-damaged", trouble)
            tally.finish()
        finally:
            raw.close()

    def _glance(self, source: Input, *, packet: bool = False) -> int | None:
        """Raise what opening a file would raise; return the time of its first packet if that is asked for and there is one."""
        scratch = CaptureInfo(files=[CaptureFile(each.path) for each in self._inputs])
        raw = source.open(count=False)
        try:
            reader, _ = self._reader(raw, Tally(scratch, source.index, source.name, emit=None, single=False), _GLANCE)
            first = next(reader.blocks(), None) if packet else None
        finally:
            raw.close()
        return first.times[0] if first else None

    def _reader(self, raw: Raw, tally: Tally, chunk: int) -> tuple[PcapReader | PcapngReader, Expander | None]:
        """Look at the first bytes and make the reader that they call for."""
        head = _beginning(raw.read, chunk)
        if not head:
            raise CaptureError(f"{tally.name} is empty", hint="nothing was captured, or the capture is still being buffered: tcpdump -U")
        expander = None
        read = raw.read
        packing = next((kind for magic, kind in MAGICS.items() if head.startswith(magic)), None)
        if packing:
            expander = Expander(raw, head, packing, self._max_expansion)
            read = expander.read
            head = _beginning(read, chunk)
            if not head and expander.trouble:
                raise CaptureError(f"{tally.name} {expander.trouble}", hint="the file is damaged; copy or take it again")
            if not head:
                raise CaptureError(f"{tally.name} is empty inside its {packing} stream")
        window = Window(read, chunk, head)
        suffix = f"+{packing}" if packing else ""
        if head[:4] in PCAP_MAGICS:
            tally.record.format = "pcap" + suffix
            return PcapReader(window, tally), expander
        if head[:4] == PCAPNG_MAGIC:
            tally.record.format = "pcapng" + suffix
            return PcapngReader(window, tally), expander
        raise unknown(tally.name, head)


def _beginning(read: Callable[[int], bytes], chunk: int) -> bytes:
    """Read until there are the four bytes that every format begins with, or the input ends."""
    data = b""
    while len(data) < 4:
        more = read(chunk)
        if not more:
            break
        data += more
    return data
