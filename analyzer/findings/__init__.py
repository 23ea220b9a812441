"""Everything -> findings: one rule a file in `rules`, found by being there; and what would be without them (`whatif`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings.pool import pools
from analyzer.findings.registry import check, rules

if TYPE_CHECKING:
    from analyzer.model.analysis import Analysis
    from analyzer.model.whatif import Replay, Wishes

__all__ = ["check", "imagine", "pools", "rules"]


def imagine(analysis: Analysis, wishes: Wishes) -> Replay:
    """Replay the calls with causes removed."""
    from analyzer.findings.whatif import replay

    return replay(analysis, wishes)
