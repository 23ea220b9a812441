"""Which of a link type's fast paths fits the packets of a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from analyzer.model.seams import Block, Layout

Header: TypeAlias = Callable[[bytes, int], tuple[int, int, int, int, int, int, int]]
"""Reads the fields of `Layout.header` at an offset."""
SAMPLES: Final = 8
"""Packets of a block that are looked at to choose its fast path."""


def choose(layouts: Sequence[Layout] | None, block: Block) -> Layout | None:
    """Return the fast path whose link and IP header most packets of a block have, judged by a few of them."""
    if not layouts:
        return None
    if len(layouts) == 1:
        return layouts[0]
    data, starts, lengths = block.data, block.starts, block.lengths
    best, most = layouts[0], 0
    step = max(1, len(starts) // SAMPLES)
    looked_at = range(0, len(starts), step)
    for layout in layouts:
        unpack: Header = layout.header.unpack_from
        fits = 0
        for index in looked_at:
            if lengths[index] >= layout.guard:
                fits += unpack(data, starts[index])[0] & layout.check_mask == layout.check_want
        if fits > most:
            best, most = layout, fits
            if fits == len(looked_at):
                break
    return best
