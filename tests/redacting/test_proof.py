"""The proof fails where it must: an answer that differs, a secret that stayed in any encoding."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import analyzer
from analyzer import UsageError
from analyzer.model.rows import Call, Connection
from analyzer.model.table import Table
from analyzer.redacting import prove, redact, sharing
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.proving import compare
from analyzer.redacting.searching import Search

SECRET = b"AKIAIOSFODNN7EXAMPLE"


def search() -> Search:
    disguise = Disguise(b"key")
    disguise.word(SECRET)
    disguise.addresses.ip(bytes((10, 200, 30, 40)))
    return Search(disguise)


@pytest.mark.parametrize(
    "form, how",
    [
        (bytes, "as it is"),
        (bytes.lower, "in another case"),
        (lambda word: word.hex().encode(), "in hexadecimal"),
        (lambda word: word.hex().upper().encode(), "in hexadecimal"),
        (lambda word: base64.b64encode(word), "in base64"),
        (lambda word: base64.b64encode(b"x" + word), "in base64"),
        (lambda word: base64.b64encode(b"xy" + word + b"z"), "in base64"),
        (lambda word: base64.urlsafe_b64encode(b"user:" + word), "in base64"),
        (lambda word: word.decode().encode("utf-16-le"), "in UTF-16"),
        (lambda word: word.decode().encode("utf-16-be"), "in UTF-16"),
        (lambda word: b"10.200.30.40", "as an address"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 5, 1000, 1 << 20])
def test_a_secret_is_found_in_every_encoding(form: Callable[[bytes], bytes], how: str, before: int) -> None:
    data = b"." * before + form(SECRET) + b"." * 33
    found = list(search().chunks(data[at : at + 4096] for at in range(0, len(data), 4096)))
    assert found
    assert all(how in line for line in found)
    assert not any("AKIA" in line.upper() for line in found), "what was found is not repeated"


def test_nothing_is_found_where_nothing_is() -> None:
    assert list(search().chunks([bytes(5000), b"AKIAIOSFODNN7EXAMPL", b"10.200.30.4"])) == []


def test_what_is_public_is_no_secret() -> None:
    disguise = Disguise(b"key")
    disguise.word(b"application")
    disguise.keep(b"application/json")
    assert list(Search(disguise).chunks([b"application"])) == []


def test_a_packet_that_stayed_is_found(bundled: Path, tmp_path: Path) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    _, disguise = redact(source, target)
    with target.open("ab") as file:
        file.write(source.read_bytes()[-2000:])
    before = analyzer.read(source)
    proof = prove(target, disguise, before, lambda: before)
    assert proof.found


def test_a_file_with_a_secret_in_it_is_removed(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = bundled / "cold-start.pcap", tmp_path / "out.pcapng"
    whole = redact

    def careless(path: Path, made: Path, disguise: Disguise | None) -> object:
        done, used = whole(path, made, disguise)
        used.word(b"AmazonawsVisible")
        with made.open("ab") as file:
            file.write(b"AmazonawsVisible")
        return done, used

    monkeypatch.setattr(sharing, "redact", careless)
    done = sharing.share(source, target)
    assert any("a word that was replaced stands as it is" in doubt for doubt in done.doubts)
    assert not target.exists()


def test_each_difference_is_told(bundled: Path) -> None:
    before = analyzer.read(bundled / "cold-start.pcap")
    calls = [row._replace(wait_ns=row.wait_ns + 1) if row.call_id == 3 else row for row in before.calls]
    assert any("calls: row 3: wait_ns" in line for line in compare(before, replace(before, calls=Table("calls", Call, calls))))
    fewer = replace(before, calls=Table("calls", Call, list(before.calls)[1:]))
    assert "calls: 20 rows became 19" in compare(before, fewer)
    merged = [row._replace(server_address="10.9.9.9", client_address="10.9.9.9") for row in before.connections]
    moved = replace(before, connections=Table("connections", Connection, merged))
    assert any("does not stand for one thing" in line for line in compare(before, moved))
    quiet = replace(before, check=lambda _: ())
    quiet._findings = None
    assert any(line.startswith("findings: cold-connection is gone") for line in compare(before, quiet))
    assert list(compare(before, before)) == []


def test_rules_for_services_are_disguised_too(tmp_path: Path, bundled: Path) -> None:
    disguise = Disguise(b"key")
    assert sharing._rule("dynamodb=localhost:8000", disguise) == "dynamodb=localhost:8000"
    made = sharing._rule("dynamodb=proxy.acme.example:3128", disguise)
    assert made.startswith("dynamodb=")
    assert made.endswith(".example:3128")
    assert "acme" not in made
    assert sharing._rule("dynamodb=10.0.0.5:8000", disguise).split("=")[1].startswith("10.")


def test_the_original_is_not_written_over(bundled: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.pcap"
    source.write_bytes((bundled / "cold-start.pcap").read_bytes())
    for target, words in ((source, "is the capture itself"), (tmp_path, "is a directory"), (tmp_path / "no" / "x", "does not exist")):
        with pytest.raises(UsageError, match=words):
            redact(source, target)
    assert source.read_bytes() == (bundled / "cold-start.pcap").read_bytes()
