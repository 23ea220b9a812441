"""A packet socket of our own (packet(7)) for hosts without dumpcap and tcpdump: opened by scapy, which compiles the filter, read by us.

scapy's own receive loop would lose the nanoseconds, the true length of cut packets and, with its small buffer, packets.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterator

from analyzer.capture.live.netns import entered
from analyzer.capture.live.programs import no_permission
from analyzer.capture.live.wanted import Wanted
from analyzer.errors import AnalyzerError, CaptureError, MissingTool, UsageError
from analyzer.model.capture import CaptureFile, CaptureInfo, Interface
from analyzer.model.seams import Block
from analyzer.units import SECOND

SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
SO_RCVBUFFORCE, SO_ATTACH_FILTER, SO_TIMESTAMPNS = 33, 26, 35
MSG_TRUNC, MSG_DONTWAIT = 0x20, 0x40
ETH_P_ALL = 3
PACKET_OUTGOING = 4
VLAN_VALID, VLAN_TPID_VALID = 0x10, 0x40
ETHERNET, RAW_IP, COOKED_2 = 1, 101, 276
"""LINKTYPE_ values (https://www.tcpdump.org/linktypes.html)."""
ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE, ARPHRD_RAWIP = 1, 772, 65534, 519
LINK_TYPES = {ARPHRD_ETHER: ETHERNET, ARPHRD_LOOPBACK: ETHERNET, ARPHRD_NONE: RAW_IP, ARPHRD_RAWIP: RAW_IP}
"""Hardware type of an interface (linux/if_arp.h) -> what its packets look like."""
FILTER_RAW_IP = 12
"""DLT_RAW: a socket without link layer shows packets from their network header on."""
MOST_BYTES, MOST_PACKETS = 512 * 1024, 4096
"""Size of a block; the first packet of one waits for nobody, so that these only bound what a busy interface puts into one."""
TIMESPEC = struct.Struct("ll")
AUXDATA = struct.Struct("=IIIHHHH")
COOKED = struct.Struct(">HHIHBB8s")
LATE_MS = 100


class PacketSocket:
    """Captures on one interface, or on all (`any`). Raises CaptureError, UsageError or MissingTool where it cannot begin."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._any = wanted.interface == "any"
        self._stopping = threading.Event()
        self._dropped = 0
        self._indices: dict[str, int] = {}
        self._lock = threading.Lock()
        with entered(wanted.netns):
            try:
                self._socket = self._cooked() if self._any else self._opened()
            except PermissionError:
                raise no_permission(wanted.interface, "socket") from None
            except OSError as error:
                raise CaptureError(f"cannot capture on {wanted.interface}: {error.strerror or error}") from None
        self._grow()
        link_type = COOKED_2 if self._any else self._link_type()
        self.info = CaptureInfo(
            files=[CaptureFile(wanted.interface, 1, 0, "socket")], interfaces=[Interface(0, 0, link_type, 0, wanted.interface)]
        )
        """What is known of the capture so far."""
        self._link_type_number = link_type

    def blocks(self) -> Iterator[Block]:
        """Yield packets as they come; ends when told to, or when the interface goes away."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        frame = 1
        while not self._stopping.is_set():
            try:
                if not poll.poll(LATE_MS):
                    continue
                block = self._take(frame)
            except OSError:
                return  # the interface went down, or the socket was closed
            if block is not None:
                frame += len(block.times)
                yield block

    def stop(self) -> None:
        """Let `blocks` end."""
        self._stopping.set()

    def close(self) -> None:
        """Close the socket."""
        self.stop()
        self.drops()
        with self._lock:
            self._socket.close()

    def drops(self) -> int | None:
        """Return how many packets the kernel dropped so far."""
        with self._lock:
            try:
                _, dropped = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            except OSError:
                return self._dropped
            self._dropped += dropped  # reading resets it
        self.info.interfaces[0].dropped = self._dropped
        return self._dropped

    def _take(self, frame: int) -> Block | None:
        """Take what is there, up to the size of a block."""
        sock = self._socket
        data = bytearray()
        starts: list[int] = []
        lengths: list[int] = []
        wires: list[int] = []
        times: list[int] = []
        room = bytearray(self._wanted.snaplen)
        view = memoryview(room)
        while len(data) < MOST_BYTES and len(times) < MOST_PACKETS:
            try:
                size, ancillary, _, address = sock.recvmsg_into([room], 256, MSG_TRUNC | MSG_DONTWAIT)
            except BlockingIOError:
                break
            if address[2] == PACKET_OUTGOING and address[3] == ARPHRD_LOOPBACK:
                continue  # on loopback each packet comes a second time, as incoming
            have = min(size, len(room))
            tag, time = _told(ancillary)
            start = len(data)
            if self._any:
                hardware = address[4] if isinstance(address[4], bytes) else b""
                kind, protocol = address[2], address[1]
                head = COOKED.pack(protocol, 0, self._index(address[0]), address[3], kind, min(len(hardware), 8), hardware[:8])
                data += head
                data += view[:have]
                added = len(head)
            elif tag and have >= 12:
                data += view[:12]
                data += tag
                data += view[12:have]
                added = len(tag)
            else:
                data += view[:have]
                added = 0
            starts.append(start)
            lengths.append(have + added)
            wires.append(size + added)
            times.append(time)
        if not times:
            return None
        self._count(lengths, wires, times)
        return Block(bytes(data), starts, lengths, wires, times, self._link_type_number, 0, frame, 0, frame)

    def _index(self, name: str) -> int:
        """Return the number of an interface; 0 for one that is gone."""
        known = self._indices.get(name)
        if known is None:
            try:
                with entered(self._wanted.netns):
                    known = socket.if_nametoindex(name)
            except OSError:
                known = 0
            self._indices[name] = known
        return known

    def _count(self, lengths: list[int], wires: list[int], times: list[int]) -> None:
        info = self.info
        info.packets += len(times)
        info.files[0].packets = info.packets
        info.bytes += sum(lengths)
        info.cut_packets += sum(have < wire for have, wire in zip(lengths, wires, strict=True))
        info.first_ns = min(times) if info.first_ns is None else min(info.first_ns, *times)
        info.last_ns = max(times) if info.last_ns is None else max(info.last_ns, *times)

    def _opened(self) -> socket.socket:
        """Let scapy open the socket of one interface, with its filter."""
        try:
            from scapy.arch.linux import L2ListenSocket
            from scapy.config import conf
            from scapy.error import Scapy_Exception
        except ImportError:
            raise MissingTool("scapy is not installed", hint="pip install scapy, or install dumpcap or tcpdump") from None
        import logging

        logging.getLogger("scapy.runtime").setLevel(logging.ERROR)  # it cannot name the type of loopback, and need not
        conf.ifaces.reload()
        try:
            listening = L2ListenSocket(iface=self._wanted.interface, filter=self._wanted.filter or None, promisc=False)
        except Scapy_Exception as error:
            raise self._filter_trouble(error) from None
        # The object would close the socket when it is let go of.
        return socket.socket(fileno=os.dup(listening.ins.fileno()))

    def _cooked(self) -> socket.socket:
        """Open a socket of all interfaces, which shows packets from their network header on."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        if self._wanted.filter:
            try:
                from scapy.arch.common import compile_filter
                from scapy.error import Scapy_Exception
            except ImportError:
                raise MissingTool("scapy is not installed", hint="pip install scapy, or install dumpcap or tcpdump") from None
            try:
                program = compile_filter(self._wanted.filter, linktype=FILTER_RAW_IP)
            except (Scapy_Exception, OSError) as error:
                raise self._filter_trouble(error) from None
            import ctypes

            # struct sock_fprog: how many instructions, and where they are (native alignment).
            code = struct.pack("HP", program.bf_len, ctypes.cast(program.bf_insns, ctypes.c_void_p).value)
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, code)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return sock

    def _filter_trouble(self, error: Exception) -> AnalyzerError:
        text = str(error)
        if "libpcap" in text.lower():
            hint = "install libpcap, dumpcap or tcpdump; or capture everything: --filter ''"
            return MissingTool("a capture filter needs the libpcap library, which is not installed", hint=hint)
        return UsageError(f"cannot read the filter {self._wanted.filter!r}", hint="a capture filter, not a display filter: man pcap-filter")

    def _grow(self) -> None:
        """Ask for a large buffer: beyond the system's limit where we may (CAP_NET_ADMIN), up to it otherwise."""
        size = self._wanted.buffer_mb << 20
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def _link_type(self) -> int:
        hardware = self._socket.getsockname()[3]
        if hardware not in LINK_TYPES:
            self._socket.close()
            raise CaptureError(
                f"{self._wanted.interface} has packets of a kind that the socket engine does not know", hint="take --engine dumpcap"
            )
        return LINK_TYPES[hardware]


def _told(ancillary: list[tuple[int, int, bytes]]) -> tuple[bytes, int]:
    """Return the VLAN tag that the kernel took off, if it did, and the time of a packet."""
    tag, time = b"", 0
    for level, kind, said in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, rest = TIMESPEC.unpack(said[: TIMESPEC.size])
            time = seconds * SECOND + rest
        elif (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and len(said) >= AUXDATA.size:
            status, _, _, _, _, control, protocol = AUXDATA.unpack(said[: AUXDATA.size])
            if status & VLAN_VALID:
                tag = struct.pack(">HH", protocol if status & VLAN_TPID_VALID else 0x8100, control)
    return tag, time
