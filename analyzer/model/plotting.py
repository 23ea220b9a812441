"""What plots of an answer look like to whoever asks for them; how they are drawn is known to `report`."""

from __future__ import annotations

import os
from typing import Any, Protocol


class Drawing(Protocol):
    """One plot: shows itself in a notebook, can be saved, and can be worked on."""

    @property
    def figure(self) -> Any:
        """Return it as a matplotlib Figure."""
        ...

    def html(self) -> str:
        """Return it as an HTML page that needs nothing else."""
        ...

    def save(self, path: str | os.PathLike[str], *, dpi: int = 144) -> None:
        """Save it: the ending of the name says as what (.html, .svg, .png)."""
        ...

    def _repr_png_(self) -> bytes: ...


class Drawings(Protocol):
    """The plots of an answer. `since` and `until` are seconds from the start of the capture."""

    def waterfall(self, *, since: float | None = None, until: float | None = None) -> Drawing:
        """Draw calls over connections over time."""
        ...

    def phases(self, operation: str | None = None) -> Drawing:
        """Draw what slow calls are made of that fast ones are not."""
        ...

    def latency(self, operation: str | None = None, *, since: float | None = None, until: float | None = None) -> Drawing:
        """Draw durations over time."""
        ...

    def pool(self, *, since: float | None = None, until: float | None = None) -> Drawing:
        """Draw open and busy connections over time."""
        ...

    def tail(self) -> Drawing:
        """Draw the slowest percent of each operation beside its median."""
        ...
