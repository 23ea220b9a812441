"""From packets to calls: retries of SDKs without an invocation id, in the clear; and that what joins them is never shown."""

from __future__ import annotations

import json
from pathlib import Path
from struct import pack

import pytest

import analyzer
from analyzer.aws.bodies import mark
from analyzer.model.analysis import Analysis
from analyzer.model.http import Request
from analyzer.report.document import JsonRenderer
from tests.pipeline.test_exchanges import MS, Script

HEAD = (
    "POST / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\n"
    "User-Agent: {agent}\r\nContent-Length: {length}\r\n\r\n"
)
AGENTS = {"js-v2": "aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise", "go-v1": "aws-sdk-go/1.44.133 (go1.19; linux; amd64)",
          "elixir-hackney": "hackney/4.7.4"}  # fmt: skip
REFUSAL = b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'


def asks(body: bytes, sdk: str, operation: str = "PutItem") -> bytes:
    return HEAD.format(operation=operation, agent=AGENTS[sdk], length=len(body)).encode() + body


def answers(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def read(script: Script, folder: Path) -> Analysis:
    records = [pack("<4I", time // (1000 * MS), time % (1000 * MS), len(data), len(data)) + data for time, data in script.frames]
    path = folder / "script.pcap"
    path.write_bytes(pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1) + b"".join(records))
    return analyzer.read(path, services=["dynamodb=10.0.0.2:8000"])


def talk(*said: tuple[bytes, bytes], pause_ms: float = 30, pieces: int = 1) -> Script:
    script = Script().opened()
    at = 20.0
    for request, response in said:
        size = -(-len(request) // pieces)
        for start in range(0, len(request), size):
            script.packet(at, "C", request[start : start + size])
            at += 0.1
        script.packet(at + 10, "S", response).packet(at + 10.2, "C")
        at += 10.2 + pause_ms
    return script.closed(at)


ITEM = b'{"TableName":"Orders","Item":{"pk":{"S":"%s"}}}'
NO, YES = answers(400, REFUSAL), answers(200, b"{}")


@pytest.mark.parametrize("sdk", list(AGENTS))
def test_the_same_item_again_is_a_retry_and_another_item_is_a_call(sdk: str, tmp_path: Path) -> None:
    first, second = ITEM % b"customer-1", ITEM % b"customer-2"
    made = read(talk((asks(first, sdk), NO), (asks(second, sdk), NO), (asks(first, sdk), YES), (asks(second, sdk), YES)), tmp_path)
    assert [call.exchange_ids for call in made.calls] == [(0, 2), (1, 3)]
    assert [(call.sdk, call.attempts, call.ok, call.evidence) for call in made.calls] == [(sdk, 2, True, "inferred")] * 2
    assert all(call.backoff_ns > 0 for call in made.calls)
    assert "its attempts bear no invocation id; they were joined by operation, table, body" in " ".join(str(made.explain(0)).split())


def test_a_loop_that_writes_the_same_item_again_and_again(tmp_path: Path) -> None:
    item = asks(ITEM % b"counter", "js-v2")
    made = read(talk(*[(item, YES)] * 4, pause_ms=1), tmp_path)
    assert [call.attempts for call in made.calls] == [1, 1, 1, 1]


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_a_long_body_is_compared_by_its_beginning_and_size(pieces: int, tmp_path: Path) -> None:
    """Whether it came in one segment or in several."""

    def long(name: bytes, tail: bytes) -> bytes:
        return asks(ITEM % (name + b"x" * 3000 + tail), "js-v2")

    made = read(talk((long(b"a", b"1"), NO), (long(b"b", b"1"), NO), (long(b"a", b"1"), YES), pieces=pieces), tmp_path)
    assert [call.exchange_ids for call in made.calls] == [(0, 2), (1,)]
    made = read(talk((long(b"a", b"1"), NO), (long(b"a", b"12"), YES), pieces=pieces), tmp_path)
    assert [call.attempts for call in made.calls] == [1, 1]


def test_what_was_compared_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    body = ITEM % b"customer-1"
    made = read(talk((asks(body, "js-v2"), NO), (asks(body, "js-v2"), YES)), tmp_path)
    told = json.loads("".join(JsonRenderer().render(made)))
    number = mark(Request("POST", b"/", {b"content-length": b"%d" % len(body)}, body), lambda *_: 1024)
    shown = json.dumps(told) + repr(made) + repr(list(made.exchanges)) + repr(list(made.calls)) + str(made.explain(0))
    for secret in (str(number), f"{number:x}", str(number & 0xFFFFFFFF), f"{number & 0xFFFFFFFF:08x}", "customer-1"):
        assert secret not in shown


def test_a_loop_of_batches_from_packets_to_words(tmp_path: Path) -> None:
    left = b'{"UnprocessedItems":{"Orders":[{"PutRequest":{"Item":{"pk":{"S":"2"}}}}]}}'
    ask = asks(b'{"RequestItems":{"Orders":[{"PutRequest":{"Item":{"pk":{"S":"1"}}}},{}]}}', "js-v2", "BatchWriteItem")
    again = asks(b'{"RequestItems":{"Orders":[{"PutRequest":{"Item":{"pk":{"S":"2"}}}}]}}', "js-v2", "BatchWriteItem")
    made = read(talk((ask, answers(200, left)), (again, answers(200, left)), (again, answers(200, b'{"UnprocessedItems":{}}'))), tmp_path)
    assert [row.unprocessed for row in made.exchanges] == [True, True, False]
    assert [(call.chain_id, call.attempts) for call in made.calls] == [(0, 1), (0, 1), (0, 1)]
    (row,) = [row for row in made.findings if row.code == "throttled"]
    assert row.summary.startswith(
        "2 of 3 BatchWriteItem calls on Orders were answered 200 and yet left items undone (UnprocessedItems is not"
    )
    assert "Request 2 of 3 of one BatchWriteItem loop" in " ".join(str(made.explain(1)).split())


def test_a_real_client_without_ids(shared: Path) -> None:
    """SDK for JavaScript v2, decrypted: each call has the attempts that the client itself logged."""
    folder = shared / "throttle-retry-js2"
    made = analyzer.read(folder / "throttle-retry-js2.pcap", keys=folder / "keys.log")
    truth = json.loads((folder / "truth.json").read_text())
    exchanges = {row.exchange_id: row.aws_request_id or "" for row in made.exchanges}
    # Two loops send the same Query at the same time: whose retry is whose nobody can tell, only how many there were.
    assert sorted(call.attempts for call in made.calls) == sorted(call["attempts"] for call in truth["calls"])
    for operation in ("PutItem", "GetItem"):
        found = [[exchanges[number] for number in call.exchange_ids] for call in made.calls if call.operation == operation]
        assert sorted(found) == sorted(call["request_ids"] for call in truth["calls"] if call["op"] == operation)
        assert len(found) >= 6
