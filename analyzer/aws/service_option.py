"""The `--service NAME=HOST[:PORT]` option: which host is which service where its name does not say."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from analyzer.errors import UsageError


class ServiceRule(NamedTuple):
    """A host that is a service by the user's word."""

    service: str
    host: str
    """Name in lower case, or address as text without brackets."""
    port: int | None
    """None: any port."""

    @property
    def address(self) -> bytes | None:
        """The host as an address of 4 or 16 bytes, where it is one."""
        return _address(self.host)


_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})")
_HINT = "write NAME=HOST or NAME=HOST:PORT, for example dynamodb=localhost:8000 or dynamodb=[fd00::1]:8000"


def parse_service_option(text: str) -> ServiceRule:
    """Read `NAME=HOST[:PORT]`; HOST is a name or an address, an IPv6 address with a port in brackets. Raises UsageError."""
    name, equals, place = text.strip().partition("=")
    name, place = name.strip().lower(), place.strip().lower()
    if not equals or not _NAME.fullmatch(name) or not place:
        raise UsageError(f"cannot read the service {text[:100]!r}", hint=_HINT)
    port_text = ""
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or _address(host) is None:
            raise UsageError(f"cannot read the address in the service {text[:100]!r}", hint=_HINT)
        port_text, has_port = rest[1:], bool(rest)
    elif _address(place) is not None:
        host, has_port = place, False
    else:
        host, colon, port_text = place.partition(":")
        has_port = bool(colon)
    host = host.removesuffix(".")
    address = _address(host)
    if address is None and (not _HOST.fullmatch(host) or ".." in host):
        raise UsageError(f"cannot read the host in the service {text[:100]!r}", hint=_HINT)
    if address is not None:
        host = str(ipaddress.ip_address(address))
    port = None
    if has_port:
        if not (port_text.isascii() and port_text.isdecimal() and len(port_text) <= 5 and 0 < int(port_text) < 65536):
            raise UsageError(f"the port in the service {text[:100]!r} is not a number from 1 to 65535", hint=_HINT)
        port = int(port_text)
    return ServiceRule(name, host, port)


def _address(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None
