"""Calls from exchanges: attempts joined by invocation id, set-up owned, failed connections, what was not captured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.aws import place_calls, with_chains
from analyzer.latency import reckon
from analyzer.model.draft import Draft
from analyzer.model.rows import Call, Connection, Exchange, Lookup
from tests.factory import MS, START, connection, exchange, later, lookup


def drafts(connections: Sequence[Connection], exchanges: Sequence[Exchange], lookups: Sequence[Lookup] = ()) -> list[Draft]:
    return [placed.draft for placed in place_calls(exchanges, connections, lookups)]


def silent(number: int, at: int, until: int, address: str = "3.218.180.10", **changes: Any) -> Connection:
    """A connection that never opened: its SYNs from `at` to `until` (ms)."""
    row = connection(number)._replace(
        server_address=address, first_ns=START + at * MS, syn_ns=START + at * MS, last_ns=START + until * MS, established_ns=None,
        connect_ns=None, exchanges=0, closed_ns=None, client_closed_ns=None, closed_by="open", syn_retransmissions=int(until > at),
        syn_stall_ns=(until - at) * MS, protocol=None,
    )  # fmt: skip
    return row._replace(**changes)


def shifted(row: Exchange, ms: int, **changes: Any) -> Exchange:
    times = ("request_start_ns", "request_end_ns", "response_start_ns", "response_end_ns")
    return row._replace(**{name: getattr(row, name) + ms * MS for name in times if getattr(row, name) is not None})._replace(**changes)


def test_one_invocation_is_one_call_across_connections() -> None:
    first, second = connection(0), connection(1)
    rows = [
        exchange(0, first, invocation_id="a", attempt=1, status=500, outcome="error"),
        exchange(1, second, invocation_id="a", attempt=2),
        later(2, second, 1, invocation_id="b", attempt=1),
    ]
    retried, other = drafts([first, second], rows)
    assert [one.exchange.exchange_id for one in retried.attempts if one.exchange] == [0, 1]
    assert [one.failed for one in retried.attempts] == [True, False]
    assert [piece.phase for one in retried.attempts for piece in one.set_up] == ["connect", "connect"]
    assert len(other.attempts) == 1


def test_the_same_id_from_another_client_is_another_call() -> None:
    first, second = connection(0), connection(1, client_address="10.0.9.9")
    rows = [exchange(0, first, invocation_id="a"), exchange(1, second, invocation_id="a")]
    assert [len(one.attempts) for one in drafts([first, second], rows)] == [1, 1]


def test_without_ids_every_exchange_is_a_call() -> None:
    one = connection()
    assert len(drafts([one], [exchange(0, one), later(1, one, 1), later(2, one, 2)])) == 3


def test_copies_cut_requests_and_other_http_make_no_calls() -> None:
    one = connection()
    rows = [exchange(0, one, copy_of=7), exchange(1, one, request_start_ns=None, outcome="cut"), exchange(2, one, service=None)]
    assert drafts([one], rows) == []


def test_set_up_belongs_to_the_first_exchange_only_if_it_comes_soon() -> None:
    one, ahead = connection(0), connection(1, opened_ahead=True)
    cold, warm, late = drafts([one, ahead], [exchange(0, one), later(1, one, 1), exchange(2, ahead)])
    assert [piece.phase for piece in cold.attempts[0].set_up] == ["connect"]
    assert cold.start_ns == one.syn_ns
    assert not warm.attempts[0].set_up
    assert not late.attempts[0].set_up


def test_set_up_that_ended_long_before_the_request_is_inferred() -> None:
    one = connection()
    for ms, evidence in ((0, "measured"), (49, "measured"), (60, "inferred")):
        (draft,) = drafts([one], [shifted(exchange(0, one), ms)])
        assert draft.evidence == evidence


def test_a_connection_handed_to_whoever_waits_is_inferred() -> None:
    """Node and Go: another request ended while this connection was being opened."""
    busy, fresh = connection(0), connection(1)
    other = exchange(0, busy)._replace(response_end_ns=START + 105 * MS)
    for sdk, evidence in (("js-v3", "inferred"), ("python-boto3", "measured")):
        rows = [other._replace(sdk=sdk), exchange(1, fresh, sdk=sdk)]
        assert drafts([busy, fresh], rows)[1].evidence == evidence


def test_the_lookup_that_led_to_the_connection_is_part_of_the_call() -> None:
    one = connection()
    (draft,) = drafts([one], [exchange(0, one)], [lookup(0)])
    assert [(piece.phase, piece.start_ns - START, piece.end_ns - START) for piece in draft.attempts[0].set_up] == [
        ("dns", -5 * MS, -MS), ("connect", 0, 10 * MS),
    ]  # fmt: skip


def test_search_list_tries_belong_to_the_lookup() -> None:
    one = connection()
    name = "dynamodb.us-east-1.amazonaws.com"
    tries = [
        lookup(
            0, name=f"{name}.ec2.internal", start_ns=START - 9 * MS, end_ns=START - 7 * MS, rcode="NXDOMAIN", answers=(), connection_ids=()
        ),
        lookup(
            1, name="elsewhere.example", start_ns=START - 9 * MS, end_ns=START - 8 * MS, rcode="NXDOMAIN", answers=(), connection_ids=()
        ),
        lookup(2, start_ns=START - 6 * MS),
    ]
    (draft,) = drafts([one], [exchange(0, one)], tries)
    dns = draft.attempts[0].set_up[0]
    assert (dns.start_ns, dns.causes) == (START - 9 * MS, ("search-list",))


def test_a_lookup_for_two_connections_is_shared() -> None:
    pair = [connection(0), connection(1)._replace(syn_ns=START + MS, first_ns=START + MS, established_ns=START + 11 * MS)]
    rows = [exchange(number, row) for number, row in enumerate(pair)]
    made = drafts(pair, rows, [lookup(0, connection_ids=(0, 1))])
    assert [one.attempts[0].set_up[0].shared for one in made] == [True, True]


def test_a_lookup_is_not_charged_again_to_a_connection_opened_after_an_answer() -> None:
    """The second SYN came after the first exchange was over: its address came from a cache."""
    pair = [connection(0), connection(1)]
    made = drafts(pair, [exchange(number, row) for number, row in enumerate(pair)], [lookup(0, connection_ids=(0, 1))])
    assert [[piece.phase for piece in one.attempts[0].set_up] for one in made] == [["dns", "connect"], ["connect"]]


def test_an_address_given_up_is_part_of_connect() -> None:
    dead, used = silent(0, 0, 3000, "3.218.180.99"), connection(50)
    (draft,) = drafts([dead, used], [exchange(0, used, attempt=1)])
    (attempt,) = draft.attempts
    assert (attempt.start_ns, attempt.beside) == (START, (dead,))
    assert attempt.set_up[0].causes == ("address-fallback", "syn-retransmitted")


def test_an_address_overtaken_is_happy_eyeballs() -> None:
    slow = silent(0, 0, 200, "2600::1")
    used = connection(1)._replace(first_ns=START + 250 * MS, syn_ns=START + 250 * MS, established_ns=START + 260 * MS)
    (draft,) = drafts([slow, used], [shifted(exchange(0, used), 0)])
    assert "happy-eyeballs" in draft.attempts[0].set_up[0].causes
    assert draft.start_ns == START


def test_a_connection_that_failed_is_the_attempt_that_the_header_counts() -> None:
    dead, used = silent(0, 0, 3000), connection(50)
    (draft,) = drafts([dead, used], [exchange(0, used, attempt=2, invocation_id="a")])
    assert [(one.exchange is None, one.failed) for one in draft.attempts] == [(True, True), (False, False)]
    # Nothing says when the client gave up: the SYN was outstanding until it tried again.
    assert draft.attempts[0].end_ns == draft.attempts[1].start_ns == START + 5000 * MS


def test_a_refused_connection_ends_at_the_reset() -> None:
    dead = silent(0, 0, 1, closed_ns=START + MS, closed_by="server-reset")
    used = connection(20)
    calls, _ = reckon(place_calls([exchange(0, used, attempt=2, invocation_id="a")], [dead, used], []))
    assert (calls[0].failed_ns, calls[0].backoff_ns) == (MS, 1999 * MS)


def test_a_request_that_nobody_acknowledged_is_outstanding_until_the_next_try() -> None:
    """The FIN waits behind the request and is never seen: what lies between the last repeat and the next try is not back-off."""
    dead, used = connection(0, closed_ns=None, client_closed_ns=None, last_ns=START + 3300 * MS), connection(50)
    lost = exchange(0, dead, outcome="no-response", response_start_ns=None, response_end_ns=None, invocation_id="a", attempt=1)
    calls, _ = reckon(place_calls([lost, exchange(1, used, invocation_id="a", attempt=2)], [dead, used], []))
    assert (calls[0].failed_ns, calls[0].backoff_ns) == (5000 * MS, 0)


def test_without_a_count_the_same_address_again_is_another_attempt() -> None:
    dead, used = silent(0, 0, 3000), connection(50)
    (draft,) = drafts([dead, used], [exchange(0, used, attempt=None)])
    assert len(draft.attempts) == 2


def test_another_threads_silence_is_not_charged_to_a_healthy_call() -> None:
    """Its SYN goes on being repeated after this call was connected, or it is the same address in a first attempt."""
    used = connection(5)
    other = silent(0, 0, 7000)
    assert [len(one.attempts) for one in drafts([other, used], [exchange(0, used, attempt=2)])] == [1, 1]
    over = silent(0, 0, 100)
    assert [len(one.attempts) for one in drafts([over, used], [exchange(0, used, attempt=1)])] == [1, 1]


def test_connections_tried_at_the_same_time_are_calls_of_their_own() -> None:
    assert len(drafts([silent(number, 0, 3000) for number in range(4)], [])) == 4


def test_a_call_that_never_got_a_connection_has_its_lookup_and_is_not_reused() -> None:
    row = silent(0, 0, 3000)
    calls, _ = reckon(place_calls([], [row], [lookup(0)]))
    assert (calls[0].dns_ns, calls[0].connect_ns, calls[0].reused) == (4 * MS, 3000 * MS, False)


def test_an_id_that_comes_again_after_an_answer_is_another_call() -> None:
    one = connection()
    rows = [later(0, one, 1, invocation_id="a"), later(1, one, 2, invocation_id="a")]
    assert [len(draft.attempts) for draft in drafts([one], rows)] == [1, 1]
    late = shifted(later(1, one, 2, invocation_id="a", attempt=2), 26_000)
    refused = later(0, one, 1, invocation_id="a", status=500, outcome="error")
    assert [len(draft.attempts) for draft in drafts([one], [refused, late])] == [1, 1]


def test_the_same_answer_seen_in_two_places_is_one_call() -> None:
    """Translated copies without their SYN cannot be told by their sequence numbers; the service's request id tells them."""
    here, there = connection(0, syn_ns=None), connection(1, syn_ns=None, client_address="10.0.9.9")
    rows = [later(0, here, 1, aws_request_id="R"), later(1, there, 1, aws_request_id="R")._replace(request_start_ns=START + 51 * MS)]
    rows[0] = rows[0]._replace(request_start_ns=START + 50 * MS)
    assert len(drafts([here, there], rows)) == 1


NO_ID = {"invocation_id": None, "attempt": None, "sdk": "js-v2"}
THROTTLED = {"status": 400, "outcome": "error", "error_type": "ProvisionedThroughputExceededException"}


def test_retries_of_an_sdk_without_ids_are_joined_by_what_they_repeat() -> None:
    one = connection()
    rows = [later(0, one, 1, **NO_ID, **THROTTLED), later(1, one, 2, **NO_ID, **THROTTLED), later(2, one, 3, **NO_ID)]
    (draft,) = drafts([one], rows)
    assert (len(draft.attempts), draft.evidence) == (3, "inferred")


def test_what_is_not_repeated_is_not_joined() -> None:
    one = connection()
    failed = later(0, one, 1, **NO_ID, **THROTTLED)
    for other in (
        later(1, one, 2, **NO_ID, table_name="Other"), later(1, one, 2, **NO_ID, request_bytes=801),
        later(1, one, 2, **NO_ID, operation="Scan"),
        shifted(later(1, one, 2, **NO_ID), 30_000), later(1, one, 2, **{**NO_ID, "sdk": "go-v1"}),
    ):  # fmt: skip
        assert [len(draft.attempts) for draft in drafts([one], [failed, other])] == [1, 1]
    refused = later(0, one, 1, **NO_ID, status=400, outcome="error", error_type="ValidationException")
    assert [len(draft.attempts) for draft in drafts([one], [refused, later(1, one, 2, **NO_ID)])] == [1, 1]


def test_of_two_equal_calls_that_failed_at_once_the_first_goes_on_first() -> None:
    one = connection()
    failed = [later(number, one, 1, **NO_ID, **THROTTLED) for number in (0, 1)]
    rows = [*failed, later(2, one, 2, **NO_ID), later(3, one, 2, **NO_ID)]
    made = drafts([one], rows)
    assert [[step.exchange.exchange_id for step in draft.attempts if step.exchange] for draft in made] == [[0, 2], [1, 3]]
    assert {draft.evidence for draft in made} == {"inferred"}


def test_a_call_that_never_got_a_connection() -> None:
    made = drafts([silent(0, 0, 3000), silent(1, 4000, 7000), silent(2, 60_000, 63_000)], [])
    assert [len(one.attempts) for one in made] == [2, 1]
    calls, _ = reckon(place_calls([], [silent(0, 0, 3000), silent(1, 4000, 7000)], []))
    assert (calls[0].ok, calls[0].attempts, calls[0].duration_ns, calls[0].operation) == (False, 2, 7000 * MS, None)


def test_silence_beside_an_encrypted_connection_is_a_call_like_any_other() -> None:
    (draft,) = drafts([silent(0, 0, 3000), connection(50, protocol="tls", exchanges=0)], [])
    assert draft.attempts[0].exchange is None


def test_attempts_before_the_capture_truncate_the_start() -> None:
    one = connection()
    (draft,) = drafts([one], [later(0, one, 1, attempt=3, invocation_id="a")])
    assert (draft.truncated, len(draft.attempts)) == ("start", 1)


def test_attempts_missing_in_between_are_counted_and_not_invented() -> None:
    one = connection()
    rows = [later(0, one, 1, attempt=1, invocation_id="a", outcome="error", status=500), later(1, one, 2, attempt=3, invocation_id="a")]
    calls, _ = reckon(place_calls(rows, [one], []))
    assert (calls[0].attempts, calls[0].unexplained_ns > 0, calls[0].backoff_ns) == (3, True, 0)


def test_a_hostile_count_of_attempts_changes_nothing() -> None:
    one = connection()
    calls, _ = reckon(place_calls([later(0, one, 1, attempt=9999, invocation_id="a")], [one], []))
    assert calls[0].attempts == 1


def test_an_answer_that_the_capture_cuts_off_truncates_the_end() -> None:
    one = connection(closed_ns=None, closed_by="open", client_closed_ns=None)
    silent_end = later(0, one, 1, outcome="no-response", response_start_ns=None, response_end_ns=None)
    calls, _ = reckon(place_calls([silent_end], [one], []))
    assert (calls[0].truncated, calls[0].ok) == ("end", None)


def test_without_response_a_call_ends_at_the_close() -> None:
    one = connection()
    asked = exchange(0, one, outcome="no-response", response_start_ns=None, response_end_ns=None)
    calls, _ = reckon(place_calls([asked], [one], []))
    assert calls[0].end_ns == one.closed_ns
    assert (calls[0].ok, calls[0].truncated) == (False, None)


def test_a_fin_before_the_request_is_not_its_end() -> None:
    one = connection(closed_ns=START + 5 * MS, server_closed_ns=START + 5 * MS, client_closed_ns=START + 40 * MS)
    asked = exchange(0, one, outcome="no-response", response_start_ns=None, response_end_ns=None)
    calls, _ = reckon(place_calls([asked], [one], []))
    assert calls[0].end_ns == START + 40 * MS


def test_a_pipelined_request_waits_behind_the_answer_before() -> None:
    one = connection()
    first = exchange(0, one)
    piped = shifted(exchange(1, one, index_on_connection=1, server_ns=None, network_ns=None), 2)
    _, spans = reckon(place_calls([first, piped], [one], []))
    assert [span.causes for span in spans if span.call_id == 1 and span.phase == "wait"] == [("head-of-line",)]


def pages(*more: bool | None, gap: int = 0, **changes: Any) -> list[Call]:
    one = connection()
    first = {"continues": True, **changes}
    rows = [shifted(later(number, one, number + 1, has_more=yes, **first), gap * number) for number, yes in enumerate(more)]
    rows[0] = rows[0]._replace(continues=False)
    calls, _ = reckon(place_calls(rows, [one], []))
    return with_chains(calls, rows)


def test_pages_of_one_query_are_a_chain() -> None:
    assert [call.chain_id for call in pages(True, True, False, False)] == [0, 0, 0, None]


def test_a_query_that_starts_anew_is_no_page() -> None:
    """A limit ends a query too, and the same query again is another one."""
    assert {call.chain_id for call in pages(True, True, continues=False)} == {None}
    assert [call.chain_id for call in pages(True, False, continues=None)] == [0, 0]


def test_an_item_read_between_is_no_page() -> None:
    assert {call.chain_id for call in pages(True, True, operation="GetItem")} == {None}


def test_a_page_asked_for_much_later_is_another_query() -> None:
    assert {call.chain_id for call in pages(True, False, gap=6000)} == {None}
