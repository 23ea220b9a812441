"""What AWS requests and answers say: JSON bodies, error types, user agents, hosts and targets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from analyzer.aws import PRESENCE_FIELDS, REQUEST_FIELDS, RESPONSE_FIELDS, Recognizer
from analyzer.aws._json_windows import last_members, members
from analyzer.aws.dynamodb import _quick_page, _walked_page, continues, page, table_name, unprocessed
from analyzer.aws.faults import error_type
from analyzer.aws.sdk import VERSION_LIMIT, from_library, from_user_agent, retry_mode
from analyzer.model.http import Endpoint, Request, Response
from tests.aws.exchanges import BOTO, CLOUD, IMDS, at
from tests.fuzz.source import Source
from tests.fuzz.target import Cursor, Target, pieces, said

FIELDS = tuple(sorted(REQUEST_FIELDS | RESPONSE_FIELDS | PRESENCE_FIELDS))
METHODS = ("POST", "GET", "PUT", "CONNECT", "HEAD", "\x1b")
ENDPOINTS = (CLOUD, IMDS, at("169.254.170.2"), at("169.254.170.23", 80, "x"), Endpoint(b"", 0, "dynamodb.eu-west-1.amazonaws.com"))
STATUSES = (200, 400, 503, 301, 101, 999)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("of two members of one name nobody says which counts")
    return dict(pairs)


def _document(data: bytes) -> dict[str, Any] | None:
    """Read a JSON object without repeated names; None for anything else."""
    try:
        found = json.loads(data.decode(), object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def bodies(data: bytes) -> None:
    """Read a body and windows of it; where it is an object of JSON, members and pages are what the standard library finds."""
    middle = len(data) // 2
    for head, tail, complete in ((data, data, True), (data[:middle], data[middle:], False), (data[:20], b"", False)):
        page(head, tail, complete)
        unprocessed(head, tail, complete)
        continues(head)
        table = table_name(head)
        assert table is None or (table.isascii() and table.isprintable() and len(table) <= 255)
        error = error_type({}, head)
        assert error is None or (error.isascii() and error.isprintable() and len(error) <= 128)
    quick = _quick_page(data, data)
    own = _document(data)
    if own is None:
        return
    keys = [key.encode("utf-8", "surrogatepass") for key in own]
    assert [key for depth, key, _ in members(data) if depth == 1] == keys
    backwards = [key for depth, key, _ in last_members(data) if depth == 1 and key]
    assert backwards == [key for key in reversed(keys) if key]
    assert quick is None or quick == _walked_page(data, data)
    more = page(data, data, True).has_more
    assert more is None or more is (own.get("LastEvaluatedKey") is not None)


def agents(data: bytes) -> None:
    """Tell the SDK from a user agent: safe text, whatever follows the part that is looked at."""
    for tell in (from_user_agent, from_library):
        name, version = tell(data)
        assert version is None or (version.isascii() and len(version) <= VERSION_LIMIT)
        assert name is None or name.isascii()
    assert retry_mode(data) in (None, "legacy", "standard", "adaptive")


def exchanges(data: bytes) -> None:
    """Describe an exchange made of pieces: target, fields of both messages, bodies. Every text in the answer is safe to show."""
    cursor = Cursor(data)
    head = cursor.byte()
    asked: dict[bytes, bytes] = {}
    told: dict[bytes, bytes] = {}
    parts = [b"/", b"", b""]
    for tag, piece in pieces(cursor, 24):
        if tag < 3:
            parts[tag] = piece
        else:
            (told if tag & 1 else asked)[FIELDS[(tag >> 1) % len(FIELDS)]] = piece
    target, body, answered = parts
    recognizer = Recognizer()
    method = METHODS[head % 6]
    request = Request(method, target, asked, body)
    status = STATUSES[head // 6 % 6]
    assert 0 <= recognizer.request_window(method, target, asked) <= 4096
    assert 0 <= recognizer.response_window(request, status, told).head <= 65536
    response = Response(status, told, answered, answered, bool(head & 1))
    for endpoint in ENDPOINTS:
        about = recognizer.describe(request, response, endpoint)
        assert recognizer.describe(request, response, endpoint) == about
        for value in about:
            assert not isinstance(value, str) or (value.isascii() and value.isprintable() and len(value) <= 300)
        recognizer.describe(None, response, endpoint)


def documents() -> Iterable[bytes]:
    """Write bodies."""
    yield b'{"TableName":"Orders","Key":{"id":{"S":"1"}},"ExclusiveStartKey":{"id":{"S":"1"}}}'
    yield b'{"Count":2,"Items":[{"a":{"S":"x"}},{"b":{"N":"1"}}],"ScannedCount":9,"LastEvaluatedKey":{"id":{"S":"1"}}}'
    yield b'{"Count":2,"Items":[],"ScannedCount":9}'
    yield b' { "Items" : [ { "Count" : 1 } ] , "Count" : 0 , "LastEvaluatedKey" : null } '
    yield b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException:http://x","message":"\\u00e9\\"{"}'
    yield b'<?xml version="1.0"?><Error><Code> NoSuchKey </Code><Message/></Error>'
    yield b'{"RequestItems":{"A":[{"PutRequest":{"Item":{"TableName":{"S":"no"}}}}]}}'
    yield b'{"TransactItems":[{"Put":{"Item":{},"TableName":"arn:aws:dynamodb:us-east-1:1:table/T/index/i"}}]}'
    yield b'{"Responses":{},"UnprocessedKeys":{"T":{"Keys":[]}}}'
    yield b'{"UnprocessedItems":{},"ItemCollectionMetrics":[true,false,null,-1.5e9]}'
    yield b'{"a":"\\\\\\"","b\\"c":{"":[]},"c":"d"}' + b"[" * 40


def names() -> Iterable[bytes]:
    """Write user agents."""
    from analyzer import sdks

    yield BOTO
    yield b"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22 md/GOOS#linux api/dynamodb#1.34 m/E,Z"
    yield b"aws-sdk-js/3.600.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20 api/dynamodb#3.600.0 cfg/retry-mode#adaptive"
    yield b"aws-sdk-java/2.25.0 Linux/6.1 OpenJDK_64-Bit_Server_VM/17 Java/17 kotlin/1.9 io/sync http/Apache cfg/retry-mode/legacy"
    yield b"aws-sdk-nodejs/2.1692.0 linux/v20.0.0 promise"
    yield b"Go-http-client/1.1"
    yield b"python-requests/2.31.0 urllib3/2"
    yield from (name.encode("ascii", "ignore") for name in sdks.users())


def described() -> Iterable[bytes]:
    """Write exchanges."""
    number = {name: 4 + 2 * at for at, name in enumerate(FIELDS)}

    def fields(**values: bytes) -> tuple[tuple[int, bytes], ...]:
        return tuple((number[name.replace("_", "-").encode()], value) for name, value in values.items())

    agent, host = fields(user_agent=BOTO)[0], fields(host=b"dynamodb.us-east-1.amazonaws.com")[0]
    ask = fields(x_amz_target=b"DynamoDB_20120810.Query", amz_sdk_request=b"attempt=2; max=3", amz_sdk_invocation_id=b"a-b-c")
    answered = (number[b"x-amzn-requestid"] | 1, b"ABC")
    yield b"\0" + said(agent, host, *ask, (1, b'{"TableName":"T"}'), answered, (2, b'{"Count":1,"Items":[],"ScannedCount":1}'))
    yield b"\x06" + said(agent, host, *ask, (2, b'{"__type":"x#ThrottlingException"}'))
    yield b"\1" + said((0, b"/latest/meta-data/iam/security-credentials/role?X-Amz-Signature=abc"), host)
    yield b"\2" + said((0, b"/latest/api/token"), *fields(x_aws_ec2_metadata_token_ttl_seconds=b"21600"))
    yield b"\3" + said((0, b"user:pass@s3.amazonaws.com:443"))
    yield b"\1" + said((0, b"http://u:p@dynamodb.us-east-1.amazonaws.com/v2/credentials/uuid"), host)
    form = fields(content_type=b"application/x-www-form-urlencoded")
    yield b"\0" + said((0, b"/?Action=GetCallerIdentity"), *form, (1, b"Action=AssumeRole&Version=2011-06-15"))
    yield b"\0" + said((0, b"/service/GraniteServiceVersion20100801/operation/PutMetricData"), host, agent)
    yield b"\1" + said(*fields(host=b"[::1]:8000", x_amz_user_agent=BOTO))


def from_bodies(source: Source) -> Iterable[bytes]:
    """Take the JSON bodies out of a capture."""
    for heard in source.talks[:20]:
        for _, piece in heard[:40]:
            begin = piece.find(b"\r\n\r\n{")
            if begin >= 0:
                yield piece[begin + 4 : begin + 4000]


def from_agents(source: Source) -> Iterable[bytes]:
    """Take the user agents out of a capture."""
    for heard in source.talks[:40]:
        for who, piece in heard[:10]:
            begin = piece.lower().find(b"user-agent: ")
            if who == 0 and begin >= 0:
                yield piece[begin + 12 :].partition(b"\r\n")[0][:1024]


AWS = "analyzer.aws."
TARGETS = (
    Target("json", bodies, tuple(AWS + name for name in ("_json_windows", "dynamodb", "faults")), documents, harvest=from_bodies),
    Target("agents", agents, (f"{AWS}sdk",), names, harvest=from_agents, longest=1500),
    Target(
        "exchange", exchanges, tuple(AWS + name for name in ("recognizer", "targets", "hosts", "attempts", "credentials_endpoints")),
        described,
    ),
)  # fmt: skip
