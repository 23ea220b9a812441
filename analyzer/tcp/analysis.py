"""Wireshark's `tcp.analysis` flags: the rules of its version 4.0, in their order, for segments that the loop cannot prove unremarkable.

Rules re-stated from the documentation and observation of tshark 4.0.17; numbers in comments are theirs in the order of testing. Only
flags that the `connections` table counts are reported; the others matter where they keep a later rule from being tested.
"""

from __future__ import annotations

from typing import Final

from analyzer.model.seams import Segment
from analyzer.tcp._half import Half
from analyzer.tcp.seq import HALF, MASK
from analyzer.units import DurationNs, TimeNs

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

LOST_SEGMENT: Final = 1
KEEP_ALIVE: Final = 2
ZERO_WINDOW: Final = 4
DUPLICATE_ACK: Final = 8
SPURIOUS: Final = 16
FAST: Final = 32
OUT_OF_ORDER: Final = 64
RETRANSMISSION: Final = 128
ZERO_WINDOW_PROBE: Final = 256
LATE: Final = OUT_OF_ORDER | RETRANSMISSION
"""Flags of segments that come again, or behind later ones."""

KEEP_ALIVE_SENT: Final = 1
ZERO_WINDOW_PROBE_SENT: Final = 2

LIKE_DUPLICATES: Final = -1
"""Count of duplicate ACKs after an ACK of unseen bytes; it satisfies rule 12 (observed)."""
FAST_RETRANSMISSION_NS: Final = 20_000_000
"""A fast retransmission follows its duplicate ACKs within 20 ms."""
REORDERING_NS: Final = 3_000_000
"""How late a segment may be to count as out of order, where the initial round trip is not known."""


def classify(half: Half, segment: Segment, time: TimeNs, initial_rtt: DurationNs | None) -> int:
    """Return the flags of a segment as a bit set and carry the analysis state of its direction forward."""
    seq, ack, flags, window, size = segment.seq, segment.ack, segment.flags, segment.window, segment.size
    other = half.other
    known = half.sure
    next_seq = half.next_seq
    ahead = (seq - next_seq) & MASK
    closing = flags & (SYN | FIN | RST)
    said = 0
    probe = False

    if size == 1 and known and ahead == 0 and other.window == 0:  # 1
        said |= ZERO_WINDOW_PROBE
        probe = True
    else:
        if window == 0 and not closing:  # 2
            said |= ZERO_WINDOW
        if known and 0 < ahead < HALF and not flags & RST:  # 3
            said |= LOST_SEGMENT
        if size <= 1 and known and ahead == MASK and not closing:  # 4
            said |= KEEP_ALIVE
        same = size == 0 and known and ahead == 0 and window == half.window and ack == half.last_ack and not closing
        if same and window and other.last_probe == KEEP_ALIVE_SENT:  # 7
            pass
        elif same and window == 0 and other.last_probe == ZERO_WINDOW_PROBE_SENT:  # 8
            pass
        elif same and window:  # 9
            said |= DUPLICATE_ACK
            half.dup_acks = half.dup_acks + 1 if half.dup_acks >= 0 else 1
    if ack != half.last_ack:
        half.dup_acks = 0
    if flags & ACK and other.sure:  # 10
        _acknowledges_unseen(other, ack)

    if (size or closing & (SYN | FIN)) and not said & KEEP_ALIVE:
        said |= _repeat(half, seq, size, closing, time, initial_rtt)

    end = (seq + size + (1 if closing & (SYN | FIN) else 0)) & MASK
    if not probe:
        contiguous = half.hole_at if half.hole_at is not None else next_seq
        if not known or 0 < (end - next_seq) & MASK < HALF:
            half.next_seq = end
            half.next_time = time
            half.sure = True
        if not known or seq == contiguous:
            half.hole_at = None
        elif half.hole_at is None and half.next_seq != next_seq:
            half.hole_at = next_seq
    half.window = window
    half.last_ack = ack
    half.last_time = time
    half.last_probe = KEEP_ALIVE_SENT if said & KEEP_ALIVE else ZERO_WINDOW_PROBE_SENT if probe else 0
    return said


def count(counts: dict[int, int], said: int) -> None:
    """Count each flag of a segment."""
    while said:
        flag = said & -said
        counts[flag] = counts.get(flag, 0) + 1
        said ^= flag


def _acknowledges_unseen(other: Half, ack: int) -> None:
    """Note an ACK beyond the contiguous bytes of the other direction, once a hole.

    The flag is not counted, but where the ACK lies beyond all that was seen, and no hole before, rule 12 takes it for duplicate ACKs
    (observed).
    """
    hole = other.hole_at
    if 0 < (ack - (other.next_seq if hole is None else hole)) & MASK < HALF:
        other.hole_at = None
        if hole is None:
            other.dup_acks = LIKE_DUPLICATES


def _repeat(half: Half, seq: int, size: int, closing: int, time: TimeNs, initial_rtt: DurationNs | None) -> int:
    """Tell which kind of repeated or late segment this is, if any (rules 11 to 14: the first that fits)."""
    other = half.other
    if size and other.seen and other.last_ack and (other.last_ack - (seq + size)) & MASK < HALF:  # 11
        return SPURIOUS | RETRANSMISSION
    behind = (half.next_seq - seq) & MASK
    # A longer segment that begins one byte early counts as new: the byte before it may have been a probe.
    if not half.sure or not 0 < behind < HALF or (size > 1 and behind == 1):
        return 0
    duplicates = other.dup_acks >= 2 or other.dup_acks == LIKE_DUPLICATES
    if duplicates and seq == other.last_ack and 0 <= time - other.last_time < FAST_RETRANSMISSION_NS:  # 12
        return FAST | RETRANSMISSION
    end = (seq + size + (1 if closing & (SYN | FIN) else 0)) & MASK
    threshold = REORDERING_NS if initial_rtt is None else initial_rtt
    if 0 <= time - half.next_time < threshold and end != half.next_seq:  # 13
        return OUT_OF_ORDER
    return RETRANSMISSION  # 14
