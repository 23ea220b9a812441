"""Service and region from host names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.hosts import SUFFIXES, place

DYNAMODB: list[tuple[str, str, str | None]] = [
    ("dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("DynamoDB.US-East-1.AmazonAWS.com.", "dynamodb", "us-east-1"),
    ("dynamodb.cn-north-1.amazonaws.com.cn", "dynamodb", "cn-north-1"),
    ("dynamodb.cn-north-1.api.amazonwebservices.com.cn", "dynamodb", "cn-north-1"),
    ("dynamodb.eusc-de-east-1.amazonaws.eu", "dynamodb", "eusc-de-east-1"),
    ("dynamodb.eusc-de-east-1.api.amazonwebservices.eu", "dynamodb", "eusc-de-east-1"),
    ("dynamodb.us-iso-east-1.c2s.ic.gov", "dynamodb", "us-iso-east-1"),
    ("dynamodb.us-isob-east-1.sc2s.sgov.gov", "dynamodb", "us-isob-east-1"),
    ("dynamodb.us-isob-east-1.api.aws.scloud", "dynamodb", "us-isob-east-1"),
    ("dynamodb.eu-isoe-west-1.cloud.adc-e.uk", "dynamodb", "eu-isoe-west-1"),
    ("dynamodb.us-isof-south-1.csp.hci.ic.gov", "dynamodb", "us-isof-south-1"),
    ("dynamodb.us-gov-west-1.amazonaws.com", "dynamodb", "us-gov-west-1"),
    ("dynamodb.ap-southeast-2.api.aws", "dynamodb", "ap-southeast-2"),
    ("dynamodb-fips.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("dynamodb-fips.us-east-1.api.aws", "dynamodb", "us-east-1"),
    ("123456789012.ddb.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("123456789012.ddb.us-east-1.api.aws", "dynamodb", "us-east-1"),
    ("123456789012.ddb-fips.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("search-dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("search-dynamodb-fips.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("123456789012.search-ddb.us-east-1.amazonaws.com", "dynamodb", "us-east-1"),
    ("streams.dynamodb.us-east-1.amazonaws.com", "dynamodbstreams", "us-east-1"),
    ("streams-dynamodb.us-east-1.api.aws", "dynamodbstreams", "us-east-1"),
    ("streams.dynamodb-fips.us-east-1.amazonaws.com", "dynamodbstreams", "us-east-1"),
    ("streams-dynamodb-fips.us-east-1.api.aws", "dynamodbstreams", "us-east-1"),
    ("123456789012.streams-ddb.us-east-1.amazonaws.com", "dynamodbstreams", "us-east-1"),
    ("123456789012.streams-ddb-fips.us-east-1.amazonaws.com", "dynamodbstreams", "us-east-1"),
    ("vpce-0a1b-2c3d.dynamodb.us-east-1.vpce.amazonaws.com", "dynamodb", "us-east-1"),
    ("vpce-0a1b-2c3d-us-east-1a.dynamodb.us-east-1.vpce.amazonaws.com", "dynamodb", "us-east-1"),
    ("cluster.abc123.dax-clusters.us-east-1.amazonaws.com", "dax", "us-east-1"),
]

OTHERS: list[tuple[str, str, str | None]] = [
    ("sts.amazonaws.com", "sts", None),
    ("sts.eu-west-1.amazonaws.com", "sts", "eu-west-1"),
    ("sts-fips.us-east-1.amazonaws.com", "sts", "us-east-1"),
    ("sqs.us-west-2.amazonaws.com", "sqs", "us-west-2"),
    ("us-west-2.queue.amazonaws.com", "sqs", "us-west-2"),
    ("queue.amazonaws.com", "sqs", None),
    ("iam.amazonaws.com", "iam", None),
    ("api.ecr.us-east-1.amazonaws.com", "ecr", "us-east-1"),
    ("lambda.us-east-1.api.aws", "lambda", "us-east-1"),
    ("s3.amazonaws.com", "s3", None),
    ("s3.us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("s3-us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("s3-external-1.amazonaws.com", "s3", None),
    ("s3.dualstack.us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("bucket.s3.amazonaws.com", "s3", None),
    ("my.dotted.bucket.s3.us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("bucket.s3.dualstack.us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("bucket.s3-fips.us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("bucket.s3-us-west-2.amazonaws.com", "s3", "us-west-2"),
    ("us-east-1.s3.amazonaws.com", "s3", None),
    ("dynamodb.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
    ("bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1"),
    ("name-123.s3-accesspoint.us-east-1.amazonaws.com", "s3", "us-east-1"),
]

NOT_AWS = [
    "example.com",
    "dynamodb.us-east-1.amazonaws.com.example.com",
    "dynamodb.us-east-1.example.com",
    "evilamazonaws.com",
    "amazonaws.com",
    ".amazonaws.com",
    "us-east-1.amazonaws.com",
    "vpce.amazonaws.com",
    "ec2-3-4-5-6.us-west-2.compute.amazonaws.com",
    "ec2-3-4-5-6.compute-1.amazonaws.com",
    "my-alb-123.us-east-1.elb.amazonaws.com",
    "my-nlb-123.elb.us-east-1.amazonaws.com",
    "db.abc.us-east-1.rds.amazonaws.com",
    "abc123.execute-api.us-east-1.amazonaws.com",
    "localhost",
    "10.0.0.1",
    "",
]


@pytest.mark.parametrize("host, service, region", DYNAMODB + OTHERS)
def test_service_and_region(host: str, service: str, region: str | None) -> None:
    assert place(host) == (service, region)


@pytest.mark.parametrize("host", NOT_AWS)
def test_customers_machines_and_strangers_are_no_service(host: str) -> None:
    assert place(host) == (None, None)


def test_no_name_of_the_length_of_an_attack_is_kept() -> None:
    assert place("a" * 10_000 + ".s3.amazonaws.com") == (None, None)


@given(
    st.lists(st.sampled_from(["", "vpce", "us-east-1", "s3", "dualstack", "dynamodb", "streams", "-", "x_y"]), max_size=5),
    st.sampled_from(SUFFIXES),
)
def test_any_labels_are_survived(labels: list[str], suffix: str) -> None:
    service, region = place(".".join(labels) + suffix)
    assert service is None or service.isascii()
    assert region in (None, "us-east-1")
