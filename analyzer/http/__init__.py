"""Byte streams -> HTTP/1.1 exchanges (RFC 9110, RFC 9112)."""

from analyzer.http.exchange import Wishes
from analyzer.http.opener import HttpOpener

__all__ = ["HttpOpener", "Wishes"]
