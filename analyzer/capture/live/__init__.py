"""Captures from interfaces while they happen: the same blocks as from a file, by dumpcap, tcpdump or a socket of our own."""

from analyzer.capture.live.filters import usual_filter
from analyzer.capture.live.netns import entered, find_namespace
from analyzer.capture.live.programs import Program
from analyzer.capture.live.source import ENGINES, Live, Piped, choose_engine, interfaces
from analyzer.capture.live.wanted import Wanted

__all__ = [
    "ENGINES", "Live", "Piped", "Program", "Wanted", "choose_engine", "entered", "find_namespace", "interfaces", "usual_filter",
]  # fmt: skip
