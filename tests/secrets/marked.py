"""A capture with a marked secret in every place where secrets occur, and the key log that opens its encrypted part.

A mark is a string of random letters and digits that is nowhere else; the name of a mark says what it is the secret of.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

from tests.capture.writer import block, enhanced, interface, option, section
from tests.pipeline.traffic import ACK, FIN, IMDS, MS, NAME, RST, START, SYN, Frame, Net, Tcp, ip
from tests.secrets.encrypted import spoken

CLIENT = "10.0.1.23"
LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass
class Marks:
    """Makes marks."""

    random: Random
    made: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, name: str, before: str = "", length: int = 28) -> bytes:
        """Return the mark of this name; `before` is what such secrets begin with, and is no part of the mark."""
        if name not in self.made:
            self.made[name] = "".join(self.random.choices(LETTERS, k=length)).encode()
        return before.encode() + self.made[name]

    def hexadecimal(self, name: str) -> bytes:
        """Return a mark that looks like a UUID."""
        self.made[name] = str(UUID(int=self.random.getrandbits(128))).encode()
        return self.made[name]


@dataclass
class Marked:
    """The capture and what must not come out of it."""

    capture: Path
    keys: Path
    marks: dict[str, bytes]
    """Secrets by what they are; those of TLS are the bytes that a key log writes as hexadecimal digits."""
    frames: list[Frame]


class Talker:
    """Connections one after the other, without accidents."""

    def __init__(self, random: Random) -> None:
        self.net = Net(0, calls=0)
        self.net.random = random
        self.now = START
        self._port = 41000

    def connect(self, server: str, port: int) -> Tcp:
        self._port += 1
        one = Tcp(self.net, CLIENT, server, self._port, port, self.now)
        one.packet("C", SYN)
        one.wait(8)
        one.packet("S", SYN | ACK)
        one.wait(0.1)
        one.packet("C", ACK)
        return one

    def say(self, one: Tcp, who: str, data: bytes, after: float = 5) -> None:
        one.wait(after)
        for start in range(0, len(data), 1400):
            one.packet(who, ACK, data[start : start + 1400])
            one.wait(0.05)
        one.packet("S" if who == "C" else "C", ACK)

    def talk(self, server: str, port: int, *messages: tuple[str, bytes], end: int = FIN) -> Tcp:
        one = self.connect(server, port)
        for who, data in messages:
            self.say(one, who, data)
        one.wait(1)
        one.packet("C", end | ACK)
        one.wait(1)
        one.packet("S", FIN | ACK)
        self.now = one.now + 20 * MS
        return one


def message(start: str, fields: list[tuple[str, bytes]], body: bytes = b"") -> bytes:
    """Write an HTTP message; Content-Length is added."""
    lines = [start.encode(), *(name.encode() + b": " + value for name, value in fields), b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def signed(mark: Marks, kind: str, operation: str, body: bytes) -> bytes:
    """Write a signed DynamoDB request."""
    scope = mark(f"{kind}: access key id", "ASIA") + b"/20261122/us-east-1/dynamodb/aws4_request"
    return message(
        "POST / HTTP/1.1",
        [
            ("Host", NAME.encode()),
            ("X-Amz-Target", f"DynamoDB_20120810.{operation}".encode()),
            ("User-Agent", b"Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux lang/python#3.11"),
            ("amz-sdk-invocation-id", b"0a1b2c3d-0000-4000-8000-000000000001"),
            ("amz-sdk-request", b"attempt=1; max=4"),
            (
                "Authorization",
                b"AWS4-HMAC-SHA256 Credential=" + scope + b", SignedHeaders=host;x-amz-date, Signature="
                + mark(f"{kind}: signature"),
            ),
            ("X-Amz-Security-Token", mark(f"{kind}: session token", "IQoJb3JpZ2luX2Vj")),
            ("X-Amz-Content-Sha256", mark(f"{kind}: hash of the body")),
            ("Cookie", b"AWSALB=" + mark(f"{kind}: cookie")),
            ("X-Api-Key", mark(f"{kind}: api key")),
        ],
        body,
    )  # fmt: skip


def answered(mark: Marks, kind: str, body: bytes, status: str = "200 OK") -> bytes:
    """Write an answer of DynamoDB."""
    fields = [
        ("x-amzn-RequestId", b"REQ0EXAMPLE"),
        ("Set-Cookie", b"session=" + mark(f"{kind}: set-cookie")),
        ("X-Amz-Meta-Secret", mark(f"{kind}: field of the answer")),
    ]
    return message(f"HTTP/1.1 {status}", fields, body)


def item(mark: Marks, kind: str, more: Mapping[str, object] | None = None) -> bytes:
    """Write a body that holds a value and a key."""
    value = mark(f"{kind}: value of an item").decode()
    key = mark(f"{kind}: key of an item").decode()
    return json.dumps({"TableName": "Orders", "Key": {"pk": {"S": key}}, "Item": {"v": {"S": value}}, **(more or {})}).encode()


def calls(mark: Marks, kind: str) -> list[tuple[str, bytes]]:
    """Write calls: a GetItem, a page of a Query, one that is refused with words about who asked, and one that is throttled."""
    more = {"LastEvaluatedKey": {"pk": {"S": mark(f"{kind}: key of the next page").decode()}}, "Count": 1, "ScannedCount": 900}
    start = {"ExclusiveStartKey": {"pk": {"S": mark(f"{kind}: key of a page").decode()}}}
    refused = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "User " + mark(f"{kind}: words of an error").decode()}
    throttled = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": mark(f"{kind}: words of a throttle").decode()}
    return [
        ("C", signed(mark, kind, "GetItem", item(mark, kind))),
        ("S", answered(mark, kind, item(mark, f"{kind}, answer"))),
        ("C", signed(mark, kind, "Query", item(mark, kind, start))),
        ("S", answered(mark, kind, item(mark, f"{kind}, answer", more))),
        ("C", signed(mark, kind, "PutItem", item(mark, kind))),
        ("S", answered(mark, kind, json.dumps(refused).encode(), "400 " + mark(f"{kind}: reason phrase").decode())),
        ("C", signed(mark, kind, "PutItem", item(mark, kind))),
        ("S", answered(mark, kind, json.dumps(throttled).encode(), "400 Bad Request")),
    ]


def credentials(mark: Marks, kind: str) -> bytes:
    """Write the credentials of a role as endpoints hand them out."""
    return json.dumps({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": mark(f"{kind}: access key id", "ASIA").decode(),
        "SecretAccessKey": mark(f"{kind}: secret access key").decode(), "Token": mark(f"{kind}: token", "IQoJ").decode(),
        "Expiration": "2026-11-22T12:00:00Z",
    }).encode()  # fmt: skip


def endpoints(talker: Talker, mark: Marks) -> None:
    """Ask IMDS, ECS, EKS and STS for credentials, each in its ways."""
    token = mark("imds: session token", "AQAEA")
    sent = [("X-aws-ec2-metadata-token", token), ("Host", IMDS.encode())]
    ok = "HTTP/1.1 200 OK"
    talker.talk(
        IMDS, 80,
        ("C", message("PUT /latest/api/token HTTP/1.1", [("Host", IMDS.encode()), ("X-aws-ec2-metadata-token-ttl-seconds", b"21600")])),
        ("S", message(ok, [], token)),
        ("C", message("GET /latest/meta-data/iam/security-credentials/ HTTP/1.1", sent)),
        ("S", message(ok, [], b"app-role")),
        ("C", message("GET /latest/meta-data/iam/security-credentials/app-role HTTP/1.1", sent)),
        ("S", message(ok, [], credentials(mark, "imds"))),
        ("C", message("GET /latest/user-data HTTP/1.1", sent)),
        ("S", message(ok, [], b"#!/bin/sh\nexport PASSWORD=" + mark("imds: user data"))),
    )  # fmt: skip
    path = mark.hexadecimal("ecs: path of the credentials").decode()
    talker.talk(
        "169.254.170.2", 80,
        ("C", message(f"GET /v2/credentials/{path} HTTP/1.1", [("Host", b"169.254.170.2")])),
        ("S", message(ok, [], credentials(mark, "ecs"))),
    )  # fmt: skip
    talker.talk(
        "169.254.170.23", 80,
        ("C", message("GET /v1/credentials HTTP/1.1",
                      [("Host", b"169.254.170.23"), ("Authorization", mark("eks: service account", "eyJ"))])),
        ("S", message(ok, [], credentials(mark, "eks"))),
    )  # fmt: skip
    web = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=" + mark("sts: web identity token", "eyJ")
    for kind in ("sts", "sts by query"):
        body = web if kind == "sts" else b""
        query = "" if kind == "sts" else "?" + web.replace(b"WebIdentityToken", b"SessionToken").decode()
        answer = (
            b"<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>" + mark(f"{kind}: access key id", "ASIA")
            + b"</AccessKeyId><SecretAccessKey>" + mark(f"{kind}: secret access key") + b"</SecretAccessKey><SessionToken>"
            + mark(f"{kind}: session token") + b"</SessionToken></Credentials></AssumeRoleWithWebIdentityResponse>"
        )  # fmt: skip
        start = "POST / HTTP/1.1" if kind == "sts" else f"GET /{query} HTTP/1.1"
        talker.talk(
            "52.94.133.1", 80, ("C", message(start, [("Host", b"sts.us-east-1.amazonaws.com")], body)), ("S", message(ok, [], answer))
        )


def others(talker: Talker, mark: Marks) -> None:
    """Say what else carries secrets: presigned targets, proxies with passwords, other programs' requests, and messages that are broken."""
    ok = message("HTTP/1.1 200 OK", [], mark("other: body"))
    bucket = b"bucket.s3.amazonaws.com"
    fields = [("X-Amz-Credential", "AKIA"), ("X-Amz-Signature", ""), ("X-Amz-Security-Token", ""), ("x-amz-signature", "")]
    fields += [("AWSAccessKeyId", "AKIA"), ("Signature", "")]
    presigned = "/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&" + "&".join(
        f"{name}={mark(f'presigned: {name}', before).decode()}" for name, before in fields
    )
    talker.talk("52.216.1.1", 80, ("C", message(f"GET {presigned} HTTP/1.1", [("Host", bucket)])), ("S", ok))
    talker.talk("52.216.1.1", 80, ("C", message(f"GET http://{bucket.decode()}{presigned} HTTP/1.1", [("Host", bucket)])), ("S", ok))
    user = mark("proxy: password in the target").decode()
    talker.talk(
        "10.0.1.9", 3128,
        ("C", message(f"GET http://robot:{user}@api.example.com/x HTTP/1.1",
                      [("Host", b"api.example.com"), ("Proxy-Authorization", b"Basic " + mark("proxy: authorization"))])),
        ("S", ok),
        ("C", message(f"CONNECT {NAME}:443 HTTP/1.1",
                      [("Host", NAME.encode()), ("Proxy-Authorization", b"Basic " + mark("proxy: connect"))])),
        ("S", message("HTTP/1.1 407 Proxy Authentication Required", [("Proxy-Authenticate", b"Basic realm=" + mark("proxy: challenge"))])),
    )  # fmt: skip
    login = mark("host: password").decode()
    query = "&".join(
        f"{name}={mark(f'query: {name}').decode()}"
        for name in ("access_token", "password", "api_key", "code", "sig", "client_secret", "id_token")
    )
    talker.talk(
        "10.0.1.10", 8080,
        ("C", message(f"GET /login?{query}#" + mark("fragment").decode() + " HTTP/1.1",
                      [("Host", f"robot:{login}@10.0.1.10".encode()), ("Authorization", mark("other: bearer", "Bearer "))])),
        ("S", message("HTTP/1.1 302 Found", [("Location", b"/x?token=" + mark("other: location"))])),
    )  # fmt: skip
    broken = [
        b"GET /" + mark("broken: request line") + b"\r\nno version: " + mark("broken: second line") + b"\r\n\r\n",
        mark("broken: no HTTP at all") + bytes(range(128, 160)) + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\n" + mark("broken: no colon") + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        + mark("broken: size of a chunk") + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\nContent-Length: " + mark("broken: content length") + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nAuthorization: " + b"A" * 70_000 + mark("broken: long field") + b"\r\n\r\n",
    ]  # fmt: skip
    for data in broken:
        reason = mark("broken: status line")
        talker.talk("10.0.1.11", 8000, ("C", data), ("S", b"HTTP/1.1 " + reason + b" 2" + reason + b"\r\n\r\n"), end=RST)
    chunked = mark("chunked: body")
    talker.talk(
        "3.218.180.10", 8000,
        ("C", message("GET / HTTP/1.1", [("Host", NAME.encode())])),
        ("S", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x;x=" % len(chunked) + mark("chunked: extension") + b"\r\n" + chunked
         + b"\r\n0\r\nX-Secret: " + mark("chunked: trailer") + b"\r\n\r\n"),
    )  # fmt: skip


def lost_and_quoted(talker: Talker, mark: Marks) -> None:
    """Send a request that dies on its way: repeated, then quoted by a router's ICMP error."""
    one = talker.connect("3.218.180.10", 8000)
    data = signed(mark, "lost", "GetItem", item(mark, "lost"))
    for pause in (200, 400):
        one.packet("C", ACK, data, at=0)
        one.wait(pause)
    quoted = talker.net.frames[-1].data[14:]
    error = struct.pack(">BBHI", 11, 0, 0, 0) + quoted
    talker.net.frames.append(Frame(one.now, ip("10.0.1.1", CLIENT, 1, error, 9)))
    one.wait(1)
    one.packet("S", RST | ACK)
    talker.now = one.now + 20 * MS


def pcapng(frames: list[Frame], secrets: bytes) -> bytes:
    """Write packets as a pcapng with TLS secrets in it."""
    held = block(10, struct.pack("<II", 0x544C534B, len(secrets)) + secrets)
    nanoseconds = option(9, b"\x09")
    packets = b"".join(enhanced(frame.time, frame.data) for frame in sorted(frames, key=lambda frame: frame.time))
    return section() + held + interface(options=nanoseconds) + packets


def marked(folder: Path, seed: int = 20261122) -> Marked:
    """Make the capture in a folder."""
    mark = Marks(Random(seed))
    talker = Talker(Random(seed))
    endpoints(talker, mark)
    talker.talk("3.218.180.10", 8000, *calls(mark, "clear"))
    wire, keys = spoken(folder, NAME, calls(mark, "tls"))
    talker.talk("3.218.180.11", 443, *wire)
    others(talker, mark)
    lost_and_quoted(talker, mark)
    secrets = dict(mark.made)
    for entry in keys.decode().splitlines():
        label, *_, secret = entry.split()
        if label.endswith(("_SECRET", "_0", "_RANDOM")):
            secrets[f"key log: {label}"] = bytes.fromhex(secret)
    inside = mark("key log in the capture", length=48)
    secrets["key log in the capture"] = inside
    capture, log = folder / "marked.pcapng", folder / "marked.keys"
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + inside.hex().encode() + b"\n"
    capture.write_bytes(pcapng(talker.net.frames, line))
    broken = mark("key log: a line that is none")
    secrets["key log: a line that is none"] = broken
    log.write_bytes(keys + b"CLIENT_TRAFFIC_SECRET_0 " + broken + b"\nRSA " + broken + b" " + broken + b"\n")
    return Marked(capture, log, secrets, talker.net.frames)
