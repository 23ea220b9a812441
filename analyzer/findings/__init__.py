"""Everything -> findings: one rule a file in `rules`, found by being there."""

from analyzer.findings.registry import check, rules

__all__ = ["check", "rules"]
