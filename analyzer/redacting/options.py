"""Options of headers: their types and lengths stay, and the contents of those that are understood; what others hold becomes zeros."""

from __future__ import annotations

TCP_KEPT = frozenset({2, 3, 4, 5, 8})
"""Maximum segment size, window scale, selective acknowledgements, timestamps (RFC 9293 section 3.1, RFC 7323, RFC 2018)."""
JUMBO = 194
"""The length of a packet that is longer than its header can say (RFC 2675)."""


def tcp_options(at: int, end: int, out: bytearray) -> None:
    """Zero the contents of other options in a TCP header that was written to `out`, and what stands behind the last one."""
    _zeroed(at, end, out, TCP_KEPT)


def ip4_options(at: int, end: int, out: bytearray) -> None:
    """Zero the contents of all options of an IPv4 header (RFC 791 section 3.1): addresses, times, and what others put there."""
    _zeroed(at, end, out, frozenset())


def ip6_options(at: int, end: int, out: bytearray) -> None:
    """Zero the contents of options in an extension header of IPv6 (RFC 8200 section 4.2), from its third byte on."""
    while at + 2 <= end:
        if not out[at]:  # one byte of padding
            at += 1
            continue
        size = 2 + out[at + 1]
        if out[at] != JUMBO:
            out[at + 2 : min(at + size, end)] = bytes(max(0, min(at + size, end) - at - 2))
        at += size


def _zeroed(at: int, end: int, out: bytearray, kept: frozenset[int]) -> None:
    """Walk options of the form that TCP and IPv4 share."""
    while at < end and out[at]:
        if out[at] == 1:
            at += 1
            continue
        size = out[at + 1] if at + 1 < end else 0
        if size < 2:
            break
        if out[at] not in kept:
            out[at + 2 : min(at + size, end)] = bytes(max(0, min(at + size, end) - at - 2))
        at += size
    # The type of an option that is cut or errs stays, as the end of the list does: it is read alike.
    out[at + 2 : end] = bytes(max(0, end - at - 2))
