"""`analyzer lookups`."""

from analyzer.cli.tables import table_command

lookups = table_command("lookups", "Print every DNS lookup, its tries and answers, and the connections that used it.")
