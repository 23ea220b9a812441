"""Finds the verb, and turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from analyzer.cli.ending import INTERRUPTED, ends_politely, from_now_at_once
from analyzer.cli.streams import fill_closed_streams, never_fail_to_encode, pipe_closed
from analyzer.errors import AnalyzerError

VERBS = {
    "report": "What a capture holds, what it says, and where the time went.",
    "explain": "Where the time of one call went, line by line.",
    "compare": "What got faster or slower between two captures, and why.",
    "whatif": "What would be gained with a cause removed: the calls replayed.",
    "calls": "Every call of an AWS service and every dialogue with a credential endpoint.",
    "exchanges": "Every HTTP request with its answer and the parts of its time.",
    "connections": "Every TCP connection, with Wireshark's counts.",
    "pool": "Connections as pools: how many were open, busy and needed, who closes idle ones.",
    "handshakes": "Every TLS handshake: version, resumption, round trips, who took how long.",
    "lookups": "Every DNS lookup and the connections that used it.",
    "findings": "What was diagnosed, with cost, proof and fix.",
    "anomalies": "What the capture lacks and where peers broke rules.",
    "batch": "Captures by the hundred, of many hosts, into one folder of tables.",
    "export": "The answer for other viewers: HAR, OpenTelemetry, Perfetto, Parquet.",
    "annotate": "The capture with comments, for Wireshark: calls, phases, findings.",
    "redact": "A capture that can be shared: nothing secret in it, the same verdict.",
    "verify": "Our numbers beside Wireshark's, and why they differ.",
    "watch": "Calls as they happen, from an interface.",
    "rules": "The diagnoses that the tool can make.",
}
"""Verbs and what `--help` says of each: their modules are imported only when called, so that the help is quick."""
FORMS = frozenset({"html", "markdown", "json", "jsonl", "csv", "parquet", "table", "text"})
"""Formats that somebody may take for options."""


class Verbs(click.Group):
    """Loads verbs lazily; a first argument that is no verb is a capture to report on."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(f"analyzer.cli.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `report` before a first argument that is neither a verb nor an option of ours."""
        if args and args[0] not in VERBS and args[0] not in ("--help", "-h", "--version"):
            meant = get_close_matches(args[0], VERBS, n=1)
            if meant and not Path(args[0]).exists():
                raise click.UsageError(f"there is no verb {args[0]!r}, nor a file of that name. Did you mean {meant[0]!r}?", ctx)
            args = ["report", *args]
        return super().parse_args(ctx, args)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from analyzer.report.document import analyzer_version

        click.echo(f"analyzer {analyzer_version()}")
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, subcommand_metavar="[VERB] CAPTURE...")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit.")
def cli() -> None:
    """Say where every millisecond of AWS SDK calls went, from packet captures.

    CAPTURE is a pcap or pcapng file, plain or gzip, zstd or lz4; `-` is standard input. Without a verb, `analyzer CAPTURE` is
    `analyzer report CAPTURE`.

    Exit status: 0 answered, 1 wrong usage, 2 no answer, 3 answered and --fail-on was met.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 answered, 1 wrong usage, 2 no answer, 3 answered and --fail-on was met."""
    never_fail_to_encode()
    try:
        status = cli.main(None if args is None else list(args), prog_name="analyzer", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and error.option_name.lstrip("-") in FORMS:
            error = click.NoSuchOption(error.option_name, possibilities=[f"--format {error.option_name.lstrip('-')}"], ctx=error.ctx)
        error.show()
        return 1
    except AnalyzerError as error:
        from analyzer.report.text import plain

        click.echo(f"analyzer: {plain(str(error))}", err=True)
        if error.hint:
            click.echo(f"hint: {plain(error.hint)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        pipe_closed()
        return 0
    except OSError as error:
        from analyzer.report.text import plain

        named = f"{error.filename}: " if isinstance(error.filename, str) else ""
        click.echo(f"analyzer: {plain(named)}{error.strerror or type(error).__name__}", err=True)
        return 2


def run() -> NoReturn:
    """Be the `analyzer` command.

    Ends without taking a million rows apart first, which the system does at once and Python in seconds: nothing is left to be written.
    A mistake of the program's own is exit status 2 and one line that names its place, without the text of the error, which may quote a
    capture; with ANALYZER_DEBUG set it is a traceback.

    Without garbage collection, which would look through a million rows again and again: a command answers once and ends. Whoever goes on
    for hours or from capture to capture turns it on again.
    """
    gc.disable()
    fill_closed_streams()
    ends_politely()
    try:
        status = main()
    except KeyboardInterrupt:  # before or after the verb; in the verb click makes an Abort of it
        click.echo("interrupted", err=True)
        status = INTERRUPTED
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 2
    except Exception as error:
        if os.environ.get("ANALYZER_DEBUG"):
            raise
        click.echo(f"analyzer: internal error: {type(error).__name__} at {_place(error)}; there is no answer", err=True)
        click.echo("hint: this is a bug of the analyzer; ANALYZER_DEBUG=1 shows the traceback for a report", err=True)
        status = 2
    from_now_at_once()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _place(error: BaseException) -> str:
    """Return file and line where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{'/'.join(Path(trace.tb_frame.f_code.co_filename).parts[-2:])}:{trace.tb_lineno}"
