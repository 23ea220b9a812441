"""Layouts and decoders of headers: from the link type to TCP, UDP and ICMP."""

from __future__ import annotations

from analyzer.packets._layouts import LAYOUTS
from analyzer.packets.decoder import Decoder
from analyzer.packets.rare import remarks
from analyzer.packets.transport import TUNNEL_PORTS

__all__ = ["LAYOUTS", "TUNNEL_PORTS", "Decoder", "remarks"]
