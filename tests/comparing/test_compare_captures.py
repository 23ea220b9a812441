"""Comparisons of real captures: each before/after pair has its true cause in the first sentence, and equal runs have no difference."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer.comparing import compared
from analyzer.model.analysis import Analysis
from analyzer.model.table import Table
from analyzer.narrow import Filter, apply
from analyzer.reading import read

PAIRS = [
    (
        "js2-no-keepalive",
        "js2-keepalive",
        ["faster (p50 ", "connections are reused now, which removed ", "connect and tls from 97 % of the"],
    ),
    ("boto3-connection-close", "boto3-keepalive", ["faster (p50 ", "connections are reused now", "from 97 % of the calls", "server time"]),
    ("js2-keepalive", "js2-no-keepalive", ["slower (p50 ", "connections are no longer reused, which adds ", "to 97 % of the calls"]),
    (
        "js2-no-keepalive",
        "js2-no-keepalive-resumed",
        ["faster (p50 ", "TLS sessions are resumed now (95 % of the handshakes", "tls takes "],
    ),
    ("slow-dns", "boto3-keepalive", ["name lookups are quick now, which removed 301 ms of dns from 6 of 6 calls"]),
]
READABLE = [
    ("filter-scan-http", "filter-fixed-http", ["Query takes ", "no filter throws away what was read any longer, the server takes "]),
    ("filter-scan-https", "filter-fixed-https", ["Query takes ", "no filter throws away what was read any longer, the server takes "]),
    ("throttle-retry-boto3-legacy", "throttle-retry-boto3-standard", ["The calls together take ", "pauses before another attempt take "]),
]
HOP = [(sdk, view) for sdk in ("boto3", "js2", "js3") for view in ("container", "uplink")]


def test_cache_is_by_path(shared: Path) -> None:
    assert answer(shared / "js2-keepalive", keys=True) is answer(shared / "js2-keepalive", keys=True)


@cache
def answer(folder: Path, *, keys: bool, view: str | None = None) -> Analysis:
    """Read the capture of a folder, with its keys or without."""
    (capture,) = folder.glob(f"{view}.pcap") if view else [path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng")]
    log = next((path for name in ("keys.log", "tls-keys.log") if (path := folder / name).exists()), None)
    return read(capture, keys=log if keys else None)


def parts(folder: Analysis, *bounds: int | None) -> list[Analysis]:
    nothing: frozenset[str] = frozenset()
    return [apply(folder, Filter(nothing, nothing, since, until, frozenset())) for since, until in pairwise(bounds)]


@pytest.mark.parametrize("keys", [True, False], ids=["keys", "encrypted"])
@pytest.mark.parametrize("before, after, words", PAIRS, ids=[f"{before}-{after}" for before, after, _ in PAIRS])
def test_the_first_sentence_names_the_cause(shared: Path, before: str, after: str, words: list[str], keys: bool) -> None:
    made = compared(answer(shared / before, keys=keys), answer(shared / after, keys=keys))
    for word in words:
        assert word in made.verdict[0], made.verdict[0]
    assert made.warnings == []
    assert made.changed


@pytest.mark.parametrize("before, after, words", READABLE, ids=[before for before, _, _ in READABLE])
def test_the_first_sentence_names_the_cause_where_requests_can_be_read(shared: Path, before: str, after: str, words: list[str]) -> None:
    made = compared(answer(shared / before, keys=True), answer(shared / after, keys=True))
    for word in words:
        assert word in made.verdict[0], made.verdict[0]


@pytest.mark.parametrize("keys", [True, False], ids=["keys", "encrypted"])
@pytest.mark.parametrize("sdk, view", HOP)
def test_the_hop_limit_is_named_from_three_calls(shared: Path, sdk: str, view: str, keys: bool) -> None:
    pair = [answer(shared / f"imds-{name}-{sdk}", keys=keys, view=view) for name in ("hoplimit1", "hoplimit2-fixed")]
    made = compared(*pair)
    assert "IMDSv2 token requests are answered now, waiting for credentials takes 1" in made.verdict[0]
    assert made.verdict[0].endswith("; too few calls for an interval.")
    assert {row.code: row.what for row in made.findings}["imds-hop-limit"] == "gone"
    back = compared(*reversed(pair))
    assert "the answers to IMDSv2 token requests no longer arrive, waiting for credentials takes " in back.verdict[0]


STEADY = ["js2-keepalive", "js2-no-keepalive", "js2-no-keepalive-resumed", "boto3-keepalive", "boto3-connection-close", "js3-default",
          "tls-churn", "pool-queue-aio", "server-side", "ipv6-keepalive", "throttle-retry-js2", "throttle-retry-boto3-legacy"]  # fmt: skip


@pytest.mark.parametrize("name", STEADY)
def test_two_halves_of_a_steady_run_do_not_differ(shared: Path, name: str) -> None:
    whole = answer(shared / name, keys=True)
    starts = sorted(call.start_ns for call in whole.calls)
    made = compared(*parts(whole, None, starts[len(starts) // 2], None))
    assert [tuple(row) for row in made.differences if row.changed] == []
    assert not made.changed, made.verdict
    assert made.verdict[0].startswith(("No difference", "The two did not do the same")), made.verdict


@pytest.mark.parametrize("name", [*STEADY, "mixed", "loss-5pct", "throttle-retry-http"])
def test_every_other_call_is_like_the_rest(shared: Path, name: str) -> None:
    whole = answer(shared / name, keys=True)
    odd, even = (replace(whole, calls=Table("calls", whole.calls.row_type, list(whole.calls)[first::2])) for first in (0, 1))
    assert [tuple(row) for row in compared(odd, even).differences if row.changed] == []


@pytest.mark.parametrize("name", ["js2-keepalive", "mixed", "imds-hoplimit1-v2required-js2", "midstream-http"])
def test_a_capture_is_like_itself(shared: Path, name: str) -> None:
    whole = answer(shared / name, keys=True, view="container" if name.startswith("imds") else None)
    made = compared(whole, whole)
    assert made.same
    assert made.verdict[0].startswith("No difference: both hold the same ")
    assert {row.change_ns for row in made.differences} == {0}
    assert {row.what for row in made.findings} <= {"same"}


def test_the_same_calls_from_two_places_are_no_change(shared: Path) -> None:
    views = [answer(shared / "imds-hoplimit1-js2", keys=True, view=view) for view in ("container", "uplink")]
    made = compared(*views)
    assert "The two captures overlap in time: they may show the same calls from two places, not a change." in made.warnings
    assert not any(row.changed for row in made.differences)


def test_client_and_server_captures_are_warned_about(shared: Path) -> None:
    made = compared(answer(shared / "server-side", keys=True), answer(shared / "boto3-keepalive", keys=True))
    assert made.verdict[0].startswith("As captured at two different places: ")
    assert "captured at the server, after captured at the client" in made.warnings[0]
    assert not {"network", "server"} & {row.measure for row in made.differences}
