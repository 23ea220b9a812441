"""Reads captures of AWS SDK traffic and says where every millisecond of each call went.

>>> analysis = analyzer.read("captures/cold-start.pcap")  # doctest: +SKIP
>>> analysis  # headline, findings and operations  # doctest: +SKIP
>>> analysis.explain("slowest")  # ledger and waterfall of one call  # doctest: +SKIP
>>> analysis.calls.to_pandas()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError, CaptureError, MissingTool, UnknownFormat, UsageError

if TYPE_CHECKING:
    from analyzer.batching import batch
    from analyzer.comparing import compare
    from analyzer.fleet import Fleet
    from analyzer.model.analysis import Analysis
    from analyzer.model.table import Table
    from analyzer.reading import read
    from analyzer.watching.watch import watch

__all__ = [
    "Analysis", "AnalyzerError", "CaptureError", "Fleet", "MissingTool", "Table", "UnknownFormat", "UsageError",
    "batch", "compare", "read", "watch",
]  # fmt: skip

_HOMES = {
    "batch": "analyzer.batching",
    "Fleet": "analyzer.fleet",
    "compare": "analyzer.comparing",
    "Analysis": "analyzer.model.analysis",
    "Table": "analyzer.model.table",
    "read": "analyzer.reading",
    "watch": "analyzer.watching.watch",
}


def __dir__() -> list[str]:
    """List the public names, those that are imported later included."""
    return sorted({*globals(), *__all__, "__version__"})


def __getattr__(name: str) -> Any:
    """Import the stages only when somebody needs them: `analyzer --help` does not."""
    if name == "__version__":
        from analyzer.report.document import analyzer_version

        return analyzer_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
