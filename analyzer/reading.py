"""What `import analyzer` gives: reading captures into answers that can show themselves.

The pipeline makes answers and knows no renderers, the renderers know no pipeline; here they meet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import parallel
from analyzer.model.table import Table

if TYPE_CHECKING:
    from analyzer.capture import Capture
    from analyzer.fleet import Fleet
    from analyzer.model.analysis import Analysis
    from analyzer.model.wants import Wants
    from analyzer.model.whatif import Replay
    from analyzer.report.explained import Explanation
    from analyzer.report.plots import Plots


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

    def whatif(self, replay: Replay, form: str) -> str:
        """Write the answer to a what-if; `form` is text or html."""
        from analyzer.report.whatif import html, text

        return html(replay) if form == "html" else "\n".join(text(replay))

    def plots(self, analysis: Analysis) -> Plots:
        """Return the plots of an answer."""
        from analyzer.report.plots import Plots

        return Plots(analysis)

    def export(self, analysis: Analysis, path: str | os.PathLike[str], to: str | None, table: str | None) -> list[Path]:
        """Write an answer for another program's viewer and return the files."""
        from analyzer.report.exports import export

        return export(analysis, path, to, table)


class Saves:
    """Writes tables by the formats of `report`, which are imported when somebody saves one."""

    def save(self, table: Table[Any], path: str | os.PathLike[str], form: str) -> None:
        """Write a table in a format of tables. Raises UsageError, MissingTool, AnalyzerError."""
        from analyzer.report.exports import save_table, tabular_of

        save_table(table, path, tabular_of(form))

    def text(self, table: Table[Any]) -> str:
        """Return a table as a person reads it in a terminal."""
        from analyzer.report.tables import render

        return "".join(render(table, "table")).rstrip("\n")


Table.saver = Saves()


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[Capture], None] | None = None,
    calls: bool = True,
    wants: Wants | None = None,
    jobs: int = 1,
) -> Analysis:
    """Analyse one or several captures (pcap or pcapng, compressed or not; `-` is standard input) as one time line.

    The folder that `analyzer batch` wrote is read as the answer over all its captures, a `Fleet`.

    `services` are rules like those of `--service` (`NAME=HOST[:PORT]`): proxies, VPC endpoints, local stand-ins. `keys` is a TLS key log
    (NSS format), by default the file that the environment variable SSLKEYLOGFILE names. `progress` is called after each block.
    Without `calls` the tables `calls` and `spans` stay empty, which saves time where nobody asks for them; `wants` says it in more
    detail.
    `jobs` processes share the connections of a large capture, 0 is one for each processor; the answer is the same, ids included.
    Raises CaptureError or UnknownFormat where nothing can be read, UsageError for a rule or key log that cannot be read.

    Captures that hold the same packets were taken at several points: their clocks are aligned (`capture.files[n].clock`; all times are
    those of the first file's clock), each call is made from the view nearest to the client, and what the other views show proves.
    """
    from analyzer import fleet

    names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if len(names) == 1 and fleet.is_batch(names[0]):
        return read_batch(names[0])
    analysis = parallel.read(names, services=services, keys=keys, progress=progress, calls=calls, wants=wants, jobs=jobs)
    analysis.renderers = Shows()
    return analysis


def read_batch(folder: str | os.PathLike[str]) -> Fleet:
    """Return the answer over all captures of a batch. Raises UnknownFormat, CaptureError where its folder is damaged."""
    from analyzer import fleet

    every = fleet.load(folder)
    every.renderers = Shows()
    return every


def stream(
    paths: Sequence[str | os.PathLike[str]],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    progress: Callable[[Capture], None] | None = None,
    wants: Wants | None = None,
) -> Analysis | None:
    """Read captures for their exchanges alone, of which only a bounded number is in memory; the other tables are as without `calls`.

    Return None for captures of several points, and for batches. Raises what `read` raises.
    """
    from analyzer import fleet, streaming
    from analyzer.model.wants import WITHOUT_CALLS

    if len(paths) == 1 and fleet.is_batch(paths[0]):
        return None  # its rows are read when they are looked at
    analysis = streaming.read(paths, services=services, keys=keys, progress=progress, wants=wants or WITHOUT_CALLS)
    if analysis is not None:
        analysis.renderers = Shows()
    return analysis
