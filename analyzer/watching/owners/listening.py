"""A program of its own that hears of new connections and asks at once whose they are; it writes a line for each to standard output.

It is started as `python -m analyzer.watching.owners.listening` in the network namespace that is watched, and ends with whoever reads it.
Of its own, because a short-lived connection is over in a millisecond, and a thread would have to wait for its turn.
"""

from __future__ import annotations

import json
import os
import sys

from analyzer.watching.owners.processes import Processes
from analyzer.watching.owners.sockets import SocketTable
from analyzer.watching.owners.syns import Syns

NICE = -15
"""A connection of a few milliseconds must be looked at before others have had their turns."""


def main() -> int:
    """Listen until nobody reads any more. Returns 1 where listening is not allowed."""
    try:
        table, syns = SocketTable(), Syns()
    except OSError as error:
        sys.stdout.write(json.dumps({"trouble": error.strerror or str(error)}) + "\n")
        return 1
    try:
        os.nice(NICE)
    except OSError:
        pass  # an ordinary user may not: then it takes its turn like others
    processes = Processes()
    out = sys.stdout.fileno()
    os.write(out, b"{}\n")
    parent = os.getppid()
    for client, server in syns.heard():
        if os.getppid() != parent:
            return 0  # whoever started it is gone, and did not say so
        if client is None or server is None:
            continue
        inode = table.inode(client, server)
        owner = processes.holder(inode) if inode is not None else None
        if owner is not None:
            ends = [client[0].hex(), client[1], server[0].hex(), server[1]]
            try:
                os.write(out, json.dumps({"ends": ends, "owner": owner}).encode() + b"\n")
            except BrokenPipeError:
                return 0
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
