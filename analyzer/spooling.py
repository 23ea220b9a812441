"""Exchanges on their way out, where there are too many to be held: what is over is kept on disk until the rows are written in order.

Only at the end of a capture is it known what a row says in full (of which connection it is a copy, whose name led to it), and an exchange
that lasts long has a lower id than many that ended before it. So rows wait, with the columns only that somebody will look at, and beyond a
fixed number of them packed, in a file without a name that only its owner may read, however long the capture is.
"""

from __future__ import annotations

import pickle
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias, overload
from weakref import finalize

from analyzer.model.rows import Exchange
from analyzer.model.table import Table

Row: TypeAlias = tuple[Any, ...]
MOST_HELD = 1 << 17
"""Rows in memory, of about 1.2 KB each with all columns; fewer than these never see the disk."""
CHUNK = 2048
"""Rows that are packed together."""
DRESSED = (
    "exchange_id", "connection_id", "service", "sdk", "evidence", "status", "closes", "request_start_ns", "response_start_ns",
    "response_end_ns", "response_start_packet_id",
)  # fmt: skip
"""Columns by which the end of a capture changes rows (see `streaming`). The first two come first in every row."""
_ID = itemgetter(0)


class Spool:
    """Takes exchanges in the order in which they end, and gives them back in the order of their ids.

    Of `columns` and those that it takes to dress a row; the others are None then. None: of all.
    """

    def __init__(self, columns: Collection[str] | None = None, held: int | None = None) -> None:
        fields = Exchange._fields
        kept = fields if columns is None else tuple(dict.fromkeys([*DRESSED, *(name for name in fields if name in columns)]))
        self._most = MOST_HELD * len(fields) // len(kept) if held is None else held
        self._slim: Callable[[Row], Row] = itemgetter(*map(fields.index, kept)) if columns is not None else tuple
        at = {name: place for place, name in enumerate(kept)}
        self._fill: Callable[[Row], Row] = itemgetter(*(at.get(name, len(kept)) for name in fields))
        self._rows: list[Row] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the object
        finalize(self, self._file.close)
        self._chunks: list[tuple[int, int, int]] = []
        """Lowest id, offset and size of each."""
        self.counts: Counter[int] = Counter()
        """Exchanges by connection."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, row: Exchange) -> None:
        """Take an exchange."""
        rows = self._rows
        rows.append(self._slim(row))
        if len(rows) >= self._most:
            rows.sort(key=_ID)
            for start in range(0, len(rows), CHUNK):
                self._put(rows[start : start + CHUNK])
            rows.clear()

    def _put(self, rows: list[Row]) -> None:
        self._count(rows)
        packed = pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)
        self._chunks.append((rows[0][0], self._file.seek(0, 2), len(packed)))
        self._file.write(packed)

    def _count(self, rows: list[Row]) -> None:
        self.counts.update(row[1] for row in rows)
        self._length += len(rows)

    def close(self) -> None:
        """Learn that no more come."""
        self._rows.sort(key=_ID)
        self._count(self._rows)

    def batches(self) -> Iterator[list[Exchange]]:
        """Yield all exchanges in order of their ids, some at a time, once it is closed."""
        order = sorted(self._chunks)
        bounds = [first for first, _, _ in order[1:]]
        waiting = list(self._rows)
        for index, (_, offset, size) in enumerate(order):
            self._file.seek(offset)
            waiting += pickle.loads(self._file.read(size))
            waiting.sort(key=_ID)
            if index < len(bounds):
                ready = bisect_left(waiting, bounds[index], key=_ID)
                yield self._whole(waiting[:ready])
                del waiting[:ready]
        for start in range(0, len(waiting), CHUNK):
            yield self._whole(waiting[start : start + CHUNK])

    def _whole(self, rows: list[Row]) -> list[Exchange]:
        make, fill = tuple.__new__, self._fill
        return [make(Exchange, fill((*row, None))) for row in rows]

    def on(self, connections: Container[int]) -> list[Exchange]:
        """Return the exchanges of a few connections."""
        return [row for rows in self.batches() for row in rows if row[1] in connections]


class Spooled(Table[Exchange]):
    """The table of exchanges of a spool, to be gone through from its first row to its last."""

    def __init__(self, spool: Spool, dress: Callable[[list[Exchange]], list[Exchange]]) -> None:
        super().__init__("exchanges", Exchange)
        self._spool = spool
        self._dress = dress
        self._ahead: Iterator[Exchange] = iter(())
        self._at = 0

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Exchange]:
        for rows in self._spool.batches():
            yield from self._dress(rows)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> Table[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | Table[Exchange]:
        """Return rows; those that follow the last ones cost nothing extra."""
        if not isinstance(index, slice):
            return self[index : index + 1 or len(self)][0]
        start, stop, step = index.indices(len(self))
        if start != self._at or start == 0:
            self._ahead, self._at = iter(self), 0
        taken = list(islice(self._ahead, start - self._at, max(start, stop) - self._at))
        self._at = max(start, stop)
        return Table(self.name, self.row_type, taken[::step])
