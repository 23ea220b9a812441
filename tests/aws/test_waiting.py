"""Which call waited for which dialogue: the rule of design section 2.4, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.aws.waiting import until_next, waits
from analyzer.model.draft import Attempt, Draft
from tests.factory import MS, START, connection, exchange, later


def dialogue(begun: int, over: int, client: str = "10.0.1.23") -> Draft:
    return _draft(begun, over, client, opens=True)._replace(service="imds", operation="GetCredentials", is_dialogue=True)


def call(begun: int, over: int, client: str = "10.0.1.23", *, opens: bool = True) -> Draft:
    return _draft(begun, over, client, opens=opens)


def _draft(begun: int, over: int, client: str, *, opens: bool, **changes: Any) -> Draft:
    from analyzer.model.draft import Activity

    under = connection(client_address=client)
    row = exchange(0, under) if opens else later(0, under, 1)
    pieces = (Activity("connect", START + begun * MS, START + begun * MS + 1, 0, 1, 2),) if opens else ()
    return Draft("dynamodb", "Query", (Attempt(row, under, pieces, START + begun * MS, START + over * MS, False),), None, "measured")


def test_the_call_that_begins_right_after_waited() -> None:
    assert waits([dialogue(0, 1000)], [call(1050, 1100)]) == {0: [0]}


def test_a_call_a_second_later_did_not() -> None:
    assert waits([dialogue(0, 1000)], [call(2001, 2100)]) == {}


def test_a_call_that_began_before_the_end_did_not() -> None:
    assert waits([dialogue(0, 1000)], [call(900, 1100)]) == {}


def test_another_client_did_not() -> None:
    assert waits([dialogue(0, 1000)], [call(1050, 1100, "10.0.9.9")]) == {}


def test_the_next_call_of_a_client_that_opens_one_a_call_did_not() -> None:
    assert waits([dialogue(0, 1000)], [call(1050, 1100), call(1101, 1150)]) == {0: [0]}


def test_calls_that_wait_together_share_it() -> None:
    assert waits([dialogue(0, 1000)], [call(1050, 1100), call(1051, 1120)]) == {0: [0], 1: [0]}


def test_on_an_open_connection_it_waited_only_if_the_client_was_quiet() -> None:
    """A refresh in steady state: nothing was sent while it lasted."""
    assert waits([dialogue(500, 1500)], [call(0, 400), call(1510, 1550, opens=False)]) == {1: [0]}
    assert waits([dialogue(500, 1500)], [call(0, 700), call(1510, 1550, opens=False)]) == {}


def test_calls_that_go_on_make_it_a_background_refresh() -> None:
    going_on = [call(at, at + 50, opens=False) for at in range(0, 2000, 100)]
    assert waits([dialogue(520, 1480)], going_on) == {}


def test_a_burst_in_its_second_half_makes_it_one_too() -> None:
    burst = [call(at, at + 5, opens=False) for at in (600, 650, 700)]
    assert waits([dialogue(0, 1000)], [*burst, call(1050, 1100)]) == {}
    assert waits([dialogue(0, 1000)], [*burst[:2], call(1050, 1100)]) == {2: [0]}


def test_each_worker_waits_for_its_own() -> None:
    """Processes behind one address: the call waits for the dialogue that ended last before it."""
    asked = [dialogue(0, 1015), dialogue(350, 1365)]
    assert waits(asked, [call(1050, 1400), call(1395, 1450)]) == {0: [0], 1: [1]}


def test_a_region_asked_for_before_is_waited_for_too() -> None:
    assert waits([dialogue(0, 300), dialogue(310, 600)], [call(620, 700)]) == {0: [0, 1]}


def test_ipv6_and_ipv4_are_one_client_where_only_one_host_talks() -> None:
    asked = [dialogue(0, 1000, "fd00::2")]
    assert waits(asked, [call(1050, 1100, "172.17.0.2")]) == {0: [0]}
    assert waits(asked, [call(1050, 1100, "172.17.0.2"), call(1200, 1300, "172.17.0.3")]) == {}


def test_calls_that_waited_together_begin_together_even_if_the_first_is_quick() -> None:
    assert waits([dialogue(0, 1000)], [call(1004, 1008), call(1012, 1016)]) == {0: [0], 1: [0]}


def test_silence_lasts_until_the_call_that_waited_for_it() -> None:
    """A SYN to IMDS that nobody answers, and the call one second later: the connect timeout is in no packet."""
    silent = dialogue(0, 0)._replace(open_end=True, truncated="end")
    (settled,) = until_next([silent], [call(1003, 1022)])
    assert (settled.end_ns - START, settled.truncated) == (1003 * MS, None)
    assert waits([settled], [call(1003, 1022)]) == {0: [0]}
    for other in (call(6500, 6600), call(1003, 1022, "10.0.9.9"), call(1003, 1022, opens=False)):
        assert until_next([silent], [other]) == [silent]
    assert until_next([dialogue(0, 0)], [call(1003, 1022)]) == [dialogue(0, 0)]


def test_metadata_that_an_agent_reads_is_waited_for_by_nobody() -> None:
    assert waits([dialogue(0, 1000)._replace(operation="GetMetadata")], [call(1050, 1100)]) == {}


def silent(sdk: str | None, service: str = "imds") -> Draft:
    """A dialogue whose only request nobody answers, and nothing says when the client gave it up."""
    asked = dialogue(0, 10)
    last = asked.attempts[-1]
    row = exchange(0, last.connection, sdk=sdk, service=service, outcome="no-response", status=None)
    return asked._replace(service=service, open_end=True, attempts=(last._replace(exchange=row),))


@pytest.mark.parametrize(
    "sdk, service, after_ms, waited",
    [
        (None, "imds", 5_900, True),
        (None, "imds", 6_100, False),
        ("python-boto3", "imds", 5_900, True),  # AWS_METADATA_SERVICE_TIMEOUT may be anything
        ("python-boto3", "imds", 6_100, False),
        ("elixir-hackney", "imds", 30_900, True),  # ex_aws gives a request to IMDS 30 s
        ("elixir-hackney", "imds", 31_100, False),
        ("rust", "ecs-credentials", 5_900, True),
        ("kotlin", "imds", 6_100, False),
    ],
)
def test_how_long_silence_may_last(sdk: str | None, service: str, after_ms: int, waited: bool) -> None:
    (asked,) = until_next([silent(sdk, service)], [call(after_ms, after_ms + 50)])
    assert asked.end_ns == START + (after_ms if waited else 10) * MS
