"""Who gets to read a connection, and how soon nobody does."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.model.seams import ByteStream, Claim, Link, Sink
from analyzer.tcp.sniffer import MOST_TRIES
from tests.tcp.script import Reader, blocks, pattern, play, trace

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.1 C A 1 1\n"


@dataclass
class Picky:
    """Claims what begins with a word; asks for more while that is possible."""

    word: bytes = b"HELLO"
    name: str = "picky"
    shown: list[bytes] = field(default_factory=list)
    up: Reader = field(default_factory=Reader)
    down: Reader = field(default_factory=Reader)

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        begin = bytes(data[start:end])
        self.shown.append(begin)
        if begin.startswith(self.word):
            return Claim.REQUEST
        return Claim.MORE if self.word.startswith(begin) else Claim.NO

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        return self.up, self.down


def sniffed(text: str) -> Picky:
    picky = [Picky(), Picky()]
    for opener, fast in zip(picky, (True, False), strict=True):
        play(blocks(trace(text)), fast=fast, openers=[opener])
    assert (picky[0].up.bytes(), picky[0].down.bytes(), picky[0].shown) == (picky[1].up.bytes(), picky[1].down.bytes(), picky[1].shown)
    return picky[0]


def test_the_first_bytes_decide() -> None:
    picky = sniffed(OPEN + "20 C PA 1 1 text=HELLOyou\n30 S A 1 9\n40 S PA 1 9 5\n41 C PA 9 6 3")
    assert picky.up.bytes() == b"HELLOyou" + pattern("C", 9, 3)
    assert picky.down.bytes() == pattern("S", 1, 5)


def test_a_beginning_in_pieces_is_put_together() -> None:
    picky = sniffed(OPEN + "20 C PA 1 1 text=HE\n21 C PA 3 1 text=L\n22 C PA 4 1 text=LOx")
    assert picky.shown == [b"HE", b"HEL", b"HELLOx"]
    assert picky.up.bytes() == b"HELLOx"


def test_bulk_is_left_alone_at_once() -> None:
    picky = sniffed(OPEN + "".join(f"{20 + i} C PA {1 + 100 * i} 1 100\n" for i in range(50)))
    assert len(picky.shown) == 1


def test_where_the_start_is_missing_some_more_segments_are_tried() -> None:
    picky = sniffed("0 C A 1 1\n" + "".join(f"{20 + i} C PA {1 + 100 * i} 1 100\n" for i in range(50)) + "90 C PA 5001 1 text=HELLOyou")
    assert picky.up.bytes() == b"HELLOyou"
    never = sniffed("0 C A 1 1\n" + "".join(f"{20 + i} C PA {1 + 100 * i} 1 100\n" for i in range(200)))
    assert len(never.shown) == MOST_TRIES


def test_a_direction_that_was_left_alone_is_read_once_the_other_is_claimed() -> None:
    # A body whose beginning was not captured, then a new request: its answer must be read though the server's side had been given up.
    body = "".join(f"{20 + i} S A {1 + 100 * i} 1 100\n" for i in range(MOST_TRIES + 10))
    end = 1 + 100 * (MOST_TRIES + 10)
    picky = sniffed(f"0 S A 1 1\n1 C A 1 1\n{body}200 C PA 1 {end} text=HELLOyou\n210 S A {end} 9 70\n211 S A {end + 70} 9 70\n")
    assert picky.up.bytes() == b"HELLOyou"
    assert picky.down.bytes() == pattern("S", end, 140)


def test_after_a_gap_the_next_segments_are_tried() -> None:
    picky = sniffed(OPEN + "20 C PA 11 1 100\n30 S PA 1 111 5\n40 C PA 111 6 text=HELLOyou")
    assert picky.up.bytes() == b"HELLOyou"


def test_a_claim_that_contradicts_the_syn_is_refused() -> None:
    assert sniffed(OPEN + "20 S PA 1 1 text=HELLOyou").up.bytes() == b""


class Answered(Picky):
    """Claims the connection by what the server says."""

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        return Claim.RESPONSE if super().sniff(link, data, start, end) is Claim.REQUEST else Claim.NO


def test_a_direction_that_had_ended_before_the_other_was_claimed_is_said_to_have_ended() -> None:
    """The server's first byte is missing; what waits behind it is read only when the connection ends."""
    picky = Answered()
    play(blocks(trace("20 C PA 1 1 5\n30 C FA 6 1\n35 S PA 1 7 1\n40 S PA 3 7 text=HELLO\n50 S FA 8 7\n60 C A 7 9")), openers=[picky])
    assert picky.down.bytes() == b"HELLO"
    assert len(picky.up.ended()) == len(picky.down.ended()) == 1
