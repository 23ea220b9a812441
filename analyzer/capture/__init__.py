"""Reads captures: files or standard input in, blocks of raw packets out, with what is known of the capture itself."""

from __future__ import annotations

from analyzer.capture.opening import Capture, open_captures

__all__ = ["Capture", "open_captures"]
