"""A comparison as one JSON document, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from analyzer.model.comparison import Comparison
from analyzer.report.document import analyzer_version

SCHEMA = "analyzer/compare/1"


def document(comparison: Comparison, gates: Sequence[dict[str, object]] = ()) -> Iterator[str]:
    """Yield one JSON document: sentences, and every table with times in ns."""
    sides = {
        word: {
            "name": side.name,
            "calls": side.calls,
            "dialogues": side.dialogues,
            "total_ns": side.total_ns,
            "vantage": side.vantage,
            "saved": side.saved,
            "version": side.version,
        }
        for word, side in (("before", comparison.before), ("after", comparison.after))
    }
    tables = (comparison.operations, comparison.differences, comparison.unmatched, comparison.findings, comparison.facts)
    made = {
        "schema": SCHEMA,
        "analyzer_version": analyzer_version(),
        **sides,
        "noun": comparison.noun,
        "verdict": comparison.verdict,
        "warnings": comparison.warnings,
        "same": comparison.same,
        "changed": comparison.changed,
        "tests": comparison.tests,
        "gates": list(gates),
        **{one.name: one.to_dicts() for one in tables},
    }
    yield json.dumps(made, indent=1)
    yield "\n"
