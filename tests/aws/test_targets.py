"""Targets and hosts as safe text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.targets import TEXT_LIMIT, authority, printable, shown, split

SECRET = b"hunter2Secret"


@pytest.mark.parametrize(
    "target, text",
    [
        (b"/", "/"),
        (b"*", "*"),
        (b"", ""),
        (b"/latest/meta-data/iam/security-credentials/webapp-ec2-role", "/latest/meta-data/iam/security-credentials/webapp-ec2-role"),
        (b"/bucket/key?list-type=2&prefix=a/b", "/bucket/key?list-type=2&prefix=a/b"),
        (
            b"/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc&X-Amz-Expires=60",
            "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=*&X-Amz-Expires=60",
        ),
        (b"/k?X-Amz-Security-Token=", "/k?X-Amz-Security-Token="),
        (b"/?flag&x=1#part", "/?flag&x=1#part"),
        (b"/a\r\n\x00\xffb", "/a\\x0d\\x0a\\x00\\xffb"),
    ],
)
def test_shown(target: bytes, text: str) -> None:
    assert shown(target) == text


@pytest.mark.parametrize(
    "target",
    [
        b"/k?X-Amz-Credential=" + SECRET + b"/20261121/us-east-1/s3/aws4_request",
        b"/k?x-amz-signature=" + SECRET,
        b"/k?X-Amz-Security-Token=abc/" + SECRET + b"==",
        b"/k?X%2DAmz%2DS%69gnature=" + SECRET,
        b"/k?a=b&AWSAccessKeyId=x" + SECRET + b"&Signature=y" + SECRET,
        b"/k?X-Amz-Signature=abc;" + SECRET,
        b"/k?X-Amz-Signature=abc?" + SECRET + b"#" + SECRET,
        b"/k?X-Amz-Signature=a=" + SECRET,
        b"/k?a=b;X-Amz-Signature=" + SECRET,
        b"/k?password=" + SECRET,
        b"/k;jsessionid=" + SECRET + b"?x=1",
        b"/k/token=" + SECRET + b"/x",
        b"/k#access_token=" + SECRET,
        b"/k?key=" + SECRET,
        b"/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=" + SECRET,
        b"/?Action=AssumeRoleWithSAML&SAMLAssertion=" + SECRET,
        b"/k?" + b"x" * 4070 + b"&X-Amz-Signature=" + SECRET,
        b"/k?Sig=" + SECRET,
    ],
)
def test_secret_parameters_are_masked(target: bytes) -> None:
    assert SECRET.decode() not in shown(target)


@pytest.mark.parametrize(
    "secret",
    [
        b"AKIAIOSFODNN7EXAMPLE",
        b"ASIAIOSFODNN7EXAMPLE",
        b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QifQ.c2lnbmF0dXJl",
        b"wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxyz",
        b"IQoJb3JpZ2luX2VjEXAMPLETOKEN",
    ],
)
@pytest.mark.parametrize("form", [b"/x/%s/y", b"/x?note=%s", b"/x?%s", b"/x?%s=1", b"/%s"])
def test_what_looks_like_a_secret_is_masked_anywhere(secret: bytes, form: bytes) -> None:
    text = shown(form % secret)
    assert secret.decode() not in text
    assert secret[6:20].decode() not in text


@given(st.binary(max_size=6000))
def test_any_target_gives_short_printable_ascii(target: bytes) -> None:
    text = shown(target)
    assert len(text) <= TEXT_LIMIT
    assert text.isascii()
    assert text.isprintable()


def test_long_targets_are_cut() -> None:
    text = shown(b"/" + b"ab-" * 40_000)
    assert len(text) <= TEXT_LIMIT
    assert text.endswith("...")
    assert printable(b"x" * 301) == "x" * 297 + "..."
    assert printable(b"x" * 300) == "x" * 300


@pytest.mark.parametrize(
    "value, expected",
    [
        (b"dynamodb.us-east-1.amazonaws.com", ("dynamodb.us-east-1.amazonaws.com", None)),
        (b" LocalHost:8000 ", ("localhost", 8000)),
        (b"[fd00:ec2::254]", ("fd00:ec2::254", None)),
        (b"[fd00:ec2::254]:80", ("fd00:ec2::254", 80)),
        (b"fd00:ec2::254", ("fd00:ec2::254", None)),
        (b"user:hunter2@host.example.:81", ("host.example", 81)),
        (b"host:99999999", ("host", None)),
        (b"host:", ("host", None)),
    ],
)
def test_authority(value: bytes, expected: tuple[str, int | None]) -> None:
    assert authority(value) == expected


@pytest.mark.parametrize("value", [b"", b"a b", b"a, b", b"[::1", b"[::1]x", b"a\x00b", b"\xff\xfe", b"a/b", b"<script>"])
def test_nonsense_is_no_authority(value: bytes) -> None:
    assert authority(value) is None


@pytest.mark.parametrize(
    "target, authority_part, rest",
    [
        (b"/a?b", None, b"/a?b"),
        (b"http://h:80/a?b", b"h:80", b"/a?b"),
        (b"HTTPS://h", b"h", b"/"),
        (b"http://h?x=/", b"h", b"?x=/"),
        (b"*", None, b"*"),
        (b"h:443", None, b"h:443"),
    ],
)
def test_absolute_targets_are_split(target: bytes, authority_part: bytes | None, rest: bytes) -> None:
    assert split(target) == (authority_part, rest)
