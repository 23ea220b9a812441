"""Tables of requests and counts of pages, from windows of bodies."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.dynamodb import (
    LATE_REQUEST_WINDOW,
    PAGE_WINDOWS,
    REQUEST_WINDOW,
    Tables,
    _quick_page,
    _walked_page,
    continues,
    page,
    table_name,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders"
BODIES = [
    (b'{"TableName": "Orders", "Key": {"PK": {"S": "1"}}}', "Orders"),
    (b'{"TableName":"Orders","Key":{}}', "Orders"),
    (b' {\r\n "TableName"\t:\n"Orders" }', "Orders"),
    (b'{"Key":{"PK":{"S":"1"}},"TableName":"Orders"}', "Orders"),
    (b'{"TableName":"a.b-c_D"}', "a.b-c_D"),
    (b'{"TableName":"' + ARN.encode() + b'","Key":{}}', "Orders"),
    (b'{"Key":{},"TableName":"' + ARN.encode() + b'/index/ByDate"}', "Orders"),
    (b'{"ResourceArn":"' + ARN.encode() + b'"}', "Orders"),
    (b'{"StreamArn":"' + ARN.encode() + b'/stream/2026-11-21T00:00:00.000","Limit":1}', "Orders"),
    (b'{"RequestItems": {"Orders": {"Keys": [{"PK": {"S": "1"}}]}, "Other": {}}}', "Orders"),
    (b'{"ReturnConsumedCapacity":"TOTAL","RequestItems":{"Orders":[{"PutRequest":{"Item":{}}}]}}', "Orders"),
    (b'{"ReturnConsumedCapacity":"TOTAL","RequestItems":{"' + ARN.encode() + b'":[]}}', "Orders"),
    (b'{"TransactItems": [{"Put": {"TableName": "Orders", "Item": {}}}, {"Get": {"TableName": "Other"}}]}', "Orders"),
    (b'{"TransactItems":[{"Put":{"Item":{"TableName":{"S":"x"}},"TableName":"Orders"}}]}', "Orders"),
    (b'{"ClientRequestToken":"x","TransactItems":[{"Get":{"Key":{"TableName":{"S":"x"}},"TableName":"Orders"}}]}', "Orders"),
    (b'{"AttributeDefinitions":[{"AttributeName":"a"}],"TableName":"Orders"}', "Orders"),
    # Traps: the name in a value, in an attribute, in an attribute of a table of that name.
    (b'{"Item":{"TableName":{"S":"Fake"}},"TableName":"Orders"}', "Orders"),
    (b'{"Item":{"TableName":"Fake"},"TableName":"Orders"}', "Orders"),
    (b'{"Item":{"x":{"S":"\\"TableName\\":\\"Fake\\""}},"TableName":"Orders"}', "Orders"),
    (b'{"Item":{"x":{"S":",\\"TableName\\": \\"Fake\\"}"}}', None),
    (b'{"Item":{"x\\"TableName":"Fake"},"TableName":"Orders"}', "Orders"),
    (b'{"x\\"TableName":"Fake"}', None),
    (b'{"TableName":{"S":"Fake"}}', None),
    (b'{"Item":{"RequestItems":{"Fake":{}}}}', None),
    (b'{"Item":{"TransactItems":[{"TableName":"Fake"}]}}', None),
    (b'{"RequestItems":{}}', None),
    (b'{"TableName":"has space"}', None),
    (b'{"TableName":"\\u001b[31m"}', None),
    (b'{"TableName":"' + b"x" * 300 + b'"}', None),
    (b'{"TableName":"Ord', None),
    (b'["TableName","Orders"]', None),
    (b"\xbf\x69TableName\x66Orders\xff", None),
    (b"", None),
]


@pytest.mark.parametrize("body, name", BODIES)
def test_table_names(body: bytes, name: str | None) -> None:
    assert table_name(body) == name


@given(st.lists(st.sampled_from([*BODIES, (b'{"TableName": "Orders2", "Key": {}}', "Orders2"), (b'{"TableName": "Order"}', "Order")])))
def test_remembering_how_requests_began_changes_no_name(asked: list[tuple[bytes, str | None]]) -> None:
    tables = Tables()
    assert [tables.name(body) for body, _ in asked] == [name for _, name in asked]


def test_hostile_requests_are_survived() -> None:
    for body in (
        b'{"TableName":' * 400,
        b'{"x":' * 1000,
        b'{"a":"' + b'\\"TableName' * 400,
        b'{"RequestItems":' + b"[" * 4000,
        b'{"x":{' + b'"TableName":"x",' * 300,
    ):
        assert table_name(body[:LATE_REQUEST_WINDOW]) is None


NAMES = st.sampled_from(["Orders", "Other", "a.b-c", "x" * 255])
TRAPS: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.integers(), st.sampled_from(["Fake", '"TableName":"Fake"', '"', "\\", '}],"TableName":"Fake",', "{", "é"]), st.text(max_size=4)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["TableName", "RequestItems", "TransactItems", "Item", "M", 'x"TableName', "Count"]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)
OTHER_MEMBERS = st.dictionaries(st.sampled_from(["Item", "Key", "Limit", "ExpressionAttributeValues", "ReturnValues"]), TRAPS, max_size=4)


@st.composite
def requests(draw: st.DrawFn) -> tuple[dict[str, Json], str]:
    name = draw(NAMES)
    others: dict[str, Json] = dict(draw(OTHER_MEMBERS))
    kind = draw(st.sampled_from(["one", "batch", "transaction"]))
    member: tuple[str, Json]
    if kind == "one":
        member = ("TableName", name)
    elif kind == "batch":
        member = ("RequestItems", {name: draw(TRAPS), "Last": draw(TRAPS)})
    else:
        inner: dict[str, Json] = {"Item": {"TableName": {"S": "Fake"}, "x": draw(TRAPS)}, "TableName": name}
        member = ("TransactItems", [{"Put": inner}, {"Delete": {"TableName": "Last"}}])
    order = draw(st.permutations([*others.items(), member]))
    return dict(order), name


@given(requests(), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.data())
def test_a_window_shows_the_table_or_nothing(
    request_: tuple[dict[str, Json], str], style: tuple[str, str], ascii_only: bool, data: st.DataObject
) -> None:
    document, name = request_
    text = json.dumps(document, separators=style, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert table_name(text) == name
    assert table_name(text[: data.draw(st.integers(0, len(text)))]) in (name, None)


# Pages

ITEMS = b",".join(
    b'{"PK":{"S":"C#9"},"SK":{"S":"O#%06d"},"Count":{"N":"7"},"x":{"L":[{"M":{"ScannedCount":{"N":"3"}}}]}}' % n for n in range(200)
)
KEY = b'"LastEvaluatedKey":{"PK":{"S":"C#9"},"SK":{"S":"O#000199"}}'
LONG_KEY = b'"LastEvaluatedKey":{"PK":{"S":"' + b"k" * 2048 + b'"},"SK":{"B":"' + b"c" * 1368 + b'"}}'
CAPACITY = b'"ConsumedCapacity":{"TableName":"Orders","CapacityUnits":1.5,"Table":{"CapacityUnits":1.5}}'
PAGES = [
    (b'{"Count":5,"Items":[%s],"ScannedCount":9}' % ITEMS, (5, 9, False)),
    (b'{"Count":5,"Items":[%s],"LastEvaluatedKey":null,"ScannedCount":9}' % ITEMS, (5, 9, False)),
    (b'{"Count":5,"Items":[%s],%s,"ScannedCount":9}' % (ITEMS, KEY), (5, 9, True)),
    (b'{"Count":5,"Items":[%s],%s,"ScannedCount":9}' % (ITEMS, LONG_KEY), (5, 9, True)),
    (b'{"Count":5,"Items":[%s],"ScannedCount":9,%s}' % (ITEMS, LONG_KEY), (5, 9, True)),
    (b'{"ScannedCount":9,%s,"Count":5,"Items":[%s]}' % (KEY, ITEMS), (5, 9, True)),
    (b'{"Items":[%s],"Count":5,"ScannedCount":9}' % ITEMS, (5, 9, False)),
    (b'{"Items":[%s],"Count":5,"ScannedCount":9,%s,%s}' % (ITEMS, KEY, CAPACITY), (5, 9, True)),
    (b'{%s,"Count":5,"Items":[%s],"ScannedCount":9}' % (CAPACITY, ITEMS), (5, 9, False)),
    (b'{"ConsumedCapacity":{"x":"' + b"y" * 600 + b'"},"Items":[%s],"Count":5,"ScannedCount":9}' % ITEMS, (5, 9, None)),
    (b'{"Count":5,"ScannedCount":9}', (5, 9, False)),
    (b'{"Count":5,"ScannedCount":9,%s}' % KEY, (5, 9, True)),
    (b'{"Count":0,"Items":[],"ScannedCount":0}', (0, 0, False)),
    (b'{ "Count" : 0 , "Items" : [ ] , "ScannedCount" : 0 }\n', (0, 0, False)),
    (b'{"Items":[{"Count":{"N":"7"},"LastEvaluatedKey":{"S":"x"}}],"Count":1,"ScannedCount":1}', (1, 1, False)),
    (b'{"Items":[{"x":{"S":"}],\\"Count\\":99,\\"LastEvaluatedKey\\":{}}"}}],"Count":1,"ScannedCount":1}', (1, 1, False)),
    (b'{"Count":{"N":"7"},"ScannedCount":"9","Items":[]}', (None, None, False)),
    (b'{"Items":[]}', (None, None, False)),
    (b"{}", (None, None, False)),
    (b"[]", (None, None, None)),
    (b'{"Count":5', (None, None, None)),
    (b"", (None, None, None)),
]


def windows(text: bytes) -> tuple[bytes, bytes, bool]:
    return text[: PAGE_WINDOWS.head], text[-PAGE_WINDOWS.tail :], len(text) <= PAGE_WINDOWS.head


@pytest.mark.parametrize("text, expected", PAGES)
def test_pages(text: bytes, expected: tuple[int | None, int | None, bool | None]) -> None:
    assert page(*windows(text)) == expected


def test_without_the_end_a_missing_key_proves_nothing() -> None:
    text = b'{"Count":5,"ScannedCount":9,"Items":[%s]}' % ITEMS
    assert page(text[:512], b"", False) == (5, 9, None)
    assert page(text[:512], text[2000:6000], False) == (5, 9, None)
    assert page(text[:20], text[-1:], False) == (5, None, None)


def test_a_key_behind_the_items_that_the_tail_does_not_reach_is_unknown() -> None:
    text = b'{"Count":5,"Items":[%s],"LastEvaluatedKey":{"PK":{"S":"%s"}},"ScannedCount":9}' % (ITEMS, b"k" * 5000)
    assert page(*windows(text)) == (5, 9, None)


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["Count", "ScannedCount", "LastEvaluatedKey", "Items", "pk", '"Count":1', "\\"]),
    st.one_of(
        st.builds(
            lambda text: {"S": text},
            st.one_of(st.text(max_size=5), st.sampled_from(['],"Count":99,"', '"', "\\", '\\"}]}', '{"Count":1}', "]}"])),
        ),
        st.builds(lambda value: {"N": str(value)}, st.integers(0, 99)),
        st.just({"L": [{"M": {"Count": {"N": "1"}}}]}),
    ),
    max_size=4,
)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, object]:
    parts: dict[str, object] = {"Count": draw(st.integers(0, 10**6)), "ScannedCount": draw(st.integers(0, 10**6))}
    if draw(st.booleans()):
        parts["Items"] = draw(st.lists(ATTRIBUTES, max_size=6))
    if draw(st.booleans()):
        parts["LastEvaluatedKey"] = draw(ATTRIBUTES)
    if draw(st.booleans()):
        parts["ConsumedCapacity"] = {"TableName": draw(st.text(max_size=8)), "Table": {"Count": 3}, "CapacityUnits": 1.5}
    return dict(draw(st.permutations(list(parts.items()))))


def truth_of(document: dict[str, object]) -> tuple[object, object, bool]:
    return document["Count"], document["ScannedCount"], "LastEvaluatedKey" in document


@given(answers(), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.data())
def test_windows_show_the_truth_or_nothing(
    document: dict[str, object], style: tuple[str, str], ascii_only: bool, data: st.DataObject
) -> None:
    text = json.dumps(document, separators=style, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    truth = truth_of(document)
    assert tuple(page(text, b"", True)) == truth
    head = text[: data.draw(st.integers(0, len(text) - 1))]
    tail = text[data.draw(st.integers(0, len(text))) :]
    for ours, theirs in zip(page(head, tail, False), truth, strict=True):
        assert ours is None or ours == theirs


@given(answers(), st.data())
def test_the_quick_way_says_what_the_walk_says(document: dict[str, object], data: st.DataObject) -> None:
    text = json.dumps(document, separators=(",", ":")).encode()
    head = text[: data.draw(st.integers(0, len(text)))]
    tail = text[data.draw(st.integers(0, len(text))) :]
    quick = _quick_page(head, tail)
    assert quick is None or quick == _walked_page(head, tail)


def test_the_quick_way_is_taken() -> None:
    """Else the test above would compare nothing."""
    for text in (b'{"Count":5,"Items":[%s],"ScannedCount":9}' % ITEMS, b'{"ScannedCount":9,%s,"Count":5,"Items":[%s]}' % (KEY, ITEMS)):
        assert _quick_page(text[:512], text[-4096:]) is not None


@given(st.binary(max_size=300), st.binary(max_size=300), st.booleans())
def test_any_bytes_are_survived(head: bytes, tail: bytes, complete: bool) -> None:
    for start, end in ((b"", b""), (b'{"Count":', b":1}"), (b'{"Items":[', b"]}"), (b'{"', b'"}')):
        page(start + head, tail + end, complete)
        table_name((start + head)[:REQUEST_WINDOW])


@pytest.mark.parametrize(
    "body, expected",
    [
        (b'{"TableName":"t","ExclusiveStartKey":{"k":{"S":"a"}}}', True),
        (b'{"TableName":"t", "ExclusiveStartKey" : {"k":{"S":"a"}}}', True),
        (b'{"TableName":"t","Limit":5}', False),
        (b'{"TableName":"t","ExpressionAttributeValues":{":a":{"S":"\\"ExclusiveStartKey\\":{"}}}', False),
        (b'{"TableName":"t","ExpressionAttributeValues":{"ExclusiveStartKey":{"S":"a"}}}', False),
        (b'{"TableName":"t","FilterExpression":"' + b"x" * 1024, None),
        (b"", None),
    ],
)
def test_whether_a_request_goes_on(body: bytes, expected: bool | None) -> None:
    assert continues(body) is expected
