"""A capture and its answer -> what Wireshark says of the same packets, side by side, with the reason of each difference."""

from __future__ import annotations

from analyzer.verifying.asking import tshark
from analyzer.verifying.tree import tree
from analyzer.verifying.verify import Difference, Measure, Verdict, total, verify

__all__ = ["Difference", "Measure", "Verdict", "total", "tree", "tshark", "verify"]
