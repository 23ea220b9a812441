"""Error types in all protocols."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.faults import error_type


@pytest.mark.parametrize(
    "body, name",
    [
        (b'{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}', "ResourceNotFoundException"),
        (b'{"__type":"com.amazon.coral.availability#ThrottlingException","Message":"x"}', "ThrottlingException"),
        (b'{"message":"__type: \\"a#B\\"","__type":"C"}', "C"),
        (b'{"Item":{"__type":"a#Inner","code":{"S":"x"}},"__type":"a#Outer"}', "Outer"),
        (b'{"CancellationReasons":[{"Code":"None"}],"__type":"a#TransactionCanceledException"}', "TransactionCanceledException"),
        (b' \r\n{ "code" : "InvalidIdInRequest" , "message":"x"}', "InvalidIdInRequest"),
        (b'{"code":400,"__type":"B"}', "B"),
        (b'{"__type":"com.x#Half', None),
        (b'{"__type":"no spaces allowed"}', None),
        (b'{"__type":"x#\\u0041bc"}', "Abc"),
        (b'{"message":"x"}', None),
        (b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code></Error></ErrorResponse>", "ExpiredToken"),
        (b"<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey"),
        (b"<html><body>404</body></html>", None),
        (b"Too many requests", None),
        (b"", None),
    ],
)
def test_bodies(body: bytes, name: str | None) -> None:
    assert error_type({}, body) == name


@pytest.mark.parametrize(
    "value, name",
    [
        (b"ValidationException:http://internal.amazon.com/coral/com.amazon.coral.validate/", "ValidationException"),
        (b"com.x#ThrottlingException", "ThrottlingException"),
        (b"AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.NonExistentQueue"),
        (b"\x1b[31mred", "FromBody"),
    ],
)
def test_header(value: bytes, name: str) -> None:
    assert error_type({b"x-amzn-errortype": value}, b'{"__type":"FromBody"}') == name


def test_deep_and_long_bodies_are_survived() -> None:
    assert error_type({}, b'{"a":' * 13_000) is None
    assert error_type({}, b'{"a":"' + b'\\"' * 32_000) is None
    assert error_type({}, b'{"a":' + b"[" * 65_000) is None
    assert error_type({}, b"<Code>" * 10_000) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    for start in (b"", b'{"__type":', b"<Code>", b'{"__type":"'):
        name = error_type({b"x-amzn-errortype": body}, start + body)
        assert name is None or re.fullmatch(r"[A-Za-z0-9_.]{1,128}", name)
