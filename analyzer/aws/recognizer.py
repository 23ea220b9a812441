"""What an exchange is about: its service, operation, SDK, table and outcome in AWS's terms, from a few fields and windows of its bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from analyzer.aws import credentials_endpoints as credentials
from analyzer.aws.attempts import ATTEMPT_FIELD, INVOCATION_FIELDS, REQUEST_ID_FIELDS, RETRY_FIELDS, attempt, first_identifier, identifier
from analyzer.aws.dynamodb import (
    BATCHES,
    LATE_REQUEST_WINDOW,
    PAGE_WINDOWS,
    PAGES,
    REQUEST_WINDOW,
    Tables,
    continues,
    page,
    unprocessed,
)
from analyzer.aws.faults import TYPE_FIELD, WINDOW, error_type
from analyzer.aws.hosts import NOWHERE, Place, place
from analyzer.aws.sdk import UNKNOWN, Sdk, from_library, from_manners, from_user_agent, only_for_credentials, retry_mode
from analyzer.aws.service_option import ServiceRule
from analyzer.aws.services import DYNAMODB, FORM_TYPE, FORM_WINDOW, NOTHING, from_form, from_path, from_target
from analyzer.aws.targets import Authority, authority, shown, split
from analyzer.model.http import About, Endpoint, Request, Response, Windows
from analyzer.model.wants import EVERYTHING, Wants

TARGET_FIELD = b"x-amz-target"
AGENT_FIELDS = (b"user-agent", b"x-amz-user-agent")

REQUEST_FIELDS = frozenset(
    {b"host", b"content-type", b"connection", TARGET_FIELD, ATTEMPT_FIELD, credentials.TOKEN_TTL_FIELD}
    | set(AGENT_FIELDS)
    | set(RETRY_FIELDS)
    | set(INVOCATION_FIELDS)
)
"""Lower-case names of the request fields whose values are read. None of them holds a secret."""
RESPONSE_FIELDS = frozenset({TYPE_FIELD} | set(REQUEST_ID_FIELDS))
"""Lower-case names of the response fields whose values are read."""
VARYING_FIELDS = frozenset({b"connection", ATTEMPT_FIELD} | set(RETRY_FIELDS) | set(INVOCATION_FIELDS))
"""Request fields that may differ between requests about the same thing."""
PRESENCE_FIELDS = frozenset({credentials.TOKEN_FIELD})
"""Request fields of which only the presence counts: whoever parses them keeps b"" in place of the value, which is a secret."""

NO_WINDOW = Windows(0, 0)
ERROR_WINDOW = Windows(WINDOW, 0)
MEMORY_LIMIT = 4096
"""Subjects kept; when full all are forgotten, so that a hostile capture cannot make them grow."""
MEMORY_KEY_LIMIT = 1024
"""Bytes of target and fields up to which a subject is kept."""

_DYNAMODB_FAMILY = frozenset({DYNAMODB, "dynamodbstreams"})
_AWS_SIGNS = (TARGET_FIELD, ATTEMPT_FIELD, *INVOCATION_FIELDS, *RETRY_FIELDS)
_Key = tuple[str, bytes, bytes | None, bytes, Endpoint]
_Known = tuple[str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None]
"""What equal requests share: target, host, service, region, operation, SDK, its version and how it retries. A plain tuple: every exchange
takes it apart, and compiled that costs nothing."""


class Subject(NamedTuple):
    """The part of an answer that equal start lines, hosts and targets share."""

    target: str | None
    host: str | None
    service: str | None
    region: str | None
    operation: str | None


class Recognizer:
    """Tells what exchanges are about; keeps nothing of them but a bounded memory of equal ones.

    `services` are the rules of `--service`, as `ServiceRule`s or as a mapping of service to (host, port or None). What `wants` leaves out
    is not looked for.
    """

    def __init__(self, services: Mapping[str, tuple[str, int | None]] | Sequence[ServiceRule] = (), wants: Wants = EVERYTHING) -> None:
        if isinstance(services, Mapping):
            services = [ServiceRule(name, host.lower(), port) for name, (host, port) in services.items()]
        self._wants_bodies, self._wants_errors, self._wants_attempts = wants.bodies, wants.errors, wants.attempts
        self._rules = [(rule, rule.address) for rule in services]
        self._subjects: dict[_Key, Subject] = {}
        self._tables = Tables()

    def request_window(self, method: str, target: bytes, fields: dict[bytes, bytes]) -> int:
        """Tell how many bytes of a request's body are to be looked at (model: `RequestWindow`)."""
        name = fields.get(TARGET_FIELD)
        if name is not None:
            if not self._wants_bodies or from_target(name).service not in _DYNAMODB_FAMILY:
                return 0
            return LATE_REQUEST_WINDOW if fields.get(b"user-agent", b"").startswith(b"aws-sdk-go") else REQUEST_WINDOW
        if fields.get(b"content-type", b"").lower().startswith(FORM_TYPE) and _asks_aws(target, fields):
            return FORM_WINDOW
        return 0

    def response_window(self, request: Request, status: int, fields: dict[bytes, bytes]) -> Windows:
        """Tell which windows of a response's body are to be looked at (model: `ResponseWindow`)."""
        if 200 <= status < 300:
            if not self._wants_bodies:
                return NO_WINDOW
            name = request.fields.get(TARGET_FIELD)
            if name is not None:
                service, operation = from_target(name)
                if service == DYNAMODB and (operation in PAGES or operation in BATCHES):
                    return PAGE_WINDOWS
            return NO_WINDOW
        if not self._wants_errors or TYPE_FIELD in fields or not _asks_aws(request.target, request.fields):
            return NO_WINDOW
        return ERROR_WINDOW

    def service_of(self, endpoint: Endpoint, host: str | None = None) -> tuple[str | None, str | None]:
        """Tell (service, region) from a Host, the server's name, address and port alone."""
        where = authority(host.encode("ascii", "replace")) if host else None
        service, region = self._locate(endpoint, where)
        return service, region

    def describe(self, request: Request | None, response: Response | None, endpoint: Endpoint) -> About:
        """Tell what an exchange is about (model: `Describe`). Never raises; what is not known is None. No secret is in any answer."""
        request_id = error = table = invocation = number = version = goes_on = None
        matched = scanned = more = undone = None
        if request is None:
            service, region = self._locate(endpoint, None)
            target = host = operation = sdk = sdk_version = mode = None
        else:
            _, _, fields, body, memory = request
            remembered: _Known | None = memory.get(endpoint) if memory is not None else None
            known = self._known(request, endpoint) if remembered is None else remembered
            target, host, service, region, operation, sdk, sdk_version, mode = known
            if self._wants_attempts:
                value = fields.get(b"amz-sdk-invocation-id")
                invocation = identifier(value) if value else first_identifier(fields, INVOCATION_FIELDS)
                number = attempt(fields, sdk)
            if service in _DYNAMODB_FAMILY:
                if body:
                    table = self._tables.name(body)
                    if operation in PAGES:
                        goes_on = continues(body)
            elif service == credentials.IMDS:
                version = credentials.imds_version(operation, fields)
        if response is not None:
            status, fields, head, tail, complete = response
            value = fields.get(b"x-amzn-requestid")
            request_id = identifier(value) if value else first_identifier(fields, REQUEST_ID_FIELDS)
            if status >= 300:
                error = error_type(fields, head)
            elif head and service == DYNAMODB:
                if operation in PAGES:
                    matched, scanned, more = page(head, tail, complete)
                elif operation in BATCHES:
                    undone = unprocessed(head, tail, complete)
        return tuple.__new__(
            About,
            (
                target,
                host,
                service,
                region,
                operation,
                error,
                request_id,
                invocation,
                number,
                sdk,
                sdk_version,
                table,
                matched,
                scanned,
                more,
                version,
                goes_on,
                mode,
                undone,
            ),
        )

    def _known(self, request: Request, endpoint: Endpoint) -> _Known:
        """Tell what equal requests share, and keep it with them where they say that they are equal."""
        subject = self._subject(request, endpoint)
        sdk = _sdk(request.fields, subject.service)
        target, host, service, region, operation = subject
        mode = retry_mode(request.fields.get(b"user-agent", b""))
        known = target, host, service, region, operation, sdk.name, sdk.version, mode
        memory = request.memory
        # Without x-amz-target a body may decide, and at credential endpoints the manners of the client.
        lasting = TARGET_FIELD in request.fields and subject.service not in credentials.SERVICES
        if memory is not None and lasting and len(memory) < MEMORY_LIMIT:
            memory[endpoint] = known
        return known

    def _subject(self, request: Request, endpoint: Endpoint) -> Subject:
        method, target, fields = request[:3]
        name = fields.get(TARGET_FIELD)
        if name is None:
            return self._read_subject(request, endpoint)
        # An SDK repeats the same few heads for its whole life.
        host = fields.get(b"host")
        key = (method, target, host, name, endpoint)
        subject = self._subjects.get(key)
        if subject is None:
            subject = self._read_subject(request, endpoint)
            if len(target) + len(name) + len(host or b"") + len(endpoint.name or "") <= MEMORY_KEY_LIMIT:
                if len(self._subjects) >= MEMORY_LIMIT:
                    self._subjects.clear()
                self._subjects[key] = subject
        return subject

    def _read_subject(self, request: Request, endpoint: Endpoint) -> Subject:
        method, target, fields, body, _ = request
        if method == "CONNECT":
            # A tunnel through a proxy (RFC 9110 section 9.3.6): the calls are inside it.
            where = authority(target)
            return Subject(shown(target.rpartition(b"@")[2]), where.host if where else None, None, None, None)
        absolute, target = split(target)
        path = target.partition(b"?")[0].partition(b"#")[0]
        where = authority(absolute if absolute is not None else fields.get(b"host", b""))
        service, region = self._locate(endpoint, where)
        name = fields.get(TARGET_FIELD)
        named = from_target(name) if name is not None else from_path(path) if path.startswith(b"/service/") else NOTHING
        if named.service is not None:
            service = named.service
        elif service is None:
            service = _by_manners(path, fields)
        operation = named.operation
        if service in credentials.SERVICES:
            operation = credentials.operation(service, method, path)
        elif operation is None:
            form = from_form(target.partition(b"?")[2])
            if form is NOTHING and fields.get(b"content-type", b"").lower().startswith(FORM_TYPE):
                form = from_form(body)
            service = service or form.service
            operation = form.operation if service else None
        return Subject(shown(credentials.without_id(target, service)), where.host if where else None, service, region, operation)

    def _locate(self, endpoint: Endpoint, where: Authority | None) -> Place:
        """Tell service and region from where a request goes: the user's rules, then addresses, the Host, the server's other name."""
        found = place(where.host) if where else NOWHERE
        if found.service is None and endpoint.name:
            found = place(endpoint.name)
        for rule, address in self._rules:
            if _is_ruled(rule, address, endpoint, where):
                return Place(rule.service, found.region)
        if endpoint.port == credentials.PORT:
            service = credentials.of_address(endpoint.address)
            if service is not None:
                return Place(service, None)
        if where:
            service = credentials.of_host(where.host)
            if service is not None:
                return Place(service, None)
        return found


def _is_ruled(rule: ServiceRule, address: bytes | None, endpoint: Endpoint, where: Authority | None) -> bool:
    # Through a proxy the port of the Host is the service's, that of the connection the proxy's.
    if rule.port is not None and rule.port != endpoint.port and (where is None or rule.port != where.port):
        return False
    if address is not None and address == endpoint.address:
        return True
    if where is not None and rule.host == where.host:
        return True
    return endpoint.name is not None and rule.host == endpoint.name.lower().removesuffix(".")


def _by_manners(path: bytes, fields: dict[bytes, bytes]) -> str | None:
    """Tell a credential endpoint at an unknown address (NAT, kube2iam and the like) by path or token fields."""
    if credentials.TOKEN_FIELD in fields or credentials.TOKEN_TTL_FIELD in fields:
        return credentials.IMDS
    return credentials.of_path(path)


def _sdk(fields: dict[bytes, bytes], service: str | None) -> Sdk:
    agent = fields.get(b"user-agent")
    if agent is not None:
        sdk = from_user_agent(agent)
        if sdk.name is not None:
            return sdk
    other = fields.get(b"x-amz-user-agent")
    if other is not None:
        sdk = from_user_agent(other)
        if sdk.name is not None:
            return sdk
    if service is None:
        return UNKNOWN
    at_credentials = service in credentials.SERVICES
    if agent:
        sdk = from_library(agent)
        return sdk if at_credentials or not only_for_credentials(sdk) else UNKNOWN
    return from_manners(service, fields) if at_credentials else UNKNOWN


def _asks_aws(target: bytes, fields: dict[bytes, bytes]) -> bool:
    """Tell whether a request may go to AWS, as far as it can be told without its server's address."""
    if any(name in fields for name in _AWS_SIGNS) or _by_manners(target.partition(b"?")[0], fields) is not None:
        return True
    where = authority(split(target)[0] or fields.get(b"host", b""))
    if where is not None and (place(where.host).service is not None or credentials.of_host(where.host) is not None):
        return True
    return any(name in fields and from_user_agent(fields[name]).name is not None for name in AGENT_FIELDS)
