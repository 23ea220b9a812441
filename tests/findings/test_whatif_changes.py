"""Each change on made-up calls whose answer is known by hand, with a look-alike that it must leave alone."""

from __future__ import annotations

import pytest

from analyzer.model.rows import Stall
from analyzer.model.whatif import Wishes
from tests.factory import MS, analysis, call, connection, exchange, lookup, spans
from tests.findings.dialogues import Talk, hop_limit, service_call
from tests.findings.dialogues import answer as dialogues
from tests.findings.whatif_scenes import COLD, WARM_MS, answer, asked, cold, encrypted, lengths, reused

KEEP = Wishes(keep_alive=True)


def test_calls_in_a_row_need_one_connection() -> None:
    row, replay = asked(cold(4), KEEP)
    assert lengths(replay) == [28, WARM_MS, WARM_MS, WARM_MS]
    assert (row.changed, row.gain_ns, row.applies) == (3, 33 * MS, True)
    assert (row.p50_before_ns, row.p50_ns) == (28 * MS, WARM_MS * MS)


def test_calls_side_by_side_need_one_each() -> None:
    # One every 10 ms: when the third comes, at 20 ms, the first has 8 ms to go; the fourth finds it done.
    assert lengths(asked(cold(6, every_ms=10), KEEP)[1]) == [28, 28, 28, WARM_MS, WARM_MS, WARM_MS]
    assert lengths(asked(cold(3, every_ms=0), KEEP)[1]) == [28, 28, 28]


def test_one_that_is_idle_only_because_others_got_shorter_is_open_at_worst() -> None:
    # The second takes 17 ms and ends at 47, before the third comes; had it taken 28 as before, it had not.
    _, replay = asked(cold(at_ms=(0, 30, 50)), KEEP)
    assert lengths(replay) == [28, WARM_MS, WARM_MS]
    assert [(row.high_ns or 0) / MS for row in replay.calls] == [28, WARM_MS, 28]


def test_open_connections_stay_as_they_are() -> None:
    row, replay = asked(reused(4), KEEP)
    assert not row.applies
    assert "needed one of its own" in row.note
    assert lengths(replay) == [28, 17, 17, 17]
    assert row.total_ns == row.total_before_ns


def test_a_warm_pool_spares_the_first_too() -> None:
    assert lengths(asked(reused(3), Wishes(warm_pool=True))[1]) == [17, 17, 17]


def test_dialogues_with_the_metadata_service_have_no_pool() -> None:
    made = cold(3)
    asking = [row._replace(service="imds", operation="GetCredentials") for row in made.calls]
    dialogue = answer(list(made.connections), list(made.exchanges), asking, [COLD] * 3)
    for wish in (Wishes(warm_pool=True), KEEP):
        assert asked(made, wish)[0].applies
        row, replay = asked(dialogue, wish)
        assert not row.applies
        assert lengths(replay) == [28] * 3


def test_one_connection_has_no_median() -> None:
    assert asked(cold(1), Wishes(warm_pool=True))[0].note == "1 need not open one, 11.0 ms"
    assert asked(cold(2), Wishes(warm_pool=True))[0].note == "2 need not open one, 11.0 ms each (median)"


def test_a_server_that_ends_idle_connections_still_does() -> None:
    made = cold(2, every_ms=6_000)
    first, second = made.connections
    end = made.exchanges[0].response_end_ns or 0
    closed = first._replace(closed_by="server", server_closed_ns=end + 4_000 * MS, closed_ns=end + 4_000 * MS)
    ended = answer([closed, second], list(made.exchanges), list(made.calls), [COLD] * 2)
    assert lengths(asked(made, KEEP)[1]) == [28, WARM_MS]
    row, replay = asked(ended, KEEP)
    assert lengths(replay) == [28, 28]
    assert not row.applies


def test_another_client_has_another_pool() -> None:
    made = cold(2)
    calls = [made.calls[0], made.calls[1]._replace(client_address="10.0.1.99")]
    split = answer(list(made.connections), list(made.exchanges), calls, [COLD] * 2)
    assert lengths(asked(split, KEEP)[1]) == [28, 28]


def test_tls13_saves_one_round_trip_of_a_full_handshake() -> None:
    assert lengths(asked(encrypted(2), Wishes(tls13=True))[1]) == [43, 43]
    assert not asked(encrypted(2, shakes={"version": "TLS 1.3", "round_trips": 1}), Wishes(tls13=True))[0].applies
    resumed = asked(encrypted(3, full=1), Wishes(tls13=True))[1]
    assert lengths(resumed) == [43, 41, 41], "a resumed handshake of TLS 1.2 takes one round trip already"


def test_resumption_saves_the_round_trip_and_the_computing_but_not_of_the_first() -> None:
    row, replay = asked(encrypted(3), Wishes(resumption=True))
    # 10 ms of round trip, half of 4 ms of computing, half of the 1 ms between handshake and request.
    assert lengths(replay) == [53, 53 - 12.5, 53 - 12.5]
    assert [(one.low_ns or 0) / MS for one in replay.calls][1:] == [53 - 10 - 4 - 1] * 2
    assert [(one.high_ns or 0) / MS for one in replay.calls][1:] == [53 - 10] * 2
    assert row.changed == 2


def test_resumed_handshakes_tell_what_one_takes() -> None:
    made = encrypted(6, full=2)
    _, replay = asked(made, Wishes(resumption=True))
    # The resumed ones compute 1 ms and 1 ms: the second full one computes 4.
    assert lengths(replay)[1] == pytest.approx(53 - 10 - 2 - 0.5)
    assert lengths(replay)[2:] == [41] * 4


def test_resumption_of_tls13_saves_no_round_trip() -> None:
    made = encrypted(2, shakes={"version": "TLS 1.3", "round_trips": 1})
    spent = 24 - 10
    assert lengths(asked(made, Wishes(resumption=True))[1]) == [53, 53 - spent / 2]


def test_both_together_take_nothing_twice() -> None:
    together = lengths(asked(encrypted(3), Wishes(tls13=True, resumption=True))[1])
    assert together == [43, 53 - 10 - 2, 53 - 10 - 2]


def test_a_given_round_trip_counts_wherever_one_is_waited_for() -> None:
    _, replay = asked(encrypted(2), Wishes(rtt_ns=MS))
    assert lengths(replay) == [53 - 4 * 9] * 2, "connecting, two in the handshake, one in the wait"
    assert lengths(asked(encrypted(1), Wishes(rtt_ns=30 * MS))[1]) == [53 + 4 * 20]


def test_a_long_answer_waits_for_its_rounds() -> None:
    row = connection(0)
    # 60 KB: ten segments, twenty, then the rest; it took 25 ms, so both rounds of 10 ms fit.
    long = exchange(0, row, response_bytes=60_000, response_end_ns=(exchange(0, row).response_start_ns or 0) + 25 * MS)
    parts = (*COLD[:-1], ("receive", 25 * MS))
    made = answer([row], [long], [call(0, row, receive_ns=25 * MS, duration_ns=51 * MS)], [parts])
    assert lengths(asked(made, Wishes(rtt_ns=MS))[1]) == [51 - 4 * 9]
    quick = answer([row], [long._replace(response_bytes=9_000)], [call(0, row, receive_ns=25 * MS, duration_ns=51 * MS)], [parts])
    assert lengths(asked(quick, Wishes(rtt_ns=MS))[1]) == [51 - 2 * 9], "a short answer is slow for another reason"


def test_at_the_server_the_way_to_the_client_is_in_no_call() -> None:
    made = cold(2)
    made.vantage = "server"
    row, _ = asked(made, Wishes(rtt_ns=MS))
    assert not row.applies
    assert "in no call's time" in row.note


def test_repairs_are_gone_without_loss() -> None:
    row = connection(0, retransmissions=1)
    whole = exchange(0, row)
    start = whole.response_start_ns or 0
    stall = Stall("response-hole", start, start + MS, 9)
    held = whole._replace(stalls=(stall,), stall_ns=MS)
    made = answer([row], [held], [call(0, row, stall_ns=MS)], [COLD])
    assert lengths(asked(made, Wishes(no_loss=True))[1]) == [27]
    window = answer([row], [held._replace(stalls=(stall._replace(kind="zero-window"),))], [call(0, row, stall_ns=MS)], [COLD])
    assert not asked(window, Wishes(no_loss=True))[0].applies, "a receiver that closes its window loses nothing"


def test_a_syn_sent_again_is_a_loss_but_a_dead_address_is_none() -> None:
    row = connection(0, connect_ns=10 * MS, syn_stall_ns=8 * MS)
    made = answer([row], [exchange(0, row)], [call(0, row)], [COLD])
    assert lengths(asked(made, Wishes(no_loss=True))[1]) == [20]
    dead = row._replace(established_ns=None)
    assert not asked(answer([dead], [exchange(0, dead)], [call(0, dead)], [COLD]), Wishes(no_loss=True))[0].applies


def test_a_lookup_asked_again_takes_what_others_take() -> None:
    row = connection(0)
    paid = call(0, row, dns_ns=30 * MS, duration_ns=58 * MS, start_ns=row.first_ns - 30 * MS)
    parts = (("dns", 30 * MS), *COLD)
    slow = lookup(0, tries=2, connection_ids=(0,))
    quick = lookup(1, connection_ids=(7,), start_ns=row.first_ns - 9 * MS, end_ns=row.first_ns - 6 * MS)
    made = answer([row], [exchange(0, row)], [paid], [parts])
    lossy = analysis([row], list(made.exchanges), calls=[paid], spans=spans(paid, *parts), lookups=[slow, quick])
    assert lengths(asked(lossy, Wishes(no_loss=True))[1]) == [58 - 30 + 3]
    clean = analysis([row], list(made.exchanges), calls=[paid], spans=spans(paid, *parts), lookups=[slow._replace(tries=1), quick])
    assert not asked(clean, Wishes(no_loss=True))[0].applies


@pytest.mark.parametrize("tries", [1, 4])
def test_lost_token_requests_become_one_answer(tries: int) -> None:
    talk = hop_limit(0, tries=tries)
    made = dialogues(talk, waiting=[(service_call(5), talk)])
    row, replay = asked(made, Wishes(hop_limit=True))
    assert row.total_before_ns == (tries * 1101 + 13 + 17) * MS
    # Connecting, an answer as quick as the others, the pause before the next request, and all that follows.
    assert lengths(replay) == [1 + 2 + 7 + 13 + 17]
    assert row.calls == 1, "a dialogue that a call waited for is no call beside it"


def test_tokens_that_are_answered_are_left_alone() -> None:
    talk = Talk().ask("PutToken", 0).ask("ListRoles", 10).ask("GetRoleCredentials", 20)
    row, _ = asked(dialogues(talk, waiting=[(service_call(5), talk)]), Wishes(hop_limit=True))
    assert not row.applies
    assert row.note == "no token request was given up without an answer"
    assert asked(cold(1), Wishes(hop_limit=True))[0].note == "nobody asked the instance metadata service"


def test_dialogues_are_replayed_where_there_are_no_calls() -> None:
    _, replay = asked(dialogues(hop_limit(0)), Wishes(hop_limit=True))
    assert (replay.noun, lengths(replay)) == ("dialogue", [1 + 2 + 7 + 13])


def test_credentials_from_elsewhere() -> None:
    talk = hop_limit(0, tries=2)
    made = dialogues(talk, waiting=[(service_call(5), talk)])
    assert lengths(asked(made, Wishes(credentials="ready"))[1]) == [17]
    # One connection and one answer: 1 ms and 2 ms, as the metadata service takes here.
    assert lengths(asked(made, Wishes(credentials="agent"))[1]) == [17 + 3]
    assert asked(cold(1), Wishes(credentials="ready"))[0].note == "no call waited for credentials"


def test_pages_of_a_filter_become_reads_by_key() -> None:
    made = reused(4, server_ns=100 * MS, wait_ns=110 * MS, duration_ns=113 * MS)
    pages = [
        row._replace(count=2, scanned_count=1000, has_more=number < 3, server_ns=100 * MS, request_bytes=890 if number else 800)
        for number, row in enumerate(made.exchanges)
    ]  # fmt: skip
    parts = [(*COLD[:3], ("wait", 110 * MS), COLD[4]), *[(COLD[2], ("wait", 110 * MS), COLD[4])] * 3]
    moved = [
        row._replace(response_start_ns=(row.request_end_ns or 0) + 110 * MS, response_end_ns=(row.request_end_ns or 0) + 112 * MS)
        for row in pages
    ]
    calls = [
        row._replace(chain_id=0, wait_ns=110 * MS, server_ns=100 * MS, duration_ns=(124 if row.call_id == 0 else 113) * MS)
        for row in made.calls
    ]
    chain = answer(list(made.connections), moved, calls, parts)
    row, replay = asked(chain, Wishes(no_filter_scan=True))
    assert lengths(replay) == [124 - 100 + 10, None, None, None], "8 items fit into one read of 10 ms"
    assert (row.calls, row.calls_after) == (4, 1)
    kept = answer(list(made.connections), [one._replace(count=900) for one in moved], calls, parts)
    assert not asked(kept, Wishes(no_filter_scan=True))[0].applies
    hidden = answer(list(made.connections), [one._replace(count=None) for one in moved], calls, parts)
    assert asked(hidden, Wishes(no_filter_scan=True))[0].note == "no answer shows what it read"


def test_changes_combine() -> None:
    wishes = Wishes(keep_alive=True, rtt_ns=MS)
    row, replay = asked(cold(4), wishes)
    # The first: connect 1, client 1, send 1, network 1, server 4, receive 2; the others lose connect and client.
    assert lengths(replay) == [10, 8, 8, 8]
    assert [one.change for one in replay.changes] == ["rtt 1.0 ms", "keep-alive", "rtt 1.0 ms + keep-alive"]
    assert row.gain_ns == 4 * 28 * MS - 34 * MS


def test_without_wishes_only_what_gains_is_told() -> None:
    _, replay = asked(cold(4), Wishes())
    assert [row.change for row in replay.changes] == ["rtt 1.0 ms", "warm-pool", "keep-alive"]
    gains = [row.gain_ns for row in replay.changes]
    assert gains == sorted(gains, reverse=True)


def test_truncated_calls_count_and_are_in_no_percentile() -> None:
    made = cold(3)
    calls = [*list(made.calls)[:2], made.calls[2]._replace(truncated="end", duration_ns=9_000 * MS)]
    cut = answer(list(made.connections), list(made.exchanges), calls, [COLD, COLD, (("wait", 9_000 * MS),)])
    row, _ = asked(cut, KEEP)
    assert row.p99_before_ns == 28 * MS
    assert row.total_before_ns == 9_056 * MS


def test_who_announces_the_end_of_a_connection_is_named() -> None:
    made = cold(3)
    ends = answer(list(made.connections), [row._replace(closes="server") for row in made.exchanges], list(made.calls), [COLD] * 3)
    assert "the server announced the end of 3 connections" in asked(ends, KEEP)[0].note
    mine = answer(list(made.connections), [row._replace(closes="client") for row in made.exchanges], list(made.calls), [COLD] * 3)
    assert "announced" not in asked(mine, KEEP)[0].note


def test_a_window_that_losses_made_small_is_as_large_without() -> None:
    # 60 KB: two rounds of 10 ms from ten segments on, and as long as the quickest of them took for a byte.
    row = connection(0, retransmissions=3)
    first = exchange(0, row, response_bytes=60_000)
    start = first.response_start_ns or 0
    slow = first._replace(response_end_ns=start + 300 * MS)
    quick = exchange(1, row, response_bytes=60_000, response_end_ns=start + 6 * MS)
    took = call(0, row, receive_ns=300 * MS, duration_ns=326 * MS, end_ns=start + 300 * MS)
    parts = (*COLD[:-1], ("receive", 300 * MS))
    made = answer([row], [slow, quick], [took], [parts])
    _, replay = asked(made, Wishes(no_loss=True))
    assert lengths(replay) == [26 + 2 * 10 + 6]
    (only,) = replay.calls
    assert (only.low_ns, only.high_ns) == (46 * MS, 326 * MS), "what it rests on is said by its range"
    clean = answer([row._replace(retransmissions=0)], [slow, quick], [took], [parts])
    assert not asked(clean, Wishes(no_loss=True))[0].applies, "a slow link loses nothing"
