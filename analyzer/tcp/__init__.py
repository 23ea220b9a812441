"""Blocks of packets -> connections, their events and byte streams (RFC 9293; numbering and flags as Wireshark's)."""

from analyzer.tcp._loop import Engine
from analyzer.tcp.clocks import clocks
from analyzer.tcp.flow import Flow
from analyzer.tcp.outline import Opened, Outline, outline, stands_alone
from analyzer.tcp.points import Points
from analyzer.tcp.sample import Sample
from analyzer.tcp.steps import USUAL
from analyzer.tcp.table import over_all, row, unseen_before
from analyzer.tcp.twins import one_way, twins

__all__ = [
    "USUAL", "Engine", "Flow", "Opened", "Outline", "Points", "Sample", "clocks", "one_way", "outline", "over_all", "row", "stands_alone",
    "twins", "unseen_before",
]  # fmt: skip
