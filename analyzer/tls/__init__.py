"""TLS connections told apart by their first record (RFC 8446 section 5.1); their records are not read."""

from analyzer.tls.opener import TlsOpener

__all__ = ["TlsOpener"]
