"""Services and operations as requests name them: by `X-Amz-Target`, by path (RPC v2) or by `Action` (Query protocol)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DYNAMODB = "dynamodb"

SERVICE_OF_PREFIX = {
    "DynamoDB_20120810": DYNAMODB,
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
    "TrentService": "kms",
    "Logs_20140328": "logs",
    "AWSEvents": "events",
    "AWSStepFunctions": "states",
}
"""`targetPrefix` of the SDKs' service models, for services that stand-ins serve on any host and port."""

STS_VERSION = b"2011-06-15"
"""`Version` of all STS requests (STS API reference); no other service has it."""
FORM_WINDOW = 1024
"""Bytes of a form in which `Action` is looked for: SDKs write it first."""
FORM_TYPE = b"application/x-www-form-urlencoded"

_TARGET = re.compile(r"(?P<prefix>[A-Za-z0-9_.-]{1,128})\.(?P<operation>[A-Za-z0-9_]{1,128})")
_RPC_PATH = re.compile(rb"/service/(?P<prefix>[A-Za-z0-9_.]{1,128})/operation/(?P<operation>[A-Za-z0-9_.]{1,128})")
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9_.]{1,128})(?=&|$)")
_VERSION = re.compile(rb"(?:^|&)Version=([0-9-]{1,10})(?=&|$)")


class Named(NamedTuple):
    """A service and an operation as a request names them; None where it does not."""

    service: str | None
    operation: str | None


NOTHING = Named(None, None)


def from_target(value: bytes) -> Named:
    """Read an `X-Amz-Target` value, `Prefix_version.Operation` (AWS JSON protocols)."""
    return _named(value[:300])


@lru_cache(maxsize=1024)
def _named(value: bytes) -> Named:
    match = _TARGET.fullmatch(value.strip().decode("ascii", "replace"))
    return Named(SERVICE_OF_PREFIX.get(match["prefix"]), match["operation"]) if match else NOTHING


def from_path(path: bytes) -> Named:
    """Read a path of the RPC v2 protocol, `/service/Prefix/operation/Operation`."""
    match = _RPC_PATH.fullmatch(path[:300])
    return Named(SERVICE_OF_PREFIX.get(match["prefix"].decode()), match["operation"].decode()) if match else NOTHING


def from_form(text: bytes) -> Named:
    """Read `Action` and `Version` of a form or query string (Query protocol). Nothing else of it is looked at: forms hold tokens."""
    if len(text) >= FORM_WINDOW:
        # The last value may be cut.
        text = text[:FORM_WINDOW].rpartition(b"&")[0]
    action = _ACTION.search(text)
    if not action:
        return NOTHING
    version = _VERSION.search(text)
    return Named("sts" if version and version[1] == STS_VERSION else None, action[1].decode())
