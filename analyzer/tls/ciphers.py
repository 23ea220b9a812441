"""Cipher suites: their numbers, their IANA names (registry "TLS Cipher Suites"), and what opening their records takes."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["gcm", "ccm", "chacha20-poly1305", "cbc", "null"]

BLOCK = 16
"""Bytes in a block of AES."""


class Bulk(NamedTuple):
    """How a suite protects records. Lengths are bytes."""

    kind: Kind
    key_length: int
    """Of the cipher's key; 0 without a cipher."""
    iv_length: int
    """Of the part of the nonce that comes from the key block in TLS 1.2 (TLS 1.3 always takes 12); CBC: of the first IV in TLS 1.0."""
    explicit_length: int
    """Of the part of the nonce that travels in a TLS 1.2 record; CBC: of its IV, from TLS 1.1 on."""
    tag_length: int
    """Of the AEAD tag; 0 where a MAC is used."""
    mac: str | None
    """Hash of the MAC as hashlib names it; None for AEAD."""
    mac_length: int


class Suite(NamedTuple):
    """One cipher suite."""

    number: int
    name: str
    """IANA's, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`."""
    key_exchange: str | None
    """As in the name (`ECDHE_RSA`, `RSA`, `PSK`); None for TLS 1.3, where the suite does not say."""
    hash: str
    """Hash of TLS 1.2's PRF and of TLS 1.3's HKDF, as hashlib names it."""
    bulk: Bulk | None
    """None: records of this suite are not opened."""


_SUITES = """
AES_128_CBC_SHA: 002F RSA 0030 DH_DSS 0031 DH_RSA 0032 DHE_DSS 0033 DHE_RSA 0034 DH_anon 008C PSK 0090 DHE_PSK 0094 RSA_PSK
  C004 ECDH_ECDSA C009 ECDHE_ECDSA C00E ECDH_RSA C013 ECDHE_RSA C018 ECDH_anon C01D SRP_SHA C01E SRP_SHA_RSA C01F SRP_SHA_DSS
  C035 ECDHE_PSK
AES_256_CBC_SHA: 0035 RSA 0036 DH_DSS 0037 DH_RSA 0038 DHE_DSS 0039 DHE_RSA 003A DH_anon 008D PSK 0091 DHE_PSK 0095 RSA_PSK
  C005 ECDH_ECDSA C00A ECDHE_ECDSA C00F ECDH_RSA C014 ECDHE_RSA C019 ECDH_anon C020 SRP_SHA C021 SRP_SHA_RSA C022 SRP_SHA_DSS
  C036 ECDHE_PSK
AES_128_CBC_SHA256: 003C RSA 003E DH_DSS 003F DH_RSA 0040 DHE_DSS 0067 DHE_RSA 006C DH_anon 00AE PSK 00B2 DHE_PSK 00B6 RSA_PSK
  C023 ECDHE_ECDSA C025 ECDH_ECDSA C027 ECDHE_RSA C029 ECDH_RSA C037 ECDHE_PSK
AES_256_CBC_SHA256: 003D RSA 0068 DH_DSS 0069 DH_RSA 006A DHE_DSS 006B DHE_RSA 006D DH_anon
AES_128_GCM_SHA256: 009C RSA 009E DHE_RSA 00A0 DH_RSA 00A2 DHE_DSS 00A4 DH_DSS 00A6 DH_anon 00A8 PSK 00AA DHE_PSK 00AC RSA_PSK
  C02B ECDHE_ECDSA C02D ECDH_ECDSA C02F ECDHE_RSA C031 ECDH_RSA C0B0 ECCPWD D001 ECDHE_PSK
AES_256_GCM_SHA384: 009D RSA 009F DHE_RSA 00A1 DH_RSA 00A3 DHE_DSS 00A5 DH_DSS 00A7 DH_anon 00A9 PSK 00AB DHE_PSK 00AD RSA_PSK
  C02C ECDHE_ECDSA C02E ECDH_ECDSA C030 ECDHE_RSA C032 ECDH_RSA C0B1 ECCPWD D002 ECDHE_PSK
AES_256_CBC_SHA384: 00AF PSK 00B3 DHE_PSK 00B7 RSA_PSK C024 ECDHE_ECDSA C026 ECDH_ECDSA C028 ECDHE_RSA C02A ECDH_RSA C038 ECDHE_PSK
AES_128_CCM: C09C RSA C09E DHE_RSA C0A4 PSK C0A6 DHE_PSK C0AC ECDHE_ECDSA
AES_256_CCM: C09D RSA C09F DHE_RSA C0A5 PSK C0A7 DHE_PSK C0AD ECDHE_ECDSA
AES_128_CCM_8: C0A0 RSA C0A2 DHE_RSA C0A8 PSK C0AA PSK_DHE C0AE ECDHE_ECDSA
AES_256_CCM_8: C0A1 RSA C0A3 DHE_RSA C0A9 PSK C0AB PSK_DHE C0AF ECDHE_ECDSA
AES_128_CCM_SHA256: C0B2 ECCPWD D005 ECDHE_PSK
AES_256_CCM_SHA384: C0B3 ECCPWD
AES_128_CCM_8_SHA256: D003 ECDHE_PSK
CHACHA20_POLY1305_SHA256: CCA8 ECDHE_RSA CCA9 ECDHE_ECDSA CCAA DHE_RSA CCAB PSK CCAC ECDHE_PSK CCAD DHE_PSK CCAE RSA_PSK
CAMELLIA_128_CBC_SHA: 0041 RSA 0042 DH_DSS 0043 DH_RSA 0044 DHE_DSS 0045 DHE_RSA 0046 DH_anon
CAMELLIA_256_CBC_SHA: 0084 RSA 0085 DH_DSS 0086 DH_RSA 0087 DHE_DSS 0088 DHE_RSA 0089 DH_anon
CAMELLIA_128_CBC_SHA256: 00BA RSA 00BB DH_DSS 00BC DH_RSA 00BD DHE_DSS 00BE DHE_RSA 00BF DH_anon C072 ECDHE_ECDSA C074 ECDH_ECDSA
  C076 ECDHE_RSA C078 ECDH_RSA C094 PSK C096 DHE_PSK C098 RSA_PSK C09A ECDHE_PSK
CAMELLIA_256_CBC_SHA256: 00C0 RSA 00C1 DH_DSS 00C2 DH_RSA 00C3 DHE_DSS 00C4 DHE_RSA 00C5 DH_anon
CAMELLIA_256_CBC_SHA384: C073 ECDHE_ECDSA C075 ECDH_ECDSA C077 ECDHE_RSA C079 ECDH_RSA C095 PSK C097 DHE_PSK C099 RSA_PSK C09B ECDHE_PSK
CAMELLIA_128_GCM_SHA256: C07A RSA C07C DHE_RSA C07E DH_RSA C080 DHE_DSS C082 DH_DSS C084 DH_anon C086 ECDHE_ECDSA C088 ECDH_ECDSA
  C08A ECDHE_RSA C08C ECDH_RSA C08E PSK C090 DHE_PSK C092 RSA_PSK
CAMELLIA_256_GCM_SHA384: C07B RSA C07D DHE_RSA C07F DH_RSA C081 DHE_DSS C083 DH_DSS C085 DH_anon C087 ECDHE_ECDSA C089 ECDH_ECDSA
  C08B ECDHE_RSA C08D ECDH_RSA C08F PSK C091 DHE_PSK C093 RSA_PSK
ARIA_128_CBC_SHA256: C03C RSA C03E DH_DSS C040 DH_RSA C042 DHE_DSS C044 DHE_RSA C046 DH_anon C048 ECDHE_ECDSA C04A ECDH_ECDSA
  C04C ECDHE_RSA C04E ECDH_RSA C064 PSK C066 DHE_PSK C068 RSA_PSK C070 ECDHE_PSK
ARIA_256_CBC_SHA384: C03D RSA C03F DH_DSS C041 DH_RSA C043 DHE_DSS C045 DHE_RSA C047 DH_anon C049 ECDHE_ECDSA C04B ECDH_ECDSA
  C04D ECDHE_RSA C04F ECDH_RSA C065 PSK C067 DHE_PSK C069 RSA_PSK C071 ECDHE_PSK
ARIA_128_GCM_SHA256: C050 RSA C052 DHE_RSA C054 DH_RSA C056 DHE_DSS C058 DH_DSS C05A DH_anon C05C ECDHE_ECDSA C05E ECDH_ECDSA
  C060 ECDHE_RSA C062 ECDH_RSA C06A PSK C06C DHE_PSK C06E RSA_PSK
ARIA_256_GCM_SHA384: C051 RSA C053 DHE_RSA C055 DH_RSA C057 DHE_DSS C059 DH_DSS C05B DH_anon C05D ECDHE_ECDSA C05F ECDH_ECDSA
  C061 ECDHE_RSA C063 ECDH_RSA C06B PSK C06D DHE_PSK C06F RSA_PSK
SEED_CBC_SHA: 0096 RSA 0097 DH_DSS 0098 DH_RSA 0099 DHE_DSS 009A DHE_RSA 009B DH_anon
3DES_EDE_CBC_SHA: 000A RSA 000D DH_DSS 0010 DH_RSA 0013 DHE_DSS 0016 DHE_RSA 001B DH_anon 001F KRB5 008B PSK 008F DHE_PSK 0093 RSA_PSK
  C003 ECDH_ECDSA C008 ECDHE_ECDSA C00D ECDH_RSA C012 ECDHE_RSA C017 ECDH_anon C01A SRP_SHA C01B SRP_SHA_RSA C01C SRP_SHA_DSS
  C034 ECDHE_PSK
3DES_EDE_CBC_MD5: 0023 KRB5
DES40_CBC_SHA: 0008 RSA_EXPORT 000B DH_DSS_EXPORT 000E DH_RSA_EXPORT 0011 DHE_DSS_EXPORT 0014 DHE_RSA_EXPORT 0019 DH_anon_EXPORT
DES_CBC_SHA: 0009 RSA 000C DH_DSS 000F DH_RSA 0012 DHE_DSS 0015 DHE_RSA 001A DH_anon 001E KRB5
DES_CBC_MD5: 0022 KRB5
DES_CBC_40_SHA: 0026 KRB5_EXPORT
DES_CBC_40_MD5: 0029 KRB5_EXPORT
IDEA_CBC_SHA: 0007 RSA 0021 KRB5
IDEA_CBC_MD5: 0025 KRB5
RC4_40_MD5: 0003 RSA_EXPORT 0017 DH_anon_EXPORT 002B KRB5_EXPORT
RC4_128_MD5: 0004 RSA 0018 DH_anon 0024 KRB5
RC4_128_SHA: 0005 RSA 0020 KRB5 008A PSK 008E DHE_PSK 0092 RSA_PSK C002 ECDH_ECDSA C007 ECDHE_ECDSA C00C ECDH_RSA C011 ECDHE_RSA
  C016 ECDH_anon C033 ECDHE_PSK
RC4_40_SHA: 0028 KRB5_EXPORT
RC2_CBC_40_MD5: 0006 RSA_EXPORT 002A KRB5_EXPORT
RC2_CBC_40_SHA: 0027 KRB5_EXPORT
NULL_NULL: 0000 NULL
NULL_MD5: 0001 RSA
NULL_SHA: 0002 RSA 002C PSK 002D DHE_PSK 002E RSA_PSK C001 ECDH_ECDSA C006 ECDHE_ECDSA C00B ECDH_RSA C010 ECDHE_RSA C015 ECDH_anon
  C039 ECDHE_PSK
NULL_SHA256: 003B RSA 00B0 PSK 00B4 DHE_PSK 00B8 RSA_PSK C03A ECDHE_PSK
NULL_SHA384: 00B1 PSK 00B5 DHE_PSK 00B9 RSA_PSK C03B ECDHE_PSK
KUZNYECHIK_CTR_OMAC: C100 GOSTR341112_256
MAGMA_CTR_OMAC: C101 GOSTR341112_256
28147_CNT_IMIT: C102 GOSTR341112_256
KUZNYECHIK_MGM_L: C103 GOSTR341112_256
MAGMA_MGM_L: C104 GOSTR341112_256
KUZNYECHIK_MGM_S: C105 GOSTR341112_256
MAGMA_MGM_S: C106 GOSTR341112_256
"""
"""Cipher and MAC: number and key exchange of each suite that has them; a line may be continued by an indented one."""

_WHOLE_NAMES = {
    0x00C6: "TLS_SM4_GCM_SM3",
    0x00C7: "TLS_SM4_CCM_SM3",
    0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x1306: "TLS_AEGIS_256_SHA512",
    0x1307: "TLS_AEGIS_128L_SHA256",
    0x5600: "TLS_FALLBACK_SCSV",
    0xC0B4: "TLS_SHA256_SHA256",
    0xC0B5: "TLS_SHA384_SHA384",
}
"""TLS 1.3, whose suites name no key exchange, and the two numbers that are signals rather than suites."""

_MACS = {"MD5": ("md5", 16), "SHA": ("sha1", 20), "SHA256": ("sha256", 32), "SHA384": ("sha384", 48)}
_AES = re.compile(r"AES_(128|256)_(GCM|CCM|CBC)(_8)?(?:_(SHA\d*))?").fullmatch


@cache
def _table() -> dict[int, tuple[str, str]]:
    """Map the number of each suite with a key exchange to that and to its cipher."""
    table = {}
    for line in _SUITES.strip().replace("\n  ", " ").split("\n"):
        cipher, _, rest = line.partition(":")
        words = rest.split()
        for number, exchange in zip(words[::2], words[1::2], strict=True):
            table[int(number, 16)] = exchange, cipher
    return table


def _bulk(cipher: str) -> Bulk | None:
    """Read how records are protected from the name of cipher and MAC."""
    if cipher.startswith("CHACHA20_POLY1305"):
        return Bulk("chacha20-poly1305", 32, 12, 0, 16, None, 0)  # RFC 7905 section 2
    if cipher.startswith("NULL_") and cipher[5:] in _MACS:
        return Bulk("null", 0, 0, 0, 0, *_MACS[cipher[5:]])
    if not (found := _AES(cipher)):
        return None
    bits, mode, short, hash_name = found.groups()
    key_length = int(bits) // 8
    if mode == "CBC":
        return Bulk("cbc", key_length, BLOCK, BLOCK, 0, *_MACS[hash_name])
    # RFC 5288 section 3, RFC 6655 sections 3 and 4.
    return Bulk("gcm" if mode == "GCM" else "ccm", key_length, 4, 8, 8 if short else 16, None, 0)


@cache
def suite(number: int) -> Suite | None:
    """Look up a suite; None where the number names none (GREASE, signals, private use)."""
    if name := _WHOLE_NAMES.get(number):
        if name.endswith("SCSV"):
            return None
        return Suite(number, name, None, "sha384" if name.endswith("SHA384") else "sha256", _bulk(name.removeprefix("TLS_")))
    if found := _table().get(number):
        exchange, cipher = found
        # RFC 5246 section 5: SHA-256 unless the suite says otherwise. A MAC with SHA-1 is no say.
        return Suite(number, f"TLS_{exchange}_WITH_{cipher}", exchange, "sha384" if cipher.endswith("SHA384") else "sha256", _bulk(cipher))
    return None


def suite_name(number: int) -> str:
    """Name a suite or signal as IANA does; a number without a name is written `0x1A1A`."""
    found = suite(number)
    return found.name if found else _WHOLE_NAMES.get(number) or f"0x{number:04X}"
