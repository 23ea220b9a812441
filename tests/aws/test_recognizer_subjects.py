"""Service, region, operation and host of exchanges with every kind of server."""

from __future__ import annotations

import pytest

from analyzer.model.http import Endpoint, Request
from tests.aws.exchanges import CLOUD, IMDS, about, answer, at, get, post

SUBJECTS = [
    # DynamoDB wherever it is
    (post("DynamoDB_20120810.GetItem", host="localhost:8000"), at("127.0.0.1", 8000), "dynamodb", None, "GetItem", "localhost"),
    (
        post("DynamoDBStreams_20120810.GetRecords", host="localhost:8000"),
        at("127.0.0.1", 8000),
        "dynamodbstreams",
        None,
        "GetRecords",
        "localhost",
    ),
    (
        post("DynamoDB_20120810.GetItem", host=""),
        at("10.0.0.1", 1, "dynamodb.eu-west-1.amazonaws.com"),
        "dynamodb",
        "eu-west-1",
        "GetItem",
        None,
    ),
    (get("/service/DynamoDB_20120810/operation/GetItem", "x", "POST"), CLOUD, "dynamodb", None, "GetItem", "x"),
    (post("Made_Up.Operation", host="localhost"), CLOUD, None, None, "Operation", "localhost"),
    (
        post("not a target", host="dynamodb.us-east-1.amazonaws.com"),
        CLOUD,
        "dynamodb",
        "us-east-1",
        None,
        "dynamodb.us-east-1.amazonaws.com",
    ),
    # credential endpoints
    (
        get("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds="21600"),
        IMDS,
        "imds",
        None,
        "PutToken",
        "169.254.169.254",
    ),
    (get("/latest/meta-data/placement/region", ""), IMDS, "imds", None, "GetRegion", None),
    (get("/whatever", "x"), IMDS, "imds", None, "GetMetadata", "x"),
    (get("/latest/meta-data/iam/security-credentials/r"), at("fd00:ec2::254"), "imds", None, "GetRoleCredentials", "169.254.169.254"),
    (get("/latest/meta-data/iam/security-credentials/r", "node"), at("10.0.0.9", 8181), "imds", None, "GetRoleCredentials", "node"),
    (get("/odd", "node", x_aws_ec2_metadata_token=""), at("10.0.0.9", 8181), "imds", None, "GetMetadata", "node"),
    (get("/latest/dynamic/instance-identity/document", "a.b"), at("10.0.0.9"), "imds", None, "GetIdentityDocument", "a.b"),
    (
        get("/v2/credentials/7d0b1c2e-3f4a", "169.254.170.2"),
        at("127.0.0.1", 51679),
        "ecs-credentials",
        None,
        "GetCredentials",
        "169.254.170.2",
    ),
    (get("/v4/credentials/7d0b1c2e-3f4a", ""), at("127.0.0.1", 51679), "ecs-credentials", None, "GetCredentials", None),
    (get("/v1/credentials", "169.254.170.23"), at("169.254.170.23"), "eks-pod-identity", None, "GetCredentials", "169.254.170.23"),
    (get("/v1/credentials", "[fd00:ec2::23]"), at("fd00:ec2::23"), "eks-pod-identity", None, "GetCredentials", "fd00:ec2::23"),
    (get("/v1/credentials", "example.com"), CLOUD, None, None, None, "example.com"),
    # an object of that name in a bucket is no metadata
    (get("/latest/api/token", "bucket.s3.amazonaws.com"), CLOUD, "s3", None, None, "bucket.s3.amazonaws.com"),
    # STS and other Query services
    (
        get("/?Action=GetCallerIdentity&Version=2011-06-15", "sts.amazonaws.com"),
        CLOUD,
        "sts",
        None,
        "GetCallerIdentity",
        "sts.amazonaws.com",
    ),
    (
        get(
            "/",
            "sts.eu-west-1.amazonaws.com",
            "POST",
            b"Action=AssumeRole&Version=2011-06-15&x=1",
            content_type="application/x-www-form-urlencoded",
        ),
        CLOUD,
        "sts",
        "eu-west-1",
        "AssumeRole",
        "sts.eu-west-1.amazonaws.com",
    ),
    (
        get("/", "localhost:4566", "POST", b"Action=AssumeRole&Version=2011-06-15", content_type="application/x-www-form-urlencoded"),
        at("127.0.0.1", 4566),
        "sts",
        None,
        "AssumeRole",
        "localhost",
    ),
    (get("/?Action=login", "example.com"), CLOUD, None, None, None, "example.com"),
    (
        post("AmazonSSM.GetParameter", host="ssm.us-east-1.amazonaws.com"),
        CLOUD,
        "ssm",
        "us-east-1",
        "GetParameter",
        "ssm.us-east-1.amazonaws.com",
    ),
    # proxies
    (
        get("http://dynamodb.us-east-1.amazonaws.com/x", "proxy:3128"),
        at("10.0.0.2", 3128),
        "dynamodb",
        "us-east-1",
        None,
        "dynamodb.us-east-1.amazonaws.com",
    ),
    (get("http://169.254.169.254/latest/api/token", "proxy", "PUT"), at("10.0.0.2", 3128), "imds", None, "PutToken", "169.254.169.254"),
    (
        get("dynamodb.us-east-1.amazonaws.com:443", "x", "CONNECT"),
        at("10.0.0.2", 3128),
        None,
        None,
        None,
        "dynamodb.us-east-1.amazonaws.com",
    ),
    # other clouds' resolver
    (get("/", "example.com"), at("169.254.169.254", 53), None, None, None, "example.com"),
]


@pytest.mark.parametrize("request_, endpoint, service, region, operation, host", SUBJECTS)
def test_subjects(
    request_: Request, endpoint: Endpoint, service: str | None, region: str | None, operation: str | None, host: str | None
) -> None:
    found = about(request_, None, endpoint)
    assert (found.service, found.region, found.operation, found.host) == (service, region, operation, host)


def test_ids_of_container_credentials_are_not_shown() -> None:
    found = about(get("/v2/credentials/7d0b1c2e-3f4a-4b5c-8d9e-0a1b2c3d4e5f", "169.254.170.2"), None, at("127.0.0.1", 51679))
    assert found.target == "/v2/credentials/*"


def test_role_names_are_shown() -> None:
    found = about(get("/latest/meta-data/iam/security-credentials/webapp-ec2-role"), None, IMDS)
    assert found.target == "/latest/meta-data/iam/security-credentials/webapp-ec2-role"


@pytest.mark.parametrize(
    "request_, endpoint, version",
    [
        (get("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds="21600"), IMDS, 2),
        (get("/latest/api/token", method="PUT"), IMDS, 2),
        (get("/latest/meta-data/iam/security-credentials/", x_aws_ec2_metadata_token=""), IMDS, 2),
        (get("/latest/meta-data/iam/security-credentials/"), IMDS, 1),
        (get("/latest/meta-data/placement/region", "10.1.2.3"), at("10.1.2.3"), 1),  # a metadata proxy
        (get("/v2/credentials/abc", "169.254.170.2"), at("169.254.170.2"), None),
        (get("/", "db.example.com", x_aws_ec2_metadata_token_ttl="1"), CLOUD, None),
        (post("DynamoDB_20120810.GetItem"), CLOUD, None),
    ],
)
def test_the_version_of_imds_that_a_request_speaks(request_: Request, endpoint: Endpoint, version: int | None) -> None:
    assert about(request_, None, endpoint).imds_version == version
    assert about(request_, answer(), endpoint).imds_version == version


def test_an_answer_alone_tells_no_version() -> None:
    assert about(None, answer(), IMDS).imds_version is None
