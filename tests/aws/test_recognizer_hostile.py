"""Hostile exchanges: nothing secret and nothing unsafe is in an answer, and memory is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, Recognizer
from analyzer.aws.recognizer import MEMORY_LIMIT
from analyzer.model.http import About, Endpoint, Request, Response
from tests.aws.exchanges import CLOUD, IMDS, about, at, post

SECRET = "hunter2hunter2hunter2"


def leaks(found: About) -> bool:
    return any(SECRET in str(value) for value in found)


def test_no_secret_gets_through() -> None:
    """Even where a parser hands over more than it was asked for."""
    fields = {
        name: SECRET.encode()
        for name in (
            b"authorization",
            b"cookie",
            b"x-amz-security-token",
            b"x-aws-ec2-metadata-token",
            b"x-aws-ec2-metadata-token-ttl-seconds",
            b"x-secret",
        )
    }
    body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=" + SECRET.encode()
    form = {b"content-type": b"application/x-www-form-urlencoded", b"host": b"user:" + SECRET.encode() + b"@sts.amazonaws.com"}
    item = b'{"Item":{"password":{"S":"' + SECRET.encode() + b'"}},"TableName":"T"}'
    credentials_body = b'{"Code":"Success","SecretAccessKey":"' + SECRET.encode() + b'","Token":"' + SECRET.encode() + b'"}'
    for request in (
        Request("GET", b"/latest/meta-data/iam/security-credentials/r", fields, b""),
        Request("POST", b"/", {**fields, **form}, body),
        Request("POST", b"/", {**fields, b"x-amz-target": b"DynamoDB_20120810.PutItem"}, item),
        Request("GET", b"/k?X-Amz-Signature=" + SECRET.encode() + b"&X-Amz-Credential=" + SECRET.encode() + b"/x", fields, b""),
        Request("GET", b"http://u:" + SECRET.encode() + b"@s3.amazonaws.com/k", fields, b""),
        Request("CONNECT", b"u:" + SECRET.encode() + b"@s3.amazonaws.com:443", fields, b""),
        Request("GET", b"/v2/credentials/" + SECRET.encode(), fields, b""),
    ):
        for status in (200, 400):
            for endpoint in (CLOUD, IMDS, at("169.254.170.2")):
                found = about(request, Response(status, dict(fields), credentials_body, credentials_body, True), endpoint)
                assert not leaks(found)


def test_memory_is_bounded() -> None:
    recognizer = Recognizer()
    for number in range(MEMORY_LIMIT + 10):
        recognizer.describe(post(f"DynamoDB_20120810.Op{number}"), None, CLOUD)
    assert len(recognizer._subjects) <= MEMORY_LIMIT
    before = len(recognizer._subjects)
    recognizer.describe(post("DynamoDB_20120810.GetItem", host="h" * 5000), None, CLOUD)
    recognizer.describe(Request("POST", b"/" * 5000, {b"x-amz-target": b"a.b"}, b""), None, CLOUD)
    assert len(recognizer._subjects) == before


FIELDS = st.dictionaries(
    st.sampled_from(sorted(REQUEST_FIELDS | RESPONSE_FIELDS | PRESENCE_FIELDS)),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"dynamodb.us-east-1.amazonaws.com", b"DynamoDB_20120810.Query", b"[::1", b"attempt=\xb2", b"\x1b[2J"]),
    ),
)


@given(
    st.sampled_from(["GET", "POST", "PUT", "CONNECT", "\x1b"]),
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=20).map(lambda rest: b"http://" + rest),
        st.binary(max_size=20).map(lambda rest: b"/latest/" + rest),
    ),
    FIELDS,
    FIELDS,
    st.binary(max_size=80),
    st.integers(100, 599),
)
def test_hostile_exchanges_give_safe_text(
    method: str, target: bytes, fields: dict[bytes, bytes], answered: dict[bytes, bytes], body: bytes, status: int
) -> None:
    recognizer = Recognizer()
    request = Request(method, target, fields, body)
    assert 0 <= recognizer.request_window(method, target, fields) <= 4096
    assert recognizer.response_window(request, status, answered).head <= 65536
    for endpoint in (CLOUD, IMDS, Endpoint(b"", 0, "\x00")):
        for value in recognizer.describe(request, Response(status, answered, b'{"' + body, body, False), endpoint):
            assert value is None or not isinstance(value, str) or (value.isascii() and value.isprintable() and len(value) <= 300)
