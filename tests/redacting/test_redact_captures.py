"""Whole captures: the answer stays the same, no secret of the input is left in any encoding seen, checksums are right."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from random import Random

import pytest

import analyzer
from analyzer.model.analysis import Analysis
from analyzer.redacting import prove, redact
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.proving import compare
from analyzer.redacting.sharing import share
from tests.capture.writer import pcap, read, save
from tests.pipeline.traffic import Net, damaged

KEYS = {"keep-alive": "keep-alive.keys", "no-keep-alive": "no-keep-alive.keys", "pool-queue": "pool-queue.keys"}
BUNDLED = ("cold-start", "filter-scan", "imds-hop-limit-container", "imds-hop-limit-uplink", "keep-alive", "no-keep-alive", "throttling")
SHARED = (
    "any-sll1", "any-sll2", "conditional-errors", "dns-query-lost", "ipv6-keepalive", "imds-credential-refresh-js2", "imds-ipv6-imds-js3",
    "imds-hoplimit1-js2", "imds-ecs-task-role-boto3", "imds-eks-pod-identity-js3", "loopback", "loss-5pct", "midstream-http", "reordering",
    "request-loss", "router-raw-ip", "slow-receiver", "snaplen-128", "throttle-retry-http", "idle-reset-js3",
)  # fmt: skip
LARGEST_PUBLIC = 20_000


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def same(before: Analysis, source: Path, target: Path, keys: Path | None = None) -> Disguise:
    """Redact a capture and hold the answers against each other; return the disguise."""
    _, disguise = redact(source, target, Disguise(b"a key"))
    proof = prove(target, disguise, before, lambda: analyzer.read(target, keys=keys))
    assert (proof.differences, proof.found) == ((), ())
    ours, theirs = read(target).rows, read(source).rows
    assert [(row.time, len(row.data), row.wire, row.frame) for row in ours] == [
        (row.time, len(row.data), row.wire, row.frame) for row in theirs
    ]
    return disguise


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_captures_say_the_same(bundled: Path, tmp_path: Path, name: str) -> None:
    source, keys = bundled / f"{name}.pcap", bundled / KEYS[name] if name in KEYS else None
    before = analyzer.read(source, keys=keys)
    same(before, source, tmp_path / "out.pcapng", keys)
    assert len(before.exchanges) > 0


@pytest.mark.parametrize("name", SHARED)
def test_captures_with_known_truth_say_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    folder = shared / name
    log = next((path for path in (folder / "keys.log", folder / "tls-keys.log") if path.exists()), None)
    for source in sorted(path for path in folder.iterdir() if ".pcap" in path.name):
        done = share(source, tmp_path / "out.pcapng", keys=log, seed="a seed")
        assert done.doubts == ()


def test_public_captures_say_the_same(shared: Path, tmp_path: Path) -> None:
    files = [path for path in sorted((shared / "public").iterdir()) if path.is_file() and path.suffix not in (".json", ".md")]
    doubtful = {}
    for source in (path for path in files if path.stat().st_size < LARGEST_PUBLIC):
        try:
            doubts = share(source, tmp_path / "out.pcapng", seed="a seed").doubts
        except analyzer.CaptureError:
            continue
        if doubts:
            doubtful[source.name] = doubts
    assert doubtful == {}


@pytest.mark.parametrize("seed", range(12))
def test_made_up_traffic_says_the_same(tmp_path: Path, seed: int) -> None:
    frames = Net(seed).frames
    if seed % 3 == 2:
        frames = damaged(frames, Random(seed))
    source = save(tmp_path, pcap([(frame.time, frame.data) for frame in frames], nano=True))
    same(analyzer.read(source), source, tmp_path / "out.pcapng")


def test_repeats_become_the_same_bytes(shared: Path, tmp_path: Path, tshark: str) -> None:
    """Segments that carry the same sequence numbers carry the same bytes, as they did before."""
    source, target = shared / "loss-5pct" / "loss-5pct.pcap", tmp_path / "out.pcapng"
    if not source.exists():
        source = next(path for path in (shared / "loss-5pct").iterdir() if ".pcap" in path.name)
    redact(source, target, Disguise(b"a key"))
    groups = []
    for path in (source, target):
        command = [tshark, "-n", "-r", str(path), "-Y", "tcp.len > 0", "-T", "fields"]
        command += [part for name in ("frame.number", "tcp.stream", "tcp.srcport", "tcp.seq_raw", "tcp.payload") for part in ("-e", name)]
        seen: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            number, *what, payload = line.split("\t")
            seen.setdefault(tuple(what), []).append((number, payload))
        groups.append({key: rows for key, rows in seen.items() if len(rows) > 1})
    assert len(groups[0]) > 3
    assert groups[0].keys() == groups[1].keys()
    for key, rows in groups[0].items():
        if len({payload for _, payload in rows}) == 1:
            assert len({payload for _, payload in groups[1][key]}) == 1


def secrets_of(tshark: str, path: Path) -> set[bytes]:
    """Return what an independent reader finds in a capture that must not be passed on."""
    fields = ("http.authorization", "http.cookie", "http.request.line", "http.response.line", "http.file_data", "eth.src", "eth.dst")
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f"]
    command += [part for name in fields for part in ("-e", name)]
    found: set[bytes] = set()
    lines = subprocess.run(command, capture_output=True, check=False).stdout.split(b"\n")
    for line in lines:
        for part in re.findall(rb"Credential=([A-Z0-9]{16,})|Signature=([0-9a-f]{64})|(?i:token): ?([\w+/=-]{16,})", line):
            found.update(filter(None, part))
        for name in (b"TableName", b"SecretAccessKey", b"AccessKeyId", b"Token", b"S"):
            found.update(text for text in re.findall(rb'"' + name + rb'" ?: ?"([^"\\]{5,})"', line))
        found.update(re.findall(rb"(?<![\da-f])[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}", line))
    return found


@pytest.mark.parametrize(
    "name",
    ["cold-start-http", "filter-scan-http", "imds-hoplimit2-fixed-boto3", "imds-ecs-task-role-boto3", "throttle-retry-http"],
)
def test_no_secret_of_the_input_is_left(shared: Path, tmp_path: Path, tshark: str, name: str) -> None:
    known = 0
    for source in sorted(path for path in (shared / name).iterdir() if ".pcap" in path.name):
        secrets = secrets_of(tshark, source)
        known += len(secrets)
        redact(source, tmp_path / "out.pcapng", Disguise(b"a key"))
        written = b"\n".join(row.data for row in read(tmp_path / "out.pcapng").rows)
        low = written.lower()
        for secret in secrets:
            coded = base64.b64encode(secret).rstrip(b"=")[:-1]
            for form in (secret.lower(), secret.hex().encode(), secret.decode("latin-1").encode("utf-16-le").lower()):
                assert form not in low
            assert coded not in written
    assert known > 2


def test_account_ids_and_names_in_the_bundled_scan_are_gone(bundled: Path, tmp_path: Path) -> None:
    redact(bundled / "filter-scan.pcap", tmp_path / "out.pcapng")
    written = (tmp_path / "out.pcapng").read_bytes()
    assert b"Orders" in (bundled / "filter-scan.pcap").read_bytes()
    assert b"Orders" not in written
    again = analyzer.read(tmp_path / "out.pcapng")
    assert all(row.table_name is not None and len(row.table_name) == 6 for row in again.exchanges)


def checksums(tshark: str, path: Path) -> list[list[str]]:
    """Return tshark's judgement of each checksum of each packet, those of quoted packets too: 1 good, 0 bad, 2 not looked at."""
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
    command += [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]
    command += [part for one in ("ip", "tcp", "udp", "icmp", "icmpv6") for part in ("-e", f"{one}.checksum.status")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [[text for field in line.split("\t") for text in field.split(",") if text] for line in lines]


@pytest.mark.parametrize("name", ["cold-start", "imds-hop-limit-uplink", "keep-alive"])
def test_checksums_are_right(bundled: Path, tmp_path: Path, tshark: str, name: str) -> None:
    """None that was right is wrong; those of segments, which a network card had yet to write, are right now."""
    source = bundled / f"{name}.pcap"
    redact(source, tmp_path / "out.pcapng")
    ours, theirs = checksums(tshark, tmp_path / "out.pcapng"), checksums(tshark, source)
    assert sum(map(len, ours)) > 100
    for made, before in zip(ours, theirs, strict=True):
        assert len(made) == len(before)
        if len(made) <= 3:  # no packet is quoted
            assert "0" not in made
        assert all(new != "0" or old == "0" for new, old in zip(made, before, strict=True))


def test_captures_with_one_seed_go_together(bundled: Path, tmp_path: Path) -> None:
    """Two points of one path are still aligned, and prove for each other."""
    points = [bundled / "imds-hop-limit-container.pcap", bundled / "imds-hop-limit-uplink.pcap"]
    before = analyzer.read(points)
    made = []
    for number, source in enumerate(points):
        made.append(tmp_path / f"{number}.pcapng")
        redact(source, made[-1], Disguise(b"one"))
    assert list(compare(before, analyzer.read(made))) == []


def test_without_a_seed_each_is_on_its_own(bundled: Path, tmp_path: Path) -> None:
    source = bundled / "cold-start.pcap"
    for name in ("a.pcapng", "b.pcapng"):
        redact(source, tmp_path / name)
    assert (tmp_path / "a.pcapng").read_bytes() != (tmp_path / "b.pcapng").read_bytes()


def test_secrets_blocks_are_dropped(shared: Path, tmp_path: Path) -> None:
    source = shared / "ipv6-keepalive" / "ipv6-keepalive.pcapng"
    assert read(source).capture.info.secrets
    done = share(source, tmp_path / "out.pcapng")
    assert done.doubts == ()
    assert done.redacted.secrets > 0
    assert read(tmp_path / "out.pcapng").capture.info.secrets == []
    assert json.dumps(done.redacted.unread) == "{}"
