"""A capture and its answer -> the same capture with comments, to be read in Wireshark."""

from __future__ import annotations

from analyzer.annotating.annotate import Annotated, annotate
from analyzer.annotating.profile import write_profile

__all__ = ["Annotated", "annotate", "write_profile"]
