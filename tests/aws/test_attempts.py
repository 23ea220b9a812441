"""Attempt numbers and ids."""

from __future__ import annotations

import pytest

from analyzer.aws.attempts import attempt, first_identifier, identifier


@pytest.mark.parametrize(
    "value, sdk, number",
    [
        (b"attempt=1; max=4", "python-boto3", 1),
        (b"attempt=1", "python-boto3", 1),
        (b"ttl=20261121T193114Z; attempt=2; max=4", "python-boto3", 2),
        (b"ttl=20220902T030107Z;attempt=3;max=4", "java-v1", 3),
        (b"attempt=2; max=3; ttl=20261121T193114Z", "go-v2", 2),
        (b"attempt=0; max=3", "ruby", 1),
        (b"attempt=2; max=3; ttl=x", "ruby", 3),
        (b"attempt=0; max=3", "rust", None),
        (b"attempt=99999", None, None),
        (b"reattempt=2", None, None),
        (b"attempt=x", None, None),
        (b"", None, None),
    ],
)
def test_sdk_request(value: bytes, sdk: str | None, number: int | None) -> None:
    assert attempt({b"amz-sdk-request": value}, sdk) == number


@pytest.mark.parametrize(
    "name, value, number",
    [
        (b"amz-sdk-retry", b"0/0/500", 1),
        (b"amz-sdk-retry", b"2/137/490", 3),
        (b"amz-sdk-retry", b"1/20/-5", 2),
        (b"amz-sdk-retry", b"1/20/", 2),
        (b"aws-sdk-retry", b"1/37", 2),
        (b"aws-sdk-retry", b"0/0", 1),
        (b"aws-sdk-retry", b"1/37.5", 2),
        (b"aws-sdk-retry", b"nonsense", None),
    ],
)
def test_retry_fields(name: bytes, value: bytes, number: int | None) -> None:
    assert attempt({name: value}, None) == number


def test_the_attempt_wins_over_the_retry() -> None:
    assert attempt({b"amz-sdk-request": b"attempt=2;max=4", b"amz-sdk-retry": b"5/0/500"}, "java-v1") == 2
    assert attempt({b"amz-sdk-request": b"max=4", b"amz-sdk-retry": b"5/0/500"}, "java-v1") == 6
    assert attempt({}, "js-v2") is None


@pytest.mark.parametrize(
    "value, text",
    [
        (b"ecc606a0-43ac-49ff-8ec8-bdaeecc99282", "ecc606a0-43ac-49ff-8ec8-bdaeecc99282"),
        (b"677CYGMTRAJF40GGRGH38XL83PA1KS7569JPQ59RO03IE3LAAJGI", "677CYGMTRAJF40GGRGH38XL83PA1KS7569JPQ59RO03IE3LAAJGI"),
        (b"a+b/c=", "a+b/c="),
        (b"first, second", "first"),
        (b"", None),
        (b"a b", None),
        (b"a\x1b[31m", None),
        (b"\xff\xfe", None),
        (b"x" * 129, None),
    ],
)
def test_identifiers(value: bytes, text: str | None) -> None:
    assert identifier(value) == text


def test_the_first_field_that_is_there() -> None:
    fields = {b"b": b"2", b"c": b"3"}
    assert first_identifier(fields, (b"a", b"b", b"c")) == "2"
    assert first_identifier({}, (b"a",)) is None
