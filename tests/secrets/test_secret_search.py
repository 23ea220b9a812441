"""The search finds a secret however it is written, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from random import Random
from urllib.parse import quote

import pytest

from tests.secrets.search import LENGTH, grams, leaks

SECRET = b"kRt9wQz2LmXn7cVb4HsJ8pYd"
KNOWN = grams({"it": SECRET})


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", data)
    return held.getvalue()


def parquet(data: bytes) -> bytes:
    import pyarrow
    from pyarrow import parquet as form

    held = io.BytesIO()
    form.write_table(pyarrow.table({"a": ["x", data.decode()]}), held, compression="zstd")
    return held.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "a part of it": lambda data: data[5 : 5 + LENGTH],
    "in capitals": bytes.upper,
    "base64": base64.b64encode,
    "base64 in the middle": lambda data: base64.b64encode(b"x" + data + b"yz"),
    "base64 for addresses": lambda data: base64.urlsafe_b64encode(b"\xff\xfe\xfd" + data),
    "hexadecimal": lambda data: data.hex().encode(),
    "hexadecimal with colons": lambda data: data.hex(":").encode(),
    "escaped bytes": lambda data: "".join(f"\\x{byte:02x}" for byte in data).encode(),
    "percent-encoded": lambda data: "".join(f"%{byte:02X}" for byte in data).encode(),
    "quoted": lambda data: quote(data).encode(),
    "UTF-16": lambda data: data.decode().encode("utf-16-le"),
    "JSON": lambda data: json.dumps({"a": data.decode()}).encode(),
    "gzip": gzip.compress,
    "gzip in base64": lambda data: base64.b64encode(gzip.compress(data)),
    "zip": zipped,
    "parquet": parquet,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_any_form(form: str) -> None:
    around = Random(4).randbytes(1000)
    made = FORMS[form](SECRET)
    whole = made if form in ("zip", "parquet") else around + b"\n " + made + b" \n" + around
    assert leaks(whole, KNOWN) == {"it"}


def test_nothing_is_found_by_chance() -> None:
    noise = Random(5)
    data = noise.randbytes(200_000) + base64.b64encode(noise.randbytes(200_000)) + noise.randbytes(100_000).hex().encode()
    assert leaks(data, KNOWN) == set()
    assert leaks(SECRET[: LENGTH - 1] + b" " + SECRET[-LENGTH + 1 :], KNOWN) == set()
