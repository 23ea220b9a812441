"""What the first bytes of a direction look like: an HTTP/1 request, a response, neither, or too little to tell."""

from __future__ import annotations

import pytest

from analyzer.http.starts import METHODS, looks_like_request, looks_like_response


@pytest.mark.parametrize(
    "first, request_, response",
    [
        (b"", None, None),
        (b"P", None, False),
        (b"POS", None, False),
        (b"POST ", None, False),
        (b"POST / HTTP/1.1\r\n", True, False),
        (b"M-SEARCH * HTTP/1.1\r\n", True, False),
        (b"POST / HTTP/2.0\r\nHost: a\r\n", False, False),
        (b"BREW /pot\r\nHost: a\r\n", True, False),
        (b"post / HTTP/1.1\r\nHost: a\r\n", False, False),
        (b"p", False, False),
        (b"H", None, None),
        (b"HTTP/1.", False, None),
        (b"HTTP/1.1 200 OK\r\n", False, True),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 /", False, False),
        (b"\x16", False, False),
        (b"@ / HTTP/1.1\r\nHost: a\r\n", False, False),
        (b"[ / HTTP/1.1\r\nHost: a\r\n", False, False),
    ],
)
def test_first_bytes(first: bytes, request_: bool | None, response: bool | None) -> None:
    for before, behind in ((b"", b""), (b"GET ", b" HTTP/1.1\r\nHost: a\r\n")):  # what lies around them changes nothing
        data = before + first + behind
        ends = len(before), len(before) + len(first)
        assert (looks_like_request(data, *ends), looks_like_response(data, *ends)) == (request_, response)


def test_every_method_begins_with_a_capital_letter() -> None:
    # The quick look at the first byte rests on that.
    assert all(method[:1].isupper() for method in METHODS)
    assert all(looks_like_request(method + b" / HTTP/1.1\r\n", 0, len(method) + 13) for method in METHODS)
