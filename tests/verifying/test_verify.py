"""Both answers side by side: agreement on real captures, and the reason of each difference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import analyzer
from analyzer import MissingTool
from analyzer.model.rows import Connection, Exchange
from analyzer.model.table import Table
from analyzer.verifying import tree, verify
from analyzer.verifying import tshark as find
from analyzer.verifying.asking import nanoseconds
from analyzer.verifying.tree import masked
from analyzer.verifying.verify import MEASURES
from tests.cli.program import run


@pytest.mark.parametrize("name, keys", [("cold-start", None), ("imds-hop-limit-uplink", None), ("keep-alive", "keep-alive.keys")])
def test_bundled_captures_agree(bundled: Path, tshark: str, name: str, keys: str | None) -> None:
    source, log = bundled / f"{name}.pcap", bundled / keys if keys else None
    verdict = verify(tshark, source, analyzer.read(source, keys=log), [log] if log else [])
    assert [one for measure in verdict.measures.values() for one in measure.differences] == []
    for name_ in ("packets", "streams", "flags", "shape", "requests", "answers", "http.time"):
        assert verdict.measures[name_].agree == verdict.measures[name_].of > 0


PUBLIC = {
    "derived__three-http-streams-be-ns.pcap": {"answers": "until the connection closes"},
    "ndpi__shadowsocks.pcap": {"streams": "opened a conversation of its own", "requests": "does not begin like HTTP"},
}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_difference_has_its_reason(shared: Path, tshark: str, name: str) -> None:
    source = shared / "public" / name
    verdict = verify(tshark, source, analyzer.read(source))
    for measure, words in PUBLIC[name].items():
        found = verdict.measures[measure].differences
        assert found
        assert all(words in one.reason for one in found)


def test_disorder_is_proven_by_asking_again(shared: Path, tshark: str) -> None:
    folder = shared / "reordering"
    source = next(path for path in sorted(folder.iterdir()) if ".pcap" in path.name)
    keys = [path for path in (folder / "keys.log",) if path.exists()]
    verdict = verify(tshark, source, analyzer.read(source, keys=keys[0] if keys else None), keys)
    found = [one for name in ("requests", "answers") for one in verdict.measures[name].differences]
    assert all("no reason is known" not in one.reason for one in found)
    assert verdict.measures["flags"].differences == []


def test_a_wrong_answer_of_ours_is_seen(bundled: Path, tshark: str) -> None:
    source = bundled / "cold-start.pcap"
    right = analyzer.read(source)
    rows = [row._replace(retransmissions=row.retransmissions + 1, completeness=3) for row in right.connections]
    exchanges = [row._replace(request_packet_id=(row.request_packet_id or 0) + 1) for row in right.exchanges]
    wrong = replace(right, connections=Table("connections", Connection, rows), exchanges=Table("exchanges", Exchange, exchanges))
    verdict = verify(tshark, source, wrong)
    assert verdict.measures["flags"].agree == verdict.measures["shape"].agree == 0
    assert verdict.measures["requests"].agree == 0
    assert verdict.measures["http.time"].agree == 0
    assert verdict.measures["streams"].agree == verdict.measures["streams"].of
    one = verdict.measures["flags"].differences[0]
    assert (one.ours, one.theirs, one.where) == ("retransmissions 1", "retransmissions 0", "stream 0")


def test_one_packet_as_wireshark_shows_it(bundled: Path, tshark: str) -> None:
    lines = tree(bundled / "cold-start.pcap", 20, tshark)
    assert "    Frame Number: 20" in lines
    assert "    Stream index: 0" in lines
    assert any("X-Amz-Target: DynamoDB_20120810.Query" in line for line in lines)
    text = "\n".join(lines)
    assert "Signature=" not in text
    assert "AKIA" not in text
    assert ":key" not in text, "the body"


@pytest.mark.parametrize(
    "line, shown",
    [
        ("Authorization: AWS4-HMAC-SHA256 Credential=x", "Authorization: *"),
        ("X-Amz-Security-Token: abc", "X-Amz-Security-Token: *"),
        ("X-aws-ec2-metadata-token-ttl-seconds: 21600", "X-aws-ec2-metadata-token-ttl-seconds: 21600"),
        ("Set-Cookie: a=b", "Set-Cookie: *"),
        ("Host: example.com", "Host: example.com"),
    ],
)
def test_secrets_are_masked(line: str, shown: str) -> None:
    assert masked(line) == shown


def test_without_tshark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingTool, match="tshark was not found"):
        find()


def test_the_verb(bundled: Path, tshark: str, tmp_path: Path) -> None:
    source = bundled / "cold-start.pcap"
    done = run("verify", source, source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 captures beside tshark" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    document = json.loads(run("verify", source, "--format", "json").stdout)
    assert [one["name"] for one in document["captures"][0]["measures"]] == list(MEASURES)
    packet = run("verify", source, "--packet", "7").stdout
    assert "call 0 Query on Orders begins" in packet.partition("ANALYZER")[2]
    assert run("verify", source, "--packet", "9999").returncode == 1
    assert run("verify", source, PATH=str(tmp_path)).returncode == 2
    assert "hint: install Wireshark" in run("verify", source, PATH=str(tmp_path)).stderr


def test_times_are_read_without_a_double() -> None:
    assert nanoseconds("1795291523.600304447") == 1_795_291_523_600_304_447
    assert nanoseconds("-0.000001") == -1000
    assert nanoseconds("0.1") == 100_000_000
