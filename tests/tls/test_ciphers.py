"""The suite table: names as the registry and Wireshark have them, lengths as the RFCs do."""

from __future__ import annotations

import subprocess

import pytest

from analyzer.tls.ciphers import Bulk, suite, suite_name

WELL_KNOWN = {
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}


@pytest.mark.parametrize("number, name", WELL_KNOWN.items())
def test_well_known_suites_have_their_names(number: int, name: str) -> None:
    assert suite_name(number) == name


@pytest.mark.parametrize("number", [0x1A1A, 0x0A0A, 0xFEFF, 0xFFFF, 0x00C8])
def test_a_number_without_a_suite_is_written_as_a_number(number: int) -> None:
    assert suite(number) is None
    assert suite_name(number) == f"0x{number:04X}"


def test_signals_are_no_suites() -> None:
    assert suite(0x00FF) is None
    assert suite(0x5600) is None
    assert suite_name(0x5600) == "TLS_FALLBACK_SCSV"


@pytest.mark.parametrize(
    "number, exchange, hash_name, bulk",
    [
        (0x1301, None, "sha256", Bulk("gcm", 16, 4, 8, 16, None, 0)),
        (0x1302, None, "sha384", Bulk("gcm", 32, 4, 8, 16, None, 0)),
        (0x1303, None, "sha256", Bulk("chacha20-poly1305", 32, 12, 0, 16, None, 0)),
        (0x1305, None, "sha256", Bulk("ccm", 16, 4, 8, 8, None, 0)),
        (0x002F, "RSA", "sha256", Bulk("cbc", 16, 16, 16, 0, "sha1", 20)),
        (0x003D, "RSA", "sha256", Bulk("cbc", 32, 16, 16, 0, "sha256", 32)),
        (0xC028, "ECDHE_RSA", "sha384", Bulk("cbc", 32, 16, 16, 0, "sha384", 48)),
        (0xC02F, "ECDHE_RSA", "sha256", Bulk("gcm", 16, 4, 8, 16, None, 0)),
        (0xC09D, "RSA", "sha256", Bulk("ccm", 32, 4, 8, 16, None, 0)),
        (0xC0AF, "ECDHE_ECDSA", "sha256", Bulk("ccm", 32, 4, 8, 8, None, 0)),
        (0xC0B3, "ECCPWD", "sha384", Bulk("ccm", 32, 4, 8, 16, None, 0)),
        (0xCCA9, "ECDHE_ECDSA", "sha256", Bulk("chacha20-poly1305", 32, 12, 0, 16, None, 0)),
        (0x0001, "RSA", "sha256", Bulk("null", 0, 0, 0, 0, "md5", 16)),
        (0xC010, "ECDHE_RSA", "sha256", Bulk("null", 0, 0, 0, 0, "sha1", 20)),
        (0x00B1, "PSK", "sha384", Bulk("null", 0, 0, 0, 0, "sha384", 48)),
    ],
)
def test_lengths_of_the_suites_that_are_opened(number: int, exchange: str | None, hash_name: str, bulk: Bulk) -> None:
    found = suite(number)
    assert found is not None
    assert (found.number, found.key_exchange, found.hash, found.bulk) == (number, exchange, hash_name, bulk)


@pytest.mark.parametrize("number", [0x0000, 0x0005, 0x0009, 0x000A, 0x0041, 0x0096, 0x00C6, 0x1306, 0xC07A, 0xC050, 0xC0B4, 0xC100])
def test_suites_that_are_named_and_not_opened(number: int) -> None:
    found = suite(number)
    assert found is not None
    assert found.name.startswith("TLS_")
    assert found.bulk is None


def test_every_number_is_answered() -> None:
    named = 0
    for number in range(0x10000):
        found = suite(number)
        assert found is None or found.name == suite_name(number)
        named += found is not None
    assert named == 350  # what the tables hold


def test_names_agree_with_wireshark(tshark: str) -> None:
    lines = subprocess.run([tshark, "-G", "values"], capture_output=True, text=True, check=True).stdout.splitlines()
    rows = (line.split("\t") for line in lines if "\ttls.handshake.ciphersuite\t" in line)
    theirs = {int(row[2]): row[3] for row in rows}
    ours = {number: suite_name(number) for number in range(0x10000) if suite(number)}
    # Numbers that the Wireshark at hand may be too old to name.
    assert {number: name for number, name in ours.items() if theirs.get(number) != name}.keys() <= {0x1306, 0x1307}
    assert len(theirs) > 300
