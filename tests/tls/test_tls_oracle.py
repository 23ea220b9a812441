"""Against tshark: hellos with their names, suites and versions, records, and what the plaintext says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from analyzer.pipeline import read


def fields(tshark: str, path: Path, show: str, *names: str, keys: Path | None = None) -> list[list[str]]:
    """Ask tshark for fields of the packets that a filter shows."""
    command = [tshark, "-n", "-2", "-r", str(path), "-Y", show, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]
    if keys is not None:
        command.append(f"-otls.keylog_file:{keys}")
    for name in names:
        command += ["-e", name]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return [line.split("\t") for line in found.stdout.splitlines()]


@pytest.mark.parametrize(
    "name", ["js3-default/js3-default.pcapng", "service-closes/service-closes.pcap", "public/zeek__tls__hrr.pcap",
             "public/zeek__tls__tls-fragmented-handshake.pcap.gz", "public/illustrated-tls12__capture.pcap"],
)  # fmt: skip
def test_names_suites_and_versions(shared: Path, tshark: str, name: str) -> None:
    path = shared / name
    rows = {str(row.connection_id): row for row in read(path, calls=False).handshakes}
    names = dict(fields(tshark, path, "tls.handshake.type == 1", "tcp.stream", "tls.handshake.extensions_server_name"))
    assert names
    assert {number: row.server_name or "" for number, row in rows.items()} == names
    show = "tls.handshake.type == 2"
    for stream, suite, version, chosen in fields(
        tshark, path, show, "tcp.stream", "tls.handshake.ciphersuite", "tls.handshake.version", "tls.handshake.extensions.supported_version"
    ):
        row = rows[stream]
        number = int(chosen or version, 16)
        assert row.version == {0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}[number]
        from analyzer.tls.ciphers import suite_name

        assert row.cipher == suite_name(int(suite, 16))


@pytest.mark.parametrize(
    "name", ["js3-default/js3-default.pcapng", "slow-link/slow-link.pcap", "throttle-retry-js3/throttle-retry-js3.pcap"]
)
def test_decrypted_requests_end_in_the_frames_where_tshark_sees_them(shared: Path, tshark: str, name: str) -> None:
    path = shared / name
    keys = path.parent / "keys.log"
    theirs = fields(tshark, path, "http.request", "frame.number", "tcp.stream", "http.request.method", keys=keys)
    ours = [[str(row.request_packet_id), str(row.connection_id), row.method] for row in read(path, keys=keys, calls=False).exchanges]
    assert theirs
    assert sorted(ours) == sorted(theirs)
    answers = fields(tshark, path, "http.response", "frame.number", "http.response.code", keys=keys)
    mine = [[str(row.response_packet_id), str(row.status)] for row in read(path, keys=keys, calls=False).exchanges if row.status]
    assert sorted(mine) == sorted(answers)
