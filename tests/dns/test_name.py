"""Names on the wire: compression, bounds and escapes."""

from __future__ import annotations

import pytest

from analyzer.dns._name import HEADER, MAX_TEXT, label_text, read_name, skip_name

PAD = b"\xff" * 5 + b"\0" * HEADER
START = 5


def read(wire: bytes, at: int = 0, cut: int = 0) -> tuple[str, int]:
    data = PAD + wire
    text, after = read_name(data, START, len(PAD) + at, len(data) - cut)
    return text, after - len(PAD)


@pytest.mark.parametrize(
    "wire, text",
    [
        (b"\x03www\x07example\x03com\0", "www.example.com"),
        (b"\x03WWW\x07eXaMpLe\0", "www.example"),
        (b"\0", "."),
        (b"\x05_dns-\x02a1\0", "_dns-.a1"),
        (b"\x03a.b\x01c\0", r"a\.b.c"),
        (b"\x03a\\b\0", r"a\\b"),
        (b"\x04a b\x1b\0", r"a\032b\027"),
        (b"\x03\xc3\xa9\x00\0", r"\195\169\000"),
    ],
)
def test_text_is_lower_case_and_escaped(wire: bytes, text: str) -> None:
    assert read(wire + b"rest") == (text, len(wire))


def test_a_pointer_continues_further_back_and_is_two_bytes_long() -> None:
    wire = b"\x03com\0" + b"\x07example\xc0\x0c" + b"\x03www\xc0\x11"
    assert read(wire, 15) == ("www.example.com", 21)


@pytest.mark.parametrize(
    "wire",
    [
        b"\xc0\x0c",  # itself
        b"\xc0\x0e\x01a\0",  # forward
        b"\xc0\x00\0",  # into the header
        b"\x40a\0",
        b"\x80a\0",
        b"\x03ab",
        b"\x03abc",
        b"\xc0",
        b"",
        b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0",  # 257 bytes
    ],
)
def test_what_is_no_name_is_refused(wire: bytes) -> None:
    with pytest.raises(ValueError, match=r"name|label|pointer"):
        read(wire)


def test_a_loop_of_labels_and_pointers_is_refused() -> None:
    with pytest.raises(ValueError, match="pointer"):
        read(b"\x01a\xc0\x0c", 0)
    with pytest.raises(ValueError, match="pointer"):
        read(b"\x01a\xc0\x10\xc0\x0c", 4)
    with pytest.raises(ValueError, match="does not lead back"):
        read(b"\x01a\xc0\x10\0\xc0\x0c", 5)  # back, then forward again, though before the start


def test_nothing_beyond_the_end_is_read() -> None:
    wire = b"\x03www\x07example\x03com\0"
    for cut in range(1, len(wire) + 1):
        with pytest.raises(ValueError, match="past the end"):
            read(wire, cut=cut)


def test_a_long_chain_of_pointers_is_refused() -> None:
    chain = b"\x01a\0\0" + b"".join((0xC000 + HEADER + (0 if i == 0 else 2 + 2 * i)).to_bytes(2, "big") for i in range(200))
    assert read(chain, 4 + 2 * 126)[0] == "a"
    with pytest.raises(ValueError, match="too many"):
        read(chain, 4 + 2 * 127)


def test_the_longest_name_is_kept_and_escapes_do_not_make_it_longer() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert len(longest) == 255
    assert len(read(longest)[0]) == 253
    hostile = (b"\x3f" + b"\x01" * 63) * 3 + b"\0"
    assert read(hostile)[0] == (r"\001" * 63 + "." + r"\001")[:MAX_TEXT]


def test_every_byte_has_a_text_of_printable_ascii_of_its_own() -> None:
    texts = {label_text(bytes([byte])) for byte in range(256)}
    assert len(texts) == 256 - 26
    assert all(character.isascii() and character.isprintable() and character != " " for text in texts for character in text)


@pytest.mark.parametrize("wire, length", [(b"\0", 1), (b"\x01a\0", 3), (b"\x01a\xc0\x0c", 4), (b"\x05a", -1), (b"\xc0", -1), (b"", -1)])
def test_skipping_finds_the_end(wire: bytes, length: int) -> None:
    assert skip_name(b"\xff" + wire, 1, 1 + len(wire)) == (length + 1 if length > 0 else -1)
