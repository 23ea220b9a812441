"""Mutations of inputs that need no fuzzer: what a seed draws is the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

TELLING = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\n",
    b"\r\n",
    b" ",
    b":",
    b'"',
    b"\\",
    b"{",
    b"[",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff",
)
"""Bytes that mean something to some parser, or lie at the edge of a number."""


def mutate(data: bytes, random: Random, others: Sequence[bytes] = (), longest: int = 1 << 20) -> bytes:
    """Change an input in one to six places: bits, numbers, pieces cut out, repeated, moved, or taken from other inputs."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(out) + 1)
        kind = random.randrange(9)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << random.randrange(8)
        elif kind == 1 and at < len(out):
            out[at] = random.randrange(256)
        elif kind == 2:
            out[at:at] = random.randbytes(random.choice((1, 2, 4, 8)))
        elif kind == 3:
            del out[at : at + random.choice((1, 2, 4, 16, 200))]
        elif kind == 4:
            piece = random.choice(TELLING)
            out[at : at + len(piece)] = piece
        elif kind == 5:
            size = random.choice((2, 4, 20, 100))
            out[at:at] = out[at : at + size] * random.choice((1, 1, 2, 8))
        elif kind == 6 and at + 4 <= len(out):
            order = random.choice(("big", "little"))
            width = random.choice((2, 4))
            number = int.from_bytes(out[at : at + width], "big" if order == "big" else "little") + random.choice(
                (-1, 1, 4, -4, 256, 1 << 15)
            )
            out[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "big" if order == "big" else "little")
        elif kind == 7 and others:
            other = random.choice(others)
            begin = random.randrange(len(other) + 1)
            out[at : at + random.choice((0, 8, 64))] = other[begin : begin + random.choice((4, 16, 64, 400))]
        else:
            del out[at:]
    return bytes(out[:longest])
