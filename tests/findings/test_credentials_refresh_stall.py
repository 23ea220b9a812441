"""credentials-refresh-stall: calls in the midst of work that wait; starts, quick fetches and background refreshes that do not."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import findings
from analyzer.findings.rules import imds_hop_limit
from analyzer.findings.rules.credentials_refresh_stall import check
from analyzer.findings.view import View
from analyzer.model.rows import Call, Connection, Finding
from tests.factory import MS, START, connection
from tests.findings.dialogues import Talk, answer, hop_limit, service_call


def fetch(number: int = 1, start: float = 5000, took: float = 300, **facts: Any) -> Talk:
    return Talk(number, **facts).ask("PutToken", start).ask("GetRoleCredentials", start + 10, took=took, imds_version=2)


def earlier(**changes: Any) -> Call:
    return service_call(2, **changes)


def test_a_call_in_the_midst_of_work_waits() -> None:
    talk = fetch()
    (row,) = check(View(answer(talk, waiting=[(service_call(5), talk)], calls=[earlier()])))
    assert row.summary == (
        "GetItem took 328 ms in the midst of work: 311 ms of it waited for new credentials. The fetch takes 311 ms and comes back whenever "
        "they expire."
    )
    assert (row.code, row.severity, row.confidence, row.decides) == ("credentials-refresh-stall", "warning", "proven", None)
    assert (row.cost_ns, row.calls, row.packet_ids) == (311 * MS, (5,), (104, 116))
    assert row.share == pytest.approx(311 / (328 + 17))
    assert row.display_filter == "tcp.stream in {10, 11} && (http.request || http.response)"


def test_several_calls_wait_for_one_refresh() -> None:
    talk = fetch()
    waiting = [(service_call(5), talk), (service_call(6), talk)]
    (row,) = check(View(answer(talk, waiting=waiting, calls=[earlier()])))
    assert row.summary.startswith("2 of 3 calls waited for new credentials in the midst of work: 622 ms in all, 311 ms the longest.")
    assert (row.cost_ns, row.calls) == (622 * MS, (5, 6))


def test_a_call_on_a_new_connection_may_be_another_program_s() -> None:
    talk = fetch()
    (row,) = check(View(answer(talk, waiting=[(service_call(5, reused=False), talk)], calls=[earlier()])))
    assert row.confidence == "likely"
    assert row.decides


def test_what_a_more_specific_rule_took_is_not_charged_again() -> None:
    talk = hop_limit(1, start=5000)
    view = View(answer(talk, waiting=[(service_call(5), talk)], calls=[earlier()]))
    (lost,) = imds_hop_limit.check(view)
    (row,) = check(view)
    assert (lost.cost_ns, row.cost_ns) == (1101 * MS, 13 * MS)


@pytest.mark.parametrize(
    "waiting, before",
    [(service_call(5), []), (None, [earlier()]), (service_call(5, duration_ns=4000 * MS), [earlier()])],
    ids=["the first call of all", "nobody waited", "a twelfth of the call's time"],
)
def test_what_is_no_stall(waiting: Call | None, before: list[Call]) -> None:
    talk = fetch()
    about = answer(talk, waiting=[(waiting, talk)] if waiting is not None else [], calls=before)
    assert list(check(View(about))) == []


def test_a_quick_refresh_is_none() -> None:
    talk = fetch(took=30)
    assert list(check(View(answer(talk, waiting=[(service_call(5), talk)], calls=[earlier()])))) == []


def test_a_start_of_another_client_is_none() -> None:
    talk = fetch(client="172.17.0.9")
    late = service_call(5, client_address="172.17.0.9")
    assert list(check(View(answer(talk, waiting=[(late, talk)], calls=[earlier()])))) == []


def encrypted(number: int, first: float, last: float, **changes: Any) -> Connection:
    row = connection(number, client_address="172.17.0.2", server_port=443, service=None, server_name=None, protocol="tls")
    return row._replace(first_ns=START + round(first * MS), last_ns=START + round(last * MS))._replace(**changes)


def seen(rows: list[Connection], talk: Talk | None = None) -> list[Finding]:
    return list(check(View(answer(talk or fetch(), connections=rows))))


def test_connections_alone_make_it_likely() -> None:
    (row,) = seen([encrypted(800, 1000, 9000)])
    assert row.summary == (
        "A client (172.17.0.2) spent 311 ms on fetching new credentials in the midst of its work. Boto3 does that "
        "inside the call that needs "
        "them, and the call waits. The fetch takes 311 ms and comes back whenever they expire."
    )
    assert (row.confidence, row.calls, row.cost_ns, row.share) == ("likely", (1,), 311 * MS, None)
    assert row.decides


def test_a_connection_opened_right_after_it_makes_it_only_possible() -> None:
    (row,) = seen([encrypted(800, 1000, 9000), encrypted(801, 5400, 6000)])
    assert row.confidence == "possible"
    (row,) = seen([encrypted(800, 1000, 9000), encrypted(801, 6400, 7000)])
    assert row.confidence == "likely"


@pytest.mark.parametrize(
    "rows, talk",
    [
        ([], None),
        ([encrypted(800, 1000, 5100)], None),
        ([encrypted(800, 4500, 9000)], None),
        ([encrypted(800, 1000, 9000, client_address="172.17.0.9")], None),
        ([encrypted(800, 1000, 9000, protocol="http/1.1")], None),
        ([encrypted(800, 1000, 9000, bytes_received=0)], None),
        ([encrypted(800, 1000, 9000, copy_of=3)], None),
        ([encrypted(800, 1000, 9000)], fetch(sdk="dotnet")),
        ([encrypted(800, 1000, 9000)], fetch(sdk=None)),
        ([encrypted(800, 1000, 9000)], fetch(took=20)),
    ],
    ids=["none", "it ended", "just opened", "another client", "readable", "dead", "a copy", "refreshes on a timer", "who knows", "quick"],
)
def test_connections_that_say_nothing(rows: list[Connection], talk: Talk | None) -> None:
    assert seen(rows, talk) == []


def test_dialogues_cost_no_more_than_they_took() -> None:
    talks = [hop_limit(number, tries=2, start=number * 6000) for number in range(3)]
    rows = findings.check(answer(*talks, connections=[encrypted(800, 100, 60_000)]))
    of_dialogues = [row for row in rows if set(row.calls) <= {0, 1, 2}]
    assert {"imds-hop-limit", "credentials-refresh-stall", "imds-v1-fallback"} <= {row.code for row in of_dialogues}
    assert sum(row.cost_ns for row in of_dialogues) <= sum(talk.call().duration_ns for talk in talks)
