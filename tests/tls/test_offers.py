"""Offers that were read before: remembered by all that they say, whatever else their hellos hold, and only so many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.tls import offer
from analyzer.tls.hello import client_hello as read_client
from analyzer.tls.offer import LONGEST_OFFER, MOST_OFFERS, Offer
from tests.tls.talk import client_hello, extension, numbers, vector

SESSION_TICKET, PRE_SHARED_KEY, KEY_SHARE = 35, 41, 51
FIELDS = tuple(name for name in Offer.__slots__ if name != "fingerprint")
TYPES = st.sampled_from([0, 13, 16, 23, SESSION_TICKET, PRE_SHARED_KEY, 42, 43, 45, KEY_SHARE, 0x0A0A])
NUMBERS = st.lists(st.sampled_from([0x0304, 0x0303, 0x1301, 0x0403]), max_size=3).map(numbers)
CONTENTS = st.one_of(
    st.binary(max_size=6), NUMBERS.map(lambda data: vector(1, data)), NUMBERS.map(lambda data: vector(2, data)),
    st.just(vector(2, b"\0" + vector(2, b"sts.amazonaws.com"))), st.just(vector(2, vector(1, b"h2"))),
)  # fmt: skip
EXTENSIONS = st.lists(st.builds(extension, TYPES, CONTENTS), max_size=5)


def hello(random: bytes, session: bytes, ciphers: bytes, extensions: list[bytes]) -> bytes:
    return b"\x03\x03" + random + vector(1, session) + vector(2, ciphers) + b"\x01\0" + vector(2, b"".join(extensions))


def said(found: Offer) -> list[object]:
    return [getattr(found, name) for name in FIELDS]


@given(
    st.lists(st.tuples(st.binary(max_size=4), NUMBERS, EXTENSIONS), min_size=2, max_size=6),
    st.integers(0, 20), st.integers(-1, 200), st.integers(0, 255),
)  # fmt: skip
def test_what_is_remembered_is_what_would_be_read(
    parts: list[tuple[bytes, bytes, list[bytes]]], cut: int, changed: int, value: int
) -> None:
    for number, (session, ciphers, extensions) in enumerate(parts):
        body = hello(bytes((number,)) * 32, session, ciphers, extensions)
        other = bytearray(body)
        if 34 <= changed < len(body):
            other[changed] = value
        for one in (body, bytes(other), body[: len(body) - cut], body + b"\0" * cut):
            found = read_client(one)
            if found is not None:
                assert found.random == one[2:34]
                assert said(found.offer) == said(offer._read(one))


def test_what_differs_in_each_hello_makes_no_other_offer() -> None:
    def made(random: bytes, session: bytes, share: bytes, ticket: bytes, binder: bytes) -> Offer:
        kinds = ((SESSION_TICKET, ticket), (KEY_SHARE, share), (43, vector(1, numbers((0x0304,)))), (PRE_SHARED_KEY, binder))
        found = read_client(hello(random, session, numbers((0x1301,)), [extension(*one) for one in kinds]))
        assert found is not None
        return found.offer

    first = made(b"a" * 32, b"", b"share!", b"ticket", b"binder")
    assert made(b"b" * 32, b"s" * 32, b"others", b"TICKET", b"BINDER") is first
    assert first.versions == (0x0304,)
    assert made(b"b" * 32, b"", b"longer share", b"ticket", b"binder") is not first


def test_another_name_makes_another_offer() -> None:
    offers = []
    for name in ("one.example", "two.example", "one.example"):
        found = read_client(client_hello(name)[4:])
        assert found is not None
        offers.append(found.offer)
    assert [one.server_name for one in offers] == ["one.example", "two.example", "one.example"]
    assert offers[0] is offers[2]


def test_only_so_many_and_no_long_ones_are_remembered() -> None:
    offer._offers.clear()
    for number in range(2 * MOST_OFFERS + 1):
        read_client(client_hello(f"{number}.example")[4:])
        assert len(offer._offers) <= MOST_OFFERS
    before = len(offer._offers)
    many = read_client(client_hello(ciphers=tuple(range(LONGEST_OFFER)))[4:])
    assert many is not None
    assert many.offer.ciphers == tuple(range(LONGEST_OFFER))
    assert len(offer._offers) == before
