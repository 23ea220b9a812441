"""Messages: byte literals, what is no DNS, and cut packets."""

from __future__ import annotations

import random
import struct

import pytest

from analyzer.dns import parse
from analyzer.dns._message import MAX_RECORDS
from tests.dns.wire import NAME, header, name, query, record, response

QUESTION = name("a.example") + b"\0\x01\0\x01"
TAIL = bytes.fromhex("0000290200000000000000")
"""An OPT record: root, type 41, 512 bytes, no flags, no data (RFC 6891 section 6.1.2)."""


def test_a_query_of_glibc() -> None:
    data = bytes.fromhex("f3bd 0100 0001 0000 0000 0000 0377777707657861 6d706c6503636f6d 00 001c 0001")
    assert parse(data, 0, len(data)) == (0xF3BD, False, "NOERROR", False, "www.example.com", "AAAA", ())


def test_an_answer_with_an_alias_and_two_addresses() -> None:
    data = bytes.fromhex(
        "0102 8180 0001 0003 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001"
        "c00c 0005 0001 0000012c 0006 0363646e c010"
        "c02d 0001 0001 0000003c 0004 01020304"
        "c02d 0001 0001 80000001 0004 05060708"
    )
    message = parse(b"\xff" * 3 + data + b"\xff" * 9, 3, 3 + len(data))
    assert message is not None
    assert message.name == "www.example.com"
    assert message.answers == (
        ("www.example.com", "CNAME", 300, "cdn.example.com"),
        ("cdn.example.com", "A", 60, b"\1\2\3\4"),
        ("cdn.example.com", "A", 0, b"\5\6\7\x08"),
    )


def test_an_ipv6_address_and_a_type_without_a_name() -> None:
    sixteen = bytes(range(16))
    data = header(7, 0x8180, answers=2) + QUESTION + record(28, sixteen) + record(65400, b"xyz")
    message = parse(data, 0, len(data))
    assert message is not None
    assert message.answers == (("a.example", "AAAA", 5, sixteen), ("a.example", "TYPE65400", 5, b""))


def test_an_address_of_another_class_is_no_address() -> None:
    data = header(7, 0x8180, answers=1) + QUESTION + record(1, b"\1\2\3\4", class_=3)
    message = parse(data, 0, len(data))
    assert message is not None
    assert message.answers[0][3] == b""


@pytest.mark.parametrize(
    "low, extension, text", [(3, 0, "NXDOMAIN"), (2, 0, "SERVFAIL"), (0, 1, "BADVERS"), (7, 1, "BADCOOKIE"), (12, 0, "RCODE12")]
)
def test_the_response_code_is_extended_by_opt(low: int, extension: int, text: str) -> None:
    authority = record(6, b"\0\0" + b"\0" * 20)
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, extension << 24, 0)
    data = header(7, 0x8180 | low, authority=1, additional=1) + QUESTION + authority + opt
    message = parse(data, 0, len(data))
    assert message is not None
    assert message.rcode == text


def test_the_root_and_truncation() -> None:
    data = header(7, 0x8380) + b"\0\0\x02\0\x01"
    message = parse(data, 0, len(data))
    assert message is not None
    assert (message.name, message.type, message.truncated) == (".", "NS", True)


GOOD_QUERY = header(1, 0x0120, additional=1) + QUESTION + TAIL
GOOD_RESPONSE = header(1, 0x8180, answers=1) + QUESTION + record(1, b"\1\2\3\4")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD_QUERY[:16],
        header(1, 0x0100, questions=0) + QUESTION,
        header(1, 0x0100, questions=2) + QUESTION + QUESTION,
        header(1, 0x2900) + QUESTION,  # opcode UPDATE
        header(1, 0x0140) + QUESTION,  # reserved bit
        header(1, 0x0103) + QUESTION,  # a query with a response code
        header(1, 0x0100, answers=1) + QUESTION + record(1, b"\1\2\3\4"),
        header(1, 0x0100) + name("a.example") + b"\0\x01\0\x07",  # class 7
        header(1, 0x0100) + b"\xc0\x0c\0\x01\0\x01\0",  # a question must be spelt out
        header(1, 0x0100) + b"\x40" + b"a" * 64 + b"\0\0\x01\0\x01",
        header(1, 0x0100, additional=1) + QUESTION + TAIL[:-1],
        header(1, 0x8180, answers=2) + QUESTION + record(1, b"\1\2\3\4"),
        header(1, 0x8180, answers=1) + QUESTION + record(1, b"\1\2\3\4\5"),
        header(1, 0x8180, answers=1) + QUESTION + record(28, b"\1\2\3\4"),
        header(1, 0x8180, answers=1) + QUESTION + record(5, b"\x01b\0\0"),
        header(1, 0x8180, answers=1) + QUESTION + record(5, b"\x07b\0"),
        b"GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
    ],
)
def test_what_is_no_dns_is_none(data: bytes) -> None:
    assert parse(data, 0, len(data)) is None


@pytest.mark.parametrize("data", [GOOD_QUERY, GOOD_RESPONSE])
def test_the_look_alikes_are_dns(data: bytes) -> None:
    assert parse(data, 0, len(data)) is not None


def test_a_name_with_a_zero_inside_is_not_taken_for_the_shorter_one() -> None:
    plain = header(1, 0x0100) + b"\x03abc\0\0\x01\0\x01"
    tricky = header(1, 0x0100) + b"\x05abc\0d\0\0\x01\0\x01"
    for _ in range(2):
        first, second = parse(plain, 0, len(plain)), parse(tricky, 0, len(tricky))
        assert first is not None
        assert second is not None
        assert (first.name, first.type) == ("abc", "A")
        assert (second.name, second.type) == (r"abc\000d", "A")


def test_random_bytes_rarely_pass() -> None:
    source = random.Random(53)
    assert sum(parse(data, 0, len(data)) is not None for data in (source.randbytes(60) for _ in range(20_000))) == 0


def test_a_cut_packet_gives_what_it_holds() -> None:
    data = response(addresses=("1.1.1.1", "2.2.2.2", "3.3.3.3"))
    whole = parse(data, 0, len(data))
    assert whole is not None
    question = len(query())
    for end in range(len(data) + 1):
        message = parse(data, 0, end, len(data))
        assert (message is not None) == (end >= question)
        if message is not None:
            assert message == whole._replace(answers=whole.answers[: (end - question) // 16])


def test_a_message_that_ends_early_without_being_cut_is_refused() -> None:
    data = response(addresses=("1.1.1.1", "2.2.2.2"))
    assert parse(data, 0, len(data) - 1) is None


def test_answers_are_bounded() -> None:
    data = header(1, 0x8180, answers=4000) + QUESTION + record(1, b"\1\2\3\4") * 4000
    message = parse(data, 0, len(data))
    assert message is not None
    assert len(message.answers) == MAX_RECORDS


def test_names_of_other_messages_do_not_leak_in() -> None:
    for asked in (NAME, "imds.example", NAME.upper(), "b" + NAME):
        message = parse(query(asked=asked), 0, len(query(asked=asked)))
        assert message is not None
        assert message.name == asked.lower()
