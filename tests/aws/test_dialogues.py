"""Dialogues with credential endpoints: which requests are one, when a try was given up, what it was for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.aws import place_calls
from analyzer.latency import reckon
from analyzer.model.draft import Placed
from analyzer.model.rows import Call, Connection, Exchange, Span
from tests.factory import MS, START, connection, exchange

STEPS = {"PutToken": "PUT", "ListRoles": "GET", "GetRoleCredentials": "GET"}


class Endpoint:
    """Writes down what clients and a credential endpoint say; times in ms from START. Each request opens a connection of its own."""

    def __init__(self, address: str = "169.254.169.254", service: str = "imds") -> None:
        self.address, self.service = address, service
        self.connections: list[Connection] = []
        self.exchanges: list[Exchange] = []

    def connect(self, at: float, **changes: Any) -> Connection:
        number = len(self.connections)
        opened = START + round(at * MS)
        row = connection(number)._replace(
            client_address="172.17.0.2", client_port=50000 + number, server_address=self.address, service=self.service, server_name=None,
            first_ns=opened, syn_ns=opened, established_ns=opened + MS // 10, last_ns=opened + 5 * MS, closed_ns=None, connect_ns=MS // 10,
            client_closed_ns=None, closed_by="open", exchanges=1,
        )  # fmt: skip
        self.connections.append(row._replace(**changes))
        return self.connections[-1]

    def ask(
        self, operation: str, at: float, answered: float | None = None, status: int | None = 200, *, closed: float | None = None,
        **changes: Any,
    ) -> Exchange:  # fmt: skip
        """A request at `at` on a connection opened 0.2 ms before; without an answer the client closes at `closed`."""
        shut = None if closed is None else START + round(closed * MS)
        over = self.connect(at - 0.2, closed_ns=shut, client_closed_ns=shut, last_ns=shut or START + round((answered or at) * MS))
        asked = START + round(at * MS)
        came = None if answered is None else START + round(answered * MS)
        outcome = "no-response" if came is None else "ok" if (status or 0) < 400 else "error"
        row = exchange(len(self.exchanges), over)._replace(
            service=self.service, operation=operation, sdk="js-v2", request_start_ns=asked, request_end_ns=asked, response_start_ns=came,
            response_end_ns=came, status=status if came else None, outcome=outcome, wait_stall_ns=None, network_ns=None, server_ns=None,
            method=STEPS.get(operation, "GET"), table_name=None, attempt=None,
        )  # fmt: skip
        self.exchanges.append(row._replace(**changes))
        return self.exchanges[-1]

    def silence(self, at: float, until: float, **changes: Any) -> None:
        """A connection that never opens: SYNs from `at` to `until`."""
        self.connect(at, established_ns=None, connect_ns=None, exchanges=0, last_ns=START + round(until * MS), **changes)

    def credentials(self, at: float, **changes: Any) -> None:
        """What an SDK with a good endpoint asks: token, role, credentials, 5 ms apart."""
        for number, operation in enumerate(STEPS):
            self.ask(operation, at + 5 * number, at + 5 * number + 2, **changes)

    def place(self, *more: tuple[Connection, Exchange]) -> list[Placed]:
        connections = [*self.connections, *(row for row, _ in more)]
        return place_calls([*self.exchanges, *(row for _, row in more)], connections, [])

    def calls(self) -> tuple[list[Call], list[Span]]:
        return reckon(self.place())


def ids(calls: Sequence[Call]) -> list[tuple[int, ...]]:
    return [call.exchange_ids for call in calls]


def test_token_role_and_credentials_are_one_dialogue() -> None:
    imds = Endpoint()
    imds.credentials(0)
    (call,), _ = imds.calls()
    assert (call.service, call.operation, call.attempts, call.ok) == ("imds", "GetCredentials", 1, True)
    assert (call.duration_ns, call.failed_ns, call.exchange_ids) == (12_200_000, 0, (0, 1, 2))


def test_a_token_after_credentials_begins_the_next() -> None:
    imds = Endpoint()
    imds.credentials(0)
    imds.credentials(15)
    calls, _ = imds.calls()
    assert ids(calls) == [(0, 1, 2), (3, 4, 5)]


def test_four_tokens_given_up_and_version_one() -> None:
    """The SDK for JavaScript v2 behind a hop limit of 1: four PUTs of 1 s, then two GETs without a token."""
    imds = Endpoint()
    for at in (0, 1060, 2150, 3400):
        imds.ask("PutToken", at, closed=at + 1000, imds_version=2)
    imds.ask("ListRoles", 4410, 4413, imds_version=1)
    imds.ask("GetRoleCredentials", 4416, 4419, imds_version=1)
    (call,), spans = imds.calls()
    assert (call.attempts, call.ok, call.duration_ns) == (5, True, 4_419_200_000)
    assert call.failed_ns == 4 * 1_000_200_000
    assert call.backoff_ns == (59.8 + 89.8 + 249.8 + 9.8) * MS
    assert [span.phase for span in spans if span.phase in ("failed", "backoff")].count("backoff") == 4


def test_where_the_fin_waits_the_next_activity_ends_the_try() -> None:
    """No packet of the connection comes through, so the client's FIN waits behind the PUT, and is seen 15 s later."""
    imds = Endpoint()
    imds.ask("PutToken", 0, closed=15_000, request_acknowledged=False)
    imds.ask("ListRoles", 1001.2, 1003)
    (call,), _ = imds.calls()
    assert (call.failed_ns, call.backoff_ns) == (1_001_200_000, 0)


def test_processes_behind_one_address_are_told_apart() -> None:
    """Three workers, 350 ms apart, each waiting 1 s for a token."""
    imds = Endpoint()
    for start in (0, 350, 700):
        imds.ask("PutToken", start, closed=start + 1000, request_acknowledged=True, sdk="python-boto3")
    for start in (0, 350, 700):
        imds.ask("ListRoles", start + 1002, start + 1004, sdk="python-boto3")
        imds.ask("GetRoleCredentials", start + 1006, start + 1008, sdk="python-boto3")
    calls, _ = imds.calls()
    assert ids(calls) == [(0, 3, 4), (1, 5, 6), (2, 7, 8)]


def test_a_request_while_another_waits_is_another_dialogue() -> None:
    imds = Endpoint()
    imds.ask("PutToken", 0, 500)
    imds.ask("PutToken", 100, 600)
    assert len(imds.calls()[0]) == 2


def test_an_answer_that_never_arrived_is_no_answer() -> None:
    """On the host's uplink the 200 is seen, with a TTL of 1; the client gives up by FIN after one second."""
    imds = Endpoint()
    shut = START + 1000 * MS
    imds.ask("PutToken", 0, 4, outcome="undelivered")
    imds.connections[0] = imds.connections[0]._replace(client_closed_ns=shut, server_closed_ns=START + 4 * MS, closed_ns=START + 4 * MS)
    imds.ask("ListRoles", 1010, 1012)
    (call,), spans = imds.calls()
    assert call.failed_ns == 1_000_200_000
    assert [span.inner_phase for span in spans if span.phase == "failed"] == ["connect", "client", "send", "wait"]


def test_a_refused_token_goes_on_without_and_the_next_fetch_is_another() -> None:
    imds = Endpoint()
    for start in (0, 20):
        imds.ask("PutToken", start, start + 1, 403, imds_version=2)
        imds.ask("ListRoles", start + 3, start + 5, imds_version=1)
        imds.ask("GetRoleCredentials", start + 7, start + 9, imds_version=1)
    calls, _ = imds.calls()
    assert ids(calls) == [(0, 1, 2), (3, 4, 5)]
    assert [call.attempts for call in calls] == [2, 2]


def test_refused_for_good_ends_it() -> None:
    imds = Endpoint()
    imds.ask("PutToken", 0, closed=1000)
    imds.ask("ListRoles", 1001, 1003, 401)
    imds.ask("PutToken", 1010, closed=2010)
    calls, _ = imds.calls()
    assert ids(calls) == [(0, 1), (2,)]
    assert calls[0].ok is False


def test_a_throttled_request_is_tried_again_in_the_same_dialogue() -> None:
    imds = Endpoint()
    imds.ask("PutToken", 0, 1, 503)
    imds.ask("PutToken", 100, 101, 503)
    imds.ask("PutToken", 300, 301)
    imds.ask("ListRoles", 303, 304)
    imds.ask("GetRoleCredentials", 306, 307)
    (call,), _ = imds.calls()
    assert (call.attempts, call.ok) == (3, True)
    assert call.backoff_ns == round((98.8 + 198.8) * MS)


def test_version_one_without_a_token_before_it_has_no_failure() -> None:
    imds = Endpoint()
    imds.ask("ListRoles", 0, 2, imds_version=1)
    imds.ask("GetRoleCredentials", 4, 6, imds_version=1)
    (call,), _ = imds.calls()
    assert (call.attempts, call.failed_ns, call.operation) == (1, 0, "GetCredentials")


def test_the_region_is_a_dialogue_of_its_own() -> None:
    imds = Endpoint()
    imds.ask("PutToken", 0, 1)
    imds.ask("GetAvailabilityZone", 2, 3)
    imds.credentials(10)
    calls, _ = imds.calls()
    assert [(call.operation, call.ok) for call in calls] == [("GetRegion", True), ("GetCredentials", True)]


def test_nobody_there() -> None:
    """Nothing answers: what was asked cannot be known; the tries are one dialogue that ends with its last SYN."""
    imds = Endpoint()
    imds.silence(0, 1000)
    imds.silence(1060, 2060)
    (call,), _ = imds.calls()
    assert (call.operation, call.ok, call.attempts, call.duration_ns) == (None, False, 2, 2060 * MS)
    assert call.connection_ids == (0, 1)


def test_what_nobody_answers_is_outstanding_until_the_next_try() -> None:
    imds = Endpoint()
    imds.silence(0, 0)
    imds.silence(1060, 1060)
    imds.silence(2150, 2150)
    (call,), spans = imds.calls()
    assert (call.failed_ns, call.backoff_ns) == (2150 * MS, 0)
    assert [(span.attempt, span.inner_phase) for span in spans] == [(1, "connect"), (2, "connect")]


def test_connections_whose_request_never_comes_by_are_tries() -> None:
    """A filter between client and capture point drops the PUT: the connection opens, nothing is said, the client closes after 1 s."""
    imds = Endpoint()
    for at in (0, 1050):
        shut = START + (at + 1000) * MS
        imds.connect(at, exchanges=0, bytes_sent=0, bytes_received=0, closed_ns=shut, client_closed_ns=shut, last_ns=shut)
    imds.connect(2060, exchanges=0, bytes_received=0, closed_ns=START + 2061 * MS, client_closed_ns=START + 2061 * MS)  # tries the port
    imds.ask("ListRoles", 2070, 2072)
    (call,), _ = imds.calls()
    assert (call.attempts, call.failed_ns, call.backoff_ns) == (3, 2000 * MS, round((50 + 19.8) * MS))


def test_where_the_close_does_not_come_by_either_the_next_try_ends_it() -> None:
    imds = Endpoint()
    for at in (0, 1050):
        imds.connect(at, exchanges=0, bytes_sent=0, bytes_received=0, last_ns=START + (at + 1) * MS)
    imds.ask("ListRoles", 2070, 2072)
    imds.connect(9000, exchanges=0, bytes_sent=0, bytes_received=0)  # spare: nobody shows that a client waited on it
    (call,), _ = imds.calls()
    assert (call.attempts, call.failed_ns, call.backoff_ns) == (3, round(2069.8 * MS), 0)


def test_refused_connections_end_at_the_reset() -> None:
    imds = Endpoint()
    imds.silence(0, 1, closed_ns=START + MS, server_closed_ns=START + MS, closed_by="server-reset")
    imds.silence(5, 6, closed_ns=START + 6 * MS, server_closed_ns=START + 6 * MS, closed_by="server-reset")
    (call,), _ = imds.calls()
    assert (call.failed_ns, call.backoff_ns, call.connect_ns) == (MS, 4 * MS, MS)


def test_container_credentials_are_one_request_and_its_retries() -> None:
    ecs = Endpoint("169.254.170.2", "ecs-credentials")
    ecs.ask("GetCredentials", 0, 5, 500)
    ecs.ask("GetCredentials", 1006, 1011)
    ecs.ask("GetCredentials", 1020, 1024)
    calls, _ = ecs.calls()
    assert [(call.operation, call.attempts, call.ok) for call in calls] == [("GetCredentials", 2, True), ("GetCredentials", 1, True)]


def test_two_sdks_on_one_host_do_not_mix() -> None:
    imds = Endpoint()
    imds.ask("PutToken", 0, 1, sdk="js-v3")
    imds.ask("ListRoles", 2, 3, sdk="python-boto3", imds_version=1)
    assert len(imds.calls()[0]) == 2


def test_a_token_alone_that_was_given_up() -> None:
    """.NET and Rust have no version 1: nothing follows."""
    imds = Endpoint()
    imds.ask("PutToken", 0, closed=1000)
    (call,), _ = imds.calls()
    assert (call.operation, call.ok, call.attempts, call.evidence) == ("GetCredentials", False, 1, "inferred")
    assert call.wait_ns == 1000 * MS
