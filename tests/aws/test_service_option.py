"""The --service option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws import parse_service_option
from analyzer.errors import UsageError


@pytest.mark.parametrize(
    "text, service, host, port",
    [
        ("dynamodb=localhost:8000", "dynamodb", "localhost", 8000),
        ("dynamodb=localhost", "dynamodb", "localhost", None),
        (" DynamoDB = Ddb.Internal.:8000 ", "dynamodb", "ddb.internal", 8000),
        ("sts=10.0.0.5:443", "sts", "10.0.0.5", 443),
        ("sts=10.0.0.5", "sts", "10.0.0.5", None),
        ("dynamodb=[fd00:0::1]:8000", "dynamodb", "fd00::1", 8000),
        ("dynamodb=[fd00::1]", "dynamodb", "fd00::1", None),
        ("dynamodb=fd00::1", "dynamodb", "fd00::1", None),
    ],
)
def test_rules(text: str, service: str, host: str, port: int | None) -> None:
    assert parse_service_option(text) == (service, host, port)


def test_addresses_are_known_as_such() -> None:
    assert parse_service_option("a=10.0.0.5").address == b"\x0a\x00\x00\x05"
    assert parse_service_option("a=localhost").address is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dynamodb",
        "=host",
        "dynamodb=",
        "dyn amo=host",
        "a=host:",
        "a=host:0",
        "a=host:65536",
        "a=host:x",
        "a=host:1:2",
        "a=[::1",
        "a=[::1]x",
        "a=[host]:1",
        "a=ho st",
        "a=-x",
        "a=a..b",
        "a=http://host",
        "a=host:²",
        "a=" + "x" * 300,
    ],
)
def test_nonsense_is_a_usage_error_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_service_option(text)
    assert caught.value.exit_code == 1
    assert caught.value.hint
    assert len(str(caught.value)) < 250


@given(st.text(max_size=40))
def test_no_other_error(text: str) -> None:
    for form in (text, "a=" + text, "a=[" + text, "a=h:" + text):
        try:
            rule = parse_service_option(form)
        except UsageError:
            continue
        assert rule.host
        assert rule.port is None or 0 < rule.port < 65536
