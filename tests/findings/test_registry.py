"""Rules are found by being there; a broken one fails when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from analyzer import findings
from analyzer.findings import registry
from analyzer.findings.rule import MOST_PACKETS, MOST_STREAMS, Rule, streams_filter
from analyzer.model.finding import SEVERITIES
from tests.factory import MS, analysis
from tests.findings.dialogues import answer, hop_limit

GOOD = '''"""Nothing is wrong."""
from analyzer.findings.rule import Rule
RULE = Rule("made-up", "Made up", "{severity}", "Nothing", "None.", ())
def check(analysis):
    yield RULE.finding("Seen.", cost_ns=5, confidence="proven")
'''


@pytest.fixture
def more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of rules beside the real one."""
    folder = import_module("analyzer.findings.rules")  # by name: the package's attribute of that name is the function
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    registry.rules.cache_clear()
    yield tmp_path
    registry.rules.cache_clear()
    monkeypatch.undo()
    import sys

    for name in [name for name in sys.modules if name.startswith("analyzer.findings.rules.made_up")]:
        del sys.modules[name]


def test_the_rules_of_today() -> None:
    codes = [loaded.rule.code for loaded in findings.rules()]
    assert {"capture-incomplete", "cold-connection", "connection-not-reused", "secrets-in-clear"} <= set(codes)
    assert {"imds-hop-limit", "imds-slow", "imds-token-refused", "imds-token-required"} <= set(codes)
    assert {"imds-unreachable", "imds-v1-fallback", "credentials-refresh-stall"} <= set(codes)
    assert codes == sorted(codes)


@pytest.mark.parametrize("loaded", findings.rules(), ids=lambda loaded: loaded.rule.code)
def test_each_rule_explains_itself(loaded: registry.Loaded) -> None:
    assert loaded.explanation
    assert all((loaded.rule.name, loaded.rule.summary, loaded.rule.remedy, loaded.rule.references))
    assert loaded.rule.severity in SEVERITIES


def test_a_new_file_is_a_new_rule(more: Path) -> None:
    (more / "made_up.py").write_text(GOOD.format(severity="info"))
    assert "made-up" in [loaded.rule.code for loaded in findings.rules()]
    assert [row.code for row in findings.check(analysis([], []))] == ["made-up"]


@pytest.mark.parametrize(
    "source",
    [
        '"""No rule."""\n',
        '"""No function."""\n' + GOOD.format(severity="info").split("def check")[0],
        GOOD.format(severity="deadly"),
        GOOD.format(severity="info").replace('"made-up"', '"other-code"'),
        '"""Not a rule."""\nRULE = "made-up"\ndef check(analysis):\n    return []\n',
    ],
)
def test_a_broken_rule_fails_when_loaded(more: Path, source: str) -> None:
    (more / "made_up.py").write_text(source)
    with pytest.raises(TypeError, match="made_up"):
        findings.rules()


def test_findings_come_dearest_first() -> None:
    found = findings.check(answer(hop_limit(tries=2), complete=False))
    codes = [row.code for row in found]
    assert codes[0] == "imds-hop-limit"
    assert found[0].cost_ns == 2202 * MS
    order = [(-row.cost_ns, -SEVERITIES.index(row.severity), row.code) for row in found]
    assert order == sorted(order)
    # All three cost nothing: a warning comes before what is only good to know.
    assert [code for code in codes if code in ("imds-v1-fallback", "capture-incomplete", "secrets-in-clear")] == [
        "imds-v1-fallback",
        "capture-incomplete",
        "secrets-in-clear",
    ]


RULE = Rule("code", "Name", "info", "summary", "remedy", ("RFC",))


def test_a_finding_takes_the_words_of_its_rule() -> None:
    row = RULE.finding(
        "It is so.", cost_ns=3, confidence="likely", exchanges=[1], connections=[4, 4], packet_ids=[3, None, 3, 1], decides="this"
    )
    assert (row.code, row.severity, row.title, row.remedy, row.references) == ("code", "info", "Name", "remedy", ("RFC",))
    assert (row.connections, row.packet_ids, row.exchanges, row.calls) == ((4,), (3, 1), (1,), ())
    assert (row.display_filter, row.decides) == ("tcp.stream == 4", "this")
    assert len(RULE.finding("x", cost_ns=0, confidence="proven", packet_ids=range(1000)).packet_ids) == MOST_PACKETS


@pytest.mark.parametrize(
    "connections, shown",
    [
        ([], ""),
        ([7], "tcp.stream == 7"),
        ([1, 0], "tcp.stream in {0, 1}"),
        ([3, 1, 2, 3], "tcp.stream in {1..3}"),
        ([0, 1, 2, 5, 7, 8], "tcp.stream in {0..2, 5, 7, 8}"),
        (range(0, 1000, 2), f"tcp.stream in {{{', '.join(map(str, range(0, 2 * MOST_STREAMS, 2)))}}}"),
    ],
)
def test_display_filters(connections: list[int], shown: str) -> None:
    assert streams_filter(connections) == shown
