"""Made-up dialogues with credential endpoints: each step opens a connection and asks for one thing; times are ms from START."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.model.analysis import Analysis
from analyzer.model.rows import Anomaly, Call, Connection, Exchange, Span
from tests.factory import MS, START, analysis, call, connection, exchange, info, spans
from tests.factory import dialogue as dialogue_call

METHODS = {"PutToken": "PUT"}
TARGETS = {
    "PutToken": "/latest/api/token",
    "ListRoles": "/latest/meta-data/iam/security-credentials/",
    "GetRoleCredentials": "/latest/meta-data/iam/security-credentials/webapp",
    "GetCredentials": "/v2/credentials/*",
}


class Talk:
    """A dialogue being made up. Packet ids are 100 a dialogue and 10 a step: SYN +1, request +4, answer +6, first FIN +8."""

    def __init__(self, number: int = 0, *, sdk: str | None = "python-boto3", service: str = "imds", client: str = "172.17.0.2") -> None:
        self.number = number
        self.sdk = sdk
        self.service = service
        self.client = client
        self.address = {"imds": "169.254.169.254", "ecs-credentials": "169.254.170.2"}.get(service, "169.254.170.23")
        self.connections: list[Connection] = []
        self.exchanges: list[Exchange] = []
        self.copies: list[tuple[Connection, Exchange]] = []
        self.anomalies: list[Anomaly] = []

    def ask(
        self,
        operation: str,
        at: float,
        *,
        took: float | None = 3.0,
        status: int | None = 200,
        gave_up: float | None = None,
        under: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Talk:
        """Open a connection at `at`, ask 1 ms later; the answer begins `took` after that, or the client closes at `gave_up`.

        A number of ms for `gave_up` counts from the request, like `took`.
        """
        row = self._connection(at, **(under or {}))
        asked = START + round((at + 1) * MS)
        answered = None if took is None else asked + round(took * MS)
        closed = (answered or asked) + MS if gave_up is None else asked + round(gave_up * MS)
        packets = row.first_packet_id
        if "client_closed_ns" not in (under or {}):
            row = row._replace(client_closed_ns=closed, closed_ns=closed, last_ns=max(closed, answered or 0), closed_packet_id=packets + 7)
        self.connections.append(row)
        outcome = "no-response" if status is None or answered is None else "error" if status >= 400 else "ok"
        version = changes.pop("imds_version", 2 if operation == "PutToken" else 1) if self.service == "imds" else None
        self.exchanges.append(
            exchange(
                self.number * 10 + len(self.exchanges),
                row,
                call_id=self.number,
                method=METHODS.get(operation, "GET"),
                target=TARGETS.get(operation, "/latest/meta-data/"),
                host=self.address,
                service=self.service,
                operation=operation,
                status=None if answered is None else status,
                sdk=self.sdk,
                sdk_version=None,
                request_start_ns=asked,
                request_end_ns=asked,
                response_start_ns=answered,
                response_end_ns=answered,
                request_packet_id=packets + 3,
                first_packet_id=packets + 3,
                response_packet_id=None if answered is None else packets + 5,
                outcome=outcome,
                table_name=None,
                imds_version=version,
                network_ns=None,
                server_ns=None,
                wait_stall_ns=None,
                response_ttl=None if answered is None else 254,
            )._replace(**changes)
        )
        return self

    def syn(self, at: float, **changes: Any) -> Talk:
        """Send a SYN that nobody answers."""
        row = self._connection(at, established_ns=None, established_packet_id=None, connect_ns=None, min_rtt_ns=None, exchanges=0)
        silent = row._replace(closed_by="open", closed_ns=None, client_closed_ns=None, packets_received=0, last_ns=row.first_ns)
        self.connections.append(silent._replace(**changes))
        return self

    def copy(self, server_ttl: int = 255, **changes: Any) -> Talk:
        """Add the last step as it was seen behind the translation of addresses: the answer came there 3 ms after the request."""
        row, asked = self.connections[-1], self.exchanges[-1]
        assert asked.request_start_ns is not None
        number = row.connection_id + 1000
        twin = row._replace(
            connection_id=number,
            copy_of=row.connection_id,
            client_address="10.0.1.50",
            server_ttl=server_ttl,
            first_packet_id=row.first_packet_id + 500,
        )
        answered = asked.request_start_ns + 3 * MS
        answer = asked._replace(
            exchange_id=asked.exchange_id + 1000, connection_id=number, copy_of=row.connection_id, call_id=None, status=200,
            outcome="undelivered", response_start_ns=answered, response_end_ns=answered, response_ttl=1,
            response_packet_id=row.first_packet_id + 505,
        )  # fmt: skip
        self.copies.append((twin, answer._replace(**changes)))
        return self

    def icmp(self, code: str = "icmp-time-exceeded", *, answer: bool = True, copy: bool = False) -> Talk:
        """Add an ICMP error about the last step's answer, or request."""
        row = self.copies[-1][0] if copy else self.connections[-1]
        ends = [f"{row.server_address}:80", f"{row.client_address}:{row.client_port}"]
        what = " to ".join(ends if answer else ends[::-1])
        self.anomalies.append(
            Anomaly(code, row.first_packet_id + 6, row.connection_id, f"10.0.1.50 says TTL exceeded in transit: TCP {what}")
        )
        return self

    def call(self, **changes: Any) -> Call:
        """Return the row of the dialogue."""
        ends = [row.response_end_ns for row in self.exchanges[-1:] if row.response_end_ns is not None and row.outcome in ("ok", "error")]
        ends = ends or [row.client_closed_ns or row.last_ns for row in self.connections]
        start, end = min(row.first_ns for row in self.connections), max(ends)
        packets = [row.first_packet_id for row in self.connections]
        last = self.exchanges[-1] if self.exchanges else None
        row = dialogue_call(self.number, self.connections[0])._replace(
            service=self.service, sdk=self.sdk, start_ns=start, end_ns=end, duration_ns=end - start, client_address=self.client,
            attempts=len(self.connections), ok=last is not None and last.outcome == "ok", status=last.status if last else None,
            exchange_ids=tuple(one.exchange_id for one in self.exchanges),
            connection_ids=tuple(one.connection_id for one in self.connections),
            first_packet_id=min(packets), last_packet_id=max(packets) + 5,
        )  # fmt: skip
        return row._replace(**changes)

    def _connection(self, at: float, **changes: Any) -> Connection:
        number = self.number * 10 + len(self.connections)
        start = START + round(at * MS)
        row = connection(
            number,
            client_address=self.client,
            server_address=self.address,
            server_name=None,
            service=self.service,
            region=None,
            first_ns=start,
            last_ns=start,
            syn_ns=start,
            established_ns=start + MS // 10,
            connect_ns=MS // 10,
            min_rtt_ns=MS // 10,
            first_packet_id=self.number * 100 + len(self.connections) * 10 + 1,
            server_ttl=254,
        )
        return row._replace(**changes)


def hop_limit(number: int = 0, *, tries: int = 1, start: float = 0, **facts: Any) -> Talk:
    """A client whose token requests are acknowledged and never answered: given up after 1 s each, 100 ms pause, then IMDSv1."""
    talk = Talk(number, **facts)
    for index in range(tries):
        talk.ask("PutToken", start + index * 1101, took=None, gave_up=1000)
    end = start + tries * 1101
    return talk.ask("ListRoles", end, took=2).ask("GetRoleCredentials", end + 10, took=2)


def answer(
    *talks: Talk, waiting: Sequence[tuple[Call, Talk]] = (), calls: Sequence[Call] = (), last_ms: int = 60_000, **more: Any
) -> Analysis:
    """Return an answer of dialogues; `waiting` are service calls with the dialogue that each waited for, before its own 17 ms."""
    dialogues = {talk.number: talk.call() for talk in talks}
    rows, found = [], []
    for late, talk in waiting:
        told = dialogues[talk.number]
        waited = late._replace(
            credentials_ns=told.duration_ns, start_ns=told.start_ns, duration_ns=told.duration_ns + late.duration_ns,
            end_ns=told.end_ns + late.duration_ns,
        )  # fmt: skip
        rows.append(waited)
        span = spans(waited, ("credentials", told.duration_ns), dialogue_id=told.call_id, inner_phase="wait")
        found += span + spans(waited._replace(start_ns=told.end_ns), ("wait", late.duration_ns), first=1)
    copies = [copy for talk in talks for copy in talk.copies]
    connections = [row for talk in talks for row in talk.connections] + [row for row, _ in copies] + list(more.pop("connections", ()))
    exchanges = [row for talk in talks for row in talk.exchanges] + [row for _, row in copies] + list(more.pop("exchanges", ()))
    found_spans: list[Span] = found
    return analysis(
        connections,
        exchanges,
        calls=[*dialogues.values(), *rows, *calls],
        spans=found_spans,
        anomalies=[row for talk in talks for row in talk.anomalies],
        capture=info(last_ns=START + last_ms * MS, **more),
    )


def service_call(number: int, **changes: Any) -> Call:
    """A GetItem of the container that takes 17 ms on an open connection, outside of any dialogue."""
    row = call(number, connection(number, client_address="172.17.0.2"), operation="GetItem", client_address="172.17.0.2")
    return row._replace(duration_ns=17 * MS, connect_ns=0, client_ns=0, reused=True, exchange_ids=(), connection_ids=())._replace(**changes)
