"""Hellos: what is offered and chosen, also where they are cut or contradict themselves; their fingerprint."""

from __future__ import annotations

import pytest

from analyzer.tls.hello import client_hello as read_client
from analyzer.tls.hello import encrypted_extensions, shown
from analyzer.tls.hello import server_hello as read_server
from analyzer.tls.ja4 import ja4
from analyzer.tls.messages import Messages
from analyzer.tls.numbers import VERSIONS
from tests.tls.talk import NAME, OTHER, RANDOM, client_hello, extension, message, server_hello, vector


def test_what_a_client_offers() -> None:
    found = read_client(client_hello(protocols=(b"h2", b"http/1.1"), early=True)[4:])
    assert found is not None
    assert (found.random, found.offer.server_name, found.offer.protocols) == (RANDOM, NAME, (b"h2", b"http/1.1"))
    assert (found.offer.versions, found.offer.ciphers, found.offer.signatures) == ((0x0304, 0x0303), (0x1301, 0xC02F), (0x0403,))
    assert found.offer.takes_tickets
    assert found.offer.early_data
    assert found.offer.offers_13
    assert found.offer.extensions == (0, 16, 43, 13, 45, 42)


def test_a_bare_hello_offers_nothing_more() -> None:
    found = read_client(client_hello(None, versions=(), signatures=(), tickets=False)[4:])
    assert found is not None
    assert (found.offer.server_name, found.offer.protocols, found.offer.versions, found.offer.takes_tickets) == (None, (), (), False)
    assert not found.offer.offers_13


@pytest.mark.parametrize("name", ["Example.COM.", "a" * 254, "bad name", "\x1b[31mred"])
def test_names_are_plain_or_none(name: str) -> None:
    found = read_client(client_hello(name)[4:])
    assert found is not None
    assert found.offer.server_name == ("example.com" if name.startswith("Ex") else None)


def test_every_prefix_of_a_hello_is_read_as_far_as_it_goes() -> None:
    whole = client_hello(protocols=(b"h2",))[4:]
    read = [read_client(whole[:size]) for size in range(len(whole) + 1)]
    assert [found is None for found in read] == [size < 34 for size in range(len(whole) + 1)]
    assert read[-1] is not None
    assert read[-1].offer.server_name == NAME
    answer = server_hello()[4:]
    answers = [read_server(answer[:size]) for size in range(len(answer) + 1)]
    assert answers[-1] is not None
    assert answers[-1].version == 0x0304


@pytest.mark.parametrize(
    "answer, version, resumes, retry",
    [
        (server_hello(), 0x0304, False, False),
        (server_hello(resumed=True), 0x0304, True, False),
        (server_hello(retry=True), 0x0304, False, True),
        (server_hello(0xC02F, version=0x0303), 0x0303, False, False),
    ],
)
def test_what_a_server_chooses(answer: bytes, version: int, resumes: bool, retry: bool) -> None:
    found = read_server(answer[4:])
    assert found is not None
    assert (found.version, found.resumes, found.is_retry) == (version, resumes, retry)
    assert retry or found.random == OTHER


@pytest.mark.parametrize("draft, shown_as", [(18, "TLS 1.3 (draft 18)"), (21, "TLS 1.3 (draft 21)")])
def test_drafts_of_13_answer_without_session_and_compression(draft: int, shown_as: str) -> None:
    chosen = read_server(bytes([0x7F, draft]) + bytes(32) + bytes.fromhex("1303 0004 0029 0000"))
    assert chosen is not None
    assert (VERSIONS[chosen.version], chosen.cipher, chosen.is_13, chosen.resumes) == (shown_as, 0x1303, True, True)


def test_encrypted_extensions() -> None:
    assert encrypted_extensions(vector(2, extension(16, vector(2, vector(1, b"h2"))) + extension(42))) == (b"h2", True)
    assert encrypted_extensions(b"\0") == (None, False)


def test_alpn_names_that_are_not_printable_are_not_shown() -> None:
    assert (shown(b"h2"), shown(b"\x1b[2J"), shown(None)) == ("h2", None, None)


# JA4, from the example in FoxIO's technical details.
CIPHERS = (
    0x0A0A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035,
)  # fmt: skip
SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
REST = (0x001B, 0x0033, 0x4469, 0x0017, 0x0005, 0x0023, 0x0012, 0xFF01, 0x000B, 0x000A, 0x0015, 0x2A2A)


def test_the_fingerprint_is_that_of_its_authors() -> None:
    hello = client_hello(
        versions=(0x3A3A, 0x0304, 0x0303), ciphers=CIPHERS, protocols=(b"h2", b"http/1.1"), signatures=SIGNATURES,
        more=tuple(extension(kind) for kind in REST),
    )  # fmt: skip
    found = read_client(hello[4:])
    assert found is not None
    assert ja4(found.offer) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_the_fingerprint_of_a_bare_hello() -> None:
    found = read_client(b"\x03\x01" + RANDOM + b"\0" + vector(2, b"") + b"\x01\0")
    assert found is not None
    assert ja4(found.offer) == "t10i000000_000000000000_000000000000"


@pytest.mark.parametrize("name, shown_as", [(b"h2", "h2"), (b"http/1.1", "h1"), (b"\xab\xcd", "ad"), (b"x", "xx"), (b"", "00")])
def test_the_alpn_part_of_a_fingerprint(name: bytes, shown_as: str) -> None:
    found = read_client(client_hello(protocols=(name,))[4:])
    assert found is not None
    assert ja4(found.offer).split("_")[0][-2:] == shown_as


def test_messages_are_the_same_however_they_are_cut() -> None:
    data = client_hello() + message(14) + message(11, bytes(5000)) + server_hello()
    whole = Messages().feed(data)
    assert [(one.type, one.size) for one in whole] == [(1, len(client_hello()) - 4), (14, 0), (11, 5000), (2, len(server_hello()) - 4)]
    assert [bool(one.body) for one in whole] == [True, False, False, True]
    for size in (1, 3, 100, 4097):
        pieces = Messages()
        assert [one for at in range(0, len(data), size) for one in pieces.feed(data[at : at + size])] == whole


def test_a_message_under_way_is_handed_over_as_far_as_it_came() -> None:
    messages = Messages()
    assert messages.feed(client_hello()[:80]) == []
    found = messages.partial()
    assert found is not None
    assert found.body == client_hello()[4:80]
    assert Messages().partial() is None
