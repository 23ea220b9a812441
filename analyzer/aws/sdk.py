"""Which SDK sent a request: its name and version from the user agent, or from how it talks to a credential endpoint without one."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from analyzer import sdks
from analyzer.aws.credentials_endpoints import IMDS, TOKEN_TTL_FIELD


class Sdk(NamedTuple):
    """An SDK's name and version; None where unknown."""

    name: str | None
    version: str | None


UNKNOWN = Sdk(None, None)

READ_LIMIT = 1024
"""Bytes of a user agent that are looked at."""
VERSION_LIMIT = 32
FEATURES = {b"D": "legacy", b"E": "standard", b"F": "adaptive"}
"""Retry modes among the features that a user agent lists (botocore `useragent.py`, `_USERAGENT_FEATURE_MAPPINGS`)."""
_MODE = re.compile(rb"(?:^|\s)cfg/retry-mode[#/](legacy|standard|adaptive)(?:\s|$)")
_FEATURES = re.compile(rb"(?:^|\s)m/([A-Za-z0-9+,-]{1,256})(?:\s|$)")
LIFETIME_DIGITS = 6
"""Digits of a token's lifetime in seconds; six hours is the longest."""


def from_user_agent(value: bytes) -> Sdk:
    """Tell the SDK from a `user-agent` or `x-amz-user-agent` value."""
    return _sdk(value[:READ_LIMIT])


def from_library(value: bytes) -> Sdk:
    """Tell the SDK that a bare HTTP library's user agent stands for, in a request to an AWS service."""
    return _library(value[:READ_LIMIT])


def retry_mode(agent: bytes) -> str | None:
    """Tell how an SDK retries from its user agent: legacy, standard or adaptive; None where it does not say."""
    return _retry_mode(agent[:READ_LIMIT])


@lru_cache(maxsize=1024)
def _retry_mode(agent: bytes) -> str | None:
    found = _MODE.search(agent)
    if found is not None:
        return found[1].decode()
    letters = _FEATURES.search(agent)
    if letters is None:
        return None
    modes = [FEATURES[one] for one in letters[1].split(b",") if one in FEATURES]
    return modes[0] if len(modes) == 1 else None


# A client sends few user agents and sends them again and again.
@lru_cache(maxsize=1024)
def _sdk(value: bytes) -> Sdk:
    return _match(value, _patterns("sdk"))


@lru_cache(maxsize=1024)
def _library(value: bytes) -> Sdk:
    return _match(value, _patterns("library", "container"))


@cache
def _patterns(*kinds: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the names and patterns of SDKs, or of the HTTP libraries that some hide behind; the first that matches wins."""
    return tuple((user.name, user.pattern) for user in sdks.users().values() if user.kind in kinds and user.pattern is not None)


def _match(value: bytes, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> Sdk:
    text = value.decode("latin-1")
    for name, pattern in patterns:
        found = pattern.search(text)
        if found:
            version = found.groupdict().get("v") or ""
            version = version.strip(".")
            return Sdk(name, version if version.isascii() and 0 < len(version) <= VERSION_LIMIT else None)
    return UNKNOWN


def only_for_credentials(sdk: Sdk) -> bool:
    """Tell whether an SDK hides behind that user agent only before the container credential endpoints."""
    user = sdks.users().get(sdk.name) if sdk.name is not None else None
    return user is not None and user.kind == "container"


def from_manners(service: str | None, fields: dict[bytes, bytes]) -> Sdk:
    """Tell the SDK of a request without user agent to a credential endpoint, by what it sends instead.

    That is the lifetime of the token that it asks for, or its `connection` field, where the profiles know of one SDK only that sends it.
    """
    lifetime = fields.get(TOKEN_TTL_FIELD, b"")[:READ_LIMIT]
    if len(lifetime) <= LIFETIME_DIGITS and lifetime.isdigit():
        name = sdks.by_token_lifetime().get(int(lifetime))
        if name is not None:
            return Sdk(name, None)
    connection = fields.get(b"connection", b"")[:READ_LIMIT].decode("latin-1").lower()
    return Sdk(sdks.by_manner(service != IMDS).get(connection), None)
