"""What code used to know of single SDKs and profiles know now: how they count, hand connections over, and talk without a user agent."""

from __future__ import annotations

import pytest

from analyzer import sdks
from analyzer.aws.attempts import INVOCATION_FIELDS, RETRY_FIELDS, attempt
from analyzer.aws.recognizer import REQUEST_FIELDS


@pytest.mark.parametrize(
    "name, hands",
    [("js-v2", True), ("js-v3", True), ("go-v1", True), ("go-v2", True), ("python-boto3", False), ("ruby", False), (None, True)],
)
def test_who_hands_connections_over(name: str | None, hands: bool) -> None:
    assert sdks.hands_over(name) is hands


def test_of_an_sdk_whose_pool_is_unknown_it_may_be() -> None:
    assert sdks.hands_over("kotlin") is True


def test_attempts_are_counted_as_the_profile_says() -> None:
    for one in sdks.profiles().values():
        if one.headers is None or one.headers.attempt is None:
            continue
        for name in one.users:
            expected = one.headers.counts_from if one.headers.counts_from is not None else 1
            assert sdks.first_attempt(name, one.headers.attempt) == expected
            assert sdks.first_attempt(name, "x-other") == 1
    assert attempt({b"amz-sdk-request": b"attempt=0; max=3"}, "ruby") == 1
    assert attempt({b"amz-sdk-request": b"attempt=0; max=3"}, "go-v2") is None


def test_every_header_that_a_profile_names_is_read() -> None:
    """Else an SDK that is added as a file would lose its attempts."""
    for one in sdks.profiles().values():
        if one.headers is None:
            continue
        for field in filter(None, (one.headers.invocation, one.headers.attempt)):
            assert field.encode() in REQUEST_FIELDS, (one.name, field)
        if one.headers.invocation:
            assert one.headers.invocation.encode() in INVOCATION_FIELDS
        if one.headers.attempt:
            assert one.headers.attempt.encode() in (b"amz-sdk-request", *RETRY_FIELDS)


def test_manners_that_one_sdk_alone_has() -> None:
    assert dict(sdks.by_token_lifetime()) == {300: "go-v2"}
    assert dict(sdks.by_manner(container=False)) == {"close": "js-v2", "keep-alive": "js-v3"}
    assert dict(sdks.by_manner(container=True)) == {"keep-alive": "js-v3"}


def test_the_types_that_mean_throttling() -> None:
    types = sdks.throttling_types()
    assert {"ProvisionedThroughputExceededException", "ThrottlingException", "EC2ThrottledException"} <= types
    assert "ValidationException" not in types
