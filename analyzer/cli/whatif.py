"""`analyzer whatif`: what the calls would take with a cause removed."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli.folders import refuse_batches
from analyzer.cli.options import answer, captures, form_of, output, question
from analyzer.cli.streams import write

FORMS = ("table", "markdown", "json")


@click.command()
@captures
@output
@click.option("--keep-alive", is_flag=True, help="Connections are kept open and reused; as many are opened as the calls need at a time.")
@click.option("--warm-pool", is_flag=True, help="All connections are open before the calls come.")
@click.option("--tls13", "--tls-1.3", "tls13", is_flag=True, help="Handshakes are TLS 1.3.")
@click.option("--resumption", is_flag=True, help="All TLS handshakes but the first of a client resume its session.")
@click.option("--hop-limit", is_flag=True, help="The IMDS hop limit is high enough: answers to token requests reach the client.")
@click.option(
    "--credentials",
    type=click.Choice(["ready", "agent"]),
    help="Credentials from elsewhere: ready when a call asks for them, or from an agent on the host (ECS task role, EKS Pod Identity).",
)
@click.option("--no-loss", is_flag=True, help="No packet is lost.")
@click.option("--no-filter-scan", is_flag=True, help="What a filter threw away is not read.")
@click.option("--rtt", metavar="TIME", help="The endpoints are this round trip away: 1ms.")
@click.option("--pool", type=click.IntRange(min=1), metavar="N", help="Each client has at most N connections to a server.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Table (the default) and Markdown for people; one JSON document, with every call and in ns, for programs. -o FILE.md means "
    "markdown, FILE.json json.",
)
def whatif(form: str | None, target: str | None, **options: Any) -> None:
    """Say what the calls would take with causes removed: p50, p95, p99 and total before and after, each with a range.

    Without a change to try: every change that would gain something, largest gain first. With several: each alone, then all together.
    """
    from analyzer.model.condition import length
    from analyzer.report.whatif import document, markdown, text

    form = form or form_of(target, FORMS, "table")
    asked = question(options)
    if options["rtt"] is not None:
        length(options["rtt"])  # wrong usage is told before the captures are read
    refuse_batches(asked.captures, "whatif")
    replay = answer(asked).whatif(**options)
    if form == "json":
        write(document(replay), target)
        return
    write((line + "\n" for line in (markdown if form == "markdown" else text)(replay)), target)
