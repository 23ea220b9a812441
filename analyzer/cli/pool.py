"""`analyzer pool`."""

from analyzer.cli.tables import table_command

pool = table_command("pool", "Print what each client kept open towards each endpoint: connections open, busy, idle, who closed them.")
