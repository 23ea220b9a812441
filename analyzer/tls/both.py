"""One direction whose records are read with keys and, to measure inference, also without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.model.seams import End
from analyzer.tls._records import Record

if TYPE_CHECKING:
    from analyzer.tls.session import Session
    from analyzer.tls.side import Side


class Both:
    """Hands everything to a session and to its twin, as long as it has one. Implements `_records.Taker`."""

    __slots__ = ("_client", "_own", "_session")

    def __init__(self, session: Session, *, client: bool) -> None:
        self._session = session
        self._client = client
        self._own = session.client if client else session.server

    def wants(self, kind: int) -> bool:
        """See `_records.Taker`."""
        return self._own.wants(kind)

    def take(self, record: Record) -> None:
        """See `_records.Taker`."""
        self._own.take(record)
        other = self._other()
        if other is not None:
            other.take(record)

    def holed(self, kind: int, beginning: bytes) -> None:
        """See `_records.Taker`."""
        self._own.holed(kind, beginning)
        other = self._other()
        if other is not None:
            other.holed(kind, beginning)

    def lost(self, offset: int) -> None:
        """See `_records.Taker`."""
        self._own.lost(offset)
        other = self._other()
        if other is not None:
            other.lost(offset)

    def found(self, offset: int) -> None:
        """See `_records.Taker`."""
        self._own.found(offset)
        other = self._other()
        if other is not None:
            other.found(offset)

    def ended(self, cut: Record | None, how: End) -> None:
        """See `_records.Taker`."""
        self._own.ended(cut, how)
        other = self._other()
        if other is not None:
            other.ended(cut, how)

    def _other(self) -> Side | None:
        twin = self._session.twin
        if twin is None:
            return None
        return twin.client if self._client else twin.server
