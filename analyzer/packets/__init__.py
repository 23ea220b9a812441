"""Layouts and decoders of headers: from the link type to TCP, UDP and ICMP."""

from __future__ import annotations

from analyzer.packets._layouts import LAYOUTS
from analyzer.packets.decoder import Decoder

__all__ = ["LAYOUTS", "Decoder"]
