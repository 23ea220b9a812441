"""Bounds on what a hostile file may make the reader hold or do, each with its reason."""

from __future__ import annotations

CHUNK = 512 * 1024
"""Bytes of one read. Of 64 KiB to 4 MiB it cost the least CPU, though 256 KiB to 1 MiB lie within a tenth."""

STANDARD_PACKET = 262_144
"""Wireshark's largest packet (`WTAP_MAX_PACKET_SIZE_STANDARD`): a longer one is damage unless the snapshot length promises it."""

LARGEST_PACKET = 256 * 1024 * 1024
"""No snapshot length makes a longer packet believable. Wireshark stops at 128 MiB, for USB and D-Bus."""

LARGEST_BLOCK = 16 * 1024 * 1024
"""Longest pcapng block that is not a packet (Wireshark's `MAX_BLOCK_SIZE`)."""

LARGEST_OPTIONS = 1024 * 1024
"""Option bytes that a packet block may carry before its length is doubted."""

MOST_INTERFACES = 65_536
"""Interfaces kept over all files; a description takes 20 bytes of file and hundreds of memory."""

MOST_PROCESSES = 65_536
"""Processes kept of one section."""

MOST_SECRETS = 64 * 1024 * 1024
"""Bytes of decryption secrets kept over all files."""

MAX_EXPANSION = 1_000
"""Bytes that one compressed byte may become. Captures become 3 to 30; gzip cannot exceed 1 032, zstd and lz4 can by far."""

FREE_EXPANSION = 64 * 1024 * 1024
"""Decompressed bytes before the bound on expansion is looked at: a short capture of equal packets may compress very well."""


def packet_bound(snaplen: int) -> int:
    """Return how many bytes a packet may hold at most, given the snapshot length that its interface announced (0: none)."""
    return min(max(STANDARD_PACKET, snaplen), LARGEST_PACKET)
