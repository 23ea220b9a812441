"""Host names: AWS's own stay, with what a customer put before them replaced; of others each label becomes one of the same length."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analyzer.aws.hosts import CUSTOMER_LABELS, SUFFIXES
from analyzer.redacting.services import SERVICES
from analyzer.redacting.vocabulary import PUBLIC_LABELS, REGION

if TYPE_CHECKING:
    from analyzer.redacting.addresses import Addresses

ENDS = tuple(tuple(suffix.encode().strip(b".").split(b".")) for suffix in sorted(SUFFIXES, key=lambda one: -one.count(".")))
S3_REGION = re.compile(rb"s3(?:-website|-fips)?-" + REGION.pattern)
STREAMS = frozenset({b"streams", b"dualstack", b"fips"})
"""Labels before a service's that are AWS's own."""
_IP4 = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
_HEX = re.compile(rb"[0-9A-Fa-f]")


class Hosts:
    """Maps host names; `label` maps one label, `keep` is told of those that stay."""

    def __init__(self, label: Callable[[bytes], bytes], keep: Callable[[bytes], bytes], addresses: Addresses) -> None:
        self._label = label
        self._keep = keep
        self._addresses = addresses

    def name(self, name: bytes) -> bytes:
        """Return what stands in for a host name of the same length; `[address]` and addresses too, which keep their form only."""
        if _IP4.fullmatch(name) or b":" in name:
            return self._literal(name)
        return b".".join(self.labels(name.split(b".")))

    def authority(self, text: bytes) -> bytes:
        """Return what stands in for `user@host:port`; the port stays."""
        user, at, rest = text.rpartition(b"@")
        host, colon, port = rest, b"", b""
        if rest.startswith(b"["):
            inside, bracket, port = rest.partition(b"]")
            host, colon = inside[1:], b""
            new = b"[" + self._literal(host) + bracket + port
        else:
            if rest.count(b":") == 1:
                host, colon, port = rest.partition(b":")
            new = self.name(host) + colon + (port if port.isdigit() else self._label(port))
        return (self._label(user) + at if at else b"") + new

    def labels(self, labels: Sequence[bytes]) -> list[bytes]:
        """Return what stands in for each label of a name; what becomes of one depends on itself and those after it alone."""
        low = [label.lower() for label in labels]
        aws = _aws(low)
        if aws is None:
            return [
                self._keep(label) if known in PUBLIC_LABELS or not label else self._label(label)
                for label, known in zip(labels, low, strict=True)
            ]
        start, end = aws
        out = []
        for at, (label, known) in enumerate(zip(labels, low, strict=True)):
            kept = start <= at < end or not label or (at >= end and known in PUBLIC_LABELS)
            out.append(self._keep(label) if kept else self._label(label))
        return out

    def _literal(self, name: bytes) -> bytes:
        """Replace the digits of an address that does not stand for itself; what it becomes is an address of the same length."""
        from analyzer.redacting.addresses import packed

        known = packed(name.decode("ascii", "replace"))
        if known is not None and self._addresses.is_kept(known):
            return name
        if _IP4.fullmatch(name):
            return b".".join(self._octet(octet) for octet in name.split(b"."))
        return _HEX.sub(lambda found: b"%x" % (self._label(b"%02d" % int(found[0], 16))[0] % 16), name)

    def _octet(self, octet: bytes) -> bytes:
        """Return a number below 256 with as many digits."""
        new = self._label(octet)
        if len(new) == 3:
            return b"1" + new[1:]
        return new


def _aws(labels: Sequence[bytes]) -> tuple[int, int] | None:
    """Return which labels, from and to (exclusive), are those of an AWS endpoint; None where the name is none of AWS's.

    Behind a suffix of AWS's the labels of a search list may follow.
    """
    for ending in ENDS:
        for at in range(len(labels) - len(ending), -1, -1):
            if tuple(labels[at : at + len(ending)]) == ending:
                return _endpoint(labels, at), at + len(ending)
    return None


def _endpoint(labels: Sequence[bytes], suffix: int) -> int:
    """Return where the labels of the endpoint before `suffix` begin: its region and service, not what a customer chose."""
    at = suffix
    if at and labels[at - 1] == b"vpce":
        at -= 1
    if at and REGION.fullmatch(labels[at - 1]):
        at -= 1
        if at and labels[at - 1] in STREAMS:
            at -= 1
    if at and _is_service(labels[at - 1]):
        at -= 1
        if labels[at].decode() not in CUSTOMER_LABELS and at and labels[at - 1] in STREAMS:
            at -= 1
        elif labels[at] == b"queue" and at and REGION.fullmatch(labels[at - 1]):
            at -= 1
    return at


def _is_service(label: bytes) -> bool:
    """Tell whether a label is the name of a service, whichever of its forms."""
    return label.removesuffix(b"-fips").removeprefix(b"fips-") in SERVICES or S3_REGION.fullmatch(label) is not None
