"""Figures of the profiles, fact by fact, as they were read or measured; and which of them may prove nothing."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from analyzer import sdks
from analyzer.sdks.records import Delay, Profile, sure
from analyzer.units import SECOND


def known(name: str) -> Profile:
    found = sdks.profile(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name, ttl, connect, read, whole, tries, reuses, agent",
    [
        ("botocore", 21_600, 1000, 1000, None, 1, True, "Boto3/1.44.5 Python/3.11.7 Linux/KERNEL Botocore/1.44.5"),
        ("aiobotocore", 21_600, 1000, 1000, None, 1, False, "aiobotocore/3.10.0 Python/3.11.7 Linux/KERNEL botocore/1.43.117"),
        ("js-v2", 21_600, 1000, 1000, None, 4, False, ""),
        ("js-v3", 21_600, 1000, 1000, None, 1, True, ""),
        ("go-v1", 21_600, None, None, 1000, 3, True, "aws-sdk-go/1.44.133 (go1.x; linux; amd64)"),
        ("java-v2", 21_600, 1000, 1000, None, 1, True, "aws-sdk-java/2.x"),
        ("dotnet", 21_600, None, None, 5000, 3, None, None),
        ("rust", 21_600, 1000, 1000, 10_000, 4, True, None),
        ("ruby", 21_600, 1000, 1000, None, 1, True, "aws-sdk-ruby3/3.x"),
        ("php", 21_600, None, None, 1000, 4, None, "aws-sdk-php/3.x"),
        ("crt", 21_600, 2000, 1000, None, 2, True, "aws-sdk-crt/aws-imds-client"),
        ("elixir-hackney", 21_600, 8000, 30_000, None, 1, True, "hackney/4.x"),
        ("python-v4", 21_600, None, None, None, None, None, "aws-sdk-python-imds-client/0.4.0"),
    ],
)
def test_the_metadata_service(
    name: str, ttl: int, connect: int | None, read: int | None, whole: int | None, tries: int | None, reuses: bool | None, agent: str | None
) -> None:
    imds = known(name).imds
    assert imds is not None
    assert (imds.token_ttl_s, imds.connect_ms, imds.read_ms, imds.whole_ms, imds.tries, imds.reuses, imds.agent) == (
        ttl, connect, read, whole, tries, reuses, agent,
    )  # fmt: skip


def test_go_2_is_told_by_the_lifetime_of_its_token() -> None:
    lifetimes = {name: one.imds.token_ttl_s for name, one in sdks.profiles().items() if one.imds is not None}
    assert lifetimes.pop("go-v2") == 300
    assert set(lifetimes.values()) == {21_600}


def test_what_each_remembers_of_a_token_that_it_did_not_get() -> None:
    remembered = {name: one.imds.remembers for name, one in sdks.profiles().items() if one.imds is not None}
    assert remembered["botocore"] == ()
    assert "timeout" not in (remembered["js-v3"] or ())
    assert "timeout" in (remembered["js-v2"] or ())
    assert {"timeout", "403", "404", "405"} <= set(remembered["go-v2"] or ())
    assert [name for name, one in sdks.profiles().items() if one.imds is not None and one.imds.v1_first] == ["elixir-hackney"]


@pytest.mark.parametrize(
    "name, connect, read, tries, pause, after_last",
    [
        ("botocore", 2000, 2000, 3, Delay(1000, factor=1), True),
        ("aiobotocore", 2000, 2000, 3, Delay(1000, factor=1), True),
        ("js-v2", None, 1000, 4, Delay(100, jitter="full"), False),
        ("js-v3", 1000, 1000, 4, Delay(1000, factor=1), False),
        ("rust", 2000, 5000, None, None, False),
        ("ruby", 5000, 5000, 6, Delay(1000, factor=1.2), False),
        ("crt", 2000, None, 3, None, False),
        ("elixir-hackney", None, 5000, 1, None, False),
    ],
)
def test_container_endpoints(
    name: str, connect: int | None, read: int | None, tries: int | None, pause: Delay | None, after_last: bool
) -> None:
    found = known(name).container
    assert found is not None
    assert (found.connect_ms, found.read_ms, found.tries, found.pause, found.pauses_after_last) == (connect, read, tries, pause, after_last)


@pytest.mark.parametrize(
    "name, early_ms, inline",
    [
        ("botocore", 15 * 60_000, True), ("js-v2", 15_000, True), ("js-v3", 300_000, True), ("go-v1", 300_000, True),
        ("go-v2", 300_000, True), ("java-v2", 300_000, True), ("dotnet", None, False), ("rust", 10_000, True), ("ruby", 300_000, True),
        ("elixir-hackney", 300_000, False), ("php", None, True),
    ],
)  # fmt: skip
def test_refresh(name: str, early_ms: int | None, inline: bool) -> None:
    found = known(name).refresh
    assert found is not None
    assert (found.early_ms, found.inline) == (early_ms, inline)


def test_who_is_certain_to_fetch_inside_the_call() -> None:
    inside = {
        name for name, one in sdks.profiles().items() if one.refresh is not None and one.refresh.inline and sure(one.refresh, "inline")
    }
    assert inside == {"botocore", "aiobotocore", "js-v2", "js-v3", "go-v1", "go-v2", "rust", "ruby", "php"}


@pytest.mark.parametrize(
    "name, facts",
    [
        (
            "botocore",
            {"size": 10, "waits": False, "order": "lifo", "idle_ms": inf, "connect_ms": 60_000, "read_ms": 60_000, "probe_ms": inf},
        ),
        ("aiobotocore", {"size": 10, "waits": True, "order": "fifo", "idle_ms": 12_000, "race_ms": 250, "dns_cache_ms": 10_000}),
        ("js-v2", {"size": 50, "keep_alive": False, "header": "close", "connect_ms": inf, "read_ms": 120_000}),
        ("js-v3", {"size": 50, "waits": True, "order": "lifo", "keep_alive": True, "idle_ms": inf, "read_ms": 300_000, "probe_ms": 3000}),
        ("java-v1", {"size": 50, "idle_ms": 60_000, "connect_ms": 10_000, "read_ms": 50_000}),
        ("java-v2", {"size": 50, "acquire_ms": 10_000, "idle_ms": 60_000, "connect_ms": 2000, "read_ms": 30_000, "marker": "Apache"}),
        ("go-v1", {"size": inf, "idle_size": 2, "idle_ms": 90_000, "connect_ms": 30_000, "tls_ms": 10_000, "race_ms": 300, "h2": True}),
        ("go-v2", {"size": inf, "idle_size": 10, "idle_ms": 90_000, "probe_ms": 30_000, "read_ms": inf}),
        ("dotnet", {"connect_ms": inf, "whole_ms": 100_000}),
        ("rust", {"size": inf, "idle_ms": 90_000, "connect_ms": 3100, "read_ms": inf}),
        ("ruby", {"order": "fifo", "idle_ms": 5000, "idle_at": "use", "connect_ms": 15_000, "read_ms": 60_000}),
        ("php", {"connect_ms": inf, "read_ms": inf}),
        ("cpp", {"size": 25, "connect_ms": 1000, "probe_ms": 30_000}),
        ("elixir-hackney", {"size": 50, "waits": True, "idle_ms": 2000, "connect_ms": 8000, "read_ms": 30_000, "race_ms": 250}),
    ],
)
def test_pools(name: str, facts: dict[str, Any]) -> None:
    pool = known(name).pools[0]._asdict()
    assert {key: pool[key] for key in facts} == facts


def test_the_http_clients_of_java_2() -> None:
    assert [(pool.name, pool.marker) for pool in known("java-v2").pools] == [
        ("apache", "Apache"), ("netty", "NettyNio"), ("crt", "AwsCommonRuntime"),
    ]  # fmt: skip


def test_who_resumes_tls_sessions_for_certain() -> None:
    told = {name: one.pools[0].resumes for name, one in sdks.profiles().items() if one.pools and sure(one.pools[0], "resumes")}
    assert told == {
        "botocore": False, "aiobotocore": False, "js-v2": True, "js-v3": True, "go-v1": False, "go-v2": False, "ruby": False,
        "elixir-hackney": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name, seconds",
    [
        ("python-aiobotocore", 12), ("ruby", 5), ("elixir-hackney", 2), ("java-v1", 60), ("java-v2", 60), ("go-v1", 90), ("go-v2", 90),
        ("rust", 90), ("python-boto3", None), ("js-v3", None), ("js-v2", None), ("dotnet", None), ("php", None), ("kotlin", None),
    ],
)  # fmt: skip
def test_idle_limits_that_may_prove_something(name: str, seconds: int | None) -> None:
    assert sdks.idle_limit(name) == (seconds * SECOND if seconds is not None else None)


@pytest.mark.parametrize(
    "name, invocation, attempt, counts_from, signed",
    [
        ("botocore", "amz-sdk-invocation-id", "amz-sdk-request", 1, False), ("js-v3", "amz-sdk-invocation-id", "amz-sdk-request", 1, True),
        ("js-v2", "", "", None, None), ("go-v1", "", "", None, None), ("elixir-hackney", "", "", None, None),
        ("java-v1", "amz-sdk-invocation-id", "amz-sdk-request", 1, True), ("ruby", "amz-sdk-invocation-id", "amz-sdk-request", 0, None),
        ("php", "aws-sdk-invocation-id", "aws-sdk-retry", 0, False), ("go-v2", "amz-sdk-invocation-id", "amz-sdk-request", 1, True),
    ],
)  # fmt: skip
def test_headers(name: str, invocation: str, attempt: str, counts_from: int | None, signed: bool | None) -> None:
    found = known(name).headers
    assert found is not None
    assert (found.invocation, found.attempt, found.counts_from, found.signed) == (invocation, attempt, counts_from, signed)


@pytest.mark.parametrize(
    "name, part, figure",
    [
        ("java-v1", "imds", "connect_ms"), ("java-v1", "imds", "read_ms"), ("rust", "pools", "connect_ms"), ("dotnet", "pools", "idle_ms"),
        ("dotnet", "pools", "size"), ("java-v2", "refresh", "inline"), ("java-v2", "pools", "resumes"), ("cpp", "headers", "attempt"),
        ("php", "imds", "tries"), ("go-v2", "headers", "signed"),
    ],
)  # fmt: skip
def test_hearsay_may_prove_nothing(name: str, part: str, figure: str) -> None:
    found = getattr(known(name), part)
    one = found[0] if isinstance(found, tuple) and not hasattr(found, "_fields") else found
    assert getattr(one, figure) is not None
    assert not sure(one, figure)


@pytest.mark.parametrize(
    "name, purpose, words",
    [
        ("python-boto3", "pool-size", "max_pool_connections"), ("python-boto3", "imds-timeout", "AWS_METADATA_SERVICE_TIMEOUT"),
        ("python-aiobotocore", "idle-limit", "keepalive_timeout"), ("js-v2", "keep-alive", "AWS_NODEJS_CONNECTION_REUSE_ENABLED=1"),
        ("js-v3", "tls-keys", "--tls-keylog"), ("js-v3", "read-timeout", "throwOnRequestTimeout"),
        ("go-v1", "pool-size", "MaxIdleConnsPerHost"),
        ("java-v2", "imds-timeout", "aws.ec2MetadataServiceTimeout"), ("dotnet", "tls-keys", "EnableSslKeyLogging"),
        ("ruby", "idle-limit", "http_idle_timeout"), ("php", "imds-timeout", "NUM_ATTEMPTS"), ("cpp", "pool-size", "maxConnections"),
        ("elixir-hackney", "tls-keys", "keep_secrets"), ("crt-imds", "imds-v1-disable", "AWS_EC2_METADATA_V1_DISABLED"),
    ],
)  # fmt: skip
def test_the_setting_is_named(name: str, purpose: str, words: str) -> None:
    assert words in (sdks.remedy(name, purpose) or "")
