"""The bundled captures are what their index says: complete, small, without secrets, and with the facts that tshark finds in them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

INDEX = tomllib.loads((Path(__file__).resolve().parents[2] / "captures" / "index.toml").read_text())["capture"]
EXAMPLE_KEYS = {b"AKIAIOSFODNN7EXAMPLE", b"ASIAIOSFODNN7EXAMPLE"}
"""Access key ids of the AWS documentation."""

capture = pytest.mark.parametrize("fact", INDEX, ids=[fact["file"] for fact in INDEX])


def ask(tshark: str, path: Path, display_filter: str, *fields: str, occurrence: str = "f") -> list[list[str]]:
    """Ask tshark for fields of the packets that a filter lets through."""
    command = [tshark, "-n", "-2", "-r", str(path), "-Y", display_filter, "-T", "fields", "-E", f"occurrence={occurrence}"]
    keys = path.with_suffix(".keys")
    if keys.exists():
        command += ["-o", f"tls.keylog_file:{keys}"]
    done = subprocess.run([*command, *(part for field in fields for part in ("-e", field))], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix not in (".md", ".toml", ".keys")}


def test_each_file_is_in_the_index_and_each_story_is_told(bundled: Path) -> None:
    assert {fact["file"] for fact in INDEX} == files(bundled)
    assert {fact["keys"] for fact in INDEX if "keys" in fact} == {path.name for path in bundled.glob("*.keys")}
    stories = re.findall(r"^## (.+)$", (bundled / "README.md").read_text(), re.MULTILINE)
    assert sorted(stories) == sorted(files(bundled))


def test_they_are_small(bundled: Path) -> None:
    assert sum(path.stat().st_size for path in bundled.iterdir()) < 1_100_000


@capture
def test_the_story_names_the_figures(bundled: Path, fact: dict[str, Any]) -> None:
    row = next(line for line in (bundled / "README.md").read_text().splitlines() if line.startswith(f"| [`{fact['file']}`]"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (int(cells[1]), int(cells[3])) == (fact["packets"], fact["calls"])


@capture
def test_the_story_names_the_findings(bundled: Path, fact: dict[str, Any]) -> None:
    story = (bundled / "README.md").read_text().split(f"\n## {fact['file']}\n")[1].split("\n## ")[0]
    last = story[story.rindex("Finding") :]
    assert re.findall(r"`([a-z0-9-]+)`", last)[: len(fact["findings"])] == fact["findings"]


@capture
def test_no_secrets_but_documented_examples(bundled: Path, fact: dict[str, Any]) -> None:
    data = (bundled / fact["file"]).read_bytes()
    assert set(re.findall(rb"A[KS]IA[A-Z0-9]{16}", data)) <= EXAMPLE_KEYS
    assert all(key.endswith(b"EXAMPLEKEY") for key in re.findall(rb'"SecretAccessKey" : "([^"]+)"', data))


@capture
def test_tshark_counts_the_same_packets(bundled: Path, tshark: str, fact: dict[str, Any]) -> None:
    path = bundled / fact["file"]
    streams = [stream for (stream,) in ask(tshark, path, "tcp.stream", "tcp.stream")]
    assert {
        "packets": len(ask(tshark, path, "frame", "frame.number")),
        "connections": len(set(streams)),
        "opened": len(ask(tshark, path, "tcp.flags == 2 && ip.dst == 3.218.180.0/24", "frame.number")),
        "retransmissions": len(ask(tshark, path, "tcp.analysis.retransmission && tcp.stream", "frame.number")),
        "icmp_errors": len(ask(tshark, path, "icmp.type == 11", "frame.number")),
        "dns_queries": len(ask(tshark, path, "dns.flags.response == 0", "frame.number")),
    } == {name: fact[name] for name in ("packets", "connections", "opened", "retransmissions", "icmp_errors", "dns_queries")}


@capture
def test_tshark_finds_the_same_requests(bundled: Path, tshark: str, fact: dict[str, Any]) -> None:
    path = bundled / fact["file"]
    rows = ask(tshark, path, "http.request && !icmp", "ip.src", "tcp.stream", "http.request.method", "http.request.uri")
    assert {row[0] for row in rows} == {fact["client"]}
    assert len(rows) == fact["requests"]
    assert len(rows) - len({row[1] for row in rows}) == fact["reused"]
    others = Counter(f"{method} {uri}" for _, _, method, uri in rows if uri != "/")
    assert dict(others) == fact.get("targets", {})
    heads = ask(tshark, path, "http.request && !icmp", "http.request.line", occurrence="a")
    operations = Counter(name for (head,) in heads for name in re.findall(r"(?i)x-amz-target: DynamoDB_20120810\.(\w+)", head))
    assert dict(operations) == fact["operations"]
    assert sum(fact["operations"].values()) - fact.get("retried", 0) == fact["calls"]
