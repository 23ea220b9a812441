"""The pauses before retries, by worked examples of each SDK's formula, and against pauses that real SDKs made."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer import sdks
from analyzer.aws.services import SERVICE_OF_PREFIX
from analyzer.findings.service_words import service_name
from analyzer.sdks.pauses import (
    DYNAMODB,
    attempts,
    default_mode,
    delay_of,
    expected,
    gives_up_after,
    goes_on_without_token,
    interval,
    kind_of,
    possible_modes,
    proves,
)  # fmt: skip
from analyzer.sdks.records import Delay, Mode, Profile
from analyzer.units import MILLISECOND, SECOND

INF = float("inf")


def known(name: str) -> Profile:
    found = sdks.profile(name)
    assert found is not None
    return found


def mode_of(name: str, title: str) -> Mode:
    (found,) = (mode for mode in known(name).modes if mode.title == title and mode.name != "adaptive")
    return found


def pauses_ms(name: str, title: str, kind: str, service: str | None, retries: int) -> list[tuple[float, float]]:
    found = []
    for retry in range(1, retries + 1):
        both = interval(mode_of(name, title), retry, kind, service)
        assert both is not None
        found.append((both[0] / MILLISECOND, both[1] / MILLISECOND))
    return found


@pytest.mark.parametrize(
    "delay, retry, low, high",
    [
        (Delay(50), 1, 50, 50),
        (Delay(50), 3, 200, 200),
        (Delay(50, jitter="full"), 3, 0, 200),
        (Delay(100, jitter="equal"), 2, 100, 200),
        (Delay(1000, factor=1), 5, 1000, 1000),
        (Delay(1000, jitter="full", cap_ms=20_000), 6, 0, 20_000),
        (Delay(1000, jitter="equal", cap_ms=20_000), 9, 10_000, 20_000),
        (Delay(25, firsts_ms=((0, 0), (0, 3))), 1, 0, 0),
        (Delay(25, firsts_ms=((0, 0), (0, 3))), 2, 0, 3),
        (Delay(25, firsts_ms=((0, 0), (0, 3))), 3, 100, 100),
        (Delay(1, cap_ms=INF), 10_000, 2**30, 2**30),
    ],
)
def test_formulas(delay: Delay, retry: int, low: float, high: float) -> None:
    assert expected(delay, retry) == (low * MILLISECOND, high * MILLISECOND)


@pytest.mark.parametrize("retry", [0, -1])
def test_retries_count_from_one(retry: int) -> None:
    with pytest.raises(ValueError, match="from 1"):
        expected(Delay(50), retry)


@pytest.mark.parametrize(
    "name, title, kind, service, wanted",
    [
        ("botocore", "legacy", "throttling", "dynamodb", [(50, 50), (100, 100), (200, 200), (400, 400)]),
        ("botocore", "legacy", "transient", "sqs", [(0, 1000), (0, 2000)]),
        ("js-v2", "legacy", "transient", "dynamodb", [(0, 50), (0, 100), (0, 200)]),
        ("js-v2", "legacy", "transient", None, [(0, 100), (0, 200)]),
        ("js-v3", "standard", "transient", "dynamodb", [(0, 25), (0, 50), (0, 100)]),
        ("js-v3", "standard", "transient", "s3", [(0, 50), (0, 100), (0, 200)]),
        ("js-v3", "standard", "throttling", "dynamodb", [(0, 1000), (0, 2000), (0, 4000)]),
        ("js-v3", "standard of before 2026", "throttling", "dynamodb", [(0, 500), (0, 1000)]),
        ("java-v1", "legacy", "transient", "dynamodb", [(0, 25), (0, 50)]),
        ("java-v1", "legacy", "throttling", "dynamodb", [(250, 500), (500, 1000)]),
        ("java-v2", "legacy", "transient", "dynamodb", [(0, 25), (0, 50)]),
        ("java-v2", "legacy", "transient", "s3", [(0, 100), (0, 200)]),
        ("go-v1", "default", "transient", "dynamodb", [(50, 100), (100, 200)]),
        ("go-v1", "default", "throttling", "dynamodb", [(500, 1000), (1000, 2000)]),
        ("go-v2", "standard", "throttling", "dynamodb", [(0, 2000), (0, 4000)]),
        ("dotnet", "legacy", "transient", "dynamodb", [(0, 50), (100, 100), (200, 200)]),
        ("dotnet", "standard", "transient", "dynamodb", [(0, 1000), (0, 2000)]),
        ("rust", "standard", "transient", "dynamodb", [(0, 1000), (0, 2000)]),
        ("rust", "standard of 2026", "transient", "dynamodb", [(0, 25), (0, 50)]),
        ("ruby", "legacy", "transient", "dynamodb", [(0, 0), (0, 0), (100, 100), (200, 200)]),
        ("php", "legacy", "transient", "dynamodb", [(0, 0), (0, 100), (0, 200)]),
        ("cpp", "legacy", "transient", "dynamodb", [(0, 0), (50, 50), (100, 100)]),
        ("elixir-hackney", "default", "throttling", "dynamodb", [(0, 20), (0, 40), (0, 80)]),
    ],
)
def test_each_sdks_pauses(name: str, title: str, kind: str, service: str | None, wanted: list[tuple[float, float]]) -> None:
    assert pauses_ms(name, title, kind, service, len(wanted)) == wanted


def test_the_last_pauses_of_ten_attempts() -> None:
    assert pauses_ms("botocore", "legacy", "transient", "dynamodb", 9)[-1] == (12_800, 12_800)
    assert pauses_ms("js-v3", "standard", "throttling", "dynamodb", 6)[-1] == (0, 20_000)
    assert pauses_ms("php", "legacy", "transient", "dynamodb", 10)[-1] == (0, 10_000)


def test_the_2026_modes_are_alike() -> None:
    modes = [mode for one in sdks.profiles().values() for mode in one.modes if mode.opt_in == "AWS_NEW_RETRIES_2026=true"]
    modes += [mode for mode in known("botocore").modes if mode.since == "1.44"]
    assert len(modes) == 9
    for mode in modes:
        assert (mode.attempts, mode.attempts_dynamodb) == (3, 4)
        assert interval(mode, 2, "throttling", "dynamodb") == (0, 2 * SECOND)
        assert interval(mode, 2, "transient", "dynamodb") == interval(mode, 2, "transient", "dynamodbstreams") == (0, 50 * MILLISECOND)
        assert interval(mode, 2, "transient", "s3") == (0, 100 * MILLISECOND)


def test_services_are_named_as_requests_are_recognised() -> None:
    assert {name for name in SERVICE_OF_PREFIX.values() if name.startswith("dynamodb")} == DYNAMODB
    assert service_name("dynamodbstreams") == "DynamoDB Streams"


def test_a_hint_of_the_service_moves_the_pause() -> None:
    mode = mode_of("js-v3", "standard")
    assert interval(mode, 1, "throttling", retry_after_ms=3000) == (3 * SECOND, 3 * SECOND)
    assert interval(mode, 1, "throttling", retry_after_ms=60_000) == (5 * SECOND, 6 * SECOND)
    assert interval(mode, 1, "throttling", retry_after_ms=0) == (0, SECOND)
    assert interval(mode, 1, "throttling", retry_after_ms=INF) == (0, SECOND)
    assert interval(mode_of("js-v2", "legacy"), 1, "throttling", retry_after_ms=3000) == (0, 100 * MILLISECOND)


def test_what_is_unknown_has_no_interval_and_what_is_hearsay_proves_nothing() -> None:
    assert interval(mode_of("java-v2", "standard"), 1, "throttling", "dynamodb") is None
    assert delay_of(mode_of("dotnet", "legacy"), "transient", "s3") is None
    assert not proves(mode_of("dotnet", "legacy"), "transient", "s3")
    legacy = mode_of("java-v2", "legacy")
    assert interval(legacy, 1, "throttling", "dynamodb") == (0, 500 * MILLISECOND)
    assert not proves(legacy, "throttling", "dynamodb")
    assert proves(legacy, "transient", "dynamodb")


@pytest.mark.parametrize(
    "name, title, general, dynamodb",
    [
        ("botocore", "legacy", 5, 10), ("aiobotocore", "legacy", 5, 10), ("js-v2", "legacy", 4, 11), ("java-v1", "legacy", 4, 11),
        ("js-v3", "standard of before 2026", 3, 3), ("java-v2", "legacy", 4, 9), ("go-v1", "default", 4, 11), ("go-v2", "standard", 3, 3),
        ("dotnet", "legacy", 5, 11), ("dotnet", "standard", 3, 3), ("rust", "standard", 3, 3), ("ruby", "legacy", 4, 11),
        ("php", "legacy", 4, 11), ("cpp", "legacy", 11, 11), ("elixir-hackney", "default", 10, 10),
    ],
)  # fmt: skip
def test_how_often_each_tries(name: str, title: str, general: int, dynamodb: int) -> None:
    mode = mode_of(name, title)
    assert (attempts(mode), attempts(mode, "s3"), attempts(mode, "dynamodb"), attempts(mode, "dynamodbstreams")) == (
        general, general, dynamodb, dynamodb,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name, version, marker, user, wanted",
    [
        ("botocore", "1.44.5", "standard", "python-boto3", ["standard"]),
        ("botocore", "1.43.117", "standard", "python-boto3", ["standard-before-2026"]),
        ("botocore", "1.43.117", "legacy", None, ["legacy"]),
        ("botocore", "1.43.117", "D", None, ["legacy"]),
        ("botocore", "2.31.0", "standard", "aws-cli", ["standard", "standard-before-2026"]),
        ("botocore", None, None, None, ["legacy", "standard", "standard-before-2026", "adaptive"]),
        ("botocore", "no number", "nonsense", None, ["legacy", "standard", "standard-before-2026", "adaptive"]),
        ("js-v3", "3.1162.0", None, None, ["standard", "adaptive"]),
        ("java-v2", "2.25.11", "standard", None, ["standard"]),
        ("java-v2", "2.44", "standard", None, ["standard", "standard-2026"]),
    ],
)
def test_version_and_marker_choose_the_mode(
    name: str, version: str | None, marker: str | None, user: str | None, wanted: list[str]
) -> None:
    profile = known(name)
    by_key = {id(mode): key for key, mode in zip(_keys(name), profile.modes, strict=True)}
    assert [by_key[id(mode)] for mode in possible_modes(profile, version, marker, user)] == wanted


def _keys(name: str) -> list[str]:
    return {
        "botocore": ["legacy", "standard", "standard-before-2026", "adaptive"],
        "js-v3": ["standard-before-2026", "standard", "adaptive"],
        "java-v2": ["legacy", "standard", "standard-2026"],
    }[name]


@pytest.mark.parametrize(
    "name, version, user, wanted",
    [
        ("botocore", "1.44.5", "python-boto3", "standard"),
        ("botocore", "1.43.117", "python-boto3", "legacy"),
        ("botocore", "2.31.0", "aws-cli", None),
        ("aiobotocore", "3.10.0", None, "legacy"),
        ("js-v3", "3.1161.0", None, "standard"),
        ("js-v3", "3.500.0", None, None),
        ("dotnet", "3.7.305.28", None, "legacy"),
        ("dotnet", "4.0.9.6", None, "standard"),
        ("go-v1", None, None, "default"),
        ("kotlin", "1.5.17", None, None),
    ],
)
def test_the_default_mode_of_a_version(name: str, version: str | None, user: str | None, wanted: str | None) -> None:
    found = default_mode(known(name), version, user)
    assert (found.name if found else None) == wanted


@pytest.mark.parametrize(
    "name, status, error_type, wanted",
    [
        ("botocore", 400, "ProvisionedThroughputExceededException", "throttling"),
        ("botocore", 400, "TransactionInProgressException", "throttling"),
        ("botocore", 429, None, "throttling"),
        ("botocore", 503, None, "transient"),
        ("botocore", None, None, "transient"),
        ("botocore", 400, "ReplicatedWriteConflictException", "transient"),
        ("botocore", 400, "ConditionalCheckFailedException", None),
        ("botocore", 400, "ValidationException", None),
        ("php", 400, "RequestLimitExceeded", "throttling"),
        ("elixir-hackney", 400, "RequestLimitExceeded", None),
        ("elixir-hackney", 500, None, "transient"),
        ("kotlin", 500, None, None),
    ],
)
def test_which_failures_are_tried_again(name: str, status: int | None, error_type: str | None, wanted: str | None) -> None:
    assert kind_of(known(name), status, error_type) == wanted


@pytest.mark.parametrize(
    "name, low_ms, high_ms",
    [
        ("botocore", 1000, 1000), ("aiobotocore", 1000, 1000), ("js-v3", 1000, 1000), ("java-v2", 1000, 1000), ("rust", 1000, 1000),
        ("php", 1000, 1000), ("js-v2", 4000, 4700), ("go-v1", 3090, 3180), ("go-v2", 3500, 3500), ("dotnet", 15_750, 15_750),
        ("ruby", 2000, 2000), ("elixir-hackney", 30_000, 30_000),
    ],
)  # fmt: skip
def test_how_long_a_token_is_waited_for_in_vain(name: str, low_ms: int, high_ms: int) -> None:
    imds = known(name).imds
    assert imds is not None
    assert gives_up_after(imds) == (low_ms * MILLISECOND, high_ms * MILLISECOND)


def test_where_something_is_unknown_nobody_can_say_how_long() -> None:
    for name in ("crt", "python-v4"):
        imds = known(name).imds
        assert imds is not None
        assert gives_up_after(imds) is None


@pytest.mark.parametrize(
    "name, after_400, after_403, after_500",
    [
        ("python-boto3", False, True, True), ("aws-cli", False, True, True), ("js-v2", False, True, False), ("js-v3", False, True, True),
        ("go-v1", False, True, True), ("go-v2", False, True, True), ("java-v2", False, True, True), ("ruby", False, True, True),
        ("php", False, True, False), ("crt-imds", False, True, True), ("dotnet", False, False, False), ("rust", False, False, False),
        ("python-v4-imds", False, False, False), ("elixir-hackney", False, False, False), ("java-v1", None, None, None),
        ("cpp", None, None, None), ("kotlin", None, None, None),
    ],
)  # fmt: skip
def test_who_goes_on_without_a_token(name: str, after_400: bool | None, after_403: bool | None, after_500: bool | None) -> None:
    assert tuple(goes_on_without_token(known(name), status) for status in (400, 403, 500)) == (after_400, after_403, after_500)


LATE_NS = 5 * MILLISECOND
"""The pauses were measured between hooks of the SDKs, around a timer of Python or Node.js: these wake up to 2 ms late (Node.js rounds to
whole milliseconds), and entering the hooks takes the rest."""
FOLDERS = [
    "idle-blackhole-boto3", "idle-reset-boto3", "idle-reset-js3", "mixed", "throttle-retry-boto3-legacy", "throttle-retry-boto3-standard",
    "throttle-retry-http", "throttle-retry-js2", "throttle-retry-js3",
]  # fmt: skip
NAMED = {"boto3": "python-boto3", "js2": "js-v2", "js3": "js-v3"}
THROTTLING = {"throttle": "ProvisionedThroughputExceededException", "throttling": "ThrottlingException"}
"""What the service answered where it was told to throttle."""
VERSION_OF = {"boto3": "boto3", "js2": "aws-sdk", "js3": "@aws-sdk/client-dynamodb"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_pauses_lie_in_the_interval(shared: Path, folder: str) -> None:
    truth = json.loads((shared / folder / "truth.json").read_text())
    modes = {}
    for setting in truth["client_settings"]:
        sdk = setting["sdk"]
        profile = known(NAMED[sdk])
        version = truth["versions"][sdk][VERSION_OF[sdk]]
        marker = setting.get("retries", {}).get("mode")
        chosen = possible_modes(profile, version, marker) if marker else (default_mode(profile, version),)
        assert len(chosen) == 1, "version and setting name one mode"
        assert chosen[0] is not None
        modes[sdk] = chosen[0]
    checked = 0
    for call in truth["calls"]:
        tries = call["attempt_list"] or []
        for retry, (before, one) in enumerate(pairwise(tries), 1):
            error_type = THROTTLING.get(before.get("injected") or "")
            kind = kind_of(known(NAMED[call["sdk"]]), before.get("status"), error_type)
            assert kind == ("throttling" if error_type else "transient")
            both = interval(modes[call["sdk"]], retry, kind, "dynamodb")
            assert both is not None
            assert both[0] <= one["backoff_ms"] * MILLISECOND <= both[1] + LATE_NS, (call["id"], retry, kind, modes[call["sdk"]].title)
            checked += 1
    assert checked >= 1
