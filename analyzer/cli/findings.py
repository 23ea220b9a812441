"""`analyzer findings`."""

from analyzer.cli.tables import table_command

findings = table_command("findings", "Print what was diagnosed, dearest first, with cost, proof and fix; with --columns as a table.")
