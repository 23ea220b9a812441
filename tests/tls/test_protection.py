"""Records sealed by the letter of the RFCs open; published ones too; and records that must not open do not."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.tls.protection import BadRecord, protection_13, protections_12
from analyzer.tls.schedule import TLS_1_0, TLS_1_1, TLS_1_2, key_block, next_secret, traffic_keys
from tests.tls.sealing import (
    CLIENT,
    MASTER,
    SERVER,
    SUITES_12,
    SUITES_13,
    SUITES_MAC,
    case_12,
    case_13,
    cases,
    opener_12,
    opener_13,
    seal_13,
)

NAMES = [case.name for case in cases()]
every = pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
NOT_TLS_1_0_CBC = [index for index, name in enumerate(NAMES) if name.split()[:2] not in (["0301", "002F"], ["0301", "C014"])]


@every
@settings(max_examples=25)  # for each way to protect records
@given(messages=st.lists(st.tuples(st.sampled_from([21, 22, 23]), st.binary(max_size=70)), max_size=5))
def test_what_is_sealed_opens(index: int, messages: list[tuple[int, bytes]]) -> None:
    case = cases()[index]
    opener = case.opener()
    for sequence, (kind, plain) in enumerate(messages):
        assert opener.open(*case.seal(sequence, kind, plain)) == (kind, plain)


@every
@settings(max_examples=10)  # for each way to protect records
@given(plain=st.binary(max_size=70))
def test_the_content_of_a_record_is_what_opening_it_gives(index: int, plain: bytes) -> None:
    case = cases()[index]
    kind, data, size = case.opener().content(*case.seal(0, 23, plain))
    assert (kind, data[:size], size) == (23, plain, len(plain))


@every
def test_a_full_record_opens(index: int) -> None:
    case = cases()[index]
    plain = os.urandom(16_384)
    assert case.opener().open(*case.seal(0, 23, plain)) == (23, plain)


@pytest.mark.parametrize("number", [*SUITES_12, *SUITES_MAC])
def test_the_server_has_keys_of_its_own(number: int) -> None:
    case = case_12(TLS_1_2, number, side=1)
    record = case.seal(0, 23, b"answer")
    assert case.opener().open(*record) == (23, b"answer")
    with pytest.raises(BadRecord):
        opener_12(TLS_1_2, number, 0).open(*record)


@every
def test_every_changed_byte_is_noticed(index: int) -> None:
    case = cases()[index]
    header, body = case.seal(0, 23, b"0123456789")
    for at in range(len(body)):
        with pytest.raises(BadRecord):
            case.opener().open(header, body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :])
    with pytest.raises(BadRecord):
        case.opener().open(bytes((header[0] ^ 1,)) + header[1:], body)
    with pytest.raises(BadRecord):
        case.opener().open(header[:2] + b"\x09" + header[3:], body)


@every
def test_every_cut_body_is_noticed(index: int) -> None:
    case = cases()[index]
    header, body = case.seal(0, 23, b"0123456789" * 5)
    for size in range(len(body)):
        with pytest.raises(BadRecord):
            case.opener().open(header, body[:size])


@every
@settings(max_examples=25)  # for each way to protect records
@given(header=st.binary(min_size=5, max_size=5), body=st.binary(max_size=100))
def test_no_bytes_raise_anything_else(index: int, header: bytes, body: bytes) -> None:
    with pytest.raises(BadRecord):
        cases()[index].opener().open(header, body)


@every
def test_more_bytes_than_a_record_has_are_refused(index: int) -> None:
    with pytest.raises(BadRecord):
        cases()[index].opener().open(b"\x17\x03\x03\xff\xff", bytes(200_000))


@pytest.mark.parametrize("index", NOT_TLS_1_0_CBC, ids=[NAMES[index] for index in NOT_TLS_1_0_CBC])
def test_a_bad_record_is_not_counted_and_a_skipped_one_is(index: int) -> None:
    case = cases()[index]
    opener = case.opener()
    assert opener.open(*case.seal(0, 23, b"first")) == (23, b"first")
    later = case.seal(3, 23, b"fourth")
    for _ in range(2):
        with pytest.raises(BadRecord):
            opener.open(*later)
        with pytest.raises(BadRecord):
            opener.open(later[0], bytes(len(later[1])))
    opener.skip(1)
    with pytest.raises(BadRecord):
        opener.open(*later)
    opener.skip(1)
    assert opener.open(*later) == (23, b"fourth")
    assert opener.open(*case.seal(4, 21, b"fifth")) == (21, b"fifth")


@pytest.mark.parametrize("number", SUITES_13)
def test_each_record_of_tls_1_3_has_a_nonce_of_its_own(number: int) -> None:
    case = case_13(number)
    opener = case.opener()
    for sequence in range(520):
        assert opener.open(*case.seal(sequence, 23, b"data")) == (23, b"data")
    opener.skip(70_000)
    for sequence in range(70_520, 70_530):
        assert opener.open(*case.seal(sequence, 23, b"later")) == (23, b"later")


def test_cbc_of_tls_1_0_loses_one_record_more_than_were_skipped() -> None:
    case = case_12(TLS_1_0, 0x002F)
    opener = case.opener()
    records = [case.seal(sequence, 23, b"%d" % sequence * 20) for sequence in range(5)]
    assert opener.open(*records[0]) == (23, b"0" * 20)
    opener.skip(1)
    with pytest.raises(BadRecord):
        opener.open(*records[2])
    opener.skip(1)
    assert opener.open(*records[3]) == (23, b"3" * 20)
    assert opener.open(*records[4]) == (23, b"4" * 20)


@pytest.mark.parametrize("number", SUITES_13)
def test_padding_of_tls_1_3_is_removed(number: int) -> None:
    case = case_13(number, padding=300)
    opener = case.opener()
    assert opener.open(*case.seal(0, 22, b"ends with zeros\0\0")) == (22, b"ends with zeros\0\0")
    assert opener.open(*case.seal(1, 23, b"")) == (23, b"")


@pytest.mark.parametrize("number", SUITES_13)
def test_nothing_but_padding_is_bad(number: int) -> None:
    case = case_13(number, padding=20)
    opener = case.opener()
    with pytest.raises(BadRecord):
        opener.open(*case.seal(0, 0, b""))
    with pytest.raises(BadRecord):
        opener.open(*case.seal(0, 0, bytes(20)))
    assert opener.open(*case.seal(0, 23, b"still the first")) == (23, b"still the first")


def test_no_inner_type_is_bad() -> None:
    key, iv = traffic_keys(bytes(32), 16, "sha256")
    header = b"\x17\x03\x03\x00\x10"
    with pytest.raises(BadRecord):
        opener_13(0x1301, bytes(32)).open(header, AESGCM(key).encrypt(iv, b"", header))


@pytest.mark.parametrize("encrypt_then_mac", [False, True])
@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1, TLS_1_2])
@pytest.mark.parametrize("padding", [0, 1, 7, 15])
def test_longer_padding_of_cbc_is_removed(version: int, padding: int, encrypt_then_mac: bool) -> None:
    case = case_12(version, 0x002F, encrypt_then_mac, padding)
    opener = case.opener()
    for sequence, plain in enumerate((b"", b"x" * 15, b"\x0f" * 16, b"y" * 1000)):
        assert opener.open(*case.seal(sequence, 23, plain)) == (23, plain)


def test_a_right_mac_does_not_excuse_wrong_padding() -> None:
    # With encrypt-then-MAC whoever has the MAC key can seal what no sender would.
    block = key_block(TLS_1_2, "sha256", MASTER, CLIENT, SERVER, 20, 16, 0)
    good = case_12(TLS_1_2, 0x002F, encrypt_then_mac=True)
    opener = good.opener()
    for inner in (bytes(15) + b"\x01", b"\xff" * 16, bytes(15) + b"\x10"):
        encryptor = Cipher(algorithms.AES(block.client_key), modes.CBC(bytes(16))).encryptor()
        body = bytes(16) + encryptor.update(inner)
        mac = hmac.digest(block.client_mac, bytes(8) + b"\x17\x03\x03\x00\x20" + body, "sha1")
        with pytest.raises(BadRecord):
            opener.open(b"\x17\x03\x03\x00\x34", body + mac)
    assert opener.open(*good.seal(0, 23, b"still the first")) == (23, b"still the first")


@pytest.mark.parametrize("number", SUITES_13)
def test_key_updates_go_on_with_the_next_secret(number: int) -> None:
    hash_name, size = ("sha384", 48) if number == 0x1302 else ("sha256", 32)
    secret = bytes(size)
    opener = opener_13(number, secret)
    for _ in range(3):
        seal = seal_13(number, secret)
        assert opener.open(*seal(0, 22, b"KeyUpdate")) == (22, b"KeyUpdate")
        assert opener.open(*seal(1, 23, b"more")) == (23, b"more")
        opener.update()
        secret = next_secret(secret, hash_name)


@pytest.mark.parametrize("number", [0xC02F, 0xCCA8, 0x002F, 0x0002])
def test_before_tls_1_3_an_update_changes_nothing(number: int) -> None:
    case = case_12(TLS_1_2, number)
    opener = case.opener()
    opener.open(*case.seal(0, 23, b"first"))
    opener.update()
    assert opener.open(*case.seal(1, 23, b"second")) == (23, b"second")


@pytest.mark.parametrize("number", [0x0000, 0x0005, 0x000A, 0x1A1A, 0x00FF, 0x1306, 0xC02F, 0xC0B4, 0xFFFF])
def test_suites_that_tls_1_3_does_not_open(number: int) -> None:
    assert protection_13(number, bytes(32)) is None


@pytest.mark.parametrize(
    "version, number",
    [
        *((TLS_1_2, number) for number in (0x0000, 0x0005, 0x000A, 0x0041, 0x1A1A, 0x1301, 0xC07A, 0xFFFF)),
        *((version, number) for version in (TLS_1_0, TLS_1_1) for number in (0xC02F, 0xCCA8, 0x003C, 0xC028, 0x00B0)),
        *((version, 0x002F) for version in (0, 0x0300, 0x0304, 0xFEFD)),
    ],
)
def test_suites_that_earlier_versions_do_not_open(version: int, number: int) -> None:
    assert protections_12(version, number, MASTER, CLIENT, SERVER) is None


def test_a_platform_without_a_hash_or_cipher_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm

    from analyzer.tls import _aead, protection

    def refuse(*_: object, **__: object) -> bytes:
        raise UnsupportedAlgorithm("not in this build")

    monkeypatch.setattr(_aead, "ChaCha20Poly1305", refuse)
    protection._maker_13.cache_clear()
    assert protection_13(0x1303, bytes(32)) is None
    assert protections_12(TLS_1_2, 0xCCA8, MASTER, CLIENT, SERVER) is None
    assert protection_13(0x1301, bytes(32)) is not None
    protection._maker_13.cache_clear()


@given(secret=st.binary(max_size=64), master=st.binary(max_size=64), random=st.binary(max_size=40))
def test_secrets_of_any_length_make_openers(secret: bytes, master: bytes, random: bytes) -> None:
    assert protection_13(0x1301, secret) is not None
    assert protections_12(TLS_1_2, 0xC02F, master, random, random) is not None
    assert protections_12(TLS_1_0, 0x002F, master, random, random) is not None


@every
def test_nothing_secret_is_shown(index: int) -> None:
    opener = cases()[index].opener()
    assert repr(opener).startswith("<analyzer.tls._")
    with pytest.raises(BadRecord) as failure:
        opener.open(b"\x17\x03\x03\x00\x40", b"s" * 64)
    assert not any(part in str(failure.value) for part in ("s" * 4, "\\x", "73"))


def test_record_of_rfc_8448_section_3() -> None:
    opener = opener_13(0x1301, bytes.fromhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"))
    header = bytes.fromhex("1703030043")
    body = bytes.fromhex(
        "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e"
        "3deae63aeebb21694915e4"
    )
    assert opener.open(header, body) == (23, bytes(range(50)))


def test_ciphers_are_imported_with_the_first_secrets() -> None:
    code = "import sys, analyzer.tls.protection, analyzer.tls.keylog; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
