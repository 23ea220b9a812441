"""Heads and contents: what the analysis reads stays, everything else is replaced, and no length changes."""

from __future__ import annotations

import gzip
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.http.starts import METHODS as STARTS
from analyzer.redacting.aws_names import is_name
from analyzer.redacting.bodies import Bodies, packed
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.heads import Heads

SIGNATURE = b"fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
HEAD = (
    b"POST http://proxy.acme.internal/ HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\n"
    b"X-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Length: 77\r\nConnection: close\r\nExpect: 100-continue\r\n"
    b"User-Agent: Boto3/1.43.1 md/Botocore#1.43.1 os/linux#6.1 app/acme-billing cfg/retry-mode#legacy acme-wrapper/7.1\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/us-east-1/dynamodb/aws4_request, "
    b"SignedHeaders=host;x-acme-tenant;x-amz-date, Signature=" + SIGNATURE + b"\r\n"
    b"X-Amz-Security-Token: IQoJb3JpZ2luX2VjEGgaCXVzLWVhc3QtMSJHMEUCIQDx\r\nX-Acme-Tenant: Globex\r\n"
    b"Cookie: session=abcdefgh12345678; theme=dark\r\n"
    b"amz-sdk-invocation-id: 7f9c24e8-3b12-4fef-91c8-5f0a7a1e0b22\r\namz-sdk-request: attempt=2; max=3\r\n\r\n"
)  # fmt: skip
GONE = (
    b"acme", b"AKIAIOSFODNN7EXAMPLE", SIGNATURE, b"IQoJb3JpZ2lu", b"Globex", b"abcdefgh12345678", b"7f9c24e8", b"billing", b"Tenant",
    b"tenant",
)  # fmt: skip
STAYS = (
    b"POST http://", b" HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\n", b"X-Amz-Target: DynamoDB_20120810.GetItem\r\n",
    b"Content-Length: 77\r\nConnection: close\r\nExpect: 100-continue\r\n", b"Boto3/1.43.1 md/Botocore#1.43.1 os/linux#6.1 app/",
    b" cfg/retry-mode#legacy ", b"AWS4-HMAC-SHA256 Credential=AKIA", b"/20261121/us-east-1/dynamodb/aws4_request, SignedHeaders=host;",
    b"amz-sdk-request: attempt=2; max=3\r\n\r\n", b"X-Amz-Security-Token: ",
)  # fmt: skip


@pytest.fixture
def disguise() -> Disguise:
    return Disguise(b"key")


@pytest.fixture
def bodies(disguise: Disguise) -> Bodies:
    return Bodies(disguise, Heads(disguise))


def test_a_head_of_a_request(disguise: Disguise) -> None:
    made = Heads(disguise).head(HEAD, request=True)
    assert len(made) == len(HEAD)
    for text in GONE:
        assert text not in made
    for text in STAYS:
        assert text in made


@pytest.mark.parametrize(
    "target, made",
    [
        (b"/latest/meta-data/iam/security-credentials/", None),
        (b"/latest/api/token", None),
        (b"/2021-01-03/dynamic/instance-identity/document", None),
        (b"/?Action=AssumeRole&Version=2011-06-15", None),
        (b"/service/GraniteServiceVersion20100801/operation/GetMetricData", None),
        (b"/latest/meta-data/iam/security-credentials/acme-role", b"/latest/meta-data/iam/security-credentials/"),
        (b"/v2/credentials/1c29b0e5-44a1-4f8e-9c1a-aa11bb22cc33", b"/v2/credentials/"),
        (b"/?Action=AssumeRole&RoleArn=acme-role", b"/?Action=AssumeRole&"),
    ],
)
def test_targets(disguise: Disguise, target: bytes, made: bytes | None) -> None:
    new = Heads(disguise).target(target)
    assert len(new) == len(target)
    if made is None:
        assert new == target
    else:
        assert new.startswith(made)
        assert new[len(made) :] != target[len(made) :]
        assert b"acme" not in new


@given(st.binary(max_size=300), st.booleans())
def test_any_head_keeps_its_length_and_lines(head: bytes, request_: bool) -> None:
    made = Heads(Disguise(b"key")).head(head, request=request_)
    assert len(made) == len(head)
    assert made.count(b"\n") == head.count(b"\n")


def test_a_role_is_the_same_in_a_body_and_in_a_target(disguise: Disguise, bodies: Bodies) -> None:
    listed = bodies.content(b"acme-orders-role", b"text/plain", b"", whole=True)
    asked = Heads(disguise).target(b"/latest/meta-data/iam/security-credentials/acme-orders-role")
    assert asked.endswith(b"/" + listed)


ANSWER = {
    "Count": 2, "ScannedCount": 8400,
    "Items": [{"Customer": {"S": "Ann \"A\" Smith\u00e9\n"}, "paid": {"BOOL": True}, "n": {"N": "-12.5e3"}, "Count": {"N": "77"}}],
    "LastEvaluatedKey": {"Customer": {"S": "Bob"}}, "ConsumedCapacity": {"TableName": "Customers", "CapacityUnits": 12.5},
}  # fmt: skip


@pytest.mark.parametrize("escaped", [True, False])
def test_json_stays_json_with_its_counts(bodies: Bodies, escaped: bool) -> None:
    body = json.dumps(ANSWER, ensure_ascii=escaped).encode()
    made = bodies.content(body, b"application/x-amz-json-1.0", b"", whole=True)
    assert len(made) == len(body)
    new = json.loads(made)
    assert (new["Count"], new["ScannedCount"], new["ConsumedCapacity"]["CapacityUnits"]) == (2, 8400, 12.5)
    assert set(new) == set(ANSWER)
    (item,) = new["Items"]
    assert "Count" in item  # an attribute that is called like a member of AWS's
    assert [list(value) for value in item.values()] == [["S"], ["BOOL"], ["N"], ["N"]]
    for text in (b"Ann", b"Smith", b"Bob", b"Customer", b"paid", b"12.5e3", b'"77"'):
        assert text not in made


@pytest.mark.parametrize(
    "body, kept",
    [
        (b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate of acme"}', b"v20120810#ThrottlingException"),
        (b'{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIAIOSFODNN7EXAMPLE","Expiration":"2026"}', b'"Code":"Success"'),
        (
            b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>acme-user</Message></Error></ErrorResponse>",
            b"<Code>AccessDenied</Code>",
        ),
        (b'{"code":"4711-secret-code","message":"acme"}', b'"code":"'),
    ],
)
def test_error_types_stay_and_messages_go(bodies: Bodies, body: bytes, kept: bytes) -> None:
    made = bodies.content(body, b"", b"", whole=True)
    assert kept in made
    for text in (b"acme", b"IOSFODNN7EXAMPLE", b"secret"):
        assert text not in made


NAMES = [
    b"X-Amz-Target: {}.PutItem", b"X-Amz-Target: DynamoDB_20120810.{}", b"x-amzn-ErrorType: {}", b"X-Amzn-ErrorType: {}:http://internal.amazon.com/coral/",
    b"Content-Type: application/vnd.{}+json",
]  # fmt: skip


@pytest.mark.parametrize("form", NAMES)
def test_names_that_are_not_of_aws_go(disguise: Disguise, form: bytes) -> None:
    """What looks like an operation or an error may be named by a customer."""
    head = b"POST / HTTP/1.1\r\n" + form.replace(b"{}", b"ProjectTitanZebra") + b"\r\n\r\n"
    made = Heads(disguise).head(head, request=True)
    assert len(made) == len(head)
    assert b"Titan" not in made
    assert b"Zebra" not in made


@pytest.mark.parametrize(
    "line",
    [
        b"POST /?Action=ProjectTitan&Version=2011-06-15 HTTP/1.1", b"GET /?Action=GetItem&Version=Titan HTTP/1.1", b"TITAN / HTTP/1.1",
        b"POST /service/TitanService/operation/GetItem HTTP/1.1", b"POST /service/DynamoDB_20120810/operation/OpenTitan HTTP/1.1",
    ],
)  # fmt: skip
def test_request_lines_name_nobody(disguise: Disguise, line: bytes) -> None:
    made = Heads(disguise).request_line(line)
    assert len(made) == len(line)
    assert b"titan" not in made.lower()


def test_registered_methods_stay(disguise: Disguise) -> None:
    assert Heads(disguise).request_line(b"BASELINE-CONTROL / HTTP/1.1") == b"BASELINE-CONTROL / HTTP/1.1"
    assert all(Heads(disguise).request_line(method + b" / HTTP/1.1").startswith(method) for method in STARTS)


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":"ProjectTitan"}', b'{"Code":"Titan.Failed"}', b'{"__type":"com.titan.service#OrderFailed"}',
        b'{"__type":"TitanException"}', b"<Error><Code>TitanFailed</Code></Error>",
        b'{"__type":"titan.net#ValidationException"}', b'{"__type":"com.amazon.titan#ValidationException"}',
    ],
)  # fmt: skip
def test_error_codes_of_others_go(bodies: Bodies, body: bytes) -> None:
    assert b"titan" not in bodies.content(body, b"", b"", whole=True).lower()


@pytest.mark.parametrize(
    "name, usual",
    [
        ("PutItem", True), ("AssumeRoleWithWebIdentity", True), ("GetRoleCredentials", True), ("TransactWriteItems", True),
        ("ProvisionedThroughputExceededException", True), ("ListObjectsV2", True), ("Query", True),
        ("InvalidParameterValue", True), ("EC2ThrottledException", True), ("Success", True), ("AssumeRoleUnauthorizedAccess", True),
        ("", False), ("x", False), ("Put-Item", False), ("Put Item", False), ("putItem1234567", False), ("PutItem" * 30, False),
        ("PutTitanium", False), ("A53", False), ("AC2045", False), ("I19991231", False), ("MasterKey4111", False), ("10.20.30.40", False),
        ("4111.1111", False), ("19801231", False), ("Acme", False), ("AcmeVault", False), ("ID", False), ("Table", False),
    ],
)  # fmt: skip
def test_names_of_aws_are_told_by_their_words(name: str, usual: bool) -> None:
    assert is_name(name.encode()) is usual


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":"A53"}', b'{"Code":"I10"}', b'{"code":"A1001"}', b'{"code":"AC2045"}', b"<Code>V22</Code>",
        b'{"__type":"10.20.30.40#Failed"}',
        b'{"__type":"10.20.30.40#ValidationException"}', b'{"code":"10.20.30.40"}', b'{"Code":"MasterKey4111"}',
    ],
)  # fmt: skip
def test_numbers_are_no_part_of_a_code(bodies: Bodies, body: bytes) -> None:
    digits = re.findall(rb"[0-9]+(?:\.[0-9]+)*", body)
    made = bodies.content(body, b"", b"", whole=True)
    assert not any(number in made for number in digits)


@pytest.mark.parametrize(
    "space", ["com.amazonaws.dynamodb.v20120810", "com.amazon.coral.service", "com.amazon.coral.availability", "DynamoDB_20120810"]
)
def test_namespaces_of_aws_stay(bodies: Bodies, space: str) -> None:
    body = b'{"__type":"' + space.encode() + b'#ThrottlingException"}'
    assert bodies.content(body, b"", b"", whole=True) == body


@pytest.mark.parametrize("cut", [1, 7, 20, 61])
def test_a_piece_of_json_gives_nothing_away(bodies: Bodies, cut: int) -> None:
    body = json.dumps(ANSWER).encode()[cut:]
    made = bodies.content(body, b"application/x-amz-json-1.0", b"", whole=False)
    assert len(made) == len(body)
    assert b"Customers" not in made
    assert b"Smith" not in made


@given(
    st.binary(max_size=400), st.sampled_from([b"application/json", b"text/xml", b"application/x-www-form-urlencoded", b"", b"image/png"])
)
def test_any_content_keeps_its_length(body: bytes, kind: bytes) -> None:
    disguise = Disguise(b"key")
    assert len(Bodies(disguise, Heads(disguise)).content(body, kind, b"", whole=True)) == len(body)


def test_binary_content_becomes_zeros(bodies: Bodies) -> None:
    assert bodies.content(b"\x89PNG\x00secret", b"image/png", b"", whole=True) == bytes(11)
    assert bodies.content(b"anything", b"application/json", b"br", whole=True) == bytes(8)


def test_gzip_stays_gzip_of_the_same_length(bodies: Bodies) -> None:
    plain = json.dumps({**ANSWER, "Items": [{"Customer": {"S": f"person {n}"}} for n in range(200)]}).encode()
    body = gzip.compress(plain, 1)
    made = bodies.content(body, b"application/x-amz-json-1.0", b"gzip", whole=True)
    assert len(made) == len(body)
    if any(made):
        new = json.loads(gzip.decompress(made))
        assert (new["Count"], new["ScannedCount"]) == (2, 8400)
        assert b"person" not in gzip.decompress(made)


@given(st.binary(max_size=2000), st.integers(0, 200_000))
def test_a_member_of_exactly_a_size(text: bytes, room: int) -> None:
    least = len(gzip.compress(text, 9, mtime=0))
    made = packed(text, least + room)
    if made is None:
        assert room == 1 or room > 65_537
    else:
        assert len(made) == least + room
        assert zlib.decompress(made, 31) == text
