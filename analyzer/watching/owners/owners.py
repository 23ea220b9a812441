"""Whose connection: heard of by a listener when its SYN is sent, else asked of the kernel when it is seen; then remembered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import OrderedDict

from analyzer.capture.live import entered
from analyzer.errors import AnalyzerError
from analyzer.watching.owners.processes import Processes
from analyzer.watching.owners.sockets import SocketTable
from analyzer.watching.owners.syns import Ends
from analyzer.watching.rows import NOBODY, Owner

MOST_HEARD = 20_000
"""Connections whose owner is remembered."""
PIECE = 1 << 16
LISTENER = [sys.executable, "-m", "analyzer.watching.owners.listening"]
ENDS_S = 2.0


class Owners:
    """Knows the owners of local connections. Never raises: what the kernel does not tell is null.

    `netns` is the network namespace that is watched. Without `listen` the kernel is asked only when a connection is asked for.
    """

    def __init__(self, netns: str | None = None, *, listen: bool = True) -> None:
        self._processes = Processes()
        self._known: OrderedDict[Ends, Owner] = OrderedDict()
        self._table: SocketTable | None = None
        self._listener: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self.trouble: str | None = None
        """Why owners cannot be told, or only those of connections that live long enough; None where they can."""
        try:
            with entered(netns):
                self._table = SocketTable()
                if listen:
                    self._listener = subprocess.Popen(
                        LISTENER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
                    )  # fmt: skip
            if self._listener is not None and self._listener.stdout is not None:
                os.set_blocking(self._listener.stdout.fileno(), False)
        except (OSError, AnalyzerError) as error:
            self.trouble = str(error)

    def of(self, client: tuple[bytes, int], server: tuple[bytes, int]) -> Owner:
        """Return the owner of the client's end of a connection."""
        self._hear()
        found = self._known.get((client, server))
        if found is None:
            inode = self._table.inode(client, server) if self._table is not None else None
            found = self._processes.holder(inode) if inode is not None else None
            self._remember((client, server), found or NOBODY)
        return found or NOBODY

    def heard(self, client: tuple[bytes, int], server: tuple[bytes, int]) -> Owner:
        """Return the owner of a connection as far as it was heard of meanwhile, without asking again."""
        self._hear()
        return self._known.get((client, server), NOBODY)

    def close(self) -> None:
        """Stop listening and asking."""
        if self._listener is not None:
            self._listener.terminate()
            try:
                self._listener.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                self._listener.kill()
                self._listener.wait()
            if self._listener.stdout is not None:
                self._listener.stdout.close()
            self._listener = None
        if self._table is not None:
            self._table.close()
            self._table = None

    def _hear(self) -> None:
        """Take what the listener has written since the last time."""
        if self._listener is None or self._listener.stdout is None:
            return
        while True:
            try:
                piece = os.read(self._listener.stdout.fileno(), PIECE)
            except BlockingIOError:
                return
            except OSError:
                piece = b""
            if not piece:
                return
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "ends" in said:
                    client, client_port, server, server_port = said["ends"]
                    ends = ((bytes.fromhex(client), client_port), (bytes.fromhex(server), server_port))
                    self._remember(ends, Owner(*said["owner"]))
                elif "trouble" in said:
                    self.trouble = f"connections that live for milliseconds are missed: {said['trouble']}"

    def _remember(self, ends: Ends, owner: Owner) -> None:
        # Ports are used again: the latest owner is the one.
        self._known.pop(ends, None)
        self._known[ends] = owner
        while len(self._known) > MOST_HEARD:
            self._known.popitem(last=False)
