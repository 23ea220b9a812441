"""Whole exchanges: what each is about."""

from __future__ import annotations

import pytest

from analyzer.aws import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, Recognizer, parse_service_option
from analyzer.model.http import About, Describe, Endpoint, Request, RequestWindow, Response, ResponseWindow, Windows
from tests.aws.exchanges import BOTO, CLOUD, IMDS, about, answer, at, get, post


def test_the_stage_fits_its_seams() -> None:
    recognizer = Recognizer()
    one: RequestWindow = recognizer.request_window
    two: ResponseWindow = recognizer.response_window
    three: Describe = recognizer.describe
    assert callable(one)
    assert callable(two)
    assert callable(three)


def test_no_field_with_a_secret_is_asked_for() -> None:
    secrets = {
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        b"set-cookie",
        b"x-amz-security-token",
        b"x-aws-ec2-metadata-token",
        b"x-amz-date",
    }
    assert not secrets & (REQUEST_FIELDS | RESPONSE_FIELDS)
    assert not PRESENCE_FIELDS & REQUEST_FIELDS
    assert all(name == name.lower() for name in REQUEST_FIELDS | RESPONSE_FIELDS | PRESENCE_FIELDS)


def test_a_usual_get_item() -> None:
    request = post(
        "DynamoDB_20120810.GetItem",
        b'{"TableName": "Orders", "Key": {"PK": {"S": "1"}}}',
        amz_sdk_invocation_id="ecc606a0-43ac-49ff-8ec8-bdaeecc99282",
        amz_sdk_request="ttl=20261121T193114Z; attempt=2; max=4",
    )
    response = answer(x_amzn_requestid="677CYGMTRAJF40GGRGH38XL83PA1KS7569JPQ59RO03IE3LAAJGI")
    expected = About(
        "/", "dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1", "GetItem", None,
        "677CYGMTRAJF40GGRGH38XL83PA1KS7569JPQ59RO03IE3LAAJGI", "ecc606a0-43ac-49ff-8ec8-bdaeecc99282", 2,
        "python-boto3", "1.44.5", "Orders", None, None, None,
    )  # fmt: skip
    recognizer = Recognizer()
    assert about(request, response, recognizer=recognizer) == expected
    assert about(request, response, recognizer=recognizer) == expected


def test_a_query_and_what_is_read_of_it() -> None:
    recognizer = Recognizer()
    request = post("DynamoDB_20120810.Query", b'{"TableName":"Orders"}')
    body = b'{"Count":2,"Items":[{"Count":{"N":"9"}},{}],"ScannedCount":40,"LastEvaluatedKey":{"PK":{"S":"1"}}}'
    assert recognizer.request_window(request.method, request.target, request.fields) == 1024
    assert recognizer.response_window(request, 200, {}) == Windows(512, 4096)
    found = about(request, answer(200, body), recognizer=recognizer)
    assert (found.count, found.scanned_count, found.has_more) == (2, 40, True)
    other = about(post("DynamoDB_20120810.GetItem"), answer(200, body), recognizer=recognizer)
    assert (other.count, other.scanned_count, other.has_more) == (None, None, None)


@pytest.mark.parametrize(
    "request_, status, fields, windows",
    [
        (post("DynamoDB_20120810.Scan"), 200, {}, (512, 4096)),
        (post("DynamoDB_20120810.GetItem"), 200, {}, (0, 0)),
        (post("DynamoDB_20120810.GetItem"), 400, {}, (65536, 0)),
        (post("DynamoDB_20120810.Query"), 500, {}, (65536, 0)),
        (post("DynamoDB_20120810.GetItem"), 400, {b"x-amzn-errortype": b"X"}, (0, 0)),
        (post("Kinesis_20131202.Query"), 200, {}, (0, 0)),
        (get("/bucket/key", "s3.amazonaws.com"), 404, {}, (65536, 0)),
        (get("http://sts.amazonaws.com/x", "proxy"), 403, {}, (65536, 0)),
        (get("/v2/credentials/7d0b1c2e", "127.0.0.1"), 404, {}, (65536, 0)),
        (get("/x", "localhost", user_agent=BOTO.decode()), 500, {}, (65536, 0)),
        (get("/x", "example.com"), 500, {}, (0, 0)),
        (get("/latest/meta-data/iam/security-credentials/"), 200, {}, (0, 0)),
    ],
)
def test_response_windows(request_: Request, status: int, fields: dict[bytes, bytes], windows: tuple[int, int]) -> None:
    assert Recognizer().response_window(request_, status, fields) == windows


@pytest.mark.parametrize(
    "request_, window",
    [
        (post("DynamoDBStreams_20120810.GetRecords"), 1024),
        (get("/", "x", "POST", x_amz_target="DynamoDB_20120810.PutItem", user_agent="aws-sdk-go-v2/1.42.0"), 4096),
        (post("Kinesis_20131202.PutRecord"), 0),
        (get("/", "sts.amazonaws.com", "POST", content_type="application/x-www-form-urlencoded; charset=utf-8"), 1024),
        (get("/login", "example.com", "POST", content_type="application/x-www-form-urlencoded"), 0),
        (get("/bucket/key", "s3.amazonaws.com", "PUT"), 0),
    ],
)
def test_request_windows(request_: Request, window: int) -> None:
    assert Recognizer().request_window(request_.method, request_.target, request_.fields) == window


@pytest.mark.parametrize(
    "request_, endpoint, sdk",
    [
        (get("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds="300"), IMDS, "go-v2"),
        (get("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds="21600", connection="close"), IMDS, "js-v2"),
        (get("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds="21600", connection="keep-alive"), IMDS, "js-v3"),
        (get("/v1/credentials", "169.254.170.23", connection="keep-alive"), at("169.254.170.23"), "js-v3"),
        (get("/v2/credentials/x", "169.254.170.2", user_agent="python-urllib3/2.8.0"), at("169.254.170.2"), "urllib3-container-creds"),
        (get("/", "s3.amazonaws.com", user_agent="python-urllib3/2.8.0"), CLOUD, None),
        (get("/", "s3.amazonaws.com", user_agent="hackney/4.7.4"), CLOUD, "elixir-hackney"),
        (get("/", "example.com", user_agent="hackney/4.7.4"), CLOUD, None),
        (get("/", "example.com", connection="keep-alive"), CLOUD, None),
        (get("/", "s3.amazonaws.com", connection="close"), CLOUD, None),
        (get("/", "localhost", user_agent="Mozilla/5.0", x_amz_user_agent="aws-sdk-js/3.1161.0"), CLOUD, "js-v3"),
        (get("/latest/x", user_agent="curl/8", connection="close"), IMDS, None),
    ],
)
def test_sdks(request_: Request, endpoint: Endpoint, sdk: str | None) -> None:
    assert about(request_, None, endpoint).sdk == sdk


def test_ruby_counts_attempts_from_zero() -> None:
    request = get("/", "x", user_agent="aws-sdk-ruby3/3.168.1 ua/2.0", amz_sdk_request="attempt=0; max=3")
    assert about(request).attempt == 1


def test_php_names_its_fields_otherwise() -> None:
    found = about(get("/", "x", user_agent="aws-sdk-php/3.300.1", aws_sdk_invocation_id="abc-1", aws_sdk_retry="1/37"))
    assert (found.invocation_id, found.attempt) == ("abc-1", 2)


@pytest.mark.parametrize(
    "response, error, request_id",
    [
        (
            answer(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}', x_amzn_requestid="A1"),
            "ThrottlingException",
            "A1",
        ),
        (answer(404, b"<Error><Code>NoSuchKey</Code></Error>", x_amz_request_id="B2"), "NoSuchKey", "B2"),
        (answer(400, b"", x_amzn_errortype="ValidationException:http://x", x_amzn_request_id="C3"), "ValidationException", "C3"),
        (answer(200, b'{"__type":"x#NotAnError"}'), None, None),
        (answer(503, b"busy"), None, None),
    ],
)
def test_errors(response: Response, error: str | None, request_id: str | None) -> None:
    found = about(post("DynamoDB_20120810.PutItem"), response)
    assert (found.error_type, found.aws_request_id) == (error, request_id)


def test_a_request_that_was_not_captured() -> None:
    found = about(None, answer(400, b'{"__type":"x#Y"}', x_amzn_requestid="A1"), at("1.2.3.4", 443, "dynamodb.us-east-1.amazonaws.com"))
    assert (found.service, found.region, found.error_type, found.aws_request_id) == ("dynamodb", "us-east-1", "Y", "A1")
    assert (found.target, found.host, found.operation) == (None, None, None)
    assert about(None, None) == (None,) * len(About._fields)


def test_service_of_connections() -> None:
    recognizer = Recognizer()
    assert recognizer.service_of(at("1.2.3.4", 443, "dynamodb.us-east-1.amazonaws.com")) == ("dynamodb", "us-east-1")
    assert recognizer.service_of(at("1.2.3.4", 443, "other"), "dynamodb.us-east-1.amazonaws.com:443") == ("dynamodb", "us-east-1")
    assert recognizer.service_of(IMDS) == ("imds", None)
    assert recognizer.service_of(at("169.254.169.254", 53)) == (None, None)
    assert recognizer.service_of(at("fd00:ec2::23")) == ("eks-pod-identity", None)
    assert recognizer.service_of(at("127.0.0.1", 51679), "169.254.170.2") == ("ecs-credentials", None)
    assert recognizer.service_of(at("1.2.3.4", 443), "\x00\u20ac") == (None, None)
    assert recognizer.service_of(at("1.2.3.4", 443, "")) == (None, None)


def test_services_by_the_users_word() -> None:
    rules = ["dynamodb=10.0.0.5:8443", "dynamodb=ddb.internal:8000", "sts=[fd00::7]", "s3=store.internal", "dynamodb=ddb2.internal:443"]
    recognizer = Recognizer([parse_service_option(rule) for rule in rules])
    assert recognizer.service_of(at("10.0.0.5", 8443)) == ("dynamodb", None)
    assert recognizer.service_of(at("10.0.0.5", 443)) == (None, None)
    assert recognizer.service_of(at("fd00::7", 9)) == ("sts", None)
    assert recognizer.service_of(at("10.0.0.6", 8000, "DDB.internal")) == ("dynamodb", None)
    assert recognizer.service_of(at("10.0.0.6", 8001, "ddb.internal")) == (None, None)
    assert recognizer.service_of(at("10.0.0.6", 3128), "ddb.internal:8000") == ("dynamodb", None)
    assert recognizer.service_of(at("10.0.0.6", 80), "store.internal") == ("s3", None)
    assert (
        about(post("DynamoDBStreams_20120810.GetRecords", host="ddb.internal"), None, at("10.0.0.6", 8000), recognizer).service
        == "dynamodbstreams"
    )
    assert about(get("/latest/api/token", "x", "PUT"), None, at("10.0.0.5", 8443), recognizer).service == "dynamodb"


def test_services_as_a_mapping() -> None:
    recognizer = Recognizer({"dynamodb": ("LOCALHOST", 8000), "sts": ("10.0.0.5", None)})
    assert recognizer.service_of(at("127.0.0.1", 8000), "localhost") == ("dynamodb", None)
    assert recognizer.service_of(at("10.0.0.5", 1)) == ("sts", None)
