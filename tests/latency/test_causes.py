"""Causes of spans: what held bytes up, and the timers that silences fit; from made-up attempts and real captures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzer.latency.causes import MOST_ASKED, of_bytes, of_continue, of_pause, of_set_up, of_silence
from analyzer.latency.waits import split
from analyzer.model.draft import Activity, Attempt, Draft
from analyzer.model.stalls import Held, Stall
from analyzer.pipeline import read
from tests.factory import MS, START, connection, exchange
from tests.latency.test_waits import exchange as raw_exchange


def attempt(**changes: Any) -> Attempt:
    under = connection(0, **{key: changes.pop(key) for key in tuple(changes) if key in ("syn_retransmissions", "syn_stall_ns")})
    beside = changes.pop("beside", ())
    return Attempt(exchange(0, under, **changes), under, (), under.first_ns, under.last_ns, True, beside)


def draft(one: Attempt, service: str = "dynamodb") -> Draft:
    return Draft(service, "Query", (one,), None, "measured")


def piece(phase: str, took: int, *causes: str) -> Activity:
    return Activity(phase, START, START + took * MS, 0, 1, 2, causes)


def test_set_up_names_its_timers() -> None:
    late = attempt(syn_retransmissions=1, syn_stall_ns=1013 * MS)
    assert of_set_up(piece("connect", 1023, "syn-retransmitted"), late) == ("syn-retransmitted", "timer:syn-1")
    assert of_set_up(piece("dns", 5006, "query-repeated"), attempt()) == ("query-repeated", "timer:resolver-glibc")
    assert of_set_up(piece("connect", 10), attempt()) == ()
    other = connection(1, syn_ns=START - 251 * MS, server_address="2600::1")
    raced = attempt(beside=(other,), sdk="js-v3")
    assert of_set_up(piece("connect", 261, "happy-eyeballs"), raced) == ("happy-eyeballs", "timer:address-service-race-js-v3")
    slow = connection(1, syn_ns=START - 60_005 * MS)
    silent = connection(1, syn_ns=START - 2002 * MS, established_ns=None, syn_retransmissions=1, syn_stall_ns=1013 * MS)
    given_up = of_set_up(piece("connect", 2012, "address-fallback", "syn-retransmitted"), attempt(beside=(silent,)))
    assert given_up == ("address-fallback", "syn-retransmitted")
    unknown = attempt(beside=(connection(1, syn_ns=None),), sdk="python-boto3")
    assert of_set_up(piece("connect", 60_015, "address-fallback"), unknown) == ("address-fallback",)
    tried = attempt(beside=(slow,), sdk="python-boto3")
    assert of_set_up(piece("connect", 60_015, "address-fallback"), tried) == (
        "address-fallback",
        "timer:connect-service-connect-python-boto3",
    )


def test_pauses_are_those_of_the_sdk() -> None:
    refused = attempt(sdk="python-aiobotocore", status=400, error_type="ProvisionedThroughputExceededException")
    assert of_pause(draft(refused), refused, 101 * MS, 2) == ("timer:pause-service-legacy-python-aiobotocore",)
    assert of_pause(draft(refused), refused, 90_000 * MS, 1) == ()
    assert of_pause(draft(refused), None, 101 * MS, 2) == ()
    assert of_pause(draft(refused), refused, 10_000, 2) == ()
    nobody = attempt(sdk=None)
    assert of_pause(draft(nobody), nobody, 50 * MS, 1) == ()


def test_silence_is_the_time_limit_of_the_sdk() -> None:
    asked = attempt(service="imds", sdk="js-v3")
    assert of_silence(draft(asked), asked, START, START + 1001 * MS) == ("timer:silence-imds-read-js-v3",)
    assert of_silence(draft(asked), asked, START, START + 700 * MS) == ()
    assert of_silence(draft(asked), asked, START, START + 999_999) == ()
    assert of_silence(draft(asked), asked._replace(exchange=None), START, START + 1001 * MS) == ()


def test_only_the_first_of_thousands_of_tries_are_asked_for_the_sdk() -> None:
    silent, named = attempt(sdk=None), attempt(sdk="js-v3", service="imds")
    tries = draft(silent, "imds")._replace(attempts=(silent,) * MOST_ASKED + (named,))
    assert of_silence(tries, named, START, START + 1001 * MS) == ("timer:silence-imds-1000",)  # of whichever SDK
    early = tries._replace(attempts=(silent,) * (MOST_ASKED - 1) + (named,))
    assert of_silence(early, named, START, START + 1001 * MS) == ("timer:silence-imds-read-js-v3",)


def test_a_wait_for_continue_has_a_timer_only_where_nobody_said_it() -> None:
    assert of_continue(exchange(interim="100"), START, START + 1001 * MS) == ("expect-continue",)
    assert of_continue(exchange(), START, START + 1001 * MS) == ("expect-continue", "timer:continue-1000")


def test_bytes_that_were_held_up() -> None:
    under = connection(0, min_rtt_ns=8 * MS)
    lost = Stall("request-repeated", START, START + 210 * MS, 7)
    shut = Stall("zero-window", START, START + 210 * MS, 8)
    held = Held("client", START, START + 52 * MS, START + 53 * MS, 41 * MS, 9, 10)
    end = START + 300 * MS
    assert of_bytes(exchange(stalls=(lost,), request_repeats=1), under, START, end) == ("request-repeated", "timer:retransmission-timeout")
    assert of_bytes(exchange(stalls=(shut,)), under, START, end) == ("zero-window",)
    assert of_bytes(exchange(held=(held,)), under, START, end) == ("delayed-ack", "timer:delayed-ack-40")
    assert of_bytes(exchange(held=(held,), stalls=(lost,)), under, end, end + MS) == ()


def test_what_was_held_comes_with_the_wait() -> None:
    made = raw_exchange(1000, 1100)
    up, down = Held("client", 900, 940, 941, 40, 3, 4), Held("server", 800, 840, 841, 40, 1, 2)
    made.link.up_held, made.link.down_held = [up], [down]  # type: ignore[attr-defined]
    wait = split(made)
    assert wait.held == (down, up)
    assert (wait.wait_stall_ns, wait.network_ns, wait.server_ns, wait.stall_ns) == (0, 40, 60, 0)  # no part of any of them


@pytest.mark.parametrize(
    "name, phase, cause",
    [
        ("syn-loss/syn-loss.pcap", "connect", "timer:syn-1"),
        ("syn-loss-node/syn-loss-node.pcap", "connect", "timer:address-service-race-js-v3"),
        ("dns-query-lost/dns-query-lost.pcap", "dns", "timer:resolver-glibc"),
        ("request-loss/request-loss.pcap", "wait", "timer:retransmission-timeout"),
        ("throttle-retry-boto3-legacy/throttle-retry-boto3-legacy.pcap", "backoff", "timer:pause-service-legacy-python-boto3"),
        ("imds-hoplimit1-js3/container.pcap", "failed", "timer:silence-imds-read-js-v3"),
    ],
)
def test_real_silences_are_named(shared: Path, name: str, phase: str, cause: str) -> None:
    path = shared / name
    if not path.exists():  # folders of several views name their files otherwise
        path = next(one for one in path.parent.iterdir() if one.name.startswith("client") and one.suffix.startswith(".pcap"))
    keys = path.parent / "keys.log"
    spans = read(path, keys=keys if keys.exists() else None).spans
    assert cause in {code for span in spans if phase in (span.phase, span.inner_phase) for code in span.causes}
