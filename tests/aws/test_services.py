"""Services and operations as requests name them."""

from __future__ import annotations

import pytest

from analyzer.aws.services import FORM_WINDOW, from_form, from_path, from_target


@pytest.mark.parametrize(
    "value, service, operation",
    [
        (b"DynamoDB_20120810.GetItem", "dynamodb", "GetItem"),
        (b"DynamoDBStreams_20120810.GetRecords", "dynamodbstreams", "GetRecords"),
        (b"AmazonSQS.SendMessage", "sqs", "SendMessage"),
        (b"AmazonEC2ContainerServiceV20141113.ListTasks", None, "ListTasks"),
        (b"GetItem", None, None),
        (b"DynamoDB_20120810.", None, None),
        (b"DynamoDB_20120810.Get Item", None, None),
        (b"DynamoDB_20120810.Get\x1bItem", None, None),
        (b"DynamoDB_20120810.GetItem, DynamoDB_20120810.PutItem", None, None),
        (b"\xff.\xff", None, None),
        (b"x." + b"A" * 1000, None, None),
    ],
)
def test_target(value: bytes, service: str | None, operation: str | None) -> None:
    assert from_target(value) == (service, operation)


def test_rpc_path() -> None:
    assert from_path(b"/service/DynamoDB_20120810/operation/GetItem") == ("dynamodb", "GetItem")
    assert from_path(b"/service/x") == (None, None)


@pytest.mark.parametrize(
    "text, service, operation",
    [
        (b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=x", "sts", "AssumeRoleWithWebIdentity"),
        (b"Version=2010-05-08&Action=ListRoles", None, "ListRoles"),
        (b"xAction=No&y=Action=No", None, None),
        (b"Action=a b", None, None),
        (b"Action=%41", None, None),
        (b"", None, None),
        (b"x=" + b"y" * (FORM_WINDOW - 14) + b"&Action=CutOf", None, None),
    ],
)
def test_form(text: bytes, service: str | None, operation: str | None) -> None:
    assert from_form(text) == (service, operation)
