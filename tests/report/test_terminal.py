"""The text report: its words, its width, and what it does not say."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import findings
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from analyzer.model.rows import Anomaly
from analyzer.report.layout import WIDTH, cells
from analyzer.report.terminal import TerminalRenderer, brief, claim_lines
from analyzer.report.text import HIDDEN
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, finding, info, later, warm
from tests.report.made import NASTY, nasty, waited

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
UNDER = connection()


def text(about: Analysis, **options: Any) -> str:
    return "\n".join(TerminalRenderer(**options).render(about)) + "\n"


def strangers() -> Analysis:
    """Requests that are neither AWS's nor a credential endpoint's."""
    under = connection(0, service=None, server_name="example.com")
    asked = {"service": None, "operation": None, "method": "GET", "host": "example.com"}
    return analysis([under], [exchange(0, under, **asked), later(1, under, 1, **asked)], vantage=None)


@pytest.mark.parametrize(
    "name, about, options",
    [
        ("report-waited.txt", waited(), {"names": ("my captures/made up.pcap",)}),
        ("report-requests.txt", strangers(), {"slow": 1, "names": ("made-up.pcap",)}),
        ("report-nothing.txt", analysis([], [], vantage=None, capture=info(packets=0, bytes=0, first_ns=None, last_ns=None)), {}),
    ],
)
def test_golden(name: str, about: Analysis, options: dict[str, Any]) -> None:
    assert text(about, **options) == (GOLDEN / name).read_text()


def test_the_order_is_trust_headline_findings_ledger_commands() -> None:
    shown = text(waited(), names=("x.pcap",))
    parts = ["packets, 20.0 KB", "No byte of these", "PutObject took 4058 ms", "IMDS hop limit: ", "operation ", "call  slowest", "next "]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)


def test_what_the_headline_says_is_not_said_again() -> None:
    assert text(waited()).count("waited for credentials") == 1
    alone = finding(summary="All is slow.", share=0.5)
    assert "\nCold connections\nproof" in text(analysis([UNDER], calls=[call()], check=lambda _: [alone]))


def test_a_claim_of_its_own_is_whole() -> None:
    shown = "\n".join(claim_lines(next(iter(claims_of(waited())))))
    assert shown.startswith("IMDS hop limit: PutObject took 4058 ms; 4030 ms of it waited for credentials. The answers die")


def claims_of(about: Analysis) -> Any:
    from analyzer.report.claims import claims

    return claims(about)


def test_a_finding_that_costs_little_is_told_in_one_sentence() -> None:
    short, long = text(waited()), text(waited(), verbose=True)
    assert "Cold connections: 1 of 3 calls opened a connection. (-v or analyzer findings shows proof and fix)" in short
    assert "It took 10.0 ms." not in short
    assert "Cold connections: 1 of 3 calls opened a connection. It took 10.0 ms.\nproof" in long


def test_zero_cells_are_empty() -> None:
    rows = [call(0), warm(1, UNDER, 1, network_ns=14 * MS, server_ns=0)]
    shown = text(analysis([UNDER], [exchange(0, UNDER), later(1, UNDER, 1)], calls=rows))
    (line,) = [line for line in shown.splitlines() if line.startswith("   1 ")]
    assert line.split() == ["1", "Query", "0.061", "17.0", "1.0", "14.0", "2.0", "0", "idle", "33.0", "ms"]


def test_phases_that_never_happened_have_no_column() -> None:
    shown = text(analysis([UNDER], calls=[call()]))
    head = next(line for line in shown.splitlines() if line.startswith("operation"))
    assert head.split() == ["operation", "calls", "p50", "p95", "max", "connect", "client", "send", "network", "server", "receive"]


def test_attempts_are_shown_where_there_were_several() -> None:
    assert "attempts" not in text(analysis([UNDER], calls=[call()]))
    shown = text(analysis([UNDER], calls=[call(), call(1, attempts=3)]))
    first, second = (line for line in shown.splitlines() if line.startswith(("   0 ", "   1 ")))
    assert "  3  1 new" in second
    assert "attempts" in shown
    assert "  3  " not in first


def test_seconds_from_ten_seconds_on() -> None:
    shown = text(analysis([UNDER], calls=[call(0, duration_ns=23_456 * MS, unexplained_ns=23_428 * MS), call(1, duration_ns=9_999 * MS)]))
    assert "23.5 s" in shown
    assert "9999" in shown


def test_dialogues_nobody_waited_for_stand_beside() -> None:
    shown = text(analysis([UNDER], calls=[call(0), *(dialogue(number, UNDER) for number in range(1, 8))]))
    assert "call  not waited for" in shown
    assert "and 3 more dialogues that no call waited for (-v shows all)" in shown
    assert "1 call, 28.0 ms in all" in shown


def test_truncated_calls_are_named() -> None:
    shown = text(analysis([UNDER], calls=[call(0), call(1, truncated="end", ok=None)]))
    assert "Query (cut)" in shown
    assert "1 call that begins or ends outside the capture: not in p50, p95, max." in shown


def test_a_cut_capture_says_so_and_does_not_say_it_is_whole() -> None:
    cut = analysis(capture=info(complete=False, notes=["made-up.pcap ends in the middle of packet 101"]), check=findings.check)
    shown = text(cut)
    assert "Not complete: The file is cut short or damaged." in shown
    assert "note: made-up.pcap ends in the middle of packet 101" in shown
    assert "No byte of these connections is missing" not in shown


def test_cut_exchanges_are_not_called_whole() -> None:
    assert "No byte of these connections is missing" in text(analysis())
    assert "No byte of these connections is missing" not in text(analysis([UNDER], [exchange(0, outcome="cut")]))


def test_a_part_of_a_capture_says_which() -> None:
    about = analysis()
    about.filtered = "host db.example"
    assert "Only host db.example." in text(about)


def test_encrypted_connections_are_named() -> None:
    shown = text(analysis([connection(0, protocol="tls"), connection(1, protocol="tls")], []))
    assert "2 TCP connections (2 tls), 0 requests, 0 answered." in shown
    assert "No requests can be read: 2 connections encrypted with TLS." in shown
    assert shown.endswith("next   analyzer connections CAPTURE\n"), "there are no lookups to list"


def test_with_dialogues_alone_it_is_about_them() -> None:
    encrypted = connection(1, protocol="tls")
    shown = text(analysis([UNDER, encrypted], calls=[dialogue(0)]))
    assert "No service calls can be read: 1 connection encrypted with TLS." in shown
    assert "imds GetCredentials took 30.0 ms and was answered in 1 attempt" in shown
    assert "operation            dialogues" in shown
    assert "analyzer explain 0 CAPTURE" in shown


def test_answers_alone() -> None:
    shown = text(analysis([UNDER], [exchange(0, request_start_ns=None, request_end_ns=None, outcome="cut")]))
    assert "Only answers were captured, no requests: nothing can be timed." in shown


def test_every_request_is_counted_by_how_it_ended() -> None:
    ends = ["ok"] * 4 + ["error"] * 2 + ["undelivered"] * 2 + ["cut", "no-response"]
    rows = [exchange(number, UNDER, outcome=outcome) for number, outcome in enumerate(ends)]
    shown = " ".join(text(analysis([UNDER], rows)).split())
    assert "10 requests, 6 answered, 2 answers never arrived, 1 answer broke off." in shown
    assert "1 request got no answer (1 Query)." in shown
    rows += [exchange(10, UNDER, outcome="cut", request_start_ns=None), exchange(11, UNDER, copy_of=0)]
    shown = " ".join(text(analysis([UNDER], rows)).split())
    assert "10 requests, 6 answered" in shown
    assert "1 answer broke off, 1 answer to requests that were not captured, 1 seen a second time." in shown


def test_what_another_capture_would_not_lack_has_its_fix() -> None:
    made = [finding(code="capture-incomplete", summary="9 packets are cut.", remedy="Capture with -s 0.")]
    for code, said in (("snapshot-length", True), ("start-not-captured", True), ("kernel-drops", False)):
        shown = text(analysis([UNDER], anomalies=[Anomaly(code, 1, None, "x")], check=lambda _: made))
        assert ("Not complete: 9 packets are cut.\nfix: Capture with -s 0.\n" in shown) is said


def test_filters_too_long_for_a_line_are_folded() -> None:
    shown = text(analysis([UNDER], calls=[call(3)]), names=("a.pcap",), filters=("--host", "h" * 150))
    assert max(map(cells, shown.split("\n"))) <= WIDTH
    assert "analyzer explain 3 --host 'a b' a.pcap" in text(
        analysis([UNDER], calls=[call(3)]), names=("a.pcap",), filters=("--host", "a b")
    )


def test_a_long_request_is_explained_below_the_tables() -> None:
    said = "The network time of a request of more than ten segments lasts until its last byte is acknowledged."
    rows = [exchange(0, UNDER, request_bytes=1_000_000, network_ns=12 * MS, server_ns=2 * MS)]
    assert said in text(analysis([UNDER], rows, calls=[call(0)]))
    assert said not in text(analysis([UNDER], [exchange(0, UNDER, request_bytes=1_000_000)], calls=[call(0)]))


def test_unanswered_requests_are_named() -> None:
    silent = [exchange(n, connection(n), outcome="no-response", status=None, response_start_ns=None, response_end_ns=None) for n in (0, 1)]
    shown = text(analysis([connection(0), connection(1)], [*silent, exchange(2, connection(1), copy_of=1, outcome="no-response")]))
    assert "2 requests got no answer (2 Query)." in shown
    assert "% waiting for answers that never" in shown


def test_verbose_shows_what_is_left_out() -> None:
    rows = [warm(number, UNDER, number, operation=f"Operation{number}") for number in range(12)]
    made = [finding(code=f"code-{number}", title=f"Title {number}") for number in range(7)]
    notes = [f"note {number}" for number in range(5)]
    about = analysis([UNDER], calls=rows, capture=info(notes=notes), check=lambda _: made)
    short, long = text(about), text(about, verbose=True)
    assert "and 4 more operations (-v shows all)" in short
    assert "and 2 more findings (-v shows all)" in short
    assert "note 4" not in short
    assert "Title 6" not in short
    assert "more" not in long
    assert "note 4" in long
    assert "Title 6" in long
    assert all(f"Operation{number}" in long for number in range(12))


def test_slowest_can_be_switched_off() -> None:
    assert "slowest" not in text(analysis(), slow=0)


def test_the_commands_name_the_slowest_call_and_the_one_of_the_dearest_finding() -> None:
    about = analysis([UNDER], calls=[call(3), warm(4, UNDER, 1)], check=lambda _: [finding(calls=(4,))])
    assert text(about, names=("a b.pcap", "c.pcap")).endswith(
        "next   analyzer explain 3 'a b.pcap' c.pcap\n       analyzer explain 4 'a b.pcap' c.pcap\n"
    )
    assert "analyzer explain 3 CAPTURE\n       analyzer calls CAPTURE\n" in text(
        analysis([UNDER], calls=[call(3)]), names=("x" * 100 + ".pcap",)
    )
    assert "analyzer exchanges -" not in text(strangers(), names=("-",))


def test_several_files() -> None:
    files = [CaptureFile(f"{number}.pcap", 1 + number, 1) for number in range(3)]
    assert text(analysis(capture=info(files=files))).startswith("3 files: 100 packets")


def test_brief_is_a_few_lines() -> None:
    lines = list(brief(waited()))
    assert len(lines) <= 8
    assert max(map(cells, lines)) <= WIDTH
    assert "PutObject took 4058 ms; 4030 ms of it waited for credentials (96 % of all call time)." in lines
    assert "findings: IMDS hop limit, Cold connections" in lines
    assert lines[-1] == "tables: connections, exchanges, calls, spans, findings; explain(call_id) shows one call"
    assert list(brief(analysis([], [])))[-1] == "tables: all empty"


def test_hostile_text_moves_no_cursor_and_keeps_to_the_width() -> None:
    for lines in (text(nasty(), names=(NASTY,), verbose=True).split("\n"), list(brief(nasty()))):
        assert max(map(cells, lines)) <= WIDTH
        assert not [char for line in lines for char in line if unicodedata.category(char) in HIDDEN]


LONG = st.integers(0, 2**62)


@given(st.lists(LONG, min_size=14, max_size=14), LONG, st.text(max_size=300), st.booleans(), st.integers(1, 10**9))
def test_no_line_is_wider_than_a_terminal(times: list[int], number: int, name: str, ok: bool, attempts: int) -> None:
    phases = ("credentials", "dns", "connect", "tls", "send", "wait", "receive", "failed", "backoff", "client", "unexplained")
    spent: dict[str, Any] = {f"{phase}_ns": took for phase, took in zip(phases, times, strict=False)}
    under = connection(0, connection_id=number)
    row = call(0, under)._replace(
        **spent, call_id=number, duration_ns=sum(spent.values()), network_ns=times[11] // 2, server_ns=times[12] // 2,
        wait_stall_ns=times[13] // 4, operation=name, error_type=name[::-1], ok=ok, attempts=attempts, first_packet_id=number,
        last_packet_id=2 * number, connection_id=number,
    )  # fmt: skip
    capture = info(packets=number, bytes=number, first_ns=START - number % START, last_ns=2**64)
    about = analysis([under], [], calls=[row, warm(1, under, 1), dialogue(2, under, operation=name)], capture=capture)
    assert max(map(cells, text(about, names=(name,)).split("\n"))) <= WIDTH


def test_where_all_phases_do_not_fit_the_smallest_are_added_up() -> None:
    hours = 3_600_000 * MS
    row = call(0, operation="O" * 40)._replace(
        credentials_ns=3 * MS, dns_ns=2 * MS, tls_ns=4 * MS, failed_ns=5 * hours, backoff_ns=6 * hours, unexplained_ns=7 * hours,
        connect_ns=11 * hours, client_ns=12 * hours, send_ns=13 * hours, receive_ns=14 * hours, wait_ns=9 * hours, wait_stall_ns=2 * hours,
        network_ns=3 * hours, server_ns=4 * hours, duration_ns=77 * hours + 9 * MS, first_packet_id=10**9, last_packet_id=2 * 10**9,
    )  # fmt: skip
    shown = text(analysis([UNDER], calls=[row]))
    head = next(line for line in shown.splitlines() if line.startswith("call"))
    assert " rest " in head
    assert "rest: credentials, dns, " in shown
    assert "packets" not in head


def test_packets_give_way_before_phases_do() -> None:
    row = call(0, credentials_ns=5 * MS, operation="O" * 20, last_packet_id=10**9)
    shown = text(analysis([UNDER], calls=[row._replace(connect_ns=0, client_ns=0)]))
    head = next(line for line in shown.splitlines() if line.startswith("call"))
    assert "rest" not in head
    assert "packets" not in head
    assert "credentials" in head
    wide = text(analysis([UNDER], calls=[row._replace(connect_ns=0, client_ns=0, operation="Short")]))
    assert "packets" in next(line for line in wide.splitlines() if line.startswith("call"))
