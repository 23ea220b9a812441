"""Which socket has these two ends: one question to the kernel's socket diagnosis (sock_diag(7)), 20 µs, instead of a table of all."""

from __future__ import annotations

import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
ALL_STATES = 0xFFFFFFFF
NO_COOKIE = 0xFFFFFFFF
REQUEST = struct.Struct("=IHHII BBBBI")
"""nlmsghdr, then the head of inet_diag_req_v2: family, protocol, extensions, padding, states."""
SOCKET_ID = struct.Struct("!HH16s16s")
AFTER_ID = struct.Struct("=III")
"""Interface and cookie of inet_diag_sockid."""
HEADER = 16
INODE_AT = HEADER + 4 + 48 + 16
"""In inet_diag_msg: four bytes, the socket's id, then expiry, two queues and the user id before the inode."""
MAPPED = bytes(10) + b"\xff\xff"
"""Before an IPv4 address in a socket that speaks both (RFC 4291 section 2.5.5.2); Java's and Go's sockets do."""


class SocketTable:
    """Asks the kernel for sockets of the network namespace in which it was made. Raises OSError where the kernel has no such diagnosis."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        self._netlink.settimeout(0.2)
        self._number = 0

    def inode(self, local: tuple[bytes, int], remote: tuple[bytes, int]) -> int | None:
        """Return the inode of the TCP socket with these ends (address, port); None where there is none any more, or nobody holds it."""
        if len(local[0]) == 16:
            return self._ask(socket.AF_INET6, local, remote)
        found = self._ask(socket.AF_INET, local, remote)
        if found is not None:
            return found
        return self._ask(socket.AF_INET6, (MAPPED + local[0], local[1]), (MAPPED + remote[0], remote[1]))

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def _ask(self, family: int, local: tuple[bytes, int], remote: tuple[bytes, int]) -> int | None:
        self._number += 1
        ends = SOCKET_ID.pack(local[1], remote[1], local[0].ljust(16, b"\0"), remote[0].ljust(16, b"\0"))
        size = REQUEST.size + len(ends) + AFTER_ID.size
        head = REQUEST.pack(
            size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, self._number, 0, family, socket.IPPROTO_TCP, 0, 0, ALL_STATES
        )  # fmt: skip
        try:
            self._netlink.send(head + ends + AFTER_ID.pack(0, NO_COOKIE, NO_COOKIE))
            while True:
                answer = self._netlink.recv(4096)
                if len(answer) >= HEADER and struct.unpack_from("=I", answer, 8)[0] == self._number:
                    break
        except OSError:
            return None
        kind = struct.unpack_from("=H", answer, 4)[0]
        if kind == NLMSG_ERROR or len(answer) < INODE_AT + 4:
            return None
        inode: int = struct.unpack_from("=I", answer, INODE_AT)[0]
        return inode or None
