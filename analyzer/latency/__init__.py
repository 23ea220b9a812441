"""Where the time of a call went: its phases, what `wait` consists of, and the stalls."""

from analyzer.latency.ledger import account, reckon
from analyzer.latency.waits import Wait, split

__all__ = ["Wait", "account", "reckon", "split"]
