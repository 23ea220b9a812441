"""How several processes share one capture: each reads all of it, numbers all connections and follows those that are its own."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from analyzer.units import ConnectionId

Moment: TypeAlias = tuple[int, int, int, int]
"""A place in the order of a pass: the packet, the step within it, and two numbers that order what one step does to several connections.

The same in every process, so that what they did can be put into the order in which one alone would have done it.
"""


class Share(NamedTuple):
    """One of `of` parts of the connections of a capture, numbered from 0."""

    number: int
    of: int

    def owns(self, connection_id: ConnectionId) -> bool:
        """Tell whether a connection belongs to this part: they are dealt out in turn."""
        return connection_id % self.of == self.number
