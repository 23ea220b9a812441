"""`analyzer.read` gives answers that show themselves; made by hand they say what they hold and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.errors import UsageError
from analyzer.narrow import Filter, apply
from tests.factory import analysis


@pytest.fixture(scope="module")
def cold(bundled: Path) -> analyzer.Analysis:
    return analyzer.read(bundled / "cold-start.pcap")


def test_an_answer_is_a_few_lines_in_a_terminal(cold: analyzer.Analysis) -> None:
    lines = repr(cold).splitlines()
    assert "cold-start.pcap: 178 packets, 67.0 KB" in repr(cold).replace("\n", " ")
    assert "20 calls" in repr(cold)
    assert 3 <= len(lines) <= 12


def test_an_answer_is_a_card_in_a_notebook(cold: analyzer.Analysis) -> None:
    markup = cold._repr_html_()
    assert markup is not None
    assert markup.startswith("<div ")
    assert "Query" in markup
    assert "<script" not in markup


def test_a_call_is_explained(cold: analyzer.Analysis) -> None:
    assert str(cold.explain(3)).startswith("call 3: dynamodb Query")
    assert str(cold.explain()) == str(cold.explain("slowest"))
    assert "<table>" in cold.explain(3)._repr_html_()
    with pytest.raises(UsageError, match="there is no call 20: 20 calls, numbered from 0 to 19"):
        cold.explain(20)


def test_a_part_of_an_answer_shows_itself_too(cold: analyzer.Analysis) -> None:
    part = apply(cold, Filter(frozenset(), frozenset(), None, None, frozenset({3})))
    assert "Only connection 3." in repr(part)
    assert part._repr_html_() is not None


def test_without_calls_there_are_none(bundled: Path) -> None:
    bare = analyzer.read(bundled / "cold-start.pcap", calls=False)
    assert (len(bare.calls), len(bare.spans), len(bare.exchanges)) == (0, 0, 20)
    assert {row.call_id for row in bare.exchanges} == {None}


def test_an_answer_made_by_hand_says_what_it_holds() -> None:
    made = analysis()
    assert repr(made) == "<Analysis of made-up.pcap: 100 packets, 1 connections, 1 exchanges, 0 calls>"
    assert made._repr_html_() is None
    with pytest.raises(UsageError, match="made without renderers"):
        made.explain(0)
