"""Heads of HTTP messages (RFC 9112 sections 2 to 5), disguised line by line: framing, operation, attempt and products stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from analyzer.redacting.aws_names import PREFIXES, is_error, is_name, is_namespace, is_target
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.services import SERVICES
from analyzer.redacting.values import WORDS, Values
from analyzer.redacting.vocabulary import (
    CHARSET,
    KEPT_PARAMETERS,
    MEDIA_TYPES,
    METHODS,
    PATH_DATE,
    PATH_WORDS,
    REGION,
    STANDARD_FIELDS,
    USER_METADATA,
)

LINE = re.compile(rb"([^\r\n]*)(\r*\n|\r+|$)")
VERSION = re.compile(rb"HTTP/\d\.\d")
STATUS = re.compile(rb"(HTTP/\d\.\d *\d{3} ?)([A-Za-z -]{0,60})(.*)", re.DOTALL)
ABSOLUTE = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
SCHEME = re.compile(
    rb"(AWS4(?:-ECDSA-P256)?-HMAC-SHA256|AWS4-ECDSA-P256-SHA256|AWS3?|Basic|Bearer|Digest|Negotiate)(?=\s|$)", re.IGNORECASE
)
SCOPE = re.compile(rb"(/\d{8}/)([a-z0-9-]{1,40})(/)([a-z0-9-]{1,40})(/aws4_request)")
SIGNED = re.compile(rb"(SignedHeaders=)([A-Za-z0-9;_-]+)")
PHRASES = frozenset({b"", b"Connection established", b"Connection Established", *(status.phrase.encode() for status in HTTPStatus)})
"""Reason phrases that say nothing but the status (RFC 9110 section 15)."""
LONGEST_KNOWN = 512
MOST_KNOWN = 4096


class Heads:
    """Disguises heads; remembers lines, most of which come again with each message."""

    def __init__(self, disguise: Disguise) -> None:
        self._disguise = disguise
        self._known: dict[bytes, bytes] = {}
        self._values = values = Values(disguise.text, disguise.keep)
        self._fields: dict[bytes, Callable[[bytes], bytes]] = {
            b"host": disguise.hosts.authority,
            b":authority": disguise.hosts.authority,
            b"user-agent": values.agent,
            b"x-amz-user-agent": values.agent,
            b"x-amz-target": lambda value: disguise.keep(value) if is_target(value) else disguise.text(value),
            b"x-amzn-errortype": self.error_type,
            b"authorization": self.authorization,
            b"proxy-authorization": self.authorization,
            b"content-type": self.media_type,
            b"server": values.agent,
            b"content-length": lambda value: value if len(value) <= 20 and value.isdigit() else disguise.text(value),
            b"amz-sdk-invocation-id": disguise.identifier,
            b"aws-sdk-invocation-id": disguise.identifier,
            b"x-amzn-requestid": disguise.identifier,
            b"x-amzn-request-id": disguise.identifier,
            b"x-amz-request-id": disguise.identifier,
        }

    def head(self, head: bytes, *, request: bool) -> bytes:
        """Return a head, or what there is of one, of the same length."""
        out: list[bytes] = []
        for number, found in enumerate(LINE.finditer(head)):
            line, ending = found[1], found[2]
            if not number:
                line = self.request_line(line) if request else self.status_line(line)
            elif line:
                line = self._line(line)
            out += (line, ending)
        new = b"".join(out)
        # A length that changed would move every byte behind it.
        return new if len(new) == len(head) else self._disguise.text(head)

    def trailer(self, line: bytes) -> bytes:
        """Return a line of a trailer section, or a part of one."""
        body = line.rstrip(b"\r\n")
        return (self._line(body) if body else b"") + line[len(body) :]

    def request_line(self, line: bytes) -> bytes:
        """Return a request line: method and version stay, the target is disguised."""
        method, space, rest = line.partition(b" ")
        if not space:
            return line if line in METHODS else self._disguise.text(line)
        if method not in METHODS:
            method = self._disguise.text(method)
        target, blank, version = rest.rpartition(b" ")
        if not VERSION.fullmatch(version):
            target, blank, version = rest, b"", b""
        made = self.authority_or_target(method, target)
        return method + space + made + blank + version

    def authority_or_target(self, method: bytes, target: bytes) -> bytes:
        """Return a request target in any of its forms (RFC 9112 section 3.2)."""
        if method == b"CONNECT":
            return self._disguise.hosts.authority(target)
        absolute = ABSOLUTE.fullmatch(target)
        if absolute is not None:
            return absolute[1] + self._disguise.hosts.authority(absolute[2]) + self.target(absolute[3])
        return self.target(target)

    def target(self, target: bytes) -> bytes:
        """Return path and query: what names the interface stays."""
        path, mark, query = target.partition(b"?")
        segments = path.split(b"/")
        protocol = len(segments) == 5 and segments[1] == b"service" and segments[3] == b"operation"
        segments = [
            self._disguise.keep(segment)
            if segment in PATH_WORDS or PATH_DATE.fullmatch(segment) or (protocol and (is_name(segment) or segment in PREFIXES))
            else self._disguise.text(segment)
            for segment in segments
        ]
        return b"/".join(segments) + mark + self.parameters(query)

    def parameters(self, query: bytes) -> bytes:
        """Return parameters of a query or a form: those that say what is asked for stay."""
        return b"&".join(self._parameter(part) for part in query.split(b"&"))

    def _parameter(self, part: bytes) -> bytes:
        name, equals, value = part.partition(b"=")
        if name in KEPT_PARAMETERS and (is_name(value) if name == b"Action" else PATH_DATE.fullmatch(value)):
            return self._disguise.keep(part)
        if name in KEPT_PARAMETERS:
            return name + equals + self._disguise.text(value)
        return self._disguise.text(part)

    def status_line(self, line: bytes) -> bytes:
        """Return a status line: version and code stay, and a usual phrase."""
        found = STATUS.fullmatch(line)
        if found is None:
            return self._disguise.text(line)
        if found[2] not in PHRASES:
            return found[1] + self._disguise.text(found[2] + found[3])
        return found[1] + self._disguise.keep(found[2]) + self._disguise.text(found[3])

    def _line(self, line: bytes) -> bytes:
        known = self._known.get(line)
        if known is None:
            known = self._field(line)
            if len(line) <= LONGEST_KNOWN:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[line] = known
        return known

    def _field(self, line: bytes) -> bytes:
        before, mark, after = line.partition(b":")
        name = before.rstrip()
        if not mark or not name or line[:1] in b" \t":
            return self._disguise.text(line)
        value = after.strip()
        at = len(after) - len(after.lstrip())
        colon, rest = line[len(name) : len(before) + 1] + after[:at], after[at + len(value) :]
        low = name.lower()
        if low in WORDS:
            value = self._values.of(low, value)
        elif low in self._fields:
            value = self._fields[low](value)
        else:
            value = self._disguise.text(value)
        return self.name(name) + self._disguise.text(colon) + value + self._disguise.text(rest)

    def name(self, name: bytes) -> bytes:
        """Return the name of a field: those of standards and of AWS stay."""
        low = name.lower()
        if low.startswith(USER_METADATA):
            return name[: len(USER_METADATA)] + self._disguise.text(name[len(USER_METADATA) :])
        if low in STANDARD_FIELDS:
            return self._disguise.keep(name)
        return self._disguise.text(name)

    def media_type(self, value: bytes) -> bytes:
        """Return a Content-Type; parameters other than a usual charset are disguised (a boundary may be a name)."""
        kind, semicolon, rest = value.partition(b";")
        if kind.strip().lower() not in MEDIA_TYPES:
            return self._disguise.text(value)
        return self._disguise.keep(kind) + (
            semicolon + rest if CHARSET.fullmatch(semicolon + rest) else semicolon + self._disguise.text(rest)
        )

    def error_type(self, value: bytes) -> bytes:
        """Return the type of an error: a name of AWS's stays, whatever namespace stands before it."""
        space, mark, name = value.rpartition(b"#")
        if not is_error(name):
            return self._disguise.text(value)
        return (self._disguise.keep(space) if is_namespace(space) else self._disguise.text(space)) + mark + self._disguise.keep(name)

    def authorization(self, value: bytes) -> bytes:
        """Return credentials: the scheme, and of a signature the region, service and names of fields (Signature Version 4) stay."""
        found = SCHEME.match(value)
        if found is None:
            return self._disguise.text(value)
        rest = value[found.end() :]
        out, at = [found[0]], 0
        for part in re.finditer(rb"Credential=|Signature=|" + SIGNED.pattern + rb"|" + SCOPE.pattern, rest):
            out.append(self._disguise.text(rest[at : part.start()]))
            if part[0].startswith(b"SignedHeaders="):
                out.append(b"SignedHeaders=" + b";".join(self.name(one) for one in part[0][14:].split(b";")))
            elif part[0].startswith(b"/"):
                out.append(self._scope(part[0]))
            else:
                out.append(self._disguise.keep(part[0]))
            at = part.end()
        out.append(self._disguise.text(rest[at:]))
        return b"".join(out)

    def _scope(self, scope: bytes) -> bytes:
        """Return the scope of a signature: its date, and region and service where they are AWS's."""
        _, date, region, service, end = scope.split(b"/")
        region = self._disguise.keep(region) if REGION.fullmatch(region) else self._disguise.text(region)
        service = self._disguise.keep(service) if service in SERVICES else self._disguise.text(service)
        return b"/".join((b"", date, region, service, end))
