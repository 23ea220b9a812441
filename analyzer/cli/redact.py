"""`analyzer redact`: a capture that can be shared."""

from __future__ import annotations

from typing import Any

import click

from analyzer.cli.folders import refuse_batches
from analyzer.cli.options import reading
from analyzer.units import count


@click.command()
@click.argument("source", metavar="CAPTURE")
@click.argument("target", metavar="OUT.pcapng", type=click.Path(dir_okay=False))
@click.option(
    "--seed", metavar="TEXT", help="Captures redacted with the same TEXT go together; keep it to yourself. Without it each is on its own."
)
@reading
def redact(source: str, target: str, seed: str | None, **options: Any) -> int:
    """Write the capture without its secrets, and prove that its verdict is the same.

    Signatures, tokens, credentials, cookies, account ids, names of tables, attributes and hosts, and all data are replaced, lengths kept.
    Addresses are mapped so that networks stay networks; link-local and credential endpoints stay. Encrypted records stay as they are;
    certificates, tickets and what is not provably TLS become zeros, secrets of key logs are left out. Then both captures are analysed and
    compared, and the new one is searched for everything that was replaced.

    Exit status 2 where anything is doubtful: it says what. A file in which a secret was found is removed.
    """
    from analyzer.capture.output import checked_target
    from analyzer.cli.options import told_as_pcapng, warn
    from analyzer.redacting.sharing import share

    refuse_batches([source], "redact", "analyzer redact {capture} OUT.pcapng")
    checked_target(source, target)
    told_as_pcapng(target)
    done = share(source, target, services=options["services"], keys=options["keys"], seed=seed)
    for doubt in done.doubts:
        warn(doubt)
    redacted, proof = done.redacted, done.proof
    zeros = [f"{what} ({count(packets)})" for what, packets in redacted.unread.items()]
    if zeros:
        click.echo(f"analyzer: zeros stand for what is not understood: {', '.join(zeros[:8])}", err=True)
    if redacted.secrets:
        click.echo("analyzer: the TLS secrets that the capture held were left out", err=True)
    if options["keys"] is not None or redacted.secrets:
        click.echo("analyzer: encrypted records stay as they are: whoever has its keys can read it, so do not send them along", err=True)
    if done.doubts:
        what = f"{target} was removed again" if proof.found else f"{target} was written; look at it before you share it"
        click.echo(f"analyzer: doubtful: {what}", err=True)
        return 2
    click.echo(
        f"{target}: {count(redacted.packets)} packets; the same calls, ledger and findings as {source}; "
        f"none of {count(proof.searched)} words that were replaced is in it",
        err=True,
    )
    return 0
