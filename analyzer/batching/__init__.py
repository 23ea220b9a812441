"""Reads captures by the hundred, of many hosts, on many processors or machines, into one folder of tables."""

from analyzer.batching.running import batch

__all__ = ["batch"]
