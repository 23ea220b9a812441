"""Telling what a file is from its first bytes, and what to do about those that are no captures."""

from __future__ import annotations

from analyzer.errors import UnknownFormat

PCAP_MAGICS: dict[bytes, tuple[str, int, int]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
"""First bytes -> byte order, nanoseconds of one unit of fraction, size of a record header.

Microseconds and nanoseconds: draft-ietf-opsawg-pcap. The last two are Alexey Kuznetsov's modified format, whose record headers hold eight
bytes more (Wireshark: wiretap/libpcap.c).
"""

PCAPNG_MAGIC = b"\n\r\r\n"

_CONVERT = "convert it: editcap -F pcapng FILE out.pcapng"
_UNPACK = "unpack it first"
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"snoop\0\0\0", "a snoop capture", _CONVERT),
    (b"XCP\0", "a NetXRay or Sniffer capture", _CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", _CONVERT),
    (b"GMBU", "a Network Monitor capture", _CONVERT),
    (b"RTSS", "a Network Monitor capture", _CONVERT),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"CLIENT_", "a TLS key log", "name the capture, and give the key log with --keys"),
    (b"# SSL/TLS secrets", "a TLS key log", "name the capture, and give the key log with --keys"),
    (b"{", "text, probably JSON", "name the capture that it was made from"),
    (b"[", "text, probably JSON", "name the capture that it was made from"),
)


def unknown(name: str, head: bytes) -> UnknownFormat:
    """Make the error for an input whose first bytes are those of no capture."""
    for magic, what, hint in _OTHERS:
        if head.startswith(magic):
            return UnknownFormat(f"{name} is {what}, not a pcap or pcapng capture", hint=hint)
    return UnknownFormat(
        f"{name} is not a pcap or pcapng capture",
        hint="if Wireshark can open it, convert it: editcap -F pcapng FILE out.pcapng",
    )
