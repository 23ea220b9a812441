"""The text report: its words, its width, and what it does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import findings
from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from analyzer.model.rows import Finding
from analyzer.report.layout import WIDTH, cells
from analyzer.report.terminal import TerminalRenderer, headline
from analyzer.report.text import HIDDEN
from analyzer.report.views import timed
from tests.factory import MS, START, analysis, connection, exchange, finding, info, later

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def text(about: Analysis, **options: Any) -> str:
    return "\n".join(TerminalRenderer(**options).render(about)) + "\n"


def kept_alive() -> Analysis:
    open_long = {"last_ns": START + 300 * MS, "closed_ns": START + 300 * MS}
    first, second = connection(0, exchanges=4, **open_long), connection(1)
    rows = [
        exchange(0, first),
        later(1, first, 1, server_ns=3 * MS, wait_stall_ns=MS),
        exchange(2, second, operation="GetItem"),
        later(3, first, 2, operation="PutItem", outcome="error", status=400),
        later(
            4,
            first,
            3,
            service="imds",
            operation="PutToken",
            outcome="no-response",
            status=None,
            response_start_ns=None,
            response_end_ns=None,
        ),
    ]
    return analysis([first, second, connection(2, protocol=None, exchanges=0)], rows, check=findings.check)


def closed_each_time() -> Analysis:
    rows = [connection(number) for number in range(12)]
    asked = [exchange(number, row, closes="client", sdk="js-v2") for number, row in enumerate(rows)]
    return analysis(rows, asked, check=findings.check, vantage=None)


@pytest.mark.parametrize(
    "name, about, options",
    [
        ("report-kept-alive.txt", kept_alive(), {"names": ("made-up.pcap",)}),
        ("report-not-reused.txt", closed_each_time(), {"slow": 2, "names": ("my captures/made up.pcap",)}),
        ("report-nothing.txt", analysis([], [], vantage=None, capture=info(packets=0, bytes=0, first_ns=None, last_ns=None)), {}),
    ],
)
def test_golden(name: str, about: Analysis, options: dict[str, Any]) -> None:
    assert text(about, **options) == (GOLDEN / name).read_text()


def test_headline_names_where_the_time_went_dearest_first() -> None:
    about = analysis()
    assert headline(timed(about)) == (
        "1 request, on a new connection, took 28.0 ms in all: 36 % opening connections, 36 % network round trips, 14 % the server, "
        "7 % receiving answers, 4 % the client between connecting and asking, 4 % sending requests."
    )


@pytest.mark.parametrize(
    "opened, requests, words",
    [(0, 1, "1 request, none of them"), (0, 2, "2 requests, none of them"), (1, 2, "2 requests, 1 of them"), (2, 2, "2 requests, each")],
)
def test_headline_says_how_many_opened_a_connection(opened: int, requests: int, words: str) -> None:
    rows = [connection(number) for number in range(requests)]
    asked = [exchange(number, row) if number < opened else later(number, row, 1) for number, row in enumerate(rows)]
    assert headline(timed(analysis(rows, asked))).startswith(f"{words} on a new connection, took ")


def test_requests_that_took_no_time() -> None:
    row = later(0, connection(), 1, request_end_ns=START, request_start_ns=START, response_start_ns=START, response_end_ns=START)
    assert headline(timed(analysis([connection()], [row]))) == "The requests took no time that can be measured."


def test_zero_cells_are_empty() -> None:
    under = connection()
    shown = text(analysis([under], [exchange(0, under), later(1, under, 1, network_ns=14 * MS, server_ns=0)]))
    (line,) = [line for line in shown.splitlines() if line.startswith(" 1 ")]
    assert line.split() == ["1", "Query", "0.061", "17.0", "1.0", "14.0", "2.0", "0", "idle", "33.0", "ms", "4-9"]


def test_phases_that_never_happened_have_no_column() -> None:
    shown = text(analysis())
    assert "stall" not in shown.split("\n\n")[-2].splitlines()[0]
    assert "failed" not in shown


def test_a_cut_capture_says_so_and_does_not_say_it_is_whole() -> None:
    cut = analysis(capture=info(complete=False, notes=["made-up.pcap ends in the middle of packet 101"]), check=findings.check)
    shown = text(cut)
    assert "Not complete: The file is cut short or damaged." in shown
    assert "note: made-up.pcap ends in the middle of packet 101" in shown
    assert "No byte of them is missing" not in shown


def test_cut_exchanges_are_not_called_whole() -> None:
    assert "No byte of them is missing" in text(analysis())
    assert "No byte of them is missing" not in text(analysis([connection()], [exchange(0, outcome="cut")]))


def test_encrypted_connections_are_named() -> None:
    shown = text(analysis([connection(0, protocol="tls"), connection(1, protocol="tls")], []))
    assert "2 TCP connections (2 tls), 0 requests, 0 answered." in shown
    assert "No requests can be read: 2 connections encrypted with TLS." in shown


def test_answers_alone() -> None:
    shown = text(analysis([connection()], [exchange(0, request_start_ns=None, request_end_ns=None, outcome="cut")]))
    assert "Only answers were captured, no requests: nothing can be timed." in shown


def test_unanswered_requests_are_named() -> None:
    silent = [
        exchange(n, connection(n), outcome="no-response", status=None, response_start_ns=None, response_end_ns=None) for n in range(2)
    ]
    shown = text(analysis([connection(0), connection(1)], silent))
    assert "2 requests got no answer (2 Query) before the connection was closed: 96.0 ms of waiting." in shown
    assert "% waiting for answers that never came" in shown


def test_verbose_shows_what_is_left_out() -> None:
    under = connection()
    rows = [later(number, under, number, operation=f"Operation{number}") for number in range(12)]
    made = [finding(code=f"code-{number}", title=f"Title {number}") for number in range(7)]
    about = analysis([under], rows, capture=info(notes=[f"note {number}" for number in range(5)]), check=lambda _: made)
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


def test_a_finding_that_is_not_proven_says_what_would_decide() -> None:
    row = finding(confidence="likely", decides="A capture on the host decides.", exchanges=(3,), packet_ids=tuple(range(1, 20)))
    shown = text(analysis(check=lambda _: [row]))
    assert "likely request 3; packets 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ..." in shown
    assert "decides A capture on the host decides." in shown
    assert "filter tcp.stream == 0" in shown


def test_commands_can_be_pasted() -> None:
    assert "analyzer exchanges 'a b.pcap' c.pcap" in text(analysis(), names=("a b.pcap", "c.pcap"))
    assert "analyzer exchanges CAPTURE" in text(analysis(), names=("x" * 100 + ".pcap",))


def test_several_files() -> None:
    files = [CaptureFile(f"{number}.pcap", 1 + number, 1) for number in range(3)]
    assert text(analysis(capture=info(files=files))).startswith("3 files: 100 packets")


NASTY = "\x1b[31m世界\u202e" + "long" * 80 + "\x9b\n| =1"


def nasty() -> Analysis:
    rows = [connection(number, server_name=NASTY, protocol=NASTY if number else "http/1.1") for number in range(3)]
    asked = [
        exchange(number, row, operation=NASTY if number else None, service=NASTY, host=NASTY, method=NASTY)
        for number, row in enumerate(rows)
    ]
    made = finding(title=NASTY, summary=NASTY, remedy=NASTY, display_filter=NASTY, decides=NASTY, confidence="possible")
    return analysis(rows, asked, capture=info(notes=[NASTY], files=[CaptureFile(NASTY, 1, 1)]), check=lambda _: [made])


def test_hostile_text_moves_no_cursor_and_keeps_to_the_width() -> None:
    import unicodedata

    lines = text(nasty(), names=(NASTY,), verbose=True).split("\n")
    assert max(map(cells, lines)) <= WIDTH
    assert not [char for line in lines for char in line if unicodedata.category(char) in HIDDEN]


LONG_TIME = st.integers(0, 2**64)


@given(
    st.lists(LONG_TIME, min_size=6, max_size=6),
    st.integers(0, 2**63),
    st.text(max_size=300),
    st.sampled_from(["ok", "error", "no-response", "undelivered"]),
)
def test_no_line_is_wider_than_a_terminal(times: list[int], number: int, name: str, outcome: str) -> None:
    syn, asked, sent, first, end, network = sorted(times[:5]) + times[5:]
    under = connection(0, syn_ns=syn, connect_ns=max(0, asked - syn) // 2, connection_id=number, packets_sent=number)
    row = exchange(
        number,
        under,
        request_start_ns=asked,
        request_end_ns=sent,
        response_start_ns=first,
        response_end_ns=end,
        network_ns=network // 2,
        server_ns=first - sent - network // 2 - 1,
        wait_stall_ns=1,
        operation=name,
        outcome=outcome,
        first_packet_id=number,
        response_packet_id=2 * number,
    )
    more = later(number + 1, under, 1, operation=name[::-1], idle_before_ns=number, wait_stall_ns=MS, server_ns=3 * MS)
    about = analysis([under], [row, more], capture=info(packets=number, bytes=number, first_ns=0, last_ns=2**64), check=findings.check)
    assert max(map(cells, text(about, names=(name,)).split("\n"))) <= WIDTH


def test_where_all_phases_do_not_fit_the_smallest_are_added_up() -> None:
    hours = 3_600_000 * MS
    under = connection(0, syn_ns=START, connect_ns=11 * hours)
    row = exchange(
        0,
        under,
        request_start_ns=START + 23 * hours,
        request_end_ns=START + 35 * hours,
        response_start_ns=START + 80 * hours,
        response_end_ns=START + 95 * hours,
        wait_stall_ns=13 * hours,
        network_ns=15 * hours,
        server_ns=17 * hours,
        operation="O" * 40,
        first_packet_id=10**9,
        response_packet_id=10**9 + 10**8,
    )
    shown = text(analysis([under], [row]))
    head, line = next((head, line) for head, line in zip(shown.splitlines(), shown.splitlines()[1:], strict=False) if head.startswith("id"))
    assert " rest " in head
    numbers = [int(cell) for cell in line.split() if cell.isdigit() and len(cell) >= 8]
    total, *parts = numbers
    assert sum(parts) == total == 95 * 3_600_000


def test_findings_come_with_their_fix() -> None:
    def check(_: Analysis) -> list[Finding]:
        return [finding()]

    shown = text(analysis(check=check))
    assert "Cold connections: 1 of 1 requests opened a connection first: 10.0 ms.\n" in shown
    assert "proof  request 0; packets 1, 4\nfilter tcp.stream == 0\nfix    Keep connections open.\n" in shown
