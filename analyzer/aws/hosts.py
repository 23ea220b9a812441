"""What a host name says: the AWS service and the region behind it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Place(NamedTuple):
    """A service and its region; None where the name does not say."""

    service: str | None
    region: str | None


NOWHERE = Place(None, None)
NAME_LIMIT = 254
"""Characters of a host name with its last dot (RFC 1035 section 2.3.4)."""

# DNS suffixes of all partitions, as in the SDKs' partitions.json (dnsSuffix, dualStackDnsSuffix).
SUFFIXES = (
    ".amazonaws.com",
    ".api.aws",
    ".amazonaws.com.cn",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".api.aws.ic.gov",
    ".sc2s.sgov.gov",
    ".api.aws.scloud",
    ".cloud.adc-e.uk",
    ".api.cloud-aws.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.hci.ic.gov",
)

SERVICE_OF_LABEL = {
    "ddb": "dynamodb",
    "search-dynamodb": "dynamodb",
    "search-ddb": "dynamodb",
    "streams-dynamodb": "dynamodbstreams",
    "streams-ddb": "dynamodbstreams",
    "dax-clusters": "dax",
    "queue": "sqs",
}
"""Host labels whose service has another id; every other label is its service's id. DynamoDB's are those of its endpoint rule set."""

CUSTOMER_LABELS = frozenset({"elb", "execute-api"})
"""Names of customers' own interfaces under AWS's suffixes: behind them is no AWS service."""

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}")
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")
_S3_REGION = re.compile(r"s3(?:-website|-fips)?-(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2})")


def place(host: str) -> Place:
    """Tell service and region from a host name without port (the patterns of the SDKs' endpoint rule sets)."""
    return _place(host.lower().removesuffix(".")) if len(host) <= NAME_LIMIT else NOWHERE


@lru_cache(maxsize=4096)
def _place(host: str) -> Place:
    for suffix in SUFFIXES:
        if host.endswith(suffix):
            labels = host[: -len(suffix)].split(".")
            break
    else:
        return NOWHERE
    if labels[-1] == "vpce":
        # Interface endpoints: vpce-ID.SERVICE.REGION.vpce.SUFFIX; the zone, if any, is part of the first label.
        labels.pop()
    if not labels:
        return NOWHERE
    region = None
    if _REGION.fullmatch(labels[-1]):
        region = labels.pop()
        if labels and labels[-1] == "dualstack":
            labels.pop()
        if not labels:
            return NOWHERE
    return _service(labels, region)


def _service(labels: list[str], region: str | None) -> Place:
    """Tell the service from the labels left of the region; without a region only services that have a global or an old form."""
    label = labels[-1].removesuffix("-fips").removeprefix("fips-")
    if label == "s3" or label.startswith(("s3-", "s3express")):
        old = _S3_REGION.fullmatch(label)
        return Place("s3", old["region"] if old else region)
    if label in CUSTOMER_LABELS:
        return NOWHERE
    before = labels[-2] if len(labels) > 1 else ""
    if region is None and before:
        # REGION.queue.amazonaws.com is the old form of SQS; any other name before a label without region is a customer's resource.
        return Place("sqs", before) if label == "queue" and _REGION.fullmatch(before) else NOWHERE
    if label == "dynamodb" and before == "streams":
        return Place("dynamodbstreams", region)
    if not _SERVICE.fullmatch(label):
        return NOWHERE
    return Place(SERVICE_OF_LABEL.get(label, label), region)
