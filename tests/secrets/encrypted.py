"""A TLS 1.3 connection made by a real library in memory: the bytes of both sides, and its key log."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:60])])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(7)
        .not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=9000)).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "pair.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def spoken(folder: Path, name: str, messages: list[tuple[str, bytes]]) -> tuple[list[tuple[str, bytes]], bytes]:
    """Say messages ("C" or "S", plaintext) over TLS; return what either side put on the wire, in order, and the key log."""
    log = folder / "made.keys"
    client_side, server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client_side.check_hostname, client_side.verify_mode = False, ssl.CERT_NONE
    client_side.keylog_filename = str(log)
    server_side.load_cert_chain(_certificate(folder, name))
    pipes = {"C": (ssl.MemoryBIO(), ssl.MemoryBIO()), "S": (ssl.MemoryBIO(), ssl.MemoryBIO())}
    ends = {
        "C": client_side.wrap_bio(*pipes["C"], server_side=False, server_hostname=name),
        "S": server_side.wrap_bio(*pipes["S"], server_side=True),
    }
    wire: list[tuple[str, bytes]] = []

    def carry(who: str) -> None:
        data = pipes[who][1].read()
        if data:
            wire.append((who, data))
            pipes["S" if who == "C" else "C"][0].write(data)

    done: set[str] = set()
    while done != {"C", "S"}:
        for who in "CS":
            try:
                ends[who].do_handshake()
                done.add(who)
            except ssl.SSLWantReadError:
                pass
            carry(who)
    for who, plain in messages:
        ends[who].write(plain)
        carry(who)
        ends["S" if who == "C" else "C"].read(1 << 20)
    return wire, log.read_bytes()
