"""Numbers of the TLS protocol and their names (RFC 8446, RFC 5246; the IANA TLS parameter registries)."""

from __future__ import annotations

from typing import Final

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
HEARTBEAT: Final = 24
"""Record types."""
RECORD_HEADER: Final = 5
LARGEST_RECORD: Final = 18_432
"""Most bytes of a protected record (RFC 5246 section 6.2.3; TLS 1.3 allows fewer)."""

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
END_OF_EARLY_DATA: Final = 5
ENCRYPTED_EXTENSIONS: Final = 8
CERTIFICATE: Final = 11
SERVER_KEY_EXCHANGE: Final = 12
CLIENT_KEY_EXCHANGE: Final = 16
SERVER_HELLO_DONE: Final = 14
CERTIFICATE_VERIFY: Final = 15
FINISHED: Final = 20
KEY_UPDATE: Final = 24
"""Handshake message types."""

SERVER_NAME: Final = 0
SIGNATURE_ALGORITHMS: Final = 13
ALPN: Final = 16
ENCRYPT_THEN_MAC: Final = 22
SESSION_TICKET: Final = 35
PRE_SHARED_KEY: Final = 41
EARLY_DATA: Final = 42
SUPPORTED_VERSIONS: Final = 43
PSK_MODES: Final = 45
KEY_SHARE: Final = 51
"""Extension types."""

TLS_1_3: Final = 0x0304
DRAFTS_13: Final = range(0x7F12, 0x7F1D)
"""Versions of the drafts of TLS 1.3, from 18 to 28, that were deployed."""
DRAFTS_WITHOUT_SESSION: Final = range(0x7F12, 0x7F16)
"""Drafts 18 to 21, whose ServerHello has neither session id nor compression method."""
DRAFTS_UNLIKE_13: Final = range(0x7F12, 0x7F19)
"""Drafts 18 to 24, which protect records otherwise: their headers are no additional data."""
VERSIONS: Final = {
    0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", TLS_1_3: "TLS 1.3",
    **{version: f"TLS 1.3 (draft {version - 0x7F00})" for version in DRAFTS_13},
}  # fmt: skip

HELLO_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""

CLOSE_NOTIFY: Final = 0
ALERTS: Final = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
    30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
    49: "access_denied", 50: "decode_error", 51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
    109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity", 116: "certificate_required",
    120: "no_application_protocol",
}  # fmt: skip
"""Alert descriptions."""

AES_128_GCM_13: Final = 0x1301
AES_256_GCM_13: Final = 0x1302
CHACHA_13: Final = 0x1303


def is_grease(value: int) -> bool:
    """Tell whether a number was put in to keep servers tolerant (RFC 8701 section 2)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF
