"""Blocks of packets -> connections, their events and byte streams (RFC 9293; numbering and flags as Wireshark's)."""

from analyzer.tcp._loop import Engine
from analyzer.tcp.flow import Flow
from analyzer.tcp.table import row
from analyzer.tcp.twins import one_way, twins

__all__ = ["Engine", "Flow", "one_way", "row", "twins"]
