"""Remedies are in the words of the SDK that was seen: which rule asks for which setting, and for which SDKs there is none."""

from __future__ import annotations

import re
from inspect import getsource
from sys import modules

import pytest

from analyzer import findings, sdks
from analyzer.findings.rules import slow_server
from analyzer.findings.words import clause, remedy_for
from analyzer.sdks.records import PURPOSES
from tests.factory import call

ASKED = re.compile(r"""(?:remedy_for|sdks\.remedy)\(.*?"([a-z0-9-]+)"(?: if .*? else "([a-z-]+)")?""")
NONE_THERE: dict[str, set[str]] = {
    "keep-alive": set(),
    "warm-up": set(),
    "lookups": {"cpp", "kotlin", "swift"},
    "read-timeout": {"kotlin", "swift"},
    "connect-timeout": {"swift"},
    "stale-connection": {"dotnet", "kotlin", "swift"},
    "pool-size": {"php", "ruby", "rust", "swift"},  # without a limit
    "idle-limit": {"botocore", "cpp", "dotnet", "js-v2", "js-v3", "node", "kotlin", "php", "rust", "swift"},  # none that the client sets
    "tcp-keepalive": {"dotnet", "elixir-hackney", "kotlin", "php", "ruby", "rust", "swift"},
    "throttling": {"elixir-hackney", "go", "go-v1", "java", "kotlin", "node", "swift"},  # no rate limiter in the client
    "tls-resumption": set(sdks.profiles()) - {"go", "go-v1", "go-v2"},  # all others resume by themselves, or never can
    "credentials": {"cpp", "dotnet", "elixir-hackney", "go", "java", "kotlin", "node", "rust", "swift"},
    "imds-timeout": {"cpp", "dotnet", "elixir-hackney", "go", "java", "kotlin", "node", "swift"},
    "imds-disable": set(),
    "imds-v1-disable": {"kotlin", "rust", "swift"},  # these know no version 1
}
"""The SDKs that have no setting for a purpose of a rule, or none that is known: rules speak of it in general then."""
NO_CLIENT = {"crt", "python-v4"}
"""Profiles of which only the metadata service is asked."""


def purposes() -> dict[str, set[str]]:
    """Return which purposes each rule asks for, as its source says."""
    out = {}
    for loaded in findings.rules():
        text = getsource(modules[loaded.check.__module__])
        out[loaded.rule.code] = {one for pair in ASKED.findall(text) for one in pair if one}
    return out


def test_every_purpose_that_a_rule_asks_for_is_known_and_looked_at_here() -> None:
    asked = set().union(*purposes().values())
    assert asked <= set(PURPOSES)
    assert asked == set(NONE_THERE)


@pytest.mark.parametrize("purpose", NONE_THERE)
def test_each_sdk_has_its_own_words_or_is_known_to_have_none(purpose: str) -> None:
    silent = {name for name in sdks.profiles() if name not in NO_CLIENT and sdks.remedy(name, purpose) is None}
    assert silent == NONE_THERE[purpose] - NO_CLIENT


@pytest.mark.parametrize(
    "sdk, purpose, setting",
    [
        ("go-v1", "tls-resumption", "tls.NewLRUClientSessionCache"),
        ("go-v1", "imds-timeout", "EC2MetadataDisableTimeoutOverride"),
        ("go-v2", "keep-alive", "MaxIdleConnsPerHost"),
        ("java-v1", "credentials", "createAsyncRefreshingProvider(true)"),
        ("java-v2", "lookups", "networkaddress.cache.ttl"),
        ("dotnet", "pool-size", "MaxConnectionsPerServer"),
        ("ruby", "keep-alive", "http_idle_timeout"),
        ("kotlin", "connect-timeout", "connectTimeout"),
        ("ex_aws", "imds-disable", ":instance_role"),
    ],
)
def test_the_setting_is_named(sdk: str, purpose: str, setting: str) -> None:
    name = next((user for user, one in sdks.users().items() if one.title == sdk), sdk)
    assert setting in remedy_for(purpose, [call(sdk=name)], "")


def test_the_time_limit_is_that_of_the_sdk_that_waited() -> None:
    text = slow_server._remedy(5_000_000_000, [call(sdk="java-v2")])
    assert "socketTimeout" in text
    assert "boto3" not in text
    assert "boto3" in slow_server._remedy(5_000_000_000, [call(sdk=None)])
    assert slow_server._remedy(500_000_000, [call(sdk="java-v2")]) == slow_server.RULE.remedy


def test_a_sentence_becomes_part_of_another() -> None:
    assert clause("Set A=1.") == "set A=1"
    assert clause("") == ""
