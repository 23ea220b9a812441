"""Exchanges in short: what the tests of the recognizer hand to it."""

from __future__ import annotations

import ipaddress

from analyzer.aws import Recognizer
from analyzer.model.http import About, Endpoint, Request, Response

BOTO = b"Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44 lang/python#3.11.7 Botocore/1.44.5"


def at(address: str, port: int = 80, name: str | None = None) -> Endpoint:
    return Endpoint(ipaddress.ip_address(address).packed, port, name)


CLOUD = at("3.218.180.10")
IMDS = at("169.254.169.254")


def get(path: str, host: str = "169.254.169.254", method: str = "GET", body: bytes = b"", **fields: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    return Request(method, path.encode(), {b"host": host.encode(), **named} if host else named, body)


def post(target: str, body: bytes = b"", host: str = "dynamodb.us-east-1.amazonaws.com", **fields: str) -> Request:
    return get("/", host, "POST", body, x_amz_target=target, user_agent=BOTO.decode(), **fields)


def answer(status: int = 200, body: bytes = b"", **fields: str) -> Response:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    return Response(status, named, body[:65536], body[-4096:], len(body) <= 65536)


def about(
    request: Request | None, response: Response | None = None, endpoint: Endpoint = CLOUD, recognizer: Recognizer | None = None
) -> About:
    return (recognizer or Recognizer()).describe(request, response, endpoint)
