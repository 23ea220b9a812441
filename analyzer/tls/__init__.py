"""TLS on any port: handshakes, exchanges inferred from records, and with keys plaintext for whoever reads it."""

from analyzer.tls.keylog import KeyLog
from analyzer.tls.opener import TlsOpener

__all__ = ["KeyLog", "TlsOpener"]
