"""What the bodies of DynamoDB requests and answers say: table, and the counts and the continuation of a page.

Bodies are those of the JSON protocol (DynamoDB API reference, "Low-level API"). Only windows of them are seen, see `_json_windows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.aws._json_windows import Member, depth_of, last_members, members, number, string
from analyzer.model.http import Windows

REQUEST_WINDOW = 1024
"""Bytes of a request in which the table is looked for."""
LATE_REQUEST_WINDOW = 4096
"""The same for SDKs that write members in alphabetical order (Go), so that `Item` and `Key` come before `TableName`."""
PAGE_WINDOWS = Windows(512, 4096)
"""An answer's members stand at both ends of `Items`; 4096 bytes hold the longest LastEvaluatedKey (a key is at most 3 KB)."""
MOST_TABLES = 8
"""Beginnings of requests that are remembered."""
PAGES = frozenset({"Query", "Scan"})
"""Operations that answer with Count, ScannedCount and LastEvaluatedKey."""

_TABLE_FIRST = re.compile(
    rb'\s{0,8}\{\s{0,8}"(?:TableName"\s{0,8}:|RequestItems"\s{0,8}:\s{0,8}\{)\s{0,8}"([A-Za-z0-9_.-]{1,255})"', re.DOTALL
)
# The quote before a name that stands inside a string is escaped, and so is the one after it.
_TABLE_ANYWHERE = re.compile(rb'(?<!\\)"(?:TableName|TableArn|ResourceArn|StreamArn)"\s*+:\s*+"([^"\\]{1,1024})"')
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_TABLE_ARN = re.compile(r"arn:[a-z-]{1,20}:dynamodb:[a-z0-9-]*:\d*:table/([A-Za-z0-9_.-]{1,255})(?:/.*)?", re.DOTALL)
_START_KEY = re.compile(rb'(?<!\\)"ExclusiveStartKey"\s*+:\s*+\{')
BATCHES = frozenset({"BatchGetItem", "BatchWriteItem"})
"""Operations that answer 200 and give back what they had no capacity for (UnprocessedItems, UnprocessedKeys)."""

_UNDONE_FIRST = re.compile(rb'\{"Unprocessed(?:Items|Keys)":\{(["}])')
_UNDONE_LAST = re.compile(rb'"Unprocessed(?:Items|Keys)":\{\}\}\Z')
_UNDONE = re.compile(rb'(?<!\\)"Unprocessed(?:Items|Keys)"\s*+:\s*+\{\s*+(\}?)')
_UNDONE_NAMES = frozenset({b"UnprocessedItems", b"UnprocessedKeys"})
# TransactGetItems and TransactWriteItems: {"TransactItems": [{"Put": {"TableName": ...}}]}
_TRANSACT_DEPTH = 4


# What services write: no white space, and keys of one or two members. These only spare the walk; where they match it says the same.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*)*+"'
_MEMBER = (
    r'"Count":(?P<matched>\d{1,18})|"ScannedCount":(?P<scanned>\d{1,18})'
    rf'|"LastEvaluatedKey":(?P<key>\{{{_STRING}:\{{{_STRING}:{_STRING}\}}(?:,{_STRING}:\{{{_STRING}:{_STRING}\}})?\}})'
)
_FRONT = re.compile(rf'\{{(?:(?:{_MEMBER}),){{0,3}}+"Items":\['.encode(), re.DOTALL)
_BACK = re.compile(rf"\](?:,(?:{_MEMBER})){{0,3}}+\}}\Z".encode(), re.DOTALL)
_BACK_LENGTH = 512


class Page(NamedTuple):
    """What an answer to Query or Scan says of itself; None where the windows do not show it."""

    matched: int | None
    """Count: the items that the answer holds, after the filter."""
    scanned: int | None
    """ScannedCount: the items that were read, before it."""
    has_more: bool | None


def continues(body: bytes) -> bool | None:
    """Tell from its first bytes whether a Query or Scan goes on where a page stopped; None where the window does not show all of it."""
    depth = at = 0
    for found in _START_KEY.finditer(body) if b'"ExclusiveStartKey"' in body else ():
        depth = depth_of(body[at : found.start()], depth)
        if depth == 1:
            return True
        at = found.start()
    return False if body and len(body) < REQUEST_WINDOW else None


def table_name(body: bytes) -> str | None:
    """Tell the table that a request names, from its first bytes; of several the first, of an ARN the table's name in it.

    Only the members that name a table count: `TableName` (or an ARN) of the request itself or of a part of a transaction, and the first key
    of `RequestItems`. An item's attribute of that name, or text inside a value, lies deeper or inside a string.
    """
    first = _TABLE_FIRST.match(body)
    if first:
        return first[1].decode()
    depth = at = 0
    for found in _TABLE_ANYWHERE.finditer(body):
        depth = depth_of(body[at : found.start()], depth)
        if depth == 1:
            return _table(found[1].decode("utf-8", "replace"))
        at = found.end()
    if b'"RequestItems"' in body or b'"TransactItems"' in body:
        return _first_part(body)
    return None


class Tables:
    """Tells the tables that requests name, and remembers how the last ones began: most name the table first, and the same few."""

    def __init__(self) -> None:
        self._known: list[tuple[bytes, str]] = []

    def name(self, body: bytes) -> str | None:
        """Tell what `table_name` tells."""
        for beginning, table in self._known:
            if body[: len(beginning)] == beginning:
                return table
        first = _TABLE_FIRST.match(body)
        if first is None:
            return table_name(body)
        table = first[1].decode()
        self._known.insert(0, (first[0], table))
        del self._known[MOST_TABLES:]
        return table


def _first_part(body: bytes) -> str | None:
    """Tell the first table of a batch or a transaction."""
    batch = transaction = False
    for depth, key, value in members(body, _TRANSACT_DEPTH):
        if depth == 1:
            batch = key == b"RequestItems" and value == b"{"
            transaction = key == b"TransactItems" and value == b"["
        elif depth == 2 and batch:
            return _table(key.decode("utf-8", "replace"))
        elif depth == _TRANSACT_DEPTH and transaction and key == b"TableName":
            return _table(string(value))
    return None


def _table(text: str | None) -> str | None:
    if text is None:
        return None
    arn = _TABLE_ARN.fullmatch(text)
    if arn:
        return arn[1]
    return text if _TABLE_NAME.fullmatch(text) else None


def page(head: bytes, tail: bytes, complete: bool) -> Page:
    """Read Count, ScannedCount and whether LastEvaluatedKey is present from the beginning and the end of an answer to Query or Scan.

    `tail` must hold the body's true end, or be empty; `complete` says that `head` is the whole body. Only members of the answer itself
    count, never an item's attributes.

    LastEvaluatedKey that is seen means more pages. That it is absent needs proof, since a page is up to 1 MB and its middle is not seen.
    The only array among an answer's members is `Items` (API reference, Query and Scan), so: members from the front up to the `[` of Items,
    and from the end back to an array's `]`, are all members there are. Otherwise the answer is None, unless one window holds the whole
    object.
    """
    if complete:
        tail = head
    quick = _quick_page(head, tail)
    return _walked_page(head, tail) if quick is None else quick


def _quick_page(head: bytes, tail: bytes) -> Page | None:
    front = _FRONT.match(head)
    if front is None:
        return None
    matched, scanned, key = front.groups()
    if matched is None or scanned is None or key is None:
        back = _BACK.search(tail, max(0, len(tail) - _BACK_LENGTH))
        if back is None:
            return None
        last_matched, last_scanned, last_key = back.groups()
        matched, scanned, key = matched or last_matched, scanned or last_scanned, key or last_key
    return Page(int(matched) if matched else None, int(scanned) if scanned else None, key is not None)


def _walked_page(head: bytes, tail: bytes) -> Page:
    seen: dict[bytes, bytes] = {}
    front = _collect(members(head), seen)
    back = front
    if front != _WHOLE:
        back = _collect(last_members(tail), seen)
    more: bool | None = None
    if seen.get(b"LastEvaluatedKey", b"null") != b"null":
        more = True
    elif back == _WHOLE or (front == b"Items" and back == _ARRAY):
        more = False
    return Page(number(seen.get(b"Count", b"")), number(seen.get(b"ScannedCount", b"")), more)


def unprocessed(head: bytes, tail: bytes, complete: bool) -> bool | None:
    """Tell from the beginning and the end of an answer to a batch whether it gave items or keys back undone; None where neither shows it.

    `tail` must hold the body's true end, or be empty; `complete` says that `head` is the whole body. Only a member of the answer itself
    counts, never an item's attribute of that name.
    """
    first = _UNDONE_FIRST.match(head)
    if first is not None:
        return first[1] == b'"'
    if _UNDONE_LAST.search(head if complete else tail) is not None:
        return False
    named = False
    for depth, key, value in members(head, 2):
        if named:
            return depth == 2  # its first member, or what follows an empty object
        named = depth == 1 and value == b"{" and key in _UNDONE_NAMES
    if complete:
        return False
    if any(member.depth == 1 and member.value == b"{" and member.key in _UNDONE_NAMES for member in last_members(tail)):
        found = _UNDONE.findall(tail)
        return found[-1] == b"" if found else None
    return None


_WHOLE = b"}"
_ARRAY = b"["
_BROKEN = b""


def _collect(walk: Iterator[Member], seen: dict[bytes, bytes]) -> bytes:
    """Take an answer's own members up to its first array; tell its key (`[` where unknown), `}` at the object's end, or nothing."""
    for depth, key, value in walk:
        if depth == 1:
            if value == b"[":
                return key or _ARRAY
            seen.setdefault(key, value)
        elif depth == 0:
            return _WHOLE
    return _BROKEN
