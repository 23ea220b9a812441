"""Makes up the packets of a program that uses DynamoDB and IMDS, badly: connections that die, retries, losses, overlap, missing ends.

Everything is drawn from one `random.Random`, so that a seed is a capture. Nothing here knows what a right answer is; the properties that
hold for any capture do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from struct import pack

from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Anomaly
from analyzer.model.seams import Block
from analyzer.pipeline import Pipeline

MS = 1_000_000
START = 1_795_000_000_000 * MS
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
IMDS = "169.254.169.254"
SERVERS = ("3.218.180.10", "3.218.180.11")
NAME = "dynamodb.us-east-1.amazonaws.com"
MASK = 0xFFFFFFFF


@dataclass
class Frame:
    """A packet on an Ethernet with its time."""

    time: int
    data: bytes


def ip(source: str, target: str, protocol: int, payload: bytes, ident: int, ttl: int = 64) -> bytes:
    ends = bytes(map(int, source.split("."))) + bytes(map(int, target.split(".")))
    return bytes(12) + b"\x08\x00" + pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, 0x4000, ttl, protocol, 0) + ends + payload


@dataclass
class Tcp:
    """One connection; every call of `send` advances its clock."""

    net: Net
    client: str
    server: str
    port: int
    server_port: int
    now: int
    isn: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=lambda: {"C": 0, "S": 0})
    alive: bool = True
    ident: dict[str, int] = field(default_factory=dict)
    """IPv4 identifications, which Linux counts for each connection apart."""

    def __post_init__(self) -> None:
        self.isn = {"C": self.net.random.getrandbits(32), "S": self.net.random.getrandbits(32)}
        self.ident = {"C": self.isn["S"] & 0xFFFF, "S": self.isn["C"] & 0xFFFF}

    def packet(self, who: str, flags: int, data: bytes = b"", *, at: int | None = None, window: int = 500, ttl: int = 64) -> None:
        peer = "S" if who == "C" else "C"
        at = self.sent[who] if at is None else at
        self.sent[who] = max(self.sent[who], at + len(data))
        seq = self.isn[who] + at + (0 if flags & SYN else 1)
        ack = self.isn[peer] + self.sent[peer] + 1 if flags & ACK else 0
        up = who == "C"
        ports = (self.port, self.server_port) if up else (self.server_port, self.port)
        tcp = pack(">HHIIHHHH", *ports, seq & MASK, ack & MASK, 5 << 12 | flags | (PSH if data else 0), window, 0, 0) + data
        ends = (self.client, self.server) if up else (self.server, self.client)
        self.ident[who] = self.ident[who] + 1 & 0xFFFF
        self.net.frames.append(Frame(self.now, ip(*ends, 6, tcp, self.ident[who], ttl)))

    def wait(self, ms: float) -> None:
        self.now += round(ms * MS)

    def open(self, rtt: float) -> bool:
        """Shake hands; now and then SYNs are lost, refused or unanswered."""
        random = self.net.random
        for pause in (1000, 2000):
            self.packet("C", SYN)
            if random.random() < 0.9:
                break
            self.wait(pause)
        else:
            self.alive = False
            return False
        self.wait(rtt)
        if random.random() < 0.05:
            self.packet("S", RST | ACK)
            self.alive = False
            return False
        self.packet("S", SYN | ACK)
        self.wait(0.1)
        self.packet("C", ACK)
        return True

    def say(self, who: str, data: bytes, *, lossy: bool = False) -> None:
        """Send bytes in segments; where `lossy`, some are repeated, late or out of order."""
        random = self.net.random
        size = random.choice((100, 500, 1448))
        base = self.sent[who]
        pieces = [(base + start, data[start : start + size]) for start in range(0, len(data), size)]
        self.sent[who] = base + len(data)
        if lossy and len(pieces) > 1 and random.random() < 0.4:
            random.shuffle(pieces)
        for at, piece in pieces:
            self.packet(who, ACK, piece, at=at, window=random.choice((0, 500, 500, 500)) if lossy else 500)
            self.wait(random.choice((0, 0.01, 0.3)))
            if lossy and random.random() < 0.15:
                self.wait(random.choice((5, 220)))
                self.packet(who, ACK, piece, at=at)
        if random.random() < 0.5:
            self.wait(0.05)
            self.packet("S" if who == "C" else "C", ACK)

    def end(self) -> None:
        """Close, reset, or just stop."""
        kind = self.net.random.random()
        if kind < 0.4:
            self.packet("C", FIN | ACK)
            self.wait(1)
            self.packet("S", FIN | ACK)
        elif kind < 0.6:
            self.packet(self.net.random.choice("CS"), RST | ACK)
        self.alive = False


class Net:
    """A made-up capture."""

    def __init__(self, seed: int, *, calls: int = 12, lossy: bool = True) -> None:
        self.random = Random(seed)
        self.frames: list[Frame] = []
        self.ident = self._requests = 0
        self._port = 40000
        self._id = 0
        self._lossy = lossy
        self._clock = START
        pools: dict[str, list[Tcp]] = {"10.0.1.23": [], "10.0.1.24": []}
        for _ in range(calls):
            client = self.random.choice(list(pools))
            if self.random.random() < 0.15:
                self.dialogue(client)
            self.call(client, pools[client])
            # Sometimes the next begins before this one is over.
            self._clock += round(self.random.choice((0.5, 5, 60, 1200)) * MS)
        for pool in pools.values():
            for one in pool:
                if one.alive and self.random.random() < 0.7:
                    one.wait(self.random.choice((1, 5000)))
                    one.end()
        self.frames.sort(key=lambda frame: frame.time)

    def connect(self, client: str, server: str, port: int, now: int, rtt: float) -> Tcp | None:
        self._port += 1
        one = Tcp(self, client, server, self._port, port, now)
        return one if one.open(rtt) else None

    def look_up(self, client: str, now: int) -> int:
        """Ask for the service's name; return when the answer is there."""
        labels = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
        question = labels + b"\0\1\0\1"
        ident = self.random.getrandbits(16)
        records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + bytes(map(int, address.split("."))) for address in SERVERS)
        query = pack(">6H", ident, 0x0100, 1, 0, 0, 0) + question
        answer = pack(">6H", ident, 0x8180, 1, len(SERVERS), 0, 0) + question + records
        port = 30000 + self.random.randrange(1000)
        for at, ends, ports, body in (
            (now, (client, "10.0.0.2"), (port, 53), query),
            (now + 2 * MS, ("10.0.0.2", client), (53, port), answer),
        ):
            self.ident = self.ident + 1 & 0xFFFF
            self.frames.append(Frame(at, ip(*ends, 17, pack(">HHHH", *ports, 8 + len(body), 0) + body, self.ident)))
        return now + 3 * MS

    def call(self, client: str, pool: list[Tcp]) -> None:
        """One call with its retries, on an open connection or a new one."""
        random = self.random
        self._id += 1
        now = self._clock
        name = random.choice(("GetItem", "PutItem", "Query"))
        for attempt in range(1, random.choice((1, 1, 1, 2, 4)) + 1):
            free = [one for one in pool if one.alive and one.now <= now]
            if free and random.random() < 0.8:
                one: Tcp | None = random.choice(free)
                assert one is not None
                one.now = now
            else:
                if random.random() < 0.5:
                    now = self.look_up(client, now)
                one = self.connect(client, random.choice(SERVERS), 8000, now, random.choice((0.2, 10)))
                if one is None:
                    now += round(random.choice((50, 3100)) * MS)
                    continue
                pool.append(one)
                one.wait(random.choice((0.1, 70, 1100)))
            fate = self.ask(one, name, attempt)
            now = one.now
            if fate == "ok":
                break
            now += round(random.random() * 100 * MS)
        self._clock = max(self._clock, now - round(random.choice((0, 0, 40)) * MS))

    def ask(self, one: Tcp, name: str, attempt: int) -> str:
        random = self.random
        body = b'{"TableName": "t%d", "Key": "%s"}' % (random.randrange(3), b"x" * random.choice((5, 300, 20_000)))
        expect = b"Expect: 100-continue\r\n" if random.random() < 0.05 else b""
        head = (
            b"POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: DynamoDB_20120810.%s\r\namz-sdk-invocation-id: id-%d\r\n"
            b"amz-sdk-request: attempt=%d; max=4\r\n%sContent-Length: %d\r\n\r\n"
        ) % (NAME.encode(), name.encode(), self._id, attempt, expect, len(body))
        if expect:
            one.say("C", head)
            one.wait(10)
            one.say("S", b"HTTP/1.1 100 Continue\r\n\r\n")
            one.say("C", body, lossy=self._lossy)
        else:
            one.say("C", head + body, lossy=self._lossy)
        fate = random.choice(("ok", "ok", "ok", "error", "silence", "reset", "half"))
        one.wait(random.choice((1, 12, 300)))
        more = b',"LastEvaluatedKey":{"k":{"S":"a"}}' if random.random() < 0.4 else b""
        answer = b'{"Count":1,"ScannedCount":%d%s,"Items":["%s"]}' % (random.randrange(9), more, b"y" * random.choice((1, 900, 9000)))
        status = b"200 OK"
        if fate == "error":
            status, answer = random.choice((b"400 Bad Request", b"500 Oops")), b'{"__type":"x#ThrottlingException"}'
        close = b"Connection: close\r\n" if random.random() < 0.1 else b""
        self._requests += 1
        message = (
            b"HTTP/1.1 %s\r\nx-amzn-RequestId: R%d\r\n%sContent-Length: %d\r\n\r\n" % (status, self._requests, close, len(answer)) + answer
        )
        if fate == "silence":
            one.wait(1000)
            one.end()
        elif fate == "reset":
            one.packet("S", RST | ACK)
            one.alive = False
        elif fate == "half":
            one.say("S", message[: len(message) // 2], lossy=self._lossy)
            one.end()
        else:
            one.say("S", message, lossy=self._lossy)
            if close:
                one.end()
        return fate

    def dialogue(self, client: str) -> None:
        """Ask IMDS for credentials: the token may be lost, refused or come; then with or without it."""
        random = self.random
        now = self._clock
        steps = [
            (b"PUT /latest/api/token", b"X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", b"TOKEN"),
            (b"GET /latest/meta-data/iam/security-credentials/", b"", b"role"),
            (b"GET /latest/meta-data/iam/security-credentials/role", b"", b'{"Code":"Success"}'),
        ]
        for line, fields, answer in steps:
            for _ in range(3):
                one = self.connect(client, IMDS, 80, now, 0.2)
                if one is None:
                    now += round(1050 * MS)
                    continue
                one.say("C", line + b" HTTP/1.1\r\nHost: 169.254.169.254\r\n" + fields + b"\r\n")
                lost = random.random() < 0.3
                if lost:
                    one.wait(1000)
                    one.packet("C", FIN | ACK)
                else:
                    one.wait(random.choice((1, 900)))
                    code = random.choice((b"200 OK", b"200 OK", b"200 OK", b"403 Forbidden", b"503 Busy"))
                    one.say("S", b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (code, len(answer)) + answer)
                    one.packet("C", FIN | ACK)
                now = one.now + round(random.choice((1, 80)) * MS)
                if not lost:
                    break
        self._clock = now


def damaged(frames: list[Frame], random: Random) -> list[Frame]:
    """Lose packets, begin late, end early, swap neighbours, set the clock back: what captures do."""
    out = [frame for frame in frames if random.random() > random.choice((0, 0, 0.03))]
    if random.random() < 0.3:
        out = out[random.randrange(max(1, len(out) // 4)) :]
    if random.random() < 0.3:
        out = out[: len(out) - random.randrange(max(1, len(out) // 4))]
    for index in range(len(out) - 1):
        if random.random() < 0.02:
            out[index], out[index + 1] = out[index + 1], out[index]
    if out and random.random() < 0.2:
        at, back = random.randrange(len(out)), random.choice((1, 50)) * MS
        out = out[:at] + [Frame(frame.time - back, frame.data) for frame in out[at:]]
    return out


def blocks(frames: list[Frame], cuts: set[int]) -> list[Block]:
    """Put packets into blocks: a new one at each index in `cuts`."""
    out: list[list[Frame]] = [[]]
    for index, frame in enumerate(frames):
        if index in cuts and out[-1]:
            out.append([])
        out[-1].append(frame)
    made, first = [], 1
    for run in out:
        starts, data = [], bytearray()
        for frame in run:
            starts.append(len(data))
            data += frame.data
        sizes = [len(frame.data) for frame in run]
        made.append(Block(bytes(data), starts, sizes, sizes, [frame.time for frame in run], 1, 0, first, 0, first))
        first += len(run)
    return made


def answer(frames: list[Frame], cuts: set[int] | None = None) -> dict[str, list[tuple[object, ...]]]:
    """Run a capture through the pipeline; return its tables."""
    pipeline = Pipeline()
    for block in blocks(frames, cuts or set()):
        if block.starts:
            pipeline.feed(block)
    times = [frame.time for frame in frames]
    info = CaptureInfo(packets=len(frames), first_ns=min(times, default=None), last_ns=max(times, default=None))
    analysis = pipeline.finish(info)
    assert all(isinstance(row, Anomaly) for row in analysis.anomalies)
    return {table.name: list(table) for table in analysis.tables()}
