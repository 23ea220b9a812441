"""Plaintext of whole connections, from packets to bytes, against what tshark makes of the same secrets (hashes of Follow TLS Stream)."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analyzer import capture, packets, tcp
from analyzer.model.seams import ByteStream, Claim, Link, Sink
from analyzer.tls import KeyLog, TlsOpener
from tests.tcp.script import Reader

UNOPENED = {"the key log has no secrets for it", "its cipher suite is not supported"}
"""Why a connection may stay opaque here."""
MOST_OPAQUE = {
    "tls-decryption__tls2__dsb-dump.pcapng": 28,  # RC4, 3DES, DES, Camellia, SEED, IDEA, ARIA
    "wireshark-notes__ssl3__dump.pcapng": 39,  # SSL 3.0
    "wireshark__tls13-20-chacha20poly1305.pcap": 2,  # draft 20 of TLS 1.3
}
"""Connections that are not opened, and why."""

INFERRED = {("wireshark__tls13-rfc8446-noearly.pcap", 1)}
"""The secret of its early data is missing: that request and the first answer are an exchange that is inferred, and no plaintext."""


class Everything:
    """Reads the plaintext of both directions of every connection. Implements `model.seams.Opener`."""

    name = "everything"

    def __init__(self, claim: Claim, readers: dict[int, tuple[Reader, Reader]]) -> None:
        self.claim = claim
        self.readers = readers

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        return self.claim

    def open(self, link: Link, client: ByteStream, server: ByteStream) -> tuple[Sink | None, Sink | None]:
        return self.readers.setdefault(link.connection_id, (Reader(), Reader()))


def plaintext(path: Path, log: Path) -> tuple[dict[int, tuple[bytes, bytes]], dict[str, list[tuple[int, str]]]]:
    """Decrypt all connections; return their plaintexts by `tcp.stream`, and why others were not opened."""
    keys = KeyLog()
    if log.exists():
        keys.add(log.read_bytes())
    source = capture.open_captures([str(path)], emit=lambda row: None)
    blocks = list(source.blocks())
    for text in source.info.secrets:
        keys.add(text + b"\n")
    readers: dict[int, tuple[Reader, Reader]] = {}
    opener = TlsOpener(keys, [Everything(claim, readers) for claim in (Claim.REQUEST, Claim.RESPONSE)])
    engine = tcp.Engine(
        packets.LAYOUTS, packets.Decoder().decode, (opener,), lambda row: None,
        datagram=lambda datagram, time, packet_id: None, datagram_ports=frozenset(),
    )  # fmt: skip
    for block in blocks:
        engine.feed(block)
    engine.finish()
    return {number: (pair[0].bytes(), pair[1].bytes()) for number, pair in readers.items()}, opener.opaque


def followed(oracle: dict[str, Any]) -> dict[int, list[tuple[int, str]]]:
    """Length and hash of both directions of each decrypted stream that the capture holds whole."""
    whole = {row["stream"] for row in oracle["tcp"]["followed"] if row["whole"]}
    return {
        row["stream"]: sorted((row[way]["bytes"], row[way].get("sha256", "")) for way in ("a_to_b", "b_to_a") if row.get(way))
        for row in oracle["decrypted"]["followed"]
        if row["stream"] in whole
    }


def test_plaintexts_hash_to_what_tshark_follows(shared: Path) -> None:
    compared = 0
    for oracle_path in sorted((shared / "public").glob("*.oracle.json")):
        oracle = json.loads(oracle_path.read_text())
        if not (oracle.get("decrypted") or {}).get("followed"):
            continue
        name = oracle_path.name.removesuffix(".oracle.json")
        ours, opaque = plaintext(oracle_path.with_name(name), shared / "public" / "keys" / f"{name}.keys")
        closed = {number for why, rows in opaque.items() if why in UNOPENED for number, _ in rows}
        assert len(closed) <= MOST_OPAQUE.get(name, 0), (name, opaque)
        for number, theirs in followed(oracle).items():
            if number in closed or (name, number) in INFERRED:
                continue
            pair = ours.get(number, (b"", b""))
            assert sorted((len(one), sha256(one).hexdigest()) for one in pair if one) == [one for one in theirs if one[0]], (name, number)
            compared += sum(one[0] > 0 for one in theirs)
    assert compared > 80


@pytest.mark.parametrize("lost", [0, 1])
def test_a_changed_secret_would_show(shared: Path, tmp_path: Path, lost: int) -> None:
    name = "wireshark__tls13-rfc8446.pcap"
    text = (shared / "public" / "keys" / f"{name}.keys").read_text().splitlines()
    at = [index for index, line in enumerate(text) if line.startswith("SERVER_TRAFFIC_SECRET_0")][lost]
    text[at] = text[at][:-4] + ("0000" if not text[at].endswith("0000") else "1111")
    (tmp_path / "keys").write_text("\n".join(text))
    right, _ = plaintext(shared / "public" / name, shared / "public" / "keys" / f"{name}.keys")
    wrong, _ = plaintext(shared / "public" / name, tmp_path / "keys")
    assert right != wrong
