"""Made-up answers that the tests of reports have in common."""

from __future__ import annotations

from analyzer.model.analysis import Analysis
from analyzer.model.capture import CaptureFile
from tests.factory import MS, START, analysis, call, connection, dialogue, exchange, finding, info, later, spans, warm

NASTY = "\x1b[31m世界\u202e" + "long" * 80 + "\x9b\n| =1 `<script>`"


def waited() -> Analysis:
    """A call that waited 4 s for credentials, two warm ones, one of them refused once, and a dialogue beside."""
    first = connection(0, exchanges=3, last_ns=START + 300 * MS)
    metadata = connection(1, server_address="169.254.169.254", server_name=None, service="imds")
    asked = dialogue(9, metadata, attempts=5, failed_ns=4_000 * MS, duration_ns=4_030 * MS, start_ns=START, end_ns=START + 4_030 * MS)
    slow = call(
        0,
        first,
        credentials_ns=4_030 * MS,
        duration_ns=4_058 * MS,
        start_ns=START,
        end_ns=START + 4_058 * MS,
        operation="PutObject",
        service="s3",
    )
    refused = warm(2, first, 2, attempts=2, failed_ns=13 * MS, backoff_ns=40 * MS, duration_ns=70 * MS)
    calls = [slow, warm(1, first, 1), refused, asked, dialogue(10, metadata)]
    rows = [span for number, row in enumerate(calls) for span in spans(row, first=10 * number)]
    rows[0] = rows[0]._replace(dialogue_id=9, connection_id=1)
    found = [
        finding(
            code="imds-hop-limit", severity="error", title="IMDS hop limit", cost_ns=4_000 * MS, share=0.96, calls=(0,), connections=(1,),
            summary="PutObject took 4058 ms; 4030 ms of it waited for credentials. The answers die one hop before the container.",
            packet_ids=(21, 22, 23, 30), display_filter="tcp.stream == 1", confidence="likely", decides="a capture on the host's uplink",
            remedy="Raise the hop limit to 2.",
        ),
        finding(calls=(0,), share=0.01, summary="1 of 3 calls opened a connection. It took 10.0 ms."),
    ]  # fmt: skip
    exchanges = [exchange(0, first), later(1, first, 1), later(2, first, 2)]
    return analysis([first, metadata], exchanges, calls=calls, spans=rows, check=lambda _: found)


def nasty() -> Analysis:
    """An answer in which every text is hostile."""
    rows = [connection(number, server_name=NASTY, protocol=NASTY if number else "http/1.1") for number in range(3)]
    asked = [
        exchange(n, row, operation=NASTY if n else None, service=NASTY, host=NASTY, method=NASTY, target=NASTY)
        for n, row in enumerate(rows)
    ]
    calls = [
        call(n, row, operation=NASTY if n else None, service=NASTY, sdk=NASTY, table_name=NASTY, error_type=NASTY, ok=False)
        for n, row in enumerate(rows)
    ]
    parts = [span._replace(causes=(NASTY,)) for number, row in enumerate(calls) for span in spans(row, first=10 * number)]
    made = finding(
        title=NASTY, summary=NASTY, remedy=NASTY, display_filter=NASTY, decides=NASTY, confidence="possible", calls=(0, 1, 2), share=0.5
    )
    capture = info(notes=[NASTY], files=[CaptureFile(NASTY, 1, 1)])
    return analysis(rows, asked, calls=calls, spans=parts, capture=capture, check=lambda _: [made])
