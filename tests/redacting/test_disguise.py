"""What stands in for words, names and addresses: same length and kind, the same for the same, different for what differs."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.redacting.disguise import Disguise

WORDS = st.text("abcXYZ0189", min_size=1, max_size=40).map(str.encode)


def kinds(text: bytes) -> str:
    return "".join("d" if char in b"0123456789" else "l" if chr(char).islower() else "u" if chr(char).isupper() else "." for char in text)


@given(st.lists(WORDS, max_size=20))
def test_words_keep_their_shape_and_stay_apart(words: list[bytes]) -> None:
    disguise = Disguise(b"key")
    made = {word: disguise.word(word) for word in words}
    for word, new in made.items():
        assert kinds(new) == kinds(word)
        assert disguise.word(word) == new
        assert len(word) < 3 or new != word
    long = {word: new for word, new in made.items() if len(word) > 2}
    assert len(set(long.values())) == len(long)


def test_short_words_are_never_taken_for_each_other() -> None:
    disguise = Disguise(b"key")
    made = [disguise.word(b"%03d" % number) for number in range(100, 400)]
    assert len(set(made)) == len(made)


def test_another_key_gives_another_disguise() -> None:
    assert Disguise(b"one").word(b"Customers") == Disguise(b"one").word(b"Customers") != Disguise(b"two").word(b"Customers")


@given(st.binary(max_size=60))
def test_any_text_keeps_its_length_and_becomes_plain(text: bytes) -> None:
    made = Disguise(b"key").text(text)
    assert len(made) == len(text)
    assert all(char in b"\t\r\n" or 0x20 <= char < 0x7F for char in made)


def test_key_ids_and_identifiers_keep_their_form() -> None:
    disguise = Disguise(b"key")
    assert disguise.word(b"ASIAIOSFODNN7EXAMPLE").startswith(b"ASIA")
    made = disguise.identifier(b"7f9c24e8-3b12-4fef-91c8-5f0a7a1e0b22")
    assert set(made) <= set(b"0123456789abcdef-")
    assert [len(part) for part in made.split(b"-")] == [8, 4, 4, 4, 12]


@pytest.mark.parametrize(
    "kept",
    [
        "dynamodb.us-east-1.amazonaws.com", "streams.dynamodb.eu-central-1.amazonaws.com", "sts.amazonaws.com", "169.254.169.254",
        "localhost", "dynamodb.dualstack.us-west-2.api.aws", "s3.cn-north-1.amazonaws.com.cn", "[fd00:ec2::254]", "127.0.0.1",
    ],
)  # fmt: skip
def test_endpoints_stay(kept: str) -> None:
    assert Disguise(b"key").hosts.authority(kept.encode() + b":80") == kept.encode() + b":80"


@pytest.mark.parametrize(
    "name, stays",
    [
        ("customers-prod.s3.eu-west-1.amazonaws.com", ".s3.eu-west-1.amazonaws.com"),
        ("123456789012.ddb.us-east-1.amazonaws.com", ".ddb.us-east-1.amazonaws.com"),
        ("vpce-0a1b2c3d-xyzzy.dynamodb.us-east-1.vpce.amazonaws.com", ".dynamodb.us-east-1.vpce.amazonaws.com"),
        ("ledger.acme-bank.example.com", ".example.com"),
        ("abcdef123.execute-api.us-east-1.amazonaws.com", ".execute-api.us-east-1.amazonaws.com"),
    ],
)
def test_what_a_customer_chose_goes(name: str, stays: str) -> None:
    made = Disguise(b"key").hosts.name(name.encode()).decode()
    assert made.endswith(stays)
    assert len(made) == len(name)
    assert not set(made.removesuffix(stays).split(".")) & set(name.removesuffix(stays).split("."))


def test_a_search_list_behind_an_endpoint() -> None:
    disguise = Disguise(b"key")
    made = disguise.hosts.name(b"dynamodb.us-east-1.amazonaws.com.corp-net.acme.com")
    assert made.startswith(b"dynamodb.us-east-1.amazonaws.com.")
    assert b"acme" not in made
    assert b"corp" not in made


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_addresses_keep_their_common_prefix(a: int, b: int) -> None:
    """Inside of private ranges, where nothing is walked around."""
    addresses = Disguise(b"key").addresses
    first, second = (0x0A000000 | number & 0xFFFFFF for number in (a, b))
    made = [int.from_bytes(addresses.ip(number.to_bytes(4, "big")), "big") for number in (first, second)]
    assert 32 - (first ^ second).bit_length() == 32 - (made[0] ^ made[1]).bit_length()
    assert all(number >> 24 == 10 for number in made)


@given(st.ip_addresses())
def test_addresses_stay_of_their_kind(address: object) -> None:
    known = ip_address(str(address))
    made = ip_address(Disguise(b"key").addresses.ip(known.packed))
    assert made.version == known.version
    for kind in ("is_private", "is_loopback", "is_link_local", "is_multicast"):
        if known.version == 4 and not (known in ip_network("192.0.0.0/8") or made in ip_network("192.0.0.0/8")):
            assert getattr(made, kind) == getattr(known, kind) or kind == "is_private"
    if known.is_loopback or known.is_link_local or known.is_multicast:
        assert made == known


def test_the_credential_endpoints_and_groups_stay() -> None:
    addresses = Disguise(b"key").addresses
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fe80::1",
        "255.255.255.255",
        "::1",
    ):
        assert addresses.ip(ip_address(text).packed) == ip_address(text).packed
    for text in ("10.0.1.23", "3.218.180.10", "2600:1f18::7", "fd12:3456::1", "::ffff:10.0.1.23"):
        assert addresses.ip(ip_address(text).packed) != ip_address(text).packed
    assert addresses.ip(ip_address("::ffff:10.0.1.23").packed)[12:] == addresses.ip(ip_address("10.0.1.23").packed)
    assert addresses.mac(b"\xff" * 6) == b"\xff" * 6
    assert addresses.mac(bytes.fromhex("0a58c2416e2b")) != bytes.fromhex("0a58c2416e2b")
    assert addresses.mac(bytes.fromhex("0a58c2416e2b"))[0] & 3 == 2
