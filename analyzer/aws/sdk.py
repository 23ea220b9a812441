"""Which SDK sent a request: its name and version from the user agent, or from how it talks to a credential endpoint without one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from analyzer.aws.credentials_endpoints import IMDS, TOKEN_TTL_FIELD


class Sdk(NamedTuple):
    """An SDK's name and version; None where unknown."""

    name: str | None
    version: str | None


UNKNOWN = Sdk(None, None)

USER_AGENTS = (
    ("python-boto3", r"^Boto3/(?P<v>[\d.]+)"),
    ("python-aiobotocore", r"^aiobotocore/(?P<v>[\d.]+)"),
    ("aws-cli", r"\baws-cli/(?P<v>[\d.]+)"),
    ("python-botocore", r"\bBotocore/(?P<v>[\d.]+)"),
    ("js-v3", r"\baws-sdk-js/(?P<v>3[\d.]*)"),
    ("js-v2", r"\baws-sdk-(?:nodejs|js|react-native)/(?P<v>2[\d.]*)"),
    ("java-v2", r"\baws-sdk-java/(?P<v>2[\d.]*)"),
    ("java-v1", r"\baws-sdk-java/(?P<v>1[\d.]*)"),
    ("kotlin", r"\baws-sdk-kotlin/(?P<v>[\d.]+)"),
    ("go-v2", r"\baws-sdk-go-v2/(?P<v>[\d.]+)"),
    ("go-v1", r"\baws-sdk-go/(?P<v>[\d.]+)"),
    ("dotnet", r"\baws-sdk-dotnet(?:-\w+)?/(?P<v>[\d.]+)"),
    ("rust", r"\baws-sdk-rust/(?P<v>[\d.]+)"),
    ("ruby", r"\baws-sdk-ruby\d?/(?P<v>[\d.]+)"),
    ("php", r"\baws-sdk-php/(?P<v>[\d.]+)"),
    ("cpp", r"\baws-sdk-cpp/(?P<v>[\d.]+)"),
    ("swift", r"\baws-sdk-swift/(?P<v>[\d.]+)"),
    ("python-v4-imds", r"\baws-sdk-python-imds-client/(?P<v>[\d.]+)"),
    ("crt-imds", r"^aws-sdk-crt/aws-imds-client"),
)
"""User agents of SDKs; the first that matches wins."""

HTTP_LIBRARIES = (
    ("urllib3-container-creds", r"^python-urllib3/"),
    ("aiohttp-container-creds", r"\baiohttp/"),
    ("elixir-hackney", r"^hackney/(?P<v>[\d.]+)"),
)
"""User agents of HTTP libraries that an SDK hides behind; they prove one only where an AWS service is asked."""
CONTAINER_ONLY = frozenset({"urllib3-container-creds", "aiohttp-container-creds"})
"""botocore and aiobotocore hide so only before the container credential endpoints."""

READ_LIMIT = 1024
"""Bytes of a user agent that are looked at."""
VERSION_LIMIT = 32

_SDKS = tuple((name, re.compile(pattern)) for name, pattern in USER_AGENTS)
_LIBRARIES = tuple((name, re.compile(pattern)) for name, pattern in HTTP_LIBRARIES)


def from_user_agent(value: bytes) -> Sdk:
    """Tell the SDK from a `user-agent` or `x-amz-user-agent` value."""
    return _sdk(value[:READ_LIMIT])


def from_library(value: bytes) -> Sdk:
    """Tell the SDK that a bare HTTP library's user agent stands for, in a request to an AWS service."""
    return _library(value[:READ_LIMIT])


# A client sends few user agents and sends them again and again.
@lru_cache(maxsize=1024)
def _sdk(value: bytes) -> Sdk:
    return _match(value, _SDKS)


@lru_cache(maxsize=1024)
def _library(value: bytes) -> Sdk:
    return _match(value, _LIBRARIES)


def _match(value: bytes, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> Sdk:
    text = value.decode("latin-1")
    for name, pattern in patterns:
        found = pattern.search(text)
        if found:
            version = found.groupdict().get("v") or ""
            version = version.strip(".")
            return Sdk(name, version if version.isascii() and 0 < len(version) <= VERSION_LIMIT else None)
    return UNKNOWN


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
