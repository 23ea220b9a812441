"""Key schedules against published and independently computed answers."""

from __future__ import annotations

import pytest

from analyzer.tls.schedule import TLS_1_0, TLS_1_1, TLS_1_2, expand_label, key_block, next_secret, prf, traffic_keys

_hex = bytes.fromhex


@pytest.mark.parametrize(
    "secret, key, iv",
    [
        (
            "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            "dbfaa693d1762c5b666af5d950258d01",
            "5bd3c71b836e0b76bb73265f",
        ),
        (
            "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
            "3fce516009c21727d0f2e4e86ee403bc",
            "5d313eb2671276ee13000b30",
        ),
        (
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
            "17422dda596ed5d9acd890e3c63f5051",
            "5b78923dee08579033e523d9",
        ),
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984",
        ),
    ],
    ids=["client handshake", "server handshake", "client application", "server application"],
)
def test_traffic_keys_of_rfc_8448_section_3(secret: str, key: str, iv: str) -> None:
    assert traffic_keys(_hex(secret), 16, "sha256") == (_hex(key), _hex(iv))


# openssl kdf -keylen N -kdfopt digest:... -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:... -kdfopt prefix:'tls13 ' -kdfopt label:... TLS13-KDF
def test_the_secret_after_a_key_update() -> None:
    assert next_secret(bytes(range(32)), "sha256") == _hex("2cecd0a17506ef5fa73edc062d6e7b5397cf074ec1b4d8f99a120772932f0b45")
    assert next_secret(bytes(range(48)), "sha384") == _hex(
        "401331b63e9d59f202e8f041042d9516f4cd7fa2e2ee14631d3b49fc340d7af37fc2c0c9f252d8036f81ec5b85cbe5db"
    )


def test_a_label_longer_than_one_hash_is_expanded_in_blocks() -> None:
    assert expand_label(bytes(range(32)), "key", 80, "sha256") == _hex(
        "36d52c5d9d2045ca0294d31e9753e01cd9a392ec4fbec6504296c8aafd6a948fc19b9a5e7495c5543e51ef32e10470a0ac50d3bfa261e6350aca0d5fd28e2eb2dfb55293b44c42fee49ab9aaae640662"
    )


# The vector for P_SHA256 that circulates with TLS 1.2 implementations.
def test_prf_of_tls_1_2() -> None:
    output = prf(TLS_1_2, _hex("9bbe436ba940f017b17652849a71db35"), b"test label", _hex("a0ba9f936cda311827a6f796ffd5198c"), 100, "sha256")
    assert output == _hex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17"
        "abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


# openssl kdf -keylen N -kdfopt digest:... -kdfopt hexsecret:... -kdfopt seed:'PRF Testvector' -kdfopt hexseed:cdcd... TLS1-PRF
def test_prf_of_tls_1_2_with_sha_384() -> None:
    output = prf(TLS_1_2, b"\xab" * 48, b"PRF Testvector", b"\xcd" * 64, 48, "sha384")
    assert output == _hex("3fce2dd25c024f6c893700d7615091760213bd4d67d1e9b98960f499f32566a48e23d58285587392a0aaff06721b233f")


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
def test_prf_before_tls_1_2(version: int) -> None:
    output = prf(version, b"\xab" * 48, b"PRF Testvector", b"\xcd" * 64, 104, "sha384")
    assert output == _hex(
        "d3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754443bcf9a296519bc289abcbc1187e4ebd31e602353776c40"
        "8aafb74cbc85eff69255f9788faa184cbb957a9819d84a5d7eb006eb459d3ae8de9810454b8b2d8f1afbc655a8c9a013"
    )


def test_prf_before_tls_1_2_splits_an_odd_secret_in_overlapping_halves() -> None:
    output = prf(TLS_1_0, bytes(range(1, 48)), b"PRF Testvector", b"\xcd" * 64, 100, "")
    assert output == _hex(
        "4721d266f3b603b61fa236cee6388f8559ddb16b09eb72bce10294fea949db4a31db4bc764398ea6d0f4e56ae5b231b38b0b55480c34fdd3"
        "1ecd407138c4a9ed926f0bad52c23034fe207a5a064163e55ab6d1818ce214a0da625cad9e223c114d200cca"
    )


# The keys that "The Illustrated TLS 1.2 Connection" derives from the master secret in its capture's key log.
def test_key_block_of_the_illustrated_connection() -> None:
    block = key_block(
        TLS_1_2,
        "sha256",
        _hex("916abf9da55973e13614ae0a3f5d3f37b023ba129aee02cc9134338127cd7049781c8e19fc1eb2a7387ac06ae237344c"),
        bytes(range(32)),
        bytes(range(0x70, 0x90)),
        20,
        16,
        0,
    )
    assert block.client_mac == _hex("1b7d117c7d5f690bc263cae8ef60af0f1878acc2")
    assert block.server_mac == _hex("2ad8bdd8c601a617126f63540eb20906f781fad2")
    assert block.client_key == _hex("f656d037b173ef3e11169f27231a84b6")
    assert block.server_key == _hex("752a18e7a9fcb7cbcdd8f98dd8f769eb")
    assert block.client_iv == block.server_iv == b""


def test_a_key_block_is_cut_in_order() -> None:
    block = key_block(TLS_1_2, "sha256", bytes(48), b"c" * 32, b"s" * 32, 3, 5, 7)
    assert b"".join(block) == prf(TLS_1_2, bytes(48), b"key expansion", b"s" * 32 + b"c" * 32, 30, "sha256")
    assert [len(part) for part in block] == [3, 3, 5, 5, 7, 7]


@pytest.mark.parametrize("hash_name, size", [("sha256", 32), ("sha384", 48)])
@pytest.mark.parametrize("key_length", [16, 32])
def test_traffic_keys_are_expanded_labels(hash_name: str, size: int, key_length: int) -> None:
    for first in range(0, 256, 5):
        secret = bytes((first + 7 * place) & 0xFF for place in range(size))
        assert traffic_keys(secret, key_length, hash_name) == (
            expand_label(secret, "key", key_length, hash_name),
            expand_label(secret, "iv", 12, hash_name),
        )
