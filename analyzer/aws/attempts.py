"""What headers say of the call behind a request: its invocation id and the number of the attempt; and the ids of answers."""

from __future__ import annotations

import re
from functools import lru_cache

from analyzer import sdks

ATTEMPT_NAME = "amz-sdk-request"
ATTEMPT_FIELD = ATTEMPT_NAME.encode()
"""`attempt=N; max=M`, with `ttl=...` anywhere and with or without spaces; the SDK's profile says whether it counts from 0 or 1."""
RETRY_FIELDS = (b"amz-sdk-retry", b"aws-sdk-retry")
"""`RETRIES/DELAY/CAPACITY` (Java v1, early Java v2) and `RETRIES/DELAY` (PHP): retries count from 0."""
INVOCATION_FIELDS = (b"amz-sdk-invocation-id", b"aws-sdk-invocation-id")
REQUEST_ID_FIELDS = (b"x-amzn-requestid", b"x-amzn-request-id", b"x-amz-request-id")

LONGEST_ATTEMPT = 256
_ATTEMPT = re.compile(rb"(?:^|[;\s])attempt=(\d{1,4})(?:$|[;,\s])")
_RETRY = re.compile(rb"(\d{1,4})/[\d.]*(?:/-?\d*)?")
_ID = re.compile(rb"[A-Za-z0-9_.:+/=-]{1,128}")


def attempt(fields: dict[bytes, bytes], sdk: str | None) -> int | None:
    """Tell which attempt of its call a request is, from 1; None where the SDK does not say."""
    value = fields.get(ATTEMPT_FIELD)
    if value is not None:
        number = _counted(value, sdk) if len(value) <= LONGEST_ATTEMPT else _attempt(value[:LONGEST_ATTEMPT], sdk)
        if number is not None:
            return number or None
    for name in RETRY_FIELDS:
        value = fields.get(name)
        if value is not None:
            match = _RETRY.fullmatch(value[:64].strip())
            if match:
                return int(match[1]) + 1
    return None


def _attempt(value: bytes, sdk: str | None) -> int | None:
    """Read an `amz-sdk-request` value as the SDK counts; 0 for what would be an attempt before the first."""
    match = _ATTEMPT.search(value)
    return int(match[1]) + 1 - sdks.first_attempt(sdk, ATTEMPT_NAME) if match else None


# Nearly every request is a first attempt and says so in the same words.
_counted = lru_cache(maxsize=1024)(_attempt)


def identifier(value: bytes) -> str | None:
    """Read an id; of a repeated field the first. None for what has another character than ids have, or more than 128 of them."""
    if len(value) <= 128 and (value.isalnum() or value.replace(b"-", b"").isalnum()):
        return value.decode("ascii")
    value = value[:256].partition(b",")[0].strip()
    return value.decode("ascii") if _ID.fullmatch(value) else None


def first_identifier(fields: dict[bytes, bytes], names: tuple[bytes, ...]) -> str | None:
    """Read the first of several fields that holds an id."""
    for name in names:
        value = fields.get(name)
        if value:
            return identifier(value)
    return None
