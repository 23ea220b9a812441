"""Credential endpoints by address and by path."""

from __future__ import annotations

import ipaddress

import pytest

from analyzer.aws.credentials_endpoints import of_address, of_host, of_path, operation, without_id

UUID = b"7d0b1c2e-3f4a-4b5c-8d9e-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    "address, service",
    [
        ("169.254.169.254", "imds"),
        ("fd00:ec2::254", "imds"),
        ("::ffff:169.254.169.254", "imds"),
        ("169.254.170.2", "ecs-credentials"),
        ("169.254.170.23", "eks-pod-identity"),
        ("fd00:ec2::23", "eks-pod-identity"),
        ("169.254.169.253", None),
        ("10.0.0.1", None),
    ],
)
def test_addresses(address: str, service: str | None) -> None:
    assert of_address(ipaddress.ip_address(address).packed) == service
    if not address.startswith("::ffff"):
        assert of_host(address) == service


@pytest.mark.parametrize("host", ["localhost", "169.254.169.254.example.com", "fd00:zz", "169.254.", ""])
def test_other_hosts(host: str) -> None:
    assert of_host(host) is None


@pytest.mark.parametrize(
    "method, path, name",
    [
        ("PUT", b"/latest/api/token", "PutToken"),
        ("GET", b"/latest/api/token", "GetMetadata"),
        ("GET", b"/latest/meta-data/iam/security-credentials/", "ListRoles"),
        ("GET", b"/latest/meta-data/iam/security-credentials", "ListRoles"),
        ("GET", b"/latest/meta-data/iam/security-credentials-extended/", "ListRoles"),
        ("GET", b"/latest/meta-data/iam/security-credentials/webapp-ec2-role", "GetRoleCredentials"),
        ("GET", b"/latest/meta-data/iam/security-credentials-extended/role", "GetRoleCredentials"),
        ("GET", b"/2021-07-15/meta-data/iam/security-credentials/role", "GetRoleCredentials"),
        ("GET", b"/1.0/meta-data/iam/security-credentials/role", "GetRoleCredentials"),
        ("GET", b"/latest/meta-data/placement/region", "GetRegion"),
        ("GET", b"/latest/meta-data/placement/availability-zone/", "GetAvailabilityZone"),
        ("GET", b"/latest/meta-data/placement/availability-zone-id", "GetMetadata"),
        ("GET", b"/latest/dynamic/instance-identity/document", "GetIdentityDocument"),
        ("GET", b"/latest/meta-data/instance-id", "GetMetadata"),
        ("GET", b"/latest/meta-data", "GetMetadata"),
    ],
)
def test_imds_operations(method: str, path: bytes, name: str) -> None:
    assert operation("imds", method, path) == name
    assert of_path(path) == "imds"


def test_an_unknown_path_at_imds_is_metadata() -> None:
    assert operation("imds", "GET", b"/whatever") == "GetMetadata"


@pytest.mark.parametrize("path", [b"/v2/credentials/" + UUID, b"/v4/credentials/" + UUID, b"/v2/credentials/abc/"])
def test_container_credentials_by_path(path: bytes) -> None:
    assert of_path(path) == "ecs-credentials"
    assert operation("ecs-credentials", "GET", path) == "GetCredentials"


@pytest.mark.parametrize(
    "path",
    [b"/", b"/v2/credentials/", b"/v2/other/x", b"/latest/x", b"/meta-data/x", b"/x/latest/api/token", b"/latest/api/tokens", b"", b"*"],
)
def test_other_paths(path: bytes) -> None:
    assert of_path(path) is None


@pytest.mark.parametrize(
    "service, path, name",
    [
        ("eks-pod-identity", b"/v1/credentials", "GetCredentials"),
        ("ecs-credentials", b"/creds", "GetCredentials"),
        ("ecs-credentials", b"/v2/metadata", "GetMetadata"),
        ("ecs-credentials", b"/v4/abc-123/task", "GetMetadata"),
    ],
)
def test_container_operations(service: str, path: bytes, name: str) -> None:
    assert operation(service, "GET", path) == name


@pytest.mark.parametrize(
    "path, text",
    [
        (b"/v2/credentials/" + UUID, b"/v2/credentials/*"),
        (b"/v4/credentials/opaque?x=1", b"/v4/credentials/*?x=1"),
        (b"/v4/" + UUID.replace(b"-", b"") + b"-0123/task", b"/v4/*/task"),
        (b"/v2/metadata", b"/v2/metadata"),
        (b"/v2/%63redentials/" + UUID, b"/v2/%63redentials/*"),
    ],
)
def test_ids_are_not_shown(path: bytes, text: bytes) -> None:
    assert without_id(path) == text
