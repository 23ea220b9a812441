"""DNS (RFC 1035, RFC 6891): datagrams and TCP streams of port 53 -> lookups, and the names behind addresses."""

from analyzer.dns._message import Answer, Message, parse
from analyzer.dns.lookups import PORT, Lookups
from analyzer.dns.opener import DnsOpener

__all__ = ["PORT", "Answer", "DnsOpener", "Lookups", "Message", "parse"]
