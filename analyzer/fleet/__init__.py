"""Reads what a batch wrote: many captures as one answer."""

from analyzer.fleet.answer import Fleet, load
from analyzer.fleet.manifest import is_batch

__all__ = ["Fleet", "is_batch", "load"]
