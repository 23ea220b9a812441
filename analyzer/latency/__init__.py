"""Where the time of an exchange went: what `wait` consists of, and the stalls."""

from analyzer.latency.waits import Wait, split

__all__ = ["Wait", "split"]
