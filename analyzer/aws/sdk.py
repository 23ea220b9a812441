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


def from_user_agent(value: bytes) -> Sdk:
    """Tell the SDK from a `user-agent` or `x-amz-user-agent` value."""
    return _sdk(value[:READ_LIMIT])


def from_library(value: bytes) -> Sdk:
    """Tell the SDK that a bare HTTP library's user agent stands for, in a request to an AWS service."""
    return _library(value[:READ_LIMIT])


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

    Go v2 asks for tokens of 300 s where all others ask for 21600 s (`feature/ec2/imds`, `defaultTokenTTL`). JS v2 closes each metadata
    connection and JS v3 keeps it, both without user agent; JS v2 does send one to container agents.
    """
    if fields.get(TOKEN_TTL_FIELD) == b"300":
        return Sdk("go-v2", None)
    connection = fields.get(b"connection", b"").lower()
    if connection == b"close" and service == IMDS:
        return Sdk("js-v2", None)
    if connection == b"keep-alive":
        return Sdk("js-v3", None)
    return UNKNOWN
