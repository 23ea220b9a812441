"""Whole connections of real captures, opened with their key logs by a reader of twenty lines, against what tshark makes of them."""

from __future__ import annotations

import re
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from analyzer.tls.ciphers import suite
from analyzer.tls.keylog import KeyLog
from analyzer.tls.protection import BadRecord, Protection, protection_13, protections_12

CAPTURES = [
    "public/illustrated-tls12__capture.pcap",
    "public/pki-mtls__capture.pcap",
    "public/snet__TLS1_1_ECDHE-RSA-AES256-SHA.pcap",
    "public/snet__mTLS1_3_ECDSA.pcap",
    "public/wireshark__tls12-chacha20poly1305.pcap",
    "public/wireshark__tls13-rfc8446.pcap",
    "public/wireshark__tls13-rfc8446-noearly.pcap",
    "public/tls-decryption__tls2__dsb-dump.pcapng",
    "js2-keepalive/js2-keepalive.pcap",
    "boto3-keepalive/boto3-keepalive.pcap",
]
FINISHED, KEY_UPDATE, END_OF_EARLY_DATA = 20, 24, 5


class Hello(NamedTuple):
    """What both hellos say about keys."""

    client_random: bytes
    server_random: bytes
    version: int
    suite: int
    encrypt_then_mac: bool
    compressed: bool
    """With DEFLATE (RFC 3749), which is below record protection and none of its business."""


def records(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 5 <= len(stream):
        end = at + 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
        yield stream[at : at + 5], stream[at + 5 : end]
        at = end


def extensions(hello: bytes) -> dict[int, bytes]:
    """Read those of a ServerHello (RFC 8446 section 4.1.3)."""
    at, found = 38 + 1 + hello[38] + 3 + 2, {}
    end = 4 + int.from_bytes(hello[1:4], "big")
    while at + 4 <= end:
        length = int.from_bytes(hello[at + 2 : at + 4], "big")
        found[int.from_bytes(hello[at : at + 2], "big")] = hello[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def read_hellos(client: bytes, server: bytes) -> Hello:
    mine, theirs = client[5:], server[5:]
    assert (mine[0], theirs[0]) == (1, 2)
    more = extensions(theirs)
    version = int.from_bytes(more.get(43, theirs[4:6]), "big")
    at = 38 + 1 + theirs[38]
    return Hello(mine[6:38], theirs[6:38], version, int.from_bytes(theirs[at : at + 2], "big"), 22 in more, theirs[at + 2] == 1)


def read_12(stream: bytes, opener: Protection, compressed: bool) -> bytes:
    """Open what follows ChangeCipherSpec; return the application data."""
    data, protected, inflate = b"", False, zlib.decompressobj().decompress if compressed else bytes
    for header, body in records(stream):
        if protected:
            kind, plain = opener.open(header, body)
            assert kind == header[0]
            plain = inflate(plain)
            data += plain if kind == 23 else b""
        protected |= header[0] == 20
    return data


def read_13(stream: bytes, number: int, secrets: list[bytes]) -> bytes:
    """Open records with one secret after the other: early data, handshake, application; return the application data."""
    openers = [opener for secret in secrets if (opener := protection_13(number, secret))]
    assert len(openers) == len(secrets)
    data, messages, started = b"", b"", False
    for header, body in records(stream):
        if header[0] != 23:
            continue
        try:
            kind, plain = openers[0].open(header, body)
        except BadRecord:
            assert not started, "only early data whose secret is not in the key log"
            continue
        started = True
        data += plain if kind == 23 else b""
        messages += plain if kind == 22 else b""
        while len(messages) >= 4 and len(messages) >= 4 + int.from_bytes(messages[1:4], "big"):
            if messages[0] in (END_OF_EARLY_DATA, FINISHED):
                del openers[0]
            elif messages[0] == KEY_UPDATE:
                openers[0].update()
            messages = messages[4 + int.from_bytes(messages[1:4], "big") :]
    return data


def embedded_secrets(capture: bytes) -> bytes:
    """Read the Decryption Secrets Blocks of a little-endian pcapng file."""
    at, found = 0, b""
    while at + 12 <= len(capture):
        kind, size = (int.from_bytes(capture[at + skip : at + skip + 4], "little") for skip in (0, 4))
        if kind == 10:
            found += capture[at + 16 : at + 16 + int.from_bytes(capture[at + 12 : at + 16], "little")]
        at += size
    return found


def key_log(path: Path) -> bytes:
    for place in (path.parent / "keys" / f"{path.name}.keys", path.parent / "keys.log"):
        if place.exists():
            return place.read_bytes()
    return embedded_secrets(path.read_bytes())


def follow(tshark: str, path: Path, secrets: Path, protocol: str, count: int) -> list[tuple[bytes, bytes]]:
    """Let tshark put each connection's two directions together; which comes first is not sure."""
    command = [tshark, "-n", "-q", "-r", str(path), f"-otls.keylog_file:{secrets}"]
    for number in range(count):
        command += ["-z", f"follow,{protocol},raw,{number}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[int, tuple[bytes, bytes]] = {}
    for part in re.split(r"^={10,}\n(?=Follow)", output, flags=re.MULTILINE)[1:]:
        head = re.search(r"tcp\.stream eq (\d+)\nNode 0: \S+\nNode 1: \S+\n", part)
        assert head is not None
        lines = re.findall(r"^\t?[0-9a-f]+$", part[head.end() :], re.MULTILINE)
        sides = (bytes.fromhex("".join(line for line in lines if line.startswith("\t") is tab)) for tab in (False, True))
        found[int(head[1])] = (next(sides), next(sides))
    return [found[number] for number in range(count)]


def open_both(keys: KeyLog, client: bytes, server: bytes) -> tuple[bytes, bytes] | None:
    """Decrypt a connection; None where its suite is not opened or its secrets are not known."""
    hello = read_hellos(client, server)
    secrets = keys.secrets(hello.client_random)
    if hello.version == 0x0304:
        if len(secrets) < 4:
            return None
        labels = ("{}_EARLY_TRAFFIC_SECRET", "{}_HANDSHAKE_TRAFFIC_SECRET", "{}_TRAFFIC_SECRET_0")
        mine, theirs = ([secrets[label.format(side)] for label in labels if label.format(side) in secrets] for side in ("CLIENT", "SERVER"))
        return read_13(client, hello.suite, mine), read_13(server, hello.suite, theirs)
    both = secrets and protections_12(
        hello.version,
        hello.suite,
        secrets["CLIENT_RANDOM"],
        hello.client_random,
        hello.server_random,
        encrypt_then_mac=hello.encrypt_then_mac,
    )
    return (read_12(client, both[0], hello.compressed), read_12(server, both[1], hello.compressed)) if both else None


@pytest.mark.parametrize("name", CAPTURES)
def test_connections_open_as_tshark_opens_them(name: str, shared: Path, tshark: str, tmp_path: Path) -> None:
    path = shared / name
    text = key_log(path)
    keys = KeyLog()
    assert keys.add(text) == 0
    (tmp_path / "keys.log").write_bytes(text)
    listing = subprocess.run(
        [tshark, "-n", "-r", str(path), "-T", "fields", "-e", "tcp.stream"], capture_output=True, text=True, check=True
    )
    count = 1 + max(int(line) for line in listing.stdout.split())
    opened = 0
    suites = set()
    both = (follow(tshark, path, tmp_path / "keys.log", protocol, count) for protocol in ("tcp", "tls"))
    for streams, theirs in zip(*both, strict=True):
        if not all(stream[:1] == b"\x16" for stream in streams):
            continue
        client, server = sorted(streams, key=lambda stream: stream[5])  # ClientHello is 1, ServerHello 2
        ours = open_both(keys, client, server)
        found = suite(read_hellos(client, server).suite)
        assert found is not None
        if found.bulk is None:
            assert ours is None
        elif ours is not None:
            assert sorted(ours) == sorted(theirs)
            assert any(ours)
            opened += 1
            suites.add(found.number)
    assert opened
    if "dsb-dump" in name:
        assert len(suites) >= 30
