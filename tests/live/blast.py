"""Sends the packets of a capture into an interface, so many a second: run as a program by the endurance check."""

from __future__ import annotations

import socket
import sys
import time

from analyzer import capture


def main(interface: str, path: str, rate: int, most: int) -> None:
    """Send up to `most` packets of an Ethernet capture at `rate` a second; write how many and how fast to standard output."""
    packets = []
    for block in capture.open_captures([path]).blocks():
        packets += [block.data[start : start + length] for start, length in zip(block.starts, block.lengths, strict=True) if length <= 1514]
        if len(packets) >= most:
            break
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    begun = time.monotonic()
    sent = 0
    while sent < len(packets):
        due = min(len(packets), int((time.monotonic() - begun) * rate) + 1)
        for packet in packets[sent:due]:
            sock.send(packet)
        sent = max(sent, due)
        time.sleep(0.0005)
    took = time.monotonic() - begun
    sys.stdout.write(f"{sent} packets in {took:.2f} s: {sent / took:.0f}/s\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
