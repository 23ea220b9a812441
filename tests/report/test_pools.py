"""The paragraph about a pool: whole sentences, nothing wider than a terminal, only where there is more than one connection."""

from __future__ import annotations

from pathlib import Path

from analyzer.model.pool import Pool
from analyzer.pipeline import read
from analyzer.report.layout import WIDTH, cells
from analyzer.report.markdown import MarkdownRenderer
from analyzer.report.pools import paragraph, paragraphs
from analyzer.report.terminal import TerminalRenderer
from tests.factory import MS, START, analysis

POOL = Pool(
    client_address="10.0.1.23", server="dynamodb.us-east-1.amazonaws.com", server_port=443, service="dynamodb", start_ns=START,
    span_ns=60_000 * MS, opened=12, already_open=2, most_open=10, most_busy=9, mean_open=8.0, mean_busy=4.25, needed=6, requests=1204,
    took_ns=8 * MS, idle_p50_ns=3 * MS, idle_p90_ns=9 * MS, idle_max_ns=4000 * MS, followed_at_once=900, full_ns=500 * MS,
    closed_by_client=0, closed_by_server=3, closed_by_reset=0, left_open=11, idle_closer="server", idle_closed=3,
    idle_close_ns=20_004 * MS, idle_close_timer="a timer of 20 s", connect_ns=96 * MS, handshakes_full=10, handshakes_resumed=2,
    handshake_ns=240 * MS, connection_ids=(0, 1),
)  # fmt: skip


def test_it_tells_what_was_open_and_what_was_needed() -> None:
    assert paragraph(POOL) == (
        "Connections of 10.0.1.23 to dynamodb.us-east-1.amazonaws.com:443: 12 connections opened (2 open before the capture), at most 10 "
        "open and 9 busy at once. 1 204 requests of 8.0 ms each (median) kept 4.2 busy on average, at most 6 over a second (Little's law). "
        "900 requests followed the answer before at once while all others were busy. Between two requests a connection rested 3.0 ms "
        "(median), at most 4000 ms. The server closed 3 that were idle for 20.0 s: a timer of 20 s. Opening them took 96.0 ms in all, "
        "12 TLS handshakes (10 full) 240 ms."
    )


def test_it_leaves_out_what_is_not_known() -> None:
    bare = POOL._replace(
        already_open=0, took_ns=None, mean_busy=0.01, followed_at_once=0, idle_p50_ns=None, idle_max_ns=None, idle_closed=1,
        idle_close_timer=None, handshakes_full=0, handshakes_resumed=0,
    )  # fmt: skip
    assert paragraph(bare).endswith(
        "12 connections opened, at most 10 open and 9 busy at once. 1 204 requests kept fewer than 0.1 busy on average, at most 6 over a "
        "second (Little's law). The server closed one that was idle for 20.0 s. Opening them took 96.0 ms in all."
    )
    assert "(median)." in paragraph(bare._replace(idle_closed=2))


def test_it_stands_in_the_long_report_only(bundled: Path) -> None:
    about = read(bundled / "cold-start.pcap")
    long = list(TerminalRenderer(verbose=True).render(about))
    assert any(line.startswith("Connections of 10.0.1.23 to dynamodb.us-east-1.amazonaws.com:80: 4 connections opened") for line in long)
    assert max(map(cells, long)) <= WIDTH
    assert not any(line.startswith("Connections of") for line in TerminalRenderer().render(about))
    written = "\n".join(MarkdownRenderer(verbose=True).render(about))
    assert "\n## Connections\n\n- Connections of 10.0.1.23 to" in written


def test_one_connection_needs_no_paragraph(bundled: Path) -> None:
    assert paragraphs(read(bundled / "filter-scan.pcap")) == []
    assert paragraphs(analysis()) == []
