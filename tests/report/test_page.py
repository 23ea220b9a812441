"""The report page as text: one file, a policy that fits it, nothing from packets in it as markup, its library as it was shipped."""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analyzer.model.analysis import Analysis
from analyzer.report.page import HtmlRenderer
from analyzer.report.page.renderer import HERE, SCRIPTS, asset, library, script, style
from analyzer.report.page.sections import safe
from analyzer.report.tail import tails
from tests.factory import analysis, call, connection, finding
from tests.report.made import nasty, waited

ECHARTS = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"
"""SHA-256 of dist/echarts.min.js in the npm package echarts 6.1.0."""
VOID = {"meta", "input", "br"}


class Document(HTMLParser):
    """Collects elements with their attributes and the text inside; fails where they do not nest."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.inside[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(about: Analysis) -> Document:
    return Document("".join(HtmlRenderer(names=("a b.pcap",)).render(about)))


@pytest.mark.parametrize("make", [waited, nasty, lambda: analysis([], [])])
def test_the_policy_names_exactly_what_runs(make: Callable[[], Analysis]) -> None:
    found = page(make())
    (policy,) = [one["content"] for one in found.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}

    def fingerprints(texts: list[str]) -> list[str]:
        return [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]

    kinds = [one.get("type") for one in found.all("script")]
    running = [text for text, kind in zip(found.inside["script"], kinds, strict=True) if kind is None]
    assert rules["script-src"].split() == fingerprints(running)
    assert rules["style-src"].split() == fingerprints(found.inside["style"])
    assert set(kinds) == {None, "application/json", "text/plain"}


@pytest.mark.parametrize("make", [waited, nasty])
def test_nothing_is_loaded_and_nothing_runs_from_attributes(make: Callable[[], Analysis]) -> None:
    for tag, attributes in page(make()).elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "form", "base")
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset", "action", "formaction")}
        assert attributes.get("href", "#").startswith("#")


def test_hostile_text_is_no_markup() -> None:
    usual, hostile = page(waited()), page(nasty())
    assert {tag for tag, _ in hostile.elements} <= {tag for tag, _ in usual.elements} | {"caption", "em"}
    assert len(hostile.all("script")) == 4
    markup = "".join(HtmlRenderer().render(nasty()))
    assert not {"\x1b", "\x9b", "\u202e"} & set(markup.replace(library(), ""))
    for text in hostile.inside["script"][:1]:
        assert "<" not in text
        json.loads(text)


def test_the_page_holds_headline_findings_ledger_and_the_slowest() -> None:
    found = page(waited())
    text = " ".join(found.inside["main"])
    for part in (
        "PutObject took 4058 ms; 4030 ms of it waited for credentials (96 % of all call time).",
        "IMDS hop limit",
        "Raise the hop limit to 2.",
        "s3 PutObject",
        "not waited for",
        "dropped while capturing",
    ):
        assert part in text
    opened = {one["id"]: "open" in one for one in found.all("details") if one["class"].startswith("finding")}
    assert opened == {"finding-0": True, "finding-1": False}, "what costs next to nothing is closed"
    assert {one["href"] for one in found.all("a")} >= {"#call=0", "#findings", "#quality"}


def test_each_picture_has_a_heading_and_each_control_a_name() -> None:
    found = page(waited())
    sections = found.all("section")
    headings = {one["id"] for one in found.all("h2")}
    assert {one["aria-labelledby"] for one in sections} == headings
    names = {one.get("aria-label") for tag in ("svg", "nav") for one in found.all(tag)}
    assert None not in names
    ids = [one["id"] for _, one in found.elements if "id" in one]
    assert len(ids) == len(set(ids))
    assert {one["href"] for one in found.all("a") if one["href"] in {f"#{s['id']}" for s in sections}}


def test_tails_are_told_and_limited() -> None:
    rows = [call(number, duration_ns=20_000_000 + number, operation=f"Operation{number % 14}") for number in range(14 * 12)]
    about = analysis([connection()], calls=rows)
    assert len(tails(about)) == 14
    found = page(about)
    assert len([one for one in found.all("details") if one["class"] == "tail"]) == 12
    assert "2 more operations not shown" in " ".join(found.inside["main"])


def test_safe() -> None:
    assert safe('<a href="x">&\'\x1b') == "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;\\x1b"
    assert safe("\ud800") == "\\ud800"


def test_severity_and_codes_cannot_leave_their_attributes() -> None:
    mark = '"><script>alert(1)</script>'
    found = page(analysis(check=lambda _: [finding(severity=mark, code=mark, title=mark)]))
    assert len(found.all("script")) == 4


def test_the_library_is_the_one_its_project_ships() -> None:
    assert sha256((HERE / "vendored" / "echarts.min.js").read_bytes()).hexdigest() == ECHARTS
    assert (
        library().startswith("\n/*\n* Licensed to the Apache Software Foundation")
        or library().startswith("/*")
        or "Apache" in library()[:300]
    )
    assert "</script" not in library().lower()


def test_its_licences_go_with_it(root: Path) -> None:
    names = tomllib.loads((root / "pyproject.toml").read_text())["project"]["license-files"]
    listed = {path.name for pattern in names for path in root.glob(pattern)}
    assert listed >= {"LICENSE", "NOTICE", "LICENSE-d3"}
    assert "Apache License" in (HERE / "vendored" / "LICENSE").read_text()
    assert "The Apache Software Foundation" in (HERE / "vendored" / "NOTICE").read_text()
    assert "Apache ECharts" in asset("footer.html")


def test_our_scripts_make_no_markup_from_text() -> None:
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        'setTimeout("',
        "fetch(",
        "XMLHttpRequest",
    ):
        assert word not in script(), word
    assert "</" not in script(), "a script element would end there"
    assert "</" not in style()
    assert not re.search(r"url\(|@import", style())


def test_our_files_stay_short() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in (HERE / "assets").iterdir()}
    assert {f"{name}.js" for name in SCRIPTS} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size > 350} == {}
