"""The endpoints that hand out credentials: their addresses, their paths, and what a request to them asks for.

Sources: the EC2 user guide ("Use IMDSv2"), the ECS developer guide ("Task IAM role", "Task metadata endpoint"), the EKS user guide
("Pod Identity"), and the paths that the SDKs' metadata clients use.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container

IMDS = "imds"
ECS = "ecs-credentials"
EKS = "eks-pod-identity"
SERVICES = frozenset({IMDS, ECS, EKS})

SERVICE_OF_ADDRESS = {
    ipaddress.ip_address(text).packed: service
    for text, service in (
        ("169.254.169.254", IMDS),
        ("fd00:ec2::254", IMDS),
        ("169.254.170.2", ECS),
        ("169.254.170.23", EKS),
        ("fd00:ec2::23", EKS),
    )
}
PUT_TOKEN = "PutToken"
PORT = 80
"""The port of all of them; another port of these addresses (53: the resolver of other clouds) is something else until a path says so."""

TOKEN_FIELD = b"x-aws-ec2-metadata-token"
TOKEN_TTL_FIELD = b"x-aws-ec2-metadata-token-ttl-seconds"

# IMDS keeps every version of its tree under the version's date; SDKs ask for `latest`.
_IMDS_VERSION = r"/(?:latest|1\.0|20\d\d-\d\d-\d\d)"
_IMDS_PATH = re.compile(rf"{_IMDS_VERSION}/(?P<rest>api/token|meta-data(?:/.*)?|dynamic/instance-identity/document)/*".encode(), re.DOTALL)
_ROLE_PATH = re.compile(rb"meta-data/+iam/+security-credentials(?:-extended)?(?:/+(?P<role>[^/].*))?", re.DOTALL)
_IMDS_OPERATIONS = {
    b"meta-data/placement/region": "GetRegion",
    b"meta-data/placement/availability-zone": "GetAvailabilityZone",
    b"dynamic/instance-identity/document": "GetIdentityDocument",
}
_AGENT_CREDENTIALS = re.compile(rb"/v\d/credentials/[^/?]+/*")
_AGENT_TASK = re.compile(rb"/v[234]/(?:metadata|stats)(?:/.*)?|/v[34]/(?!credentials)[^/]+(?:/(?:task|stats|metadata).*)?", re.DOTALL)
_AGENT_CREDENTIALS_ID = re.compile(rb"(/+v\d/+credentials/+)[^?#]+")
_AGENT_ID = re.compile(rb"(?<=/)[^/?#]*[0-9a-f]{8}[^/?#]*")


def of_address(address: bytes) -> str | None:
    """Tell the credential endpoint at an address of 4 or 16 bytes, or None; IPv4-mapped IPv6 addresses count as IPv4."""
    if len(address) == 16 and address.startswith(b"\0" * 10 + b"\xff\xff"):
        address = address[12:]
    return SERVICE_OF_ADDRESS.get(address)


def of_host(host: str) -> str | None:
    """Tell the credential endpoint that a Host names by its address, or None."""
    if not host.startswith(("169.254.", "fd00:")):
        return None
    try:
        return SERVICE_OF_ADDRESS.get(ipaddress.ip_address(host).packed)
    except ValueError:
        return None


def of_path(path: bytes) -> str | None:
    """Tell the credential endpoint that answers a path (without query) at any address: behind NAT, or a proxy such as kube2iam."""
    if path.startswith(b"/v"):
        return ECS if _AGENT_CREDENTIALS.fullmatch(path) else None
    return IMDS if _IMDS_PATH.fullmatch(path) else None


def operation(service: str, method: str, path: bytes) -> str:
    """Name what a request to a credential endpoint asks for; `path` is without query."""
    if service != IMDS:
        return "GetMetadata" if service == ECS and _AGENT_TASK.fullmatch(path) else "GetCredentials"
    match = _IMDS_PATH.fullmatch(path)
    if not match:
        return "GetMetadata"
    rest = match["rest"].rstrip(b"/")
    if rest == b"api/token":
        # Only PUT makes a token; IMDS answers 405 to every other method.
        return PUT_TOKEN if method == "PUT" else "GetMetadata"
    role = _ROLE_PATH.fullmatch(rest)
    if role:
        return "GetRoleCredentials" if role["role"] else "ListRoles"
    return _IMDS_OPERATIONS.get(rest, "GetMetadata")


def imds_version(operation: str | None, fields: Container[bytes]) -> int:
    """Tell the version of IMDS that a request speaks: 2 where it asks for a token or carries one, else 1."""
    return 2 if operation == PUT_TOKEN or TOKEN_FIELD in fields or TOKEN_TTL_FIELD in fields else 1


def without_id(target: bytes, service: str | None = ECS) -> bytes:
    """Replace the id in a container agent's target by `*`: whoever knows it can fetch the credentials (`/v2/credentials/*`)."""
    match = _AGENT_CREDENTIALS_ID.match(target)
    if match:
        return match[1] + b"*" + target[match.end() :]
    return _AGENT_ID.sub(b"*", target) if service == ECS else target
