"""What is to be captured: what every engine is told."""

from __future__ import annotations

from typing import NamedTuple

BUFFER_MB = 64
"""Megabytes that the kernel keeps for us: at 600 000 packets of 100 bytes a second, one second in which we may be busy."""
LONGEST_PACKET = 262_144
"""Bytes of a packet that are kept: all, also of what offload has put together (libpcap's MAXIMUM_SNAPLEN)."""


class Wanted(NamedTuple):
    """An interface and what of it."""

    interface: str
    filter: str
    """A filter in libpcap's language (pcap-filter(7)); empty for everything."""
    netns: str | None = None
    """Path of a network namespace; None for our own."""
    buffer_mb: int = BUFFER_MB
    snaplen: int = LONGEST_PACKET
