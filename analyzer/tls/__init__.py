"""TLS on any port: handshakes, exchanges inferred from records, and with keys plaintext for whoever reads it."""

from analyzer.tls.keylog import KeyLog
from analyzer.tls.opener import TlsOpener
from analyzer.tls.shared import NOTHING_KNOWN, Compared, Event, SharedBook, SharedYardstick, Tickets, chosen, consistent, inference, learned

__all__ = [
    "NOTHING_KNOWN", "Compared", "Event", "KeyLog", "SharedBook", "SharedYardstick", "Tickets", "TlsOpener", "chosen", "consistent",
    "inference", "learned",
]  # fmt: skip
