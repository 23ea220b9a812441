"""`analyzer exchanges`."""

from analyzer.cli.tables import table_command

exchanges = table_command("exchanges", "Print every HTTP request with its answer, its packets and the parts of its time.")
