"""Whether a batch left something undone, from the ends of its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws import Recognizer
from analyzer.aws.dynamodb import PAGE_WINDOWS, unprocessed
from tests.aws.exchanges import about, answer, post

KEYS = {"Orders": {"Keys": [{"pk": {"S": "1"}}]}}
ITEMS = {"Orders": [{"PutRequest": {"Item": {"pk": {"S": "1"}}}}]}


def told(body: bytes) -> bool | None:
    head, tail = body[: PAGE_WINDOWS.head], body[-PAGE_WINDOWS.tail :]
    return unprocessed(head, tail, len(body) <= PAGE_WINDOWS.head)


def dumped(body: Any, spaced: bool = False) -> bytes:
    return json.dumps(body, separators=None if spaced else (",", ":")).encode()


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize(
    "body, undone",
    [
        ({"UnprocessedItems": {}}, False),
        ({"UnprocessedItems": ITEMS}, True),
        ({"UnprocessedKeys": {}, "Responses": {"Orders": []}}, False),
        ({"UnprocessedKeys": KEYS, "Responses": {"Orders": []}}, True),
        ({"Responses": {"Orders": []}, "UnprocessedKeys": {}}, False),
        ({"Responses": {"Orders": []}, "UnprocessedKeys": KEYS}, True),
        ({"UnprocessedItems": {}, "ConsumedCapacity": [{"TableName": "Orders"}]}, False),
        ({"ConsumedCapacity": [{"TableName": "Orders"}], "UnprocessedItems": ITEMS, "ItemCollectionMetrics": {}}, True),
        ({}, False),
        ({"Responses": {"Orders": [{"UnprocessedKeys": {"S": "x"}}]}}, False),
        ({"Responses": {"Orders": [{"UnprocessedKeys": {"M": {"a": {"S": "x"}}}}]}, "UnprocessedKeys": {}}, False),
        ({"Responses": {"Orders": [{"a": {"S": '"UnprocessedKeys":{"Orders"'}}]}, "UnprocessedKeys": {}}, False),
    ],
)
def test_small_answers(body: Any, undone: bool, spaced: bool) -> None:
    assert told(dumped(body, spaced)) is undone


@pytest.mark.parametrize("spaced", [False, True])
def test_large_answers_are_told_from_their_ends(spaced: bool) -> None:
    items = [{"pk": {"S": "x" * 100}, "UnprocessedKeys": {"M": {}}} for _ in range(200)]
    assert told(dumped({"Responses": {"Orders": items}, "UnprocessedKeys": {}}, spaced)) is False
    assert told(dumped({"Responses": {"Orders": items}, "UnprocessedKeys": KEYS}, spaced)) is True
    assert told(dumped({"UnprocessedKeys": KEYS, "Responses": {"Orders": items}}, spaced)) is True
    assert told(dumped({"UnprocessedKeys": {}, "Responses": {"Orders": items}}, spaced)) is False
    many = {"Orders": [{"PutRequest": {"Item": item}} for item in items]}
    assert told(dumped({"UnprocessedItems": many}, spaced)) is True


def test_what_the_ends_do_not_show_is_unknown() -> None:
    items = [{"pk": {"S": "x" * 100}} for _ in range(200)]
    many = {"Orders": {"Keys": items}}
    assert told(dumped({"Responses": {"Orders": items}, "UnprocessedKeys": many})) is None
    assert told(dumped({"Responses": {"Orders": items}})) is None


json_values: Any = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["S", "UnprocessedKeys", "a"]), inner, max_size=3),
    max_leaves=30,
)


@given(
    st.dictionaries(st.sampled_from(["Responses", "ConsumedCapacity", "ItemCollectionMetrics"]), json_values, max_size=3),
    st.sampled_from([None, {}, KEYS]), st.integers(0, 3), st.integers(0, 3000), st.booleans(),
)  # fmt: skip
def test_never_wrong_whatever_else_is_in_the_answer(others: dict[str, Any], undone: Any, at: int, padding: int, spaced: bool) -> None:
    members = list(others.items())
    if padding:
        members.append(("Padding", ["x" * 50] * (padding // 50)))
    if undone is not None:
        members.insert(at, ("UnprocessedKeys", undone))
    assert told(dumped(dict(members), spaced)) in (bool(undone), None)


@given(st.binary(max_size=600), st.binary(max_size=600), st.booleans())
def test_any_bytes_are_survived(head: bytes, tail: bytes, complete: bool) -> None:
    assert unprocessed(head, tail, complete) in (True, False, None)


def test_the_recognizer_asks_for_the_windows_and_says_what_it_saw() -> None:
    request = post("DynamoDB_20120810.BatchWriteItem", b'{"RequestItems":{"Orders":[]}}')
    assert Recognizer().response_window(request, 200, {}) == PAGE_WINDOWS
    found = about(request, answer(200, dumped({"UnprocessedItems": ITEMS})))
    assert (found.operation, found.table_name, found.unprocessed) == ("BatchWriteItem", "Orders", True)
    assert about(request, answer(200, b'{"UnprocessedItems":{}}')).unprocessed is False
    assert about(request, answer(400, b'{"__type":"x#ThrottlingException"}')).unprocessed is None
    other = post("DynamoDB_20120810.PutItem")
    assert about(other, answer(200, dumped({"UnprocessedItems": ITEMS}))).unprocessed is None


@pytest.mark.parametrize(
    "agent, mode",
    [
        ("Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 m/E,0,b cfg/retry-mode#standard Botocore/1.44.5", "standard"),
        ("Boto3/1.43.1 md/Botocore#1.43.1 ua/2.1 m/P,0,D,N,b,Z cfg/retry-mode#legacy", "legacy"),
        ("aws-sdk-js/3.1161.0 ua/2.1 os/linux#6.18 lang/js md/nodejs#20.20.2 api/dynamodb#3.1161.0 m/N,E,P", "standard"),
        ("aws-sdk-java/1.12.277 Linux/5.4 cfg/retry-mode/legacy", "legacy"),
        ("Boto3/1.44.5 cfg/retry-mode#adaptive", "adaptive"),
        ("Boto3/1.44.5 m/F,D", None),
        ("Boto3/1.44.5 cfg/retry-mode#whatever", None),
        ("aws-sdk-nodejs/2.1693.0 linux/v20.20.2 promise", None),
    ],
)
def test_the_retry_mode_that_a_user_agent_tells(agent: str, mode: str | None) -> None:
    request = post("DynamoDB_20120810.GetItem")
    request.fields[b"user-agent"] = agent.encode()
    assert about(request).retry_mode == mode
