"""What a hostile reader would look for in what was written: connections that are cut, lost, reused or say what they should not."""

from __future__ import annotations

import os
from pathlib import Path
from struct import pack

import pytest

from analyzer import UsageError
from analyzer.capture.output import checked_target
from analyzer.files import whole_file
from analyzer.redacting import redact
from analyzer.redacting.bodies import Bodies
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.heads import Heads
from analyzer.redacting.hellos import Hellos
from analyzer.redacting.redact import NAME as NAME_OF_SYSTEM
from tests.capture.writer import pcap, read, save
from tests.packets.frames import A4, B4, ether, ip4
from tests.tls.talk import NAME, client_hello, extension, message, record, server_hello, vector

SECRET = b"hushmaker"
HOST = "vault.hushmaker.example"
AWS_HELLO = record(22, client_hello(NAME))
HELLO = record(22, client_hello(HOST))
CERTIFICATE = message(11, b"\0\1\0" + b"CN=hushmaker".ljust(600, b"-") + b"CN=hushmaker")
REPLY = record(22, server_hello(0xC02F, version=0x0303) + CERTIFICATE)
SEALED = record(23, b"\x99" * 60)
CONNECT = b"CONNECT vault.hushmaker.example:443 HTTP/1.1\r\n\r\n"
YES = b"HTTP/1.1 200 Connection established\r\n\r\n"
Said = tuple[str, int, bytes, int]
"""Who, at which offset, what, and how many bytes of it the capture lacks."""


def connection(said: list[Said], *, first: int = 1000, begun: bool = True, port: int = 443) -> list[tuple[bytes, int]]:
    """Write the frames of a connection, with their sizes on the wire."""
    frames = []
    opening = [("C", 2, 0, b"", 0), ("S", 18, 0, b"", 0), ("C", 16, 1, b"", 0)] if begun else []
    for who, flags, offset, data, cut in [*opening, *((who, 24, at + 1, data, cut) for who, at, data, cut in said)]:
        up = who == "C"
        ports = (40001, port) if up else (port, 40001)
        own, other = (first, first + 5000) if up else (first + 5000, first)
        header = pack(">HHIIHHHH", *ports, own + offset, other + 1, 5 << 12 | flags, 500, 0, 0)
        frame = ether(0x0800, ip4(header + data, addresses=A4 + B4 if up else B4 + A4))
        frames.append((frame[: len(frame) - cut], len(frame)))
    return frames


def written(folder: Path, frames: list[tuple[bytes, int]]) -> list[bytes]:
    """Redact frames; return the payloads that were written."""
    rows = [
        pcap([(1_700_000_000_000_000_000 + number * 200_000_000, frame)], wire=size)[24:] for number, (frame, size) in enumerate(frames)
    ]
    source = save(folder, pcap([]) + b"".join(rows))
    redact(source, folder / "out.pcapng", Disguise(b"key"))
    return [row.data[54:] for row in read(folder / "out.pcapng").rows]


def told(folder: Path, said: list[Said], port: int = 443) -> bytes:
    payloads = written(folder, connection(said, port=port))
    data = b"".join(payloads)
    assert SECRET not in data.lower()
    assert len(data) == sum(len(one) - cut for _, _, one, cut in said)
    return data


@pytest.mark.parametrize("cut", [1, 30, 100, len(HELLO) - 20])
def test_a_hello_cut_by_the_snapshot_length(tmp_path: Path, cut: int) -> None:
    assert told(tmp_path, [("C", 0, HELLO, cut)]).startswith(HELLO[:6])
    told(tmp_path, [("C", 0, CONNECT, 0), ("S", 0, YES, 0), ("C", len(CONNECT), HELLO, cut)], port=3128)


def test_a_hello_with_a_lost_part(tmp_path: Path) -> None:
    told(tmp_path, [("C", 0, HELLO[:-1], 0), ("C", len(HELLO), SEALED, 0)])
    told(tmp_path, [("C", 0, HELLO[:-1], 0)])


@pytest.mark.parametrize("lost", [(100, 300), (300, 500), (0, 90), (580, 740)])
def test_a_certificate_with_a_lost_part(tmp_path: Path, lost: tuple[int, int]) -> None:
    parts: list[Said] = [("S", at, REPLY[at:end], 0) for at, end in ((0, lost[0]), (lost[1], len(REPLY))) if at < end]
    data = told(tmp_path, [("C", 0, AWS_HELLO, 0), *parts, ("S", len(REPLY), SEALED, 0)])
    assert data.endswith(SEALED)


def test_certificates_of_both_sides_and_their_status(tmp_path: Path) -> None:
    status = record(22, message(22, b"\1\0\0\x0ehushmaker-ocsp") + message(13, b"hushmaker-ca") + message(14))
    told(tmp_path, [("C", 0, AWS_HELLO, 0), ("S", 0, REPLY + status, 0), ("C", len(AWS_HELLO), record(22, CERTIFICATE), 0)])


def test_what_is_no_tls_after_a_hello(tmp_path: Path) -> None:
    plain = b"HTTP/1.1 400 Bad Request\r\nSet-Cookie: hushmaker\r\n\r\n"
    assert told(tmp_path, [("C", 0, AWS_HELLO, 0), ("S", 0, plain, 0)]).endswith(bytes(len(plain)))
    assert told(tmp_path, [("C", 0, AWS_HELLO, 0), ("C", len(AWS_HELLO), b"PASS hushmaker", 0)]) == AWS_HELLO + bytes(14)


def test_a_second_hello_behind_a_change_of_cipher(tmp_path: Path) -> None:
    """Middleboxes are told that something changed; what follows a HelloRetryRequest is in the clear all the same."""
    change = record(20, b"\1")
    said: list[Said] = [
        ("C", 0, HELLO, 0), ("S", 0, record(22, server_hello(retry=True)) + change, 0), ("C", len(HELLO), change + HELLO + SEALED, 0),
    ]  # fmt: skip
    assert told(tmp_path, said).endswith(SEALED)


def test_what_is_encrypted_stays(tmp_path: Path) -> None:
    finished = record(20, b"\1") + record(22, b"\x99" * 40) + SEALED
    data = told(tmp_path, [("C", 0, AWS_HELLO, 0), ("S", 0, REPLY, 0), ("C", len(AWS_HELLO), finished, 0)])
    assert data.startswith(AWS_HELLO)
    assert data.endswith(finished)


@pytest.mark.parametrize("begun", [True, False])
def test_a_connection_inherits_nothing_from_one_on_its_ports(tmp_path: Path, begun: bool) -> None:
    frames = connection([("C", 0, AWS_HELLO + SEALED, 0)])
    frames += [(frame[:47] + b"\x11" + frame[48:], size) for frame, size in connection([("C", len(AWS_HELLO + SEALED), b"", 0)])[3:]]
    second = b"*2\r\n$4\r\nAUTH\r\n$9\r\nhushmaker\r\n"
    payloads = written(tmp_path, frames + connection([("C", 0, second, 0), ("S", 0, b"+OK hushmaker", 0)], first=900_000, begun=begun))
    assert AWS_HELLO + SEALED in payloads
    assert payloads[-2:] == [bytes(len(second)), bytes(13)]


def test_every_name_of_a_hello() -> None:
    names = vector(2, b"\0" + vector(2, NAME.encode()) + b"\0" + vector(2, HOST.encode()) + b"\7" + vector(2, SECRET))
    more = [
        extension(0, names), extension(16, vector(2, vector(1, b"h2") + vector(1, SECRET))), extension(21, SECRET), extension(35, SECRET),
        extension(41, SECRET), extension(5, b"\1" + SECRET), extension(0xFE0D, SECRET),
    ]  # fmt: skip
    data = client_hello(None, more=more)
    made = Hellos(Disguise(b"key")).message(data)
    assert len(made) == len(data)
    assert SECRET not in made
    assert NAME.encode() in made
    assert b"\x02h2" in made
    for size in range(4, len(data)):
        part = Hellos(Disguise(b"key")).message(data[:size])
        assert len(part) == size
        assert b"hush" not in part


def test_what_is_written_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for other in ("/dev/null", tmp_path / "pipe"):
        with pytest.raises(UsageError):
            checked_target(tmp_path / "in.pcap", other)
    target = tmp_path / ("n" * 240)
    with whole_file(target) as file:
        file.write(b"whole")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"whole", 0o600)


FIELDS = b"""Vary Trailer Connection Cache-Control Keep-Alive Pragma Upgrade Expect Accept X-Amz-Date Date Expires Last-Modified Range TE
Allow Age Retry-After Accept-Encoding Content-Encoding Transfer-Encoding Server User-Agent X-Amz-User-Agent X-Amzn-Query-Mode Amz-Sdk-Retry
Amz-Sdk-Request Smithy-Protocol X-Amz-Api-Version Content-Length Accept-Ranges X-Amz-Content-Sha256-Mode""".split()


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "value", [b"hushmaker", b"close, hushmaker=1", b"application/vnd.hushmaker+json", b"hushmaker-7/2.1", b"1.0-hushmaker 2024hushmaker"]
)
def test_no_field_keeps_a_word_that_nobody_knows(name: bytes, value: bytes) -> None:
    made = Heads(Disguise(b"key")).head(b"GET / HTTP/1.1\r\n" + name + b": " + value + b"\r\n\r\n", request=True)
    assert SECRET not in made
    assert name + b": " in made


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: Keep-Alive, Upgrade", b"Cache-Control: public, max-age=31536000", b"Keep-Alive: timeout=15, max=100",
        b"Expires: Wed, 11 Jan 1984 05:00:00 GMT", b"Range: bytes=816896-1022919", b"Accept-Encoding: gzip, deflate;q=0.8",
        b"amz-sdk-request: ttl=20261121T200731Z; attempt=2; max=5", b"X-Amz-Date: 20261121T200854Z", b"amz-sdk-retry: 0/0/500",
        b"User-Agent: Boto3/1.43.117 md/Botocore#1.43.117 os/linux#6.1.115 md/arch#x86_64 lang/python#3.11.7 m/D,b,N cfg/retry-mode#legacy",
        b"User-Agent: aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise", b"User-Agent: aws-sdk-crt/aws-imds-client",
        b"User-Agent: aws-sdk-go-v2/1.17.5 os/linux lang/go/1.17.2 md/GOOS/linux md/GOARCH/arm64 ft/ec2-imds",
        b"User-Agent: Boto3/1.43.117 exec-env/AWS_Lambda_python3 Botocore/1.43.117", b"Server: nginx/1.13.3",
    ],
)  # fmt: skip
def test_fields_keep_what_everybody_says(line: bytes) -> None:
    head = b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n"
    assert Heads(Disguise(b"key")).head(head, request=True) == head


@pytest.mark.parametrize(
    "word",
    [
        b"exec-env/AWS_Lambda_hushmaker", b"lib/hushmaker#1", b"md/hushmaker-prod", b"os/linux#5.10.0-hushmaker", b"api/hushmaker#1.0",
        b"lib/10.1.2.3",
    ],
)  # fmt: skip
def test_user_agents_name_no_owner(word: bytes) -> None:
    made = Heads(Disguise(b"key")).head(b"GET / HTTP/1.1\r\nUser-Agent: Boto3/1.43.117 " + word + b"\r\n\r\n", request=True)
    assert b"Boto3/1.43.117 " in made
    assert SECRET not in made
    assert b"10.1.2.3" not in made


def test_names_of_fields_are_known_or_replaced() -> None:
    lines = b"X-Amz-Hushmaker: 1\r\nx-aws-hushmaker: 1\r\nsec-hushmaker: 1\r\ncontent-hushmaker: 1\r\nX-Amz-Target: 1\r\n"
    made = Heads(Disguise(b"key")).head(b"GET / HTTP/1.1\r\n" + lines + b"\r\n", request=True)
    assert SECRET not in made.lower()
    assert b"X-Amz-Target: " in made


@pytest.mark.parametrize("name", [b"Type", b"ReturnValues", b"Select", b"KeyType", b"ComparisonOperator", b"region", b"AttributeType"])
def test_enumerations_keep_what_is_in_them(name: bytes) -> None:
    bodies = Bodies(Disguise(b"key"), Heads(Disguise(b"key")))
    for value in (b"HUSHMAKER", b"hush-maker-secret-1", b"A" * 198 + b"a", b"A_" * 90):
        assert value not in bodies.content(b'{"' + name + b'":"' + value + b'"}', b"application/json", b"", whole=True)
    for known in (b'{"KeyType":"HASH"}', b'{"region":"us-gov-west-1"}', b'{"Limit":100}'):
        assert bodies.content(known, b"application/json", b"", whole=True) == known
    assert b"4111111111111111" not in bodies.content(b'{"Limit":4111111111111111}', b"application/json", b"", whole=True)


@pytest.mark.parametrize("line", [b"X-Foo: x%by", b"X%by", b"X%b:y", b"User-Agent: x%by", b"Accept: %b"])
def test_long_lines_take_no_time(line: bytes) -> None:
    """Were the time quadratic, these would take minutes."""
    for filling in (b" " * 1_000_000, b"a-" * 500_000, b"1." * 500_000, b"/" * 1_000_000):
        head = b"GET / HTTP/1.1\r\n" + line % filling + b"\r\n\r\n"
        assert len(Heads(Disguise(b"key")).head(head, request=True)) == len(head)


@pytest.mark.parametrize(
    "name, kept",
    [
        (b"hushmaker.us-east-1.amazonaws.com", b".us-east-1.amazonaws.com"),
        (b"hushmaker-prod.us-east-1.rds.amazonaws.com", b".rds.amazonaws.com"),
        (b"hushmaker.hush-maker-1.amazonaws.com", b".amazonaws.com"),
        (b"hushmaker.amazonaws.com", b".amazonaws.com"),
        (b"hushmaker.s3.us-east-1.amazonaws.com", b".s3.us-east-1.amazonaws.com"),
        (b"dynamodb.us-gov-west-1.amazonaws.com", b"dynamodb.us-gov-west-1.amazonaws.com"),
        (b"streams.dynamodb.us-east-1.amazonaws.com", b"streams.dynamodb.us-east-1.amazonaws.com"),
        (b"vpce-0a1-hushmaker.dynamodb.us-east-1.vpce.amazonaws.com", b".dynamodb.us-east-1.vpce.amazonaws.com"),
        (b"hushmaker.queue.amazonaws.com", b".queue.amazonaws.com"),
    ],
)
def test_names_under_the_suffixes_of_aws(name: bytes, kept: bytes) -> None:
    made = Disguise(b"key").hosts.name(name)
    assert len(made) == len(name)
    assert made.endswith(kept)
    assert SECRET not in made
    assert b"hush" not in made


def test_a_scope_keeps_known_regions_and_services() -> None:
    for where, stays in ((b"us-east-1/dynamodb", True), (b"hushmaker-east/hushmakersvc", False)):
        scope = b"/20261122/" + where + b"/aws4_request"
        line = b"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE" + scope + b", SignedHeaders=host, Signature=abc"
        made = Heads(Disguise(b"key")).head(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n", request=True)
        assert (scope in made) == stays
        assert b"hushmaker" not in made


@pytest.mark.parametrize(
    "name, kept",
    [("eth0", True), ("lo", True), ("enp0s31f6", True), ("enx001122334455", False), ("tun-hushmaker", False), ("eth0.hush", False)],
)
def test_names_of_interfaces(name: str, kept: bool) -> None:
    assert (NAME_OF_SYSTEM.fullmatch(name) is not None) == kept
