"""What `import analyzer` gives: reading captures into answers that can show themselves.

The pipeline makes answers and knows no renderers, the renderers know no pipeline; here they meet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer import pipeline

if TYPE_CHECKING:
    from analyzer.capture import Capture
    from analyzer.model.analysis import Analysis
    from analyzer.report.explained import Explanation


class Shows:
    """Shows answers by the renderers of `report`, which are imported when somebody looks."""

    def lines(self, analysis: Analysis) -> str:
        """Return an answer in a few lines for a terminal."""
        from analyzer.report.terminal import brief

        return "\n".join(brief(analysis))

    def card(self, analysis: Analysis) -> str:
        """Return the summary card of an answer as HTML."""
        from analyzer.report.html import card

        return card(analysis)

    def explain(self, analysis: Analysis, call: int | str) -> Explanation:
        """Return the ledger and waterfall of one call. Raises UsageError where there is no such call."""
        from analyzer.report.explained import Explanation

        return Explanation(analysis, call)


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[Capture], None] | None = None,
    calls: bool = True,
) -> Analysis:
    """Analyse one or several captures (pcap or pcapng, compressed or not; `-` is standard input) as one time line.

    `services` are rules like those of `--service` (`NAME=HOST[:PORT]`): proxies, VPC endpoints, local stand-ins. `keys` is a TLS key log
    (NSS format), by default the file that the environment variable SSLKEYLOGFILE names. `progress` is called after each block.
    Without `calls` the tables `calls` and `spans` stay empty, which saves time where nobody asks for them.
    Raises CaptureError or UnknownFormat where nothing can be read, UsageError for a rule or key log that cannot be read.
    """
    analysis = pipeline.read(paths, services=services, keys=keys, progress=progress, calls=calls)
    analysis.renderers = Shows()
    return analysis
